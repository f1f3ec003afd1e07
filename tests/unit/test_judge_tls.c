/* S1, S3, S5 and other bad certificates: each on its evidence, and on that of its look-alikes. */
#include "judge_case.h"

static const char inspector[] = "CN=Example Corp Inspection CA";

static void handshake(struct judge_case *c, const char *section, uint32_t attempt, const char *sni,
		      enum outcome outcome, int alert)
{
	case_phase(c, section, attempt, "tls", outcome, 0.1 * attempt);
	obs_text(&c->next, A_SNI, sni);
	if (alert >= 0)
		obs_int(&c->next, A_ALERT, alert);
	case_end(c);
}

static void names(struct judge_case *c, const char *section, enum outcome real, enum outcome other,
		  int alert)
{
	handshake(c, section, 1, "real", real, alert);
	handshake(c, section, 2, "real", real, alert);
	handshake(c, section, 3, "none", other, other == OUTCOME_ANSWERED ? -1 : alert);
	handshake(c, section, 4, "other", other, other == OUTCOME_ANSWERED ? -1 : alert);
}

static void clean_says_nothing(void **state)
{
	static const char *const rows[] = {"tls-private-ca", "sni-filter", "clock-made",
					   "tls-bad-certificate"};
	struct judge_case c;
	(void)state;
	case_open(&c, NULL);
	case_rest(&c, (const char *const[]){NULL});
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		case_absent(&c, rows[i]);
	case_close(&c);
}

static void a_private_ca_is_named(void **state)
{
	struct judge_case c;
	(void)state;
	case_open(&c, NULL);
	CASE_REST(&c, "api", "docs");
	case_certificate(&c, "api", "unknown-issuer", inspector);
	case_certificate(&c, "docs", "unknown-issuer", inspector);
	const struct verdict *d = case_expect(&c, "tls-private-ca", CONF_LIKELY, EFFECT_NOTE);
	assert_non_null(strstr(d->summary, inspector));
	assert_null(strstr(d->who, "firewall"));
	assert_null(d->ask); /* 443 is for people, by this profile */
	assert_int_equal(case_count(&c, "tls-private-ca"), 1);
	case_absent(&c, "tls-bad-certificate");
	assert_int_equal(case_state(&c, "api"), STATE_FAIL);
	assert_int_equal(c.run->exit, SP_EXIT_WORKS);
	case_close(&c);
}

static void one_host_may_have_its_own_ca(void **state)
{
	struct judge_case c;
	(void)state;
	case_open(&c, NULL);
	CASE_REST(&c, "api");
	case_certificate(&c, "api", "self-signed", inspector);
	case_expect(&c, "tls-private-ca", CONF_UNDETERMINED, EFFECT_NOTE);
	case_close(&c);
}

static void accepted_before_the_server_is_proven(void **state)
{
	static const struct case_walk walk = {.section = "api",
					      .rounds = 1,
					      .box_at = 1,
					      .box_reply = "syn-ack",
					      .distance = CASE_HOPS};
	struct judge_case c;
	(void)state;
	case_open(&c, NULL);
	CASE_REST(&c, "api");
	case_certificate(&c, "api", "unknown-issuer", inspector);
	case_walk(&c, &walk);
	case_expect(&c, "tls-private-ca", CONF_PROVEN, EFFECT_NOTE);
	case_close(&c);
}

static void the_name_is_what_is_cut(void **state)
{
	struct judge_case c;
	(void)state;
	case_open(&c, NULL);
	CASE_REST(&c, "api");
	names(&c, "api", OUTCOME_RESET, OUTCOME_ANSWERED, -1);
	case_expect(&c, "sni-filter", CONF_LIKELY, EFFECT_NOTE);
	case_absent(&c, "tcp-impostor");
	case_close(&c);
	case_open(&c, NULL);
	CASE_REST(&c, "api");
	names(&c, "api", OUTCOME_SILENT, OUTCOME_ANSWERED, -1);
	case_expect(&c, "sni-filter", CONF_LIKELY, EFFECT_NOTE);
	case_absent(&c, "mute-after-accept");
	case_close(&c);
}

