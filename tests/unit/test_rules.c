/* Needs to rules: merged and sorted, checked before anything is written, never `any`. */
#include "judge_case.h"

#include "rules/quote.h"
#include "sallyport/rules.h"

static struct sp_error err;

static void open_case(struct judge_case *c)
{
	case_open(c, NULL);
	c->host.mac = (struct mac){ { 2, 0, 0, 0, 0, 0xaa } };
	c->run->id = "2026-11-23-0badcafe";
	c->run->version = SP_VERSION;
	c->run->host_name = "gw";
	CASE_REST(c, "portal-a");
	judge_run(c->run);
}

static void name_devices(struct judge_case *c, const char *const *list)
{
	c->settings.n_devices = 0;
	for (; *list; list++)
		assert_int_equal(setting_set(c->run->arena, &c->settings, setting_by_name("device"), *list,
					     &err), 0);
	judge_run(c->run);
}
#define NAME_DEVICES(c, ...) name_devices(c, (const char *const[]){ __VA_ARGS__, NULL })

static const struct ruleset *make(struct judge_case *c)
{
	const struct ruleset *s = NULL;
	memset(&err, 0, sizeof(err));
	if (ruleset_make(c->run->arena, c->run, &s, &err))
		fail_msg("%s", err.text);
	return s;
}

static char *write_nft(struct judge_case *c)
{
	char *text = NULL;
	size_t n = 0;
	const struct ruleset *s = make(c);
	FILE *out = open_memstream(&text, &n);
	assert_int_equal(dialect_by_name("nftables")->write(s, out), 0);
	fclose(out);
	for (const char *p = text; *p; p++)
		assert_true(*p == '\n' || (*p >= 0x20 && *p < 0x7f));
	return text;
}

static struct need *need_to(struct judge_case *c, const char *to)
{
	for (size_t i = 0; i < c->run->n_needs; i++)
		if (strcmp(c->run->needs[i].to, to) == 0)
			return &c->run->needs[i];
	fail_msg("no need for %s", to);
	return NULL;
}

static const struct rule *rule_on(const struct ruleset *s, uint16_t port)
{
	for (size_t i = 0; i < s->n_rules; i++)
		if (s->rules[i].port == port)
			return &s->rules[i];
	return NULL;
}

static void refused(struct judge_case *c, int code, const char *word)
{
	const struct ruleset *s = NULL;
	memset(&err, 0, sizeof(err));
	assert_int_equal(ruleset_make(c->run->arena, c->run, &s, &err), code);
	assert_null(s);
	if (!strstr(err.text, word))
		fail_msg("'%s' does not name '%s'", err.text, word);
	for (const char *p = err.text; *p; p++)
		assert_in_range(*p, 0x20, 0x7e);
}

/* ---- validators ---- */
enum value { MAC, ADDR, NAME, IDENTIFIER, COMMENT, PROSE };

static int quote(enum value v, const char *s)
{
	char mac[MAC_STRLEN];
	struct addr a;
	struct hostname h;
	bool wildcard;
	switch (v) {
	case MAC: return quote_mac(s, mac, &err);
	case ADDR: return quote_addr(s, &a, &err);
	case NAME: return quote_name(s, &wildcard, &h, &err);
	case IDENTIFIER: return quote_identifier(s, &err);
	case COMMENT: return quote_comment(s, &err);
	case PROSE: return quote_prose(s, &err);
	}
	return -1;
}

