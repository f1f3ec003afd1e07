/* H1 to H6 and V1: what this host's own place hides, and the look-alikes that hide nothing. */
#include "judge_case.h"

static void link_says(struct judge_case *c, enum outcome outcome, const char *reason, double t_s)
{
	const struct check *k = run_check(c->run, "link", NULL);
	case_begin(c, k, 0, outcome, t_s);
	if (reason)
		obs_text(&c->next, A_REASON, reason);
	case_end(c);
}

static void all_clean(struct judge_case *c)
{
	case_open(c, NULL);
	case_rest(c, (const char *const[]){ NULL });
}

static void nothing_is_said_on_a_plain_host(void **state)
{
	static const char *const rows[] = { "host-forwards", "vpn-took-route", "vpn-killswitch", "clat-only",
					    "link-changed", "resolver-unknown", "nat64-only" };
	struct judge_case c;
	(void)state;
	all_clean(&c);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		case_absent(&c, rows[i]);
	assert_int_equal(c.run->exit, SP_EXIT_WORKS);
	case_close(&c);
}

static void a_gateways_own_success_is_no_yes(void **state)
{
	struct judge_case c;
	(void)state;
	all_clean(&c);
	c.host.forwards = true;
	text_copy(c.host.lan, sizeof(c.host.lan), "br-lan");
	const struct verdict *d = case_judge(&c, "host-forwards");
	assert_non_null(d);
	assert_int_equal(d->effect, EFFECT_DOUBT);
	assert_int_equal(c.run->exit, SP_EXIT_UNKNOWN);
	assert_string_equal(c.run->kinds[0].because, "host-forwards");
	case_close(&c);
}

static void a_gateways_own_failure_stays_a_no(void **state)
{
	struct judge_case c;
	(void)state;
	case_open(&c, "photon");
	CASE_REST(&c, "cloud-tcp");
	case_icmp(&c, "cloud-tcp", OUTCOME_REJECTED, 13, "203.0.113.1");
	c.host.forwards = true;
	text_copy(c.host.lan, sizeof(c.host.lan), "br-lan");
	case_expect(&c, "admin-prohibited", CONF_PROVEN, EFFECT_BLOCKS);
	assert_int_equal(c.run->exit, SP_EXIT_BLOCKED);
	case_close(&c);
}

static void only_does_not_make_a_gateway_sure(void **state)
{
	struct judge_case c;
	struct sp_error err;
	(void)state;
	case_open(&c, NULL);
	c.settings.only = (struct text_list){ { "udp5684" }, 1 };
	assert_int_equal(plan_make(c.run, &err), 0);
	case_rest(&c, (const char *const[]){ NULL });
	c.host.forwards = true;
	text_copy(c.host.lan, sizeof(c.host.lan), "br-lan");
	assert_non_null(case_judge(&c, "host-forwards"));
	assert_int_equal(c.run->exit, SP_EXIT_UNKNOWN);
	case_close(&c);
}

static void a_taken_route_is_the_vpns_when_there_is_one(void **state)
{
	for (int vpn = 0; vpn < 2; vpn++) {
		struct judge_case c;
		case_open(&c, NULL);
		link_says(&c, OUTCOME_UNREACHABLE, "no-route", 0);
		c.host.tunnel_takes = vpn;
		text_copy(c.host.tunnel, sizeof(c.host.tunnel), vpn ? "tun0" : "");
		(void)case_judge(&c, "vpn-took-route");
		assert_int_equal(case_count(&c, "vpn-took-route"), vpn);
		assert_int_equal(case_count(&c, "no-route"), !vpn);
		assert_int_equal(c.run->exit, vpn ? SP_EXIT_UNKNOWN : SP_EXIT_BLOCKED);
		case_close(&c);
	}
	(void)state;
}

static void deny(struct judge_case *c, const char *section)
{
	for (uint32_t i = 0; i < CASE_TRIES; i++) {
		case_own(c, section, "", i + 1, OUTCOME_DENIED_LOCALLY, case_schedule_s[i]);
		case_end(c);
	}
}

/* Everything refused here while a tunnel is up: its kill switch. With the rest passing it is a rule
 * of this host against one port, tunnel or not. */
static void a_kill_switch_says_nothing_about_the_network(void **state)
{
	struct judge_case c;
	(void)state;
	case_open(&c, NULL);
	deny(&c, "ntp");
	text_copy(c.host.tunnel, sizeof(c.host.tunnel), "wg0");
	const struct verdict *d = case_judge(&c, "vpn-killswitch");
	assert_non_null(d);
	assert_int_equal(d->effect, EFFECT_DOUBT);
	assert_int_equal(c.run->exit, SP_EXIT_UNKNOWN);
	case_close(&c);

	case_open(&c, NULL);
	CASE_REST(&c, "ntp");
	deny(&c, "ntp");
	text_copy(c.host.tunnel, sizeof(c.host.tunnel), "wg0");
	case_absent(&c, "vpn-killswitch");
	assert_non_null(case_judge(&c, "own-firewall"));
	case_close(&c);
}

