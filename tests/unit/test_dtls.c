/* DTLS as a device speaks it: the bytes, the public handshake vector, the state machine. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "probes/core/handshake.h"
#include "probes/core/retry.h"
#include "sallyport/crypto.h"
#include "sallyport/err.h"
#include "sallyport/text.h"

/* Values printed in the vendor's public page "interpreting-cloud-debug-2". */
#define KEY "3059301306072a8648ce3d020106082a8648ce3d03010703420004509bfc185648c33f80907ae13260df33282115209e54a22f2b105984a46362c07c2679f6e4ce76ca002d3de4bf2e9e3a62151c48179bd809ddce9c5dc30f54b8"
#define CLIENT_RANDOM "96649a9489996f3b54322f4b24ad865214684893cf2415f3d6f03228e93d2209"
#define SERVER_RANDOM "5d7f59811e505c08ccf214c00efc7d107158e3ed8935203f712e843669de3c90"
#define PARAMS "0300174104e28426d03bf211e08b735f1c82d352748fd4f7a919f70dd8e5f033fba99adc9cd1b943803077c6747a9bd9bc203ecb6441f48649ccc22f065f5e246046eb313e"
#define SIGNATURE "3046022100d18193729a80087e544f01c1c05400cf99302266850a8fa2d2cd2d6d10699a490221009db9f8291a521a38aaf4cc4816ff786f4bcd173c1671614a16760f86f4b090d2"

struct vector {
	uint8_t key[91], client[32], server[32], params[69], signature[72];
};

static struct vector vector(void)
{
	struct vector v;
	assert_int_equal(text_unhex(KEY, v.key, sizeof(v.key)), 0);
	assert_int_equal(text_unhex(CLIENT_RANDOM, v.client, sizeof(v.client)), 0);
	assert_int_equal(text_unhex(SERVER_RANDOM, v.server, sizeof(v.server)), 0);
	assert_int_equal(text_unhex(PARAMS, v.params, sizeof(v.params)), 0);
	assert_int_equal(text_unhex(SIGNATURE, v.signature, sizeof(v.signature)), 0);
	return v;
}

static int verify(const struct vector *v)
{
	const struct bytes parts[] = { { v->client, 32 }, { v->server, 32 }, { v->params, 69 } };
	return crypto_verify((struct bytes){ v->key, 91 }, parts, 3,
			     (struct bytes){ v->signature, sizeof(v->signature) });
}

static void public_vector_verifies(void **state)
{
	(void)state;
	struct vector v = vector();
	assert_int_equal(verify(&v), 1);
	v.params[40] ^= 1;
	assert_int_equal(verify(&v), 0);
	v = vector();
	v.key[30] ^= 1; /* no longer a point on the curve */
	assert_true(verify(&v) <= 0);
}

static void hello_is_the_device_s_own(void **state)
{
	(void)state;
	/* Record and handshake headers, version, the vector's random, then what the page prints. */
	static const char *const expect =
		"16fefd000000000000000000620100005600000000000000"
		"56fefd" CLIENT_RANDOM "00000004c0ae00ff01000028"
		"000d000a00080403040103030301000a000400020017000b00020100"
		"001300020102001400020102";
	struct vector v = vector();
	uint8_t out[600], want[111];
	struct dtls_hello_params p = { .random = v.client };
	assert_int_equal(text_unhex(expect, want, sizeof(want)), 0);
	assert_int_equal(dtls_build_client_hello(out, sizeof(out), &p), 111);
	assert_memory_equal(out, want, 111);
	p.cid_ext = 254;
	assert_int_equal(dtls_build_client_hello(out, sizeof(out), &p), 116);
	static const uint8_t cookie[255];
	p.cookie = (struct bytes){ cookie, 32 };
	assert_int_equal(dtls_build_client_hello(out, sizeof(out), &p), 148);
	p.cid_ext = 0;
	assert_int_equal(dtls_build_client_hello(out, sizeof(out), &p), 143);
	p.cookie.n = 255;
	assert_int_equal(dtls_build_client_hello(out, sizeof(out), &p), 366);
	assert_int_equal(dtls_build_client_hello(out, 100, &p), 0);
}

