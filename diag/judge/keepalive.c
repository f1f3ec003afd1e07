/*
 * The choice of a keep-alive interval. The mapping survives from one packet that got through to the
 * next if any of the transmissions that fall into the window arrives; how many do, and how often a
 * month all of them are lost, follows from the setting.
 */
#include "sallyport/keepalive.h"

#include <math.h>
#include <stddef.h>

enum {
	ENOUGH_TRANSMISSIONS = 64, /* so many losses in a row come with no loss that leaves a network */
	RESERVE = 2,               /* loss comes in bursts: whatever its mean, one more than the ping */
	RESERVE_UNREPEATED = 3,    /* and two where a ping is not repeated at once */
};
#define TINY 1e-9 /* sums of decimal seconds against each other */

/* The margin is 5 % of the lifetime, 2 s at least: as much as a measured bracket may be wide. */
#define MARGIN_S 2.0
#define MARGIN_SHARE 0.05

const char *const keepalive_aim_names[KEEPALIVE_AIM_COUNT] = {
	[KEEPALIVE_ALWAYS] = "always",
	[KEEPALIVE_BALANCED] = "balanced",
	[KEEPALIVE_SAVER] = "data-saver",
};

double keepalive_gaps_allowed(enum keepalive_aim aim)
{
	static const double allowed[KEEPALIVE_AIM_COUNT] = {
		[KEEPALIVE_ALWAYS] = 1,
		[KEEPALIVE_BALANCED] = 10,
		[KEEPALIVE_SAVER] = INFINITY,
	};
	return allowed[aim];
}

double keepalive_window_s(const struct keepalive_path *n, double lifetime_s)
{
	double margin = fmax(MARGIN_S, MARGIN_SHARE * lifetime_s) + n->jitter_s + n->drift * lifetime_s;
	return fmax(lifetime_s - margin, 0);
}

/* No ping may come later than this: a young flow that dies each time never becomes one in use. */
static double first_window_s(const struct keepalive_path *n)
{
	return keepalive_window_s(n, fmin(n->replied_s, n->established_s));
}

static double mean_interval_s(const struct keepalive_ping *p, double interval_s)
{
	return p->randomised ? 0.9 * interval_s : interval_s; /* uniform in 80 to 100 % */
}

/* Transmissions of one ping, sent at `start`, that fall into the window. */
static unsigned transmissions_of(const struct keepalive_ping *p, double start, double window_s)
{
	unsigned n = 0;
	double offset = 0, timeout = p->ack_timeout_s * p->ack_random_factor;
	for (unsigned j = 0; j <= p->max_retransmit; j++) {
		bool waits = p->answer_s <= 0 || offset < p->answer_s;
		n += waits && start + offset <= window_s + TINY;
		offset += timeout;
		timeout *= 2;
	}
	return n;
}

unsigned keepalive_transmissions(const struct keepalive_ping *p, const struct keepalive_path *n,
				 double interval_s)
{
	double window = interval_s <= first_window_s(n) + TINY ? keepalive_window_s(n, n->established_s) : 0;
	double again = p->answer_s > 0 ? p->answer_s + p->reconnect_s : interval_s;
	unsigned sum = 0;
	for (double start = interval_s; start <= window + TINY && sum < ENOUGH_TRANSMISSIONS; start += again)
		sum += transmissions_of(p, start, window);
	return sum < ENOUGH_TRANSMISSIONS ? sum : ENOUGH_TRANSMISSIONS;
}

/* (1-p) p^N, the share of pings after which the mapping is lost. It falls again above p = N/(N+1),
 * where hardly anything gets through: there its peak stands, so that more loss is never better. */
static double share_lost(double loss, unsigned transmissions)
{
	double n = transmissions, p = fmin(loss, n / (n + 1));
	return (1 - p) * pow(p, n);
}

double keepalive_gaps(const struct keepalive_ping *p, const struct keepalive_path *n,
		      double interval_s)
{
	return KEEPALIVE_MONTH_S / mean_interval_s(p, interval_s) *
	       share_lost(n->loss, keepalive_transmissions(p, n, interval_s));
}

static double ceiling_s(const struct keepalive_ping *p)
{
	return p->max_s > 0 ? p->max_s : KEEPALIVE_CEILING_S;
}

double keepalive_choose(const struct keepalive_ping *p, const struct keepalive_path *n, double gaps,
			unsigned reserve, double floor_s)
{
	for (double t = floor(fmin(ceiling_s(p), first_window_s(n)) + TINY); t >= floor_s; t--)
		if (keepalive_transmissions(p, n, t) >= reserve && keepalive_gaps(p, n, t) <= gaps)
			return t;
	return 0;
}

double keepalive_bytes_per_month(const struct keepalive_ping *p, double interval_s)
{
	return p->bytes * KEEPALIVE_MONTH_S / mean_interval_s(p, interval_s);
}

void keepalive_assess(const struct keepalive_ping *p, const struct keepalive_path *n,
		      double interval_s, struct keepalive_setting *out)
{
	unsigned sent = keepalive_transmissions(p, n, interval_s);
	struct keepalive_expected e;
	keepalive_expect(p, n, interval_s, &e);
	*out = (struct keepalive_setting){
		.interval_s = interval_s,
		.met = sent > 0,
		.unreachable_s = KEEPALIVE_DAY_S * e.unreachable,
		.gaps_per_month = e.gaps_per_month,
		.bytes_per_month = keepalive_bytes_per_month(p, interval_s),
		.losses = sent ? sent - 1 : 0,
	};
}

/* The longest outage that was seen must fit between the setting and the end of the window. */
static double bounded_by_outage(const struct keepalive_path *n, double interval_s)
{
	return fmin(interval_s, floor(keepalive_window_s(n, n->established_s) - n->outage_s + TINY));
}

static double interval_for(const struct keepalive_ping *p, const struct keepalive_path *n,
			   enum keepalive_aim aim)
{
	unsigned reserve = p->max_retransmit ? RESERVE : RESERVE_UNREPEATED;
	double t = keepalive_choose(p, n, keepalive_gaps_allowed(aim), aim == KEEPALIVE_ALWAYS ? reserve : 1,
				    KEEPALIVE_FLOOR_S);
	return aim == KEEPALIVE_ALWAYS ? bounded_by_outage(n, t) : t;
}

void keepalive_set(const struct keepalive_ping *p, const struct keepalive_path *n,
		   enum keepalive_aim aim, struct keepalive_setting *out)
{
	double t = aim == KEEPALIVE_SAVER ? ceiling_s(p) : interval_for(p, n, aim);
	bool met = t >= KEEPALIVE_FLOOR_S;
	keepalive_assess(p, n, met ? t : KEEPALIVE_FLOOR_S, out);
	out->met = met;
}
