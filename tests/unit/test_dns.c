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

/* Records appended by hand: owner (a pointer or a name in wire form), type, class, data. */
static size_t append(uint8_t *wire, size_t n, const char *owner, size_t owner_n, uint16_t type,
		     uint16_t class, const char *data, uint16_t data_n)
{
	struct writer w = wr_of(wire + n, 200);
	wr_bytes(&w, owner, owner_n);
	wr_be16(&w, type);
	wr_be16(&w, class);
	wr_be32(&w, 30);
	wr_be16(&w, data_n);
	wr_bytes(&w, data, data_n);
	wire[7]++; /* ANCOUNT */
	return n + w.at;
}

/* A question without answers and without EDNS, to which answers can be appended. */
static size_t bare(uint8_t *wire)
{
	struct dns_reply none = { .ede = -1 };
	size_t n = reply_to(wire, 512, &none);
	wire[11] = 0;
	return n - 11; /* without the OPT record */
}

#define OWN "\xc0\x0c"
#define OTHER "\x05" "other" "\x04" "test" "\x00"
#define THIRD "\x05" "third" "\x04" "test" "\x00"
#define BYTES(s) s, sizeof(s) - 1

static void only_the_chain_of_the_question_counts(void **state)
{
	(void)state;
	uint8_t wire[1024];
	struct dns_message m;
	size_t n = bare(wire);
	n = append(wire, n, BYTES(OTHER), DNS_A, 1, BYTES("\x0a\x00\x00\x01")); /* nobody asked */
	n = append(wire, n, BYTES(OWN), DNS_A, 3, BYTES("\x0a\x00\x00\x02"));   /* class CHAOS */
	n = append(wire, n, BYTES(OWN), DNS_CNAME, 1, BYTES(OTHER));
	n = append(wire, n, BYTES(OWN), DNS_A, 1, BYTES("\x0a\x00\x00\x03"));   /* beside an alias */
	n = append(wire, n, BYTES(OTHER), DNS_CNAME, 1, BYTES(THIRD));
	n = append(wire, n, BYTES(THIRD), DNS_A, 1, BYTES("\xc6\x33\x64\x0a"));
	n = append(wire, n, BYTES(THIRD), DNS_AAAA, 1, BYTES("0123456789abcdef")); /* not the type */
	assert_int_equal(dns_parse(wire, n, &m), 0);
	assert_int_equal(m.n_addrs, 1);
	struct addr want = addr_v4(198, 51, 100, 10);
	assert_true(addr_equal(&m.addrs[0], &want));
	assert_int_equal(m.n_cnames, 2);
	assert_string_equal(m.cname.text, "third.test");
	assert_int_equal(m.ttl, 30);
}

static void alias_loops_end(void **state)
{
	(void)state;
	uint8_t wire[1024];
	struct dns_message m;
	size_t n = bare(wire);
	for (int i = 0; i < 12; i++) /* an alias of itself */
		n = append(wire, n, BYTES(OWN), DNS_CNAME, 1, BYTES(OWN));
	assert_int_equal(dns_parse(wire, n, &m), 0);
	assert_int_equal(m.n_addrs, 0);
	assert_int_equal(m.n_cnames, 8);
}

static void every_cut_is_refused(void **state)
{
	(void)state;
	uint8_t wire[512];
	struct dns_message m = { .id = 7 };
	struct addr a = addr_v4(198, 51, 100, 10);
	struct dns_reply r = { .ede = 15, .addrs = &a, .n_addrs = 1, .ttl = 60 };
	size_t n = reply_to(wire, sizeof(wire), &r);
	for (size_t cut = 0; cut < n; cut++) {
		assert_int_not_equal(dns_parse(wire, cut, &m), 0);
		assert_int_equal(m.id, 7); /* left alone */
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(query_round_trip),
		cmocka_unit_test(only_the_chain_of_the_question_counts),
		cmocka_unit_test(alias_loops_end),
		cmocka_unit_test(every_cut_is_refused),
		cmocka_unit_test(answer_round_trip),
		cmocka_unit_test(hostile_cname_is_escaped),
		cmocka_unit_test(truncation_never_parses),
		cmocka_unit_test(pointers_go_backwards_only),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
