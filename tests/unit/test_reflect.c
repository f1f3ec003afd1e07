/* The reflector's messages: sizes that pay, round trips, and what tokens and handles bind. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "sallyport/err.h"
#include "sallyport/wire/reflect.h"

static struct reflect_message sample(enum reflect_type type)
{
	struct reflect_message m = { .type = type, .epoch = 0x01020304, .id = 0x1122334455667788 };
	m.nonce = 0x99aabbccddeeff00;
	memset(m.token.b, 0x5a, sizeof(m.token.b));
	memset(m.handle.b, 0xa5, sizeof(m.handle.b));
	m.seen = (struct endpoint){ addr_v4(203, 0, 113, 9), 40000 };
	m.server_port = 5684;
	m.flags = REFLECT_WANT_NOTICE | REFLECT_WANT_ECHO;
	m.kind = REFLECT_FROM_OTHER_PORT;
	m.code = REFLECT_GONE;
	m.value = 77777;
	return m;
}

static void round_trip(void **state)
{
	(void)state;
	for (unsigned type = REFLECT_HELLO; type < REFLECT_TYPE_COUNT; type++) {
		uint8_t wire[REFLECT_MAX], again[REFLECT_MAX];
		struct reflect_message in = sample((enum reflect_type)type), out;
		size_t n = reflect_build(wire, sizeof(wire), 4, &in);
		assert_in_range(n, REFLECT_HEAD + 8, REFLECT_MAX);
		assert_int_equal(reflect_frame(wire, n), n);
		assert_int_equal(reflect_parse(wire, n, &out), 0);
		assert_int_equal(out.type, type);
		assert_int_equal(out.epoch, in.epoch);
		assert_true(out.id == in.id);
		assert_int_equal(reflect_build(again, sizeof(again), 4, &out), n);
		assert_memory_equal(again, wire, n);
		for (size_t cap = 0; cap < n; cap++)
			assert_int_equal(reflect_build(again, cap, 4, &in), 0);
	}
}

static void fields_arrive(void **state)
{
	(void)state;
	uint8_t wire[REFLECT_MAX];
	struct reflect_message in = sample(REFLECT_WELCOME), out;
	assert_int_equal(addr_parse("2001:db8::9", &in.seen.addr), 0);
	in.flags = REFLECT_CAN_ERROR | REFLECT_CAN_KEYED;
	size_t n = reflect_build(wire, sizeof(wire), 6, &in);
	assert_int_equal(reflect_parse(wire, n, &out), 0);
	assert_true(endpoint_equal(&out.seen, &in.seen));
	assert_int_equal(out.flags, in.flags);
	assert_null(memmem(wire, n, in.seen.addr.b, 4)); /* hidden from boxes that rewrite payloads */
	in = sample(REFLECT_POKED);
	n = reflect_build(wire, sizeof(wire), 4, &in);
	assert_int_equal(reflect_parse(wire, n, &out), 0);
	assert_int_equal(out.code, REFLECT_GONE);
	assert_int_equal(out.value, 77777);
	in = sample(REFLECT_NOTICE);
	n = reflect_build(wire, sizeof(wire), 4, &in);
	assert_int_equal(reflect_parse(wire, n, &out), 0);
	assert_int_equal(out.seen.port, 40000);
	assert_int_equal(out.server_port, 5684);
	assert_memory_equal(out.handle.b, in.handle.b, REFLECT_HANDLE);
}

/* A question's IP length covers all that it makes the reflector send, for both families. */
static void questions_pay(void **state)
{
	(void)state;
	uint8_t wire[REFLECT_MAX];
	for (uint8_t family = 4; family <= 6; family += 2) {
		size_t udp = family == 4 ? REFLECT_UDP4 : REFLECT_UDP6;
		struct reflect_message m = sample(REFLECT_HELLO);
		assert_true(udp + reflect_build(wire, sizeof(wire), family, &m) >=
			    reflect_ip_bytes(REFLECT_WELCOME, family));
		for (uint8_t want = 0; want <= 3; want++) {
			m = sample(REFLECT_REGISTER);
			m.flags = want;
			size_t out = (want & 1 ? reflect_ip_bytes(REFLECT_NOTICE, family) : 0) +
				     (want & 2 ? reflect_ip_bytes(REFLECT_ECHO, family) : 0);
			assert_true(udp + reflect_build(wire, sizeof(wire), family, &m) >= out);
		}
		for (unsigned kind = 0; kind < REFLECT_KIND_COUNT; kind++) {
			m = sample(REFLECT_POKE);
			m.kind = (enum reflect_kind)kind;
			size_t out = reflect_ip_bytes(REFLECT_POKED, family) +
				     reflect_probe_ip_bytes(m.kind, family);
			size_t n = reflect_build(wire, sizeof(wire), family, &m);
			assert_true(n > 0 && udp + n >= out);
		}
	}
}

