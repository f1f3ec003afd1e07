/*
 * Which stepped-TTL packet goes out when, and when its wait is over: the sweep of a clean run, and
 * the walks (suspect and control side by side) of the hop differential. Pure: time comes in.
 *
 * Promises: no two packets of one TTL, whatever walk they belong to, are less than HOPS_PACE_NS
 * apart, because routers send about one Time Exceeded per second (faults.md, proof rule 8); the
 * order of suspect and control swaps each round and ends with a control; walks are served in the
 * order they were added; nothing is planned that would end after the deadline.
 */
#ifndef SALLYPORT_CORE_HOPS_H
#define SALLYPORT_CORE_HOPS_H

#include <stdbool.h>
#include <stdint.h>

enum {
	HOPS_MAX_TTL = 12,
	HOPS_FIRST_TTL = 6,  /* a walk starts with this many and follows the answers */
	HOPS_SWEEP_TTL = 8,
	HOPS_ROUNDS = 3,
	HOPS_MAX_WALKS = 4,  /* the sweep and three suspects */
	HOPS_MAX_OPEN = 16,  /* above one per TTL: the next leaves after the wait of the last is over */
};
#define HOPS_PACE_NS UINT64_C(1010000000)
#define HOPS_WAIT_NS UINT64_C(900000000) /* below TCP's first retransmission at 1 s */
/* The sweep ends this long after its last packet or answer; with eight packets 20 ms apart it stays
 * below 500 ms. */
#define HOPS_SWEEP_QUIET_NS UINT64_C(340000000)
#define HOPS_SWEEP_MUTE_NS UINT64_C(1000000000) /* and after this when nothing answered */

enum hops_kind { HOPS_SWEEP, HOPS_DIFFERENTIAL, HOPS_POSITIVE };

enum hops_reply {
	HOPS_SILENT,
	HOPS_TIME_EXCEEDED,
	HOPS_TARGET, /* the target answered, or something in its name: no need to step further */
	HOPS_OTHER,  /* another ICMP error from a box on the way */
	HOPS_UNSENT, /* never left */
};

struct hops_step { /* one packet */
	bool open, sent;
	unsigned walk, ttl, round; /* round from 1 */
	uint32_t order;            /* in the sequence of packets to this TTL, from 1 */
	bool control;
	uint64_t sent_ns;
};

struct hops_walk {
	enum hops_kind kind;
	unsigned rounds, last; /* packets per TTL: 2 * rounds, 1 for the sweep; last TTL so far */
	unsigned heard;        /* highest TTL that drew any reply */
	unsigned end[2];       /* lowest TTL at which the target answered: suspect, control; 0: none */
	unsigned next[HOPS_MAX_TTL + 1]; /* per TTL: packets taken so far */
	unsigned n_open;
	bool answered;
	uint64_t last_sent_ns, last_answer_ns;
};

struct hops {
	uint64_t deadline_ns;
	struct hops_walk walks[HOPS_MAX_WALKS];
	unsigned n_walks, seen; /* seen: highest TTL with Time Exceeded in any walk */
	uint64_t free_ns[HOPS_MAX_TTL + 1]; /* per TTL: the next packet may leave from then on */
	uint32_t order[HOPS_MAX_TTL + 1];
	struct hops_step steps[HOPS_MAX_OPEN];
};

/* All waits are over by deadline_ns. */
void hops_init(struct hops *h, uint64_t deadline_ns);
/* Adds a walk with as many rounds as the time left allows. Its index, or -1 when there is no room
 * or no time for one round. */
int hops_add(struct hops *h, enum hops_kind kind, uint64_t now_ns);
/* Takes the next packet that may leave now: an index into steps, or -1. The caller says when it
 * has left (hops_sent) or that it could not (hops_reply HOPS_UNSENT). */
int hops_take(struct hops *h, uint64_t now_ns);
void hops_sent(struct hops *h, int step, uint64_t now_ns);
/* Closes a step. */
void hops_answer(struct hops *h, int step, enum hops_reply reply, uint64_t now_ns);
/* A sent step whose wait is over, or -1; close it with HOPS_SILENT. */
int hops_expired(const struct hops *h, uint64_t now_ns);
/* When to call take or expired again; UINT64_MAX when there is nothing to do. */
uint64_t hops_wake(const struct hops *h, uint64_t now_ns);
/* Nothing open, and nothing left to send (in time). */
bool hops_idle(const struct hops *h, uint64_t now_ns);

#endif
