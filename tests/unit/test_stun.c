/* STUN messages: the test vectors of RFC 5769, and what is refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "sallyport/err.h"
#include "sallyport/wire/stun.h"

/* RFC 5769 section 2.1: request with SOFTWARE, PRIORITY, ICE-CONTROLLED, USERNAME, integrity. */
static const uint8_t rfc_request[] = {
	0x00, 0x01, 0x00, 0x58, 0x21, 0x12, 0xa4, 0x42, 0xb7, 0xe7, 0xa7, 0x01, 0xbc, 0x34, 0xd6, 0x86,
	0xfa, 0x87, 0xdf, 0xae, 0x80, 0x22, 0x00, 0x10, 0x53, 0x54, 0x55, 0x4e, 0x20, 0x74, 0x65, 0x73,
	0x74, 0x20, 0x63, 0x6c, 0x69, 0x65, 0x6e, 0x74, 0x00, 0x24, 0x00, 0x04, 0x6e, 0x00, 0x01, 0xff,
	0x80, 0x29, 0x00, 0x08, 0x93, 0x2f, 0xf9, 0xb1, 0x51, 0x26, 0x3b, 0x36, 0x00, 0x06, 0x00, 0x09,
	0x65, 0x76, 0x74, 0x6a, 0x3a, 0x68, 0x36, 0x76, 0x59, 0x20, 0x20, 0x20, 0x00, 0x08, 0x00, 0x14,
	0x9a, 0xea, 0xa7, 0x0c, 0xbf, 0xd8, 0xcb, 0x56, 0x78, 0x1e, 0xf2, 0xb5, 0xb2, 0xd3, 0xf2, 0x49,
	0xc1, 0xb5, 0x71, 0xa2, 0x80, 0x28, 0x00, 0x04, 0xe5, 0x7a, 0x3b, 0xcf,
};
/* Section 2.2: answer with SOFTWARE and XOR-MAPPED-ADDRESS 192.0.2.1:32853. */
static const uint8_t rfc_answer4[] = {
	0x01, 0x01, 0x00, 0x3c, 0x21, 0x12, 0xa4, 0x42, 0xb7, 0xe7, 0xa7, 0x01, 0xbc, 0x34, 0xd6, 0x86,
	0xfa, 0x87, 0xdf, 0xae, 0x80, 0x22, 0x00, 0x0b, 0x74, 0x65, 0x73, 0x74, 0x20, 0x76, 0x65, 0x63,
	0x74, 0x6f, 0x72, 0x20, 0x00, 0x20, 0x00, 0x08, 0x00, 0x01, 0xa1, 0x47, 0xe1, 0x12, 0xa6, 0x43,
	0x00, 0x08, 0x00, 0x14, 0x2b, 0x91, 0xf5, 0x99, 0xfd, 0x9e, 0x90, 0xc3, 0x8c, 0x74, 0x89, 0xf9,
	0x2a, 0xf9, 0xba, 0x53, 0xf0, 0x6b, 0xe7, 0xd7, 0x80, 0x28, 0x00, 0x04, 0xc0, 0x7d, 0x4c, 0x96,
};
/* Section 2.3: the same over IPv6, [2001:db8:1234:5678:11:2233:4455:6677]:32853. */
static const uint8_t rfc_answer6[] = {
	0x01, 0x01, 0x00, 0x48, 0x21, 0x12, 0xa4, 0x42, 0xb7, 0xe7, 0xa7, 0x01, 0xbc, 0x34, 0xd6, 0x86,
	0xfa, 0x87, 0xdf, 0xae, 0x80, 0x22, 0x00, 0x0b, 0x74, 0x65, 0x73, 0x74, 0x20, 0x76, 0x65, 0x63,
	0x74, 0x6f, 0x72, 0x20, 0x00, 0x20, 0x00, 0x14, 0x00, 0x02, 0xa1, 0x47, 0x01, 0x13, 0xa9, 0xfa,
	0xa5, 0xd3, 0xf1, 0x79, 0xbc, 0x25, 0xf4, 0xb5, 0xbe, 0xd2, 0xb9, 0xd9, 0x00, 0x08, 0x00, 0x14,
	0xa3, 0x82, 0x95, 0x4e, 0x4b, 0xe6, 0x7b, 0xf1, 0x17, 0x84, 0xc9, 0x7c, 0x82, 0x92, 0xc2, 0x75,
	0xbf, 0xe3, 0xed, 0x41, 0x80, 0x28, 0x00, 0x04, 0xc8, 0xfb, 0x0b, 0x4c,
};
static const uint8_t txid[12] = { 0xb7, 0xe7, 0xa7, 0x01, 0xbc, 0x34, 0xd6, 0x86, 0xfa, 0x87, 0xdf, 0xae };

