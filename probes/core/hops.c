#include "hops.h"

#include <string.h>

enum { BEYOND_TE = 2, BEYOND_HEARD = 1 }; /* TTLs to try past a hop that answered: one may be mute */

void hops_init(struct hops *h, uint64_t deadline_ns)
{
	memset(h, 0, sizeof(*h));
	h->deadline_ns = deadline_ns;
}

static unsigned packets_per_ttl(const struct hops_walk *w)
{
	return w->kind == HOPS_SWEEP ? 1 : 2 * w->rounds;
}

static unsigned lower(unsigned a, unsigned b)
{
	return a < b ? a : b;
}

static unsigned higher(unsigned a, unsigned b)
{
	return a > b ? a : b;
}

/* Is packet number `at` of this walk and TTL a control? The last round asks suspect, control; the
 * one before control, suspect; and so on. */
static bool is_control(const struct hops_walk *w, unsigned at)
{
	bool suspect_first = (w->rounds - (at / 2 + 1)) % 2 == 0;
	return w->kind != HOPS_SWEEP && (at % 2 == 0) != suspect_first;
}

/* Steps that can tell nothing: behind the target, or behind the last hop that ever answered. */
static bool pointless(const struct hops_walk *w, unsigned ttl, unsigned at)
{
	unsigned suspect_end = w->end[0] ? w->end[0] : HOPS_MAX_TTL;
	unsigned control_end = w->end[1] ? w->end[1] : HOPS_MAX_TTL;
	unsigned end = is_control(w, at) ? control_end : lower(suspect_end, control_end);
	return ttl > end || (w->kind != HOPS_SWEEP && at >= 2 && ttl > w->heard + BEYOND_HEARD);
}

/* The number of this walk's next packet to this TTL; false when there is none. */
static bool next_at(const struct hops_walk *w, unsigned ttl, unsigned *at)
{
	if (ttl > w->last)
		return false;
	for (*at = w->next[ttl]; *at < packets_per_ttl(w); (*at)++)
		if (!pointless(w, ttl, *at))
			return true;
	return false;
}

static uint64_t later(uint64_t a, uint64_t b)
{
	return a > b ? a : b;
}

/* How many packets the walks already there may still send to the first hop. */
static unsigned backlog(const struct hops *h)
{
	unsigned n = 0;
	for (unsigned i = 0; i < h->n_walks; i++)
		n += packets_per_ttl(&h->walks[i]) - h->walks[i].next[1];
	return n;
}

static unsigned rounds_in_time(const struct hops *h, unsigned want, uint64_t now_ns)
{
	uint64_t start = later(now_ns, h->free_ns[1]);
	unsigned rounds = want;
	while (rounds &&
	       start + (backlog(h) + 2 * rounds - 1) * HOPS_PACE_NS + HOPS_WAIT_NS > h->deadline_ns)
		rounds--;
	return rounds;
}

int hops_add(struct hops *h, enum hops_kind kind, uint64_t now_ns)
{
	unsigned want = kind == HOPS_DIFFERENTIAL ? HOPS_ROUNDS : 1;
	unsigned rounds = kind == HOPS_SWEEP ? 1 : rounds_in_time(h, want, now_ns);
	if (h->n_walks == HOPS_MAX_WALKS || !rounds)
		return -1;
	struct hops_walk *w = &h->walks[h->n_walks++];
	*w = (struct hops_walk){ .kind = kind, .rounds = rounds, .last = HOPS_SWEEP_TTL };
	if (kind != HOPS_SWEEP)
		w->last = lower(higher(HOPS_FIRST_TTL, h->seen + BEYOND_TE), HOPS_MAX_TTL);
	return (int)h->n_walks - 1;
}

static int free_step(const struct hops *h)
{
	for (int i = 0; i < HOPS_MAX_OPEN; i++)
		if (!h->steps[i].open)
			return i;
	return -1;
}

static int take(struct hops *h, unsigned walk, unsigned ttl, unsigned at, uint64_t now_ns)
{
	int i = free_step(h);
	if (i < 0)
		return -1;
	struct hops_walk *w = &h->walks[walk];
	w->next[ttl] = at + 1;
	w->n_open++;
	h->free_ns[ttl] = now_ns + HOPS_PACE_NS; /* hops_sent() sets it right */
	h->steps[i] = (struct hops_step){ .open = true, .walk = walk, .ttl = ttl, .round = at / 2 + 1,
					  .order = ++h->order[ttl], .control = is_control(w, at) };
	return i;
}

