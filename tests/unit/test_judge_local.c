/* L1 L2 L4 and C6: each on its evidence, and on the evidence of its look-alikes. */
#include "judge_case.h"

#define CLOUD "cloud-udp"

static const char *const rows[] = {"no-address", "gateway-mute", "own-firewall", "no-route",
				   NULL};

static void link_says(struct judge_case *c, const char *reason)
{
	obs_text(case_begin(c, run_check(c->run, "link", NULL), 0, OUTCOME_UNREACHABLE, 0),
		 A_REASON, reason);
	case_end(c);
}

static void clean_says_nothing(void **state)
{
	struct judge_case c;
	(void)state;
	case_open(&c, NULL);
	case_rest(&c, (const char *const[]){NULL});
	CASE_NONE(&c, rows);
	assert_int_equal(c.run->exit, SP_EXIT_WORKS);
	case_close(&c);
}

/* ---- L1 ---- */
static void the_kernel_knows_its_link(void **state)
{
	static const struct {
		const char *reason, *seen;
	} cases[] = {{"no-interface", "no network interface"},
		     {"down", "switched off"},
		     {"no-carrier", "no carrier"},
		     {"no-address", "DHCP did not answer"},
		     {"link-local-only", "self-made address"}};
	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct judge_case c;
		case_open(&c, NULL);
		link_says(&c, cases[i].reason);
		const struct verdict *d = case_expect(&c, "no-address", CONF_PROVEN, EFFECT_BLOCKS);
		assert_non_null(strstr(d->seen, cases[i].seen));
		assert_null(strstr(d->seen, "%s"));
		CASE_ONLY(&c, rows, "no-address");
		assert_int_equal(c.run->exit, SP_EXIT_BLOCKED);
		case_close(&c);
	}
}

static void all_else_follows_from_the_link(void **state)
{
	struct judge_case c;
	(void)state;
	case_open(&c, NULL);
	link_says(&c, "link-local-only");
	case_silent(&c, CLOUD, CASE_TRIES);
	case_silent(&c, "ntp", CASE_TRIES);
	case_silent(&c, "cloud-tcp", CASE_TRIES);
	const struct verdict *d = case_expect(&c, "no-address", CONF_PROVEN, EFFECT_BLOCKS);
	assert_true(d == &c.run->verdicts[0] && d->n_hides > 0);
	for (size_t i = 1; i < c.run->n_verdicts; i++)
		assert_true(c.run->verdicts[i].hidden ||
			    c.run->verdicts[i].confidence == CONF_UNDETERMINED ||
			    c.run->verdicts[i].effect == EFFECT_NOTE);
	case_close(&c);
}

/* The cloud answers: whatever the tables say, there is a way. */
static void an_answer_beats_the_tables(void **state)
{
	static const char *const reasons[] = {"no-carrier", "link-local-only", "no-route"};
	(void)state;
	for (size_t i = 0; i < 3; i++) {
		struct judge_case c;
		case_open(&c, NULL);
		case_rest(&c, (const char *const[]){NULL});
		link_says(&c, reasons[i]);
		CASE_NONE(&c, rows);
		case_close(&c);
	}
}

static void an_unknown_reason_is_no_fault(void **state)
{
	struct judge_case c;
	(void)state;
	case_open(&c, NULL);
	link_says(&c, "something-else");
	CASE_NONE(&c, rows);
	assert_int_equal(c.run->exit, SP_EXIT_UNKNOWN);
	case_close(&c);
}

/* ---- L2 ---- */
static void gateway_says(struct judge_case *c, enum outcome outcome, uint32_t attempt, int peers,
			 double sent_s)
{
	case_begin(c, run_check(c->run, "gateway", NULL), attempt, outcome, sent_s + 1);
	case_flow(c, "udp", "192.168.77.1", 9);
	obs_text(&c->next, A_NEIGH_STATE, outcome == OUTCOME_ANSWERED ? "reachable" : "failed");
	obs_int(&c->next, A_LAN_PEERS, peers);
	obs_real(&c->next, A_WAITED_MS, 1000);
	case_end(c);
}

static void a_gateway_that_nobody_finds(void **state)
{
	struct judge_case c;
	(void)state;
	case_open(&c, NULL);
	gateway_says(&c, OUTCOME_SILENT, 1, 3, 0);
	case_silent(&c, CLOUD, CASE_TRIES);
	const struct verdict *d = case_expect(&c, "gateway-mute", CONF_LIKELY, EFFECT_BLOCKS);
	assert_non_null(strstr(d->seen, "3 other neighbours"));
	assert_non_null(strstr(d->decide, "another host of this VLAN"));
	CASE_ONLY(&c, rows, "gateway-mute");
	assert_int_equal(c.run->exit, SP_EXIT_BLOCKED);
	case_close(&c);
}

