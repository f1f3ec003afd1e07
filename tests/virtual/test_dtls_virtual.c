/* The DTLS probe on a network of virtual time, against a server that keeps no state: every hello
 * with the cookie draws a flight of its own, and the test chooses which datagrams are lost. */
#include "virtual_run.h"

#include "sallyport/crypto.h"
#include "sallyport/wire/dns.h"
#include "sallyport/wire/dtls.h"

#define CLOUD ((struct endpoint){ addr_v4(198, 51, 100, 10), 5684 })
#define NAME "aa.cloud.example"

static const uint8_t cookie[] = "twelve bytes";

static struct {
	struct crypto_key *key;
	unsigned flights;        /* answered so far */
	unsigned lost_hello[2];  /* flights whose ServerHello is lost */
	unsigned lost_key[2];    /* flights whose key exchange is lost */
	unsigned loss;           /* per thousand of the server's datagrams, at random */
} server;

static bool is_lost(const unsigned *flights)
{
	return flights[0] == server.flights || flights[1] == server.flights ||
	       (server.loss && fake_random(1000) < server.loss);
}

static void send_message(const struct fake_packet *in, uint8_t type, const uint8_t *p, size_t n)
{
	uint8_t out[512];
	struct dtls_fragment f = { .type = type, .length = (uint32_t)n, .message_seq = type,
				   .body = { p, n } };
	fake_reply(in, out, dtls_build_handshake(out, sizeof(out), DTLS_VERSION_12, 0, &f), 0);
}

static void send_flight(const struct fake_packet *in, struct bytes client_random)
{
	uint8_t random[32], point[DTLS_POINT_BYTES], params[DTLS_PARAMS_BYTES], sig[80], body[300];
	struct crypto_key *ephemeral = crypto_key_new();
	assert_int_equal(crypto_random(random, sizeof(random)), 0);
	assert_int_equal(crypto_key_point(ephemeral, point), 0);
	crypto_key_free(ephemeral);
	server.flights++;
	size_t n = dtls_build_server_hello(body, sizeof(body), random, random,
					   DTLS_SUITE_ECDHE_ECDSA_AES_128_CCM_8);
	if (!is_lost(server.lost_hello))
		send_message(in, DTLS_SERVER_HELLO, body, n);
	n = dtls_build_params(params, sizeof(params), point);
	const struct bytes parts[] = { client_random, { random, 32 }, { params, n } };
	int len = crypto_sign(server.key, parts, 3, sig, sizeof(sig));
	assert_true(len > 0);
	n = dtls_build_key_exchange(body, sizeof(body), parts[2], (struct bytes){ sig, (size_t)len });
	if (!is_lost(server.lost_key))
		send_message(in, DTLS_SERVER_KEY_EXCHANGE, body, n);
}

static void serve(void *ctx, const struct fake_packet *in)
{
	struct reader r = rd_of(in->data.p, in->data.n);
	struct dtls_record rec;
	struct dtls_fragment f;
	struct dtls_client_hello hello;
	uint8_t body[64];
	(void)ctx;
	assert_int_equal(dtls_next_record(&r, 8, &rec), 1);
	struct reader b = rd_of(rec.body.p, rec.body.n);
	if (rec.type != DTLS_HANDSHAKE) /* the alert that ends a handshake */
		return;
	assert_int_equal(dtls_next_fragment(&b, &f), 1);
	assert_int_equal(dtls_parse_client_hello(f.body.p, f.body.n, &hello), 0);
	if (hello.cookie.n)
		send_flight(in, hello.random);
	else if (!server.loss || fake_random(1000) >= server.loss)
		send_message(in, DTLS_HELLO_VERIFY_REQUEST, body,
			     dtls_build_hello_verify(body, sizeof(body),
						     (struct bytes){ cookie, sizeof(cookie) }));
}

static void nameless_network(struct virtual_run *v, uint64_t seed, unsigned delay_ms)
{
	struct profile_target *t = &v->profile.targets[0];
	memset(&server, 0, sizeof(server));
	server.key = crypto_key_new();
	fake_net_reset(seed, delay_ms, 0, 0);
	fake_net_host(CLOUD, serve, NULL);
	v->profile.n_targets = 1;
	*t = (struct profile_target){ .section = "cloud", .check = "udp5684", .probe = "dtls-device",
				      .name = "{id}.cloud.example", .families = FAMILY_4,
				      .port = CLOUD.port, .transport = TRANSPORT_UDP };
	int n = crypto_key_spki(server.key, t->key, sizeof(t->key));
	assert_true(n > 0);
	t->key_len = (size_t)n;
	vr_plan(v, "udp5684.hello", NAME, "dtls-device", 0);
}

static void network(struct virtual_run *v, uint64_t seed, unsigned delay_ms)
{
	nameless_network(v, seed, delay_ms);
	fake_net_name(NAME, CLOUD.addr);
}

static void use_another_key(void)
{
	crypto_key_free(server.key);
	server.key = crypto_key_new();
}

static void expect_identity(struct virtual_run *v, enum outcome outcome, const char *word)
{
	vr_go(v);
	const struct observation *o = vr_first(v, "udp5684.identity", outcome);
	assert_non_null(o);
	assert_string_equal(obs_get_text(o, A_IDENTITY, ""), word);
	crypto_key_free(server.key);
}

