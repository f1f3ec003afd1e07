/* U1 U2 U3 U4 U5: each on its evidence, and on the evidence of its look-alikes. */
#include "judge_case.h"

#define CLOUD "cloud-udp"

static const char *const rows[] = {"udp-all-blocked", "udp-port-blocked", "udp-rejected",
				   "server-down",     "udp-dest-block",   "flight-stall",
				   "udp-impostor",    NULL};

/* Everything works but the cloud's UDP port, which stays silent. */
static void open_silent(struct judge_case *c, unsigned tries)
{
	case_open(c, NULL);
	CASE_REST(c, CLOUD);
	case_silent(c, CLOUD, tries);
}

/* Another operator answers on the same port (--controls). */
static void add_peer(struct judge_case *c)
{
	case_begin(c, case_check(c, CLOUD, ".hello"), 1, OUTCOME_ANSWERED, 3);
	case_flow(c, "udp", "198.51.100.77", 5684);
	obs_text(&c->next, A_ROLE, "control");
	obs_text(&c->next, A_NAME, "coap.golioth.io");
	obs_text(&c->next, A_DTLS, "hello-verify-request");
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

/* ---- U2 ---- */
static void silence_beside_other_traffic_is_likely(void **state)
{
	struct judge_case c;
	(void)state;
	open_silent(&c, CASE_TRIES);
	const struct verdict *d = case_expect(&c, "udp-port-blocked", CONF_LIKELY, EFFECT_BLOCKS);
	assert_non_null(strstr(d->summary, "looks like it drops outbound UDP 5684"));
	assert_non_null(strstr(d->seen, "0 of 6 tries answered"));
	assert_non_null(strstr(d->ask, "*.udp.particle.io"));
	assert_int_equal(d->n_log, 6); /* one five-tuple a try */
	CASE_ONLY(&c, rows, "udp-port-blocked");
	assert_int_equal(c.run->exit, SP_EXIT_BLOCKED);
	case_close(&c);
}

static void four_tries_are_not_five(void **state)
{
	struct judge_case c;
	(void)state;
	open_silent(&c, 4);
	case_expect(&c, "udp-port-blocked", CONF_UNDETERMINED, EFFECT_BLOCKS);
	assert_int_equal(c.run->exit, SP_EXIT_UNKNOWN);
	assert_int_equal(case_state(&c, CLOUD), STATE_UNKNOWN);
	case_close(&c);
	open_silent(&c, 2);
	case_absent(&c, "udp-port-blocked");
	assert_int_equal(c.run->exit, SP_EXIT_UNKNOWN);
	case_close(&c);
}

/* Many tries, but the last answer that was waited for could have come before 8 s. */
static void tries_within_less_than_eight_seconds(void **state)
{
	static const double last_s[] = {7.9, 8.0};
	(void)state;
	for (int i = 0; i < 2; i++) {
		struct judge_case c;
		case_open(&c, NULL);
		CASE_REST(&c, CLOUD);
		for (uint32_t n = 0; n < 9; n++) {
			double t = n < 8 ? 1 + n * 0.5 : last_s[i];
			obs_real(case_own(&c, CLOUD, ".hello", n + 1, OUTCOME_SILENT, t),
				 A_WAITED_MS, n < 8 ? 1000 : 500);
			case_end(&c);
		}
		case_expect(&c, "udp-port-blocked", i ? CONF_LIKELY : CONF_UNDETERMINED,
			    EFFECT_BLOCKS);
		assert_int_equal(c.run->exit, i ? SP_EXIT_BLOCKED : SP_EXIT_UNKNOWN);
		case_close(&c);
	}
}

/* Nothing else works either: no control, so not even `likely`, and still not "fine". */
static void silence_without_a_control(void **state)
{
	struct judge_case c;
	struct sp_error err;
	(void)state;
	case_open(&c, NULL);
	c.settings.only = (struct text_list){{"udp5684"}, 1};
	assert_int_equal(plan_make(c.run, &err), 0);
	case_silent(&c, CLOUD, CASE_TRIES);
	case_expect(&c, "udp-port-blocked", CONF_UNDETERMINED, EFFECT_BLOCKS);
	case_close(&c);
}

static void steps_prove_a_drop(void **state)
{
	static const struct case_walk walk = {
		.section = CLOUD, .rounds = 3, .drop_after = 2, .distance = CASE_HOPS};
	struct judge_case c;
	(void)state;
	open_silent(&c, CASE_TRIES);
	case_walk(&c, &walk);
	const struct verdict *d = case_expect(&c, "udp-port-blocked", CONF_PROVEN, EFFECT_BLOCKS);
	assert_non_null(strstr(d->summary, "drops outbound UDP 5684"));
	assert_non_null(strstr(d->who, "hop 2"));
	assert_null(d->decide);
	CASE_ONLY(&c, rows, "udp-port-blocked");
	assert_int_equal(c.run->exit, SP_EXIT_BLOCKED);
	case_close(&c);
}

/* Each condition of the differential that does not hold takes the proof away. */
static void steps_that_prove_nothing(void **state)
{
	static const struct {
		struct case_walk walk;
		enum confidence confidence;
	} cases[] = {
		{{.section = CLOUD, .rounds = 2, .drop_after = 2, .distance = CASE_HOPS},
		 CONF_LIKELY},
		{{.section = CLOUD,
		  .rounds = 3,
		  .drop_after = 2,
		  .mixed_at = 2,
		  .distance = CASE_HOPS},
		 CONF_LIKELY}, /* load-balanced before the gap */
		{{.section = CLOUD,
		  .rounds = 3,
		  .drop_after = 2,
		  .routers_mute = true,
		  .distance = CASE_HOPS},
		 CONF_LIKELY}, /* no Time Exceeded for either: no evidence, not a block */
		{{.section = CLOUD, .rounds = 3, .drop_after = 4, .distance = CASE_HOPS},
		 CONF_UNDETERMINED}, /* right before the target: the server itself looks the same */
		{{.section = CLOUD, .rounds = 3, .distance = CASE_HOPS}, CONF_UNDETERMINED},
	};
	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct judge_case c;
		open_silent(&c, CASE_TRIES);
		case_walk(&c, &cases[i].walk);
		case_expect(&c, "udp-port-blocked", cases[i].confidence, EFFECT_BLOCKS);
		assert_int_equal(c.run->exit, SP_EXIT_BLOCKED);
		case_close(&c);
	}
}

