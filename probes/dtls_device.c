/*
 * UDP 5684 as a device opens it: <stem>.hello and <stem>.identity of one target. No credential is
 * needed: the server signs its key exchange before it knows who asks (facts: device-clouds 3.2).
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "core/handshake.h"
#include "core/retry.h"
#include "probes.h"
#include "sallyport/clock.h"
#include "sallyport/crypto.h"

enum { IP_UDP_HEADERS = 28, FLIGHT_WAIT_S = 6, PAYLOAD_MAX = 512 };

struct dtls_probe {
	struct probe *probe;
	struct retry first, second; /* first ClientHello; the one with the cookie */
	struct handshake hs;
	struct sock *sock;
	struct loop_timer *timer;
	struct endpoint peer;
	struct addr addrs[NAMES_MAX_ADDRS];
	size_t n_addrs, used_addr;
	const char *name, *hello_id, *identity_id;
	uint8_t payload[PAYLOAD_MAX];
	size_t payload_n;
	bool second_phase, suspected, identity_done;
};

static void tick(void *ctx);

static void observe(struct dtls_probe *s, const char *check, const struct retry *r, unsigned attempt,
		    enum outcome outcome, struct observation *o, uint64_t at_ns)
{
	struct run *run = probe_run(s->probe);
	struct endpoint local = s->sock ? sock_local(s->sock) : (struct endpoint){ 0 };
	struct observation filled = *o;
	filled.check = check;
	filled.target = s->name;
	filled.attempt = attempt;
	filled.outcome = outcome;
	obs_flow(run, &filled, "udp", &local, &s->peer);
	obs_text(&filled, A_NAME, s->name);
	obs_text(&filled, A_ROLE, "target");
	if (attempt) {
		obs_int(&filled, A_PACKETS, 1);
		obs_int(&filled, A_BYTES, (int64_t)s->payload_n + IP_UDP_HEADERS);
		obs_real(&filled, A_WAITED_MS, (double)retry_age(r, attempt, at_ns) / 1e6);
	}
	probe_observe(s->probe, &filled);
}

static struct retry *current(struct dtls_probe *s)
{
	return s->second_phase ? &s->second : &s->first;
}

static const char *current_id(struct dtls_probe *s)
{
	return s->second_phase ? s->identity_id : s->hello_id;
}

static void end_identity(struct dtls_probe *s, enum outcome outcome, const char *word, uint64_t now)
{
	struct observation o = { 0 };
	if (s->identity_done)
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
	observe(s, s->identity_id, r, r->sent, outcome, &o, now);
}

/* Leaves no half-open session behind, then lets the runner cancel us. */
static void finish(struct dtls_probe *s)
{
	uint8_t out[64];
	retry_stop(&s->first);
	retry_stop(&s->second);
	if (s->sock && s->hs.hello_seen && probe_spend(s->probe, 1, 43))
		(void)sock_send(s->sock, out, hs_goodbye(&s->hs, out, sizeof(out)), NULL);
	probe_finish(s->probe);
}

static void send_hello(struct dtls_probe *s, unsigned attempt, uint64_t now)
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
	if (!e)
		return;
	obs_int(&o, A_ERRNO, -e);
	observe(s, current_id(s), r, attempt, e == -EPERM ? OUTCOME_DENIED_LOCALLY : OUTCOME_UNREACHABLE,
		&o, now);
	retry_refused(r, attempt);
}

static void suspect(struct dtls_probe *s, enum suspicion why)
{
	if (s->suspected)
		return;
	s->suspected = true;
	probe_suspect(s->probe, why, TRANSPORT_UDP, &s->peer, (struct bytes){ s->payload, s->payload_n });
}

static void on_event(void *ctx, const struct sock_event *ev);

/* A silent address is given up after three tries where the name has another one. */
static void next_address(struct dtls_probe *s)
{
	if (s->second_phase || s->first.sent < 3 || s->used_addr + 1 >= s->n_addrs)
		return;
	struct endpoint peer = { s->addrs[++s->used_addr], s->peer.port };
	struct sock_opts o = probe_sock_opts(s->probe);
	struct sock *other;
	if (sock_udp(probe_loop(s->probe), &peer, &o, on_event, s, &other))
		return;
	sock_close(s->sock);
	s->sock = other;
	s->peer = peer;
}

