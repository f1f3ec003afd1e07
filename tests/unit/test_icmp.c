/* ICMP errors as Linux 6 routers send them (recorded in namespaces), and bytes that lie. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "sallyport/err.h"
#include "sallyport/text.h"
#include "sallyport/wire/icmp.h"

enum { MAX = 256 };

static const char te_udp[] = "0b00d9d10000000045000022f5a8400001114c32c0a84d0ac633640aa2ae1634000e3810616263646566";
static const char unreachable_udp[] = "0303df210000000045000021a5a940003d11" "1032c0a84d0ac633640aa03101bb000d380f68656c6c6f";
static const char te_tcp[] = "0b002570000000004500003cac49400001069581c0a84d0ac633640bbae81633800b6ebf00000000a002faf0"
			     "38200000020405b40402080a5632ce91000000000103030a";
static const char te_v6[] = "0300e17e00000000600f69d0000e1101fd77000000000000000000000000001020010db800000000000000000000"
			    "0010ae5d1634000e2b70616263646566";
static const char unreachable_v6[] = "01049a04000000006005dd11000b113dfd77000000000000000000000000001020010db8000000000000"
				     "0000000000108b5a1634000b2b6d78797a";

struct packet {
	uint8_t b[MAX];
	size_t n;
};

static struct packet unhex(const char *hex)
{
	struct packet p = { .n = strlen(hex) / 2 };
	assert_int_equal(text_unhex(hex, p.b, p.n), 0);
	return p;
}

static void assert_endpoint(const struct endpoint *e, const char *text)
{
	char out[ENDPOINT_STRLEN];
	assert_string_equal(endpoint_format(e, out), text);
}

static void time_exceeded_names_the_flow(void **state)
{
	struct packet p = unhex(te_udp);
	struct icmp_error e;
	(void)state;
	assert_int_equal(icmp4_parse(p.b, p.n, &e), 0);
	assert_true(e.type == ICMP4_TIME_EXCEEDED && e.code == 0 && e.proto == 17 && e.ttl == 1);
	assert_true(e.has_ports && e.ip_length == 34 && e.ip_id == 0xf5a8 && e.mtu == 0);
	assert_endpoint(&e.src, "192.168.77.10:41646");
	assert_endpoint(&e.dst, "198.51.100.10:5684");
	assert_int_equal(e.payload.n, 6);
	assert_memory_equal(e.payload.p, "abcdef", 6);
	assert_int_equal(e.transport.n, 14);
}

static void port_unreachable(void **state)
{
	struct packet p = unhex(unreachable_udp);
	struct icmp_error e;
	(void)state;
	assert_int_equal(icmp4_parse(p.b, p.n, &e), 0);
	assert_true(e.type == ICMP4_UNREACHABLE && e.code == 3 && e.ttl == 61);
	assert_endpoint(&e.dst, "198.51.100.10:443");
}

static void a_syn_is_named_too(void **state)
{
	struct packet p = unhex(te_tcp);
	struct icmp_error e;
	(void)state;
	assert_int_equal(icmp4_parse(p.b, p.n, &e), 0);
	assert_true(e.proto == 6 && e.has_ports && e.payload.n == 0 && e.transport.n == 40);
	assert_endpoint(&e.dst, "198.51.100.11:5683");
	/* Eight bytes of the transport header are all a router owes (RFC 792). */
	assert_int_equal(icmp4_parse(p.b, 8 + 20 + 8, &e), 0);
	assert_endpoint(&e.dst, "198.51.100.11:5683");
	assert_int_equal(icmp4_parse(p.b, 8 + 20 + 3, &e), 0);
	assert_false(e.has_ports);
	assert_int_equal(e.dst.port, 0);
}

static void version_6(void **state)
{
	struct packet p = unhex(te_v6);
	struct icmp_error e;
	(void)state;
	assert_int_equal(icmp6_parse(p.b, p.n, &e), 0);
	assert_true(e.type == ICMP6_TIME_EXCEEDED && e.ttl == 1 && e.ip_length == 54);
	assert_endpoint(&e.src, "[fd77::10]:44637");
	assert_endpoint(&e.dst, "[2001:db8::10]:5684");
	assert_memory_equal(e.payload.p, "abcdef", 6);
	p = unhex(unreachable_v6);
	assert_int_equal(icmp6_parse(p.b, p.n, &e), 0);
	assert_true(e.type == ICMP6_UNREACHABLE && e.code == 4 && e.payload.n == 3);
}

