/* DNS questions and answers, from honest and hostile servers. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "sallyport/err.h"
#include "sallyport/wire/dns.h"

static const char name[] = "Device.example.com";

static size_t reply_to(uint8_t *out, size_t cap, const struct dns_reply *r)
{
	uint8_t query[DNS_QUERY_MAX];
	size_t n = dns_build_query(query, sizeof(query), 0xbeef, name, DNS_A);
	assert_true(n > 0);
	return dns_build_reply(out, cap, query, n, r);
}

static void query_round_trip(void **state)
{
	(void)state;
	uint8_t query[DNS_QUERY_MAX];
	struct dns_message m;
	size_t n = dns_build_query(query, sizeof(query), 0x1234, name, DNS_AAAA);
	assert_int_equal(dns_parse(query, n, &m), 0);
	assert_int_equal(m.id, 0x1234);
	assert_false(m.response);
	assert_int_equal(m.qtype, DNS_AAAA);
	assert_string_equal(m.question.text, "device.example.com");
	assert_int_equal(dns_build_query(query, 20, 1, name, DNS_A), 0);
	assert_int_equal(dns_build_query(query, sizeof(query), 1, "a b", DNS_A), 0);
}

static void answer_round_trip(void **state)
{
	(void)state;
	uint8_t wire[512];
	struct dns_message m;
	struct addr a[2] = { addr_v4(198, 51, 100, 10), addr_v4(198, 51, 100, 11) };
	struct dns_reply r = { .ede = 15, .addrs = a, .n_addrs = 2, .ttl = 60 };
	size_t n = reply_to(wire, sizeof(wire), &r);
	assert_int_equal(dns_parse(wire, n, &m), 0);
	assert_true(m.response);
	assert_int_equal(m.rcode, DNS_NOERROR);
	assert_int_equal(m.n_addrs, 2);
	assert_true(addr_equal(&m.addrs[0], &a[0]) && addr_equal(&m.addrs[1], &a[1]));
	assert_int_equal(m.ttl, 60);
	assert_int_equal(m.ede, 15);
	r = (struct dns_reply){ .rcode = 0x10 | DNS_NXDOMAIN, .ede = -1 }; /* extended by EDNS */
	n = reply_to(wire, sizeof(wire), &r);
	assert_int_equal(dns_parse(wire, n, &m), 0);
	assert_int_equal(m.rcode, 0x10 | DNS_NXDOMAIN);
	assert_int_equal(m.n_addrs, 0);
	assert_int_equal(m.ede, -1);
}

static void hostile_cname_is_escaped(void **state)
{
	(void)state;
	static const uint8_t cname[] = "\x06\x1b]0;\x07\"\x03net"; /* the root label is the NUL */
	uint8_t wire[512];
	struct dns_message m;
	struct addr a = addr_v4(198, 51, 100, 10);
	struct dns_reply r = { .ede = -1, .addrs = &a, .n_addrs = 1, .ttl = 60,
			       .cname = { cname, sizeof(cname) } };
	size_t n = reply_to(wire, sizeof(wire), &r);
	assert_int_equal(dns_parse(wire, n, &m), 0);
	assert_int_equal(m.n_cnames, 1);
	assert_string_equal(m.cname.text, "\\x1b]0;\\x07\".net");
	assert_int_equal(m.n_addrs, 1);
}

static void truncation_never_parses(void **state)
{
	(void)state;
	uint8_t wire[512];
	struct addr a = addr_v4(198, 51, 100, 10);
	struct dns_reply r = { .ede = 15, .addrs = &a, .n_addrs = 1, .ttl = 60 };
	size_t n = reply_to(wire, sizeof(wire), &r);
	struct dns_message m = { .id = 77 };
	for (size_t i = 0; i < n; i++)
		assert_true(dns_parse(wire, i, &m) < 0);
	assert_int_equal(m.id, 77);
}

static void pointers_go_backwards_only(void **state)
{
	(void)state;
	static const uint8_t head[12] = { 0, 1, 0x81, 0x80, 0, 1 };
	static const uint8_t targets[] = { 12, 13, 14, 200 }; /* itself, its middle, ahead, outside */
	struct dns_message m;
	for (size_t i = 0; i < sizeof(targets); i++) {
		uint8_t wire[18] = { 0 };
		memcpy(wire, head, sizeof(head));
		wire[12] = 0xc0;
		wire[13] = targets[i];
		assert_true(dns_parse(wire, sizeof(wire), &m) < 0);
	}
	uint8_t loop[20] = { 0 }; /* a label, then a pointer back to it */
	memcpy(loop, head, sizeof(head));
	memcpy(loop + 12, "\x01" "a\xc0\x0c", 4);
	assert_true(dns_parse(loop, sizeof(loop), &m) < 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(query_round_trip),
		cmocka_unit_test(answer_round_trip),
		cmocka_unit_test(hostile_cname_is_escaped),
		cmocka_unit_test(truncation_never_parses),
		cmocka_unit_test(pointers_go_backwards_only),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