static void over(struct dtls_probe *s, uint64_t now)
{
	if (s->second_phase)
		end_identity(s, OUTCOME_SILENT, s->hs.server_hello ? "partial" : "stalled", now);
	finish(s);
}

static void tick(void *ctx)
{
	struct dtls_probe *s = ctx;
	struct retry *r = current(s);
	struct observation none = { 0 };
	uint64_t now = probe_now(s->probe);
	unsigned attempt = 0;
	for (;;) {
		switch (retry_step(r, now, &attempt)) {
		case RETRY_SEND:
			send_hello(s, attempt, now);
			break;
		case RETRY_SILENT:
			if (!s->second_phase)
				observe(s, s->hello_id, r, attempt, OUTCOME_SILENT, &none, now);
			if (retry_unanswered(r) >= 2 && !s->second_phase)
				suspect(s, SUSPECT_SILENT);
			next_address(s);
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

static void verify(struct dtls_probe *s, uint64_t now)
{
	const struct profile_target *t = probe_target(s->probe);
	const struct bytes parts[] = { { s->hs.random, 32 }, { s->hs.server_random, 32 }, s->hs.key.params };
	if (!t->key_len) {
		end_identity(s, OUTCOME_ANSWERED, "no-key", now);
	} else if (crypto_verify((struct bytes){ t->key, t->key_len }, parts, 3, s->hs.key.signature) == 1) {
		end_identity(s, OUTCOME_ANSWERED, "verified", now);
	} else {
		suspect(s, SUSPECT_IMPOSTOR);
		end_identity(s, OUTCOME_MISMATCH, "wrong-signature", now);
	}
	finish(s);
}

static void hello_answered(struct dtls_probe *s, const struct sock_event *ev)
{
	struct observation o = { 0 };
	unsigned attempt = s->first.sent;
	obs_text(&o, A_DTLS, s->hs.answer);
	obs_real(&o, A_RTT_MS, (double)retry_age(&s->first, attempt, ev->at_ns) / 1e6);
	if (s->first.resolved & 1U << (attempt - 1))
		obs_bool(&o, A_LATE, true);
	observe(s, s->hello_id, &s->first, attempt, OUTCOME_ANSWERED, &o, ev->at_ns);
	retry_stop(&s->first);
	s->second_phase = true;
	retry_init(&s->second, probe_now(s->probe), FLIGHT_WAIT_S * NS_PER_S);
	if (!s->hs.have_cookie) { /* the server wants no cookie: its flight is on the way */
		s->second.sent = 1;
		s->second.sent_ns[0] = ev->at_ns;
	}
	s->second.limit = RETRY_EARLY + 1;
	tick(s);
}

static void alert_came(struct dtls_probe *s, const struct sock_event *ev)
{
	struct observation o = { 0 };
	if (!s->second_phase) {
		obs_text(&o, A_DTLS, "alert");
		obs_int(&o, A_ALERT, s->hs.alert.description);
		obs_real(&o, A_RTT_MS, (double)retry_age(&s->first, s->first.sent, ev->at_ns) / 1e6);
		observe(s, s->hello_id, &s->first, s->first.sent, OUTCOME_ANSWERED, &o, ev->at_ns);
	}
	end_identity(s, OUTCOME_RESET, "alert", ev->at_ns);
	finish(s);
}

/* Not DTLS: noted, but an authentic answer may still come. */
static void garbled(struct dtls_probe *s, const struct sock_event *ev)
{
	struct observation o = { 0 };
	char hex[129];
	text_hex(hex, sizeof(hex), ev->data.p, ev->data.n < 64 ? ev->data.n : 64);
	obs_text(&o, A_HEX, hex);
	if (s->second_phase)
		obs_text(&o, A_IDENTITY, "garbled");
	observe(s, current_id(s), current(s), current(s)->sent, OUTCOME_GARBLED, &o, ev->at_ns);
	current(s)->resolved |= 1U << (current(s)->sent - 1);
	suspect(s, SUSPECT_IMPOSTOR);
}

static void on_icmp(struct dtls_probe *s, const struct sock_event *ev)
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
	observe(s, current_id(s), r, r->sent, probe_icmp_outcome(s->peer.addr.family, ev, from_target), &o,
		ev->at_ns);
	retry_refused(r, r->sent);
	tick(s);
}

static void on_event(void *ctx, const struct sock_event *ev)
{
	struct dtls_probe *s = ctx;
	if (ev->type == SOCK_ICMP)
		on_icmp(s, ev);
	if (ev->type != SOCK_DATA)
		return;
	switch (hs_datagram(&s->hs, ev->data.p, ev->data.n)) {
	case HS_NOTHING: break;
	case HS_HELLO: hello_answered(s, ev); break;
	case HS_ALERT: alert_came(s, ev); break;
	case HS_GARBLED: garbled(s, ev); break;
	case HS_KEY_EXCHANGE:
		if (!s->second_phase)
			hello_answered(s, ev);
		verify(s, ev->at_ns);
		break;
	case HS_WRONG_SUITE:
	case HS_BAD_PARAMS:
		if (!s->second_phase) {
			s->hs.answer = "server-hello";
			hello_answered(s, ev);
		}
		end_identity(s, OUTCOME_MISMATCH, s->hs.key.params.n ? "malformed-params" : "wrong-suite",
			     ev->at_ns);
		finish(s);
		break;
	}
}

static void not_run(struct dtls_probe *s, const char *reason)
{
	struct observation o = { 0 };
	obs_text(&o, A_REASON, reason);
	observe(s, s->hello_id, &s->first, 0, OUTCOME_NOT_RUN, &o, 0);
	observe(s, s->identity_id, &s->first, 0, OUTCOME_NOT_RUN, &o, 0);
	probe_finish(s->probe);
}

static void on_names(void *ctx, const struct names_result *res)
{
	struct dtls_probe *s = ctx;
	struct sock_opts o = probe_sock_opts(s->probe);
	uint8_t random[32];
	if (!res->n_addrs) {
		not_run(s, arena_printf(probe_run(s->probe)->arena, "no address for %s (%s)", s->name,
					res->reason));
		return;
	}
	memcpy(s->addrs, res->addrs, sizeof(s->addrs));
	s->n_addrs = res->n_addrs;
	s->peer.addr = res->addrs[0];
	if (crypto_random(random, sizeof(random)) ||
	    sock_udp(probe_loop(s->probe), &s->peer, &o, on_event, s, &s->sock)) {
		not_run(s, "no route to the target");
		return;
	}
	hs_init(&s->hs, random, probe_target(s->probe)->cid_ext);
	retry_init(&s->first, probe_now(s->probe),
		   (uint64_t)(probe_run(s->probe)->settings->timeout_s * 1e9));
	s->timer = loop_timer_add(probe_loop(s->probe), probe_now(s->probe), tick, s);
}

static int start(struct probe *p, void *state)
{
	struct dtls_probe *s = state;
	const struct profile_target *t = probe_target(p);
	struct run *run = probe_run(p);
	s->probe = p;
	s->name = probe_check(p)->target;
	s->peer.port = t->port;
	s->hello_id = arena_printf(run->arena, "%s.hello", t->check);
	s->identity_id = arena_printf(run->arena, "%s.identity", t->check);
	probe_resolve(p, s->name, t->families & FAMILY_4 ? 4 : 6, on_names, s);
	return 0;
}

static void cancel(struct probe *p, void *state)
{
	struct dtls_probe *s = state;
	(void)p;
	loop_timer_del(s->timer);
	sock_close(s->sock);
}

const struct probe_def dtls_device_probe = {
	.name = "dtls-device",
	.title = "device-shaped DTLS handshake",
	.summary = "sends a device's ClientHello and checks that the far end holds the cloud's key",
	.checks = "STEM.hello, STEM.identity",
	.privilege = "none",
	.packets = 12,
	.bytes = 2200,
	.state_size = sizeof(struct dtls_probe),
	.start = start,
	.cancel = cancel,
};