/* Puts bytes between the IPv6 header and UDP; first_header names the first of them. */
static struct packet with_extension(const char *hex, uint8_t first_header, const uint8_t *ext, size_t n)
{
	struct packet p = unhex(hex);
	size_t at = 8 + 40;
	memmove(p.b + at + n, p.b + at, p.n - at);
	memcpy(p.b + at, ext, n);
	p.b[8 + 6] = first_header;
	p.n += n;
	return p;
}

static void extension_headers_are_walked(void **state)
{
	static const uint8_t hop_by_hop[8] = { 17, 0, 1, 4 }, later[8] = { 17, 0, 0x05, 0xa8 },
			     first[8] = { 17, 0, 0, 1 }, loop[8] = { 0, 0, 1, 4 };
	static const uint8_t ah[12] = { 17, 1 };
	struct icmp_error e;
	(void)state;
	struct packet p = with_extension(te_v6, 0, hop_by_hop, 8);
	assert_int_equal(icmp6_parse(p.b, p.n, &e), 0);
	assert_endpoint(&e.dst, "[2001:db8::10]:5684");
	p = with_extension(te_v6, 44, first, 8);
	assert_int_equal(icmp6_parse(p.b, p.n, &e), 0);
	assert_true(e.has_ports);
	p = with_extension(te_v6, 51, ah, 12);
	assert_int_equal(icmp6_parse(p.b, p.n, &e), 0);
	assert_endpoint(&e.dst, "[2001:db8::10]:5684");
	p = with_extension(te_v6, 44, later, 8);
	assert_int_equal(icmp6_parse(p.b, p.n, &e), 0);
	assert_false(e.has_ports); /* a later fragment holds none */
	p = unhex(te_v6);
	for (int i = 0; i < 12; i++) { /* a chain longer than anybody sends */
		memmove(p.b + 56, p.b + 48, p.n - 48);
		memcpy(p.b + 48, loop, 8);
		p.n += 8;
	}
	p.b[8 + 6] = 0;
	assert_int_equal(icmp6_parse(p.b, p.n, &e), 0);
	assert_false(e.has_ports);
}

static void mtu_is_read(void **state)
{
	struct packet p = unhex(unreachable_udp);
	struct icmp_error e;
	(void)state;
	p.b[1] = 4;
	p.b[6] = 0x05;
	p.b[7] = 0x14;
	assert_int_equal(icmp4_parse(p.b, p.n, &e), 0);
	assert_int_equal(e.mtu, 1300);
	p = unhex(te_v6);
	p.b[0] = ICMP6_TOO_BIG;
	p.b[6] = 0x05;
	assert_int_equal(icmp6_parse(p.b, p.n, &e), 0);
	assert_int_equal(e.mtu, 1280);
}

static void extensions_end_the_quote(void **state)
{
	struct packet p = unhex(te_udp);
	struct icmp_error e;
	(void)state;
	p.b[5] = 8; /* RFC 4884: 32 bytes are quoted, the rest is an extension */
	assert_int_equal(icmp4_parse(p.b, p.n, &e), 0);
	assert_int_equal(e.transport.n, 12);
	assert_int_equal(e.payload.n, 4);
	p.b[5] = 255; /* more than there is: then all of it is quote */
	assert_int_equal(icmp4_parse(p.b, p.n, &e), 0);
	assert_int_equal(e.payload.n, 6);
}

static void fragments_have_no_ports(void **state)
{
	struct packet p = unhex(te_udp);
	struct icmp_error e;
	(void)state;
	p.b[8 + 7] = 1;
	assert_int_equal(icmp4_parse(p.b, p.n, &e), 0);
	assert_false(e.has_ports);
	assert_int_equal(e.payload.n, 0);
}

static void ip_options_are_skipped(void **state)
{
	struct packet p = unhex(te_udp);
	struct icmp_error e;
	(void)state;
	memmove(p.b + 32, p.b + 28, p.n - 28);
	p.n += 4;
	p.b[8] = 0x46;
	assert_int_equal(icmp4_parse(p.b, p.n, &e), 0);
	assert_endpoint(&e.dst, "198.51.100.10:5684");
}