static void any_name_fails_is_not_the_name(void **state)
{
	struct judge_case c;
	(void)state;
	case_open(&c, NULL);
	CASE_REST(&c, "api");
	names(&c, "api", OUTCOME_RESET, OUTCOME_RESET, 40);
	case_absent(&c, "sni-filter");
	case_close(&c);
}

/* One failure may be an accident; unrecognized_name is what a server says of its own accord. */
static void weaker_signs_of_a_name_filter(void **state)
{
	struct judge_case c;
	(void)state;
	case_open(&c, NULL);
	CASE_REST(&c, "api");
	handshake(&c, "api", 1, "real", OUTCOME_RESET, -1);
	handshake(&c, "api", 2, "none", OUTCOME_ANSWERED, -1);
	case_absent(&c, "sni-filter");
	case_close(&c);
	case_open(&c, NULL);
	CASE_REST(&c, "api");
	names(&c, "api", OUTCOME_RESET, OUTCOME_ANSWERED, 112);
	case_expect(&c, "sni-filter", CONF_UNDETERMINED, EFFECT_NOTE);
	case_close(&c);
}

/* Larger packets are lost: another name's certificate is shorter, and no name stalls as well. */
static void a_long_certificate_is_no_filter(void **state)
{
	struct judge_case c;
	(void)state;
	case_open(&c, NULL);
	CASE_REST(&c, "api");
	for (uint32_t i = 1; i <= 3; i++)
		handshake(&c, "api", i, i < 3 ? "real" : "none", OUTCOME_SILENT, -1);
	handshake(&c, "api", 4, "other", OUTCOME_ANSWERED, -1);
	const struct verdict *d = case_expect(&c, "sni-filter", CONF_UNDETERMINED, EFFECT_NOTE);
	assert_non_null(strstr(d->who, "larger packets"));
	case_close(&c);
}

/* The clock is 400 days behind: both sources say so, and then the certificate is good. */
static void the_clock_is_what_is_wrong(void **state)
{
	const double off = 400 * 86400.0;
	struct judge_case c;
	(void)state;
	case_open(&c, NULL);
	CASE_REST(&c, "api", "ntp", "portal-a", "portal-b");
	c.run->started_us -= (int64_t)(off * 1e6);
	case_certificate(&c, "api", "not-yet-valid", "CN=Public CA");
	case_ntp(&c, 1, 0, "GPS", off);
	case_expect(&c, "clock-made", CONF_LIKELY, EFFECT_NOTE);
	case_page(&c, "portal-a", 204, NULL, true, 0);
	case_page(&c, "portal-b", 200, NULL, true, 0);
	const struct verdict *d = case_expect(&c, "clock-made", CONF_PROVEN, EFFECT_NOTE);
	assert_non_null(strstr(d->summary, "400 days behind"));
	case_absent(&c, "tls-bad-certificate");
	case_absent(&c, "ntp-wrong");
	assert_int_equal(c.run->exit, SP_EXIT_WORKS);
	assert_int_equal(case_state(&c, "api"), STATE_UNKNOWN); /* it may well be good */
	case_close(&c);
}

/* Also where people need the host: their own clocks are not ours, so nothing is blocked. */
static void our_clock_blocks_nobody(void **state)
{
	struct judge_case c;
	(void)state;
	case_open_profile(&c, "diag/profiles/particle-tools.ini", NULL);
	assert_true(case_target(&c, "api")->required);
	c.run->started_us -= INT64_C(400) * 86400 * 1000000;
	case_certificate(&c, "api", "not-yet-valid", "CN=Public CA");
	case_page(&c, "portal-a", 204, NULL, true, 0);
	case_expect(&c, "clock-made", CONF_LIKELY, EFFECT_NOTE);
	assert_int_not_equal(c.run->exit, SP_EXIT_BLOCKED);
	case_close(&c);
}

