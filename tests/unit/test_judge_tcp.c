/* C1 C2 C3 C4 C5 C9 C14: each on its evidence, and on the evidence of its look-alikes. */
#include "judge_case.h"

static const struct case_walk dropped = {
	.section = "cloud-tcp", .rounds = 3, .drop_after = 2, .distance = CASE_HOPS};
static const struct case_walk open_path = {
	.section = "cloud-tcp", .rounds = 3, .distance = CASE_HOPS};
static const struct case_walk box = {.section = "cloud-tcp",
				     .rounds = 1,
				     .box_at = 4,
				     .box_reply = "rst",
				     .distance = CASE_HOPS};
static const struct case_walk at_server = {
	.section = "cloud-tcp", .rounds = 1, .target_reply = "rst", .distance = CASE_HOPS};
static const struct case_walk accepted = {.section = "cloud-tcp",
					  .rounds = 1,
					  .box_at = 3,
					  .box_reply = "syn-ack",
					  .distance = CASE_HOPS};

static void clean_says_nothing(void **state)
{
	static const char *const rows[] = {"port-drop",     "dest-drop",        "fw-reset",
					   "server-closed", "admin-prohibited", "mute-after-accept",
					   "tcp-impostor"};
	struct judge_case c;
	(void)state;
	case_open(&c, "photon");
	case_rest(&c, (const char *const[]){NULL});
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		case_absent(&c, rows[i]);
	assert_int_equal(c.run->exit, SP_EXIT_WORKS);
	case_close(&c);
}

static void silence_beside_other_tcp_is_likely(void **state)
{
	struct judge_case c;
	(void)state;
	case_open(&c, "photon");
	CASE_REST(&c, "cloud-tcp");
	case_silent(&c, "cloud-tcp", CASE_TRIES);
	const struct verdict *d = case_expect(&c, "port-drop", CONF_LIKELY, EFFECT_BLOCKS);
	assert_non_null(strstr(d->summary, "looks like"));
	assert_non_null(d->ask);
	assert_true(d->n_log > 0);
	assert_int_equal(c.run->exit, SP_EXIT_BLOCKED);
	case_close(&c);
}

/* The same fault matters to no kind that counts by default: said, but nobody is asked. */
static void a_kind_that_does_not_count_asks_nobody(void **state)
{
	struct judge_case c;
	(void)state;
	case_open(&c, NULL);
	CASE_REST(&c, "cloud-tcp");
	case_silent(&c, "cloud-tcp", CASE_TRIES);
	assert_null(case_expect(&c, "port-drop", CONF_LIKELY, EFFECT_BLOCKS)->ask);
	assert_int_equal(c.run->exit, SP_EXIT_WORKS);
	case_close(&c);
}

static void few_tries_leave_it_open(void **state)
{
	struct judge_case c;
	(void)state;
	case_open(&c, "photon");
	CASE_REST(&c, "cloud-tcp");
	case_silent(&c, "cloud-tcp", 4);
	case_expect(&c, "port-drop", CONF_UNDETERMINED, EFFECT_BLOCKS);
	case_close(&c);
	case_open(&c, "photon");
	CASE_REST(&c, "cloud-tcp");
	case_silent(&c, "cloud-tcp", 2);
	case_absent(&c, "port-drop");
	case_close(&c);
}

static void steps_prove_a_drop(void **state)
{
	struct judge_case c;
	(void)state;
	case_open(&c, "photon");
	CASE_REST(&c, "cloud-tcp");
	case_silent(&c, "cloud-tcp", CASE_TRIES);
	case_walk(&c, &dropped);
	const struct verdict *d = case_expect(&c, "port-drop", CONF_PROVEN, EFFECT_BLOCKS);
	assert_non_null(strstr(d->summary, "drops TCP 5683"));
	assert_non_null(strstr(d->who, "hop 2"));
	assert_null(d->decide);
	case_close(&c);
}

/* One UDP service or two: where neither UDP nor TCP draws any answer, that is one cause. Where a
 * router beyond the gateway answers stepped packets, something does leave. */
static void nothing_gets_out(void **state)
{
	static const char *const sections[] = {"cloud-tcp", "ntp", "portal-a", "portal-b"};
	static const struct case_walk walk = {
		.section = "cloud-tcp", .rounds = 3, .drop_after = 2, .distance = CASE_HOPS};
	struct judge_case c;
	(void)state;
	case_open_profile(&c, "diag/profiles/particle-tcp.ini", NULL);
	case_names(&c);
	for (size_t i = 0; i < sizeof(sections) / sizeof(sections[0]); i++)
		case_silent(&c, sections[i], CASE_TRIES);
	case_expect(&c, "udp-all-blocked", CONF_LIKELY, EFFECT_BLOCKS);
	assert_int_equal(c.run->exit, SP_EXIT_BLOCKED);
	case_walk(&c, &walk);
	case_absent(&c, "udp-all-blocked");
	case_expect(&c, "port-drop", CONF_PROVEN, EFFECT_BLOCKS);
	case_close(&c);
}