static void validators_take_the_good_and_refuse_the_rest(void **state)
{
	(void)state;
	static const struct {
		enum value v;
		bool good;
		const char *s;
	} rows[] = {
		{ MAC, true, "02:00:5e:00:53:01" }, { MAC, true, "02-00-5E-00-53-01" },
		{ MAC, false, "" }, { MAC, false, "02:00:5e:00:53" }, { MAC, false, "02:00:5e:00:53:0g" },
		{ MAC, false, "02:00-5e:00:53:01" }, { MAC, false, "02:00:5e:00:53:01;" },
		{ MAC, false, "02:00:5e:00:53:01 " }, { MAC, false, "00:00:00:00:00:00" },
		{ MAC, false, "ff:ff:ff:ff:ff:ff" }, { MAC, false, "33:33:00:00:00:01" },
		{ MAC, false, NEED_PLACEHOLDER },
		{ ADDR, true, "198.51.100.10" }, { ADDR, true, "2001:db8::1" }, { ADDR, true, "10.0.0.1" },
		{ ADDR, false, "198.51.100.010" }, { ADDR, false, "0306.063.0144.012" },
		{ ADDR, false, "3325256714" }, { ADDR, false, "0xc6336410" }, { ADDR, false, "198.51.100" },
		{ ADDR, false, "198.51.100.10/24" }, { ADDR, false, "198.51.100.10 " },
		{ ADDR, false, "0.0.0.0" }, { ADDR, false, "::" }, { ADDR, false, "255.255.255.255" },
		{ ADDR, false, "127.0.0.1" }, { ADDR, false, "224.0.0.251" }, { ADDR, false, "fe80::1%eth0" },
		{ ADDR, false, "localhost" }, { ADDR, false, "any" }, { ADDR, false, "198.51.100.10;" },
		{ NAME, true, "device.spark.io" }, { NAME, true, "*.udp.particle.io" },
		{ NAME, true, "EXAMPLE.com." }, { NAME, true, "xn--bcher-kva.example" },
		{ NAME, false, "" }, { NAME, false, "*" }, { NAME, false, "*." }, { NAME, false, "*.com" },
		{ NAME, false, "a.*.example.net" }, { NAME, false, "*a.example.net" },
		{ NAME, false, "localhost" }, { NAME, false, "198.51.100.10" }, { NAME, false, "a..b.net" },
		{ NAME, false, "-a.example.net" }, { NAME, false, "a-.example.net" },
		{ NAME, false, "a_b.example.net" }, { NAME, false, "a;drop.example.net" },
		{ NAME, false, "a; } address EVIL 0.0.0.0/0; address z { dns-name .example.net" },
		{ NAME, false, "a\nb.example.net" }, { NAME, false, "a\"b.example.net" },
		{ NAME, false, "a'b.example.net" }, { NAME, false, "`id`.example.net" },
		{ NAME, false, "$(id).example.net" }, { NAME, false, "\x1b[31m.example.net" },
		{ NAME, false, "b\xc3\xbc" "cher.example" }, { NAME, false, "a/b.example.net" },
		{ NAME, false, "a#b.example.net" }, { NAME, false, "a b.example.net" },
		{ NAME, false, "*/.example.net" }, { NAME, false, "=cmd.example.net" },
		{ IDENTIFIER, true, "sp_udp5684_1c2d3e4f" }, { IDENTIFIER, true, "sp_123456789012345678901234" },
		{ IDENTIFIER, false, "sp_1234567890123456789012345" }, { IDENTIFIER, false, "sp_" },
		{ IDENTIFIER, false, "x" }, { IDENTIFIER, false, "sp_A" }, { IDENTIFIER, false, "sp_a-b" },
		{ IDENTIFIER, false, "sp_c; add table ip evil" },
		{ COMMENT, true, "sp:0badcafe:udp5684_1c2d3e4f:20261123" }, { COMMENT, true, "" },
		{ COMMENT, false, "a\"b" }, { COMMENT, false, "a;b" }, { COMMENT, false, "a\nb" },
		{ COMMENT, false, "a`b" }, { COMMENT, false, "a\\b" }, { COMMENT, false, "a*/b" },
		{ COMMENT, false, "a,b" }, { COMMENT, false, "a\x1b[0m" }, { COMMENT, false, "a$b" },
		{ COMMENT, false, "12345678901234567890123456789012345678901234567890123456789012345" },
		{ PROSE, true, "the one connection of a Gen 3, Gen 4 (or cellular) device" },
		{ PROSE, false, "it's" }, { PROSE, false, "a;b" }, { PROSE, false, "a\rb" },
		{ PROSE, false, "a|b" }, { PROSE, false, "<b>" },
	};
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		memset(&err, 0, sizeof(err));
		if ((quote(rows[i].v, rows[i].s) == 0) != rows[i].good)
			fail_msg("row %zu: %s", i, rows[i].s);
		for (const char *p = err.text; *p; p++)
			assert_in_range(*p, 0x20, 0x7e);
	}
}

