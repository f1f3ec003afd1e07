/* Profiles: every shipped one loads and survives format and parse; errors name their place. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "sallyport/profile.h"
#include "sallyport/wifi.h"

static const char *const shipped[] = { "particle-wifi", "particle-cellular", "particle-tcp",
				       "particle-tools" };

static void shipped_profiles_round_trip(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(shipped) / sizeof(shipped[0]); i++) {
		struct arena *a = arena_new();
		struct sp_error err = { 0 };
		const struct profile *p, *again;
		char path[128];
		snprintf(path, sizeof(path), "diag/profiles/%s.ini", shipped[i]);
		if (profile_load(a, path, &p, &err))
			fail_msg("%s:%u:%u: %s", err.file, err.line, err.column, err.text);
		const char *text = profile_format(a, p);
		assert_int_equal(profile_parse(a, "again", text, strlen(text), &again, &err), 0);
		assert_string_equal(profile_format(a, again), text);
		assert_string_equal(p->name, shipped[i]);
		for (size_t k = 0; k < p->n_kinds; k++)
			assert_true(p->kinds[k].needs.n > 0);
		arena_free(a);
	}
}

static void default_profile_has_the_cloud(void **state)
{
	(void)state;
	struct arena *a = arena_new();
	const struct profile *p;
	assert_int_equal(profile_load(a, "diag/profiles/particle-wifi.ini", &p, NULL), 0);
	int i = profile_target_by_section(p, "cloud-udp");
	assert_true(i >= 0);
	const struct profile_target *t = &p->targets[i];
	assert_string_equal(t->check, "udp5684");
	assert_int_equal(t->key_len, 91);
	assert_int_equal(t->families, FAMILY_4);
	assert_string_equal(profile_target_name(a, p, t, 0),
			    "e00fce68000000000000a001.v6.udp.particle.io");
	assert_string_not_equal(profile_target_name(a, p, t, 0), profile_target_name(a, p, t, 1));
	uint8_t key[4] = { 1, 2, 3, 4 };
	const struct profile *with = profile_with_key(a, p, key, sizeof(key));
	assert_int_equal(with->targets[i].key_len, 4);
	assert_int_equal(p->targets[i].key_len, 91);
	arena_free(a);
}

static void kinds_know_their_radios(void **state)
{
	(void)state;
	struct arena *a = arena_new();
	const struct profile *p;
	assert_int_equal(profile_load(a, "diag/profiles/particle-wifi.ini", &p, NULL), 0);
	const struct profile_kind *argon = &p->kinds[profile_kind_by_id(p, "argon")];
	const struct profile_kind *photon = &p->kinds[profile_kind_by_id(p, "photon")];
	const struct profile_kind *p2 = &p->kinds[profile_kind_by_id(p, "p2")];
	assert_int_equal(argon->radios.n, 1);
	assert_true(argon->wifi_yes & WIFI_BIT(WIFI_WPA2) && argon->wifi_yes & WIFI_BIT(WIFI_N_ONLY));
	assert_true(argon->wifi_no & WIFI_BIT(WIFI_WPA3) && argon->wifi_no & WIFI_BIT(WIFI_WPA2_EAP));
	assert_true(photon->wifi_maybe & WIFI_BIT(WIFI_WPA2_EAP) && photon->wifi_eap.n == 2);
	assert_string_equal(photon->wifi_eap_tls.v[1], "1.1");
	assert_int_equal(p2->radios.n, 2);
	assert_int_equal(p2->wifi_maybe, WIFI_BIT(WIFI_WPA3));
	for (size_t k = 0; k < p->n_kinds; k++) {
		const struct profile_kind *kind = &p->kinds[k];
		if (kind->radios.n) /* no fact without its source */
			assert_true(kind->wifi_source && kind->wifi_yes && kind->wifi_no);
	}
	for (size_t i = 0; i < p->n_leds; i++)
		assert_true(p->leds[i].source && p->leds[i].meaning);
	arena_free(a);
}

static void kinds_know_their_pings(void **state)
{
	(void)state;
	static const char *const paths[] = { "diag/profiles/particle-wifi.ini",
					     "diag/profiles/particle-cellular.ini",
					     "diag/profiles/particle-tcp.ini" };
	for (size_t i = 0; i < 3; i++) {
		struct arena *a = arena_new();
		const struct profile *p;
		assert_int_equal(profile_load(a, paths[i], &p, NULL), 0);
		for (size_t k = 0; k < p->n_kinds; k++) {
			const struct profile_kind *kind = &p->kinds[k];
			int t = profile_target_by_section(p, kind->needs.v[0]);
			assert_true(kind->keepalive_s > 0 && kind->keepalive_fixed != !!kind->keepalive_call);
			assert_true(p->targets[t].ping_bytes > 0 && p->targets[t].ping_answer_s > 0);
			assert_true(p->targets[t].ping_source != NULL);
		}
		arena_free(a);
	}
}

#define TARGET "[target a]\ntitle=x\nprobe=tls\ntransport=tcp\nport=1\noperator=x\nwhy=x\nrequired=no\n" \
	       "families=ipv4\nname=a\n"
#define KIND "[kind k]\ntitle=x\ncurrent=yes\nneeds=a\n"
#define HEAD "[profile]\nname=x\ntitle=x\ncloud=x\nsummary=x\nsource=x\ndate=x\n"
enum { HEAD_LINES = 7 };