/* Own output rules drop a SYN in silence: the network is not shown to do it. */
static void a_drop_before_the_first_router_may_be_ours(void **state)
{
	static const struct case_walk here = {
		.section = "cloud-tcp", .rounds = 3, .drop_here = true, .distance = CASE_HOPS};
	struct judge_case c;
	(void)state;
	case_open(&c, "photon");
	CASE_REST(&c, "cloud-tcp");
	case_silent(&c, "cloud-tcp", CASE_TRIES);
	case_walk(&c, &here);
	assert_non_null(strstr(case_expect(&c, "port-drop", CONF_LIKELY, EFFECT_BLOCKS)->who,
			       "own output"));
	case_close(&c);
}

/* Every router lets the SYN through and nobody answers: the server, the last box, or a box that drops
 * what comes back. */
static void steps_that_pass_leave_two_causes(void **state)
{
	struct judge_case c;
	(void)state;
	case_open(&c, "photon");
	CASE_REST(&c, "cloud-tcp");
	case_silent(&c, "cloud-tcp", CASE_TRIES);
	case_walk(&c, &open_path);
	case_expect(&c, "server-closed", CONF_UNDETERMINED, EFFECT_BLOCKS);
	assert_non_null(strstr(case_expect(&c, "port-drop", CONF_UNDETERMINED, EFFECT_BLOCKS)->who,
			       "way back"));
	assert_int_equal(c.run->exit, SP_EXIT_BLOCKED);
	case_close(&c);
}

/* The real SYNs stay unanswered, but a stepped one is not: contradictory, so nothing is claimed. */
static void a_stepped_answer_clears_the_server(void **state)
{
	static const struct case_walk answered = {.section = "cloud-tcp",
						  .rounds = 3,
						  .target_reply = "syn-ack",
						  .distance = CASE_HOPS};
	struct judge_case c;
	(void)state;
	case_open(&c, "photon");
	CASE_REST(&c, "cloud-tcp");
	case_silent(&c, "cloud-tcp", CASE_TRIES);
	case_walk(&c, &answered);
	case_absent(&c, "server-closed");
	case_expect(&c, "port-drop", CONF_UNDETERMINED, EFFECT_BLOCKS);
	case_close(&c);
}

static void a_late_answer_beats_the_silence(void **state)
{
	struct judge_case c;
	(void)state;
	case_open(&c, "photon");
	CASE_REST(&c, "cloud-tcp");
	case_silent(&c, "cloud-tcp", CASE_TRIES);
	case_greeting(&c, "cloud-tcp", 7, OUTCOME_ANSWERED, "nonce", 40);
	case_absent(&c, "port-drop");
	case_close(&c);
}

static void one_destination_of_several(void **state)
{
	struct judge_case c;
	(void)state;
	case_open(&c, NULL);
	CASE_REST(&c, "api");
	case_silent(&c, "api", CASE_TRIES);
	case_expect(&c, "dest-drop", CONF_UNDETERMINED, EFFECT_NOTE);
	case_absent(&c, "port-drop");
	assert_int_equal(c.run->exit, SP_EXIT_WORKS);
	case_close(&c);
}

static void reset_before_the_server_is_proven(void **state)
{
	struct judge_case c;
	(void)state;
	case_open(&c, "photon");
	CASE_REST(&c, "cloud-tcp");
	case_refused(&c, "cloud-tcp");
	case_walk(&c, &box);
	const struct verdict *d = case_expect(&c, "fw-reset", CONF_PROVEN, EFFECT_BLOCKS);
	assert_non_null(strstr(d->who, "4 hops"));
	case_absent(&c, "server-closed");
	assert_int_equal(c.run->exit, SP_EXIT_BLOCKED);
	case_close(&c);
}

static void reset_where_the_server_stands(void **state)
{
	struct judge_case c;
	(void)state;
	case_open(&c, "photon");
	CASE_REST(&c, "cloud-tcp");
	case_refused(&c, "cloud-tcp");
	case_walk(&c, &at_server);
	case_expect(&c, "server-closed", CONF_LIKELY, EFFECT_BLOCKS);
	case_absent(&c, "fw-reset");
	case_close(&c);
}

