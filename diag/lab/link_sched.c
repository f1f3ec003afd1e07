/* A binary heap by due time, and a small seeded generator. */
#include "diag/lab/link_sched.h"

#include <stdlib.h>
#include <string.h>

#include "sallyport/arena.h"
#include "sallyport/clock.h"

void link_sched_init(struct link_sched *s, const struct lab_knobs *k, uint64_t seed)
{
	*s = (struct link_sched){
		.delay_ns = (uint64_t)(k->delay_ms * (double)NS_PER_MS),
		.jitter_ns = (uint64_t)(k->jitter_ms * (double)NS_PER_MS),
		.loss = k->loss,
		.reorder = k->reorder,
		.random = seed,
	};
}

/* SplitMix64 (Steele, Lea, Flood 2014), as a fraction of 1. */
static double next_fraction(struct link_sched *s)
{
	uint64_t z = s->random += UINT64_C(0x9e3779b97f4a7c15);
	z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
	return (double)((z ^ (z >> 31)) >> 11) * 0x1p-53;
}

static bool before(const struct link_frame *a, const struct link_frame *b)
{
	return a->due_ns != b->due_ns ? a->due_ns < b->due_ns : a->order < b->order;
}

static void heap_insert(struct link_sched *s, struct link_frame *f)
{
	size_t i = s->n++;
	for (; i && before(f, s->heap[(i - 1) / 2]); i = (i - 1) / 2)
		s->heap[i] = s->heap[(i - 1) / 2];
	s->heap[i] = f;
}

static struct link_frame *heap_remove(struct link_sched *s)
{
	struct link_frame *top = s->heap[0], *moved = s->heap[--s->n];
	size_t i = 0;
	for (size_t child; (child = 2 * i + 1) < s->n; i = child) {
		if (child + 1 < s->n && before(s->heap[child + 1], s->heap[child]))
			child++;
		if (!before(s->heap[child], moved))
			break;
		s->heap[i] = s->heap[child];
	}
	s->heap[i] = moved;
	return top;
}

static uint64_t due_time(struct link_sched *s, uint64_t now_ns, unsigned to)
{
	/* All three are drawn for each frame, so that one knob does not shift another's luck. */
	double jitter = (2 * next_fraction(s) - 1) * (double)s->jitter_ns, turn = next_fraction(s);
	if (turn < s->reorder) {
		s->reordered++;
		return now_ns; /* overtakes those that wait */
	}
	double wait = (double)s->delay_ns + jitter;
	uint64_t due = now_ns + (wait > 0 ? (uint64_t)wait : 0);
	if (due < s->last_due_ns[to])
		due = s->last_due_ns[to];
	s->last_due_ns[to] = due;
	return due;
}

void link_sched_push(struct link_sched *s, uint64_t now_ns, unsigned to, const void *p, size_t n)
{
	bool lost = next_fraction(s) < s->loss;
	uint64_t due = due_time(s, now_ns, to);
	if (lost || n > LINK_FRAME_MAX) {
		s->lost++;
		return;
	}
	if (s->n == LINK_QUEUE_MAX) {
		s->overflowed++;
		return;
	}
	struct link_frame *f = xcalloc(1, sizeof(*f));
	f->due_ns = due;
	f->order = s->order++;
	f->to = to;
	f->n = n;
	memcpy(f->bytes, p, n);
	heap_insert(s, f);
}

uint64_t link_sched_next_ns(const struct link_sched *s)
{
	return s->n ? s->heap[0]->due_ns : UINT64_MAX;
}

struct link_frame *link_sched_pop(struct link_sched *s, uint64_t now_ns)
{
	return link_sched_next_ns(s) <= now_ns ? heap_remove(s) : NULL;
}

void link_sched_clear(struct link_sched *s)
{
	while (s->n)
		free(heap_remove(s));
}
