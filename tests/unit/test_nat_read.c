/* What the observations of the NAT are put together to. */
#include "nat_case.h"

static const struct nat_facts *judged(struct judge_case *c)
{
	judge_run(c->run);
	return c->run->nat;
}

static void nothing_measured_is_unknown(void **state)
{
	(void)state;
	struct judge_case c;
	case_open(&c, NULL);
	CASE_REST(&c, NULL);
	const struct nat_facts *n = judged(&c);
	assert_false(nat_has_udp(n) || n->tcp.known);
	assert_true(n->layers == -1 && n->loss < 0 && n->jitter_s < 0 && !n->mapping);
	assert_int_equal(n->hairpin, NAT_UNKNOWN);
	case_close(&c);
}

static void series_are_read(void **state)
{
	(void)state;
	struct judge_case c;
	case_open(&c, NULL);
	NAT_SERIES(&c, .state = "replied", .lower_s = 29.6, .upper_s = 30.4, .spread_s = 0.2,
		   .trials = 12, .method = "second-address");
	NAT_SERIES(&c, .state = "established", .lower_s = 119);
	NAT_SERIES(&c, .lower_s = 900, .upper_s = 905, .unconfirmed = true);
	const struct nat_facts *n = judged(&c);
	const struct nat_lifetime *r = &n->udp[NAT_REPLIED], *e = &n->udp[NAT_ESTABLISHED];
	assert_true(r->known && r->lower_s == 29.6 && r->upper_s == 30.4 && r->spread_s == 0.2);
	assert_true(r->trials == 12 && r->confirmed && r->port == 5684);
	assert_string_equal(r->method, "second-address");
	assert_true(e->known && e->lower_s == 119 && e->upper_s == 0 && !e->confirmed);
	assert_true(n->tcp.known && n->tcp.upper_s == 905 && !n->tcp.confirmed);
	assert_false(n->udp[NAT_NEW].known || n->udp[NAT_BURST].known);
	case_close(&c);
}

/* Each row: two series of one state, in both orders. */
static void series_are_put_together(void **state)
{
	(void)state;
	static const struct {
		double a[2], b[2], lower_s, upper_s, spread_s;
	} rows[] = {
		{{29, 31}, {29.5, 30.5}, 29, 30.5, 0},  /* they agree */
		{{29, 31}, {38, 40}, 29, 31, 7},        /* they differ: the shorter rules */
		{{29, 31}, {10, 0}, 29, 31, 0},         /* one was cut short early */
		{{29, 31}, {60, 0}, 29, 31, 29},        /* one outlived the other's death */
		{{10, 0}, {60, 0}, 60, 0, 0},           /* neither saw a death */
		{{0, 5}, {2, 4}, 0, 4, 0},              /* nothing survived the first age */
	};
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		for (int order = 0; order < 2; order++) {
			struct judge_case c;
			case_open(&c, NULL);
			const double *first = order ? rows[i].b : rows[i].a;
			const double *second = order ? rows[i].a : rows[i].b;
			NAT_SERIES(&c, .state = "burst", .lower_s = first[0], .upper_s = first[1]);
			NAT_SERIES(&c, .state = "burst", .lower_s = second[0], .upper_s = second[1]);
			const struct nat_lifetime *l = &judged(&c)->udp[NAT_BURST];
			if (l->lower_s != rows[i].lower_s || l->upper_s != rows[i].upper_s ||
			    l->spread_s != rows[i].spread_s)
				fail_msg("row %zu, order %d: [%g, %g] +- %g", i, order, l->lower_s,
					 l->upper_s, l->spread_s);
			case_close(&c);
		}
}

/* The witness of a bound is the one of the series it came from. */
static void witnesses_stay_with_their_bound(void **state)
{
	(void)state;
	struct judge_case c;
	case_open(&c, NULL);
	NAT_SERIES(&c, .state = "replied", .lower_s = 40, .upper_s = 42, .trials = 3);
	NAT_SERIES(&c, .state = "replied", .lower_s = 20, .upper_s = 22, .trials = 9,
		   .unconfirmed = true, .method = "passive");
	const struct nat_lifetime *l = &judged(&c)->udp[NAT_REPLIED];
	assert_true(!l->confirmed && l->trials == 9);
	assert_string_equal(l->method, "passive");
	case_close(&c);
}

