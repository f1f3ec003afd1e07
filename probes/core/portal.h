/*
 * Is the page behind this URL the one its operator serves? Pure: bytes come in, one verdict comes
 * out. A captive portal shows as another status or another body (faults.md P1, proof rule 6).
 *
 * Promises: keeps at most PORTAL_MAX bytes of the response; redirects are told, never followed.
 */
#ifndef SALLYPORT_CORE_PORTAL_H
#define SALLYPORT_CORE_PORTAL_H

#include <stddef.h>
#include <stdint.h>

#include "sallyport/wire/http.h"

enum { PORTAL_MAX = 4096 };

enum portal_verdict {
	PORTAL_PENDING,
	PORTAL_EXPECTED, /* status and body are the operator's */
	PORTAL_OTHER,    /* an HTTP answer, but another one */
	PORTAL_GARBLED,  /* not HTTP, or an answer that breaks off */
	PORTAL_CLOSED,   /* closed without a byte */
};

struct portal {
	unsigned expect_status;
	const char *expect_body; /* the body begins with it (spaces apart), or NULL */
	size_t n;
	uint8_t buf[PORTAL_MAX];
	struct http_response response; /* slices into buf; valid with EXPECTED and OTHER */
};

void portal_init(struct portal *s, unsigned expect_status, const char *expect_body);
enum portal_verdict portal_data(struct portal *s, const uint8_t *p, size_t n);
/* The peer has closed (or time is over): judge what there is. */
enum portal_verdict portal_end(struct portal *s);

#endif
