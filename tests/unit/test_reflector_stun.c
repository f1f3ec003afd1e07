/* What the reflector answers to STUN, without sockets, and how often. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "probes/reflector/reflector.h"
#include "sallyport/clock.h"

/* A reflector on 192.0.2.1, 192.0.2.2 and 2001:db8::1. */
struct fixture {
	struct reflector_options o;
	struct reflector r;
	uint64_t now_ns;
	struct path control;
};

static struct addr a(const char *text)
{
	struct addr out;
	assert_int_equal(addr_parse(text, &out), 0);
	return out;
}

static int setup(void **state)
{
	static const double per_s[RATE_CLASS_COUNT] = { 50, REFLECT_HELLOS_PER_S, REFLECT_MESSAGES_PER_S,
							REFLECT_POKES_PER_S };
	static const uint8_t key[16] = { 7 };
	struct fixture *f = calloc(1, sizeof(*f));
	f->o = (struct reflector_options){ .addresses = { a("192.0.2.1"), a("192.0.2.2"), a("2001:db8::1") },
					   .n_addresses = 3, .ports = { 3478, 5684 }, .n_ports = 2 };
	f->r = (struct reflector){ .o = &f->o, .rates = rates_new(per_s, key) };
	f->now_ns = 1000 * NS_PER_S;
	f->control = (struct path){ { a("192.0.2.1"), 3478 }, { a("203.0.113.9"), 4000 } };
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;
	rates_free(f->r.rates);
	free(f);
	return 0;
}

static bool same_path(const struct path *x, const struct path *y)
{
	return endpoint_equal(&x->server, &y->server) && endpoint_equal(&x->client, &y->client);
}

struct stun_result {
	size_t n;
	struct path way;
	struct stun_message m;
};

static struct stun_result ask_bytes(struct fixture *f, const struct path *p, const uint8_t *q, size_t n)
{
	static uint8_t out[2048];
	struct stun_result r = { .way = *p };
	memset(out, 0, sizeof(out));
	f->now_ns += NS_PER_S;
	r.n = reflector_stun(&f->r, (struct bytes){ q, n }, &r.way, true, f->now_ns, out, sizeof(out));
	if (r.n)
		assert_int_equal(stun_parse(out, r.n, &r.m), 0);
	return r;
}

static struct stun_result ask(struct fixture *f, const struct path *p, const struct stun_message *q)
{
	static uint8_t wire[2048];
	return ask_bytes(f, p, wire, stun_build(wire, sizeof(wire), q));
}

static struct stun_message request(void)
{
	return stun_binding_request((const uint8_t[12]){ 9, 8, 7 });
}

static void stun_is_small(void **state)
{
	struct fixture *f = *state;
	struct stun_message q = request();
	struct stun_result r = ask(f, &f->control, &q);
	assert_int_equal(r.n, 32);
	assert_true(endpoint_equal(&r.m.xor_mapped, &f->control.client));
	assert_memory_equal(r.m.id, q.id, STUN_ID);
	assert_true(same_path(&r.way, &f->control));
	struct path six = { { a("2001:db8::1"), 3478 }, { a("2001:db8::99"), 5000 } };
	r = ask(f, &six, &q);
	assert_int_equal(r.n, 44);
	assert_true(endpoint_equal(&r.m.xor_mapped, &six.client));
}

static void stun_refuses(void **state)
{
	struct fixture *f = *state;
	struct stun_message q = request();
	q.has_change_request = q.has_response_port = q.has_padding = true;
	q.padding = 400;
	struct stun_result r = ask(f, &f->control, &q);
	assert_int_equal(r.m.class, STUN_ERROR);
	assert_int_equal(r.m.error_code, 420);
	assert_int_equal(r.m.n_unknown, 3);
	assert_true(r.n + REFLECT_UDP4 <= 68);
	assert_int_equal(r.way.client.port, f->control.client.port);
	uint8_t many[STUN_HEADER + 36] = { 0, 1, 0, 36, 0x21, 0x12, 0xa4, 0x42 };
	for (uint8_t i = 0; i < 9; i++)
		memcpy(many + STUN_HEADER + 4 * i, (uint8_t[]){ 0x70, i, 0, 0 }, 4);
	r = ask_bytes(f, &f->control, many, sizeof(many));
	assert_int_equal(r.m.error_code, 420);
	assert_int_equal(r.m.n_unknown, STUN_MAX_UNKNOWN);
	assert_true(r.n + REFLECT_UDP4 <= 68 && r.n + REFLECT_UDP6 <= 92);
}

