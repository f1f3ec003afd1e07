/* DHCP: messages there and back, joined and overloaded options, hostile lengths; the client's
 * schedule, what it believes and what it does not, in virtual time. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "sallyport/bytes.h"
#include "sallyport/err.h"
#include "sallyport/wire/dhcp_client.h"

#define S UINT64_C(1000000000)
static const struct mac mac = { { 2, 0, 0, 0, 0, 0x77 } };

/* ---- messages ---------------------------------------------------------------------------------- */

/* A reply up to its options, with optional contents of the sname and file fields. */
static struct writer reply(uint8_t *buf, size_t cap, const char *sname, size_t sname_n,
			   const char *file, size_t file_n)
{
	struct dhcp_message m = { .op = DHCP_BOOTREPLY, .xid = 7, .chaddr = mac };
	m.yiaddr = addr_v4(192, 168, 77, 57);
	assert_int_equal(dhcp_build(buf, cap, &m), 300);
	if (sname_n)
		memcpy(buf + 44, sname, sname_n);
	if (file_n)
		memcpy(buf + 108, file, file_n);
	struct writer w = wr_of(buf, cap);
	w.at = 240;
	return w;
}

static void says_the_same_again(void **state)
{
	(void)state;
	uint8_t wire[1024], again[1024];
	struct dhcp_message out, in = {
		.op = DHCP_BOOTREPLY, .hops = 1, .type = DHCP_ACK, .broadcast = true, .secs = 3,
		.xid = 0xdeadbeef, .chaddr = mac, .lease_s = 3600, .max_bytes = 1472, .prefix = 20,
		.ciaddr = addr_v4(10, 0, 0, 1), .yiaddr = addr_v4(10, 0, 0, 2),
		.siaddr = addr_v4(10, 0, 0, 3), .giaddr = addr_v4(10, 0, 0, 4),
		.requested = addr_v4(10, 0, 0, 5), .server = addr_v4(10, 0, 0, 6),
		.routers = { { addr_v4(10, 0, 0, 7) }, 1 },
		.dns = { { addr_v4(10, 0, 0, 8), addr_v4(10, 0, 0, 9) }, 2 },
	};
	struct dhcp_text *const texts[] = { &in.host_name, &in.domain, &in.wanted, &in.vendor_class,
					    &in.client_id, &in.user_class, &in.portal, &in.search,
					    &in.mud, &in.wpad };
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		*texts[i] = dhcp_text_of(&"abcdefghij"[i], 10 - i);
	size_t n = dhcp_build(wire, sizeof(wire), &in);
	assert_true(n > 300);
	assert_int_equal(dhcp_parse(wire, n, &out), 0);
	assert_true(out.type == DHCP_ACK && out.prefix == 20 && out.lease_s == 3600 && out.hops == 1);
	assert_true(addr_equal(&out.giaddr, &in.giaddr) && addr_equal(&out.dns.v[1], &in.dns.v[1]));
	assert_int_equal(out.wpad.n, 1);
	assert_int_equal(dhcp_build(again, sizeof(again), &out), n);
	assert_memory_equal(again, wire, n);
	for (size_t cap = 0; cap < n; cap++)
		assert_int_equal(dhcp_build(wire, cap, &in), 0);
}

static void on_the_wire(void **state)
{
	(void)state;
	static const uint8_t options[] = { 0x63, 0x82, 0x53, 0x63, 53, 1, 1, 57, 2, 5, 0xc0, 255, 0 };
	uint8_t wire[400];
	struct dhcp_message m = { .op = DHCP_BOOTREQUEST, .type = DHCP_DISCOVER, .broadcast = true,
				  .xid = 0x01020304, .max_bytes = 1472, .chaddr = mac };
	assert_int_equal(dhcp_build(wire, sizeof(wire), &m), 300);
	assert_memory_equal(wire, "\1\1\6\0\1\2\3\4\0\0\x80\0", 12);
	assert_memory_equal(wire + 28, mac.b, 6);
	assert_memory_equal(wire + 236, options, sizeof(options));
}

