/* Keep-alive arithmetic: worked examples, what must never go backwards, and the ends of the scale. */
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

/* A CoAP ping that is repeated after 4, 8 and 16 s, each times 1 to 1.5, for as long as it takes. */
static const struct keepalive_ping con = { .ack_timeout_s = 4, .ack_random_factor = 1.5,
					   .max_retransmit = 3, .randomised = true, .bytes = 122,
					   .max_s = 100000 };
static const struct keepalive_ping plain = { .randomised = true, .bytes = 122, .max_s = 100000 };
/* The same as a Particle device does it: 30 s for the answer, then a new socket a second later. */
static const struct keepalive_ping device = { .ack_timeout_s = 4, .ack_random_factor = 1.5,
					      .max_retransmit = 3, .answer_s = 30, .reconnect_s = 1,
					      .rebinds = true, .bytes = 142, .max_s = 1380 };

static struct keepalive_path path(double life_s, double loss)
{
	return (struct keepalive_path){ .replied_s = life_s, .established_s = life_s, .loss = loss };
}

static double window(const struct keepalive_path *n)
{
	return keepalive_window_s(n, n->replied_s);
}

static double unreachable(const struct keepalive_ping *p, const struct keepalive_path *n,
			  double interval_s)
{
	struct keepalive_expected e;
	keepalive_expect(p, n, interval_s, &e);
	return e.unreachable;
}

/* Worked by hand with the rule: the largest interval with at most one gap a month, rounded to the
 * second or to two. */
static void examples_come_out(void **state)
{
	(void)state;
	static const double losses[] = { 0.001, 0.01, 0.05 };
	static const struct {
		double life_s;
		double plain_s[3], con_s[3];
	} rows[] = {
		{ 30, { 14, 9, 6 }, { 22, 14, 10 } },
		{ 60, { 28, 18, 11 }, { 50, 38, 28 } },
		{ 120, { 56, 38, 28 }, { 108, 96, 72 } },
		{ 180, { 85, 56, 42 }, { 164, 152, 128 } },
		{ 300, { 142, 94, 71 }, { 278, 266, 242 } },
		{ 1800, { 854, 854, 570 }, { 1704, 1704, 1692 } },
	};
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		for (size_t k = 0; k < 3; k++) {
			struct keepalive_path n = path(rows[i].life_s, losses[k]);
			double a = keepalive_choose(&plain, &n, 1, 1, 1);
			double b = keepalive_choose(&con, &n, 1, 1, 1);
			if (fabs(a - rows[i].plain_s[k]) > 1)
				fail_msg("plain, %g s, %g: %g, not %g", rows[i].life_s, losses[k], a,
					 rows[i].plain_s[k]);
			if (fabs(b - rows[i].con_s[k]) > 1)
				fail_msg("CON, %g s, %g: %g, not %g", rows[i].life_s, losses[k], b,
					 rows[i].con_s[k]);
		}
}

static void bytes_come_out(void **state)
{
	(void)state;
	static const struct {
		double interval_s, megabytes;
	} rows[] = { { 25, 12.65 }, { 60, 5.27 }, { 120, 2.64 }, { 300, 1.05 }, { 1380, 0.229 } };
	struct keepalive_ping fixed = plain;
	fixed.randomised = false;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		assert_true(fabs(keepalive_bytes_per_month(&fixed, rows[i].interval_s) / 1e6 -
				 rows[i].megabytes) < 0.005 * rows[i].megabytes + 0.001);
	/* randomised between 80 and 100 %: the mean is what is paid for */
	assert_true(fabs(keepalive_bytes_per_month(&con, 22) / 1e6 - 16.0) < 0.05);
	assert_true(fabs(keepalive_bytes_per_month(&con, 278) / 1e6 - 1.26) < 0.01);
}

static void two_levers(void **state)
{
	(void)state;
	struct keepalive_setting s;
	struct keepalive_path short_nat = path(30, 0.001), long_nat = path(300, 0.001);
	keepalive_set(&device, &short_nat, KEEPALIVE_ALWAYS, &s);
	assert_true(s.interval_s == 22 && s.met && s.losses == 1);
	keepalive_set(&device, &long_nat, KEEPALIVE_ALWAYS, &s);
	assert_true(s.interval_s == 279 && s.met && s.losses == 1);
	/* with a tenth of a second of jitter a whole second less */
	short_nat.jitter_s = 0.1;
	keepalive_set(&device, &short_nat, KEEPALIVE_ALWAYS, &s);
	assert_true(s.interval_s == 21);
}

static void the_window_has_its_margins(void **state)
{
	(void)state;
	struct keepalive_path n = path(30, 0);
	assert_true(fabs(window(&n) - 28) < 1e-9); /* 2 s at least */
	n.jitter_s = 0.25;
	n.drift = 0.01;
	assert_true(fabs(window(&n) - 27.45) < 1e-9);
	n = path(300, 0);
	assert_true(fabs(window(&n) - 285) < 1e-9); /* 5 % */
	n = path(1, 0);
	assert_true(window(&n) == 0);
}

