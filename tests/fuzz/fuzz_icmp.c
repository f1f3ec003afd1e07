/* ICMP errors of both families: slices must lie inside the input, ports only where they are said. */
#include <stdint.h>
#include <stdlib.h>

#include "sallyport/wire/icmp.h"

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n);

static void inside(const uint8_t *p, size_t n, struct bytes s)
{
	if (s.n && (s.p < p || s.n > n || (size_t)(s.p - p) > n - s.n))
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	int (*const parsers[])(const uint8_t *, size_t, struct icmp_error *) = { icmp4_parse, icmp6_parse };
	for (unsigned i = 0; i < 2; i++) {
		struct icmp_error e;
		if (parsers[i](p, n, &e) != 0)
			continue;
		inside(p, n, e.transport);
		inside(p, n, e.payload);
		if (!e.has_ports && (e.src.port || e.dst.port || e.payload.n))
			abort();
		if (e.src.addr.family != (i ? 6 : 4))
			abort();
	}
	return 0;
}