static void canonical_forms(void **state)
{
	(void)state;
	char mac[MAC_STRLEN];
	struct hostname h;
	bool wildcard;
	assert_int_equal(quote_mac("02-00-5E-00-53-FF", mac, &err), 0);
	assert_string_equal(mac, "02:00:5e:00:53:ff");
	assert_int_equal(quote_name("*.UDP.Example.NET.", &wildcard, &h, &err), 0);
	assert_true(wildcard);
	assert_string_equal(h.s, "udp.example.net");
	assert_int_equal(quote_port(0, &err), SP_E_RANGE);
	assert_int_equal(quote_port(65535, &err), 0);
	assert_int_equal(quote_port(65536, &err), SP_E_RANGE);
	assert_int_equal(quote_port(70000, &err), SP_E_RANGE);
}

/* Whatever bytes come in, what is taken is made of the few that mean nothing to any firewall. */
static void random_bytes_do_not_pass(void **state)
{
	(void)state;
	unsigned seed = (unsigned)clock_wall_us();
	print_message("seed %u\n", seed);
	static const char some[] = "ab.*-_;\"'`\n\r\x1b{}#$/\\ 019:,=";
	for (unsigned round = 0; round < 200000; round++) {
		char s[24] = "";
		size_t n = (size_t)rand_r(&seed) % (sizeof(s) - 1);
		for (size_t i = 0; i < n; i++)
			s[i] = some[(size_t)rand_r(&seed) % (sizeof(some) - 1)];
		bool wildcard;
		struct hostname h;
		if (quote_name(s, &wildcard, &h, NULL) == 0)
			assert_int_equal(strspn(h.s, "abcdefghijklmnopqrstuvwxyz0123456789.-"), strlen(h.s));
		if (quote_comment(s, NULL) == 0)
			assert_null(strpbrk(s, ";\"'`\n\r\x1b{}#$\\*,"));
		if (quote_prose(s, NULL) == 0)
			assert_null(strpbrk(s, ";\"'`\n\r\x1b{}#$\\*"));
	}
}

/* ---- the ruleset ---- */
static void needs_of_many_devices_are_one_rule_each(void **state)
{
	(void)state;
	struct judge_case c;
	open_case(&c);
	NAME_DEVICES(&c, "02:00:5e:00:53:02", "02:00:5e:00:53:01,192.168.77.21,pump 1",
		     "192.168.77.30,valve", "02-00-5E-00-53-02,192.168.77.22");
	const struct ruleset *s = make(&c);
	assert_int_equal(s->n_rules, 3);
	assert_int_equal(s->n_groups, 1);
	const struct rule_group *g = &s->groups[0];
	assert_int_equal(g->n, 3);
	assert_string_equal(g->subjects[0].mac, "02:00:5e:00:53:01");
	assert_string_equal(g->subjects[0].name, "pump 1");
	assert_string_equal(g->subjects[1].mac, "02:00:5e:00:53:02");
	assert_string_equal(g->subjects[2].name, "valve");
	assert_true(g->by_mac && g->by_ip4 && !g->by_ip6);
	assert_int_equal(s->rules[0].port, 53);
	assert_int_equal(s->rules[0].peer.kind, PEER_SITE_DNS);
	assert_true(s->rules[0].peer.gateway);
	const struct rule *r = &s->rules[1];
	assert_int_equal(r->port, 5684);
	assert_int_equal(r->peer.kind, PEER_WILDCARD);
	assert_string_equal(r->peer.name, "udp.particle.io");
	assert_int_equal(r->peer.depth, 2);
	assert_int_equal(r->idle_s, 300);
	assert_true(r->required);
	assert_int_equal(s->rules[2].port, 123);
	assert_false(s->rules[2].required);
	assert_int_equal(s->rules[2].idle_s, 0);
	case_close(&c);
}

static void same_bytes_whatever_the_order(void **state)
{
	(void)state;
	struct judge_case c;
	open_case(&c);
	NAME_DEVICES(&c, "02:00:5e:00:53:02,b", "02:00:5e:00:53:01,a", "10.1.1.1");
	char *first = write_nft(&c), *again = write_nft(&c);
	assert_string_equal(first, again);
	struct run *r = c.run;
	for (size_t i = 0; i < r->n_needs / 2; i++) {
		struct need other = r->needs[i];
		r->needs[i] = r->needs[r->n_needs - 1 - i];
		r->needs[r->n_needs - 1 - i] = other;
	}
	char *backwards = write_nft(&c);
	assert_string_equal(first, backwards);
	free(first), free(again), free(backwards);
	case_close(&c);
}

