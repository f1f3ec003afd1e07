#include "dtls_try.h"

#include <errno.h>
#include <string.h>

#include "probes.h"
#include "sallyport/clock.h"
#include "sallyport/crypto.h"

enum {
	IP_UDP_HEADERS = 28,
	FLIGHT_WAIT_S = 6,
	/* A handshake begun anew: so often, and how long its one second hello waits. */
	AGAIN_MAX = 3,
	AGAIN_WAIT_S = 3,
	ALERT_BYTES = 15 + IP_UDP_HEADERS,
};

static void tick(void *ctx);

/* An answer, and the last word on the identity, tell of all that was sent until then. */
static void put_packets(struct dtls_try *s, struct observation *o, struct retry *r)
{
	bool last = o->outcome == OUTCOME_ANSWERED || r == &s->second;
	unsigned hellos = last ? retry_take_all(r) : retry_take(r, o->attempt);
	unsigned others = last ? s->untold : 0;
	if (!hellos && !others)
		return;
	s->untold -= others;
	obs_int(o, A_PACKETS, hellos + others);
	obs_int(o, A_BYTES, (int64_t)(hellos * (s->payload_n + IP_UDP_HEADERS) + others * ALERT_BYTES));
}

static void observe(struct dtls_try *s, const char *check, struct retry *r, unsigned attempt,
		    enum outcome outcome, struct observation *o, uint64_t at_ns)
{
	struct run *run = probe_run(s->probe);
	struct endpoint local = s->sock ? sock_local(s->sock) : (struct endpoint){ 0 };
	bool first = attempt && r == &s->first;
	struct observation filled = *o;
	filled.check = check;
	filled.target = s->what.target;
	filled.attempt = attempt;
	filled.outcome = outcome;
	obs_flow(run, &filled, "udp", first ? &s->sent[attempt - 1].from : &local,
		 first ? &s->sent[attempt - 1].to : &s->peer);
	obs_text(&filled, A_NAME, s->what.name);
	obs_text(&filled, A_ROLE, s->what.role);
	if (s->what.operator)
		obs_text(&filled, A_OPERATOR, s->what.operator);
	put_packets(s, &filled, r);
	if (attempt)
		obs_real(&filled, A_WAITED_MS, (double)retry_age(r, attempt, at_ns) / 1e6);
	probe_observe(s->probe, &filled);
}

static struct retry *current(struct dtls_try *s)
{
	return s->second_phase ? &s->second : &s->first;
}

static const char *current_id(struct dtls_try *s)
{
	return s->second_phase ? s->what.identity_id : s->what.hello_id;
}

/* Leaves no half-open session behind. Once for a handshake. */
static void say_goodbye(struct dtls_try *s)
{
	uint8_t out[64];
	if (!s->sock || !s->hs.hello_seen || s->said_goodbye ||
	    !probe_spend(s->probe, 1, ALERT_BYTES))
		return;
	s->said_goodbye = true;
	s->untold++;
	(void)sock_send(s->sock, out, hs_goodbye(&s->hs, out, sizeof(out)), NULL);
}

static void end_identity(struct dtls_try *s, enum outcome outcome, const char *word, uint64_t now)
{
	struct observation o = { 0 };
	if (s->identity_done || !s->what.identity_id)
		return;
	s->identity_done = true;
	obs_text(&o, A_IDENTITY, word);
	if (s->hs.flight[0])
		obs_text(&o, A_FLIGHT, s->hs.flight);
	if (s->hs.suite)
		obs_int(&o, A_SUITE, s->hs.suite);
	if (s->hs.have_cookie)
		obs_int(&o, A_COOKIE_BYTES, s->hs.cookie_n);
	if (s->hs.alert.level)
		obs_int(&o, A_ALERT, s->hs.alert.description);
	struct retry *r = current(s);
	say_goodbye(s);
	observe(s, s->what.identity_id, r, r->sent, outcome, &o, now);
}

