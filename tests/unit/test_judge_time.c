/* N1, N5, N6: each on its evidence, and on the evidence of its look-alikes. */
#include "judge_case.h"

static void clean_says_nothing(void **state)
{
	struct judge_case c;
	(void)state;
	case_open(&c, NULL);
	case_rest(&c, (const char *const[]){NULL});
	case_absent(&c, "ntp-blocked");
	case_absent(&c, "ntp-wrong");
	case_absent(&c, "ntp-kod");
	case_close(&c);
}

static void silence_beside_other_udp_is_a_note(void **state)
{
	struct judge_case c;
	(void)state;
	case_open(&c, NULL);
	CASE_REST(&c, "ntp");
	case_silent(&c, "ntp", CASE_TRIES);
	const struct verdict *d = case_expect(&c, "ntp-blocked", CONF_LIKELY, EFFECT_NOTE);
	assert_null(d->ask);
	assert_int_equal(c.run->exit, SP_EXIT_WORKS);
	case_close(&c);
}

static void steps_prove_a_drop(void **state)
{
	static const struct case_walk walk = {
		.section = "ntp", .rounds = 3, .drop_after = 1, .distance = CASE_HOPS};
	struct judge_case c;
	(void)state;
	case_open(&c, NULL);
	CASE_REST(&c, "ntp");
	case_silent(&c, "ntp", CASE_TRIES);
	case_walk(&c, &walk);
	const struct verdict *d = case_expect(&c, "ntp-blocked", CONF_PROVEN, EFFECT_NOTE);
	assert_non_null(strstr(d->who, "hop 1"));
	case_close(&c);
}

/* A profile that has no other UDP service: the controls of the steps are UDP that leaves. */
static void the_only_udp_service(void **state)
{
	static const struct case_walk walk = {
		.section = "ntp", .rounds = 3, .drop_after = 1, .distance = CASE_HOPS};
	struct judge_case c;
	(void)state;
	case_open_profile(&c, "diag/profiles/particle-tcp.ini", NULL);
	CASE_REST(&c, "ntp");
	case_silent(&c, "ntp", CASE_TRIES);
	case_absent(&c, "ntp-blocked");
	case_walk(&c, &walk);
	case_expect(&c, "ntp-blocked", CONF_PROVEN, EFFECT_NOTE);
	assert_int_equal(c.run->exit, SP_EXIT_WORKS);
	case_close(&c);
}

static void without_any_udp_it_is_not_ntp(void **state)
{
	struct judge_case c;
	(void)state;
	case_open(&c, NULL);
	CASE_REST(&c, "ntp", "cloud-udp");
	case_silent(&c, "ntp", CASE_TRIES);
	case_silent(&c, "cloud-udp", CASE_TRIES);
	case_absent(&c, "ntp-blocked");
	case_close(&c);
}

static void a_rejection_names_the_box(void **state)
{
	struct judge_case c;
	(void)state;
	case_open(&c, NULL);
	CASE_REST(&c, "ntp");
	case_icmp(&c, "ntp", OUTCOME_REJECTED, 13, "203.0.113.1");
	assert_non_null(strstr(case_expect(&c, "ntp-blocked", CONF_PROVEN, EFFECT_NOTE)->who,
			       "203.0.113.1"));
	case_close(&c);
}

static void an_hour_off_against_the_others(void **state)
{
	struct judge_case c;
	(void)state;
	case_open(&c, NULL);
	CASE_REST(&c, "ntp");
	case_ntp(&c, 1, 0, "GPS", 3600);
	const struct verdict *d = case_expect(&c, "ntp-wrong", CONF_PROVEN, EFFECT_NOTE);
	assert_non_null(strstr(d->summary, "3600 s off"));
	assert_int_equal(c.run->exit, SP_EXIT_WORKS);
	case_close(&c);
}

static void within_the_tolerance(void **state)
{
	struct judge_case c;
	(void)state;
	case_open(&c, NULL);
	CASE_REST(&c, "ntp");
	case_ntp(&c, 1, 0, "GPS", 2.3); /* the pages' dates are cut to seconds: 0.47 s on average */
	case_absent(&c, "ntp-wrong");
	case_close(&c);
	case_open(&c, NULL);
	CASE_REST(&c, "ntp");
	case_ntp(&c, 1, 0, "GPS", 3.2);
	case_expect(&c, "ntp-wrong", CONF_PROVEN, EFFECT_NOTE);
	case_close(&c);
}

/* A proxy serves the pages of six hours ago; or this host was set by the same wrong server. */
static void old_pages_alone_accuse_nobody(void **state)
{
	struct judge_case c;
	(void)state;
	case_open(&c, NULL);
	CASE_REST(&c, "portal-a", "portal-b");
	case_page(&c, "portal-a", 204, NULL, true, -21600);
	case_page(&c, "portal-b", 200, NULL, true, -21600);
	assert_non_null(strstr(case_expect(&c, "ntp-wrong", CONF_UNDETERMINED, EFFECT_NOTE)->seen,
			       "cache"));
	case_close(&c);
}

