#include "greeting.h"

#include <string.h>

#include "sallyport/wire/tls.h"

/* After the expected bytes nothing more may come for this long; longer servers send at once. */
#define QUIET_NS UINT64_C(300000000)

const char *const greeting_names[GREETING_COUNT] = {
	[GREETING_NONCE] = "nonce",   [GREETING_TEXT] = "text",     [GREETING_TLS] = "tls",
	[GREETING_HTTP] = "http",     [GREETING_SHORT] = "short",   [GREETING_LONG] = "long",
	[GREETING_CLOSED] = "closed", [GREETING_SILENT] = "silent",
};

void greeting_init(struct greeting *g, size_t expected, uint64_t opened_ns, uint64_t end_ns)
{
	*g = (struct greeting){.expected = expected, .opened_ns = opened_ns, .end_ns = end_ns};
}

static enum tls_sniff sniff(const struct greeting *g)
{
	return tls_sniff(g->head, g->n < GREETING_HEAD ? g->n : GREETING_HEAD);
}

/* What all the bytes received are. A random nonce is printable throughout with a chance of 1e-17.
 */
static enum greeting_verdict classify(const struct greeting *g)
{
	static const enum greeting_verdict known[] = {
		[SNIFF_TLS] = GREETING_TLS,
		[SNIFF_HTTP] = GREETING_HTTP,
		[SNIFF_TEXT] = GREETING_TEXT,
		[SNIFF_BINARY] = GREETING_PENDING,
	};
	if (!g->n)
		return GREETING_SILENT;
	enum greeting_verdict v = known[sniff(g)];
	if (v != GREETING_PENDING)
		return v;
	return g->n < g->expected   ? GREETING_SHORT
	       : g->n > g->expected ? GREETING_LONG
				    : GREETING_NONCE;
}

enum greeting_verdict greeting_data(struct greeting *g, const uint8_t *p, size_t n, uint64_t now_ns)
{
	size_t room = g->n < GREETING_HEAD ? GREETING_HEAD - g->n : 0;
	if (n)
		memcpy(g->head + GREETING_HEAD - room, p, n < room ? n : room);
	g->n += n;
	g->last_ns = now_ns;
	enum tls_sniff s = sniff(g);
	bool sure = s == SNIFF_TLS || s == SNIFF_HTTP || g->n > g->expected;
	return sure ? classify(g) : GREETING_PENDING;
}

/* A genuine server waits for half a minute after its nonce: whoever closes then is another. */
enum greeting_verdict greeting_closed(const struct greeting *g)
{
	enum greeting_verdict v = classify(g);
	return v == GREETING_NONCE || v == GREETING_SILENT ? GREETING_CLOSED : v;
}

uint64_t greeting_deadline(const struct greeting *g)
{
	uint64_t quiet = g->last_ns + QUIET_NS;
	return g->n == g->expected && quiet < g->end_ns ? quiet : g->end_ns;
}

enum greeting_verdict greeting_tick(const struct greeting *g, uint64_t now_ns)
{
	return now_ns >= greeting_deadline(g) ? classify(g) : GREETING_PENDING;
}
