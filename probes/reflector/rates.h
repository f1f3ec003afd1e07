/*
 * How much one client, and one prefix, may ask: a table of fixed size whose slots are shared by
 * whoever hashes into them under a secret key. And the window in which a repeated poke is known.
 *
 * Promises: no allocation after rates_new(), no list that grows; time is an argument. Clients that
 * share a slot share its allowance; full means no.
 */
#ifndef PROBES_REFLECTOR_RATES_H
#define PROBES_REFLECTOR_RATES_H

#include <stdbool.h>
#include <stdint.h>

#include "sallyport/addr.h"

enum rate_class { RATE_STUN, RATE_HELLO, RATE_MESSAGE, RATE_POKE, RATE_CLASS_COUNT };

struct rates;

/* per_s: allowed per second and address (IPv4 address, IPv6 /64); its /24 or /48 gets four times as
 * much. key: random. Ends the process when there is no memory. */
struct rates *rates_new(const double per_s[RATE_CLASS_COUNT], const uint8_t key[16]);
void rates_free(struct rates *r); /* NULL is allowed */
bool rates_allow(struct rates *r, enum rate_class class, const struct addr *from, uint64_t now_ns);
/* True the first time it is asked for these, and again once others took their place. */
bool rates_first_time(struct rates *r, const struct endpoint *from, uint64_t id);

/* SipHash-2-4 (Aumasson and Bernstein, 2012): a keyed hash that a sender cannot aim. */
uint64_t siphash(const uint8_t key[16], const uint8_t *p, size_t n);

#endif
