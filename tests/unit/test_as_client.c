/* What goes with --as-client and needs no network: the address on the command line, the facts in
 * the journal, and what the judge makes of a client without an address. */
#include "judge_case.h"

#include "diag/run/journal_host.h"
#include "sallyport/as_client.h"

/* ---- --client-address -------------------------------------------------------------------------- */

static void address_is_read(void **state)
{
	(void)state;
	struct as_client_address a;
	struct addr own = addr_v4(10, 1, 2, 3), gw = addr_v4(10, 1, 0, 1), dns = addr_v4(9, 9, 9, 9);
	assert_int_equal(as_client_parse("10.1.2.3/16", &a, NULL), 0);
	assert_true(addr_equal(&a.address, &own) && a.prefix == 16 && !a.gateway.family && !a.n_dns);
	assert_int_equal(as_client_parse("10.1.2.3/32,10.1.0.1", &a, NULL), 0);
	assert_true(a.prefix == 32 && addr_equal(&a.gateway, &gw) && !a.n_dns);
	assert_int_equal(as_client_parse("10.1.2.3/16,10.1.0.1,10.1.0.1,9.9.9.9", &a, NULL), 0);
	assert_true(a.n_dns == 2 && addr_equal(&a.dns[0], &gw) && addr_equal(&a.dns[1], &dns));
}

static void bad_addresses_are_refused(void **state)
{
	(void)state;
	static const char *const bad[] = {
		"", ",", "10.0.0.1", "10.0.0.1/", "10.0.0.1/0", "10.0.0.1/33", "10.0.0.1/x",
		"10.0.0.1/+8", "10.0.0.1/ 8", "10.0.0/8", "0.0.0.0/8", "127.0.0.1/8", "224.0.0.1/24",
		"255.255.255.255/32", "fe80::1/64", "10.0.0.1/8,", "10.0.0.1/8,,", "10.0.0.1/8,gw",
		"10.0.0.1/8,fe80::1", "10.0.0.1/8,10.0.0.2,1.1.1.1,1.1.1.1,1.1.1.1,1.1.1.1,1.1.1.1",
		"10.0.0.1/18446744073709551624",
		"1111111111111111111111111111111111111111111111111111111111111111111111111111111/8",
	};
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct as_client_address a = { .prefix = 99 };
		struct sp_error err = { 0 };
		int e = as_client_parse(bad[i], &a, &err);
		if (e != SP_E_USAGE || a.prefix != 99 || !*err.text)
			fail_msg("'%s' was taken", bad[i]);
	}
}

/* ---- the journal ------------------------------------------------------------------------------- */

static const struct as_client_facts facts = {
	.name = "br-lan", .kind = "bridge", .dhcp = "bound", .server = { 4, { 192, 168, 77, 1 } },
	.lease_s = 3600, .packets = 2, .bytes = 656, .waited_ms = 3010,
};

static void facts_come_back(void **state)
{
	(void)state;
	struct host_facts in = { .ifname = "client0", .as_client = facts }, out;
	json_t *j = host_to_json(&in);
	assert_int_equal(host_from_json(j, &out, NULL), 0);
	assert_memory_equal(&out.as_client, &facts, sizeof(facts));
	json_object_set_new(j, "as_client", json_null());
	assert_int_equal(host_from_json(j, &out, NULL), 0);
	assert_int_equal(out.as_client.name[0], 0);
	json_object_del(j, "as_client"); /* older files */
	assert_int_equal(host_from_json(j, &out, NULL), 0);
	json_decref(j);
}

static void damaged_facts_are_refused(void **state)
{
	(void)state;
	static const char *const bad[] = {
		"\"br-lan\"", "{\"name\":1}", "{\"name\":\"a\",\"lease_s\":-1}", "{\"server\":\"x\"}",
		"{\"bytes\":4294967296}", "{\"packets\":\"2\"}", "{\"dhcp\":[]}",
	};
	struct host_facts host = { .ifname = "client0" }, out;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		json_t *j = host_to_json(&host);
		struct sp_error err = { 0 };
		json_object_set_new(j, "as_client", json_loads(bad[i], JSON_DECODE_ANY, NULL));
		assert_int_equal(host_from_json(j, &out, &err), SP_E_SYNTAX);
		assert_non_null(strstr(err.text, "as_client"));
		json_decref(j);
	}
}

