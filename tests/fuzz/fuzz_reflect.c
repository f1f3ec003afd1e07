/* The reflector's messages: what was read is written again bit by bit, up to padding and what is
 * reserved; and no bytes make a token or handle good. */
#include <stdlib.h>
#include <string.h>

#include "sallyport/wire/reflect.h"

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n);

static void no_good_seal(const struct reflect_message *m)
{
	static const struct reflect_keys keys = { .epoch = 1, .generation = 1, .key = { { 1 }, { 2 } } };
	struct reflect_binding b = { .client.addr = addr_v4(192, 0, 2, 1),
				     .server.addr = addr_v4(192, 0, 2, 2) };
	if (reflect_token_check(&keys, &m->token, REFLECT_HANDLE_S, &b) == REFLECT_DONE ||
	    reflect_handle_check(&keys, &m->handle, REFLECT_HANDLE_S, &b) == REFLECT_DONE)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	struct reflect_message m, again;
	uint8_t wire[REFLECT_MAX], twice[REFLECT_MAX];
	int length = reflect_frame(p, n);
	if (reflect_parse(p, n, &m)) {
		if (length > 0 && (size_t)length == n && p[1] % 16 == REFLECT_HELLO)
			abort(); /* nothing in a HELLO can be malformed */
		return 0;
	}
	if ((size_t)length != n || n > REFLECT_MAX)
		abort();
	for (uint8_t family = 4; family <= 6; family += 2) {
		size_t len = reflect_build(wire, sizeof(wire), family, &m);
		if (!len || reflect_parse(wire, len, &again))
			abort();
		if (reflect_build(twice, sizeof(twice), family, &again) != len || memcmp(wire, twice, len))
			abort();
	}
	no_good_seal(&m);
	(void)reflect_code_name(m.code);
	return 0;
}
