/*
 * A network without a network: loop.h, sock.h and names.h on virtual time, for tests of probe
 * shells and the runner. Eleven seconds of silence cost microseconds.
 *
 * Promises: deterministic for a seed; timers fire in time order; a datagram to a host that the
 * test added reaches its handler after the link's delay, one to nobody is lost.
 */
#ifndef SALLYPORT_TESTS_FAKE_NET_H
#define SALLYPORT_TESTS_FAKE_NET_H

#include "sallyport/names.h"
#include "sallyport/sock.h"

struct fake_packet { /* what a host sees */
	struct sock *sock; /* whom to answer; the answer is lost when it is closed by then */
	struct endpoint to;
	struct bytes data;
	uint64_t at_ns;
	unsigned nth; /* datagrams to this host so far, from 1 */
};
typedef void fake_host_fn(void *ctx, const struct fake_packet *in);

/* An empty network; one-way delay, jitter up to jitter_ms on top, loss per thousand each way. */
void fake_net_reset(uint64_t seed, unsigned delay_ms, unsigned jitter_ms, unsigned loss);
void fake_net_host(struct endpoint at, fake_host_fn *fn, void *ctx);
/* TCP hosts: connections are answered by a SYN-ACK, then fn sees what the client sends. */
void fake_net_tcp_host(struct endpoint at, fake_host_fn *fn, void *ctx);
/* What a lookup of the name gives; an address of no family: the lookup times out after 4 s. */
void fake_net_name(const char *name, struct addr a);
/* Sends to the client, extra_ms later than the link would. */
void fake_reply(const struct fake_packet *in, const void *p, size_t n, unsigned extra_ms);
void fake_icmp(const struct fake_packet *in, uint8_t type, uint8_t code, struct addr from);
unsigned fake_net_sent(struct endpoint to); /* datagrams and SYNs that left for it */
uint32_t fake_random(uint32_t below);

#endif