static void errors_name_their_place(void **state)
{
	(void)state;
	static const struct {
		const char *text;
		unsigned line, column;
		const char *says;
	} rows[] = {
		{ "[profile]\nname = x\ncolour = red\n", 3, 1, "unknown key 'colour'" },
		{ "[profile]\nname = x\nname = y\n", 3, 1, "a second 'name'" },
		{ "[target a]\nport = 70000\n", 2, 8, "not a number from 1 to 65535" },
		{ "[target a]\nport = 56.5\n", 2, 8, "not a whole number" },
		{ "[target a]\ntransport = sctp\n", 2, 13, "neither udp nor tcp" },
		{ "[target a]\nkey = zz\n", 2, 7, "key is not hex" },
		{ "[target a]\nfamilies = ipv5\n", 2, 12, "neither ipv4 nor ipv6" },
		{ "[nonsense]\nx = y\n", 2, 1, "section [nonsense] is unknown" },
		{ "[profile]\njust words\n", 2, 1, "neither [section] nor key = value" },
		{ "[profile]\nname = \x1b[2J\n", 2, 8, "only printable ASCII" },
		{ "[profile]\nname = x\n", 1, 1, "[profile] lacks 'title'" },
		{ "[profile]\n[target a]\n", 1, 1, "[profile] lacks 'name'" },
		{ HEAD "[target a]\ntitle=x\nprobe=tls\nport=1\n", HEAD_LINES + 1, 1,
		  "[target a] lacks 'transport'" },
		{ "[profile]\n[profile]\n", 2, 1, "a second section" },
		{ "[target a]\n[target b]\n\n[target a]\n", 4, 1, "a second section" },
		{ "name = x\n", 1, 1, "before the first section" },
		{ HEAD "[target a]\ntitle=x\nprobe=guess\ntransport=udp\nport=1\noperator=x\nwhy=x\n"
		  "required=no\nfamilies=ipv4\n", HEAD_LINES + 1, 1, "probe 'guess' is unknown" },
		{ HEAD "[target a]\ntitle=x\nprobe=tls\ntransport=tcp\nport=1\noperator=x\nwhy=x\n"
		  "required=no\nfamilies=ipv4\nname=a b\n", HEAD_LINES + 1, 1, "name is not a host name" },
		{ HEAD "[kind k]\ntitle=x\ncurrent=yes\nneeds=nowhere\n", HEAD_LINES + 1, 1, "which is no target" },
		{ HEAD, 1, 1, "at least one [target" },
		{ "[kind k]\nwifi_no = wpa2, wpa7\n", 2, 11, "'wpa7' is nothing a Wi-Fi network asks" },
		{ "[led]\ntitle = x\n", 2, 1, "section [led] is unknown" },
		{ HEAD TARGET KIND "radios = 2.4, 3\n", HEAD_LINES + 11, 1, "radios: '3' is not 2.4, 5 or 6" },
		{ HEAD TARGET KIND "wifi_yes=wep\nwifi_no=wep\n", HEAD_LINES + 11, 1, "says two things about" },
		{ HEAD TARGET KIND "wifi_maybe=wpa3\n", HEAD_LINES + 11, 1, "needs a wifi_note" },
		{ HEAD TARGET "max_retransmit=3\nping_source=x\n" KIND, HEAD_LINES + 1, 1, "needs ack_timeout_s" },
		{ HEAD TARGET "ping_bytes=122\n" KIND, HEAD_LINES + 1, 1, "needs a ping_source" },
		{ "[target a]\nmax_retransmit = 9\n", 2, 18, "not a number from 0 to 4" },
		{ HEAD TARGET KIND "keepalive_before_s=30\n", HEAD_LINES + 11, 1, "needs keepalive_since" },
		{ HEAD TARGET KIND "[led x]\ntitle=x\nmeaning=x\n", HEAD_LINES + 15, 1, "[led x] lacks 'source'" },
	};
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct arena *a = arena_new();
		struct sp_error err = { 0 };
		const struct profile *p = NULL;
		int e = profile_parse(a, "f.ini", rows[i].text, strlen(rows[i].text), &p, &err);
		if (e == 0 || !strstr(err.text, rows[i].says) || err.line != rows[i].line ||
		    err.column != rows[i].column)
			fail_msg("row %zu: %d %s:%u:%u: %s", i, e, err.file, err.line, err.column, err.text);
		assert_null(p);
		arena_free(a);
	}
}

static void long_lines_are_refused(void **state)
{
	(void)state;
	struct arena *a = arena_new();
	char text[400] = "[profile]\nname = ";
	memset(text + strlen(text), 'x', 300);
	struct sp_error err = { 0 };
	const struct profile *p;
	assert_true(profile_parse(a, "f", text, strlen(text), &p, &err) < 0);
	assert_non_null(strstr(err.text, "too long"));
	assert_int_equal(err.line, 2);
	arena_free(a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(shipped_profiles_round_trip),
		cmocka_unit_test(default_profile_has_the_cloud),
		cmocka_unit_test(kinds_know_their_radios),
		cmocka_unit_test(kinds_know_their_pings),
		cmocka_unit_test(errors_name_their_place),
		cmocka_unit_test(long_lines_are_refused),
	};
	return cmocka_run_group_tests_name("profile", tests, NULL, NULL);
}
