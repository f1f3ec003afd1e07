#include "retry.h"

#include <string.h>

#define MS UINT64_C(1000000)
#define LAST_WAIT_NS (UINT64_C(11000) * MS) /* after the first try: nothing is waited for */

static const uint64_t schedule_ns[RETRY_TRIES] = { 0, 500 * MS, 1500 * MS, 3000 * MS, 6000 * MS,
						   9000 * MS };

void retry_init(struct retry *r, uint64_t now_ns, uint64_t answer_ns)
{
	memset(r, 0, sizeof(*r));
	r->start_ns = now_ns;
	r->answer_ns = answer_ns;
	r->limit = RETRY_TRIES;
}

static uint64_t silent_at(const struct retry *r, unsigned i)
{
	uint64_t own = r->sent_ns[i] + r->answer_ns, last = r->start_ns + LAST_WAIT_NS;
	return own < last ? own : last;
}

enum retry_action retry_step(struct retry *r, uint64_t now_ns, unsigned *attempt)
{
	if (r->stopped)
		return RETRY_OVER;
	for (unsigned i = 0; i < r->sent; i++)
		if (!(r->resolved & 1U << i) && now_ns >= silent_at(r, i)) {
			r->resolved |= 1U << i;
			*attempt = i + 1;
			return RETRY_SILENT;
		}
	if (r->sent < r->limit && now_ns >= r->start_ns + schedule_ns[r->sent]) {
		r->sent_ns[r->sent] = now_ns;
		*attempt = ++r->sent;
		return RETRY_SEND;
	}
	bool all = r->sent >= r->limit && r->resolved == (1U << r->sent) - 1;
	return all ? RETRY_OVER : RETRY_WAIT;
}

uint64_t retry_deadline(const struct retry *r)
{
	uint64_t at = UINT64_MAX;
	if (r->stopped)
		return at;
	if (r->sent < r->limit)
		at = r->start_ns + schedule_ns[r->sent];
	for (unsigned i = 0; i < r->sent; i++)
		if (!(r->resolved & 1U << i) && silent_at(r, i) < at)
			at = silent_at(r, i);
	return at;
}

void retry_refused(struct retry *r, unsigned attempt)
{
	r->resolved |= 1U << (attempt - 1);
	unsigned early = r->sent > RETRY_EARLY ? r->sent : RETRY_EARLY;
	if (r->limit > early)
		r->limit = early;
}

void retry_stop(struct retry *r)
{
	r->stopped = true;
}

static bool first_time(unsigned *bits, unsigned attempt)
{
	unsigned bit = attempt ? 1U << (attempt - 1) : 0;
	bool first = bit && !(*bits & bit);
	*bits |= bit;
	return first;
}

unsigned retry_take(struct retry *r, unsigned attempt)
{
	return first_time(&r->counted, attempt);
}

unsigned retry_take_all(struct retry *r)
{
	unsigned n = 0;
	for (unsigned i = 1; i <= r->sent; i++)
		n += retry_take(r, i);
	return n;
}

bool retry_first_garbage(struct retry *r, unsigned attempt)
{
	return first_time(&r->garbage, attempt);
}

uint64_t retry_age(const struct retry *r, unsigned attempt, uint64_t now_ns)
{
	uint64_t sent = r->sent_ns[attempt ? attempt - 1 : 0];
	return now_ns > sent ? now_ns - sent : 0;
}

unsigned retry_unanswered(const struct retry *r)
{
	unsigned n = 0;
	for (unsigned i = 0; i < r->sent; i++)
		n += r->resolved >> i & 1;
	return n;
}
