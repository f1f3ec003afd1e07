/*
 * Opening a TCP connection the way all TCP probes do it: name to addresses, tries by the schedule
 * of core/retry.h, each SYN on a socket of its own and each told as an observation with phase
 * "connect"; the first that opens is handed on.
 *
 * Promises: one call with DIAL_OPEN or DIAL_FAILED, never from inside dial_name() or dial_addr();
 * after DIAL_OPEN the events of that socket; nothing after dial_cancel().
 */
#ifndef SALLYPORT_PROBES_DIAL_H
#define SALLYPORT_PROBES_DIAL_H

#include "core/retry.h"
#include "probes.h"

enum dial_news { DIAL_OPEN, DIAL_FAILED, DIAL_EVENT };
typedef void dial_fn(void *ctx, enum dial_news news, const struct sock_event *ev);

enum {
	SYN_BYTES = 60, /* IPv4 and TCP headers with the options Linux sends */
	ACK_BYTES = 52, /* with timestamps; a FIN is as long */
	DIAL_BARE_PACKETS = 3, /* behind the SYN of a connection that is closed at once: ACK, FIN, ACK */
	/* Linux sends a SYN again after 1, 3 and 7 s (RFC 6298), since 6.5 after 1, 2, 3, 4, 5 and
	 * 7 s. The first of several tries stays open to the end, so that a very slow answer is still
	 * seen; the others are closed when they count as silent. */
	DIAL_FIRST_SYNS = 7,
	DIAL_LATER_SYNS = 2,
	/* SYNs at most of a whole schedule, and of one try alone (dial_addr() with 1) */
	DIAL_PACKETS = DIAL_FIRST_SYNS + (RETRY_TRIES - 1) * DIAL_LATER_SYNS,
	DIAL_ONE_PACKETS = DIAL_LATER_SYNS,
};

struct dial_try {
	struct dial *dial;
	struct sock *sock;
	struct endpoint peer, local;
};

struct dial {
	struct probe *probe;
	const char *name; /* host name, for observations */
	const char *sni;  /* A_SNI of the observations, NULL for none */
	const char *role; /* A_ROLE; NULL: target */
	uint16_t port;
	uint32_t before; /* attempts made by earlier dials of the same check */
	dial_fn *fn;
	void *ctx;
	struct retry retry;
	struct dial_try tries[RETRY_TRIES];
	struct addr addrs[NAMES_MAX_ADDRS];
	size_t n_addrs;
	struct loop_timer *timer;
	unsigned limit; /* tries at most */
	bool bare;      /* whoever dials closes at once: the connection counts as that alone */
	unsigned open;  /* the try that is connected, from 1 */
	uint64_t opened_ns;
	bool suspected;
};

/* Fill probe, name, sni, port, before, fn and ctx first; the rest is zero. */
void dial_name(struct dial *d);
/* One address, at most `tries` tries. */
void dial_addr(struct dial *d, const struct addr *a, unsigned tries);
void dial_cancel(struct dial *d);

/* Of the open connection. */
struct sock *dial_sock(struct dial *d);
const struct endpoint *dial_peer(const struct dial *d);
/* Gives its descriptor away; no more events follow. */
int dial_take_fd(struct dial *d);
uint32_t dial_attempts(const struct dial *d); /* made so far, `before` included */

/* An observation about the open connection: flow, name, role, phase, SNI, and waited_ms since it
 * opened. */
void dial_describe(struct dial *d, struct observation *o, const char *phase, enum outcome outcome,
		   uint64_t at_ns);

#endif
