/* diag/base: cursors never leave their memory, text is printable, addresses round-trip. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "sallyport/addr.h"
#include "sallyport/bytes.h"
#include "sallyport/clock.h"
#include "sallyport/err.h"
#include "sallyport/model.h"
#include "sallyport/nearest.h"
#include "sallyport/text.h"

static void reader_is_sticky(void **state)
{
	(void)state;
	static const uint8_t b[] = { 1, 2, 3, 4, 5 };
	struct reader r = rd_of(b, sizeof(b));
	assert_int_equal(rd_be16(&r), 0x0102);
	assert_int_equal(rd_be32(&r), 0); /* only 3 left */
	assert_false(rd_ok(&r));
	assert_int_equal(rd_u8(&r), 0); /* sticky, although a byte is there */
	assert_int_equal(rd_left(&r), 0);
	struct reader bad_sub = rd_sub(&r, 0);
	assert_false(rd_ok(&bad_sub));
}

static void writer_length_fields(void **state)
{
	(void)state;
	uint8_t b[8];
	struct writer w = wr_of(b, sizeof(b));
	size_t at = wr_len_begin(&w, 3);
	wr_be16(&w, 0xabcd);
	wr_len_end(&w, at, 3);
	assert_true(wr_ok(&w));
	assert_memory_equal(b, "\0\0\2\xab\xcd", 5);
	wr_be32(&w, 0);
	assert_false(wr_ok(&w));
	assert_int_equal(w.at, 5);
}

static void text_is_printable_and_idempotent(void **state)
{
	(void)state;
	char once[64], twice[64];
	text_printable(once, sizeof(once), wire_text_of("a\x1b[31m\xc3\xa4\0z", 9));
	assert_string_equal(once, "a\\x1b[31m\\xc3\\xa4\\x00");
	text_printable(twice, sizeof(twice), wire_text_str(once));
	assert_string_equal(once, twice);
	char tiny[8];
	assert_int_equal(text_printable(tiny, sizeof(tiny), wire_text_str("123456789")), 7);
	assert_string_equal(tiny + 4, "...");
}

static void hostnames(void **state)
{
	(void)state;
	struct hostname h;
	assert_int_equal(hostname_parse(wire_text_str("API.Example.com."), &h), 0);
	assert_string_equal(h.s, "api.example.com");
	const char *const bad[] = { "", ".", "a..b", "a b", "a;b", "a\nb", "a$(x)", "*.a" };
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_int_equal(hostname_parse(wire_text_str(bad[i]), &h), SP_E_SYNTAX);
	assert_string_equal(h.s, "api.example.com");
}

static void addresses(void **state)
{
	(void)state;
	static const struct {
		const char *text;
		enum addr_kind kind;
	} rows[] = {
		{ "10.1.2.3", ADDR_PRIVATE },    { "172.32.0.1", ADDR_GLOBAL },
		{ "100.64.0.1", ADDR_CGNAT },    { "100.128.0.1", ADDR_GLOBAL },
		{ "169.254.9.9", ADDR_LINK_LOCAL }, { "0.0.0.0", ADDR_UNSPECIFIED },
		{ "127.0.0.53", ADDR_LOOPBACK }, { "198.51.100.7", ADDR_DOCUMENTATION },
		{ "fe80::1", ADDR_LINK_LOCAL },  { "fd00::1", ADDR_PRIVATE },
		{ "2001:db8::5", ADDR_DOCUMENTATION }, { "2600::1", ADDR_GLOBAL },
		{ "::1", ADDR_LOOPBACK },        { "224.0.1.187", ADDR_MULTICAST },
	};
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct addr a;
		char out[ADDR_STRLEN];
		assert_int_equal(addr_parse(rows[i].text, &a), 0);
		assert_int_equal(addr_kind(&a), rows[i].kind);
		assert_string_equal(addr_format(&a, out), rows[i].text);
	}
	struct addr a;
	const char *const bad[] = { "198.51.100.010", "1.2.3", "0x7f.1", "1.2.3.4 ", "fe80::1%eth0" };
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_int_equal(addr_parse(bad[i], &a), SP_E_SYNTAX);
	struct mac m;
	assert_int_equal(mac_parse("02:00:5e:00:53:01", &m), 0);
	assert_true(mac_is_local(&m));
	assert_int_equal(mac_parse("02:00:5e:00:53-01", &m), SP_E_SYNTAX);
	assert_int_equal(mac_parse("02:00:5e:00:53", &m), SP_E_SYNTAX);
}

