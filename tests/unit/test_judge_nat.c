/*
 * Devices behind a NAT that forgets: which rows hold for which kinds, how sure, and their
 * look-alikes; then the keep-alive advice that the same run gives.
 */
#include "nat_case.h"

#include <math.h>

#include "sallyport/keepalive.h"

static const char *const nat_rows[] = {"nat-short", "nat-new-vs-established", "one-reply-only",
				       "tcp-idle-cut", NULL};

/* A run in which all is well, but for what the test adds. */
static void open_well(struct judge_case *c, const char *profile, const char *medium)
{
	char path[64];
	snprintf(path, sizeof(path), "diag/profiles/%s.ini", profile);
	case_open_profile(c, path, NULL);
	snprintf(c->host.medium, sizeof(c->host.medium), "%s", medium);
	CASE_REST(c, NULL);
}

static enum kind_state kind_of(const struct judge_case *c, const char *id)
{
	for (size_t i = 0; i < c->run->n_kinds; i++)
		if (strcmp(c->run->profile->kinds[c->run->kinds[i].kind_index].id, id) == 0)
			return c->run->kinds[i].state;
	fail_msg("no kind %s", id);
	return KIND_UNKNOWN;
}

static void established(struct judge_case *c, double lower_s, double upper_s)
{
	NAT_SERIES(c, .state = "established", .lower_s = lower_s, .upper_s = upper_s, .trials = 10);
}

/* ---- U12 ---- */
static void a_short_timer_makes_devices_fragile(void **state)
{
	(void)state;
	struct judge_case c;
	open_well(&c, "particle-wifi", "wifi");
	nat_lives(&c, 20, 20);
	const struct verdict *d = case_expect(&c, "nat-short", CONF_PROVEN, EFFECT_FRAGILE);
	assert_non_null(strstr(d->summary, "19.5 to 20.5 s"));
	assert_non_null(strstr(d->impact, "Argon, P2, Photon 2 on Wi-Fi (every 25 s)"));
	assert_non_null(strstr(d->ask, "port 5684 to 300 s"));
	assert_int_equal(d->n_evidence, 4);
	assert_int_equal(c.run->exit, SP_EXIT_FRAGILE);
	assert_int_equal(kind_of(&c, "argon"), KIND_FRAGILE);
	assert_int_equal(kind_of(&c, "photon"), KIND_YES); /* TCP */
	CASE_ONLY(&c, nat_rows, "nat-short");
	assert_int_equal(c.run->keepalive.n_reasons, 1);
	assert_string_equal(c.run->keepalive.reasons[0], "nat-short");
	case_close(&c);
}

/* A death that nobody confirmed, another port, or the new flow alone: no proof. */
static void less_evidence_is_less_sure(void **state)
{
	(void)state;
	static const struct nat_series rows[] = {
		{.state = "established", .lower_s = 19, .upper_s = 20, .unconfirmed = true},
		{.state = "established", .lower_s = 19, .upper_s = 20, .port = 3478},
		{.state = "replied", .lower_s = 19, .upper_s = 20},
		{.state = "burst", .lower_s = 19, .upper_s = 20},
	};
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct judge_case c;
		open_well(&c, "particle-wifi", "ethernet");
		nat_series(&c, &rows[i]);
		case_expect(&c, "nat-short", CONF_LIKELY, EFFECT_FRAGILE);
		assert_int_equal(c.run->exit, SP_EXIT_FRAGILE);
		case_close(&c);
	}
}

/* What an unanswered packet draws says nothing of devices that are answered. */
static void lifetimes_that_do_not_matter(void **state)
{
	(void)state;
	static const struct nat_series rows[] = {
		{.state = "new", .lower_s = 9, .upper_s = 10},
		{.state = "established", .lower_s = 20, .upper_s = 0},  /* cut short: nothing died */
		{.state = "established", .lower_s = 20, .upper_s = 40}, /* somewhere between */
		{.state = "established", .lower_s = 59, .upper_s = 61},
		{.lower_s = 5, .upper_s = 6, .port = 443}, /* TCP is no matter for these kinds */
	};
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct judge_case c;
		open_well(&c, "particle-wifi", "ethernet");
		nat_series(&c, &rows[i]);
		case_absent(&c, "nat-short");
		assert_int_equal(c.run->exit, SP_EXIT_WORKS);
		case_close(&c);
	}
}

