/*
 * What answers on a TCP port whose genuine server sends a nonce of known length and then waits.
 * Pure: bytes and time come in, one verdict comes out.
 *
 * Promises: exactly `expected` bytes that are no known text or TLS, followed by silence, are the
 * nonce; nothing weaker is. Bounded memory whatever the peer sends.
 */
#ifndef SALLYPORT_CORE_GREETING_H
#define SALLYPORT_CORE_GREETING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { GREETING_HEAD = 64 };

enum greeting_verdict {
	GREETING_PENDING,
	GREETING_NONCE,  /* the expected bytes, then silence */
	GREETING_TEXT,   /* text of some other protocol */
	GREETING_TLS,    /* a TLS record */
	GREETING_HTTP,   /* HTTP */
	GREETING_SHORT,  /* fewer bytes than expected */
	GREETING_LONG,   /* more bytes than expected */
	GREETING_CLOSED, /* closed before any byte, or right after the nonce */
	GREETING_SILENT, /* nothing came */
	GREETING_COUNT
};
extern const char *const greeting_names[GREETING_COUNT]; /* NULL for pending */

struct greeting {
	size_t expected, n; /* n: bytes received */
	uint64_t opened_ns, last_ns, end_ns;
	uint8_t head[GREETING_HEAD]; /* the first bytes, at most n */
};

/* Waits until end_ns at most; opened_ns is when the connection opened. */
void greeting_init(struct greeting *g, size_t expected, uint64_t opened_ns, uint64_t end_ns);
enum greeting_verdict greeting_data(struct greeting *g, const uint8_t *p, size_t n,
				    uint64_t now_ns);
enum greeting_verdict greeting_closed(const struct greeting *g);
/* At greeting_deadline(), or later. */
enum greeting_verdict greeting_tick(const struct greeting *g, uint64_t now_ns);
uint64_t greeting_deadline(const struct greeting *g);

#endif