static void reset_without_steps_says_both(void **state)
{
	struct judge_case c;
	(void)state;
	case_open(&c, "photon");
	CASE_REST(&c, "cloud-tcp");
	case_refused(&c, "cloud-tcp");
	const struct verdict *d = case_expect(&c, "fw-reset", CONF_UNDETERMINED, EFFECT_BLOCKS);
	assert_non_null(strstr(d->who, "C4"));
	assert_non_null(strstr(d->decide, "stepped TTL"));
	d = case_expect(&c, "server-closed", CONF_UNDETERMINED, EFFECT_BLOCKS);
	assert_non_null(strstr(d->who, "C3"));
	assert_int_equal(c.run->exit, SP_EXIT_BLOCKED);
	case_close(&c);
}

/* A box that resets every port stands where another path still shows routers: not the server. */
static void reset_nearer_than_known_routers_stays_open(void **state)
{
	static const struct case_walk both = {.section = "cloud-tcp",
					      .rounds = 1,
					      .box_at = 3,
					      .control_box_at = 3,
					      .box_reply = "rst",
					      .distance = CASE_HOPS};
	static const struct case_walk other = {
		.section = "cloud-udp", .rounds = 1, .distance = CASE_HOPS};
	struct judge_case c;
	(void)state;
	case_open(&c, "photon");
	CASE_REST(&c, "cloud-tcp");
	case_refused(&c, "cloud-tcp");
	case_walk(&c, &both);
	case_walk(&c, &other);
	case_expect(&c, "fw-reset", CONF_UNDETERMINED, EFFECT_BLOCKS);
	case_close(&c);
}

/* A sinkhole address is this host itself: its RST says nothing about any network. */
static void an_address_that_leads_nowhere(void **state)
{
	struct judge_case c;
	(void)state;
	case_open(&c, "photon");
	CASE_REST(&c, "cloud-tcp");
	for (uint32_t i = 1; i <= 3; i++) {
		case_own(&c, "cloud-tcp", "", i, OUTCOME_REFUSED, i);
		obs_text(&c.next, A_ADDRESS, "0.0.0.0");
		obs_text(&c.next, A_PHASE, "connect");
		case_end(&c);
	}
	case_begin(&c, run_check(c.run, "path", NULL), 1, OUTCOME_ANSWERED, 4);
	case_flow(&c, "tcp", "0.0.0.0", 5683);
	obs_text(&c.next, A_ROLE, "suspect");
	obs_text(&c.next, A_SERIES, "tcp:5683");
	obs_int(&c.next, A_IP_TTL, 1);
	obs_text(&c.next, A_REPLY, "rst");
	case_end(&c);
	case_absent(&c, "fw-reset");
	case_absent(&c, "server-closed");
	case_close(&c);
}

static void icmp_names_the_box(void **state)
{
	struct judge_case c;
	(void)state;
	case_open(&c, "photon");
	CASE_REST(&c, "cloud-tcp");
	case_icmp(&c, "cloud-tcp", OUTCOME_REJECTED, 13, "203.0.113.1");
	const struct verdict *d = case_expect(&c, "admin-prohibited", CONF_PROVEN, EFFECT_BLOCKS);
	assert_non_null(strstr(d->who, "203.0.113.1"));
	assert_non_null(strstr(d->remedy, "203.0.113.1"));
	assert_int_equal(c.run->exit, SP_EXIT_BLOCKED);
	case_close(&c);
}

/* Routers save ICMP messages: a silent neighbour of a rejected target on the same port is likely
 * rejected as well, and no drop is claimed for it. */
static void a_saved_message_is_likely_the_same_rule(void **state)
{
	struct judge_case c;
	(void)state;
	case_open(&c, NULL);
	CASE_REST(&c, "api", "console", "docs", "build", "binaries");
	case_icmp(&c, "api", OUTCOME_REJECTED, 13, "203.0.113.1");
	for (size_t i = 0; i < 4; i++)
		case_silent(&c, (const char *const[]){"console", "docs", "build", "binaries"}[i],
			    CASE_TRIES);
	case_absent(&c, "port-drop");
	assert_int_equal(case_count(&c, "admin-prohibited"), 2);
	for (size_t i = 0; i < c.run->n_verdicts; i++) {
		const struct verdict *d = &c.run->verdicts[i];
		int api = profile_target_by_section(c.run->profile, "api");
		bool rejected = d->targets == UINT64_C(1) << api;
		assert_int_equal(d->confidence, rejected ? CONF_PROVEN : CONF_LIKELY);
		assert_non_null(strstr(d->who, "203.0.113.1"));
	}
	case_close(&c);
}

static void icmp_of_the_target_is_the_server(void **state)
{
	struct judge_case c;
	(void)state;
	case_open(&c, "photon");
	CASE_REST(&c, "cloud-tcp");
	case_icmp(&c, "cloud-tcp", OUTCOME_REFUSED, 3, "198.51.100.11");
	case_expect(&c, "server-closed", CONF_LIKELY, EFFECT_BLOCKS);
	case_absent(&c, "admin-prohibited");
	case_absent(&c, "fw-reset");
	case_close(&c);
}