static void stun_stays_silent(void **state)
{
	struct fixture *f = *state;
	struct stun_message q = request();
	q.class = STUN_INDICATION;
	assert_int_equal(ask(f, &f->control, &q).n, 0);
	q.class = STUN_SUCCESS; /* or two reflectors would answer each other */
	assert_int_equal(ask(f, &f->control, &q).n, 0);
	q.class = STUN_ERROR;
	assert_int_equal(ask(f, &f->control, &q).n, 0);
	q = request();
	q.method = 3; /* TURN's Allocate */
	assert_int_equal(ask(f, &f->control, &q).n, 0);
	q = request();
	q.id[0] = 0; /* RFC 3489 */
	assert_int_equal(ask(f, &f->control, &q).n, 0);
	uint8_t wire[64];
	q = request();
	q.fingerprint = STUN_FP_GOOD;
	size_t n = stun_build(wire, sizeof(wire), &q);
	assert_int_equal(ask_bytes(f, &f->control, wire, n).n, 32);
	wire[n - 1] ^= 1;
	assert_int_equal(ask_bytes(f, &f->control, wire, n).n, 0);
	assert_int_equal(ask_bytes(f, &f->control, (const uint8_t *)"GET / HTTP/1.0\r\n\r\n\r\n", 20).n, 0);
}

static void rfc5780_attributes(void **state)
{
	struct fixture *f = *state;
	struct stun_message q = request();
	char text[ENDPOINT_STRLEN];
	f->o.rfc5780 = true;
	struct stun_result r = ask(f, &f->control, &q);
	assert_true(endpoint_equal(&r.m.mapped, &f->control.client));
	assert_true(endpoint_equal(&r.m.xor_mapped, &f->control.client));
	assert_true(endpoint_equal(&r.m.response_origin, &f->control.server));
	assert_string_equal(endpoint_format(&r.m.other_address, text), "192.0.2.2:5684");
	for (unsigned i = 0; i < 4; i++) {
		q.has_change_request = true;
		q.change_ip = i & 1;
		q.change_port = i & 2;
		r = ask(f, &f->control, &q);
		assert_int_equal(r.way.server.addr.b[3], i & 1 ? 2 : 1);
		assert_int_equal(r.way.server.port, i & 2 ? 5684 : 3478);
		assert_true(endpoint_equal(&r.m.response_origin, &r.way.server));
		assert_true(endpoint_equal(&r.way.client, &f->control.client));
	}
}

static void rfc5780_response_port_and_padding(void **state)
{
	struct fixture *f = *state;
	struct stun_message q = request();
	f->o.rfc5780 = true;
	q.has_response_port = true;
	q.response_port = 4444;
	struct stun_result r = ask(f, &f->control, &q);
	assert_int_equal(r.way.client.port, 4444);
	assert_int_equal(r.m.mapped.port, 4000);
	q.has_padding = true;
	q.padding = 500;
	r = ask(f, &f->control, &q);
	assert_int_equal(r.m.error_code, 400);
	assert_int_equal(r.way.client.port, 4000);
	q.has_response_port = false;
	for (uint16_t n = 0; n <= 1500; n = (uint16_t)(n + 50)) {
		q.padding = n;
		r = ask(f, &f->control, &q);
		size_t asked = STUN_HEADER + 4U + (n + 3U) / 4 * 4;
		assert_true(r.n <= asked || r.n == 68); /* all four addresses, and no padding */
	}
	assert_true(r.m.has_padding && r.m.padding > 1400);
}

/* An IPv6 client of a reflector with one IPv6 address: no other address, so nothing to change to. */
static void rfc5780_without_another_address(void **state)
{
	struct fixture *f = *state;
	struct path six = { { a("2001:db8::1"), 3478 }, { a("2001:db8::99"), 5000 } };
	struct stun_message q = request();
	f->o.rfc5780 = true;
	struct stun_result r = ask(f, &six, &q);
	assert_int_equal(r.m.class, STUN_SUCCESS);
	assert_int_equal(r.m.other_address.addr.family, 0);
	q.has_change_request = q.change_ip = true;
	r = ask(f, &six, &q);
	assert_int_equal(r.m.error_code, 420);
	assert_int_equal(r.m.unknown[0], STUN_CHANGE_REQUEST);
}