/* Routers that send one Time Exceeded a second answer whoever asks first: with the control always
 * first a clean path looked like a drop, so what is missing must be followed by a control. */
static void a_control_that_was_always_first(void **state)
{
	static const struct case_walk walk = {
		.section = CLOUD, .rounds = 3, .drop_after = 2, .distance = CASE_HOPS};
	struct judge_case c;
	(void)state;
	open_silent(&c, CASE_TRIES);
	for (int suspect = 0; suspect < 2; suspect++)
		for (unsigned round = 1; round <= walk.rounds; round++)
			for (unsigned ttl = 1; ttl <= walk.distance; ttl++)
				case_step(&c, &walk, round, ttl, !suspect);
	case_expect(&c, "udp-port-blocked", CONF_LIKELY, EFFECT_BLOCKS);
	case_close(&c);
}

/* Proof rule 2. */
static void one_answer_beats_all_losses(void **state)
{
	static const struct case_walk walk = {
		.section = CLOUD, .rounds = 3, .drop_after = 2, .distance = CASE_HOPS};
	struct judge_case c;
	(void)state;
	open_silent(&c, CASE_TRIES);
	case_walk(&c, &walk);
	case_hello(&c, CLOUD, 7, 12);
	case_identity(&c, CLOUD, OUTCOME_ANSWERED, "verified");
	CASE_NONE(&c, rows);
	assert_int_equal(c.run->exit, SP_EXIT_WORKS);
	case_close(&c);
}

/* The answer came after its try had been noted as silent. */
static void a_late_answer_to_a_silent_try(void **state)
{
	struct judge_case c;
	(void)state;
	open_silent(&c, CASE_TRIES);
	case_hello(&c, CLOUD, 1, 2.6);
	case_identity(&c, CLOUD, OUTCOME_ANSWERED, "verified");
	CASE_NONE(&c, rows);
	assert_int_equal(case_check(&c, CLOUD, ".hello")->answered, 1);
	assert_int_equal(c.run->exit, SP_EXIT_WORKS);
	case_close(&c);
}

