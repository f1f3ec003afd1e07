/* What the reflector's own protocol does, without sockets: who is answered, how much, who is not. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "probes/reflector/reflector.h"
#include "sallyport/clock.h"

enum { START_S = 2 * REFLECT_HANDLE_S, SENT_MAX = 8 };

/* A reflector on 192.0.2.1, 192.0.2.2 and 2001:db8::1, and what it would have sent. */
struct fixture {
	struct reflector_options o;
	struct reflector r;
	struct reflector_now now;
	struct path control, mapping;
	struct reflect_token token;
	struct reflect_handle handle;
	uint64_t id;
	struct sent {
		enum via { VIA_UDP, VIA_ERROR, VIA_STREAM } via;
		struct path path;
		struct reflect_message m;
		size_t ip_bytes;
	} sent[SENT_MAX];
	unsigned n;
	size_t out;   /* IP bytes of all that was sent */
	int result;   /* what the net says */
	bool pushed;
};

static int record(struct fixture *f, enum via via, const struct path *p, struct bytes b)
{
	bool v4 = p->client.addr.family == 4;
	size_t head = via == VIA_STREAM ? (v4 ? REFLECT_TCP4 : REFLECT_TCP6) : v4 ? REFLECT_UDP4 : REFLECT_UDP6;
	if (via == VIA_ERROR)
		head *= 2;
	if (f->result)
		return f->result;
	assert_true(f->n < SENT_MAX);
	struct sent *s = &f->sent[f->n++];
	*s = (struct sent){ .via = via, .path = *p, .ip_bytes = head + b.n };
	assert_int_equal(reflect_parse(b.p, b.n, &s->m), 0);
	f->out += s->ip_bytes;
	return 0;
}

static int fake_udp(void *ctx, const struct path *p, struct bytes b)
{
	struct fixture *f = ctx;
	struct reflect_message m;
	bool answer = reflect_parse(b.p, b.n, &m) == 0 && m.type == REFLECT_POKED;
	int kept = f->result;
	f->result = answer ? 0 : kept; /* a refused probe must still be told */
	int e = record(f, VIA_UDP, p, b);
	f->result = kept;
	return e;
}

static int fake_error(void *ctx, const struct path *p, struct bytes b)
{
	return record(ctx, VIA_ERROR, p, b);
}

static int fake_stream(void *ctx, const struct path *p, struct bytes b, bool push)
{
	struct fixture *f = ctx;
	f->pushed = push;
	return record(f, VIA_STREAM, p, b);
}

static enum reflect_code fake_status(void *ctx, const struct path *p, uint32_t *ms)
{
	(void)ctx, (void)p;
	*ms = 1234;
	return REFLECT_WAITING;
}

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
	uint8_t keys[2][REFLECT_KEY] = { { 1 }, { 2 } };
	struct fixture *f = calloc(1, sizeof(*f));
	f->o = (struct reflector_options){ .addresses = { a("192.0.2.1"), a("192.0.2.2"), a("2001:db8::1") },
					   .n_addresses = 3, .ports = { 3478, 5684 }, .n_ports = 2 };
	f->r = (struct reflector){ .o = &f->o, .rates = rates_new(per_s, key), .keys = { .epoch = 77 },
				   .net = { f, fake_udp, fake_error, fake_stream, fake_status } };
	reflect_keys_turn(&f->r.keys, 1, keys[0]);
	reflect_keys_turn(&f->r.keys, 2, keys[1]);
	f->now = (struct reflector_now){ 1000 * NS_PER_S, START_S };
	f->control = (struct path){ { a("192.0.2.1"), 3478 }, { a("203.0.113.9"), 4000 } };
	f->mapping = (struct path){ { a("192.0.2.1"), 5684 }, { a("203.0.113.9"), 4001 } };
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

