/* P1 and P5: each on its evidence, and on the evidence of its look-alikes. */
#include "judge_case.h"

static const char *const tls_sections[] = {"api", "console", "docs", "build", "binaries"};
static const char login[] = "http://portal.hotel.example/login?to=x";
static const char login_too[] = "http://portal.hotel.example/login?to=y";

static void everything_else_silent(struct judge_case *c)
{
	case_names(c);
	case_silent(c, "cloud-udp", CASE_TRIES);
	case_silent(c, "cloud-tcp", CASE_TRIES);
	case_silent(c, "ntp", CASE_TRIES);
	for (size_t i = 0; i < 5; i++)
		case_silent(c, tls_sections[i], CASE_TRIES);
}

static void clean_says_nothing(void **state)
{
	struct judge_case c;
	(void)state;
	case_open(&c, NULL);
	case_rest(&c, (const char *const[]){NULL});
	case_absent(&c, "captive-http");
	case_absent(&c, "accept-all-tcp");
	case_close(&c);
}

static void two_pages_and_nothing_else(void **state)
{
	struct judge_case c;
	(void)state;
	case_open(&c, NULL);
	everything_else_silent(&c);
	case_page(&c, "portal-a", 302, login, false, 0);
	case_page(&c, "portal-b", 302, login_too, false, 0);
	const struct verdict *d = case_expect(&c, "captive-http", CONF_LIKELY, EFFECT_BLOCKS);
	assert_false(d->hidden);
	assert_non_null(d->ask);
	assert_int_equal(c.run->exit, SP_EXIT_BLOCKED);
	for (size_t i = 0; i < c.run->n_verdicts; i++) /* it is the root of all the rest */
		assert_true(&c.run->verdicts[i] == d || c.run->verdicts[i].hidden);
	case_close(&c);
}

static void a_page_without_redirect(void **state)
{
	struct judge_case c;
	(void)state;
	case_open(&c, NULL);
	everything_else_silent(&c);
	case_page(&c, "portal-a", 200, NULL, false, 0);
	case_page(&c, "portal-b", 200, NULL, false, 0);
	case_expect(&c, "captive-http", CONF_LIKELY, EFFECT_BLOCKS);
	case_close(&c);
}

static void one_page_is_not_enough(void **state)
{
	struct judge_case c;
	(void)state;
	case_open(&c, NULL);
	everything_else_silent(&c);
	case_page(&c, "portal-a", 302, login, false, 0);
	case_silent(&c, "portal-b", CASE_TRIES);
	case_absent(&c, "captive-http");
	case_close(&c);
}

static void wrong_in_different_ways(void **state)
{
	struct judge_case c;
	(void)state;
	case_open(&c, NULL);
	everything_else_silent(&c);
	case_page(&c, "portal-a", 302, login, false, 0);
	case_page(&c, "portal-b", 302, "http://other.example/", false, 0);
	case_absent(&c, "captive-http");
	case_close(&c);
	case_open(&c, NULL);
	everything_else_silent(&c);
	case_page(&c, "portal-a", 200, NULL, false, 0);
	case_page(&c, "portal-b", 503, NULL, false, 0);
	case_absent(&c, "captive-http");
	case_close(&c);
}

/* Pages are changed, but devices get through: no portal that stops them. */
static void a_web_filter_is_a_note(void **state)
{
	struct judge_case c;
	(void)state;
	case_open(&c, NULL);
	CASE_REST(&c, "portal-a", "portal-b");
	case_page(&c, "portal-a", 302, login, false, 0);
	case_page(&c, "portal-b", 302, login, false, 0);
	assert_null(case_expect(&c, "captive-http", CONF_LIKELY, EFFECT_NOTE)->ask);
	assert_int_equal(c.run->exit, SP_EXIT_WORKS);
	case_close(&c);
}

static void mute_everywhere(struct judge_case *c)
{
	for (uint32_t n = 1; n <= 2; n++) {
		case_greeting(c, "cloud-tcp", n, OUTCOME_SILENT, "silent", 0);
		for (size_t i = 0; i < 5; i++) {
			case_phase(c, tls_sections[i], n, "tls", OUTCOME_SILENT, n * 5.1);
			obs_text(&c->next, A_SNI, "real");
			case_end(c);
		}
		case_phase(c, "portal-a", n, "http", OUTCOME_SILENT, n * 5.1);
		case_end(c);
		case_phase(c, "portal-b", n, "http", OUTCOME_SILENT, n * 5.1);
		case_end(c);
	}
}