static void the_id_is_of_the_flow_alone(void **state)
{
	(void)state;
	struct judge_case c;
	char id[RULE_ID_LEN];
	open_case(&c);
	memcpy(id, rule_on(make(&c), 5684)->id, sizeof(id));
	NAME_DEVICES(&c, "02:00:5e:00:53:01");
	need_to(&c, "*.udp.particle.io")->n_addresses = 0;
	const struct ruleset *s = make(&c);
	assert_string_equal(rule_on(s, 5684)->id, id);
	assert_string_not_equal(rule_on(s, 123)->id, id);
	need_to(&c, "*.udp.particle.io")->to = "*.udp.particle.com";
	assert_string_not_equal(rule_on(make(&c), 5684)->id, id);
	case_close(&c);
}

static void the_placeholder_opens_nothing(void **state)
{
	(void)state;
	struct judge_case c;
	open_case(&c);
	char *text = write_nft(&c);
	static const char *const never[] = { "192.168.77.10", "02:00:00:00:00:aa", "192.168.77.0", "/24",
					     NEED_PLACEHOLDER, " any", "0.0.0.0", "element inet filter sp_dev1_mac { 0",
					     "flush set inet filter sp_dev1_mac", "ip6" };
	for (size_t i = 0; i < sizeof(never) / sizeof(never[0]); i++)
		if (strstr(text, never[i]))
			fail_msg("holds %s", never[i]);
	assert_non_null(strstr(text, "NONE WAS NAMED"));
	assert_non_null(strstr(text, "# Fill in  nft add element inet filter sp_dev1_mac { MAC, MAC }\n"));
	/* Each rule that accepts is bound to the empty set, or to the reply of a flow that runs. */
	for (const char *at = text; (at = strstr(at, "add rule inet filter sp_allow ")); at++) {
		bool device = strncmp(at + 30, "ether saddr @sp_dev1_mac ", 25) == 0;
		size_t n = strcspn(at, "\n");
		bool reply = memmem(at, n, "ct direction reply ct state established", 39) != NULL;
		assert_true(device != reply);
	}
	free(text);
	case_close(&c);
}

static void this_host_is_never_a_subject(void **state)
{
	(void)state;
	struct judge_case c;
	open_case(&c);
	NAME_DEVICES(&c, "02:00:5e:00:53:01", "02:00:00:00:00:aa");
	refused(&c, SP_E_USAGE, "this host itself");
	NAME_DEVICES(&c, "192.168.77.10");
	refused(&c, SP_E_USAGE, "this host itself");
	NAME_DEVICES(&c, "02:00:5e:00:53:01,192.168.77.10");
	refused(&c, SP_E_USAGE, "this host itself");
	case_close(&c);
}

static void a_hostile_value_stops_everything(void **state)
{
	(void)state;
	static const char *const names[] = { "a; } drop", "a\n.example.net", "`id`.example.net", "any", "*",
					     "198.51.100.010", "0.0.0.0", "198.51.100.0/24", "" };
	static const char *const froms[] = { "any", "0.0.0.0", "192.168.77.0/24", "ff:ff:ff:ff:ff:ff",
					     "02:00:5e:00:53:01\nadd rule", "DEVICE-MAC;", "192.168.077.020", "" };
	struct judge_case c;
	open_case(&c);
	struct need *n = need_to(&c, "*.udp.particle.io"), good = *n;
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		n->to = names[i];
		refused(&c, SP_E_SYNTAX, "cannot stand in a rule");
	}
	*n = good;
	for (size_t i = 0; i < sizeof(froms) / sizeof(froms[0]); i++) {
		n->from = froms[i];
		refused(&c, SP_E_SYNTAX, "cannot stand in a rule");
	}
	*n = good;
	n->addresses = (const char *[]){ "198.51.100.10", "198.51.100.010" };
	n->n_addresses = 2;
	refused(&c, SP_E_SYNTAX, "198.51.100.010");
	*n = good;
	n->port = 0;
	refused(&c, SP_E_RANGE, "port 0");
	*n = good;
	c.run->id = "x\"; flush ruleset #";
	refused(&c, SP_E_SYNTAX, "flush");
	c.run->id = "r1";
	c.run->n_needs = 0;
	refused(&c, SP_E_MISSING, "nothing");
	case_close(&c);
}