/* Gives the reflector a message as its client builds it; returns the IP bytes it took. */
static size_t tell(struct fixture *f, const struct path *p, struct reflect_message m)
{
	uint8_t wire[REFLECT_MAX];
	uint8_t family = p->client.addr.family;
	m.epoch = m.epoch ? m.epoch : f->r.keys.epoch;
	m.id = m.id ? m.id : ++f->id;
	size_t n = reflect_build(wire, sizeof(wire), family, &m);
	f->n = 0;
	f->out = 0;
	reflector_own(&f->r, (struct bytes){ wire, n }, p, &f->now);
	n += family == 4 ? REFLECT_UDP4 : REFLECT_UDP6;
	assert_true(f->out <= n); /* never more than came in */
	return n;
}

static void tell_hello(struct fixture *f)
{
	tell(f, &f->control, (struct reflect_message){ .type = REFLECT_HELLO, .nonce = 5 });
	assert_int_equal(f->n, 1);
	assert_int_equal(f->sent[0].m.type, REFLECT_WELCOME);
	f->token = f->sent[0].m.token;
}

static void tell_register(struct fixture *f, uint8_t want)
{
	tell(f, &f->mapping, (struct reflect_message){ .type = REFLECT_REGISTER, .token = f->token,
						       .flags = want });
}

static void ready(struct fixture *f)
{
	tell_hello(f);
	tell_register(f, REFLECT_WANT_NOTICE);
	assert_int_equal(f->n, 1);
	f->handle = f->sent[0].m.handle;
}

static struct reflect_message poke(const struct fixture *f, enum reflect_kind kind)
{
	return (struct reflect_message){ .type = REFLECT_POKE, .token = f->token, .handle = f->handle,
					 .kind = kind };
}

static bool same_path(const struct path *x, const struct path *y)
{
	return endpoint_equal(&x->server, &y->server) && endpoint_equal(&x->client, &y->client);
}

/* ---- the own protocol ---- */
static void hello_is_welcomed(void **state)
{
	struct fixture *f = *state;
	tell_hello(f);
	assert_true(same_path(&f->sent[0].path, &f->control));
	assert_true(endpoint_equal(&f->sent[0].m.seen, &f->control.client));
	assert_int_equal(f->sent[0].m.epoch, 77);
}

static void notice_goes_to_the_control_flow(void **state)
{
	struct fixture *f = *state;
	tell_hello(f);
	tell_register(f, REFLECT_WANT_NOTICE);
	assert_int_equal(f->n, 1);
	assert_true(same_path(&f->sent[0].path, &f->control));
	assert_int_equal(f->sent[0].m.type, REFLECT_NOTICE);
	assert_int_equal(f->sent[0].m.seen.port, 4001);
	assert_int_equal(f->sent[0].m.server_port, 5684);
	tell_register(f, REFLECT_WANT_NOTICE | REFLECT_WANT_ECHO);
	assert_int_equal(f->n, 2);
	assert_true(same_path(&f->sent[1].path, &f->mapping));
	assert_int_equal(f->sent[1].m.type, REFLECT_ECHO);
	assert_int_equal(f->sent[1].m.seen.port, 4001);
	tell_register(f, 0);
	assert_int_equal(f->n, 0);
}

static void bad_registration_is_silent(void **state)
{
	struct fixture *f = *state;
	struct reflect_message m = { .type = REFLECT_REGISTER, .flags = 3 };
	tell(f, &f->mapping, m); /* no token */
	assert_int_equal(f->n, 0);
	tell_hello(f);
	m.token = f->token;
	m.epoch = 78; /* of the reflector before */
	tell(f, &f->mapping, m);
	assert_int_equal(f->n, 0);
	m.epoch = 0;
	f->mapping.client.addr.b[3]++; /* an unpaired pool, or somebody else */
	tell(f, &f->mapping, m);
	assert_int_equal(f->n, 0);
	f->mapping.client.addr.b[3]--;
	f->now.s += REFLECT_TOKEN_S + 1;
	tell(f, &f->mapping, m);
	assert_int_equal(f->n, 0);
	assert_int_equal(f->r.n.bad_tokens, 4);
}