static struct stun_message parsed(const uint8_t *p, size_t n)
{
	struct stun_message m;
	assert_int_equal(stun_parse(p, n, &m), 0);
	return m;
}

static void reads(const struct endpoint *e, const char *text)
{
	char s[ENDPOINT_STRLEN];
	assert_string_equal(endpoint_format(e, s), text);
}

static void rfc5769_request(void **state)
{
	(void)state;
	struct stun_message m = parsed(rfc_request, sizeof(rfc_request));
	assert_int_equal(m.class, STUN_REQUEST);
	assert_int_equal(m.method, STUN_BINDING);
	assert_false(m.classic);
	assert_memory_equal(m.id + 4, txid, sizeof(txid));
	assert_int_equal(m.fingerprint, STUN_FP_GOOD);
	assert_int_equal(m.software.n, 16);
	assert_memory_equal(m.software.p, "STUN test client", 16);
	assert_int_equal(m.n_foreign, 1); /* PRIORITY must be understood, ICE-CONTROLLED need not */
	assert_int_equal(m.foreign[0], 0x0024);
}

static void rfc5769_answers(void **state)
{
	(void)state;
	struct stun_message m = parsed(rfc_answer4, sizeof(rfc_answer4));
	assert_int_equal(m.class, STUN_SUCCESS);
	assert_int_equal(m.fingerprint, STUN_FP_GOOD);
	reads(&m.xor_mapped, "192.0.2.1:32853");
	assert_int_equal(m.mapped.addr.family, 0);
	m = parsed(rfc_answer6, sizeof(rfc_answer6));
	assert_int_equal(m.fingerprint, STUN_FP_GOOD);
	reads(&m.xor_mapped, "[2001:db8:1234:5678:11:2233:4455:6677]:32853");
}

/* Built again without its integrity, the answer keeps what it says and has a good fingerprint. */
static void rfc5769_rebuilt(void **state)
{
	(void)state;
	uint8_t wire[128];
	struct stun_message m = parsed(rfc_answer6, sizeof(rfc_answer6));
	size_t n = stun_build(wire, sizeof(wire), &m);
	assert_int_equal(n, sizeof(rfc_answer6) - 24);
	assert_memory_equal(wire + STUN_HEADER, rfc_answer6 + 36, 24); /* addresses go first here */
	struct stun_message again = parsed(wire, n);
	assert_int_equal(again.fingerprint, STUN_FP_GOOD);
	assert_true(endpoint_equal(&again.xor_mapped, &m.xor_mapped));
	for (size_t i = 0; i < n; i++) { /* every bit counts, the fingerprint's own too */
		wire[i] ^= 1;
		struct stun_message hurt;
		assert_true(stun_parse(wire, n, &hurt) != 0 || hurt.fingerprint != STUN_FP_GOOD);
		wire[i] ^= 1;
	}
}

static void request_is_twenty_bytes(void **state)
{
	(void)state;
	uint8_t wire[64];
	struct stun_message m = stun_binding_request(txid);
	assert_int_equal(stun_build(wire, sizeof(wire), &m), STUN_HEADER);
	assert_memory_equal(wire, "\x00\x01\x00\x00\x21\x12\xa4\x42", 8);
	assert_memory_equal(wire + 8, txid, 12);
	assert_int_equal(stun_build(wire, STUN_HEADER - 1, &m), 0);
}

