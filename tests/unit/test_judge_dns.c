/* D6 D7 D10 and P2: resolvers that answer something else, and what looks like it. */
#include "judge_case.h"

#define CLOUD "cloud-udp"
#define SITE "192.168.77.1"
#define SECOND "192.168.77.2"
#define OUTSIDE "9.9.9.9"

enum { NOERROR = 0, SERVFAIL = 2, NXDOMAIN = 3, REFUSED = 5 };

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

/* Everything works but the cloud's name and what lies behind it; the resolver serves others. */
static void open_without_name(struct judge_case *c)
{
	case_open(c, NULL);
	case_local(c);
	case_names_but(c, (const char *const[]){case_host(c, CLOUD), NULL});
	case_targets_but(c, (const char *const[]){CLOUD, NULL});
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

/* ---- D6 ---- */
static void refused_here_and_given_elsewhere(void **state)
{
	static const struct {
		int rcode;
		const char *addresses;
		enum confidence confidence;
	} cases[] = {
		{NXDOMAIN, "", CONF_PROVEN},
		{REFUSED, "", CONF_PROVEN},
		{NOERROR, "0.0.0.0", CONF_PROVEN},
		{NOERROR, "127.0.0.1", CONF_PROVEN},
		{NOERROR, "", CONF_LIKELY},  /* a server can have no address without a policy */
		{SERVFAIL, "", CONF_LIKELY}, /* ... and can fail */
	};
	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct judge_case c;
		open_without_name(&c);
		not_run(&c, CLOUD);
		reply(&c, SITE, cases[i].rcode, cases[i].addresses);
		reply(&c, OUTSIDE, NOERROR, "198.51.100.10");
		const struct verdict *d = case_expect(&c, "dns-policy-block", cases[i].confidence,
						      EFFECT_BLOCKS);
		assert_non_null(strstr(d->summary, SITE));
		assert_non_null(strstr(d->ask, case_host(&c, CLOUD)));
		CASE_ONLY(&c, rows, "dns-policy-block");
		assert_int_equal(c.run->exit, SP_EXIT_BLOCKED);
		case_close(&c);
	}
}

/* RFC 8914: 15 to 18 are policy, others are not. */
static void the_resolver_says_so_itself(void **state)
{
	static const int codes[] = {15, 16, 17, 18, 14, 22};
	(void)state;
	for (size_t i = 0; i < sizeof(codes) / sizeof(codes[0]); i++) {
		struct judge_case c;
		bool policy = codes[i] >= 15 && codes[i] <= 18;
		open_without_name(&c);
		not_run(&c, CLOUD);
		case_asked(&c, name_check(&c), SITE, case_host(&c, CLOUD), OUTCOME_ANSWERED, 0.01);
		obs_int(&c.next, A_RCODE, NXDOMAIN);
		obs_int(&c.next, A_EDE, codes[i]);
		case_end(&c);
		case_expect(&c, "dns-policy-block", policy ? CONF_PROVEN : CONF_UNDETERMINED,
			    EFFECT_BLOCKS);
		case_close(&c);
	}
}

/* A name that is gone everywhere looks the same until another resolver is asked. */
static void without_a_control_it_stays_open(void **state)
{
	struct judge_case c;
	(void)state;
	open_without_name(&c);
	not_run(&c, CLOUD);
	reply(&c, SITE, NXDOMAIN, "");
	const struct verdict *d =
		case_expect(&c, "dns-policy-block", CONF_UNDETERMINED, EFFECT_BLOCKS);
	assert_non_null(strstr(d->decide, "another resolver"));
	reply(&c, OUTSIDE, NXDOMAIN, "");
	case_expect(&c, "dns-policy-block", CONF_UNDETERMINED, EFFECT_BLOCKS);
	assert_int_equal(c.run->exit, SP_EXIT_BLOCKED); /* the cause is open, the effect is not */
	case_close(&c);
}

/* It refuses everybody: that is no filter on this name. */
static void it_serves_nobody(void **state)
{
	struct judge_case c;
	(void)state;
	case_open(&c, NULL);
	case_local(&c);
	case_reply(&c, resolver_check(&c, SITE), SITE, "example.com", REFUSED, "");
	reply(&c, SITE, REFUSED, "");
	reply(&c, OUTSIDE, NOERROR, "198.51.100.10");
	case_absent(&c, "dns-policy-block");
	case_expect(&c, "resolver-down", CONF_LIKELY, EFFECT_BLOCKS);
	case_close(&c);
}

static void one_of_two_resolvers_filters(void **state)
{
	struct judge_case c;
	(void)state;
	case_open(&c, NULL);
	add_second_resolver(&c);
	case_rest(&c, (const char *const[]){NULL});
	case_reply(&c, resolver_check(&c, SECOND), SECOND, "example.com", NOERROR, "198.51.100.50");
	reply(&c, SECOND, NXDOMAIN, "");
	case_expect(&c, "dns-policy-block", CONF_PROVEN, EFFECT_FRAGILE);
	assert_int_equal(c.run->exit, SP_EXIT_FRAGILE);
	case_close(&c);
}