static void poke_touches_the_mapping(void **state)
{
	struct fixture *f = *state;
	ready(f);
	tell(f, &f->control, poke(f, REFLECT_PLAIN));
	assert_int_equal(f->n, 2);
	assert_int_equal(f->sent[0].m.type, REFLECT_PROBE);
	assert_true(same_path(&f->sent[0].path, &f->mapping));
	assert_int_equal(f->sent[1].m.type, REFLECT_POKED);
	assert_true(same_path(&f->sent[1].path, &f->control));
	assert_int_equal(f->sent[1].m.code, REFLECT_DONE);
	assert_true(f->sent[0].m.id == f->id && f->sent[1].m.id == f->id);
	f->now.s += REFLECT_TOKEN_S; /* much later, with a token renewed: the handle is still good */
	tell_hello(f);
	tell(f, &f->control, poke(f, REFLECT_PLAIN));
	assert_int_equal(f->sent[0].m.type, REFLECT_PROBE);
}

static void poke_of_each_kind(void **state)
{
	struct fixture *f = *state;
	ready(f);
	tell(f, &f->control, poke(f, REFLECT_FROM_OTHER_PORT));
	assert_int_equal(f->sent[0].path.server.port, 3478);
	tell(f, &f->control, poke(f, REFLECT_FROM_OTHER_ADDRESS));
	assert_int_equal(f->sent[0].path.server.addr.b[3], 2);
	assert_int_equal(f->sent[0].path.server.port, 5684);
	tell(f, &f->control, poke(f, REFLECT_BY_ERROR));
	assert_int_equal(f->n, 1);
	assert_int_equal(f->sent[0].m.code, REFLECT_CANNOT); /* no raw socket */
	f->r.can |= REFLECT_CAN_ERROR;
	tell(f, &f->control, poke(f, REFLECT_BY_ERROR));
	assert_int_equal(f->sent[0].via, VIA_ERROR);
	assert_int_equal(f->sent[0].m.kind, REFLECT_BY_ERROR);
	assert_int_equal(f->sent[1].m.code, REFLECT_DONE);
	f->o.n_ports = f->o.n_addresses = 1;
	for (unsigned kind = REFLECT_FROM_OTHER_PORT; kind <= REFLECT_FROM_OTHER_ADDRESS; kind++) {
		tell(f, &f->control, poke(f, (enum reflect_kind)kind));
		assert_int_equal(f->n, 1);
		assert_int_equal(f->sent[0].m.code, REFLECT_CANNOT);
	}
}

/* A probe that the reflector's own host refused is no sign of a dead mapping. */
static void refused_probe_is_told(void **state)
{
	struct fixture *f = *state;
	ready(f);
	f->result = -EPERM;
	tell(f, &f->control, poke(f, REFLECT_PLAIN));
	assert_int_equal(f->n, 1);
	assert_int_equal(f->sent[0].m.code, REFLECT_NOT_SENT);
}

static enum reflect_code refused(struct fixture *f, const struct path *p, struct reflect_message m)
{
	tell(f, p, m);
	assert_int_equal(f->n, 1);
	assert_int_equal(f->sent[0].m.type, REFLECT_POKED);
	assert_true(same_path(&f->sent[0].path, p));
	return f->sent[0].m.code;
}

static void poke_that_is_not_good(void **state)
{
	struct fixture *f = *state;
	ready(f);
	struct reflect_message m = poke(f, REFLECT_PLAIN);
	struct path elsewhere = f->control;
	m.epoch = 76;
	assert_int_equal(refused(f, &f->control, m), REFLECT_RESTARTED);
	assert_int_equal(f->sent[0].m.epoch, 77);
	m.epoch = 0;
	elsewhere.client.port++; /* the right address is not enough */
	assert_int_equal(refused(f, &elsewhere, m), REFLECT_TOKEN_WRONG);
	elsewhere = f->control;
	elsewhere.client.addr.b[3]++;
	assert_int_equal(refused(f, &elsewhere, m), REFLECT_TOKEN_WRONG);
	elsewhere = f->control;
	elsewhere.server.port = 5684;
	assert_int_equal(refused(f, &elsewhere, m), REFLECT_TOKEN_WRONG);
	m.handle.b[REFLECT_HANDLE - 1] ^= 1;
	assert_int_equal(refused(f, &f->control, m), REFLECT_HANDLE_WRONG);
	m = poke(f, REFLECT_PUSH); /* a datagram's handle does not open a connection */
	assert_int_equal(refused(f, &f->control, m), REFLECT_HANDLE_WRONG);
	f->now.s += REFLECT_TOKEN_S + 1;
	assert_int_equal(refused(f, &f->control, m), REFLECT_TOKEN_EXPIRED);
}