/* Proven only beside neighbours that answer, and after five tries over eight seconds. */
static void the_proof_of_a_mute_gateway(void **state)
{
	static const struct {
		unsigned tries;
		int peers;
		double step_s;
		enum confidence confidence;
	} cases[] = {
		{5, 1, 2, CONF_PROVEN},
		{4, 1, 3, CONF_LIKELY},
		{5, 0, 2, CONF_LIKELY},
		{6, 1, 1, CONF_LIKELY},
	};
	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct judge_case c;
		case_open(&c, NULL);
		for (unsigned n = 0; n < cases[i].tries; n++)
			gateway_says(&c, OUTCOME_SILENT, n + 1, cases[i].peers,
				     n * cases[i].step_s);
		case_expect(&c, "gateway-mute", cases[i].confidence, EFFECT_BLOCKS);
		case_close(&c);
	}
}

static void a_gateway_that_answers_once(void **state)
{
	struct judge_case c;
	(void)state;
	case_open(&c, NULL);
	gateway_says(&c, OUTCOME_SILENT, 1, 3, 0);
	gateway_says(&c, OUTCOME_ANSWERED, 2, 3, 2);
	CASE_NONE(&c, rows);
	case_close(&c);
}

/* It filters what is sent to itself, but it forwards. */
static void a_gateway_that_only_forwards(void **state)
{
	struct judge_case c;
	(void)state;
	case_open(&c, NULL);
	case_names(&c);
	case_targets_but(&c, (const char *const[]){NULL});
	gateway_says(&c, OUTCOME_SILENT, 1, 3, 0);
	CASE_NONE(&c, rows);
	assert_int_equal(run_check(c.run, "gateway", NULL)->state, STATE_UNKNOWN);
	assert_int_equal(c.run->exit, SP_EXIT_WORKS);
	case_close(&c);
	case_open(&c, NULL); /* an ICMP error came through it: it is there */
	gateway_says(&c, OUTCOME_SILENT, 1, 3, 0);
	case_icmp(&c, CLOUD, OUTCOME_REJECTED, 13, "203.0.113.1");
	CASE_NONE(&c, rows);
	case_expect(&c, "udp-rejected", CONF_PROVEN, EFFECT_BLOCKS);
	case_close(&c);
}

static void a_gateway_that_was_not_asked(void **state)
{
	struct judge_case c;
	(void)state;
	case_open(&c, NULL);
	obs_text(case_begin(&c, run_check(c.run, "gateway", NULL), 0, OUTCOME_NOT_RUN, 0), A_REASON,
		 "no gateway");
	case_end(&c);
	CASE_NONE(&c, rows);
	assert_int_equal(c.run->exit, SP_EXIT_UNKNOWN);
	case_close(&c);
}

/* ---- L4 ---- */
static void deny(struct judge_case *c, const char *section, unsigned tries)
{
	for (uint32_t i = 0; i < tries; i++) {
		case_own(c, section, case_suffix(c, section), i + 1, OUTCOME_DENIED_LOCALLY,
			 case_schedule_s[i]);
		obs_int(&c->next, A_ERRNO, 1);
		case_end(c);
	}
}

static void the_kernel_refuses_to_send(void **state)
{
	struct judge_case c;
	(void)state;
	case_open(&c, NULL);
	CASE_REST(&c, CLOUD);
	deny(&c, CLOUD, 3);
	const struct verdict *d = case_expect(&c, "own-firewall", CONF_PROVEN, EFFECT_BLOCKS);
	assert_non_null(strstr(d->summary, "UDP 5684"));
	assert_non_null(strstr(d->who, "the network was not asked"));
	CASE_ONLY(&c, rows, "own-firewall");
	case_absent(&c, "udp-port-blocked");
	case_absent(&c, "udp-all-blocked");
	assert_int_equal(c.run->exit, SP_EXIT_BLOCKED);
	case_close(&c);
}

/* Some packets left and stayed unanswered: then these rules are not all there is to it. */
static void some_tries_did_leave(void **state)
{
	struct judge_case c;
	(void)state;
	case_open(&c, NULL);
	CASE_REST(&c, CLOUD);
	case_silent(&c, CLOUD, 4);
	case_own(&c, CLOUD, ".hello", 5, OUTCOME_DENIED_LOCALLY, 6);
	case_end(&c);
	case_expect(&c, "own-firewall", CONF_LIKELY, EFFECT_BLOCKS);
	case_close(&c);
}