static void refuses_damage(void **state)
{
	(void)state;
	uint8_t wire[REFLECT_MAX + 8] = { 0 };
	struct reflect_message in = sample(REFLECT_POKE), out = { .value = 5 };
	size_t n = reflect_build(wire, sizeof(wire), 4, &in);
	for (size_t cut = 0; cut < n; cut++)
		assert_int_equal(reflect_parse(wire, cut, &out), SP_E_UNKNOWN);
	assert_int_equal(reflect_parse(wire, n + 1, &out), SP_E_UNKNOWN);
	static const struct {
		size_t at;
		uint8_t value;
		int result;
	} rows[] = {
		{ 0, 0x16, SP_E_UNKNOWN },  /* DTLS */
		{ 1, 0x26, SP_E_UNKNOWN },  /* another version */
		{ 1, 0x10, SP_E_UNKNOWN },  /* no such type */
		{ 1, 0x19, SP_E_UNKNOWN },
		{ 2, 0x01, SP_E_UNKNOWN },  /* longer than any */
		{ 72, REFLECT_KIND_COUNT, SP_E_MALFORMED },
	};
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		uint8_t had = wire[rows[i].at];
		wire[rows[i].at] = rows[i].value;
		assert_int_equal(reflect_parse(wire, n, &out), rows[i].result);
		wire[rows[i].at] = had;
	}
	assert_int_equal(out.value, 5);
	assert_int_equal(reflect_parse(wire, n, &out), 0);
}

static void frames(void **state)
{
	(void)state;
	uint8_t wire[REFLECT_MAX];
	struct reflect_message m = sample(REFLECT_REGISTER);
	size_t n = reflect_build(wire, sizeof(wire), 4, &m);
	for (size_t have = 0; have < 4; have++)
		assert_int_equal(reflect_frame(wire, have), 0);
	assert_int_equal(reflect_frame(wire, 4), n);
	wire[3] = 8; /* shorter than its own fields */
	assert_int_equal(reflect_frame(wire, 4), SP_E_UNKNOWN);
	assert_int_equal(reflect_frame((const uint8_t *)"GET ", 1), SP_E_UNKNOWN);
}

/* ---- what a MAC binds ---- */
static struct reflect_keys keys(void)
{
	uint8_t key[2][REFLECT_KEY];
	struct reflect_keys k = { .epoch = 7 };
	memset(key[0], 1, REFLECT_KEY);
	memset(key[1], 2, REFLECT_KEY);
	reflect_keys_turn(&k, 9, key[0]);
	reflect_keys_turn(&k, 10, key[1]);
	return k;
}

enum { NOW = 10 * REFLECT_HANDLE_S + 5 };

static struct reflect_binding binding(void)
{
	return (struct reflect_binding){
		.transport = 17,
		.client = { addr_v4(203, 0, 113, 9), 40000 },
		.server = { addr_v4(192, 0, 2, 1), 3478 },
		.nonce = 42,
		.time_s = NOW,
	};
}

static enum reflect_code check_token(const struct reflect_keys *k, const struct reflect_token *t,
				     const char *client, const char *server, uint32_t now)
{
	struct reflect_binding b = { 0 };
	assert_int_equal(addr_parse(client, &b.client.addr), 0);
	assert_int_equal(addr_parse(server, &b.server.addr), 0);
	enum reflect_code code = reflect_token_check(k, t, now, &b);
	if (code == REFLECT_DONE) {
		assert_int_equal(b.client.port, 40000);
		assert_int_equal(b.server.port, 3478);
		assert_true(b.nonce == 42);
	}
	return code;
}

static void token_binds(void **state)
{
	(void)state;
	const char *us = "203.0.113.9", *them = "192.0.2.1";
	struct reflect_keys k = keys(), other = keys();
	struct reflect_binding b = binding();
	struct reflect_token t;
	assert_int_equal(reflect_token_make(&k, &b, &t), 0);
	assert_int_equal(check_token(&k, &t, us, them, NOW), REFLECT_DONE);
	assert_int_equal(check_token(&k, &t, "::ffff:203.0.113.9", them, NOW), REFLECT_DONE);
	assert_int_equal(check_token(&k, &t, us, them, NOW + REFLECT_TOKEN_S), REFLECT_DONE);
	assert_int_equal(check_token(&k, &t, us, them, NOW + REFLECT_TOKEN_S + 1), REFLECT_TOKEN_EXPIRED);
	assert_int_equal(check_token(&k, &t, us, them, NOW - 1), REFLECT_TOKEN_EXPIRED);
	assert_int_equal(check_token(&k, &t, "203.0.113.8", them, NOW), REFLECT_TOKEN_WRONG);
	assert_int_equal(check_token(&k, &t, us, "192.0.2.2", NOW), REFLECT_TOKEN_WRONG);
	other.epoch = 8;
	assert_int_equal(check_token(&other, &t, us, them, NOW), REFLECT_TOKEN_WRONG);
	for (size_t i = 0; i < REFLECT_TOKEN; i++) { /* each byte of it, ports, nonce and time too */
		t.b[i] ^= 1;
		assert_int_not_equal(check_token(&k, &t, us, them, NOW), REFLECT_DONE);
		t.b[i] ^= 1;
	}
}

