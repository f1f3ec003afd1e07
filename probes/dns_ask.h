/*
 * One question to one DNS server as the DNS probes share it: over UDP on a socket of our own, as a
 * small device asks, so that no library hides anything; over TCP beside it when UDP stays silent.
 *
 * Promises: every try leaves its observation; fn is called from the loop only and may open further
 * questions or finish the probe; after dns_ask_close() nothing is called and nothing is held.
 */
#ifndef SALLYPORT_DNS_ASK_H
#define SALLYPORT_DNS_ASK_H

#include "core/dnsq.h"
#include "sallyport/probe.h"

enum dns_ask_event {
	DNS_ASK_REPLY,   /* the first valid answer over UDP: a->reply.m */
	DNS_ASK_TROUBLE, /* once: two tries are silent, or something came that is no answer */
	DNS_ASK_OVER,    /* last call */
};

struct dns_ask;
typedef void dns_ask_fn(void *ctx, struct dns_ask *a, enum dns_ask_event ev);

struct dns_ask_what {
	const char *check, *target; /* the check it is observed under */
	const char *role;           /* NULL: the target itself */
	const char *name;
	uint16_t qtype;
	struct addr server;
	unsigned limit;             /* UDP tries at most; 0: the whole schedule */
	unsigned tcp_limit;         /* TCP tries at most */
	bool tcp_at_once;           /* the first TCP try does not wait for silence */
};

struct dns_ask {
	struct probe *probe;
	struct dns_ask_what what;
	dns_ask_fn *fn;
	void *ctx;
	struct endpoint peer;
	const char *server; /* the address as text */
	struct dnsq q;
	struct dnsq_reply reply;
	struct sock *udp, *tcp;
	struct loop_timer *timer, *tcp_timer;
	uint64_t tcp_sent_ns, answered_ns;
	uint32_t query_bytes; /* IP bytes of a UDP try */
	uint8_t *stream; /* of the TCP answer; in the run's arena */
	size_t stream_n;
	unsigned tcp_sent;
	bool troubled, over;
};

/* 0, or negative: the server cannot be asked from the uplink (nothing is held then). */
int dns_ask_open(struct dns_ask *a, struct probe *p, const struct dns_ask_what *what, dns_ask_fn *fn,
		 void *ctx);
/* Forecast of one question: UDP tries to a server, and TCP exchanges with it. */
void dns_ask_forecast(struct forecast *f, const char *server, const char *why, const char *when,
		      uint32_t udp, uint32_t tcp);
/* Nobody waits any longer: tries under way are noted as silent; no call follows. */
void dns_ask_end(struct dns_ask *a);
void dns_ask_close(struct dns_ask *a);

#endif