static void joins_pieces(void **state)
{
	(void)state;
	uint8_t wire[600];
	struct dhcp_message m;
	struct writer w = reply(wire, sizeof(wire), NULL, 0, NULL, 0);
	wr_bytes(&w, "\x35\1\5\x72\3abc\6\2\xc0\xa8\0\0\x72\2de\6\2\x4d\1\xff", 23);
	assert_int_equal(dhcp_parse(wire, w.at, &m), 0);
	assert_int_equal(m.type, DHCP_ACK);
	assert_int_equal(m.portal.n, 5);
	assert_memory_equal(m.portal.b, "abcde", 5);
	struct addr dns = addr_v4(192, 168, 77, 1);
	assert_int_equal(m.dns.n, 1);
	assert_true(addr_equal(&m.dns.v[0], &dns));
}

static void reads_overloaded_fields(void **state)
{
	(void)state;
	static const char sname[] = "\3\4\xc0\xa8\x4d\1\xff", file[] = "\x0f\3lan\xff";
	for (unsigned overload = 0; overload < 4; overload++) {
		uint8_t wire[600];
		struct dhcp_message m;
		struct writer w = reply(wire, sizeof(wire), sname, sizeof(sname) - 1, file,
					sizeof(file) - 1);
		wr_bytes(&w, "\x35\1\5\x34\1", 5);
		wr_u8(&w, (uint8_t)overload);
		wr_u8(&w, 255);
		assert_int_equal(dhcp_parse(wire, w.at, &m), 0);
		assert_int_equal(m.domain.n, overload & 1 ? 3 : 0);
		assert_int_equal(m.routers.n, overload & 2 ? 1 : 0);
	}
}

static void odd_options_count_as_absent(void **state)
{
	(void)state;
	static const char options[] = "\x35\2\5\5\1\4\xff\0\xff\0\x33\3\0\0\1\x36\5\1\2\3\4\5"
				      "\6\7\1\2\3\4\5\6\7\x0c\0\3\x08\0\0\0\0\x0a\0\0\1\xff";
	uint8_t wire[600];
	struct dhcp_message m;
	struct writer w = reply(wire, sizeof(wire), NULL, 0, NULL, 0);
	wr_bytes(&w, options, sizeof(options) - 1);
	assert_int_equal(dhcp_parse(wire, w.at, &m), 0);
	assert_int_equal(m.type, 0);
	assert_int_equal(m.prefix, 0); /* a mask with holes */
	assert_int_equal(m.lease_s, 0);
	assert_int_equal(m.server.family, 0);
	assert_int_equal(m.dns.n, 0);
	assert_int_equal(m.host_name.n, 0);
	assert_int_equal(m.routers.n, 1); /* 0.0.0.0 is no router */
	assert_int_equal(m.routers.v[0].b[0], 10);
}

static void refuses_damage(void **state)
{
	(void)state;
	uint8_t wire[600];
	struct dhcp_message m = { .xid = 77 };
	struct writer w = reply(wire, sizeof(wire), NULL, 0, NULL, 0);
	wr_bytes(&w, "\x35\1\5\x0f\x03lan", 8);
	for (size_t n = 0; n < 240; n++)
		assert_int_equal(dhcp_parse(wire, n, &m), SP_E_TRUNCATED);
	assert_int_equal(dhcp_parse(wire, w.at - 1, &m), SP_E_TRUNCATED);
	assert_int_equal(dhcp_parse(wire, 244, &m), SP_E_TRUNCATED);
	static const struct {
		size_t at;
		uint8_t v;
	} wrong[] = { { 0, 0 }, { 0, 3 }, { 1, 6 }, { 2, 16 }, { 236, 0 }, { 239, 0x64 } };
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		uint8_t was = wire[wrong[i].at];
		wire[wrong[i].at] = wrong[i].v;
		assert_int_equal(dhcp_parse(wire, w.at, &m), SP_E_MALFORMED);
		wire[wrong[i].at] = was;
	}
	assert_int_equal(m.xid, 77);
	assert_int_equal(dhcp_parse(wire, w.at, &m), 0);
}

