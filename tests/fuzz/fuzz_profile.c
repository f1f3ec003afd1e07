/* Profiles as anybody could write them: an accepted one is written and read again to the same
 * text, a refused one says where. */
#include <stdlib.h>
#include <string.h>

#include "sallyport/profile.h"

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n);

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	struct arena *a = arena_new();
	const struct profile *first, *again;
	struct sp_error err = {0};
	if (profile_parse(a, "fuzz", (const char *)p, n, &first, &err)) {
		if (!err.text[0])
			abort();
	} else {
		const char *text = profile_format(a, first);
		for (const char *c = text; *c; c++)
			if ((*c < 0x20 && *c != '\n') || *c == 0x7f)
				abort();
		if (profile_parse(a, "again", text, strlen(text), &again, &err) ||
		    strcmp(text, profile_format(a, again)) != 0)
			abort();
	}
	arena_free(a);
	return 0;
}
