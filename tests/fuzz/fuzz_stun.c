/* STUN messages: slices lie inside the input, and what was read is written and read again alike. */
#include <stdlib.h>
#include <string.h>

#include "sallyport/wire/stun.h"

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n);

static void inside(const uint8_t *p, size_t n, struct wire_text s)
{
	if (s.n && (s.p < p || s.n > n || (size_t)(s.p - p) > n - s.n))
		abort();
}

static void same_endpoint(const struct endpoint *a, const struct endpoint *b)
{
	if (a->addr.family && !endpoint_equal(a, b))
		abort();
}

static void same_text(struct wire_text a, struct wire_text b)
{
	if (a.n != b.n || (a.n && memcmp(a.p, b.p, a.n)))
		abort();
}

static void same(const struct stun_message *a, const struct stun_message *b)
{
	if (a->class != b->class || a->method != b->method || a->classic != b->classic ||
	    memcmp(a->id, b->id, STUN_ID) || a->change_ip != b->change_ip ||
	    a->change_port != b->change_port || a->has_response_port != b->has_response_port ||
	    a->response_port != b->response_port || a->has_padding != b->has_padding ||
	    a->padding != b->padding || a->error_code != b->error_code || b->n_foreign)
		abort();
	same_endpoint(&a->mapped, &b->mapped);
	same_endpoint(&a->xor_mapped, &b->xor_mapped);
	same_endpoint(&a->response_origin, &b->response_origin);
	same_endpoint(&a->other_address, &b->other_address);
	same_endpoint(&a->source_address, &b->source_address);
	same_endpoint(&a->changed_address, &b->changed_address);
	same_text(a->reason, b->reason);
	same_text(a->software, b->software);
	for (unsigned i = 0; i < a->n_unknown && i < STUN_MAX_UNKNOWN; i++)
		if (a->unknown[i] != b->unknown[i])
			abort();
	if ((a->fingerprint != STUN_FP_NONE) != (b->fingerprint == STUN_FP_GOOD))
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	static uint8_t wire[1 << 16];
	struct stun_message m, again;
	if (stun_parse(p, n, &m))
		return 0;
	inside(p, n, m.reason);
	inside(p, n, m.software);
	size_t len = stun_build(wire, sizeof(wire), &m);
	if (!len) { /* only what grew past the length field, by a fingerprint that is now good */
		if (n < 65000)
			abort();
		return 0;
	}
	if (len > n + 16 || stun_parse(wire, len, &again)) /* a RESPONSE-PORT of four is written as two */
		abort();
	same(&m, &again);
	return 0;
}