static void round_trip(void **state)
{
	(void)state;
	static const uint8_t name[] = "sallyport";
	uint8_t wire[256];
	struct stun_message in = stun_binding_request(txid), out;
	in.class = STUN_ERROR;
	in.method = 0xabc;
	in.mapped = (struct endpoint){ addr_v4(192, 0, 2, 1), 1 };
	in.response_origin = (struct endpoint){ addr_v4(192, 0, 2, 2), 2 };
	in.other_address = (struct endpoint){ addr_v4(192, 0, 2, 3), 65535 };
	in.source_address = (struct endpoint){ addr_v4(192, 0, 2, 4), 4 };
	in.changed_address = (struct endpoint){ addr_v4(192, 0, 2, 5), 5 };
	assert_int_equal(addr_parse("2001:db8::1", &in.xor_mapped.addr), 0);
	in.xor_mapped.port = 0x2112;
	in.has_change_request = in.change_port = true;
	in.has_response_port = in.has_padding = true;
	in.response_port = 5684;
	in.padding = 5;
	in.error_code = 420;
	in.reason = wire_text_of("no", 2);
	in.software = wire_text_of(name, sizeof(name) - 1);
	in.n_unknown = 3;
	memcpy(in.unknown, (uint16_t[]){ 3, 0x26, 0x7fff }, 6);
	size_t n = stun_build(wire, sizeof(wire), &in);
	assert_true(n > STUN_HEADER && n % 4 == 0);
	assert_int_equal(stun_parse(wire, n, &out), 0);
	assert_int_equal(out.class, STUN_ERROR);
	assert_int_equal(out.method, 0xabc);
	assert_true(endpoint_equal(&out.mapped, &in.mapped));
	assert_true(endpoint_equal(&out.xor_mapped, &in.xor_mapped));
	assert_true(endpoint_equal(&out.response_origin, &in.response_origin));
	assert_true(endpoint_equal(&out.other_address, &in.other_address));
	assert_true(endpoint_equal(&out.source_address, &in.source_address));
	assert_true(endpoint_equal(&out.changed_address, &in.changed_address));
	assert_true(out.has_change_request && out.change_port && !out.change_ip);
	assert_int_equal(out.response_port, 5684);
	assert_int_equal(out.padding, 5);
	assert_int_equal(out.error_code, 420);
	assert_memory_equal(out.reason.p, "no", 2);
	assert_int_equal(out.software.n, sizeof(name) - 1);
	assert_int_equal(out.n_unknown, 3);
	assert_memory_equal(out.unknown, in.unknown, 6);
	for (size_t cap = 0; cap < n; cap++)
		assert_int_equal(stun_build(wire, cap, &in), 0);
}

static void no_wire_form(void **state)
{
	(void)state;
	static uint8_t wire[70000], long_text[STUN_MAX_TEXT + 1];
	struct stun_message m = stun_binding_request(txid);
	m.error_code = 700;
	assert_int_equal(stun_build(wire, sizeof(wire), &m), 0);
	m.error_code = 0;
	m.has_padding = true;
	m.padding = UINT16_MAX;
	assert_int_equal(stun_build(wire, sizeof(wire), &m), 0); /* longer than its own length field */
	m.has_padding = false;
	m.software = wire_text_of(long_text, sizeof(long_text));
	assert_int_equal(stun_build(wire, sizeof(wire), &m), 0);
}

/* RFC 3489: any 16 bytes of id; Debian's `stun` speaks only this. */
static void classic_form(void **state)
{
	(void)state;
	static const uint8_t wire[] = { 0, 1, 0, 8, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12,
					13, 14, 15, 16, 0, 3, 0, 4, 0, 0, 0, 6 };
	struct stun_message m = parsed(wire, sizeof(wire));
	assert_true(m.classic && m.has_change_request && m.change_ip && m.change_port);
	uint8_t again[64];
	struct stun_message answer = stun_answer_to(&m, STUN_SUCCESS);
	answer.mapped = (struct endpoint){ addr_v4(192, 0, 2, 1), 9 };
	assert_int_equal(stun_build(again, sizeof(again), &answer), STUN_HEADER + 12);
	assert_memory_equal(again + 4, wire + 4, 16);
	assert_memory_equal(again, "\x01\x01\x00\x0c", 4);
}

struct bad_row {
	const char *what, *attribute; /* bytes behind the header of a Binding request */
	size_t n;
	int result;
};
static const struct bad_row bad_rows[] = {
	{ "no attribute", "", 0, 0 },
	{ "unknown and optional", "\x80\xff\x00\x01\x41\0\0\0", 8, 0 },
	{ "response port of two", "\x00\x27\x00\x02\x16\x34\0\0", 8, 0 },
	{ "response port of four", "\x00\x27\x00\x04\x16\x34\0\0", 8, 0 },
	{ "response port of three", "\x00\x27\x00\x03\x16\x34\0\0", 8, SP_E_MALFORMED },
	{ "response port of none", "\x00\x27\x00\x00", 4, SP_E_MALFORMED },
	{ "change request too short", "\x00\x03\x00\x02\0\0\0\0", 8, SP_E_MALFORMED },
	{ "change request too long", "\x00\x03\x00\x08\0\0\0\0\0\0\0\0", 12, SP_E_MALFORMED },
	{ "runs past the end", "\x80\x22\x00\x05\x41\x41\x41\x41", 8, SP_E_MALFORMED },
	{ "address of no family", "\x00\x20\x00\x08\x00\x03\0\0\0\0\0\0", 12, SP_E_MALFORMED },
	{ "IPv6 with IPv4's length", "\x00\x20\x00\x08\x00\x02\0\0\0\0\0\0", 12, SP_E_MALFORMED },
	{ "IPv4 with more behind", "\x00\x01\x00\x0c\x00\x01\0\0\0\0\0\0\0\0\0\0", 16, SP_E_MALFORMED },
	{ "error of class 2", "\x00\x09\x00\x04\0\0\x02\x14", 8, SP_E_MALFORMED },
	{ "error number 100", "\x00\x09\x00\x04\0\0\x04\x64", 8, SP_E_MALFORMED },
	{ "odd list of unknown", "\x00\x0a\x00\x03\x00\x03\x00\0", 8, SP_E_MALFORMED },
	{ "fingerprint not last", "\x80\x28\x00\x04\0\0\0\0\x80\x22\x00\x00", 12, SP_E_MALFORMED },
	{ "fingerprint too short", "\x80\x28\x00\x02\0\0\0\0", 8, SP_E_MALFORMED },
};