/* What a server looks at before it asks for a cookie. */
static void hello_offers(void **state)
{
	(void)state;
	struct vector v = vector();
	uint8_t out[600], *body = out + DTLS_RECORD_HEADER + 12;
	struct dtls_hello_params p = { .random = v.client, .cid_ext = 254 };
	struct dtls_client_hello h;
	size_t n = dtls_build_client_hello(out, sizeof(out), &p) - DTLS_RECORD_HEADER - 12;
	assert_int_equal(dtls_parse_client_hello(body, n, &h), 0);
	assert_true(h.offers_suite && h.offers_p256 && h.offers_raw_key);
	assert_int_equal(h.cid_ext, 254);
	body[n - 1] = 0; /* server certificate type: X.509 only */
	assert_int_equal(dtls_parse_client_hello(body, n, &h), 0);
	assert_false(h.offers_raw_key);
	body[n - 1] = 2;
	body[n - 7] = 0; /* client certificate type */
	assert_int_equal(dtls_parse_client_hello(body, n, &h), 0);
	assert_false(h.offers_raw_key);
	body[n - 7] = 2;
	body[n - 2] = 9; /* a list longer than its extension */
	assert_int_equal(dtls_parse_client_hello(body, n, &h), 0);
	assert_false(h.offers_raw_key);
}

static size_t record(uint8_t *out, uint16_t seq, uint8_t type, uint32_t total, uint32_t offset,
		     const uint8_t *p, size_t n)
{
	struct dtls_fragment f = { .type = type, .length = total, .message_seq = seq, .offset = offset,
				   .body = { p, n } };
	return dtls_build_handshake(out, 1500, DTLS_VERSION_12, seq, &f);
}

static void start(struct handshake *h, struct vector *v)
{
	uint8_t out[600], body[300];
	*v = vector();
	hs_init(h, v->client, 254);
	assert_int_equal(hs_client_hello(h, out, sizeof(out)), 116);
	size_t n = dtls_build_hello_verify(body, sizeof(body), (struct bytes){ v->server, 20 });
	n = record(out, 0, DTLS_HELLO_VERIFY_REQUEST, (uint32_t)n, 0, body, n);
	assert_int_equal(hs_datagram(h, out, n), HS_HELLO);
	assert_string_equal(h->answer, "hello-verify-request");
	assert_int_equal(hs_datagram(h, out, n), HS_NOTHING); /* doubled */
	assert_int_equal(hs_client_hello(h, out, sizeof(out)), 116 + 20);
}

static void whole_flight_in_one_datagram(void **state)
{
	(void)state;
	struct handshake h;
	struct vector v;
	uint8_t out[1500], body[300];
	start(&h, &v);
	size_t n = dtls_build_server_hello(body, sizeof(body), v.server, v.client, 0xc0ae);
	size_t at = record(out, 1, DTLS_SERVER_HELLO, (uint32_t)n, 0, body, n);
	assert_int_equal(at, 118);
	n = dtls_build_key_exchange(body, sizeof(body), (struct bytes){ v.params, 69 },
				    (struct bytes){ v.signature, 72 });
	size_t more = record(out + at, 2, DTLS_SERVER_KEY_EXCHANGE, (uint32_t)n, 0, body, n);
	assert_int_equal(more, 170);
	assert_int_equal(hs_datagram(&h, out, at + more), HS_KEY_EXCHANGE);
	assert_memory_equal(h.key.params.p, v.params, 69);
	assert_memory_equal(h.server_random, v.server, 32);
	assert_string_equal(h.flight, "server-hello,server-key-exchange");
	assert_int_equal(hs_datagram(&h, out, at + more), HS_NOTHING);
}

