/* D13: one address of several, and its look-alikes. */
#include "judge_case.h"

static void hello(struct judge_case *c, uint32_t attempt, const char *address, enum outcome outcome,
		  double t_s)
{
	struct observation *o = case_own(c, "cloud-udp", ".hello", attempt, outcome, t_s);
	obs_text(o, A_ADDRESS, address);
	if (outcome == OUTCOME_ANSWERED)
		obs_text(o, A_DTLS, "hello-verify-request");
	else
		obs_real(o, A_WAITED_MS, 2000);
	case_end(c);
}

static void verified(struct judge_case *c)
{
	obs_text(case_own(c, "cloud-udp", ".identity", 1, OUTCOME_ANSWERED, 4), A_IDENTITY, "verified");
	case_end(c);
}

static void the_first_address_is_dead(void **state)
{
	struct judge_case c;
	(void)state;
	case_open(&c, NULL);
	CASE_REST(&c, "cloud-udp");
	hello(&c, 1, "198.51.100.99", OUTCOME_SILENT, 2);
	hello(&c, 2, "198.51.100.99", OUTCOME_SILENT, 2.5);
	hello(&c, 4, "198.51.100.10", OUTCOME_ANSWERED, 3.1);
	verified(&c);
	const struct verdict *d = case_expect(&c, "stale-allowlist", CONF_UNDETERMINED, EFFECT_FRAGILE);
	assert_non_null(strstr(d->seen, "198.51.100.99"));
	assert_int_equal(c.run->exit, SP_EXIT_FRAGILE);
	case_absent(&c, "udp-port-blocked");
	case_close(&c);
}

static void a_loss_is_no_dead_address(void **state)
{
	struct judge_case c;
	(void)state;
	case_open(&c, NULL);
	CASE_REST(&c, "cloud-udp");
	hello(&c, 1, "198.51.100.99", OUTCOME_SILENT, 2);
	hello(&c, 2, "198.51.100.10", OUTCOME_ANSWERED, 3.1);
	verified(&c);
	case_absent(&c, "stale-allowlist");
	assert_int_equal(c.run->exit, SP_EXIT_WORKS);
	case_close(&c);
}

static void an_address_that_answers_later_lives(void **state)
{
	struct judge_case c;
	(void)state;
	case_open(&c, NULL);
	CASE_REST(&c, "cloud-udp");
	for (uint32_t i = 1; i <= 4; i++)
		hello(&c, i, "198.51.100.10", i < 4 ? OUTCOME_SILENT : OUTCOME_ANSWERED, 2 + i);
	verified(&c);
	case_absent(&c, "stale-allowlist");
	case_close(&c);
}

static void no_address_answers(void **state)
{
	struct judge_case c;
	(void)state;
	case_open(&c, NULL);
	CASE_REST(&c, "cloud-udp");
	for (uint32_t i = 1; i <= 6; i++)
		hello(&c, i, i < 4 ? "198.51.100.99" : "198.51.100.10", OUTCOME_SILENT, 1.8 * i);
	case_absent(&c, "stale-allowlist");
	assert_int_equal(c.run->exit, SP_EXIT_BLOCKED);
	case_close(&c);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_first_address_is_dead),
		cmocka_unit_test(a_loss_is_no_dead_address),
		cmocka_unit_test(an_address_that_answers_later_lives),
		cmocka_unit_test(no_address_answers),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
