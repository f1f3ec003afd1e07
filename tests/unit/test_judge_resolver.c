/* D1 and D2: resolvers that do not do their work, and what looks like it. */
#include "judge_case.h"

#define CLOUD "cloud-udp"
#define SITE "192.168.77.1"
#define SECOND "192.168.77.2"
#define OUTSIDE "9.9.9.9"

enum { NOERROR = 0, SERVFAIL = 2, REFUSED = 5 };

static const char *const rows[] = {"resolver-down",    "dns-udp-only-blocked",
				   "dns-policy-block", "dns-forged",
				   "split-horizon",    "captive-dns",
				   NULL};

static const struct check *name_check(struct judge_case *c)
{
	return run_check(c->run, "dns.name", case_host(c, CLOUD));
}

static void reply(struct judge_case *c, const char *resolver, int rcode, const char *addresses)
{
	case_reply(c, name_check(c), resolver, case_host(c, CLOUD), rcode, addresses);
}

static void not_run(struct judge_case *c, const char *section)
{
	obs_text(case_begin(c, case_check(c, section, case_suffix(c, section)), 0, OUTCOME_NOT_RUN,
			    1),
		 A_REASON, "no address");
	case_end(c);
}

static void add_second_resolver(struct judge_case *c)
{
	c->host.resolvers[1] = addr_v4(192, 168, 77, 2);
	c->host.n_resolvers = 2;
	case_replan(c);
}

static const struct check *resolver_check(struct judge_case *c, const char *resolver)
{
	return run_check(c->run, "dns.resolver", resolver);
}

static void ask(struct judge_case *c, const char *resolver, bool tcp, unsigned attempt,
		enum outcome outcome, double sent_s)
{
	case_asked(c, resolver_check(c, resolver), resolver, "example.com", outcome, sent_s + 2);
	c->next.attempt = attempt;
	obs_text(&c->next, A_PROTO, tcp ? "tcp" : "udp");
	obs_real(&c->next, A_WAITED_MS, 2000);
	if (outcome == OUTCOME_ANSWERED) {
		obs_int(&c->next, A_RCODE, NOERROR);
		obs_text(&c->next, A_ANSWERS, "198.51.100.50");
	}
	case_end(c);
}

static void mute_resolver(struct judge_case *c, const char *resolver, unsigned tries,
			  unsigned tcp_tries)
{
	for (unsigned i = 0; i < tries; i++)
		ask(c, resolver, false, i + 1, OUTCOME_SILENT, case_schedule_s[i]);
	for (unsigned i = 0; i < tcp_tries; i++)
		ask(c, resolver, true, i + 1, OUTCOME_SILENT, i);
}

/* Nothing that has a name could be tried. */
static void open_mute(struct judge_case *c, unsigned tries)
{
	case_open(c, NULL);
	case_local(c);
	mute_resolver(c, SITE, tries, 2);
	for (size_t i = 0; i < c->run->profile->n_targets; i++)
		not_run(c, c->run->profile->targets[i].section);
}

/* ---- D1 ---- */
static void a_mute_resolver_is_likely_down(void **state)
{
	struct judge_case c;
	(void)state;
	open_mute(&c, CASE_TRIES);
	const struct verdict *d = case_expect(&c, "resolver-down", CONF_LIKELY, EFFECT_BLOCKS);
	assert_non_null(strstr(d->seen, "0 of 6 questions over UDP and 0 of 2 over TCP"));
	assert_non_null(strstr(d->decide, "second resolver"));
	CASE_ONLY(&c, rows, "resolver-down");
	assert_int_equal(c.run->exit, SP_EXIT_BLOCKED);
	case_close(&c);
}

static void four_questions_are_not_five(void **state)
{
	struct judge_case c;
	(void)state;
	open_mute(&c, 4);
	case_expect(&c, "resolver-down", CONF_UNDETERMINED, EFFECT_BLOCKS);
	assert_int_equal(c.run->exit, SP_EXIT_UNKNOWN);
	case_close(&c);
	open_mute(&c, 2);
	case_absent(&c, "resolver-down");
	assert_int_equal(c.run->exit, SP_EXIT_UNKNOWN);
	case_close(&c);
}

/* The same question reaches another resolver: the control. */
static void another_resolver_proves_it(void **state)
{
	struct judge_case c;
	(void)state;
	open_mute(&c, CASE_TRIES);
	reply(&c, OUTSIDE, NOERROR, "198.51.100.10");
	case_expect(&c, "resolver-down", CONF_PROVEN, EFFECT_BLOCKS);
	assert_int_equal(c.run->exit, SP_EXIT_BLOCKED);
	case_close(&c);
}

/* Without any question over TCP it may be D2: no proof. */
static void udp_alone_proves_nothing(void **state)
{
	struct judge_case c;
	(void)state;
	case_open(&c, NULL);
	case_local(&c);
	mute_resolver(&c, SITE, CASE_TRIES, 0);
	reply(&c, OUTSIDE, NOERROR, "198.51.100.10");
	case_expect(&c, "resolver-down", CONF_LIKELY, EFFECT_BLOCKS);
	case_close(&c);
}