static void fragments_in_any_order(void **state)
{
	(void)state;
	struct handshake h;
	struct vector v;
	uint8_t out[1500], hello[300], key[300];
	start(&h, &v);
	uint32_t k = (uint32_t)dtls_build_key_exchange(key, sizeof(key), (struct bytes){ v.params, 69 },
						       (struct bytes){ v.signature, 72 });
	uint32_t s = (uint32_t)dtls_build_server_hello(hello, sizeof(hello), v.server, v.client, 0xc0ae);
	size_t n = record(out, 2, DTLS_SERVER_KEY_EXCHANGE, k, 60, key + 60, k - 60);
	assert_int_equal(hs_datagram(&h, out, n), HS_NOTHING);
	n = record(out, 2, DTLS_SERVER_KEY_EXCHANGE, k, 0, key, 40);
	assert_int_equal(hs_datagram(&h, out, n), HS_NOTHING);
	n = record(out, 1, DTLS_SERVER_HELLO, s, 0, hello, s);
	assert_int_equal(hs_datagram(&h, out, n), HS_NOTHING);
	n = record(out, 2, DTLS_SERVER_KEY_EXCHANGE, k, 30, key + 30, 40); /* overlaps both */
	assert_int_equal(hs_datagram(&h, out, n), HS_KEY_EXCHANGE);
	assert_memory_equal(h.key.signature.p, v.signature, 72);
}

static size_t cookie_request(uint8_t *out, uint8_t byte, size_t n)
{
	uint8_t cookie[255], body[300];
	memset(cookie, byte, sizeof(cookie));
	n = dtls_build_hello_verify(body, sizeof(body), (struct bytes){ cookie, n });
	return record(out, 0, DTLS_HELLO_VERIFY_REQUEST, (uint32_t)n, 0, body, n);
}

/* A server that starts again, or a second one behind the same address, wants a cookie of its own. */
static void another_cookie_takes_the_place(void **state)
{
	(void)state;
	struct handshake h;
	struct vector v;
	uint8_t out[1500], body[300];
	start(&h, &v);
	assert_string_equal(h.flight, "");
	assert_int_equal(hs_datagram(&h, out, cookie_request(out, 0x5a, 255)), HS_NOTHING);
	assert_string_equal(h.flight, "hello-verify-request");
	size_t n = hs_client_hello(&h, out, sizeof(out));
	assert_int_equal(n, 116 + 255);
	assert_int_equal(out[13 + 12 + 2 + 32 + 1], 255); /* version, random, session id, cookie length */
	assert_int_equal(out[13 + 12 + 2 + 32 + 2], 0x5a);
	/* once the flight has begun, the cookie is of no use */
	n = dtls_build_server_hello(body, sizeof(body), v.server, v.client, 0xc0ae);
	n = record(out, 1, DTLS_SERVER_HELLO, (uint32_t)n, 0, body, n);
	assert_int_equal(hs_datagram(&h, out, n), HS_NOTHING);
	assert_int_equal(hs_datagram(&h, out, cookie_request(out, 0x77, 8)), HS_NOTHING);
	assert_int_equal(hs_client_hello(&h, out, sizeof(out)), 116 + 255);
}

/* GnuTLS sends its raw public key as a Certificate message, OpenSSL an X.509 chain in pieces: both
 * may be longer than what is put together here, and neither is needed. */
static void certificate_is_skipped(void **state)
{
	(void)state;
	struct handshake h;
	struct vector v;
	uint8_t out[1500], body[300], chunk[1000] = { 0 };
	start(&h, &v);
	size_t n = dtls_build_server_hello(body, sizeof(body), v.server, v.client, 0xc0ae);
	n = record(out, 1, DTLS_SERVER_HELLO, (uint32_t)n, 0, body, n);
	assert_int_equal(hs_datagram(&h, out, n), HS_NOTHING);
	for (uint32_t at = 0; at < 9000; at += 1000) {
		n = record(out, 2, DTLS_CERTIFICATE, 9000, at, chunk, 1000);
		assert_int_equal(hs_datagram(&h, out, n), HS_NOTHING);
	}
	n = dtls_build_key_exchange(body, sizeof(body), (struct bytes){ v.params, 69 },
				    (struct bytes){ v.signature, 72 });
	n = record(out, 3, DTLS_SERVER_KEY_EXCHANGE, (uint32_t)n, 0, body, n);
	assert_int_equal(hs_datagram(&h, out, n), HS_KEY_EXCHANGE);
	assert_string_equal(h.flight, "server-hello,certificate,server-key-exchange");
}