static void what_does_not_parse_leaves_out_alone(void **state)
{
	struct packet p = unhex(te_udp), echo = unhex("0800000000000000"), v6 = unhex(te_v6);
	struct icmp_error e, before;
	(void)state;
	memset(&e, 0x5a, sizeof(e));
	before = e;
	for (size_t n = 0; n < 8 + 20; n++)
		assert_int_equal(icmp4_parse(p.b, n, &e), SP_E_TRUNCATED);
	for (size_t n = 0; n < 8 + 40; n++)
		assert_int_equal(icmp6_parse(v6.b, n, &e), SP_E_TRUNCATED);
	assert_int_equal(icmp4_parse(echo.b, echo.n, &e), SP_E_UNKNOWN);
	assert_int_equal(icmp6_parse(echo.b, echo.n, &e), SP_E_UNKNOWN);
	assert_int_equal(icmp6_parse(unhex("8100000000000000").b, 8, &e), SP_E_UNKNOWN);
	p.b[8] = 0x65;
	assert_int_equal(icmp4_parse(p.b, p.n, &e), SP_E_MALFORMED);
	p.b[8] = 0x44;
	assert_int_equal(icmp4_parse(p.b, p.n, &e), SP_E_MALFORMED);
	p.b[8] = 0x4f; /* header longer than the quote */
	assert_int_equal(icmp4_parse(p.b, p.n, &e), SP_E_TRUNCATED);
	v6.b[8] = 0x40;
	assert_int_equal(icmp6_parse(v6.b, v6.n, &e), SP_E_MALFORMED);
	assert_memory_equal(&e, &before, sizeof(e));
}

/* Sum of 16-bit words in one's complement: 0xffff over what carries its own checksum (RFC 1071). */
static unsigned folded(const uint8_t *p, size_t n, unsigned sum)
{
	for (size_t i = 0; i < n; i++)
		sum += i % 2 ? p[i] : (unsigned)p[i] << 8;
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return sum;
}

static void built_error_quotes(void **state)
{
	(void)state;
	static const uint8_t payload[] = "idle since noon";
	const struct bytes body = { payload, sizeof(payload) };
	uint8_t wire[128];
	struct icmp_error e;
	struct endpoint src = { addr_v4(203, 0, 113, 9), 40000 }, dst = { addr_v4(192, 0, 2, 1), 5684 };
	size_t n = icmp_build_unreachable(wire, sizeof(wire), &src, &dst, body);
	assert_int_equal(n, 8 + 20 + 8 + sizeof(payload));
	assert_int_equal(icmp4_parse(wire, n, &e), 0);
	assert_true(e.type == ICMP4_UNREACHABLE && e.code == 3 && e.proto == 17);
	assert_true(endpoint_equal(&e.src, &src) && endpoint_equal(&e.dst, &dst));
	assert_int_equal(e.ip_length, n - 8);
	assert_int_equal(e.payload.n, sizeof(payload));
	assert_memory_equal(e.payload.p, payload, sizeof(payload));
	assert_int_equal(folded(wire, n, 0), 0xffff);
	assert_int_equal(folded(wire + 8, 20, 0), 0xffff);
	/* the UDP checksum: addresses, ports, protocol and length twice */
	assert_int_equal(folded(wire + 20, n - 20, 17 + (unsigned)(n - 28)), 0xffff);
	for (size_t cap = 0; cap < n; cap++)
		assert_int_equal(icmp_build_unreachable(wire, cap, &src, &dst, body), 0);

	assert_int_equal(addr_parse("2001:db8::9", &src.addr), 0);
	assert_int_equal(icmp_build_unreachable(wire, sizeof(wire), &src, &dst, body), 0);
	assert_int_equal(addr_parse("2001:db8::1", &dst.addr), 0);
	n = icmp_build_unreachable(wire, sizeof(wire), &src, &dst, body);
	assert_int_equal(n, 8 + 40 + 8 + sizeof(payload));
	assert_int_equal(icmp6_parse(wire, n, &e), 0);
	assert_true(e.type == ICMP6_UNREACHABLE && e.code == 4 && e.proto == 17);
	assert_true(endpoint_equal(&e.src, &src) && endpoint_equal(&e.dst, &dst));
	assert_int_equal(e.payload.n, sizeof(payload));
	assert_int_equal(folded(wire + 16, n - 16, 17 + (unsigned)(n - 48)), 0xffff);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(time_exceeded_names_the_flow),
		cmocka_unit_test(port_unreachable),
		cmocka_unit_test(a_syn_is_named_too),
		cmocka_unit_test(version_6),
		cmocka_unit_test(extension_headers_are_walked),
		cmocka_unit_test(mtu_is_read),
		cmocka_unit_test(extensions_end_the_quote),
		cmocka_unit_test(fragments_have_no_ports),
		cmocka_unit_test(ip_options_are_skipped),
		cmocka_unit_test(what_does_not_parse_leaves_out_alone),
		cmocka_unit_test(built_error_quotes),
	};
	return cmocka_run_group_tests_name("icmp", tests, NULL, NULL);
}