/* Where the margin is gone even at the upper bound. */
static void at_the_edge_it_is_likely(void **state)
{
	(void)state;
	struct judge_case c;
	open_well(&c, "particle-wifi", "ethernet");
	established(&c, 25.5, 26.5);
	const struct verdict *d = case_expect(&c, "nat-short", CONF_LIKELY, EFFECT_FRAGILE);
	assert_non_null(strstr(d->summary, "at the edge"));
	case_close(&c);
	open_well(&c, "particle-wifi", "ethernet");
	established(&c, 29.5, 30.5); /* as many home routers: in time, if only just */
	case_absent(&c, "nat-short");
	assert_int_equal(c.run->exit, SP_EXIT_WORKS);
	case_close(&c);
}

/* By their own default: Boron and B SoM ping every 23 min on Ethernet, M SoM every 25 s. */
static void each_kind_by_its_own_default(void **state)
{
	(void)state;
	struct judge_case c;
	open_well(&c, "particle-cellular", "ethernet");
	nat_lives(&c, 120, 120);
	const struct verdict *d = case_expect(&c, "nat-short", CONF_PROVEN, EFFECT_FRAGILE);
	assert_non_null(strstr(d->impact, "Boron, B-Series SoM on Ethernet (every 23 min)"));
	assert_int_equal(kind_of(&c, "boron"), KIND_FRAGILE);
	assert_int_equal(kind_of(&c, "msom"), KIND_YES);
	assert_int_equal(kind_of(&c, "tracker"), KIND_YES); /* its modem is not on this network */
	const struct keepalive *k = &c.run->keepalive;
	unsigned msom = 0;
	for (size_t i = 0; i < k->n_kinds; i++) {
		const struct profile_kind *kind = &c.run->profile->kinds[k->kinds[i].kind_index];
		assert_string_not_equal(kind->id, "tracker");
		if (strcmp(kind->id, "msom") == 0) {
			assert_true(k->kinds[i].default_s == 25);
			assert_string_equal(k->kinds[i].fit, "fits");
			msom++;
		}
	}
	assert_int_equal(msom, 2); /* Wi-Fi and Ethernet, its modem not */
	case_close(&c);

	open_well(&c, "particle-cellular", "ppp"); /* this host itself sits behind a modem */
	nat_lives(&c, 120, 120);
	case_expect(&c, "nat-short", CONF_PROVEN, EFFECT_FRAGILE);
	assert_int_equal(kind_of(&c, "tracker"), KIND_FRAGILE);
	assert_int_equal(kind_of(&c, "msom"), KIND_FRAGILE);
	assert_true(c.run->keepalive.rows[0].plan_share > 0.04 &&
		    c.run->keepalive.rows[0].plan_share < 0.06); /* 0.27 of 5.4 MB */
	case_close(&c);
}

static void older_firmware_pings_later(void **state)
{
	(void)state;
	struct judge_case c;
	open_well(&c, "particle-wifi", "wifi");
	established(&c, 27.6, 29.5);
	case_absent(&c, "nat-short");
	unsigned now = 0, then = 0;
	for (size_t i = 0; i < c.run->keepalive.n_kinds; i++) {
		const struct keepalive_kind *k = &c.run->keepalive.kinds[i];
		if (k->firmware) {
			assert_true(k->default_s == 30 && strcmp(k->fit, "short") == 0);
			then++;
		} else {
			assert_string_equal(k->fit, "fits");
			now++;
		}
	}
	assert_int_equal(now, 6); /* three kinds, two interfaces */
	assert_int_equal(then, 6);
	case_close(&c);
}

/* ---- U13 ---- */
static void two_timers_are_a_note_where_the_first_ping_comes_in_time(void **state)
{
	(void)state;
	struct judge_case c;
	open_well(&c, "particle-wifi", "ethernet");
	nat_lives(&c, 30, 120); /* Linux as it ships */
	const struct verdict *d = case_judge(&c, "nat-new-vs-established");
	assert_non_null(d);
	assert_int_equal(d->effect, EFFECT_NOTE);
	assert_null(d->ask);
	CASE_ONLY(&c, nat_rows, "nat-new-vs-established");
	assert_int_equal(c.run->exit, SP_EXIT_WORKS);
	case_close(&c);
}

static void a_new_flow_that_dies_before_the_first_ping(void **state)
{
	(void)state;
	struct judge_case c;
	open_well(&c, "particle-wifi", "ethernet");
	nat_lives(&c, 20, 120);
	const struct verdict *d =
		case_expect(&c, "nat-new-vs-established", CONF_LIKELY, EFFECT_FRAGILE);
	assert_non_null(strstr(d->remedy, "3 to 5 s after every connect"));
	assert_int_equal(kind_of(&c, "p2"), KIND_FRAGILE);
	CASE_ONLY(&c, nat_rows, "nat-new-vs-established");
	case_close(&c);
}