/* ---- U1 ---- */
static void no_udp_at_all(void **state)
{
	struct judge_case c;
	(void)state;
	case_open(&c, NULL);
	CASE_REST(&c, CLOUD, "ntp");
	case_silent(&c, CLOUD, CASE_TRIES);
	case_silent(&c, "ntp", CASE_TRIES);
	const struct verdict *d = case_expect(&c, "udp-all-blocked", CONF_LIKELY, EFFECT_BLOCKS);
	assert_non_null(strstr(d->seen, "while TCP connections work"));
	CASE_ONLY(&c, rows, "udp-all-blocked");
	case_absent(&c, "ntp-blocked");
	assert_int_equal(c.run->exit, SP_EXIT_BLOCKED);
	case_close(&c);
}

static void no_udp_in_four_tries(void **state)
{
	struct judge_case c;
	(void)state;
	case_open(&c, NULL);
	CASE_REST(&c, CLOUD, "ntp");
	case_silent(&c, CLOUD, 4);
	case_silent(&c, "ntp", 4);
	case_expect(&c, "udp-all-blocked", CONF_UNDETERMINED, EFFECT_BLOCKS);
	assert_int_equal(c.run->exit, SP_EXIT_UNKNOWN);
	case_close(&c);
}

/* A denied host (L3) and a dead uplink look the same from here: both are said. */
static void nothing_gets_out_at_all(void **state)
{
	struct judge_case c;
	(void)state;
	case_open(&c, NULL);
	CASE_REST(&c, CLOUD, "ntp", "cloud-tcp", "api", "console", "docs", "build", "binaries",
		  "portal-a", "portal-b");
	for (size_t i = 0; i < c.run->profile->n_targets; i++)
		case_silent(&c, c.run->profile->targets[i].section, CASE_TRIES);
	const struct verdict *d = case_expect(&c, "udp-all-blocked", CONF_LIKELY, EFFECT_BLOCKS);
	assert_non_null(strstr(d->summary, "Nothing from this host gets out"));
	assert_non_null(strstr(d->decide, "MAC"));
	case_absent(&c, "captive-http");
	assert_int_equal(c.run->exit, SP_EXIT_BLOCKED);
	case_close(&c);
}

enum udp_sign { NTP_ANSWERS, OUTSIDE_RESOLVER, STEP_BEYOND_ONE, NTP_REJECTED, N_SIGNS };

static void add_sign(struct judge_case *c, enum udp_sign sign)
{
	if (sign == NTP_ANSWERS)
		case_good(c, "ntp");
	else if (sign == NTP_REJECTED)
		case_icmp(c, "ntp", OUTCOME_REJECTED, 13, "203.0.113.1");
	else
		case_silent(c, "ntp", CASE_TRIES);
	if (sign == OUTSIDE_RESOLVER) {
		case_begin(c, run_check(c->run, "dns.name", "pool.ntp.org"), 1, OUTCOME_ANSWERED,
			   2);
		case_flow(c, "udp", "9.9.9.9", 53);
		obs_text(&c->next, A_ROLE, "control");
		obs_text(&c->next, A_RESOLVER, "9.9.9.9");
		obs_int(&c->next, A_RCODE, 0);
		case_end(c);
	}
	if (sign == STEP_BEYOND_ONE) {
		static const struct case_walk walk = {.section = "ntp", .distance = CASE_HOPS};
		case_step(c, &walk, 1, 2, false);
	}
}

/* U1 needs every UDP service silent and no sign of UDP beyond the first router. */
static void one_port_beside_a_dead_time_server(void **state)
{
	(void)state;
	for (enum udp_sign sign = 0; sign < N_SIGNS; sign++) {
		struct judge_case c;
		case_open(&c, NULL);
		CASE_REST(&c, CLOUD, "ntp");
		case_silent(&c, CLOUD, CASE_TRIES);
		add_sign(&c, sign);
		case_expect(&c, "udp-port-blocked", CONF_LIKELY, EFFECT_BLOCKS);
		CASE_ONLY(&c, rows, "udp-port-blocked");
		case_close(&c);
	}
}

/* The first router answers for itself: nothing has left the site yet. */
static void a_step_to_the_first_router_is_no_sign(void **state)
{
	static const struct case_walk walk = {.section = "ntp", .distance = CASE_HOPS};
	struct judge_case c;
	(void)state;
	case_open(&c, NULL);
	CASE_REST(&c, CLOUD, "ntp");
	case_silent(&c, CLOUD, CASE_TRIES);
	case_silent(&c, "ntp", CASE_TRIES);
	case_step(&c, &walk, 1, 1, false);
	case_expect(&c, "udp-all-blocked", CONF_LIKELY, EFFECT_BLOCKS);
	case_close(&c);
}