static void attributes(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(bad_rows) / sizeof(bad_rows[0]); i++) {
		uint8_t wire[64] = { 0, 1, 0, (uint8_t)bad_rows[i].n, 0x21, 0x12, 0xa4, 0x42 };
		struct stun_message m = { .method = 77 };
		memcpy(wire + STUN_HEADER, bad_rows[i].attribute, bad_rows[i].n);
		int e = stun_parse(wire, STUN_HEADER + bad_rows[i].n, &m);
		if (e != bad_rows[i].result)
			fail_msg("%s: %d", bad_rows[i].what, e);
		assert_int_equal(m.method, e ? 77 : STUN_BINDING);
		assert_true(e || !m.has_response_port || m.response_port == 5684);
	}
}

static void not_stun(void **state)
{
	(void)state;
	uint8_t wire[64];
	struct stun_message m;
	memcpy(wire, rfc_answer4, STUN_HEADER);
	for (size_t n = 0; n < sizeof(rfc_answer4); n++)
		assert_int_equal(stun_parse(rfc_answer4, n, &m), SP_E_UNKNOWN);
	memset(wire, 0, sizeof(wire));
	assert_int_equal(stun_parse(wire, STUN_HEADER + 1, &m), SP_E_UNKNOWN);
	wire[3] = 2; /* not a multiple of four */
	assert_int_equal(stun_parse(wire, STUN_HEADER + 2, &m), SP_E_UNKNOWN);
	wire[3] = 0;
	assert_int_equal(stun_parse(wire, STUN_HEADER, &m), 0);
	wire[0] = 0x40; /* TURN's channels, DTLS and our own begin with other bits */
	assert_int_equal(stun_parse(wire, STUN_HEADER, &m), SP_E_UNKNOWN);
}

/* What stands behind MESSAGE-INTEGRITY is covered by nothing; twice the same: the first counts. */
static void which_attribute_counts(void **state)
{
	(void)state;
	uint8_t wire[128] = { 0, 1, 0, 56, 0x21, 0x12, 0xa4, 0x42 };
	static const uint8_t ports[] = { 0, 0x27, 0, 2, 0, 1, 0, 0, 0, 0x27, 0, 2, 0, 2, 0, 0 };
	static const uint8_t integrity[24] = { 0, 8, 0, 20 };
	static const uint8_t behind[] = { 0, 3, 0, 4, 0, 0, 0, 6, 0, 0x30, 0, 4, 0, 0, 0, 0 };
	memcpy(wire + 20, ports, 16);
	memcpy(wire + 36, integrity, 24);
	memcpy(wire + 60, behind, 16);
	struct stun_message m = parsed(wire, 76);
	assert_int_equal(m.response_port, 1);
	assert_false(m.has_change_request);
	assert_int_equal(m.n_foreign, 0);
}

static void many_foreign(void **state)
{
	(void)state;
	uint8_t wire[STUN_HEADER + 4 * 9] = { 0, 1, 0, 36, 0x21, 0x12, 0xa4, 0x42 };
	for (uint8_t i = 0; i < 9; i++)
		memcpy(wire + STUN_HEADER + 4 * i, (uint8_t[]){ 0x70, i, 0, 0 }, 4);
	struct stun_message m = parsed(wire, sizeof(wire));
	assert_int_equal(m.n_foreign, 9);
	assert_int_equal(m.foreign[STUN_MAX_UNKNOWN - 1], 0x7003);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(rfc5769_request),   cmocka_unit_test(rfc5769_answers),
		cmocka_unit_test(rfc5769_rebuilt),   cmocka_unit_test(request_is_twenty_bytes),
		cmocka_unit_test(round_trip),        cmocka_unit_test(no_wire_form),
		cmocka_unit_test(classic_form),      cmocka_unit_test(attributes),
		cmocka_unit_test(not_stun),          cmocka_unit_test(which_attribute_counts),
		cmocka_unit_test(many_foreign),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
