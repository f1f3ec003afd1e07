/*
 * What resolvers outside this site say about a name: the control of a suspicious answer. Asked
 * under the check dns.name with role "control", of the profile's control_resolvers, three tries.
 *
 * Promises: nothing is sent before dns_control_start(); a second start does nothing; fn is called
 * once, from the loop, when every control resolver has answered or stayed silent.
 */
#ifndef SALLYPORT_DNS_CONTROL_H
#define SALLYPORT_DNS_CONTROL_H

#include "dns_ask.h"

enum { DNS_CONTROL_MAX = 2, DNS_CONTROL_ADDRS = 8 };

struct dns_control;
typedef void dns_control_fn(void *ctx, struct dns_control *c);

struct dns_control {
	struct dns_ask asks[DNS_CONTROL_MAX];
	size_t n;
	bool started, over;
	struct addr addrs[DNS_CONTROL_ADDRS]; /* public addresses that they gave */
	size_t n_addrs;
	dns_control_fn *fn; /* may be NULL */
	void *ctx;
};

/* family: 4 or 6. */
void dns_control_start(struct dns_control *c, struct probe *p, const char *name, uint8_t family,
		       dns_control_fn *fn, void *ctx);
void dns_control_forecast(struct forecast *f); /* of one call of the above */
bool dns_control_under_way(const struct dns_control *c);
bool dns_control_has(const struct dns_control *c, const struct addr *a);
void dns_control_close(struct dns_control *c);

#endif