/* ---- the judge --------------------------------------------------------------------------------- */

static bool not_tested(const struct run *r, const char *what)
{
	for (size_t i = 0; i < r->n_not_tested; i++)
		if (strcmp(r->not_tested[i].what, what) == 0)
			return true;
	return false;
}

static const struct verdict *verdict_of(const struct run *r, const char *slug)
{
	for (size_t i = 0; i < r->n_verdicts; i++)
		if (strcmp(r->verdicts[i].fault->slug, slug) == 0)
			return &r->verdicts[i];
	return NULL;
}

/* A client that asked and has no address, as probes/link.c and the runner tell it. */
static void judge_without_address(struct judge_case *c, const char *kind, const char *dhcp)
{
	case_open(c, NULL);
	c->host = (struct host_facts){ .ifname = "client0", .operstate = "up", .carrier = true,
				       .as_client = { .name = "br-lan", .packets = 4, .waited_ms = 12000 } };
	text_copy(c->host.as_client.kind, sizeof(c->host.as_client.kind), kind);
	text_copy(c->host.as_client.dhcp, sizeof(c->host.as_client.dhcp), dhcp);
	assert_int_equal(plan_make(c->run, NULL), 0);
	for (size_t i = 0; i < c->run->n_checks; i++) {
		const struct check *k = &c->run->checks[i];
		bool link = strcmp(k->id, "link") == 0;
		case_begin(c, k, 0, link ? OUTCOME_UNREACHABLE : OUTCOME_NOT_RUN, 0);
		obs_text(&c->next, A_REASON, link ? "no-address" : "no uplink");
		if (link) {
			obs_text(&c->next, A_DHCP, dhcp);
			obs_int(&c->next, A_PACKETS, 4);
			obs_real(&c->next, A_WAITED_MS, 12000);
		}
		case_end(c);
	}
	judge_run(c->run);
}

/* On a bridge silence is the LAN's; beside an interface it may be a filter of MAC addresses. */
static void silence_of_dhcp_is_judged(void **state)
{
	(void)state;
	static const struct {
		const char *kind, *dhcp, *seen;
		enum confidence confidence;
		int exit;
	} rows[] = {
		{ "bridge", "no-offer", "nobody answered", CONF_PROVEN, SP_EXIT_BLOCKED },
		{ "macvlan", "no-offer", "nobody answered", CONF_UNDETERMINED, SP_EXIT_UNKNOWN },
		{ "macvlan", "no-ack", "went silent", CONF_PROVEN, SP_EXIT_BLOCKED },
		{ "bridge", "refused", "refused", CONF_PROVEN, SP_EXIT_BLOCKED },
	};
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct judge_case c;
		judge_without_address(&c, rows[i].kind, rows[i].dhcp);
		const struct verdict *v = verdict_of(c.run, "no-address");
		assert_non_null(v);
		assert_int_equal(v->confidence, rows[i].confidence);
		assert_non_null(strstr(v->seen, rows[i].seen));
		assert_non_null(strstr(v->confirm, "--as-client br-lan"));
		assert_int_equal(c.run->exit, rows[i].exit);
		case_close(&c);
	}
}

static void what_was_tested_is_not_listed(void **state)
{
	(void)state;
	static const struct {
		const char *name, *dhcp;
		bool listed;
	} rows[] = { { "", "", true }, { "br-lan", "", true }, { "br-lan", "bound", false } };
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct judge_case c;
		case_open(&c, NULL);
		text_copy(c.host.as_client.name, sizeof(c.host.as_client.name), rows[i].name);
		text_copy(c.host.as_client.dhcp, sizeof(c.host.as_client.dhcp), rows[i].dhcp);
		judge_run(c.run);
		assert_int_equal(not_tested(c.run, "DHCP for a new client"), rows[i].listed);
		assert_true(not_tested(c.run, "another MAC address, VLAN or SSID"));
		case_close(&c);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(address_is_read),
		cmocka_unit_test(bad_addresses_are_refused),
		cmocka_unit_test(facts_come_back),
		cmocka_unit_test(damaged_facts_are_refused),
		cmocka_unit_test(silence_of_dhcp_is_judged),
		cmocka_unit_test(what_was_tested_is_not_listed),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