static void the_devices_port_comes_first(void **state)
{
	(void)state;
	struct judge_case c;
	case_open(&c, NULL);
	NAT_SERIES(&c, .state = "established", .lower_s = 59, .upper_s = 61, .port = 3478);
	const struct nat_lifetime *l = &judged(&c)->udp[NAT_ESTABLISHED];
	assert_true(l->known && l->port == 3478); /* better than nothing, and it says so */
	NAT_SERIES(&c, .state = "established", .lower_s = 29, .upper_s = 31);
	l = &judged(&c)->udp[NAT_ESTABLISHED];
	assert_true(l->port == 5684 && l->upper_s == 31 && l->spread_s == 0);
	case_close(&c);
}

static void behaviour_is_read(void **state)
{
	(void)state;
	struct judge_case c;
	case_open(&c, NULL);
	struct observation *o = nat_begin(&c, "nat.behaviour");
	obs_text(o, A_MAPPING, "endpoint-independent");
	obs_text(o, A_FILTERING, "address-and-port-dependent");
	obs_bool(o, A_HAIRPIN, false);
	obs_bool(o, A_PORT_PRESERVING, true);
	obs_bool(o, A_REFRESH_IN, false);
	obs_bool(o, A_REFRESH_OUT, true);
	obs_text(o, A_FORGETS_FIRST, "hop 2 or 1");
	obs_int(o, A_LAYERS, 2);
	obs_real(o, A_LOSS, 0.02);
	obs_real(o, A_JITTER_MS, 20);
	case_end(&c);
	obs_real(nat_begin(&c, "nat.udp"), A_LOSS, 0.01); /* the worst stands */
	case_end(&c);
	const struct nat_facts *n = judged(&c);
	assert_string_equal(n->mapping, "endpoint-independent");
	assert_string_equal(n->filtering, "address-and-port-dependent");
	assert_string_equal(n->forgets_first, "hop 2 or 1");
	assert_true(n->hairpin == NAT_NO && n->port_preserving == NAT_YES);
	assert_true(n->refresh_in == NAT_NO && n->refresh_out == NAT_YES);
	assert_true(n->layers == 2 && n->loss == 0.02 && n->jitter_s == 0.02);
	assert_false(nat_has_udp(n));
	case_close(&c);
}

/* A recording can hold anything. */
static void nonsense_is_left_out(void **state)
{
	(void)state;
	static const struct nat_series bad[] = {
		{.state = "replied", .lower_s = -5, .upper_s = -3},
		{.state = "replied", .lower_s = 1e12, .upper_s = 1e12},
		{.state = "replied", .lower_s = 31, .upper_s = 29}, /* both cannot hold */
		{.state = "replied", .lower_s = 0, .upper_s = 0},
		{.state = "half-open", .lower_s = 29, .upper_s = 31},
		{.state = "replied", .lower_s = 29, .upper_s = 31, .outcome = OUTCOME_NOT_RUN},
		{.state = "replied", .lower_s = 29, .upper_s = 31, .outcome = OUTCOME_MISMATCH},
	};
	struct judge_case c;
	case_open(&c, NULL);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		nat_series(&c, &bad[i]);
	struct observation *o = nat_begin(&c, "nat.behaviour");
	obs_int(o, A_LAYERS, -1000);
	obs_real(o, A_LOSS, 7);
	obs_real(o, A_JITTER_MS, -1e12);
	case_end(&c);
	o = nat_begin(&c, "nat.udp"); /* of a control */
	obs_text(o, A_PROTO, "udp");
	obs_text(o, A_STATE, "replied");
	obs_text(o, A_ROLE, "control");
	obs_real(o, A_LOWER_S, 5);
	case_end(&c);
	o = nat_begin(&c, "path"); /* of another check */
	obs_text(o, A_PROTO, "udp");
	obs_text(o, A_STATE, "replied");
	obs_real(o, A_LOWER_S, 5);
	case_end(&c);
	const struct nat_facts *n = judged(&c);
	assert_false(nat_has_udp(n) || n->tcp.known);
	assert_true(n->layers == -1 && n->loss < 0 && n->jitter_s < 0);
	case_close(&c);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nothing_measured_is_unknown),
		cmocka_unit_test(series_are_read),
		cmocka_unit_test(series_are_put_together),
		cmocka_unit_test(witnesses_stay_with_their_bound),
		cmocka_unit_test(the_devices_port_comes_first),
		cmocka_unit_test(behaviour_is_read),
		cmocka_unit_test(nonsense_is_left_out),
	};
	return cmocka_run_group_tests_name("nat read", tests, NULL, NULL);
}