static void long_texts_are_cut(void **state)
{
	(void)state;
	uint8_t wire[1200], long_one[300];
	struct dhcp_message m;
	struct writer w = reply(wire, sizeof(wire), NULL, 0, NULL, 0);
	memset(long_one, 'x', sizeof(long_one));
	for (unsigned i = 0; i < 3; i++) {
		wr_u8(&w, DHCP_O_WPAD);
		wr_u8(&w, 250);
		wr_bytes(&w, long_one, 250);
	}
	wr_bytes(&w, "\x0f\3lan\xff", 6);
	assert_int_equal(dhcp_parse(wire, w.at, &m), 0);
	assert_int_equal(m.wpad.n, DHCP_TEXT_MAX);
	assert_int_equal(m.domain.n, 3);
	assert_int_equal(dhcp_text_of(long_one, sizeof(long_one)).n, DHCP_TEXT_MAX);
}

/* ---- the client -------------------------------------------------------------------------------- */

static struct dhcp_message answer(const struct dhcp_client *c, enum dhcp_type type)
{
	return (struct dhcp_message){ .op = DHCP_BOOTREPLY, .type = (uint8_t)type, .xid = c->xid,
				      .chaddr = mac, .yiaddr = addr_v4(192, 168, 77, 57),
				      .server = addr_v4(192, 168, 77, 1), .prefix = 24 };
}

/* Runs the client in silence until it ends or `until`; notes when it sent. */
static unsigned silence(struct dhcp_client *c, uint64_t *now, uint64_t until, uint64_t at[16])
{
	struct dhcp_message out;
	unsigned n = 0;
	while (dhcp_client_deadline(c) <= until) {
		*now = dhcp_client_deadline(c);
		while (dhcp_client_step(c, *now, &out))
			at[n++] = *now;
	}
	return n;
}

static void gives_up_in_silence(void **state)
{
	(void)state;
	struct dhcp_client c;
	uint64_t now = 5 * S, at[16];
	dhcp_client_init(&c, &mac, 9, now);
	assert_int_equal(silence(&c, &now, UINT64_MAX - 1, at), 4);
	static const uint64_t due[] = { 0, 1, 3, 7 };
	for (unsigned i = 0; i < 4; i++)
		assert_int_equal(at[i], 5 * S + due[i] * S);
	assert_int_equal(now, 17 * S);
	assert_int_equal(c.end, DHCP_NO_OFFER);
	assert_int_equal(dhcp_client_deadline(&c), UINT64_MAX);
}

static void gets_an_address(void **state)
{
	(void)state;
	struct dhcp_client c;
	struct dhcp_message out, m;
	dhcp_client_init(&c, &mac, 9, 0);
	assert_true(dhcp_client_step(&c, 0, &out));
	assert_false(dhcp_client_step(&c, 0, &out));
	assert_int_equal(out.type, DHCP_DISCOVER);
	assert_true(out.broadcast && !out.requested.family && !out.server.family);
	for (const char *p = "\1\3\6\x72\xfc"; *p; p++)
		assert_non_null(memchr(out.wanted.b, *p, out.wanted.n));
	m = answer(&c, DHCP_OFFER);
	dhcp_client_receive(&c, &m, S / 2);
	assert_true(dhcp_client_step(&c, S / 2, &out));
	assert_int_equal(out.type, DHCP_REQUEST);
	assert_true(addr_equal(&out.requested, &m.yiaddr) && addr_equal(&out.server, &m.server));
	assert_int_equal(out.xid, 9);
	m.type = DHCP_ACK;
	dhcp_client_receive(&c, &m, S);
	assert_int_equal(c.end, DHCP_BOUND);
	assert_int_equal(c.sent, 2);
	assert_true(addr_equal(&c.lease.yiaddr, &m.yiaddr));
	out = dhcp_client_release(&c);
	assert_int_equal(out.type, DHCP_RELEASE);
	assert_true(addr_equal(&out.ciaddr, &m.yiaddr) && addr_equal(&out.server, &m.server));
	out = dhcp_client_decline(&c);
	assert_int_equal(out.type, DHCP_DECLINE);
	assert_true(addr_equal(&out.requested, &m.yiaddr) && !out.ciaddr.family);
}