static void handle_of_another_session(void **state)
{
	struct fixture *f = *state;
	ready(f);
	tell(f, &f->control, (struct reflect_message){ .type = REFLECT_HELLO, .nonce = 6 });
	f->token = f->sent[0].m.token;
	assert_int_equal(refused(f, &f->control, poke(f, REFLECT_PLAIN)), REFLECT_HANDLE_WRONG);
}

static void replay_is_dropped(void **state)
{
	struct fixture *f = *state;
	ready(f);
	struct reflect_message m = poke(f, REFLECT_PLAIN);
	m.id = 0x1234;
	tell(f, &f->control, m);
	assert_int_equal(f->n, 2);
	tell(f, &f->control, m);
	assert_int_equal(f->n, 0);
	assert_int_equal(f->r.n.replays, 1);
	m.id++;
	tell(f, &f->control, m);
	assert_int_equal(f->n, 2);
}

/* Questions without their padding do not get more than they paid for. */
static void short_questions(void **state)
{
	struct fixture *f = *state;
	uint8_t wire[REFLECT_MAX];
	ready(f);
	struct reflect_message m = poke(f, REFLECT_BY_ERROR);
	f->r.can |= REFLECT_CAN_ERROR;
	m.epoch = 77;
	m.id = 999;
	m.kind = REFLECT_PLAIN; /* built as the short kind ... */
	size_t n = reflect_build(wire, sizeof(wire), 4, &m);
	wire[72] = REFLECT_BY_ERROR; /* ... asking for the long one */
	f->n = 0;
	reflector_own(&f->r, (struct bytes){ wire, n }, &f->control, &f->now);
	assert_int_equal(f->n, 1);
	assert_int_equal(f->sent[0].m.code, REFLECT_TOO_SHORT);
	m = (struct reflect_message){ .type = REFLECT_REGISTER, .epoch = 77, .id = 5, .token = f->token };
	n = reflect_build(wire, sizeof(wire), 4, &m);
	wire[48] = REFLECT_WANT_NOTICE | REFLECT_WANT_ECHO;
	f->n = 0;
	reflector_own(&f->r, (struct bytes){ wire, n }, &f->mapping, &f->now);
	assert_int_equal(f->n, 0);
}

static void rates_of_the_own_protocol(void **state)
{
	struct fixture *f = *state;
	unsigned touched = 0;
	ready(f);
	for (unsigned i = 0; i < 100; i++) {
		tell(f, &f->control, poke(f, REFLECT_PLAIN));
		touched += f->n == 2;
	}
	assert_int_equal(touched, REFLECT_POKES_PER_S);
	f->now.ns += NS_PER_S;
	tell(f, &f->control, poke(f, REFLECT_PLAIN));
	assert_int_equal(f->n, 2);
	/* wrong tokens are answered no faster than a HELLO is */
	struct reflect_message m = poke(f, REFLECT_PLAIN);
	unsigned answered = 0;
	m.token.b[31] ^= 1;
	for (unsigned i = 0; i < 100; i++) {
		tell(f, &f->control, m);
		answered += f->n;
	}
	assert_in_range(answered, REFLECT_HELLOS_PER_S, 3 * REFLECT_HELLOS_PER_S);
}

