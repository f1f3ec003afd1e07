/* TLS records, hellos and alerts, from honest and hostile peers. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "sallyport/err.h"
#include "sallyport/wire/tls.h"

static const uint8_t random_bytes[32] = {1,  2,  3,  4,  5,  6,  7,  8,  9,  10, 11,
					 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22,
					 23, 24, 25, 26, 27, 28, 29, 30, 31, 32};
static const uint8_t suites[] = {0x13, 0x01, 0xc0, 0x2b};
static const uint8_t alpn[] = "\x08http/1.1\x02h2";

static struct tls_client_hello hello_for(const char *name)
{
	struct tls_client_hello h = {
		.version = 0x0303,
		.random = {random_bytes, sizeof(random_bytes)},
		.suites = {suites, sizeof(suites)},
		.alpn = {alpn, sizeof(alpn) - 1},
	};
	if (name)
		h.sni = wire_text_str(name);
	return h;
}

static int parse_wire(const uint8_t *p, size_t n, struct tls_client_hello *out)
{
	static uint8_t buf[4096];
	struct tls_message m;
	int e = tls_first_message(p, n, buf, sizeof(buf), &m);
	if (e)
		return e;
	assert_int_equal(m.type, TLS_CLIENT_HELLO);
	return tls_client_hello_parse(m.body.p, m.body.n, out);
}

static void client_hello_round_trip(void **state)
{
	(void)state;
	static const size_t splits[] = {0, 1, 3, 40, 70};
	for (size_t i = 0; i < sizeof(splits) / sizeof(splits[0]); i++) {
		uint8_t wire[2048];
		struct tls_client_hello in = hello_for("api.example.com"), out;
		int n = tls_client_hello_build(&in, splits[i], wire, sizeof(wire));
		assert_true(n > 0);
		assert_int_equal(parse_wire(wire, (size_t)n, &out), 0);
		assert_int_equal(out.version, 0x0303);
		assert_memory_equal(out.random.p, random_bytes, 32);
		assert_int_equal(out.suites.n, sizeof(suites));
		assert_int_equal(out.sni.n, strlen("api.example.com"));
		assert_memory_equal(out.sni.p, "api.example.com", out.sni.n);
		assert_int_equal(out.alpn.n, sizeof(alpn) - 1);
	}
}

/* Every shorter piece asks for more, and none is taken for a whole hello. */
static void client_hello_cut_short(void **state)
{
	(void)state;
	uint8_t wire[2048];
	struct tls_client_hello in = hello_for("api.example.com"), out;
	int n = tls_client_hello_build(&in, 50, wire, sizeof(wire));
	for (int i = 0; i < n; i++)
		assert_int_equal(parse_wire(wire, (size_t)i, &out), SP_E_TRUNCATED);
}

static void client_hello_without_name(void **state)
{
	(void)state;
	uint8_t wire[2048];
	struct tls_client_hello in = hello_for(NULL), out;
	int n = tls_client_hello_build(&in, 0, wire, sizeof(wire));
	assert_int_equal(parse_wire(wire, (size_t)n, &out), 0);
	assert_null(out.sni.p);
}

/* A hello body with one field spoilt each time; the offsets follow RFC 5246 section 7.4.1.2. */
static void client_hello_hostile(void **state)
{
	(void)state;
	static const struct {
		const char *what;
		size_t at;
		uint8_t value;
		int expected;
	} rows[] = {
		{"not TLS", 0, 9, SP_E_MALFORMED},
		{"session id longer than 32", 34, 33, SP_E_TRUNCATED},
		{"odd suites", 36, 3, SP_E_MALFORMED},
		{"suites past the end", 35, 0xff, SP_E_TRUNCATED},
		{"no suites", 36, 0, SP_E_MALFORMED},
		{"extensions past the end", 43, 0xff, SP_E_TRUNCATED},
		{"extension past its list", 47, 0xff, SP_E_MALFORMED},
		{"name list past its extension", 49, 0xff, SP_E_MALFORMED},
		{"name past its list", 52, 0xff, SP_E_MALFORMED},
	};
	uint8_t wire[2048];
	struct tls_client_hello in = hello_for("api.example.com");
	int n = tls_client_hello_build(&in, 0, wire, sizeof(wire));
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		uint8_t body[2048];
		size_t len = (size_t)n - 9;
		memcpy(body, wire + 9, len);
		struct tls_client_hello out = {.version = 0x7777};
		assert_int_equal(tls_client_hello_parse(body, len, &out), 0);
		out.version = 0x7777;
		body[rows[i].at] = rows[i].value;
		int e = tls_client_hello_parse(body, len, &out);
		if (e != rows[i].expected)
			fail_msg("%s: %d", rows[i].what, e);
		assert_int_equal(out.version, 0x7777); /* untouched */
	}
}

static void records(void **state)
{
	(void)state;
	static const struct {
		const char *bytes;
		size_t n;
		int expected;
	} rows[] = {
		{"\x15\x03\x03\x00\x02\x02\x28", 7, 0},
		{"\x15\x03\x03\x00\x02\x02", 6, SP_E_TRUNCATED},
		{"\x15\x03", 2, SP_E_TRUNCATED},
		{"\x18\x03\x03\x00\x02\x02\x28", 7, SP_E_MALFORMED},
		{"\x15\x02\x03\x00\x02\x02\x28", 7, SP_E_MALFORMED},
		{"\x16\x03\x01\xff\xff", 5, SP_E_MALFORMED},
		{"HTTP/1.1", 8, SP_E_MALFORMED},
	};
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct reader r = rd_of(rows[i].bytes, rows[i].n);
		struct tls_record rec;
		assert_int_equal(tls_record_read(&r, &rec), rows[i].expected);
		assert_int_equal(r.at, rows[i].expected ? 0 : rows[i].n);
	}
}