static void every_service_mute_is_likely(void **state)
{
	struct judge_case c;
	(void)state;
	case_open(&c, "photon");
	case_names(&c);
	case_good(&c, "cloud-udp");
	mute_everywhere(&c);
	case_expect(&c, "accept-all-tcp", CONF_LIKELY, EFFECT_BLOCKS);
	case_absent(&c, "mute-after-accept");
	assert_int_equal(case_count(&c, "accept-all-tcp"), 1);
	assert_int_equal(c.run->exit, SP_EXIT_BLOCKED);
	case_close(&c);
}

/* The first router accepts whatever port is asked for: that alone is proof. */
static void the_first_hop_accepts(void **state)
{
	static const struct case_walk walk = {.section = "cloud-tcp",
					      .rounds = 1,
					      .box_at = 1,
					      .control_box_at = 1,
					      .box_reply = "syn-ack",
					      .distance = CASE_HOPS};
	struct judge_case c;
	(void)state;
	case_open(&c, "photon");
	case_names(&c);
	case_good(&c, "cloud-udp");
	mute_everywhere(&c);
	case_sweep(&c, CASE_HOPS);
	case_walk(&c, &walk);
	const struct verdict *d = case_expect(&c, "accept-all-tcp", CONF_PROVEN, EFFECT_BLOCKS);
	assert_non_null(strstr(d->who, "1 hop away"));
	case_close(&c);
}

/* The gateway gives every packet a new TTL: what left with 1 reached the server and was accepted
 * there. No packet is seen to die at the first hop. */
static void a_new_ttl_is_no_proxy(void **state)
{
	static const struct case_walk walk = {.section = "cloud-tcp",
					      .rounds = 1,
					      .box_at = 1,
					      .control_box_at = 1,
					      .box_reply = "syn-ack",
					      .distance = CASE_HOPS};
	static const char *const rows[] = {"accept-all-tcp", "tcp-impostor", "fw-reset"};
	struct judge_case c;
	(void)state;
	case_open(&c, "photon");
	CASE_REST(&c, "cloud-tcp");
	case_greeting(&c, "cloud-tcp", 1, OUTCOME_SILENT, "silent", 0);
	case_greeting(&c, "cloud-tcp", 2, OUTCOME_SILENT, "silent", 0);
	case_walk(&c, &walk);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		case_absent(&c, rows[i]);
	case_expect(&c, "mute-after-accept", CONF_LIKELY, EFFECT_BLOCKS);
	case_close(&c);
}

/* On this host's own link a TTL of 1 reaches the server itself: nothing is shown by it. */
static void a_server_on_the_link_is_no_proxy(void **state)
{
	static const struct case_walk walk = {.section = "cloud-tcp",
					      .rounds = 1,
					      .box_at = 1,
					      .control_box_at = 1,
					      .box_reply = "syn-ack",
					      .distance = CASE_HOPS};
	struct judge_case c;
	(void)state;
	case_open(&c, "photon");
	c.host.addrs[0] = (struct host_addr){addr_v4(198, 51, 100, 9), 24};
	CASE_REST(&c, "cloud-tcp");
	case_greeting(&c, "cloud-tcp", 1, OUTCOME_SILENT, "silent", 0);
	case_greeting(&c, "cloud-tcp", 2, OUTCOME_SILENT, "silent", 0);
	case_walk(&c, &walk);
	case_absent(&c, "accept-all-tcp");
	case_close(&c);
}

static void an_address_that_nobody_has(void **state)
{
	struct judge_case c;
	(void)state;
	case_open(&c, "photon");
	CASE_REST(&c, "cloud-tcp");
	case_greeting(&c, "cloud-tcp", 1, OUTCOME_SILENT, "silent", 0);
	case_own(&c, "cloud-tcp", "", 9, OUTCOME_ANSWERED, 3);
	obs_text(&c.next, A_PHASE, "connect");
	obs_text(&c.next, A_ROLE, "never");
	obs_text(&c.next, A_ADDRESS, "192.0.2.1");
	case_end(&c);
	assert_non_null(strstr(case_expect(&c, "accept-all-tcp", CONF_PROVEN, EFFECT_BLOCKS)->seen,
			       "192.0.2.1"));
	case_close(&c);
}

/* Nothing gets out directly; a proxy is known. */
static void only_a_proxy(struct judge_case *c, const char *proxy)
{
	struct sp_error err;
	case_open(c, NULL);
	text_copy(c->host.proxy, sizeof(c->host.proxy), proxy);
	assert_int_equal(plan_make(c->run, &err), 0);
	case_silent(c, "cloud-tcp", CASE_TRIES);
	case_silent(c, "api", CASE_TRIES);
	case_silent(c, "ntp", CASE_TRIES);
}

