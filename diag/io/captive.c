#include "sallyport/captive.h"

#include <jansson.h>

#include "sallyport/err.h"

int captive_parse(struct bytes body, bool *captive)
{
	json_t *j = json_loadb((const char *)body.p, body.n, 0, NULL);
	const json_t *word = json_object_get(j, "captive");
	int e = json_is_boolean(word) ? 0 : SP_E_MALFORMED;
	if (!e)
		*captive = json_is_true(word);
	json_decref(j);
	return e;
}