/* Free text of a profile is no reason to refuse, but it stays out. */
static void prose_that_is_not_plain_stays_out(void **state)
{
	(void)state;
	struct judge_case c;
	open_case(&c);
	struct profile p = *c.run->profile;
	p.title = "Bob's \"devices\"; flush ruleset";
	c.run->profile = &p;
	need_to(&c, "*.udp.particle.io")->why = "`reboot`\nflush ruleset";
	char *text = write_nft(&c);
	assert_null(strstr(text, "Bob"));
	assert_null(strstr(text, "reboot"));
	assert_null(strstr(text, "flush ruleset"));
	free(text);
	case_close(&c);
}

static void port_70000_does_not_load(void **state)
{
	(void)state;
	struct arena *a = arena_new();
	const struct profile *p;
	struct judge_case c;
	open_case(&c);
	const char *good = profile_format(a, c.run->profile), *port = strstr(good, "port=5684\n");
	assert_non_null(port);
	const char *text = arena_printf(a, "%.*sport=70000\n%s", (int)(port - good), good, port + 10);
	assert_true(profile_parse(a, "p", text, strlen(text), &p, &err) < 0);
	assert_non_null(strstr(err.text, "'70000'"));
	case_close(&c);
	arena_free(a);
}

/* ---- addresses ---- */
static void add_answer(struct judge_case *c, const char *answers, int ttl, double t_s)
{
	for (size_t i = 0; i < c->run->n_checks; i++) {
		const struct check *k = &c->run->checks[i];
		if (strcmp(k->id, "dns.name") || k->target_index < 0 ||
		    strcmp(c->run->profile->targets[k->target_index].section, "cloud-udp"))
			continue;
		case_begin(c, k, 2, OUTCOME_ANSWERED, t_s);
		case_flow(c, "udp", "192.168.77.1", 53);
		obs_text(&c->next, A_RESOLVER, "192.168.77.1");
		obs_text(&c->next, A_NAME, k->target);
		obs_text(&c->next, A_QTYPE, "A");
		obs_int(&c->next, A_RCODE, 0);
		obs_int(&c->next, A_TTL, ttl);
		obs_text(&c->next, A_ANSWERS, answers);
		case_end(c);
	}
	judge_run(c->run);
}

static void addresses_know_their_answer(void **state)
{
	(void)state;
	struct judge_case c;
	open_case(&c);
	add_answer(&c, "203.0.113.9 198.51.100.10", 90000, 2);
	const struct rule *r = rule_on(make(&c), 5684);
	assert_int_equal(r->peer.n_addrs, 2);
	assert_true(addr_compare(&r->peer.addrs[0].addr, &r->peer.addrs[1].addr) < 0);
	for (size_t i = 0; i < 2; i++) {
		assert_int_equal(r->peer.addrs[i].ttl_s, 90000);
		assert_int_equal(r->peer.addrs[i].valid_s, 180000);
		assert_int_equal(r->peer.addrs[i].seen_us, case_started_us + 2000000);
		assert_int_equal(r->peer.addrs[i].evidence, c.run->n_obs);
	}
	assert_int_equal(r->expires_us, case_started_us + INT64_C(180002000000));
	/* a short TTL holds for a day, an endless one for two weeks */
	assert_int_equal(rule_on(make(&c), 123)->peer.addrs[0].valid_s, 86400);
	add_answer(&c, "198.51.100.10", 2147483647, 3);
	assert_int_equal(rule_on(make(&c), 5684)->peer.addrs[0].valid_s, 1209600);
	case_close(&c);
}

/* A resolver that answers with inside addresses, too, must not open the inside. */
static void inside_addresses_are_left_out(void **state)
{
	(void)state;
	struct judge_case c;
	open_case(&c);
	add_answer(&c, "198.51.100.10 10.0.0.5 192.168.77.1 0.0.0.0 127.0.0.1 100.64.0.9 255.255.255.255", 60, 2);
	const struct rule *r = rule_on(make(&c), 5684);
	assert_int_equal(r->peer.n_addrs, 1);
	assert_true(addr_is_public(&r->peer.addrs[0].addr));
	case_close(&c);
}