static void really_expired(void **state)
{
	struct judge_case c;
	(void)state;
	case_open(&c, NULL);
	CASE_REST(&c, "api");
	case_certificate(&c, "api", "expired", "CN=Public CA");
	case_absent(&c, "clock-made");
	const struct verdict *d = case_expect(&c, "tls-bad-certificate", CONF_LIKELY, EFFECT_NOTE);
	assert_non_null(strstr(d->summary, "has expired"));
	assert_int_equal(case_state(&c, "api"), STATE_FAIL);
	case_close(&c);
}

/* Nobody else was asked for the time: both causes are said, and the check stays unknown. */
static void no_other_clock(void **state)
{
	struct judge_case c;
	(void)state;
	case_open(&c, NULL);
	CASE_REST(&c, "api", "ntp", "portal-a", "portal-b");
	case_certificate(&c, "api", "expired", "CN=Public CA");
	case_absent(&c, "clock-made");
	const struct verdict *d =
		case_expect(&c, "tls-bad-certificate", CONF_UNDETERMINED, EFFECT_NOTE);
	assert_non_null(strstr(d->who, "own clock"));
	assert_non_null(strstr(d->decide, "ntp"));
	assert_int_equal(case_state(&c, "api"), STATE_UNKNOWN);
	case_close(&c);
}

/* Two clocks that contradict each other explain nothing. */
static void clocks_that_disagree(void **state)
{
	struct judge_case c;
	(void)state;
	case_open(&c, NULL);
	CASE_REST(&c, "api", "ntp");
	case_certificate(&c, "api", "expired", "CN=Public CA");
	case_ntp(&c, 1, 0, "GPS", -10 * 86400.0);
	case_absent(&c, "clock-made");
	case_expect(&c, "tls-bad-certificate", CONF_UNDETERMINED, EFFECT_NOTE);
	case_close(&c);
}

/* An untrusted certificate for another name: an inspection would have used the right one. */
static void untrusted_and_for_another_name(void **state)
{
	struct judge_case c;
	(void)state;
	case_open(&c, NULL);
	CASE_REST(&c, "api");
	case_phase(&c, "api", 1, "tls", OUTCOME_ANSWERED, 0.05);
	obs_text(&c.next, A_SNI, "real");
	obs_bool(&c.next, A_CHAIN_OK, false);
	obs_bool(&c.next, A_CHAIN_OK_UNDATED, false);
	obs_bool(&c.next, A_NAME_OK, false);
	obs_text(&c.next, A_VERIFY, "self-signed");
	obs_text(&c.next, A_ISSUER, "CN=router");
	case_end(&c);
	case_absent(&c, "tls-private-ca");
	const struct verdict *d = case_expect(&c, "tls-bad-certificate", CONF_LIKELY, EFFECT_NOTE);
	assert_non_null(strstr(d->seen, "CN=router"));
	case_close(&c);
}

static void another_name(void **state)
{
	struct judge_case c;
	(void)state;
	case_open(&c, NULL);
	CASE_REST(&c, "api");
	case_certificate(&c, "api", "name-mismatch", "CN=Public CA");
	const struct verdict *d = case_expect(&c, "tls-bad-certificate", CONF_LIKELY, EFFECT_NOTE);
	assert_non_null(strstr(d->summary, "another name"));
	assert_non_null(strstr(d->seen, "CN=Public CA"));
	case_absent(&c, "tls-private-ca");
	case_close(&c);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(clean_says_nothing),
		cmocka_unit_test(a_private_ca_is_named),
		cmocka_unit_test(one_host_may_have_its_own_ca),
		cmocka_unit_test(accepted_before_the_server_is_proven),
		cmocka_unit_test(the_name_is_what_is_cut),
		cmocka_unit_test(any_name_fails_is_not_the_name),
		cmocka_unit_test(weaker_signs_of_a_name_filter),
		cmocka_unit_test(a_long_certificate_is_no_filter),
		cmocka_unit_test(the_clock_is_what_is_wrong),
		cmocka_unit_test(our_clock_blocks_nobody),
		cmocka_unit_test(really_expired),
		cmocka_unit_test(no_other_clock),
		cmocka_unit_test(clocks_that_disagree),
		cmocka_unit_test(untrusted_and_for_another_name),
		cmocka_unit_test(another_name),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