static void first_message_hostile(void **state)
{
	(void)state;
	uint8_t buf[64];
	struct tls_message m = {.type = 99};
	static const uint8_t empty[] = {22, 3, 1, 0, 0, 22, 3, 1, 0, 0};
	assert_int_equal(tls_first_message(empty, sizeof(empty), buf, sizeof(buf), &m),
			 SP_E_MALFORMED);
	static const uint8_t alert[] = {21, 3, 3, 0, 2, 2, 40};
	assert_int_equal(tls_first_message(alert, sizeof(alert), buf, sizeof(buf), &m),
			 SP_E_MALFORMED);
	static const uint8_t huge[] = {22, 3, 1, 0, 4, 1, 0xff, 0xff, 0xff};
	assert_int_equal(tls_first_message(huge, sizeof(huge), buf, sizeof(buf), &m), SP_E_LIMIT);
	assert_int_equal(m.type, 99);
	/* two messages in one record: the first is given */
	static const uint8_t two[] = {22, 3, 3, 0, 10, 2, 0, 0, 2, 7, 8, 14, 0, 0, 0};
	assert_int_equal(tls_first_message(two, sizeof(two), buf, sizeof(buf), &m), 0);
	assert_int_equal(m.type, TLS_SERVER_HELLO);
	assert_int_equal(m.body.n, 2);
}

static size_t server_hello(uint8_t *out, size_t cap, uint16_t selected)
{
	struct writer w = wr_of(out, cap);
	wr_be16(&w, 0x0303);
	wr_bytes(&w, random_bytes, 32);
	wr_u8(&w, 0);
	wr_be16(&w, 0x1301);
	wr_u8(&w, 0);
	if (selected) {
		wr_be16(&w, 6);
		wr_be16(&w, 43);
		wr_be16(&w, 2);
		wr_be16(&w, selected);
	}
	assert_true(wr_ok(&w));
	return w.at;
}

static void server_hellos(void **state)
{
	(void)state;
	uint8_t b[128];
	struct tls_server_hello h;
	size_t n = server_hello(b, sizeof(b), 0);
	assert_int_equal(tls_server_hello_parse(b, n, &h), 0);
	assert_int_equal(h.version, 0x0303);
	assert_int_equal(h.suite, 0x1301);
	assert_false(h.retry_request);
	n = server_hello(b, sizeof(b), 0x0304);
	assert_int_equal(tls_server_hello_parse(b, n, &h), 0);
	assert_int_equal(h.version, 0x0304);
	for (size_t i = 0; i < n; i++)
		if (i != 38) /* there the message without extensions ends */
			assert_true(tls_server_hello_parse(b, i, &h) < 0);
	b[34] = 33;
	assert_true(tls_server_hello_parse(b, n, &h) < 0);
}

static void alerts(void **state)
{
	(void)state;
	struct tls_alert a;
	assert_int_equal(tls_alert_parse((const uint8_t *)"\x02\x28", 2, &a), 0);
	assert_int_equal(a.description, 40);
	assert_int_equal(tls_alert_parse((const uint8_t *)"\x02", 1, &a), SP_E_MALFORMED);
	assert_int_equal(tls_alert_parse((const uint8_t *)"\x02\x28\x00", 3, &a), SP_E_MALFORMED);
	assert_int_equal(tls_alert_parse((const uint8_t *)"\x09\x28", 2, &a), SP_E_MALFORMED);
}

static void sniffing(void **state)
{
	(void)state;
	static const struct {
		const char *bytes;
		size_t n;
		enum tls_sniff expected;
	} rows[] = {
		{"", 0, SNIFF_NOTHING},
		{"\x16\x03\x01\x02\x00\x01", 6, SNIFF_TLS},
		{"\x15\x03\x03\x00\x02\x02\x28", 7, SNIFF_TLS},
		{"\x16\x03\x01", 3, SNIFF_BINARY}, /* a header that is cut says nothing yet */
		{"\x16\x03\x01\x00\x00", 5, SNIFF_BINARY},
		{"HTTP/1.1 400 Bad Request\r\n", 26, SNIFF_HTTP},
		{"GET / HTTP/1.1\r\n", 16, SNIFF_HTTP},
		{"220 mail.example ESMTP\r\n", 24, SNIFF_TEXT},
		{"SSH-2.0-x\r\n", 11, SNIFF_TEXT},
		{"abc\x00", 4, SNIFF_BINARY},
		{"\xff\xfe", 2, SNIFF_BINARY},
	};
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		assert_int_equal(tls_sniff((const uint8_t *)rows[i].bytes, rows[i].n),
				 rows[i].expected);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(client_hello_round_trip),
		cmocka_unit_test(client_hello_cut_short),
		cmocka_unit_test(client_hello_without_name),
		cmocka_unit_test(client_hello_hostile),
		cmocka_unit_test(records),
		cmocka_unit_test(first_message_hostile),
		cmocka_unit_test(server_hellos),
		cmocka_unit_test(alerts),
		cmocka_unit_test(sniffing),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