/* Nobody was there: silence to 0.0.0.0 says nothing about the network. */
static void silence_behind_a_sinkhole_is_no_drop(void **state)
{
	static const char *const holes[] = {"0.0.0.0", "127.0.0.1"};
	(void)state;
	for (size_t i = 0; i < 2; i++) {
		struct judge_case c;
		open_without_name(&c);
		reply(&c, SITE, NOERROR, holes[i]);
		reply(&c, OUTSIDE, NOERROR, "198.51.100.10");
		for (uint32_t n = 0; n < CASE_TRIES; n++) {
			case_own(&c, CLOUD, ".hello", n + 1, i ? OUTCOME_REJECTED : OUTCOME_SILENT,
				 case_schedule_s[n] + 2);
			obs_text(&c.next, A_ADDRESS, holes[i]);
			obs_real(&c.next, A_WAITED_MS, 2000);
			if (i) {
				obs_int(&c.next, A_ICMP_TYPE, 3);
				obs_int(&c.next, A_ICMP_CODE, 3);
				obs_text(&c.next, A_ICMP_FROM, holes[i]);
				obs_bool(&c.next, A_FROM_SELF, true);
			}
			case_end(&c);
		}
		case_expect(&c, "dns-policy-block", CONF_PROVEN, EFFECT_BLOCKS);
		case_absent(&c, "udp-port-blocked");
		case_absent(&c, "udp-rejected");
		case_absent(&c, "own-firewall");
		assert_int_equal(c.run->exit, SP_EXIT_BLOCKED);
		case_close(&c);
	}
}

/* ---- D7 ---- */
static void impostor(struct judge_case *c)
{
	case_hello(c, CLOUD, 1, 0.01);
	case_identity(c, CLOUD, OUTCOME_MISMATCH, "wrong-signature");
}

/* The control address was tried as well; word NULL: it did not get beyond the cookie. */
static void control_try(struct judge_case *c, enum outcome outcome, const char *word)
{
	case_own(c, CLOUD, ".hello", 1, OUTCOME_ANSWERED, 1);
	obs_text(&c->next, A_ADDRESS, "198.51.100.99");
	obs_text(&c->next, A_ROLE, "control");
	obs_text(&c->next, A_DTLS, "hello-verify-request");
	case_end(c);
	if (!word)
		return;
	case_own(c, CLOUD, ".identity", 1, outcome, 1.1);
	obs_text(&c->next, A_ADDRESS, "198.51.100.99");
	obs_text(&c->next, A_ROLE, "control");
	obs_text(&c->next, A_IDENTITY, word);
	case_end(c);
}

static void open_forged(struct judge_case *c)
{
	open_without_name(c);
	reply(c, SITE, NOERROR, "198.51.100.10");
	reply(c, OUTSIDE, NOERROR, "198.51.100.99");
}

static void the_other_address_holds_the_key(void **state)
{
	struct judge_case c;
	(void)state;
	open_forged(&c);
	impostor(&c);
	const struct verdict *d = case_expect(&c, "dns-forged", CONF_LIKELY, EFFECT_BLOCKS);
	assert_non_null(strstr(d->decide, "the address that the other resolver gives"));
	control_try(&c, OUTCOME_ANSWERED, "verified");
	d = case_expect(&c, "dns-forged", CONF_PROVEN, EFFECT_BLOCKS);
	assert_non_null(strstr(d->seen, "198.51.100.99"));
	CASE_ONLY(&c, rows, "dns-forged");
	assert_true(case_judge(&c, "udp-impostor")->hidden);
	assert_int_equal(c.run->exit, SP_EXIT_BLOCKED);
	case_close(&c);
}

/* A redirection of the port answers at the other address too: DNS is not shown to be at fault. */
static void the_other_address_fails_as_well(void **state)
{
	struct judge_case c;
	(void)state;
	open_forged(&c);
	impostor(&c);
	control_try(&c, OUTCOME_MISMATCH, "wrong-signature");
	const struct verdict *d = case_judge(&c, "dns-forged");
	assert_true(!d || d->confidence != CONF_PROVEN);
	case_expect(&c, "udp-impostor", CONF_PROVEN, EFFECT_BLOCKS);
	assert_false(case_judge(&c, "udp-impostor")->hidden);
	case_close(&c);
}

/* A cookie can be asked for by anyone. */
static void a_cookie_from_the_other_address_is_no_proof(void **state)
{
	struct judge_case c;
	(void)state;
	open_forged(&c);
	impostor(&c);
	control_try(&c, OUTCOME_ANSWERED, NULL);
	case_expect(&c, "dns-forged", CONF_LIKELY, EFFECT_BLOCKS);
	case_close(&c);
}

static void the_same_address_everywhere_is_a_redirection(void **state)
{
	struct judge_case c;
	(void)state;
	open_without_name(&c);
	reply(&c, SITE, NOERROR, "198.51.100.10");
	reply(&c, OUTSIDE, NOERROR, "198.51.100.99 198.51.100.10");
	impostor(&c);
	CASE_NONE(&c, rows);
	case_expect(&c, "udp-impostor", CONF_PROVEN, EFFECT_BLOCKS);
	case_close(&c);
}