static void hostile_answers(void **state)
{
	(void)state;
	struct handshake h;
	struct vector v;
	uint8_t out[1500], body[300];
	start(&h, &v);
	assert_int_equal(hs_datagram(&h, (const uint8_t *)"HTTP/1.1 400 Bad Request\r\n", 26), HS_GARBLED);
	size_t n = dtls_build_alert(out, sizeof(out), 0, 2, 40);
	assert_int_equal(n, 15);
	assert_int_equal(hs_datagram(&h, out, n), HS_ALERT);
	assert_int_equal(h.alert.description, 40);
	n = dtls_build_server_hello(body, sizeof(body), v.server, v.client, 0xc02b);
	n = record(out, 1, DTLS_SERVER_HELLO, (uint32_t)n, 0, body, n);
	for (size_t cut = 0; cut < n; cut++) { /* truncated everywhere: never a key exchange */
		struct handshake copy = h;
		assert_int_not_equal(hs_datagram(&copy, out, cut), HS_KEY_EXCHANGE);
	}
	assert_int_equal(hs_datagram(&h, out, n), HS_WRONG_SUITE);
	n = record(out, 2, DTLS_SERVER_KEY_EXCHANGE, 0xffffff, 0xfffff0, body, 10);
	assert_int_not_equal(hs_datagram(&h, out, n), HS_KEY_EXCHANGE);
}

static void tries_follow_the_schedule(void **state)
{
	(void)state;
	static const uint64_t want_ms[] = { 0, 500, 1500, 3000, 6000, 9000 };
	struct retry r;
	unsigned attempt, sends = 0, silents = 0;
	retry_init(&r, 1000, UINT64_C(2000000000));
	for (uint64_t now = 1000; now != UINT64_MAX; now = retry_deadline(&r)) {
		enum retry_action a;
		while ((a = retry_step(&r, now, &attempt)) == RETRY_SEND || a == RETRY_SILENT) {
			if (a == RETRY_SILENT) {
				assert_int_equal(attempt, ++silents);
				continue;
			}
			assert_int_equal((now - 1000) / 1000000, want_ms[sends]);
			assert_int_equal(attempt, ++sends);
		}
		if (a == RETRY_OVER)
			break;
	}
	assert_int_equal(sends, 6);
	assert_int_equal(silents, 6);
}

static void a_refusal_leaves_only_the_early_tries(void **state)
{
	(void)state;
	struct retry r;
	unsigned attempt;
	uint64_t now = 0;
	retry_init(&r, now, UINT64_C(2000000000));
	for (unsigned i = 1; i <= RETRY_EARLY; i++) {
		assert_int_equal(retry_step(&r, now, &attempt), RETRY_SEND);
		retry_refused(&r, attempt);
		now = retry_deadline(&r);
	}
	assert_int_equal(retry_step(&r, UINT64_C(1600000000), &attempt), RETRY_OVER);
}

static void a_packet_counts_once_and_garbage_is_noted_once(void **state)
{
	(void)state;
	struct retry r;
	unsigned attempt;
	retry_init(&r, 0, 1000);
	assert_int_equal(retry_take(&r, 0), 0); /* nothing was sent */
	for (uint64_t now = 0; r.sent < 4; now += UINT64_C(100000000))
		(void)retry_step(&r, now, &attempt);
	assert_int_equal(retry_take(&r, 2), 1);
	assert_int_equal(retry_take(&r, 2), 0);
	assert_int_equal(retry_take_all(&r), 3);
	assert_int_equal(retry_take_all(&r), 0);
	assert_true(retry_first_garbage(&r, 1));
	assert_false(retry_first_garbage(&r, 1));
	assert_true(retry_first_garbage(&r, 2));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(public_vector_verifies),
		cmocka_unit_test(hello_is_the_device_s_own),
		cmocka_unit_test(whole_flight_in_one_datagram),
		cmocka_unit_test(fragments_in_any_order),
		cmocka_unit_test(hello_offers),
		cmocka_unit_test(another_cookie_takes_the_place),
		cmocka_unit_test(certificate_is_skipped),
		cmocka_unit_test(hostile_answers),
		cmocka_unit_test(tries_follow_the_schedule),
		cmocka_unit_test(a_refusal_leaves_only_the_early_tries),
		cmocka_unit_test(a_packet_counts_once_and_garbage_is_noted_once),
	};
	return cmocka_run_group_tests_name("dtls", tests, NULL, NULL);
}
