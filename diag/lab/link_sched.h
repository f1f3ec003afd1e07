/*
 * The user-space link's schedule: which frame leaves when, to which end.
 *
 * Promises: pure (time comes in, no sockets, no clock), the same seed and the same frames give the
 * same result, at most LINK_QUEUE_MAX frames wait (more are dropped, as in a full router queue).
 * Frames of one direction keep their order except where reordering is asked for.
 */
#ifndef SALLYPORT_LAB_LINK_SCHED_H
#define SALLYPORT_LAB_LINK_SCHED_H

#include <stddef.h>
#include <stdint.h>

#include "sallyport/lab.h"

enum {
	LINK_FRAME_MAX = 1518, /* Ethernet with one VLAN tag */
	LINK_QUEUE_MAX = 1024, /* frames, both directions */
};

struct link_frame {
	uint64_t due_ns, order;
	unsigned to; /* 0 or 1: the end it leaves by */
	size_t n;
	uint8_t bytes[LINK_FRAME_MAX];
};

struct link_sched {
	uint64_t delay_ns, jitter_ns;
	double loss, reorder;
	uint64_t random, order;
	uint64_t last_due_ns[2];
	struct link_frame *heap[LINK_QUEUE_MAX]; /* earliest first */
	size_t n;
	uint64_t lost, overflowed, reordered; /* counts */
};

void link_sched_init(struct link_sched *s, const struct lab_knobs *k, uint64_t seed);
/* Takes a copy of a frame that is to leave by end `to`. Longer ones than LINK_FRAME_MAX are lost. */
void link_sched_push(struct link_sched *s, uint64_t now_ns, unsigned to, const void *p, size_t n);
/* When the next frame is due; UINT64_MAX when none waits. */
uint64_t link_sched_next_ns(const struct link_sched *s);
/* The next frame that is due, for the caller to free(); NULL when none is. */
struct link_frame *link_sched_pop(struct link_sched *s, uint64_t now_ns);
void link_sched_clear(struct link_sched *s);

#endif