static void one_of_two_resolvers_is_down(void **state)
{
	struct judge_case c;
	(void)state;
	case_open(&c, NULL);
	add_second_resolver(&c);
	case_rest(&c, (const char *const[]){NULL});
	mute_resolver(&c, SECOND, CASE_TRIES, 2);
	const struct verdict *d = case_expect(&c, "resolver-down", CONF_PROVEN, EFFECT_FRAGILE);
	assert_string_equal(d->subject, SECOND);
	CASE_ONLY(&c, rows, "resolver-down");
	assert_int_equal(c.run->exit, SP_EXIT_FRAGILE);
	case_close(&c);
}

static void icmp_about_the_resolver(void **state)
{
	static const struct {
		const char *from;
		bool self;
	} cases[] = {{"203.0.113.1", false}, {"192.168.77.10", true}};
	(void)state;
	for (size_t i = 0; i < 2; i++) {
		struct judge_case c;
		case_open(&c, NULL);
		case_local(&c);
		case_asked(&c, resolver_check(&c, SITE), SITE, "example.com", OUTCOME_REJECTED, 0.1);
		obs_int(&c.next, A_ICMP_TYPE, 3);
		obs_int(&c.next, A_ICMP_CODE, 13);
		obs_text(&c.next, A_ICMP_FROM, cases[i].from);
		obs_bool(&c.next, A_FROM_SELF, cases[i].self);
		case_end(&c);
		if (cases[i].self)
			case_absent(&c, "resolver-down"); /* one packet that never left */
		else
			assert_non_null(strstr(case_expect(&c, "resolver-down", CONF_PROVEN,
							   EFFECT_BLOCKS)
						       ->who,
					       cases[i].from));
		case_close(&c);
	}
}

/* It answers, but nobody can use what it says. */
static void a_resolver_that_resolves_nothing(void **state)
{
	static const int rcodes[] = {SERVFAIL, REFUSED};
	(void)state;
	for (size_t i = 0; i < 2; i++) {
		struct judge_case c;
		case_open(&c, NULL);
		case_local(&c);
		case_reply(&c, resolver_check(&c, SITE), SITE, "example.com", rcodes[i], "");
		reply(&c, SITE, rcodes[i], "");
		case_expect(&c, "resolver-down", CONF_LIKELY, EFFECT_BLOCKS);
		CASE_ONLY(&c, rows, "resolver-down");
		assert_int_equal(c.run->exit, SP_EXIT_BLOCKED);
		case_close(&c);
	}
}

static void no_resolver_is_known(void **state)
{
	struct judge_case c;
	(void)state;
	case_open(&c, NULL);
	c.host.n_resolvers = 0;
	case_replan(&c);
	case_local(&c);
	case_begin(&c, name_check(&c), 0, OUTCOME_NOT_RUN, 0);
	obs_text(&c.next, A_REASON, "no resolver is configured");
	case_end(&c);
	case_expect(&c, "resolver-down", CONF_LIKELY, EFFECT_BLOCKS);
	assert_int_equal(c.run->exit, SP_EXIT_BLOCKED);
	case_good(&c, CLOUD); /* ... but the cloud answers: this host finds its names another way */
	case_absent(&c, "resolver-down");
	case_close(&c);
}

/* ---- D2 ---- */
static void tcp_answers_and_udp_does_not(void **state)
{
	struct judge_case c;
	(void)state;
	open_mute(&c, CASE_TRIES);
	ask(&c, SITE, true, 3, OUTCOME_ANSWERED, 3);
	const struct verdict *d =
		case_expect(&c, "dns-udp-only-blocked", CONF_LIKELY, EFFECT_BLOCKS);
	assert_non_null(strstr(d->seen, "0 of 6 questions over UDP"));
	assert_non_null(strstr(d->decide, "log"));
	CASE_ONLY(&c, rows, "dns-udp-only-blocked");
	assert_int_equal(c.run->exit, SP_EXIT_BLOCKED);
	ask(&c, SITE, false, 7, OUTCOME_ANSWERED, 12); /* one answer over UDP after all */
	CASE_NONE(&c, rows);
	case_close(&c);
}

static void four_questions_are_not_five_here_either(void **state)
{
	struct judge_case c;
	(void)state;
	open_mute(&c, 4);
	ask(&c, SITE, true, 3, OUTCOME_ANSWERED, 3);
	case_expect(&c, "dns-udp-only-blocked", CONF_UNDETERMINED, EFFECT_BLOCKS);
	case_close(&c);
}

static void garbage_over_tcp_is_no_dns(void **state)
{
	struct judge_case c;
	(void)state;
	open_mute(&c, CASE_TRIES);
	ask(&c, SITE, true, 3, OUTCOME_GARBLED, 3);
	case_absent(&c, "dns-udp-only-blocked");
	case_close(&c);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_mute_resolver_is_likely_down),
		cmocka_unit_test(four_questions_are_not_five),
		cmocka_unit_test(another_resolver_proves_it),
		cmocka_unit_test(udp_alone_proves_nothing),
		cmocka_unit_test(one_of_two_resolvers_is_down),
		cmocka_unit_test(icmp_about_the_resolver),
		cmocka_unit_test(a_resolver_that_resolves_nothing),
		cmocka_unit_test(no_resolver_is_known),
		cmocka_unit_test(tcp_answers_and_udp_does_not),
		cmocka_unit_test(four_questions_are_not_five_here_either),
		cmocka_unit_test(garbage_over_tcp_is_no_dns),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