static void icmp_without_a_route_is_not_policy(void **state)
{
	struct judge_case c;
	(void)state;
	case_open(&c, "photon");
	CASE_REST(&c, "cloud-tcp");
	case_icmp(&c, "cloud-tcp", OUTCOME_UNREACHABLE, 1, "203.0.113.1");
	case_absent(&c, "admin-prohibited");
	case_expect(&c, "no-route", CONF_PROVEN, EFFECT_BLOCKS);
	case_close(&c);
}

static void open_and_mute(void **state)
{
	struct judge_case c;
	(void)state;
	case_open(&c, "photon");
	CASE_REST(&c, "cloud-tcp");
	case_greeting(&c, "cloud-tcp", 1, OUTCOME_SILENT, "silent", 0);
	case_expect(&c, "mute-after-accept", CONF_UNDETERMINED, EFFECT_BLOCKS);
	case_greeting(&c, "cloud-tcp", 2, OUTCOME_SILENT, "silent", 0);
	case_expect(&c, "mute-after-accept", CONF_LIKELY, EFFECT_BLOCKS);
	case_absent(&c, "accept-all-tcp");
	case_walk(&c, &accepted); /* ... and a box before the server accepts: that is the proxy */
	case_expect(&c, "accept-all-tcp", CONF_PROVEN, EFFECT_BLOCKS);
	case_absent(&c, "mute-after-accept");
	case_close(&c);
}

static void wrong_greetings(void **state)
{
	static const struct {
		const char *greeting;
		int bytes;
		enum outcome outcome;
		enum confidence confidence;
	} rows[] = {
		{"text", 34, OUTCOME_MISMATCH, CONF_PROVEN},
		{"http", 90, OUTCOME_MISMATCH, CONF_PROVEN},
		{"tls", 7, OUTCOME_MISMATCH, CONF_PROVEN},
		{"short", 29, OUTCOME_MISMATCH, CONF_LIKELY},
		{"long", 64, OUTCOME_MISMATCH, CONF_LIKELY},
		{"closed", 0, OUTCOME_RESET, CONF_LIKELY},
	};
	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct judge_case c;
		case_open(&c, "photon");
		CASE_REST(&c, "cloud-tcp");
		case_greeting(&c, "cloud-tcp", 1, rows[i].outcome, rows[i].greeting, rows[i].bytes);
		case_expect(&c, "tcp-impostor", rows[i].confidence, EFFECT_BLOCKS);
		case_absent(&c, "mute-after-accept");
		assert_int_equal(c.run->exit, SP_EXIT_BLOCKED);
		case_close(&c);
	}
}

static void a_box_that_answers_is_named(void **state)
{
	struct judge_case c;
	(void)state;
	case_open(&c, "photon");
	CASE_REST(&c, "cloud-tcp");
	case_greeting(&c, "cloud-tcp", 1, OUTCOME_MISMATCH, "short", 12);
	case_walk(&c, &accepted);
	assert_non_null(
		strstr(case_expect(&c, "tcp-impostor", CONF_PROVEN, EFFECT_BLOCKS)->who, "3 hops"));
	case_close(&c);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(clean_says_nothing),
		cmocka_unit_test(silence_beside_other_tcp_is_likely),
		cmocka_unit_test(a_kind_that_does_not_count_asks_nobody),
		cmocka_unit_test(few_tries_leave_it_open),
		cmocka_unit_test(steps_prove_a_drop),
		cmocka_unit_test(nothing_gets_out),
		cmocka_unit_test(a_drop_before_the_first_router_may_be_ours),
		cmocka_unit_test(steps_that_pass_leave_two_causes),
		cmocka_unit_test(a_stepped_answer_clears_the_server),
		cmocka_unit_test(a_late_answer_beats_the_silence),
		cmocka_unit_test(one_destination_of_several),
		cmocka_unit_test(reset_before_the_server_is_proven),
		cmocka_unit_test(reset_where_the_server_stands),
		cmocka_unit_test(reset_without_steps_says_both),
		cmocka_unit_test(reset_nearer_than_known_routers_stays_open),
		cmocka_unit_test(an_address_that_leads_nowhere),
		cmocka_unit_test(icmp_names_the_box),
		cmocka_unit_test(a_saved_message_is_likely_the_same_rule),
		cmocka_unit_test(icmp_of_the_target_is_the_server),
		cmocka_unit_test(icmp_without_a_route_is_not_policy),
		cmocka_unit_test(open_and_mute),
		cmocka_unit_test(wrong_greetings),
		cmocka_unit_test(a_box_that_answers_is_named),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
