/* U11 and U21: what comes after the first datagram, and what looks like it. */
#include "judge_case.h"

#define CLOUD "cloud-udp"

static const char *const rows[] = {"udp-all-blocked", "udp-port-blocked", "udp-rejected",
				   "server-down",     "udp-dest-block",   "flight-stall",
				   "udp-impostor",    NULL};

/* ---- U11 ---- */
static void the_flight_stays_away(void **state)
{
	static const struct {
		enum outcome outcome;
		const char *word, *seen;
	} cases[] = {
		{OUTCOME_SILENT, "stalled", "nothing of the server's flight"},
		{OUTCOME_RESET, "alert", "an alert comes instead"},
		{OUTCOME_SILENT, "partial", "only server-hello came"},
	};
	(void)state;
	for (size_t i = 0; i < 3; i++) {
		struct judge_case c;
		case_open(&c, NULL);
		CASE_REST(&c, CLOUD);
		case_hello(&c, CLOUD, 1, 0.01);
		case_own(&c, CLOUD, ".identity", 4, cases[i].outcome, 6);
		obs_text(&c.next, A_IDENTITY, cases[i].word);
		if (i == 2)
			obs_text(&c.next, A_FLIGHT, "server-hello");
		case_end(&c);
		const struct verdict *d =
			case_expect(&c, "flight-stall", CONF_UNDETERMINED, EFFECT_FRAGILE);
		assert_non_null(strstr(d->seen, cases[i].seen));
		CASE_ONLY(&c, rows, "flight-stall");
		assert_int_equal(c.run->exit, SP_EXIT_FRAGILE);
		case_close(&c);
	}
}

/* The echo comes back, the hello does not: something looks into the packets. */
static void the_echo_passes_and_the_hello_does_not(void **state)
{
	struct judge_case c;
	(void)state;
	case_open(&c, NULL);
	CASE_REST(&c, CLOUD);
	case_silent(&c, CLOUD, CASE_TRIES);
	case_own(&c, CLOUD, ".echo", 1, OUTCOME_ANSWERED, 0.1);
	case_end(&c);
	const struct verdict *d = case_expect(&c, "flight-stall", CONF_UNDETERMINED, EFFECT_BLOCKS);
	assert_non_null(strstr(d->seen, "echo test is answered"));
	CASE_ONLY(&c, rows, "flight-stall");
	assert_int_equal(c.run->exit, SP_EXIT_BLOCKED);
	case_close(&c);
}

static void a_flight_that_was_not_waited_for(void **state)
{
	struct judge_case c;
	(void)state;
	case_open(&c, NULL);
	CASE_REST(&c, CLOUD);
	case_hello(&c, CLOUD, 1, 0.01);
	case_identity(&c, CLOUD, OUTCOME_ABORTED, "stalled");
	CASE_NONE(&c, rows);
	assert_int_not_equal(c.run->exit, SP_EXIT_WORKS);
	assert_int_not_equal(c.run->exit, SP_EXIT_BLOCKED);
	case_close(&c);
}

/* ---- U21 ---- */
static void a_wrong_key_is_proven(void **state)
{
	static const char *const words[] = {"wrong-signature", "wrong-suite", "malformed-params"};
	(void)state;
	for (size_t i = 0; i < 3; i++) {
		struct judge_case c;
		case_open(&c, NULL);
		CASE_REST(&c, CLOUD);
		case_hello(&c, CLOUD, 1, 0.01);
		case_identity(&c, CLOUD, OUTCOME_MISMATCH, words[i]);
		const struct verdict *d =
			case_expect(&c, "udp-impostor", CONF_PROVEN, EFFECT_BLOCKS);
		assert_non_null(strstr(d->who, "not shown where"));
		CASE_ONLY(&c, rows, "udp-impostor");
		assert_int_equal(c.run->exit, SP_EXIT_BLOCKED);
		case_close(&c);
	}
}

static void garble(struct judge_case *c, uint32_t attempt, double t_s)
{
	obs_text(case_own(c, CLOUD, ".hello", attempt, OUTCOME_GARBLED, t_s), A_HEX, "48545450");
	case_end(c);
}

/* One damaged datagram can be chance. */
static void garbage_once_and_twice(void **state)
{
	struct judge_case c;
	(void)state;
	case_open(&c, NULL);
	CASE_REST(&c, CLOUD);
	garble(&c, 1, 0.1);
	case_expect(&c, "udp-impostor", CONF_UNDETERMINED, EFFECT_BLOCKS);
	garble(&c, 2, 0.6);
	case_expect(&c, "udp-impostor", CONF_PROVEN, EFFECT_BLOCKS);
	CASE_ONLY(&c, rows, "udp-impostor");
	assert_int_equal(c.run->exit, SP_EXIT_BLOCKED);
	case_hello(&c, CLOUD, 3, 1.6); /* ... and then the cloud itself: somebody disturbed */
	case_identity(&c, CLOUD, OUTCOME_ANSWERED, "verified");
	CASE_NONE(&c, rows);
	assert_int_equal(c.run->exit, SP_EXIT_WORKS);
	case_close(&c);
}

/* Proof rule 8b: the answer came to a packet that could not have reached the server. */
static void an_early_answer_names_the_box(void **state)
{
	static const struct case_walk walk = {.section = CLOUD,
					      .rounds = 1,
					      .box_at = 2,
					      .box_reply = "data",
					      .distance = CASE_HOPS};
	struct judge_case c;
	(void)state;
	case_open(&c, NULL);
	CASE_REST(&c, CLOUD);
	case_hello(&c, CLOUD, 1, 0.01);
	case_identity(&c, CLOUD, OUTCOME_MISMATCH, "wrong-signature");
	case_walk(&c, &walk);
	const struct verdict *d = case_expect(&c, "udp-impostor", CONF_PROVEN, EFFECT_BLOCKS);
	assert_non_null(strstr(d->who, "at most 2 hops away"));
	case_close(&c);
}

/* One address of the name holds the key, another does not: devices get through. */
static void one_of_two_addresses_is_genuine(void **state)
{
	struct judge_case c;
	(void)state;
	case_open(&c, NULL);
	CASE_REST(&c, CLOUD);
	case_hello(&c, CLOUD, 1, 0.01);
	case_identity(&c, CLOUD, OUTCOME_MISMATCH, "wrong-signature");
	case_own(&c, CLOUD, ".identity", 2, OUTCOME_ANSWERED, 1);
	obs_text(&c.next, A_ADDRESS, "198.51.100.12");
	obs_text(&c.next, A_IDENTITY, "verified");
	case_end(&c);
	CASE_NONE(&c, rows);
	assert_int_equal(c.run->exit, SP_EXIT_WORKS);
	case_close(&c);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_flight_stays_away),
		cmocka_unit_test(the_echo_passes_and_the_hello_does_not),
		cmocka_unit_test(a_flight_that_was_not_waited_for),
		cmocka_unit_test(a_wrong_key_is_proven),
		cmocka_unit_test(garbage_once_and_twice),
		cmocka_unit_test(an_early_answer_names_the_box),
		cmocka_unit_test(one_of_two_addresses_is_genuine),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