static void shared_key_admits(void **state)
{
	struct fixture *f = *state;
	static const uint8_t key[] = "sixteen bytes and more";
	f->o.shared_key = (struct bytes){ key, sizeof(key) };
	f->r.can |= REFLECT_CAN_KEYED;
	tell_hello(f);
	assert_true(f->sent[0].m.flags & REFLECT_CAN_KEYED);
	tell_register(f, REFLECT_WANT_NOTICE);
	assert_int_equal(f->n, 0);
	tell_hello(f);
	assert_int_equal(reflect_token_mask(f->o.shared_key, f->id, &f->sent[0].m.seen, &f->token), 0);
	tell_register(f, REFLECT_WANT_NOTICE);
	assert_int_equal(f->n, 1);
}

static void tcp_twin(void **state)
{
	struct fixture *f = *state;
	uint8_t wire[REFLECT_MAX];
	tell_hello(f);
	struct reflect_message m = { .type = REFLECT_REGISTER, .epoch = 77, .id = 3, .token = f->token,
				     .flags = REFLECT_WANT_NOTICE | REFLECT_WANT_ECHO };
	size_t n = reflect_build(wire, sizeof(wire), 4, &m);
	f->n = 0;
	f->out = 0;
	assert_true(reflector_own_stream(&f->r, (struct bytes){ wire, n }, &f->mapping, &f->now));
	assert_true(f->out <= n + REFLECT_TCP4);
	assert_int_equal(f->sent[0].via, VIA_UDP);
	assert_true(same_path(&f->sent[0].path, &f->control));
	assert_int_equal(f->sent[1].via, VIA_STREAM);
	f->handle = f->sent[0].m.handle;
	tell(f, &f->control, poke(f, REFLECT_PUSH));
	assert_int_equal(f->sent[0].via, VIA_STREAM);
	assert_true(f->pushed);
	tell(f, &f->control, poke(f, REFLECT_STATUS));
	assert_int_equal(f->n, 1);
	assert_int_equal(f->sent[0].m.code, REFLECT_WAITING);
	assert_int_equal(f->sent[0].m.value, 1234);
	assert_int_equal(refused(f, &f->control, poke(f, REFLECT_PLAIN)), REFLECT_HANDLE_WRONG);
	f->result = -ENOTCONN;
	assert_int_equal(refused(f, &f->control, poke(f, REFLECT_PUSH)), REFLECT_GONE);
	m.token.b[0] ^= 1;
	n = reflect_build(wire, sizeof(wire), 4, &m);
	assert_false(reflector_own_stream(&f->r, (struct bytes){ wire, n }, &f->mapping, &f->now));
}

/* Whatever is flipped or cut: never more out than in (tell() looks), and nobody else is sent to. */
static void random_damage(void **state)
{
	struct fixture *f = *state;
	unsigned seed = (unsigned)time(NULL);
	print_message("seed %u\n", seed);
	ready(f);
	for (unsigned i = 0; i < 20000; i++) {
		uint8_t wire[REFLECT_MAX];
		struct reflect_message m = poke(f, (enum reflect_kind)(i % REFLECT_KIND_COUNT));
		m.type = (enum reflect_type)(REFLECT_HELLO + i % 8);
		m.epoch = 77;
		m.id = i;
		size_t n = reflect_build(wire, sizeof(wire), 4, &m);
		wire[rand_r(&seed) % (int)n] ^= (uint8_t)rand_r(&seed);
		n = i % 3 ? n : n - (size_t)(rand_r(&seed) % (int)n);
		f->n = 0;
		f->out = 0;
		f->now.ns += NS_PER_S / 20;
		reflector_own(&f->r, (struct bytes){ wire, n }, &f->control, &f->now);
		assert_true(f->out <= n + REFLECT_UDP4);
		for (unsigned k = 0; k < f->n; k++)
			assert_true(addr_equal(&f->sent[k].path.client.addr, &f->control.client.addr));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
		T(hello_is_welcomed), T(notice_goes_to_the_control_flow), T(bad_registration_is_silent),
		T(poke_touches_the_mapping), T(poke_of_each_kind), T(refused_probe_is_told),
		T(poke_that_is_not_good), T(handle_of_another_session), T(replay_is_dropped),
		T(short_questions), T(rates_of_the_own_protocol), T(shared_key_admits), T(tcp_twin),
		T(random_damage),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