/* ---- U3, and port unreachable of the target itself ---- */
static void icmp_names_the_box(void **state)
{
	static const int codes[] = {3, 9, 10, 13};
	(void)state;
	for (size_t i = 0; i < sizeof(codes) / sizeof(codes[0]); i++) {
		struct judge_case c;
		case_open(&c, NULL);
		CASE_REST(&c, CLOUD);
		case_icmp(&c, CLOUD, OUTCOME_REJECTED, codes[i], "203.0.113.1");
		const struct verdict *d =
			case_expect(&c, "udp-rejected", CONF_PROVEN, EFFECT_BLOCKS);
		assert_non_null(strstr(d->who, "203.0.113.1"));
		assert_non_null(strstr(d->remedy, "203.0.113.1"));
		assert_non_null(strstr(d->ask, "allow outbound UDP 5684"));
		CASE_ONLY(&c, rows, "udp-rejected");
		assert_int_equal(c.run->exit, SP_EXIT_BLOCKED);
		case_close(&c);
	}
}

static void icmp_of_the_target_is_the_server(void **state)
{
	struct judge_case c;
	(void)state;
	case_open(&c, NULL);
	CASE_REST(&c, CLOUD);
	case_icmp(&c, CLOUD, OUTCOME_REFUSED, 3, "198.51.100.10");
	const struct verdict *d = case_expect(&c, "server-down", CONF_LIKELY, EFFECT_BLOCKS);
	assert_non_null(strstr(d->seen, "the server's own address"));
	assert_null(d->ask);
	CASE_ONLY(&c, rows, "server-down");
	assert_int_equal(c.run->exit, SP_EXIT_BLOCKED);
	case_close(&c);
}

static void icmp_of_other_kinds(void **state)
{
	struct judge_case c;
	(void)state;
	case_open(&c, NULL);
	CASE_REST(&c, CLOUD);
	case_icmp(&c, CLOUD, OUTCOME_UNREACHABLE, 1, "203.0.113.1");
	CASE_NONE(&c, rows);
	case_expect(&c, "no-route", CONF_PROVEN, EFFECT_BLOCKS);
	case_close(&c);
	case_open(&c, NULL);
	CASE_REST(&c, CLOUD);
	for (uint32_t i = 1; i <= 3; i++) {
		case_own(&c, CLOUD, ".hello", i, OUTCOME_REJECTED, i);
		obs_int(&c.next, A_ICMP_TYPE, 3);
		obs_int(&c.next, A_ICMP_CODE, 13);
		obs_text(&c.next, A_ICMP_FROM, "192.168.77.10");
		obs_bool(&c.next, A_FROM_SELF, true);
		case_end(&c);
	}
	CASE_NONE(&c, rows);
	case_expect(&c, "own-firewall", CONF_PROVEN, EFFECT_BLOCKS);
	case_close(&c);
}

/* Several boxes spoke: the one is named whose message is the rejection. */
static void the_box_that_rejects_is_named(void **state)
{
	struct judge_case c;
	(void)state;
	case_open(&c, NULL);
	CASE_REST(&c, CLOUD);
	case_icmp(&c, CLOUD, OUTCOME_UNREACHABLE, 1, "203.0.113.9");
	case_icmp(&c, CLOUD, OUTCOME_REFUSED, 3, "198.51.100.10");
	for (uint32_t i = 4; i < 7; i++) {
		case_own(&c, CLOUD, ".hello", i, OUTCOME_REJECTED, i);
		obs_int(&c.next, A_ICMP_TYPE, 3);
		obs_int(&c.next, A_ICMP_CODE, 13);
		obs_text(&c.next, A_ICMP_FROM, "203.0.113.1");
		case_end(&c);
	}
	assert_non_null(strstr(case_expect(&c, "udp-rejected", CONF_PROVEN, EFFECT_BLOCKS)->who,
			       "203.0.113.1"));
	CASE_ONLY(&c, rows, "udp-rejected");
	case_absent(&c, "no-route");
	case_close(&c);
}

/* A rejected packet and an authentic answer: somebody lied, and it was not the answer. */
static void an_answer_beats_the_rejection(void **state)
{
	struct judge_case c;
	(void)state;
	case_open(&c, NULL);
	CASE_REST(&c, CLOUD);
	case_icmp(&c, CLOUD, OUTCOME_REJECTED, 13, "203.0.113.1");
	case_hello(&c, CLOUD, 4, 3);
	case_identity(&c, CLOUD, OUTCOME_ANSWERED, "verified");
	CASE_NONE(&c, rows);
	assert_int_equal(c.run->exit, SP_EXIT_WORKS);
	case_close(&c);
}

