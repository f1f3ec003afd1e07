/* D13: one address of several; addresses that some boxes make up; and their look-alikes. */
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

/* What the resolver says about the name behind cloud-udp, and what another resolver says. */
static void name_is(struct judge_case *c, const char *address)
{
	const char *name = case_check(c, "cloud-udp", ".hello")->target;
	const char *const said[][2] = {{"192.168.77.1", address}, {"9.9.9.9", "198.51.100.10"}};
	for (size_t i = 0; i < 2; i++) {
		case_begin(c, run_check(c->run, "dns.name", name), 1, OUTCOME_ANSWERED, 0.001);
		case_flow(c, "udp", said[i][0], 53);
		obs_text(&c->next, A_RESOLVER, said[i][0]);
		obs_text(&c->next, A_NAME, name);
		obs_text(&c->next, A_QTYPE, "A");
		obs_int(&c->next, A_RCODE, 0);
		obs_text(&c->next, A_ANSWERS, said[i][1]);
		case_end(c);
	}
}

static void strip_names(struct judge_case *c)
{
	size_t kept = 0;
	const char *name = case_check(c, "cloud-udp", ".hello")->target;
	for (size_t i = 0; i < c->run->n_obs; i++)
		if (strcmp(c->run->obs[i]->check, "dns.name") || strcmp(c->run->obs[i]->target, name))
			c->run->obs[kept++] = c->run->obs[i];
	c->run->n_obs = kept;
}

/* Some gateways give every name an address out of 198.18/15 and translate it back themselves. */
static void a_made_up_address_that_works(void **state)
{
	struct judge_case c;
	(void)state;
	for (int works = 0; works < 2; works++) {
		case_open(&c, NULL);
		CASE_REST(&c, "cloud-udp");
		strip_names(&c);
		name_is(&c, "198.18.0.5");
		hello(&c, 1, "198.18.0.5", works ? OUTCOME_ANSWERED : OUTCOME_SILENT, 3.1);
		if (works)
			verified(&c);
		case_absent(&c, "dns-policy-block");
		assert_int_equal(works, case_judge(&c, "split-horizon") == NULL);
		assert_int_equal(c.run->exit, works ? SP_EXIT_WORKS : SP_EXIT_BLOCKED);
		case_close(&c);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_first_address_is_dead),
		cmocka_unit_test(a_loss_is_no_dead_address),
		cmocka_unit_test(an_address_that_answers_later_lives),
		cmocka_unit_test(no_address_answers),
		cmocka_unit_test(a_made_up_address_that_works),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