/* This host's clock is wrong: NTP and the pages agree with each other. */
static void the_others_agree_against_us(void **state)
{
	struct judge_case c;
	(void)state;
	case_open(&c, NULL);
	CASE_REST(&c, "ntp", "portal-a", "portal-b");
	case_ntp(&c, 1, 0, "GPS", 3600);
	case_page(&c, "portal-a", 204, NULL, true, 3600);
	case_page(&c, "portal-b", 200, NULL, true, 3600);
	case_absent(&c, "ntp-wrong");
	case_close(&c);
}

static void nobody_to_compare_with(void **state)
{
	struct judge_case c;
	(void)state;
	case_open(&c, NULL);
	CASE_REST(&c, "ntp", "portal-a", "portal-b");
	case_ntp(&c, 1, 0, "GPS", 3600);
	case_expect(&c, "ntp-wrong", CONF_UNDETERMINED, EFFECT_NOTE);
	case_close(&c);
}

/* The pages of a captive portal are no clock. */
static void a_portal_is_no_witness(void **state)
{
	struct judge_case c;
	(void)state;
	case_open(&c, NULL);
	CASE_REST(&c, "ntp", "portal-a", "portal-b");
	case_ntp(&c, 1, 0, "GPS", 0);
	case_page(&c, "portal-a", 302, "http://x/", false, 3600);
	case_page(&c, "portal-b", 302, "http://x/", false, 3600);
	case_absent(&c, "ntp-wrong");
	case_close(&c);
}

static void a_server_without_time_says_so(void **state)
{
	struct judge_case c;
	(void)state;
	case_open(&c, NULL);
	CASE_REST(&c, "ntp");
	case_ntp(&c, 16, 0, "0.0.0.0", 0);
	case_expect(&c, "ntp-wrong", CONF_PROVEN, EFFECT_NOTE);
	case_absent(&c, "ntp-kod");
	case_close(&c);
	case_open(&c, NULL);
	CASE_REST(&c, "ntp");
	case_ntp(&c, 2, 3, "192.0.2.7", 0);
	case_expect(&c, "ntp-wrong", CONF_PROVEN, EFFECT_NOTE);
	case_close(&c);
	static const char *const no_kiss[] = {"", "INIT"}; /* as chronyd and ntpd start up */
	for (size_t i = 0; i < 2; i++) {
		case_open(&c, NULL);
		CASE_REST(&c, "ntp");
		case_ntp(&c, 0, 3, no_kiss[i], 0);
		case_expect(&c, "ntp-wrong", CONF_PROVEN, EFFECT_NOTE);
		case_absent(&c, "ntp-kod");
		case_close(&c);
	}
}

static void kiss_codes(void **state)
{
	static const char *const codes[] = {"RATE", "DENY", "RSTR"};
	struct judge_case c;
	(void)state;
	for (size_t i = 0; i < 3; i++) {
		case_open(&c, NULL);
		CASE_REST(&c, "ntp");
		case_ntp(&c, 0, 3, codes[i], 0);
		assert_non_null(strstr(case_expect(&c, "ntp-kod", CONF_PROVEN, EFFECT_NOTE)->seen,
				       codes[i]));
		case_absent(&c, "ntp-blocked");
		case_absent(&c, "ntp-wrong");
		assert_int_equal(c.run->exit, SP_EXIT_WORKS);
		case_close(&c);
	}
}

/* A clock that is called DENY is no kiss: only stratum 0 is. */
static void a_source_of_that_name(void **state)
{
	struct judge_case c;
	(void)state;
	case_open(&c, NULL);
	CASE_REST(&c, "ntp");
	case_ntp(&c, 1, 0, "DENY", 0);
	case_absent(&c, "ntp-kod");
	case_close(&c);
}

/* Someone who did not see our question can send any kiss code. */
static void a_kiss_that_answers_nobody(void **state)
{
	struct judge_case c;
	(void)state;
	case_open(&c, NULL);
	CASE_REST(&c, "ntp");
	case_own(&c, "ntp", "", 1, OUTCOME_MISMATCH, 0.02);
	obs_int(&c.next, A_STRATUM, 0);
	obs_text(&c.next, A_REFID, "DENY");
	obs_bool(&c.next, A_ORIGIN_OK, false);
	case_end(&c);
	case_absent(&c, "ntp-kod");
	case_close(&c);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(clean_says_nothing),
		cmocka_unit_test(silence_beside_other_udp_is_a_note),
		cmocka_unit_test(steps_prove_a_drop),
		cmocka_unit_test(the_only_udp_service),
		cmocka_unit_test(without_any_udp_it_is_not_ntp),
		cmocka_unit_test(a_rejection_names_the_box),
		cmocka_unit_test(an_hour_off_against_the_others),
		cmocka_unit_test(within_the_tolerance),
		cmocka_unit_test(old_pages_alone_accuse_nobody),
		cmocka_unit_test(the_others_agree_against_us),
		cmocka_unit_test(nobody_to_compare_with),
		cmocka_unit_test(a_portal_is_no_witness),
		cmocka_unit_test(a_server_without_time_says_so),
		cmocka_unit_test(kiss_codes),
		cmocka_unit_test(a_source_of_that_name),
		cmocka_unit_test(a_kiss_that_answers_nobody),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
