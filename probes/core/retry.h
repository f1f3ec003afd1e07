/*
 * When a check sends its tries and when each of them counts as unanswered. Pure: time comes in.
 *
 * Promises: tries leave at 0, 0.5, 1.5, 3, 6 and 9 s (faults.md proof rule 1: at least 5 tries over
 * 8 s or more), each is reported silent once, when its answer time is over or the last wait ends,
 * and nothing is asked for after retry_stop().
 */
#ifndef SALLYPORT_CORE_RETRY_H
#define SALLYPORT_CORE_RETRY_H

#include <stdbool.h>
#include <stdint.h>

enum { RETRY_TRIES = 6, RETRY_EARLY = 3 };

struct retry {
	uint64_t start_ns, answer_ns; /* answer_ns: how long one try waits */
	uint64_t sent_ns[RETRY_TRIES];
	unsigned sent;     /* tries sent so far */
	unsigned resolved; /* bit i: try i + 1 was answered or reported */
	unsigned counted;  /* bit i: an observation has told of try i + 1's packet */
	unsigned garbage;  /* bit i: a wrong reply to try i + 1 was noted */
	unsigned limit;    /* tries allowed: RETRY_TRIES, or RETRY_EARLY once a box said no */
	bool stopped;
};

enum retry_action {
	RETRY_WAIT,   /* nothing until retry_deadline() */
	RETRY_SEND,   /* send try *attempt now (it counts as sent at now_ns) */
	RETRY_SILENT, /* try *attempt stayed unanswered */
	RETRY_OVER,   /* all tries are resolved, or stopped */
};

void retry_init(struct retry *r, uint64_t now_ns, uint64_t answer_ns);
/* Call again until it says WAIT or OVER. *attempt counts from 1. */
enum retry_action retry_step(struct retry *r, uint64_t now_ns, unsigned *attempt);
uint64_t retry_deadline(const struct retry *r); /* UINT64_MAX when over */
/* Try `attempt` is resolved otherwise (ICMP, refused by this host): only early tries still go. */
void retry_refused(struct retry *r, unsigned attempt);
void retry_stop(struct retry *r);
/* Packets that no observation has told of: of try `attempt`, or (the last word) of all tries. They
 * count as told from then on. */
unsigned retry_take(struct retry *r, unsigned attempt);
unsigned retry_take_all(struct retry *r);
/* True once for each try: an outsider can send any number of wrong replies, one is noted. */
bool retry_first_garbage(struct retry *r, unsigned attempt);
/* Nanoseconds since the given try was sent. */
uint64_t retry_age(const struct retry *r, unsigned attempt, uint64_t now_ns);
unsigned retry_unanswered(const struct retry *r); /* tries reported silent so far */

#endif