static void ask_proxy(struct judge_case *c, enum outcome outcome, const char *phase, int status)
{
	case_begin(c, run_check(c->run, "portal", c->host.proxy), 1, outcome, 3);
	case_flow(c, "tcp", "192.168.77.9", 3128);
	obs_text(&c->next, A_PHASE, phase);
	obs_text(&c->next, A_PROXY, c->host.proxy);
	if (status)
		obs_int(&c->next, A_STATUS, status);
	case_end(c);
}

static void a_proxy_that_answers_is_the_only_way_out(void **state)
{
	struct judge_case c;
	(void)state;
	only_a_proxy(&c, "192.168.77.9:3128");
	ask_proxy(&c, OUTCOME_ANSWERED, "proxy", 407);
	assert_non_null(strstr(case_expect(&c, "proxy-required", CONF_PROVEN, EFFECT_BLOCKS)->summary,
			       "192.168.77.9:3128"));
	case_close(&c);
	only_a_proxy(&c, "192.168.77.9:3128"); /* named, not asked */
	case_expect(&c, "proxy-required", CONF_LIKELY, EFFECT_BLOCKS);
	case_close(&c);
}

static void a_proxy_setting_left_over_explains_nothing(void **state)
{
	struct judge_case c;
	(void)state;
	only_a_proxy(&c, "192.168.77.9:3128");
	ask_proxy(&c, OUTCOME_REFUSED, "connect", 0);
	case_absent(&c, "proxy-required");
	case_close(&c);
	case_open(&c, NULL); /* everything answers directly */
	text_copy(c.host.proxy, sizeof(c.host.proxy), "192.168.77.9:3128");
	case_rest(&c, (const char *const[]){NULL});
	case_absent(&c, "proxy-required");
	case_close(&c);
}

/* What the portal's API said, on a run where everything works, or nothing. */
static void ask_portal(struct judge_case *c, bool captive)
{
	struct sp_error err;
	text_copy(c->host.portal_api, sizeof(c->host.portal_api), "https://portal.example/api");
	assert_int_equal(plan_make(c->run, &err), 0);
	case_begin(c, run_check(c->run, "portal", c->host.portal_api), 1, OUTCOME_ANSWERED, 1);
	case_flow(c, "tcp", "192.168.77.1", 443);
	obs_text(&c->next, A_URL, c->host.portal_api);
	obs_bool(&c->next, A_CAPTIVE, captive);
	case_end(c);
}

static void the_portals_own_word(void **state)
{
	struct judge_case c;
	(void)state;
	case_open(&c, NULL); /* it holds this host */
	ask_portal(&c, true);
	case_silent(&c, "cloud-tcp", CASE_TRIES);
	case_expect(&c, "captive-http", CONF_PROVEN, EFFECT_BLOCKS);
	case_absent(&c, "portal-passed");
	case_close(&c);
	case_open(&c, NULL); /* this host has passed it: that says nothing about devices */
	ask_portal(&c, false);
	case_rest(&c, (const char *const[]){NULL});
	assert_non_null(case_judge(&c, "portal-passed"));
	assert_int_equal(c.run->exit, SP_EXIT_UNKNOWN);
	case_absent(&c, "captive-http");
	case_close(&c);
	case_open(&c, NULL); /* it says captive, and yet all works */
	ask_portal(&c, true);
	case_rest(&c, (const char *const[]){NULL});
	case_absent(&c, "captive-http");
	case_absent(&c, "portal-passed");
	assert_int_equal(c.run->exit, SP_EXIT_WORKS);
	case_close(&c);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_portals_own_word),
		cmocka_unit_test(a_proxy_that_answers_is_the_only_way_out),
		cmocka_unit_test(a_proxy_setting_left_over_explains_nothing),
		cmocka_unit_test(clean_says_nothing),
		cmocka_unit_test(two_pages_and_nothing_else),
		cmocka_unit_test(a_page_without_redirect),
		cmocka_unit_test(one_page_is_not_enough),
		cmocka_unit_test(wrong_in_different_ways),
		cmocka_unit_test(a_web_filter_is_a_note),
		cmocka_unit_test(every_service_mute_is_likely),
		cmocka_unit_test(the_first_hop_accepts),
		cmocka_unit_test(a_new_ttl_is_no_proxy),
		cmocka_unit_test(a_server_on_the_link_is_no_proxy),
		cmocka_unit_test(an_address_that_nobody_has),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