static void transmissions_are_counted(void **state)
{
	(void)state;
	struct keepalive_path n = path(60, 0); /* window 57 s */
	assert_int_equal(keepalive_transmissions(&plain, &n, 57), 1);
	assert_int_equal(keepalive_transmissions(&plain, &n, 58), 0);
	assert_int_equal(keepalive_transmissions(&plain, &n, 19), 3);
	/* 28, 34, 46 and the next ping at 56; the last repetition comes after 42 s */
	assert_int_equal(keepalive_transmissions(&con, &n, 28), 4);
	/* 26, 32, 44, then the new socket at 57 */
	assert_int_equal(keepalive_transmissions(&device, &n, 26), 4);
	assert_int_equal(keepalive_transmissions(&device, &n, 27), 3);
	struct keepalive_path day = path(86400, 0.5);
	assert_true(keepalive_transmissions(&plain, &day, 15) >= 64);
}

static void below_the_floor_it_cannot_be_met(void **state)
{
	(void)state;
	static const double lives[] = { 0, 1, 10, 14.9, 16 };
	for (size_t i = 0; i < sizeof(lives) / sizeof(lives[0]); i++) {
		struct keepalive_path n = path(lives[i], 0.001);
		struct keepalive_setting s;
		keepalive_set(&device, &n, KEEPALIVE_ALWAYS, &s);
		assert_true(!s.met && s.interval_s == KEEPALIVE_FLOOR_S);
		double share = fmax(0, 1 - lives[i] / 15);
		assert_true(fabs(s.unreachable_s / 86400 - share) < 0.01);
		keepalive_set(&device, &n, KEEPALIVE_BALANCED, &s);
		assert_true(!s.met && s.interval_s == KEEPALIVE_FLOOR_S);
	}
}

static void the_far_end_has_the_last_word(void **state)
{
	(void)state;
	struct keepalive_path n = path(86400, 0.001);
	struct keepalive_ping unknown = device;
	unknown.max_s = 0;
	for (int aim = 0; aim < KEEPALIVE_AIM_COUNT; aim++) {
		struct keepalive_setting s;
		keepalive_set(&device, &n, (enum keepalive_aim)aim, &s);
		assert_true(s.met && s.interval_s == 1380 && s.unreachable_s < 10);
		keepalive_set(&unknown, &n, (enum keepalive_aim)aim, &s);
		assert_true(s.interval_s == KEEPALIVE_CEILING_S);
	}
}

static void half_of_all_packets_lost(void **state)
{
	(void)state;
	struct keepalive_path n = path(120, 0.5);
	struct keepalive_setting s, calm;
	keepalive_set(&device, &n, KEEPALIVE_ALWAYS, &s);
	n.loss = 0.001;
	keepalive_set(&device, &n, KEEPALIVE_ALWAYS, &calm);
	assert_true(s.interval_s < calm.interval_s && s.interval_s >= KEEPALIVE_FLOOR_S);
	assert_true(s.unreachable_s > 100 * calm.unreachable_s);
	n.loss = 1; /* nothing gets through: it says so, and ends */
	keepalive_set(&device, &n, KEEPALIVE_ALWAYS, &s);
	assert_true(!s.met && s.unreachable_s > 0.99 * 86400);
	assert_true(unreachable(&plain, &n, 25) > 0.99);
}

static void an_outage_shortens_always_alone(void **state)
{
	(void)state;
	struct keepalive_path n = path(120, 0.001);
	struct keepalive_setting before, after;
	keepalive_set(&device, &n, KEEPALIVE_BALANCED, &before);
	n.outage_s = 40;
	keepalive_set(&device, &n, KEEPALIVE_BALANCED, &after);
	assert_true(before.interval_s == after.interval_s);
	keepalive_set(&device, &n, KEEPALIVE_ALWAYS, &after);
	assert_true(after.met && after.interval_s == 74); /* 114 s of window, less 40 */
	n.outage_s = 200;
	keepalive_set(&device, &n, KEEPALIVE_ALWAYS, &after);
	assert_true(!after.met);
}

/* 1 - L/K where pings come too late, nothing where they come in time and none is lost. */
static void unreachable_at_both_ends(void **state)
{
	(void)state;
	const struct keepalive_ping *kinds[] = { &con, &plain, &device };
	for (size_t i = 0; i < 3; i++) {
		struct keepalive_ping p = *kinds[i];
		struct keepalive_path n = path(30, 0);
		p.randomised = false;
		p.rebinds = true;
		assert_true(fabs(unreachable(&p, &n, 120) - 0.75) < 1e-9);
		assert_true(unreachable(&p, &n, 29) < 1e-12);
		p.randomised = true; /* 24 to 30 s against 27 s: 9 / (2 * 6) of 27 */
		n = path(27, 0);
		assert_true(fabs(unreachable(&p, &n, 30) - 0.75 / 27) < 1e-9);
	}
}