static void finish(struct dtls_try *s)
{
	retry_stop(&s->first);
	retry_stop(&s->second);
	say_goodbye(s);
	dtls_try_close(s);
	s->fn(s->ctx, s, DTLS_TRY_OVER);
}

static void send_hello(struct dtls_try *s, unsigned attempt, uint64_t now)
{
	struct retry *r = current(s);
	struct observation o = { 0 };
	s->payload_n = hs_client_hello(&s->hs, s->payload, sizeof(s->payload));
	if (!probe_spend(s->probe, 1, (uint32_t)s->payload_n + IP_UDP_HEADERS)) {
		obs_text(&o, A_REASON, "packet budget");
		observe(s, current_id(s), r, 0, OUTCOME_NOT_RUN, &o, now);
		retry_stop(r);
		return;
	}
	int e = sock_send(s->sock, s->payload, s->payload_n, &r->sent_ns[attempt - 1]);
	if (r == &s->first) {
		s->sent[attempt - 1].from = sock_local(s->sock);
		s->sent[attempt - 1].to = s->peer;
	}
	if (!e)
		return;
	obs_int(&o, A_ERRNO, -e);
	observe(s, current_id(s), r, attempt, e == -EPERM ? OUTCOME_DENIED_LOCALLY : OUTCOME_UNREACHABLE,
		&o, now);
	retry_refused(r, attempt);
}

static void on_event(void *ctx, const struct sock_event *ev);

static bool move_to(struct dtls_try *s, struct endpoint peer)
{
	struct sock_opts o = probe_sock_opts(s->probe);
	struct sock *other;
	if (sock_udp(probe_loop(s->probe), &peer, &o, on_event, s, &other))
		return false;
	sock_close(s->sock);
	s->sock = other;
	s->peer = peer;
	return true;
}

/* A silent address is given up after three tries where the name has another one. */
static void next_address(struct dtls_try *s)
{
	if (s->first.sent >= 3 && s->used_addr + 1 < s->n_addrs &&
	    move_to(s, (struct endpoint){ s->addrs[s->used_addr + 1], s->peer.port }))
		s->used_addr++;
}

/* A server without memory (RFC 6347 section 4.2.1) makes a new flight for every hello that can draw
 * one. When such a hello went out twice and packets were lost, a ServerHello of one flight can meet
 * the key exchange of the other, and the signature fails although both were genuine. */
static bool maybe_mixed(const struct dtls_try *s)
{
	return (s->hs.have_cookie ? s->second.sent : s->first.sent) > 1;
}

/* From the first hello, with another random and port; false when it was done often enough. The
 * schedule is short now, and the second hello goes out once. */
static bool begin_again(struct dtls_try *s)
{
	uint8_t random[32];
	say_goodbye(s);
	if (s->again == AGAIN_MAX || crypto_random(random, sizeof(random)) || !move_to(s, s->peer))
		return false;
	s->again++;
	s->said_goodbye = false;
	s->untold += retry_take_all(&s->first) + retry_take_all(&s->second);
	hs_init(&s->hs, random, s->what.cid_ext);
	s->second_phase = false;
	retry_init(&s->first, probe_now(s->probe), AGAIN_WAIT_S * NS_PER_S);
	s->first.limit = RETRY_EARLY;
	loop_timer_set(s->timer, probe_now(s->probe)); /* tick() must not run inside a callback */
	return true;
}

static void over(struct dtls_try *s, uint64_t now)
{
	if (s->again && begin_again(s))
		return;
	if (s->second_phase || s->again)
		end_identity(s, OUTCOME_SILENT, s->hs.server_hello ? "partial" : "stalled", now);
	finish(s);
}

static void note_silent(struct dtls_try *s, unsigned attempt, uint64_t now)
{
	struct observation none = { 0 };
	observe(s, s->what.hello_id, &s->first, attempt, OUTCOME_SILENT, &none, now);
	s->silent = s->sent[attempt - 1].to;
	if (retry_unanswered(&s->first) >= 2)
		s->fn(s->ctx, s, DTLS_TRY_SILENT);
	next_address(s);
}