static void rfc3489_form(void **state)
{
	struct fixture *f = *state;
	struct stun_message q = request();
	char text[ENDPOINT_STRLEN];
	f->o.rfc5780 = true;
	memset(q.id, 0x42, STUN_ID);
	q.has_change_request = true;
	struct stun_result r = ask(f, &f->control, &q);
	assert_true(r.m.classic);
	assert_true(endpoint_equal(&r.m.mapped, &f->control.client));
	assert_true(endpoint_equal(&r.m.source_address, &f->control.server));
	assert_string_equal(endpoint_format(&r.m.changed_address, text), "192.0.2.2:5684");
	assert_int_equal(r.m.xor_mapped.addr.family, 0);
	assert_int_equal(r.m.other_address.addr.family, 0);
	/* RESPONSE-ADDRESS would let anyone name the target */
	uint8_t wire[STUN_HEADER + 12] = { 0, 1, 0, 12 };
	memcpy(wire + STUN_HEADER, (uint8_t[]){ 0, 2, 0, 8, 0, 1, 0, 53, 198, 51, 100, 1 }, 12);
	r = ask_bytes(f, &f->control, wire, sizeof(wire));
	assert_int_equal(r.m.error_code, 420);
	assert_int_equal(r.m.unknown[0], STUN_RESPONSE_ADDRESS);
	assert_true(same_path(&r.way, &f->control));
}

/* ---- rates ---- */
static void siphash_is_the_known_one(void **state)
{
	(void)state; /* the authors' test vectors: key 00..0f over 0, 15 and 63 bytes 00, 01, ... */
	uint8_t in[64];
	for (uint8_t i = 0; i < 64; i++)
		in[i] = i;
	assert_true(siphash(in, in, 0) == UINT64_C(0x726fdb47dd0e0e31));
	assert_true(siphash(in, in, 15) == UINT64_C(0xa129ca6149be45e5));
	assert_true(siphash(in, in, 63) == UINT64_C(0x958a324ceb064572));
}

static unsigned how_many(struct rates *r, enum rate_class class, struct addr from, unsigned asked, uint64_t now)
{
	unsigned n = 0;
	while (asked--)
		n += rates_allow(r, class, &from, now);
	return n;
}

static void rates_are_kept(void **state)
{
	struct fixture *f = *state;
	struct rates *r = f->r.rates;
	uint64_t s = NS_PER_S;
	assert_int_equal(how_many(r, RATE_STUN, a("198.51.100.1"), 1000, s), 100); /* two seconds' worth */
	assert_int_equal(how_many(r, RATE_STUN, a("198.51.100.1"), 1000, 2 * s), 50);
	assert_int_equal(how_many(r, RATE_STUN, a("198.51.100.1"), 1000, 100 * s), 100);
	assert_int_equal(how_many(r, RATE_HELLO, a("198.51.100.1"), 1000, s), 16); /* each kind its own */
	/* IPv6: one /64 is one client */
	assert_int_equal(how_many(r, RATE_STUN, a("2001:db8:1:2::1"), 1000, s), 100);
	assert_int_equal(how_many(r, RATE_STUN, a("2001:db8:1:2:ffff::1"), 1000, s), 0);
	assert_int_equal(how_many(r, RATE_STUN, a("2001:db8:2:3::1"), 1000, s), 100);
}

static void prefixes_are_limited(void **state)
{
	struct fixture *f = *state;
	unsigned n = 0;
	struct addr from = a("198.51.100.0");
	for (unsigned i = 0; i < 256; i++, from.b[3]++)
		n += how_many(f->r.rates, RATE_STUN, from, 100, NS_PER_S);
	assert_in_range(n, 390, 400);
	from = a("2001:db8:7::1");
	n = 0;
	for (unsigned i = 0; i < 256; i++, from.b[7]++)
		n += how_many(f->r.rates, RATE_STUN, from, 100, NS_PER_S);
	assert_in_range(n, 390, 400);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
		T(stun_is_small), T(stun_refuses), T(stun_stays_silent), T(rfc5780_attributes),
		T(rfc5780_response_port_and_padding), T(rfc5780_without_another_address),
		T(rfc3489_form), T(siphash_is_the_known_one), T(rates_are_kept), T(prefixes_are_limited),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