static void a_pass_through_clat_is_no_yes(void **state)
{
	struct judge_case c;
	(void)state;
	all_clean(&c);
	c.host.addrs[0].addr = addr_v4(192, 0, 0, 4);
	c.host.addrs[0].prefix = 32;
	assert_non_null(case_judge(&c, "clat-only"));
	assert_int_equal(c.run->exit, SP_EXIT_UNKNOWN);
	c.host.addrs[0].addr = addr_v4(192, 0, 0, 8); /* beyond the /29 */
	case_absent(&c, "clat-only");
	case_close(&c);
}

static void a_link_that_went_away_proves_no_block(void **state)
{
	struct judge_case c;
	(void)state;
	case_open(&c, "photon");
	CASE_REST(&c, "cloud-tcp");
	case_silent(&c, "cloud-tcp", CASE_TRIES);
	(void)case_judge(&c, "port-drop");
	assert_int_equal(c.run->exit, SP_EXIT_BLOCKED);
	link_says(&c, OUTCOME_ABORTED, "interface-gone", 10);
	assert_non_null(case_judge(&c, "link-changed"));
	assert_int_equal(c.run->exit, SP_EXIT_UNKNOWN);
	case_close(&c);

	all_clean(&c); /* what was answered stays answered */
	link_says(&c, OUTCOME_ABORTED, "address-changed", 10);
	const struct verdict *d = case_judge(&c, "link-changed");
	assert_non_null(d);
	assert_int_equal(d->effect, EFFECT_NOTE);
	assert_int_equal(c.run->exit, SP_EXIT_WORKS);
	case_close(&c);
}

static void a_stub_alone_tells_nothing_about_names(void **state)
{
	struct judge_case c;
	(void)state;
	all_clean(&c);
	c.host.n_resolvers = 0;
	c.host.stubs[0] = (struct host_stub){ addr_v4(127, 0, 0, 53), "loopback" };
	c.host.n_stubs = 1;
	const struct verdict *d = case_judge(&c, "resolver-unknown");
	assert_non_null(d);
	assert_int_equal(d->confidence, CONF_UNDETERMINED);
	assert_int_equal(c.run->exit, SP_EXIT_UNKNOWN);
	c.host.resolvers[0] = addr_v4(192, 168, 77, 1); /* found beside the stub */
	c.host.n_resolvers = 1;
	case_absent(&c, "resolver-unknown");
	case_close(&c);
}

static void ipv6_only(struct judge_case *c, bool dns64)
{
	struct sp_error err;
	case_open(c, NULL);
	c->host.route4 = false;
	c->host.route6 = true;
	assert_int_equal(addr_parse("2001:db8::10", &c->host.addrs[0].addr), 0);
	assert_int_equal(plan_make(c->run, &err), 0);
	link_says(c, OUTCOME_UNREACHABLE, "no-ipv4", 0);
	case_begin(c, run_check(c->run, "dns.name", "ipv4only.arpa"), 1, OUTCOME_ANSWERED, 0.1);
	obs_text(&c->next, A_QTYPE, "AAAA");
	obs_text(&c->next, A_RESOLVER, "192.168.77.1");
	obs_int(&c->next, A_RCODE, 0);
	if (dns64)
		obs_text(&c->next, A_ANSWERS, "64:ff9b::c000:aa");
	case_end(c);
}

static void ipv6_alone_is_no_network_for_devices(void **state)
{
	struct judge_case c;
	(void)state;
	ipv6_only(&c, true);
	case_expect(&c, "nat64-only", CONF_PROVEN, EFFECT_BLOCKS);
	assert_int_equal(c.run->exit, SP_EXIT_BLOCKED);
	case_close(&c);
	ipv6_only(&c, false); /* IPv4 may be switched off on this host alone */
	case_expect(&c, "nat64-only", CONF_LIKELY, EFFECT_BLOCKS);
	case_close(&c);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nothing_is_said_on_a_plain_host),
		cmocka_unit_test(a_gateways_own_success_is_no_yes),
		cmocka_unit_test(a_gateways_own_failure_stays_a_no),
		cmocka_unit_test(only_does_not_make_a_gateway_sure),
		cmocka_unit_test(a_taken_route_is_the_vpns_when_there_is_one),
		cmocka_unit_test(a_kill_switch_says_nothing_about_the_network),
		cmocka_unit_test(a_pass_through_clat_is_no_yes),
		cmocka_unit_test(a_link_that_went_away_proves_no_block),
		cmocka_unit_test(a_stub_alone_tells_nothing_about_names),
		cmocka_unit_test(ipv6_alone_is_no_network_for_devices),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