static void tick(void *ctx)
{
	struct dtls_try *s = ctx;
	struct retry *r = current(s);
	uint64_t now = probe_now(s->probe);
	unsigned attempt = 0;
	while (!s->over) {
		switch (retry_step(r, now, &attempt)) {
		case RETRY_SEND:
			send_hello(s, attempt, now);
			break;
		case RETRY_SILENT:
			if (!s->second_phase)
				note_silent(s, attempt, now);
			break;
		case RETRY_OVER:
			over(s, now);
			return;
		case RETRY_WAIT:
			loop_timer_set(s->timer, retry_deadline(r));
			return;
		}
	}
}

/* The flight is not the cloud's, or was put together of two. */
static void mistrust(struct dtls_try *s, const char *word, uint64_t now)
{
	struct observation o = { 0 };
	struct retry *r = current(s);
	if (maybe_mixed(s)) {
		obs_text(&o, A_IDENTITY, "mixed");
		obs_text(&o, A_FLIGHT, s->hs.flight);
		observe(s, s->what.identity_id, r, r->sent, OUTCOME_ABORTED, &o, now);
		if (begin_again(s))
			return;
		end_identity(s, OUTCOME_SILENT, "partial", now);
	} else {
		s->fn(s->ctx, s, DTLS_TRY_IMPOSTOR);
		end_identity(s, OUTCOME_MISMATCH, word, now);
	}
	finish(s);
}

static void verify(struct dtls_try *s, uint64_t now)
{
	const struct bytes parts[] = { { s->hs.random, 32 }, { s->hs.server_random, 32 }, s->hs.key.params };
	if (s->what.key.n && crypto_verify(s->what.key, parts, 3, s->hs.key.signature) != 1) {
		mistrust(s, "wrong-signature", now);
		return;
	}
	end_identity(s, OUTCOME_ANSWERED, s->what.key.n ? "verified" : "no-key", now);
	finish(s);
}

static void hello_answered(struct dtls_try *s, const struct sock_event *ev)
{
	struct observation o = { 0 };
	unsigned attempt = s->first.sent;
	obs_text(&o, A_DTLS, s->hs.answer);
	obs_real(&o, A_RTT_MS, (double)retry_age(&s->first, attempt, ev->at_ns) / 1e6);
	if (s->first.resolved & 1U << (attempt - 1))
		obs_bool(&o, A_LATE, true);
	if (!s->what.identity_id)
		say_goodbye(s);
	observe(s, s->what.hello_id, &s->first, attempt, OUTCOME_ANSWERED, &o, ev->at_ns);
	retry_stop(&s->first);
	if (!s->what.identity_id) {
		finish(s);
		return;
	}
	s->second_phase = true;
	retry_init(&s->second, probe_now(s->probe),
		   (s->again ? AGAIN_WAIT_S : FLIGHT_WAIT_S) * NS_PER_S);
	if (!s->hs.have_cookie) { /* the server wants no cookie: its flight is on the way */
		s->second.sent = 1;
		s->second.sent_ns[0] = ev->at_ns;
	}
	s->second.limit = s->again ? 1 : RETRY_EARLY + 1;
	tick(s);
}

static void alert_came(struct dtls_try *s, const struct sock_event *ev)
{
	struct observation o = { 0 };
	if (!s->second_phase) {
		obs_text(&o, A_DTLS, "alert");
		obs_int(&o, A_ALERT, s->hs.alert.description);
		obs_real(&o, A_RTT_MS, (double)retry_age(&s->first, s->first.sent, ev->at_ns) / 1e6);
		observe(s, s->what.hello_id, &s->first, s->first.sent, OUTCOME_ANSWERED, &o, ev->at_ns);
	}
	end_identity(s, OUTCOME_RESET, "alert", ev->at_ns);
	finish(s);
}