static void clocks(void **state)
{
	(void)state;
	char out[CLOCK_STRLEN];
	int64_t us;
	assert_int_equal(clock_parse_utc("2026-11-23T22:04:05.123Z", &us), 0);
	assert_string_equal(clock_format_utc(us, out), "2026-11-23T22:04:05.123Z");
	assert_string_equal(clock_format_time(us, 3600, out), "23:04:05");
	assert_string_equal(clock_format_utc(-1, out), "1969-12-31T23:59:59.999Z");
	assert_int_equal(clock_parse_utc("2026-11-23 22:04:05Z", &us), SP_E_SYNTAX);
}

static void observations_keep_printable_copies(void **state)
{
	(void)state;
	struct run *r = run_new();
	struct observation o;
	char text[] = "x\ny";
	obs_begin(&o, "dns.name", "t", 1, OUTCOME_ANSWERED);
	obs_text(&o, A_REASON, text);
	obs_real(&o, A_RTT_MS, 1.23456);
	obs_int(&o, A_PORT, 1);
	obs_int(&o, A_PORT, 53);
	const struct observation *c = run_append(r, &o);
	text[0] = 'q';
	assert_int_equal(c->n, 1);
	assert_string_equal(obs_get_text(c, A_REASON, ""), "x\\x0ay");
	assert_true(obs_get_real(c, A_RTT_MS, 0) == 1.235);
	assert_int_equal(obs_get_int(c, A_PORT, 0), 53);
	assert_int_equal(c->n_attrs, 3);
	for (int i = 0; i < ATTR_COUNT; i++)
		assert_int_equal(attr_by_name(attr_defs[i].name), i); /* names are unique */
	run_free(r);
}

static const char *nearest_of(struct arena *a, const char *word)
{
	static const char *const names[] = { "link", "list", "udp-port-blocked", "udp-rejected", "ntp" };
	struct nearest n = { .word = word };
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		nearest_offer(&n, names[i]);
	return nearest_text(a, &n);
}

static void a_slip_finds_its_name_and_a_guess_does_not(void **state)
{
	(void)state;
	struct arena *a = arena_new();
	char longest[300] = { 0 };
	memset(longest, 'x', sizeof(longest) - 1);
	assert_string_equal(nearest_of(a, "udp-port-blokced"), "; did you mean 'udp-port-blocked'?");
	assert_string_equal(nearest_of(a, "udpportblocked"), "; did you mean 'udp-port-blocked'?");
	assert_string_equal(nearest_of(a, "lint"), "; did you mean 'link'?");
	assert_string_equal(nearest_of(a, "npt"), "; did you mean 'ntp'?");
	assert_string_equal(nearest_of(a, "dns"), "");
	assert_string_equal(nearest_of(a, ""), "");
	assert_string_equal(nearest_of(a, longest), "");
	arena_free(a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reader_is_sticky),
		cmocka_unit_test(writer_length_fields),
		cmocka_unit_test(text_is_printable_and_idempotent),
		cmocka_unit_test(hostnames),
		cmocka_unit_test(addresses),
		cmocka_unit_test(clocks),
		cmocka_unit_test(a_slip_finds_its_name_and_a_guess_does_not),
		cmocka_unit_test(observations_keep_printable_copies),
	};
	return cmocka_run_group_tests_name("base", tests, NULL, NULL);
}
