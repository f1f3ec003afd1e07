/*
 * The unreachable time and the gaps that keepalive.h predicts, against a device and a NAT that are played packet
 * by packet in virtual time. The quick run takes some points where something happens often; with
 * KEEPALIVE_FULL=1 (make keepalive) each has 10,000 days: the whole grid for the device as it is,
 * one point in seven for the others. SEED=n repeats a run.
 *
 * A point passes when the prediction is within 5 % of what was counted, plus what chance explains:
 * 4 standard errors, taken from 40 parts of the run or, where gaps are too rare for that, from their
 * number (a gap in time lasts at most a minute). How many points chance could not have excused (a
 * standard error below 1 %) is printed and has a minimum of its own.
 */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include <cmocka.h>

#include "sallyport/keepalive.h"

enum { PARTS = 40, DAYS_FULL = 10000, DAYS_QUICK = 250 };
#define TOLERANCE 0.05
#define SIGMAS 4
#define DECIDED 0.01
#define RARE_GAP_S 60

static uint64_t random_state;

static double chance(void)
{
	random_state ^= random_state << 13; /* xorshift64: Marsaglia 2003 */
	random_state ^= random_state >> 7;
	random_state ^= random_state << 17;
	return (double)(random_state >> 11) / 9007199254740992.0;
}

/* A mapping in the NAT, as the way inwards sees it. */
struct nat {
	const struct keepalive_path *n;
	double born, last; /* first and last packet from inside */
	bool answered, old;
};

static double nat_expiry(const struct nat *b)
{
	return b->last + (b->old ? b->n->established_s : b->n->replied_s);
}

/* A packet from inside at t; true where it found a live mapping. */
static bool nat_packet(struct nat *b, double t)
{
	bool live = t <= nat_expiry(b);
	if (!live)
		*b = (struct nat){ .n = b->n, .born = t };
	else if (b->answered && t - b->born > 2)
		b->old = true;
	b->last = t;
	return live;
}

struct device {
	const struct keepalive_ping *p;
	struct nat nat;
	double now;        /* of the last message received */
	double deaf;       /* seconds in which nothing could have come in */
	double gaps;       /* times that began */
	bool lost, closed; /* the far end does not know us; the socket is new and unused */
	double since;      /* closed: when it was */
};

/* One transmission at t; true when its answer comes back. */
static bool transmit(struct device *d, double t)
{
	struct keepalive_path n = *d->nat.n;
	if (d->lost || chance() < n.loss)
		return false;
	double expiry = nat_expiry(&d->nat);
	if (d->closed) {
		d->deaf += t - d->since;
		d->closed = false;
		d->nat = (struct nat){ .n = d->nat.n, .born = t, .last = t };
	} else if (!nat_packet(&d->nat, t)) {
		d->lost = !d->p->rebinds;
		d->deaf += t - expiry;
		d->since = t;
		d->gaps++;
	}
	if (d->lost || chance() < n.loss)
		return false;
	d->nat.answered = true;
	return true;
}

/* Sends at s and again; the time of the answer, or a negative number. */
static double ping(struct device *d, double s)
{
	double t = s, timeout = d->p->ack_timeout_s;
	for (unsigned i = 0; i <= d->p->max_retransmit && t - s < d->p->answer_s; i++) {
		if (transmit(d, t))
			return t;
		t += timeout * (1 + (d->p->ack_random_factor - 1) * chance());
		timeout *= 2;
	}
	return -1;
}

static void close_socket(struct device *d, double t)
{
	if (d->lost || d->closed)
		d->deaf += t - d->since;
	else
		d->deaf += fmax(0, t - nat_expiry(&d->nat));
	d->gaps += !d->lost && !d->closed;
	d->lost = false;
	d->closed = true;
	d->since = t;
}

static void cycle(struct device *d, double interval_s)
{
	double silence = d->p->randomised ? interval_s * (0.8 + 0.2 * chance()) : interval_s;
	double s = d->now + silence, answered;
	while ((answered = ping(d, s)) < 0) {
		close_socket(d, s + d->p->answer_s);
		s += d->p->answer_s + d->p->reconnect_s;
	}
	d->now = answered;
}

/* A device that neither repeats nor waits: every packet that arrives ends a silence. */
static void beat(struct device *d, double interval_s)
{
	double silence = d->p->randomised ? interval_s * (0.8 + 0.2 * chance()) : interval_s;
	d->now += silence;
	if (chance() < d->nat.n->loss)
		return;
	double expiry = nat_expiry(&d->nat);
	if (!nat_packet(&d->nat, d->now)) {
		d->deaf += d->now - expiry;
		d->gaps++;
	}
	d->nat.answered = true;
}

struct counted {
	double share, error; /* unreachable share and its standard error */
	double gaps;         /* in all */
};

static struct counted simulate(const struct keepalive_ping *p, const struct keepalive_path *n,
			       double interval_s, double days)
{
	struct device d = { .p = p, .nat = { .n = n, .answered = true } };
	double share[PARTS], sum = 0, square = 0;
	for (int i = 0; i < PARTS; i++) {
		double from = d.now, deaf = d.deaf;
		while (d.now - from < days * 86400 / PARTS)
			(p->answer_s > 0 ? cycle : beat)(&d, interval_s);
		share[i] = (d.deaf - deaf) / (d.now - from);
		sum += share[i] / PARTS;
	}
	for (int i = 0; i < PARTS; i++)
		square += (share[i] - sum) * (share[i] - sum);
	return (struct counted){ sum, sqrt(square / (PARTS - 1) / PARTS), d.gaps };
}