static void test_good_flight(void **state)
{
	network(*state, 1, 20);
	expect_identity(*state, OUTCOME_ANSWERED, "verified");
	assert_int_equal(server.flights, 1);
}

/* The first flight loses its key exchange, the second its ServerHello: what is left does not fit
 * together, though each was genuine. */
static void test_two_flights_are_not_mixed(void **state)
{
	network(*state, 1, 20);
	server.lost_key[0] = 1;
	server.lost_hello[0] = 2;
	expect_identity(*state, OUTCOME_ANSWERED, "verified");
	assert_int_equal(vr_count(*state, "udp5684.identity", OUTCOME_MISMATCH), 0);
	assert_int_equal(server.flights, 3);
}

static void test_wrong_key(void **state)
{
	network(*state, 1, 20);
	use_another_key();
	expect_identity(*state, OUTCOME_MISMATCH, "wrong-signature");
	assert_int_equal(server.flights, 1);
}

/* More than one hello drew a flight before the first was here; a fresh handshake settles it. */
static void test_wrong_key_behind_loss(void **state)
{
	network(*state, 1, 20);
	use_another_key();
	server.lost_key[0] = 1;
	expect_identity(*state, OUTCOME_MISMATCH, "wrong-signature");
	assert_int_equal(server.flights, 3);
}

/* Whatever is lost, the cloud's own key never looks wrong. */
static void test_no_loss_makes_an_impostor(void **state)
{
	struct virtual_run *v = *state;
	for (unsigned i = 0; i < 40; i++) {
		network(v, i, 20);
		server.loss = 400;
		vr_go(v);
		if (vr_count(v, "udp5684.identity", OUTCOME_MISMATCH))
			fail_msg("seed %u: a genuine key was called wrong", i);
		crypto_key_free(server.key);
		assert_int_equal(vr_teardown(state), 0);
		assert_int_equal(vr_setup(state), 0);
		v = *state;
	}
}

/* The second address has its turn while tries to the first are still open: each is told about the
 * address it went to. */
static void test_tries_are_told_of_their_own_address(void **state)
{
	struct virtual_run *v = *state;
	nameless_network(v, 1, 20);
	fake_net_name(NAME, addr_v4(198, 51, 100, 99));
	fake_net_name(NAME, CLOUD.addr);
	expect_identity(v, OUTCOME_ANSWERED, "verified");
	assert_int_equal(vr_count(v, "udp5684.hello", OUTCOME_SILENT), 2);
	for (size_t i = 0; i < v->run->n_obs; i++)
		if (v->run->obs[i]->outcome == OUTCOME_SILENT)
			assert_true(obs_text_is(v->run->obs[i], A_ADDRESS, "198.51.100.99"));
}

/* A filter's 0.0.0.0 is this host itself: nothing is sent there. */
static void test_an_address_that_leads_nowhere(void **state)
{
	struct virtual_run *v = *state;
	nameless_network(v, 1, 20);
	fake_net_name(NAME, (struct addr){ 4, { 0 } });
	vr_go(v);
	assert_int_equal(vr_count(v, "udp5684.hello", OUTCOME_NOT_RUN), 1);
	assert_int_equal(fake_net_sent((struct endpoint){ { 4, { 0 } }, CLOUD.port }), 0);
	crypto_key_free(server.key);
}

static void resolve(void *ctx, const struct fake_packet *in)
{
	struct dns_message q;
	uint8_t out[512];
	(void)ctx;
	assert_int_equal(dns_parse(in->data.p, in->data.n, &q), 0);
	struct dns_reply r = { .ede = -1, .ttl = 60, .addrs = &CLOUD.addr, .n_addrs = q.qtype == DNS_A };
	if (in->nth > 3) /* the first questions are lost */
		fake_reply(in, out, dns_build_reply(out, sizeof(out), in->data.p, in->data.n, &r), 0);
}

/* The runner's own lookup is lost, but the probe of the resolver hears the answer. */
static void test_an_answer_to_the_resolver_probe_serves_all(void **state)
{
	struct virtual_run *v = *state;
	nameless_network(v, 1, 20);
	fake_net_name(NAME, (struct addr){ 0 });
	fake_net_host((struct endpoint){ addr_v4(10, 0, 0, 1), 53 }, resolve, NULL);
	vr_plan(v, "dns.name", NAME, "dns.name", 0);
	expect_identity(v, OUTCOME_ANSWERED, "verified");
	assert_int_equal(vr_count(v, "udp5684.hello", OUTCOME_NOT_RUN), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_good_flight, vr_setup, vr_teardown),
		cmocka_unit_test_setup_teardown(test_two_flights_are_not_mixed, vr_setup, vr_teardown),
		cmocka_unit_test_setup_teardown(test_wrong_key, vr_setup, vr_teardown),
		cmocka_unit_test_setup_teardown(test_wrong_key_behind_loss, vr_setup, vr_teardown),
		cmocka_unit_test_setup_teardown(test_tries_are_told_of_their_own_address, vr_setup,
						vr_teardown),
		cmocka_unit_test_setup_teardown(test_an_address_that_leads_nowhere, vr_setup, vr_teardown),
		cmocka_unit_test_setup_teardown(test_an_answer_to_the_resolver_probe_serves_all, vr_setup,
						vr_teardown),
		cmocka_unit_test_setup_teardown(test_no_loss_makes_an_impostor, vr_setup, vr_teardown),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