/* Not DTLS: noted, but an authentic answer may still come. */
static void garbled(struct dtls_try *s, const struct sock_event *ev)
{
	struct observation o = { 0 };
	char hex[129];
	if (!retry_first_garbage(current(s), current(s)->sent))
		return;
	text_hex(hex, sizeof(hex), ev->data.p, ev->data.n < 64 ? ev->data.n : 64);
	obs_text(&o, A_HEX, hex);
	if (s->second_phase)
		obs_text(&o, A_IDENTITY, "garbled");
	observe(s, current_id(s), current(s), current(s)->sent, OUTCOME_GARBLED, &o, ev->at_ns);
	current(s)->resolved |= 1U << (current(s)->sent - 1);
	s->fn(s->ctx, s, DTLS_TRY_IMPOSTOR);
}

static void on_icmp(struct dtls_try *s, const struct sock_event *ev)
{
	struct run *run = probe_run(s->probe);
	struct retry *r = current(s);
	struct observation o = { 0 };
	bool from_target = addr_equal(&ev->icmp_from, &s->peer.addr);
	if (!r->sent)
		return;
	obs_int(&o, A_ICMP_TYPE, ev->icmp_type);
	obs_int(&o, A_ICMP_CODE, ev->icmp_code);
	obs_addr(run, &o, A_ICMP_FROM, &ev->icmp_from);
	struct addr self = sock_local(s->sock).addr;
	obs_bool(&o, A_FROM_SELF, addr_equal(&ev->icmp_from, &self));
	enum outcome outcome = probe_icmp_outcome(s->peer.addr.family, ev, from_target);
	observe(s, current_id(s), r, r->sent, outcome, &o, ev->at_ns);
	retry_refused(r, r->sent);
	if (outcome == OUTCOME_REFUSED)
		s->fn(s->ctx, s, DTLS_TRY_REFUSED);
	tick(s);
}

static void on_event(void *ctx, const struct sock_event *ev)
{
	struct dtls_try *s = ctx;
	if (ev->type == SOCK_ICMP)
		on_icmp(s, ev);
	if (ev->type != SOCK_DATA || s->over)
		return;
	switch (hs_datagram(&s->hs, ev->data.p, ev->data.n)) {
	case HS_NOTHING: break;
	case HS_HELLO: hello_answered(s, ev); break;
	case HS_ALERT: alert_came(s, ev); break;
	case HS_GARBLED: garbled(s, ev); break;
	case HS_KEY_EXCHANGE:
		if (!s->second_phase)
			hello_answered(s, ev);
		if (!s->over)
			verify(s, ev->at_ns);
		break;
	case HS_WRONG_SUITE:
	case HS_BAD_PARAMS:
		if (!s->second_phase) {
			s->hs.answer = "server-hello";
			hello_answered(s, ev);
		}
		if (!s->over)
			mistrust(s, s->hs.key.params.n ? "malformed-params" : "wrong-suite", ev->at_ns);
		break;
	}
}

int dtls_try_open(struct dtls_try *t, struct probe *p, const struct dtls_try_what *what,
		  const struct addr *addrs, size_t n_addrs, dtls_try_fn *fn, void *ctx)
{
	struct sock_opts o = probe_sock_opts(p);
	uint8_t random[32];
	*t = (struct dtls_try){ .probe = p, .what = *what, .fn = fn, .ctx = ctx, .n_addrs = n_addrs,
				.peer = { addrs[0], what->port } };
	memcpy(t->addrs, addrs, n_addrs * sizeof(*addrs));
	int e = crypto_random(random, sizeof(random)) ? -EIO : 0;
	e = e ? e : sock_udp(probe_loop(p), &t->peer, &o, on_event, t, &t->sock);
	if (e)
		return e;
	hs_init(&t->hs, random, what->cid_ext);
	retry_init(&t->first, probe_now(p), (uint64_t)(probe_run(p)->settings->timeout_s * 1e9));
	if (what->limit)
		t->first.limit = what->limit;
	t->timer = loop_timer_add(probe_loop(p), probe_now(p), tick, t);
	return 0;
}

void dtls_try_close(struct dtls_try *t)
{
	t->over = true;
	loop_timer_del(t->timer);
	sock_close(t->sock);
	t->timer = NULL;
	t->sock = NULL;
}