/* ---- U14 ---- */
static void one_reply_closes_the_flow(void **state)
{
	(void)state;
	struct judge_case c;
	open_well(&c, "particle-wifi", "ethernet");
	NAT_SERIES(&c, .state = "new", .lower_s = 29, .upper_s = 31, .trials = 10);
	NAT_SERIES(&c, .state = "replied", .lower_s = 0, .upper_s = 3);
	case_expect(&c, "one-reply-only", CONF_PROVEN, EFFECT_FRAGILE);
	CASE_ONLY(&c, nat_rows, "one-reply-only");
	assert_int_equal(c.run->exit, SP_EXIT_FRAGILE);
	case_close(&c);
	open_well(&c, "particle-wifi", "ethernet"); /* the look-alike: a short timer for all */
	NAT_SERIES(&c, .state = "new", .lower_s = 2, .upper_s = 3, .trials = 10);
	NAT_SERIES(&c, .state = "replied", .lower_s = 2, .upper_s = 3);
	CASE_ONLY(&c, nat_rows, "nat-short");
	case_close(&c);
}

/* ---- C11 ---- */
static void idle_tcp_is_cut(void **state)
{
	(void)state;
	struct judge_case c;
	open_well(&c, "particle-tcp", "wifi");
	NAT_SERIES(&c, .lower_s = 9, .upper_s = 10);
	case_expect(&c, "tcp-idle-cut", CONF_PROVEN, EFFECT_FRAGILE);
	CASE_ONLY(&c, nat_rows, "tcp-idle-cut");
	assert_int_equal(kind_of(&c, "photon"), KIND_FRAGILE);
	assert_non_null(strstr(c.run->keepalive.text, "every 15 s, which is fixed"));
	case_close(&c);
	open_well(&c, "particle-tcp", "wifi");
	NAT_SERIES(&c, .lower_s = 59, .upper_s = 61);
	CASE_NONE(&c, nat_rows);
	case_close(&c);
	open_well(&c, "particle-wifi", "wifi"); /* where no TCP kind counts, it is no reason */
	NAT_SERIES(&c, .lower_s = 9, .upper_s = 10);
	case_judge(&c, "tcp-idle-cut");
	assert_int_equal(c.run->exit, SP_EXIT_WORKS);
	case_close(&c);
}

/* ---- advice ---- */
static void nothing_measured_leaves_the_devices_alone(void **state)
{
	(void)state;
	struct judge_case c;
	open_well(&c, "particle-wifi", "wifi");
	CASE_NONE(&c, nat_rows);
	const struct keepalive *k = &c.run->keepalive;
	assert_false(k->known);
	assert_true(k->recommended_s == 25 && k->n_rows == 0 && k->n_kinds == 0 && !k->device.name);
	assert_non_null(strstr(k->text, "was not measured"));
	assert_true(fabs(k->bytes_per_month - 142.0 * 2592000 / 25) < 1);
	bool said = false;
	for (size_t i = 0; i < c.run->n_not_tested; i++)
		said |= strstr(c.run->not_tested[i].what, "the NAT remembers") != NULL;
	assert_true(said);
	case_close(&c);
}

static const struct keepalive_row *row_of(const struct keepalive *k, const char *name)
{
	for (size_t i = 0; i < k->n_rows; i++)
		if (strcmp(k->rows[i].name, name) == 0)
			return &k->rows[i];
	fail_msg("no row %s", name);
	return NULL;
}

static void three_settings_and_two_levers(void **state)
{
	(void)state;
	struct judge_case c;
	open_well(&c, "particle-cellular", "ethernet");
	NAT_SERIES(&c, .state = "established", .lower_s = 30, .upper_s = 31, .trials = 10);
	struct observation *o = nat_begin(&c, "nat.udp"); /* a quiet path */
	obs_real(o, A_JITTER_MS, 0);
	case_end(&c);
	judge_run(c.run);
	const struct keepalive *k = &c.run->keepalive;
	assert_true(k->known && k->n_rows == 4);
	assert_true(row_of(k, "shipped")->interval_s == 1380 && !row_of(k, "shipped")->met);
	assert_true(row_of(k, "shipped")->unreachable_s_per_day > 0.97 * 86400);
	const struct keepalive_row *always = row_of(k, "always");
	assert_true(always->met && always->interval_s == 21); /* 22 s but for the clock's drift */
	assert_string_equal(always->call, "Particle.keepAlive(21s);");
	assert_true(always->unreachable_s_per_day < 1 && always->losses == 1);
	assert_true(row_of(k, "data-saver")->interval_s == 1380);
	assert_true(k->recommended_s == 21 && strcmp(k->reachability, "always") == 0);
	assert_true(k->device.interval_s == 21);
	assert_true(k->timer_s == 300 && k->firewall.interval_s == 278 && k->port == 5684);
	assert_true(k->firewall.bytes_per_month < k->device.bytes_per_month / 12);
	assert_true(k->bytes_per_ping == 122 && k->bytes_per_ping_cid == 142);
	case_close(&c);
}