static void denied_and_then_answered(void **state)
{
	struct judge_case c;
	(void)state;
	case_open(&c, NULL);
	CASE_REST(&c, CLOUD);
	deny(&c, CLOUD, 1);
	case_hello(&c, CLOUD, 2, 1);
	case_identity(&c, CLOUD, OUTCOME_ANSWERED, "verified");
	CASE_NONE(&c, rows);
	assert_int_equal(c.run->exit, SP_EXIT_WORKS);
	case_close(&c);
}

/* Time is optional: a note, and nobody is asked. */
static void own_rules_against_what_no_device_needs(void **state)
{
	struct judge_case c;
	(void)state;
	case_open(&c, NULL);
	CASE_REST(&c, "ntp");
	deny(&c, "ntp", 3);
	assert_null(case_expect(&c, "own-firewall", CONF_PROVEN, EFFECT_NOTE)->ask);
	assert_int_equal(c.run->exit, SP_EXIT_WORKS);
	case_close(&c);
}

/* A SYN that the output rules drop is silent: it cannot be told from the network's drop. */
static void silence_is_not_called_ours(void **state)
{
	struct judge_case c;
	(void)state;
	case_open(&c, "photon");
	CASE_REST(&c, "cloud-tcp");
	case_silent(&c, "cloud-tcp", CASE_TRIES);
	CASE_NONE(&c, rows);
	case_close(&c);
}

/* ---- C6 ---- */
static void this_host_has_no_route(void **state)
{
	struct judge_case c;
	(void)state;
	case_open(&c, NULL);
	link_says(&c, "no-route");
	const struct verdict *d = case_expect(&c, "no-route", CONF_PROVEN, EFFECT_BLOCKS);
	assert_non_null(strstr(d->summary, "eth0"));
	CASE_ONLY(&c, rows, "no-route");
	assert_int_equal(c.run->exit, SP_EXIT_BLOCKED);
	case_close(&c);
}

static void a_router_has_no_route(void **state)
{
	struct judge_case c;
	(void)state;
	case_open(&c, NULL);
	CASE_REST(&c, CLOUD, "cloud-tcp", "ntp");
	case_icmp(&c, CLOUD, OUTCOME_UNREACHABLE, 0, "203.0.113.1");
	case_icmp(&c, "cloud-tcp", OUTCOME_UNREACHABLE, 1, "203.0.113.1");
	case_icmp(&c, "ntp", OUTCOME_UNREACHABLE, 1, "203.0.113.2");
	case_expect(&c, "no-route", CONF_PROVEN, EFFECT_BLOCKS);
	assert_int_equal(case_count(&c, "no-route"), 2); /* one for each router */
	for (size_t i = 0; i < c.run->n_verdicts; i++) {
		const struct verdict *d = &c.run->verdicts[i];
		bool first = strcmp(d->subject, "203.0.113.1") == 0;
		assert_int_equal(d->effect, first ? EFFECT_BLOCKS : EFFECT_NOTE);
		assert_int_equal(__builtin_popcountll(d->targets), first ? 2 : 1);
	}
	assert_int_equal(c.run->exit, SP_EXIT_BLOCKED);
	case_close(&c);
}

/* A firewall's word, or the server's own: neither is a missing route. */
static void other_icmp_errors(void **state)
{
	struct judge_case c;
	(void)state;
	case_open(&c, NULL);
	CASE_REST(&c, CLOUD);
	case_icmp(&c, CLOUD, OUTCOME_REJECTED, 13, "203.0.113.1");
	CASE_NONE(&c, rows);
	case_close(&c);
	case_open(&c, NULL);
	CASE_REST(&c, CLOUD);
	case_icmp(&c, CLOUD, OUTCOME_UNREACHABLE, 1, "198.51.100.10");
	CASE_NONE(&c, rows);
	case_expect(&c, "server-down", CONF_LIKELY, EFFECT_BLOCKS);
	assert_int_equal(c.run->exit, SP_EXIT_BLOCKED);
	case_close(&c);
}

static void no_route_for_a_moment(void **state)
{
	struct judge_case c;
	(void)state;
	case_open(&c, NULL);
	CASE_REST(&c, CLOUD);
	case_icmp(&c, CLOUD, OUTCOME_UNREACHABLE, 1, "203.0.113.1");
	case_hello(&c, CLOUD, 4, 4);
	case_identity(&c, CLOUD, OUTCOME_ANSWERED, "verified");
	CASE_NONE(&c, rows);
	assert_int_equal(c.run->exit, SP_EXIT_WORKS);
	case_close(&c);
}