/* The walk whose turn it is at this TTL: the first that has anything left. */
static bool turn(const struct hops *h, unsigned ttl, unsigned *walk, unsigned *at)
{
	for (*walk = 0; *walk < h->n_walks; (*walk)++)
		if (next_at(&h->walks[*walk], ttl, at))
			return true;
	return false;
}

int hops_take(struct hops *h, uint64_t now_ns)
{
	unsigned walk, at;
	if (now_ns + HOPS_WAIT_NS > h->deadline_ns)
		return -1;
	for (unsigned ttl = 1; ttl <= HOPS_MAX_TTL; ttl++)
		if (h->free_ns[ttl] <= now_ns && turn(h, ttl, &walk, &at))
			return take(h, walk, ttl, at, now_ns);
	return -1;
}

void hops_sent(struct hops *h, int step, uint64_t now_ns)
{
	struct hops_step *s = &h->steps[step];
	s->sent = true;
	s->sent_ns = now_ns;
	h->free_ns[s->ttl] = now_ns + HOPS_PACE_NS;
	h->walks[s->walk].last_sent_ns = now_ns;
}

static void learn(struct hops *h, const struct hops_step *s, enum hops_reply reply)
{
	struct hops_walk *w = &h->walks[s->walk];
	w->heard = higher(w->heard, s->ttl);
	if (reply == HOPS_TARGET && (!w->end[s->control] || s->ttl < w->end[s->control]))
		w->end[s->control] = s->ttl;
	if (reply != HOPS_TIME_EXCEEDED)
		return;
	h->seen = higher(h->seen, s->ttl);
	if (w->kind != HOPS_SWEEP)
		w->last = higher(w->last, lower(s->ttl + BEYOND_TE, HOPS_MAX_TTL));
}

void hops_answer(struct hops *h, int step, enum hops_reply reply, uint64_t now_ns)
{
	struct hops_step *s = &h->steps[step];
	struct hops_walk *w = &h->walks[s->walk];
	if (!s->open)
		return;
	s->open = false;
	w->n_open--;
	if (reply == HOPS_SILENT || reply == HOPS_UNSENT)
		return;
	w->answered = true;
	w->last_answer_ns = now_ns;
	learn(h, s, reply);
}

static bool all_taken(const struct hops_walk *w)
{
	unsigned at;
	for (unsigned ttl = 1; ttl <= HOPS_MAX_TTL; ttl++)
		if (next_at(w, ttl, &at))
			return false;
	return true;
}

/* The sweep's packets wait together; those of a walk each for themselves. */
static uint64_t expiry(const struct hops *h, const struct hops_step *s)
{
	const struct hops_walk *w = &h->walks[s->walk];
	if (w->kind != HOPS_SWEEP)
		return s->sent_ns + HOPS_WAIT_NS;
	if (!all_taken(w))
		return UINT64_MAX;
	return w->answered ? later(w->last_answer_ns, w->last_sent_ns) + HOPS_SWEEP_QUIET_NS
			   : w->last_sent_ns + HOPS_SWEEP_MUTE_NS;
}

int hops_expired(const struct hops *h, uint64_t now_ns)
{
	for (int i = 0; i < HOPS_MAX_OPEN; i++)
		if (h->steps[i].open && h->steps[i].sent && expiry(h, &h->steps[i]) <= now_ns)
			return i;
	return -1;
}

static uint64_t earlier(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

uint64_t hops_wake(const struct hops *h, uint64_t now_ns)
{
	uint64_t at = UINT64_MAX;
	unsigned walk, next;
	for (int i = 0; i < HOPS_MAX_OPEN; i++)
		if (h->steps[i].open && h->steps[i].sent)
			at = earlier(at, expiry(h, &h->steps[i]));
	for (unsigned ttl = 1; ttl <= HOPS_MAX_TTL; ttl++) {
		uint64_t from = later(h->free_ns[ttl], now_ns);
		if (from + HOPS_WAIT_NS <= h->deadline_ns && turn(h, ttl, &walk, &next))
			at = earlier(at, from);
	}
	return at;
}

bool hops_idle(const struct hops *h, uint64_t now_ns)
{
	for (int i = 0; i < HOPS_MAX_OPEN; i++)
		if (h->steps[i].open)
			return false;
	return hops_wake(h, now_ns) == UINT64_MAX;
}
