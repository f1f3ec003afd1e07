/* What a TCP server says first, in chunks: a nonce is the expected bytes and nothing weaker, and
 * how the bytes were cut decides nothing. Two bytes of ours: expected length, length of chunks. */
#include <stdbool.h>
#include <stdlib.h>

#include "probes/core/greeting.h"

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n);

#define SECOND UINT64_C(1000000000)

static void must(bool holds)
{
	if (!holds)
		abort();
}

static enum greeting_verdict judged(size_t expected, const uint8_t *p, size_t n, size_t chunk,
				    bool closed)
{
	struct greeting g;
	enum greeting_verdict v = GREETING_PENDING;
	greeting_init(&g, expected, SECOND, 6 * SECOND);
	for (size_t at = 0; at < n && v == GREETING_PENDING; at += chunk)
		v = greeting_data(&g, p + at, n - at < chunk ? n - at : chunk, 2 * SECOND);
	must(greeting_deadline(&g) <= 6 * SECOND);
	if (v == GREETING_PENDING)
		v = closed ? greeting_closed(&g) : greeting_tick(&g, greeting_deadline(&g));
	must(v != GREETING_PENDING && v < GREETING_COUNT && greeting_names[v]);
	return v;
}

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	if (n < 2)
		return 0;
	size_t expected = 1 + p[0] % 64, chunk = 1 + p[1] % 32;
	p += 2, n -= 2;
	enum greeting_verdict whole = judged(expected, p, n, n ? n : 1, false);
	enum greeting_verdict cut = judged(expected, p, n, chunk, false);
	must((whole == GREETING_NONCE) <= (n == expected));
	must((whole == GREETING_SILENT) == (n == 0));
	/* a chunk that is too long by itself may be called so before its text is complete */
	must(whole == cut || n > expected);
	must(judged(expected, p, n, chunk, true) != GREETING_NONCE);
	return 0;
}