/* Messages of others, and of nobody who could know our transaction, change nothing. */
static void believes_only_its_own(void **state)
{
	(void)state;
	struct dhcp_client c;
	struct dhcp_message out;
	dhcp_client_init(&c, &mac, 9, 0);
	struct dhcp_message good = answer(&c, DHCP_OFFER);
	dhcp_client_receive(&c, &good, 0); /* before anything was asked */
	assert_true(dhcp_client_step(&c, 0, &out));
	assert_int_equal(out.type, DHCP_DISCOVER);
	for (unsigned i = 0; i < 8; i++) {
		struct dhcp_message m = good;
		switch (i) {
		case 0: m.xid ^= 1; break;
		case 1: m.chaddr.b[5] ^= 1; break;
		case 2: m.op = DHCP_BOOTREQUEST; break;
		case 3: m.server = (struct addr){ 0 }; break;
		case 4: m.type = DHCP_ACK; break;
		case 5: m.yiaddr = (struct addr){ 0 }; break;
		case 6: m.yiaddr = addr_v4(224, 0, 0, 1); break;
		default: m.yiaddr = addr_v4(127, 0, 0, 1); break;
		}
		dhcp_client_receive(&c, &m, 0);
		assert_false(dhcp_client_step(&c, 0, &out));
	}
	dhcp_client_receive(&c, &good, 0);
	assert_true(dhcp_client_step(&c, 0, &out));
	struct dhcp_message other = answer(&c, DHCP_ACK);
	other.server = addr_v4(192, 168, 77, 2);
	dhcp_client_receive(&c, &other, 0);
	other.type = DHCP_NAK;
	dhcp_client_receive(&c, &other, 0);
	assert_int_equal(c.end, DHCP_UNDER_WAY);
	assert_int_equal(c.refusals, 0);
}

static void offer_without_ack(void **state)
{
	(void)state;
	struct dhcp_client c;
	uint64_t now = 0, at[16];
	dhcp_client_init(&c, &mac, 9, now);
	assert_int_equal(silence(&c, &now, 2 * S, at), 2);
	struct dhcp_message m = answer(&c, DHCP_OFFER);
	dhcp_client_receive(&c, &m, 2 * S);
	assert_int_equal(silence(&c, &now, UINT64_MAX - 1, at), 4);
	assert_int_equal(at[0], 2 * S);
	assert_int_equal(at[3], 9 * S);
	assert_int_equal(now, 14 * S);
	assert_int_equal(c.end, DHCP_NO_ACK);
}

static void nak_starts_over(void **state)
{
	(void)state;
	struct dhcp_client c;
	struct dhcp_message out;
	uint32_t xids[3];
	dhcp_client_init(&c, &mac, 9, 0);
	for (unsigned i = 0; i < 3; i++) {
		assert_int_equal(c.end, DHCP_UNDER_WAY);
		xids[i] = c.xid;
		assert_true(dhcp_client_step(&c, i * S, &out));
		assert_int_equal(out.type, DHCP_DISCOVER);
		assert_false(out.requested.family);
		struct dhcp_message m = answer(&c, DHCP_OFFER);
		dhcp_client_receive(&c, &m, i * S);
		assert_true(dhcp_client_step(&c, i * S, &out));
		m.type = DHCP_NAK;
		dhcp_client_receive(&c, &m, i * S);
	}
	assert_int_equal(c.end, DHCP_REFUSED);
	assert_true(xids[0] != xids[1] && xids[1] != xids[2]);
	assert_string_equal(dhcp_end_names[c.end], "refused");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(says_the_same_again),
		cmocka_unit_test(on_the_wire),
		cmocka_unit_test(joins_pieces),
		cmocka_unit_test(reads_overloaded_fields),
		cmocka_unit_test(odd_options_count_as_absent),
		cmocka_unit_test(refuses_damage),
		cmocka_unit_test(long_texts_are_cut),
		cmocka_unit_test(gives_up_in_silence),
		cmocka_unit_test(gets_an_address),
		cmocka_unit_test(believes_only_its_own),
		cmocka_unit_test(offer_without_ack),
		cmocka_unit_test(nak_starts_over),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