/* A box that forgets an answered flow after 30 s, one in use after 120 s. */
static void a_young_flow_must_live_to_grow_old(void **state)
{
	(void)state;
	struct keepalive_path n = { .replied_s = 30, .established_s = 120, .loss = 0.01 };
	assert_true(unreachable(&device, &n, 25) < 1e-3);
	/* at 60 s every ping finds the flow gone, and begins another that is forgotten as soon */
	assert_true(unreachable(&device, &n, 60) > 0.4);
	n.replied_s = 120;
	assert_true(unreachable(&device, &n, 60) < 1e-3);
	/* so the young flow bounds the interval, and the one in use says what may be lost */
	struct keepalive_setting s;
	n = (struct keepalive_path){ .replied_s = 30, .established_s = 120, .loss = 0.001 };
	keepalive_set(&device, &n, KEEPALIVE_ALWAYS, &s);
	assert_true(s.interval_s == 28 && s.losses >= 3 && s.gaps_per_month < 1);
	n.established_s = 30;
	keepalive_set(&device, &n, KEEPALIVE_ALWAYS, &s);
	assert_true(s.interval_s == 22);
	keepalive_assess(&device, &n, 25, &s); /* a lost ping is repeated at 29 to 31 s: half too late */
	assert_true(fabs(s.gaps_per_month - 103680 * 0.001 / 2) < 1);
}

static void without_a_name_a_gap_costs_the_session(void **state)
{
	(void)state;
	struct keepalive_ping p = device;
	struct keepalive_path n = path(30, 0);
	double with = unreachable(&p, &n, 60);
	p.rebinds = false; /* 30 s more until the device gives up and 1 s for the new socket */
	double without = unreachable(&p, &n, 60);
	assert_true(fabs(with - 0.5) < 1e-9);
	assert_true(fabs(without - (30.0 + 31) / 91) < 1e-9);
}

/* ---- what must never go backwards --------------------------------------------------------- */

static uint64_t random_state;

static double random_in(double lo, double hi)
{
	random_state ^= random_state << 13; /* xorshift64: Marsaglia 2003 */
	random_state ^= random_state >> 7;
	random_state ^= random_state << 17;
	return lo + (hi - lo) * (double)(random_state >> 11) / 9007199254740992.0;
}

static void never_backwards(void **state)
{
	(void)state;
	const char *seed = getenv("SEED");
	random_state = seed ? strtoull(seed, NULL, 10) : (uint64_t)time(NULL);
	print_message("SEED=%llu\n", (unsigned long long)random_state);
	const struct keepalive_ping *kinds[] = { &con, &plain, &device };
	for (int round = 0; round < 300; round++) {
		const struct keepalive_ping *p = kinds[round % 3];
		struct keepalive_path a = path(exp(random_in(0, 9)), exp(random_in(-8, -0.1)));
		a.established_s *= random_in(0.5, 4);
		a.jitter_s = random_in(0, 1);
		struct keepalive_path longer = a, lossier = a;
		double grow = random_in(1, 3);
		longer.replied_s *= grow;
		longer.established_s *= grow;
		lossier.loss = fmin(a.loss * random_in(1, 3), 1);
		struct keepalive_setting last = { 0 };
		for (int aim = 0; aim < KEEPALIVE_AIM_COUNT; aim++) {
			struct keepalive_setting s, l, x;
			keepalive_set(p, &a, (enum keepalive_aim)aim, &s);
			keepalive_set(p, &longer, (enum keepalive_aim)aim, &l);
			keepalive_set(p, &lossier, (enum keepalive_aim)aim, &x);
			assert_true(l.interval_s >= s.interval_s && l.met >= s.met);
			assert_true(x.interval_s <= s.interval_s && x.met <= s.met);
			assert_true(s.interval_s >= last.interval_s); /* each aim saves on the one before */
			assert_true(s.bytes_per_month <= last.bytes_per_month || !aim);
			assert_true(s.unreachable_s >= 0 && s.unreachable_s <= KEEPALIVE_DAY_S);
			assert_true(l.unreachable_s <= KEEPALIVE_DAY_S && isfinite(x.unreachable_s));
			double same = unreachable(p, &longer, s.interval_s);
			assert_true(same * KEEPALIVE_DAY_S <= s.unreachable_s + 1e-6);
			assert_true(keepalive_gaps(p, &lossier, s.interval_s) >=
				    keepalive_gaps(p, &a, s.interval_s) - 1e-9);
			last = s;
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(examples_come_out),
		cmocka_unit_test(bytes_come_out),
		cmocka_unit_test(two_levers),
		cmocka_unit_test(the_window_has_its_margins),
		cmocka_unit_test(transmissions_are_counted),
		cmocka_unit_test(below_the_floor_it_cannot_be_met),
		cmocka_unit_test(the_far_end_has_the_last_word),
		cmocka_unit_test(half_of_all_packets_lost),
		cmocka_unit_test(an_outage_shortens_always_alone),
		cmocka_unit_test(unreachable_at_both_ends),
		cmocka_unit_test(a_young_flow_must_live_to_grow_old),
		cmocka_unit_test(without_a_name_a_gap_costs_the_session),
		cmocka_unit_test(never_backwards),
	};
	return cmocka_run_group_tests_name("keepalive", tests, NULL, NULL);
}