static void a_default_that_does_stays(void **state)
{
	(void)state;
	static const double lives[][2] = {{30, 120}, {60, 60}, {120, 180}, {7200, 7200}};
	for (size_t i = 0; i < sizeof(lives) / sizeof(lives[0]); i++) {
		struct judge_case c;
		open_well(&c, "particle-wifi", "wifi");
		nat_lives(&c, lives[i][0], lives[i][1]);
		judge_run(c.run);
		assert_true(c.run->keepalive.recommended_s == 25);
		assert_string_equal(c.run->keepalive.reachability, "always");
		assert_non_null(strstr(c.run->keepalive.text, "leave the devices as they are"));
		case_close(&c);
	}
}

/* Nothing above the floor has room for a loss, or comes in time at all. */
static void below_the_floor_a_timer_is_asked_for(void **state)
{
	(void)state;
	struct judge_case c;
	open_well(&c, "particle-wifi", "wifi");
	nat_lives(&c, 20, 20);
	judge_run(c.run);
	const struct keepalive *k = &c.run->keepalive;
	assert_true(!row_of(k, "always")->met && !row_of(k, "balanced")->met);
	assert_true(k->recommended_s == 15 && k->device.interval_s == 15 && !k->device.met);
	assert_true(k->timer_s == 300 && k->firewall.interval_s >= 25);
	case_close(&c);
	open_well(&c, "particle-wifi", "wifi");
	nat_lives(&c, 10, 10);
	judge_run(c.run);
	k = &c.run->keepalive;
	assert_true(k->recommended_s == 25 && !k->device.name && k->timer_s == 300);
	assert_string_equal(k->reachability, "data-saver");
	case_close(&c);
}

static void loss_and_jitter_go_in(void **state)
{
	(void)state;
	double last = 1e9;
	static const double losses[] = {0, 0.01, 0.05, 0.5};
	for (size_t i = 0; i < 4; i++) {
		struct judge_case c;
		open_well(&c, "particle-cellular", "ethernet");
		nat_lives(&c, 120, 120);
		struct observation *o = nat_begin(&c, "nat.udp");
		obs_real(o, A_LOSS, losses[i]);
		obs_real(o, A_JITTER_MS, 30);
		case_end(&c);
		judge_run(c.run);
		const struct keepalive_row *always = row_of(&c.run->keepalive, "always");
		assert_true(always->interval_s <= last && always->interval_s >= KEEPALIVE_FLOOR_S);
		last = always->interval_s;
		bool said = false;
		for (size_t n = 0; n < c.run->keepalive.n_notes; n++)
			said |= strstr(c.run->keepalive.notes[n], losses[i] > 0 ? "(measured) and 30 ms" :
										 "(assumed) and 30 ms") != NULL;
		assert_true(said);
		case_close(&c);
	}
	assert_true(last < 60);
}

/* A kind that cannot be reached at all is not also told to ping otherwise. */
static void a_blocked_port_comes_first(void **state)
{
	(void)state;
	struct judge_case c;
	case_open(&c, NULL);
	CASE_REST(&c, "cloud-udp");
	case_icmp(&c, "cloud-udp", OUTCOME_REJECTED, 13, "10.0.0.1");
	nat_lives(&c, 20, 20);
	judge_run(c.run);
	assert_int_equal(c.run->exit, SP_EXIT_BLOCKED);
	assert_string_equal(c.run->verdicts[0].fault->slug, "udp-rejected");
	case_close(&c);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_short_timer_makes_devices_fragile),
		cmocka_unit_test(less_evidence_is_less_sure),
		cmocka_unit_test(lifetimes_that_do_not_matter),
		cmocka_unit_test(at_the_edge_it_is_likely),
		cmocka_unit_test(each_kind_by_its_own_default),
		cmocka_unit_test(older_firmware_pings_later),
		cmocka_unit_test(two_timers_are_a_note_where_the_first_ping_comes_in_time),
		cmocka_unit_test(a_new_flow_that_dies_before_the_first_ping),
		cmocka_unit_test(one_reply_closes_the_flow),
		cmocka_unit_test(idle_tcp_is_cut),
		cmocka_unit_test(nothing_measured_leaves_the_devices_alone),
		cmocka_unit_test(three_settings_and_two_levers),
		cmocka_unit_test(a_default_that_does_stays),
		cmocka_unit_test(below_the_floor_a_timer_is_asked_for),
		cmocka_unit_test(loss_and_jitter_go_in),
		cmocka_unit_test(a_blocked_port_comes_first),
	};
	return cmocka_run_group_tests_name("judge nat", tests, NULL, NULL);
}