static void handle_binds(void **state)
{
	(void)state;
	struct reflect_keys k = keys();
	struct reflect_binding b = binding();
	struct reflect_handle h;
	assert_int_equal(reflect_handle_make(&k, &b, &h), 0);
	struct reflect_binding in = b, got;
	for (unsigned i = 0; i < 5; i++) {
		got = in;
		got.time_s = got.client.port = got.server.port = 0; /* these are read from it */
		switch (i) {
		case 1: got.transport = 6; break;
		case 2: got.nonce = 43; break;
		case 3: got.client.addr.b[3] ^= 1; break;
		case 4: got.server.addr.b[3] ^= 1; break;
		default: break;
		}
		assert_int_equal(reflect_handle_check(&k, &h, NOW + REFLECT_HANDLE_S, &got),
				 i ? REFLECT_HANDLE_WRONG : REFLECT_DONE);
		assert_int_equal(got.client.port, 40000);
	}
	got = in;
	assert_int_equal(reflect_handle_check(&k, &h, NOW + REFLECT_HANDLE_S + 1, &got),
			 REFLECT_HANDLE_EXPIRED);
	struct reflect_token t; /* a handle is no token: the labels differ */
	assert_int_equal(reflect_token_make(&k, &b, &t), 0);
	assert_memory_not_equal(t.b + REFLECT_TOKEN - 16, h.b + REFLECT_HANDLE - 16, 16);
}

static void keys_turn(void **state)
{
	(void)state;
	uint8_t fresh[REFLECT_KEY] = { 3 };
	struct reflect_keys k = keys();
	struct reflect_binding b = binding(), got = b;
	struct reflect_handle h;
	b.time_s = 9 * REFLECT_HANDLE_S + 1; /* under the key before */
	assert_int_equal(reflect_handle_make(&k, &b, &h), 0);
	assert_int_equal(reflect_handle_check(&k, &h, NOW - 10, &got), REFLECT_DONE);
	reflect_keys_turn(&k, 11, fresh);
	got = b;
	assert_int_equal(reflect_handle_check(&k, &h, NOW, &got), REFLECT_HANDLE_EXPIRED);
	b.time_s = 12 * REFLECT_HANDLE_S;
	assert_int_equal(reflect_handle_make(&k, &b, &h), SP_E_CRYPTO); /* no key of the future */
}

static void mask_admits(void **state)
{
	(void)state;
	const struct bytes right = { (const uint8_t *)"right", 5 }, wrong = { (const uint8_t *)"wrong", 5 };
	struct reflect_keys k = keys();
	struct reflect_binding b = binding();
	struct reflect_token t, masked, open;
	struct endpoint elsewhere = b.client;
	elsewhere.addr.b[3] ^= 1;
	assert_int_equal(reflect_token_make(&k, &b, &t), 0);
	masked = t;
	assert_int_equal(reflect_token_mask(right, 5, &b.client, &masked), 0);
	assert_int_equal(check_token(&k, &masked, "203.0.113.9", "192.0.2.1", NOW), REFLECT_TOKEN_WRONG);
	open = masked;
	assert_int_equal(reflect_token_mask(right, 5, &b.client, &open), 0);
	assert_memory_equal(open.b, t.b, REFLECT_TOKEN);
	for (unsigned i = 0; i < 3; i++) { /* another key, id or address takes nothing off */
		open = masked;
		assert_int_equal(reflect_token_mask(i == 0 ? wrong : right, i == 1 ? 6 : 5,
						    i == 2 ? &elsewhere : &b.client, &open), 0);
		assert_memory_not_equal(open.b, t.b, REFLECT_TOKEN);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(round_trip),     cmocka_unit_test(fields_arrive),
		cmocka_unit_test(questions_pay),  cmocka_unit_test(refuses_damage),
		cmocka_unit_test(frames),         cmocka_unit_test(token_binds),
		cmocka_unit_test(handle_binds),   cmocka_unit_test(keys_turn),
		cmocka_unit_test(mask_admits),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