/* ---- U4 and U5 ---- */
static void clear_routers_fit_two_causes(void **state)
{
	static const struct case_walk walk = {
		.section = CLOUD, .rounds = 3, .distance = CASE_HOPS};
	struct judge_case c;
	(void)state;
	open_silent(&c, CASE_TRIES);
	case_walk(&c, &walk);
	const struct verdict *d =
		case_expect(&c, "udp-port-blocked", CONF_UNDETERMINED, EFFECT_BLOCKS);
	assert_non_null(strstr(d->decide, "another network"));
	assert_non_null(strstr(d->who, "the server itself"));
	d = case_expect(&c, "server-down", CONF_UNDETERMINED, EFFECT_BLOCKS);
	assert_non_null(strstr(d->who, "(U2)"));
	assert_non_null(strstr(d->decide, "another network"));
	CASE_ONLY(&c, rows, "udp-port-blocked", "server-down");
	assert_int_equal(c.run->exit, SP_EXIT_BLOCKED);
	case_close(&c);
}

/* Proof rule 9. */
static void another_operator_answers_on_the_port(void **state)
{
	static const struct case_walk clear = {
		.section = CLOUD, .rounds = 3, .distance = CASE_HOPS};
	struct judge_case c;
	(void)state;
	open_silent(&c, CASE_TRIES);
	add_peer(&c);
	const struct verdict *d = case_expect(&c, "server-down", CONF_UNDETERMINED, EFFECT_BLOCKS);
	assert_non_null(strstr(d->who, "(U5)"));
	assert_non_null(strstr(d->seen, "coap.golioth.io"));
	CASE_ONLY(&c, rows, "server-down");
	case_walk(&c, &clear); /* ... and the routers let it through: the server */
	case_expect(&c, "server-down", CONF_LIKELY, EFFECT_BLOCKS);
	CASE_ONLY(&c, rows, "server-down");
	assert_int_equal(c.run->exit, SP_EXIT_BLOCKED);
	case_close(&c);
}

static void only_this_destination_is_dropped(void **state)
{
	static const struct case_walk walk = {
		.section = CLOUD, .rounds = 3, .drop_after = 2, .distance = CASE_HOPS};
	struct judge_case c;
	(void)state;
	open_silent(&c, CASE_TRIES);
	case_walk(&c, &walk);
	add_peer(&c);
	const struct verdict *d = case_expect(&c, "udp-dest-block", CONF_PROVEN, EFFECT_BLOCKS);
	assert_non_null(strstr(d->summary, "not the port as such"));
	assert_non_null(strstr(d->who, "hop 2"));
	CASE_ONLY(&c, rows, "udp-dest-block");
	assert_int_equal(c.run->exit, SP_EXIT_BLOCKED);
	case_close(&c);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(clean_says_nothing),
		cmocka_unit_test(silence_beside_other_traffic_is_likely),
		cmocka_unit_test(four_tries_are_not_five),
		cmocka_unit_test(tries_within_less_than_eight_seconds),
		cmocka_unit_test(silence_without_a_control),
		cmocka_unit_test(steps_prove_a_drop),
		cmocka_unit_test(steps_that_prove_nothing),
		cmocka_unit_test(a_control_that_was_always_first),
		cmocka_unit_test(one_answer_beats_all_losses),
		cmocka_unit_test(a_late_answer_to_a_silent_try),
		cmocka_unit_test(no_udp_at_all),
		cmocka_unit_test(no_udp_in_four_tries),
		cmocka_unit_test(nothing_gets_out_at_all),
		cmocka_unit_test(one_port_beside_a_dead_time_server),
		cmocka_unit_test(a_step_to_the_first_router_is_no_sign),
		cmocka_unit_test(icmp_names_the_box),
		cmocka_unit_test(icmp_of_the_target_is_the_server),
		cmocka_unit_test(icmp_of_other_kinds),
		cmocka_unit_test(the_box_that_rejects_is_named),
		cmocka_unit_test(an_answer_beats_the_rejection),
		cmocka_unit_test(clear_routers_fit_two_causes),
		cmocka_unit_test(another_operator_answers_on_the_port),
		cmocka_unit_test(only_this_destination_is_dropped),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