/* Clouds give different addresses in different places. */
static void another_address_with_the_right_key(void **state)
{
	struct judge_case c;
	(void)state;
	open_forged(&c);
	case_good(&c, CLOUD);
	CASE_NONE(&c, rows);
	assert_int_equal(c.run->exit, SP_EXIT_WORKS);
	case_close(&c);
}

/* ---- D10 and P2 ---- */
static void a_private_address_here_alone(void **state)
{
	struct judge_case c;
	(void)state;
	open_without_name(&c);
	reply(&c, SITE, NOERROR, "10.66.0.1");
	case_silent(&c, CLOUD, CASE_TRIES);
	case_expect(&c, "split-horizon", CONF_LIKELY, EFFECT_BLOCKS);
	reply(&c, OUTSIDE, NOERROR, "198.51.100.10");
	const struct verdict *d = case_expect(&c, "split-horizon", CONF_PROVEN, EFFECT_BLOCKS);
	assert_non_null(strstr(d->seen, "10.66.0.1"));
	CASE_ONLY(&c, rows, "split-horizon");
	assert_true(case_judge(&c, "udp-port-blocked")->hidden);
	assert_int_equal(c.run->exit, SP_EXIT_BLOCKED);
	case_close(&c);
}

/* A private cloud that really lives here. */
static void a_private_address_with_the_right_key(void **state)
{
	struct judge_case c;
	(void)state;
	open_without_name(&c);
	reply(&c, SITE, NOERROR, "10.66.0.1");
	reply(&c, OUTSIDE, NOERROR, "198.51.100.10");
	case_good(&c, CLOUD);
	CASE_NONE(&c, rows);
	assert_int_equal(c.run->exit, SP_EXIT_WORKS);
	case_close(&c);
}

/* What lives there asks for a cookie but does not hold the key. */
static void a_private_address_with_a_wrong_key(void **state)
{
	struct judge_case c;
	(void)state;
	open_without_name(&c);
	reply(&c, SITE, NOERROR, "10.66.0.1");
	reply(&c, OUTSIDE, NOERROR, "198.51.100.10");
	impostor(&c);
	case_expect(&c, "split-horizon", CONF_PROVEN, EFFECT_BLOCKS);
	assert_int_equal(c.run->exit, SP_EXIT_BLOCKED);
	case_close(&c);
}

static void open_all_private(struct judge_case *c, const char *unrelated)
{
	case_open(c, NULL);
	case_local(c);
	case_reply(c, resolver_check(c, SITE), SITE, "example.com", NOERROR, unrelated);
	for (size_t i = 0; i < c->run->n_checks; i++)
		if (strcmp(c->run->checks[i].id, "dns.name") == 0)
			case_reply(c, &c->run->checks[i], SITE, c->run->checks[i].target, NOERROR,
				   "192.168.77.1");
	case_silent(c, CLOUD, CASE_TRIES);
}

static void every_name_leads_to_the_portal(void **state)
{
	struct judge_case c;
	(void)state;
	open_all_private(&c, "192.168.77.1");
	case_expect(&c, "captive-dns", CONF_LIKELY, EFFECT_BLOCKS);
	case_absent(&c, "split-horizon");
	assert_true(!case_judge(&c, "udp-port-blocked") ||
		    case_judge(&c, "udp-port-blocked")->hidden ||
		    case_judge(&c, "udp-port-blocked")->confidence == CONF_UNDETERMINED);
	assert_int_equal(c.run->exit, SP_EXIT_BLOCKED);
	case_good(&c, "cloud-tcp"); /* ... and something real answers: no portal keeps us in */
	case_absent(&c, "captive-dns");
	case_close(&c);
}

/* Unrelated names are told the truth: only the cloud's are overridden. */
static void only_the_clouds_names_are_private(void **state)
{
	struct judge_case c;
	(void)state;
	open_all_private(&c, "198.51.100.50");
	case_absent(&c, "captive-dns");
	case_expect(&c, "split-horizon", CONF_LIKELY, EFFECT_BLOCKS);
	case_close(&c);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(clean_says_nothing),
		cmocka_unit_test(refused_here_and_given_elsewhere),
		cmocka_unit_test(the_resolver_says_so_itself),
		cmocka_unit_test(without_a_control_it_stays_open),
		cmocka_unit_test(it_serves_nobody),
		cmocka_unit_test(one_of_two_resolvers_filters),
		cmocka_unit_test(silence_behind_a_sinkhole_is_no_drop),
		cmocka_unit_test(the_other_address_holds_the_key),
		cmocka_unit_test(the_other_address_fails_as_well),
		cmocka_unit_test(a_cookie_from_the_other_address_is_no_proof),
		cmocka_unit_test(the_same_address_everywhere_is_a_redirection),
		cmocka_unit_test(another_address_with_the_right_key),
		cmocka_unit_test(a_private_address_here_alone),
		cmocka_unit_test(a_private_address_with_the_right_key),
		cmocka_unit_test(a_private_address_with_a_wrong_key),
		cmocka_unit_test(every_name_leads_to_the_portal),
		cmocka_unit_test(only_the_clouds_names_are_private),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