/* ---- C6 on this host's own link ---- */
/* What the kernel sends to itself: code 1 when address resolution fails, code 3 by a reject rule. */
static void own_icmp(struct judge_case *c, const char *section, int code)
{
	for (uint32_t i = 0; i < 3; i++) {
		struct observation *o = case_own(c, section, case_suffix(c, section), i + 1,
						 code == 3 ? OUTCOME_REJECTED : OUTCOME_UNREACHABLE,
						 case_schedule_s[i] + 3);
		obs_int(o, A_ICMP_TYPE, 3);
		obs_int(o, A_ICMP_CODE, code);
		obs_text(o, A_ICMP_FROM, "192.168.77.10");
		obs_bool(o, A_FROM_SELF, true);
		case_end(c);
	}
}

static void a_missing_neighbour_is_no_rule(void **state)
{
	struct judge_case c;
	(void)state;
	case_open(&c, NULL);
	CASE_REST(&c, CLOUD);
	own_icmp(&c, CLOUD, 1);
	case_expect(&c, "no-route", CONF_LIKELY, EFFECT_BLOCKS);
	CASE_ONLY(&c, rows, "no-route");
	assert_int_equal(c.run->exit, SP_EXIT_BLOCKED);
	case_close(&c);
	case_open(&c, NULL);
	CASE_REST(&c, CLOUD);
	own_icmp(&c, CLOUD, 3);
	case_expect(&c, "own-firewall", CONF_PROVEN, EFFECT_BLOCKS);
	CASE_ONLY(&c, rows, "own-firewall");
	case_close(&c);
}

/* The resolver is a neighbour and works; the gateway is not there. */
static void failed_resolution_is_the_gateways(void **state)
{
	struct judge_case c;
	(void)state;
	case_open(&c, NULL);
	case_names(&c);
	gateway_says(&c, OUTCOME_SILENT, 1, 3, 0);
	for (size_t i = 0; i < c.run->profile->n_targets; i++)
		if (strcmp(c.run->profile->targets[i].probe, "http"))
			own_icmp(&c, c.run->profile->targets[i].section, 1);
	const struct verdict *d = case_expect(&c, "gateway-mute", CONF_LIKELY, EFFECT_BLOCKS);
	assert_false(d->hidden);
	assert_true(case_judge(&c, "no-route")->hidden);
	assert_null(case_judge(&c, "own-firewall"));
	case_close(&c);
}

/* Between this host and a machine on its own link there is no network that could drop anything. */
static void silence_on_the_link_is_no_drop(void **state)
{
	static const char *const drops[] = {"udp-port-blocked", "udp-all-blocked", "server-down",
					    "port-drop", "ntp-blocked", NULL};
	struct judge_case c;
	(void)state;
	case_open(&c, "argon");
	c.host.addrs[0] = (struct host_addr){addr_v4(198, 51, 100, 9), 24};
	case_names(&c);
	case_silent(&c, CLOUD, CASE_TRIES);
	case_silent(&c, "ntp", CASE_TRIES);
	case_silent(&c, "cloud-tcp", CASE_TRIES);
	case_expect(&c, "no-route", CONF_LIKELY, EFFECT_BLOCKS);
	CASE_NONE(&c, drops);
	assert_int_equal(c.run->exit, SP_EXIT_BLOCKED);
	case_close(&c);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(clean_says_nothing),
		cmocka_unit_test(the_kernel_knows_its_link),
		cmocka_unit_test(all_else_follows_from_the_link),
		cmocka_unit_test(an_answer_beats_the_tables),
		cmocka_unit_test(an_unknown_reason_is_no_fault),
		cmocka_unit_test(a_gateway_that_nobody_finds),
		cmocka_unit_test(the_proof_of_a_mute_gateway),
		cmocka_unit_test(a_gateway_that_answers_once),
		cmocka_unit_test(a_gateway_that_only_forwards),
		cmocka_unit_test(a_gateway_that_was_not_asked),
		cmocka_unit_test(the_kernel_refuses_to_send),
		cmocka_unit_test(some_tries_did_leave),
		cmocka_unit_test(denied_and_then_answered),
		cmocka_unit_test(own_rules_against_what_no_device_needs),
		cmocka_unit_test(silence_is_not_called_ours),
		cmocka_unit_test(this_host_has_no_route),
		cmocka_unit_test(a_router_has_no_route),
		cmocka_unit_test(other_icmp_errors),
		cmocka_unit_test(no_route_for_a_moment),
		cmocka_unit_test(a_missing_neighbour_is_no_rule),
		cmocka_unit_test(failed_resolution_is_the_gateways),
		cmocka_unit_test(silence_on_the_link_is_no_drop),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
