/*
 * Host names to addresses through c-ares, the way this host's software would do it, except that
 * the servers are named and the uplink is fixed.
 *
 * Promises: one callback per lookup, from the loop, never from inside names_lookup(). What each
 * resolver says byte by byte is measured by the dns probes, not here.
 */
#ifndef SALLYPORT_NAMES_H
#define SALLYPORT_NAMES_H

#include <stddef.h>
#include <stdint.h>

#include "sallyport/addr.h"
#include "sallyport/loop.h"

struct names;
struct names_lookup;

enum { NAMES_MAX_ADDRS = 8 };

struct names_result {
	int status;         /* 0, or a negative code: SP_E_MISSING (no such name), -ETIMEDOUT ... */
	const char *reason; /* short word: ok, nxdomain, nodata, servfail, refused, timeout ... */
	struct addr addrs[NAMES_MAX_ADDRS];
	size_t n_addrs;
};
typedef void names_fn(void *ctx, const struct names_result *r);

/* servers: asked in this order, UDP first. ifname may be NULL. */
int names_new(struct loop *l, const struct addr *servers, size_t n_servers, const char *ifname,
	      struct names **out);
/* family 4 or 6. A literal address is answered as itself. */
int names_lookup(struct names *n, const char *name, uint8_t family, names_fn *fn, void *ctx,
		 struct names_lookup **out);
/* Queries sent so far, over UDP, and their IP bytes. */
void names_sent(const struct names *n, uint32_t *packets, uint32_t *bytes);
void names_cancel(struct names_lookup *l);
void names_free(struct names *n);

#endif