static void an_impostors_address_is_withheld(void **state)
{
	(void)state;
	static const char *const doubted[] = { "dns-forged", "udp-impostor", "split-horizon", "captive-dns" };
	struct judge_case c;
	open_case(&c);
	NAME_DEVICES(&c, "02:00:5e:00:53:01");
	int t = profile_target_by_section(c.run->profile, "cloud-udp");
	for (size_t i = 0; i < 4; i++) {
		struct verdict v = { .fault = fault_by_name(doubted[i]), .targets = UINT64_C(1) << t };
		assert_non_null(v.fault);
		c.run->verdicts = &v;
		c.run->n_verdicts = 1;
		const struct ruleset *s = make(&c);
		assert_int_equal(rule_on(s, 5684)->peer.n_addrs, 0);
		assert_string_equal(rule_on(s, 5684)->peer.withheld, doubted[i]);
		assert_int_equal(rule_on(s, 123)->peer.n_addrs, 1);
		char *text = write_nft(&c);
		assert_null(strstr(text, "198.51.100.10"));
		assert_non_null(strstr(text, "NO ADDRESS"));
		free(text);
	}
	/* a dropped port is what the rules are for */
	struct verdict v = { .fault = fault_by_name("udp-port-blocked"), .targets = UINT64_C(1) << t };
	c.run->verdicts = &v;
	assert_int_equal(rule_on(make(&c), 5684)->peer.n_addrs, 1);
	case_close(&c);
}

static void families_are_the_devices_own(void **state)
{
	(void)state;
	struct judge_case c;
	open_case(&c);
	NAME_DEVICES(&c, "02:00:5e:00:53:01", "2001:db8:77::20");
	c.host.resolvers[c.host.n_resolvers++] = (struct addr){ 6, { 0x20, 1, 0xd, 0xb8, [15] = 0x53 } };
	judge_run(c.run);
	char *text = write_nft(&c);
	assert_null(strstr(text, "ip6 "));
	assert_non_null(strstr(text, "# IPv6     not used"));
	assert_non_null(strstr(text, "2001:db8:77::20 is NOT COVERED"));
	free(text);
	struct profile *p = arena_memdup(c.run->arena, c.run->profile, sizeof(*p));
	for (size_t i = 0; i < p->n_targets; i++)
		p->targets[i].families = FAMILY_4 | FAMILY_6;
	c.run->profile = p;
	judge_run(c.run);
	text = write_nft(&c);
	assert_non_null(strstr(text, "type ipv6_addr; flags timeout"));
	assert_non_null(strstr(text, "ip6 saddr @sp_dev1_ip6 ip6 daddr 2001:db8::53 udp dport 53 "));
	assert_non_null(strstr(text, "ether saddr @sp_dev1_mac ip6 daddr @sp_udp5684_"));
	assert_non_null(strstr(text, "l3proto ip6;"));
	assert_null(strstr(text, "ip saddr @sp_dev1_ip6"));
	assert_null(strstr(text, "# IPv6     not used"));
	assert_null(strstr(text, "NOT COVERED"));
	free(text);
	case_close(&c);
}

static void only_known_dialects(void **state)
{
	(void)state;
	assert_null(dialect_by_name(""));
	assert_null(dialect_by_name("iptables; reboot"));
	for (size_t i = 0; i < n_dialect_table; i++)
		assert_ptr_equal(dialect_by_name(dialect_table[i].name), &dialect_table[i]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(validators_take_the_good_and_refuse_the_rest),
		cmocka_unit_test(canonical_forms),
		cmocka_unit_test(random_bytes_do_not_pass),
		cmocka_unit_test(needs_of_many_devices_are_one_rule_each),
		cmocka_unit_test(same_bytes_whatever_the_order),
		cmocka_unit_test(the_id_is_of_the_flow_alone),
		cmocka_unit_test(the_placeholder_opens_nothing),
		cmocka_unit_test(this_host_is_never_a_subject),
		cmocka_unit_test(a_hostile_value_stops_everything),
		cmocka_unit_test(prose_that_is_not_plain_stays_out),
		cmocka_unit_test(port_70000_does_not_load),
		cmocka_unit_test(addresses_know_their_answer),
		cmocka_unit_test(inside_addresses_are_left_out),
		cmocka_unit_test(an_impostors_address_is_withheld),
		cmocka_unit_test(families_are_the_devices_own),
		cmocka_unit_test(only_known_dialects),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