static const struct keepalive_ping device = { .ack_timeout_s = 4, .ack_random_factor = 1.5,
					      .max_retransmit = 3, .answer_s = 30, .reconnect_s = 1,
					      .rebinds = true };
static const struct keepalive_ping varied = { .ack_timeout_s = 4, .ack_random_factor = 1.5,
					      .max_retransmit = 3, .answer_s = 30, .reconnect_s = 1,
					      .rebinds = true, .randomised = true };
static const struct keepalive_ping nameless = { .ack_timeout_s = 4, .ack_random_factor = 1.5,
						.max_retransmit = 3, .answer_s = 30, .reconnect_s = 1 };
static const struct keepalive_ping rfc7252 = { .ack_timeout_s = 2, .ack_random_factor = 1.5,
					       .max_retransmit = 4, .answer_s = 93, .reconnect_s = 5,
					       .rebinds = true };
static const struct keepalive_ping plain = { .rebinds = true, .randomised = true };
static const struct kind {
	const char *name;
	const struct keepalive_ping *ping;
} kinds[] = { { "device", &device }, { "varied", &varied }, { "nameless", &nameless },
	      { "rfc7252", &rfc7252 }, { "plain", &plain } };

/* Lifetimes of an answered flow and of one in use. */
static const double lives[][2] = { { 10, 10 }, { 20, 20 }, { 30, 30 },   { 30, 120 }, { 60, 60 },
				   { 60, 30 }, { 120, 120 }, { 120, 180 }, { 300, 300 }, { 1800, 1800 } };
static const double intervals[] = { 15, 22, 25, 28, 52, 60, 108, 116, 278, 1380 };
static const double losses[] = { 0, 0.001, 0.01, 0.05, 0.2, 0.5 };

struct tally {
	unsigned points, decided;
	double worst;
};

static void compare(const struct kind *k, const double life[2], double interval_s, double loss,
		    double days, struct tally *t)
{
	struct keepalive_path n = { .replied_s = life[0], .established_s = life[1], .loss = loss };
	struct keepalive_expected e;
	keepalive_expect(k->ping, &n, interval_s, &e);
	struct counted is = simulate(k->ping, &n, interval_s, days);
	double said = e.unreachable, gaps = e.gaps_per_month * days / 30;
	if (fabs(gaps - is.gaps) > TOLERANCE * gaps + SIGMAS * sqrt(gaps) + 1)
		fail_msg("%s, lifetime %g/%g s, every %g s, loss %g: predicted %.1f gaps, counted %.0f",
			 k->name, life[0], life[1], interval_s, loss, gaps, is.gaps);
	double off = fabs(said - is.share);
	is.error = fmax(is.error, sqrt(said * RARE_GAP_S / (days * 86400))); /* a sum of Poisson's */
	if (off > TOLERANCE * said + SIGMAS * is.error + 1e-9)
		fail_msg("%s, lifetime %g/%g s, every %g s, loss %g: predicted %.3f s a day, counted "
			 "%.3f +- %.3f", k->name, life[0], life[1], interval_s, loss, said * 86400,
			 is.share * 86400, is.error * 86400);
	bool decided = is.error <= DECIDED * is.share && is.share > 0;
	t->points++;
	t->decided += decided;
	t->worst = decided ? fmax(t->worst, off / is.share) : t->worst;
}

static void seed(void)
{
	const char *text = getenv("SEED");
	random_state = text ? strtoull(text, NULL, 10) : (uint64_t)time(NULL) * 2654435761u + 1;
	print_message("SEED=%llu\n", (unsigned long long)random_state);
}

#define EACH(i, list) for (size_t i = 0; i < sizeof(list) / sizeof((list)[0]); i++)

static void say(const char *name, const struct tally *t, double days)
{
	print_message("%s: %u points of %.0f days, %u decided, worst of those %.2f %%\n", name, t->points,
		      days, t->decided, 100 * t->worst);
}

static void prediction_is_what_is_counted(void **state)
{
	(void)state;
	bool full = getenv("KEEPALIVE_FULL") != NULL;
	double days = full ? DAYS_FULL : DAYS_QUICK;
	seed();
	EACH(k, kinds) {
		struct tally t = { 0 };
		EACH(l, lives) EACH(i, intervals) EACH(p, losses) {
			bool take = (l + 3 * i + 5 * p + k) % 7 == 0;
			bool often = losses[p] > 0.02 || (intervals[i] > 50 && i % 2);
			if (full ? take || k == 0 : take && often)
				compare(&kinds[k], lives[l], intervals[i], losses[p], days, &t);
		}
		say(kinds[k].name, &t, days);
		assert_true(t.decided >= t.points / 4);
	}
}

/* Were the counting blind, a wrong prediction would pass as well. */
static void a_wrong_prediction_is_seen(void **state)
{
	(void)state;
	struct keepalive_path n = { .replied_s = 30, .established_s = 30, .loss = 0.05 };
	seed();
	struct counted is = simulate(&device, &n, 60, DAYS_QUICK);
	n.replied_s = n.established_s = 27;
	struct keepalive_expected said;
	keepalive_expect(&device, &n, 60, &said);
	assert_true(fabs(said.unreachable - is.share) > TOLERANCE * said.unreachable + SIGMAS * is.error);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(prediction_is_what_is_counted),
		cmocka_unit_test(a_wrong_prediction_is_seen),
	};
	return cmocka_run_group_tests_name("keepalive simulated", tests, NULL, NULL);
}
