/*
 * `ntp`: does a time server answer, and with which time? Up to two addresses of the pool from an
 * ephemeral port, and the first once from port 123 where that is permitted, because some networks
 * let only that port through. A kiss code that asks for quiet is obeyed at once.
 */
#include <errno.h>
#include <string.h>

#include "core/retry.h"
#include "core/sntp.h"
#include "probes.h"
#include "sallyport/clock.h"
#include "sallyport/crypto.h"

enum {
	MAX_SERVERS = 2,
	NTP_PORT = 123,
	IP_UDP_HEADERS = 28,
	PACKET_BYTES = NTP_BYTES + IP_UDP_HEADERS,
	/* A pool needs one server that answers: the others are waited for this long after it. A fixed
	 * wait beside everything else. */
	OTHERS_MS = 500,
};

struct ntp_probe;

struct asker {
	struct ntp_probe *state;
	struct endpoint peer;
	struct retry retry;
	struct sntp_try tries[RETRY_TRIES];
	struct sock *sock;
	struct loop_timer *timer;
	bool from_ntp_port, answered, done;
};

struct ntp_probe {
	struct probe *probe;
	struct asker askers[MAX_SERVERS + 1];
	size_t n;
	struct loop_timer *others; /* set once a server answered */
	bool cancelled;
};

static void observe(struct asker *a, unsigned attempt, enum outcome outcome, struct observation *o,
		    uint64_t at_ns)
{
	struct probe *p = a->state->probe;
	struct endpoint local = a->sock ? sock_local(a->sock) : (struct endpoint){ 0 };
	uint64_t sent = a->retry.sent_ns[attempt ? attempt - 1 : 0];
	o->check = probe_check(p)->id;
	o->target = probe_check(p)->target;
	o->attempt = attempt;
	o->outcome = outcome;
	obs_flow(probe_run(p), o, "udp", &local, &a->peer);
	obs_text(o, A_NAME, probe_check(p)->target);
	if (probe_target(p) && probe_target(p)->operator)
		obs_text(o, A_OPERATOR, probe_target(p)->operator);
	unsigned packets = outcome == OUTCOME_ANSWERED ? retry_take_all(&a->retry)
						       : retry_take(&a->retry, attempt);
	if (packets) {
		obs_int(o, A_PACKETS, packets);
		obs_int(o, A_BYTES, packets * PACKET_BYTES);
	}
	if (attempt)
		obs_real(o, A_WAITED_MS, at_ns > sent ? (double)(at_ns - sent) / 1e6 : 0);
	probe_observe(p, o);
}

/* Their tries so far count as silent, for as long as they waited. */
static void give_up_others(void *ctx)
{
	struct ntp_probe *s = ctx;
	for (size_t i = 0; i < s->n; i++) {
		struct asker *a = &s->askers[i];
		for (unsigned k = 1; !a->done && k <= a->retry.sent; k++) {
			struct observation o = { 0 };
			if (!(a->retry.resolved >> (k - 1) & 1))
				observe(a, k, OUTCOME_SILENT, &o, probe_now(s->probe));
		}
		a->done = true;
		retry_stop(&a->retry);
	}
	probe_finish(s->probe);
}

static void settle(struct asker *a)
{
	struct ntp_probe *s = a->state;
	a->done = true;
	if (a->answered && !s->others)
		s->others = loop_timer_add(probe_loop(s->probe),
					   probe_now(s->probe) + OTHERS_MS * NS_PER_MS, give_up_others, s);
	for (size_t i = 0; i < s->n; i++)
		if (!s->askers[i].done)
			return;
	probe_finish(s->probe);
}

static void tick(void *ctx);

static void refused(struct asker *a, unsigned attempt)
{
	if (a->from_ntp_port)
		retry_stop(&a->retry);
	else
		retry_refused(&a->retry, attempt);
}

static void on_icmp(struct asker *a, const struct sock_event *ev)
{
	struct observation o = { 0 };
	bool target = addr_equal(&ev->icmp_from, &a->peer.addr);
	if (!a->retry.sent || a->answered)
		return;
	obs_int(&o, A_ICMP_TYPE, ev->icmp_type);
	obs_int(&o, A_ICMP_CODE, ev->icmp_code);
	obs_addr(probe_run(a->state->probe), &o, A_ICMP_FROM, &ev->icmp_from);
	observe(a, a->retry.sent, probe_icmp_outcome(a->peer.addr.family, ev, target), &o, ev->at_ns);
	refused(a, a->retry.sent);
	tick(a);
}

static void put_reply(struct asker *a, const struct sntp_reply *r, struct observation *o, uint64_t at_ns)
{
	if (r->outcome == OUTCOME_GARBLED)
		return;
	obs_int(o, A_STRATUM, r->packet.stratum);
	obs_int(o, A_LEAP, r->packet.leap);
	obs_text(o, A_REFID, r->refid);
	obs_bool(o, A_ORIGIN_OK, r->origin_ok);
	if (r->attempt)
		obs_real(o, A_RTT_MS, (double)retry_age(&a->retry, r->attempt, at_ns) / 1e6);
	if (r->clock_known)
		obs_real(o, A_OFFSET_MS, r->offset_ms);
}

/* A kiss code is the server's wish for all of our packets, whichever port they leave from. */
static void obey_kiss(struct asker *a)
{
	struct ntp_probe *s = a->state;
	for (size_t i = 0; i < s->n; i++)
		if (addr_equal(&s->askers[i].peer.addr, &a->peer.addr) && !s->askers[i].done) {
			retry_stop(&s->askers[i].retry);
			loop_timer_set(s->askers[i].timer, 0);
		}
}

static void on_data(struct asker *a, const struct sock_event *ev)
{
	struct observation o = { 0 };
	struct sntp_reply r;
	int64_t age_us[RETRY_TRIES];
	for (unsigned i = 0; i < a->retry.sent; i++)
		age_us[i] = (int64_t)(retry_age(&a->retry, i + 1, ev->at_ns) / NS_PER_US);
	sntp_read(a->tries, age_us, a->retry.sent, ev->data.p, ev->data.n, &r);
	unsigned attempt = r.attempt ? r.attempt : a->retry.sent;
	if (r.outcome != OUTCOME_ANSWERED && !retry_first_garbage(&a->retry, attempt))
		return;
	put_reply(a, &r, &o, ev->at_ns);
	if (r.attempt && a->retry.resolved >> (r.attempt - 1) & 1)
		obs_bool(&o, A_LATE, true);
	observe(a, attempt, r.outcome, &o, ev->at_ns);
	if (r.outcome != OUTCOME_ANSWERED)
		return; /* the right answer may still come */
	a->answered = true;
	retry_stop(&a->retry);
	settle(a);
	if (r.stop)
		obey_kiss(a);
}

static void on_event(void *ctx, const struct sock_event *ev)
{
	struct asker *a = ctx;
	if (ev->type == SOCK_ICMP)
		on_icmp(a, ev);
	if (ev->type == SOCK_DATA && !a->answered && !a->done && a->retry.sent)
		on_data(a, ev);
}

static void send_try(struct asker *a, unsigned attempt, uint64_t now)
{
	struct observation o = { 0 };
	struct sntp_try *t = &a->tries[attempt - 1];
	uint8_t packet[NTP_BYTES];
	if (crypto_random(&t->cookie, sizeof(t->cookie)) ||
	    !probe_spend(a->state->probe, 1, PACKET_BYTES)) {
		obs_text(&o, A_REASON, "packet budget");
		observe(a, 0, OUTCOME_NOT_RUN, &o, now);
		retry_stop(&a->retry);
		return;
	}
	t->t1_us = clock_wall_us();
	int e = sock_send(a->sock, packet, sntp_build(packet, sizeof(packet), t),
			  &a->retry.sent_ns[attempt - 1]);
	if (!e)
		return;
	obs_int(&o, A_ERRNO, -e);
	observe(a, attempt, e == -EPERM ? OUTCOME_DENIED_LOCALLY : OUTCOME_UNREACHABLE, &o, now);
	refused(a, attempt);
}

static void note_silent(struct asker *a, unsigned attempt, uint64_t now)
{
	struct observation o = { 0 };
	uint8_t packet[NTP_BYTES];
	size_t n = sntp_build(packet, sizeof(packet), &a->tries[attempt - 1]);
	observe(a, attempt, OUTCOME_SILENT, &o, now);
	if (retry_unanswered(&a->retry) == 2)
		probe_suspect(a->state->probe, SUSPECT_SILENT, TRANSPORT_UDP, &a->peer,
			      (struct bytes){ packet, n });
}

static void tick(void *ctx)
{
	struct asker *a = ctx;
	uint64_t now = probe_now(a->state->probe);
	unsigned attempt = 0;
	for (;;) {
		switch (retry_step(&a->retry, now, &attempt)) {
		case RETRY_SEND:
			send_try(a, attempt, now);
			break;
		case RETRY_SILENT:
			note_silent(a, attempt, now);
			break;
		case RETRY_OVER:
			if (!a->done)
				settle(a);
			return;
		case RETRY_WAIT:
			loop_timer_set(a->timer, retry_deadline(&a->retry));
			return;
		}
	}
}

static int add_asker(struct ntp_probe *s, const struct addr *server, uint16_t source_port)
{
	struct asker *a = &s->askers[s->n];
	struct sock_opts o = probe_sock_opts(s->probe);
	const struct profile_target *t = probe_target(s->probe);
	uint64_t now = probe_now(s->probe);
	*a = (struct asker){ .state = s, .from_ntp_port = source_port != 0 };
	a->peer = (struct endpoint){ *server, t ? t->port : NTP_PORT };
	o.source_port = source_port;
	int e = sock_udp(probe_loop(s->probe), &a->peer, &o, on_event, a, &a->sock);
	if (e)
		return e;
	retry_init(&a->retry, now, (uint64_t)(probe_run(s->probe)->settings->timeout_s * 1e9));
	if (source_port)
		a->retry.limit = 1;
	a->timer = loop_timer_add(probe_loop(s->probe), now, tick, a);
	s->n++;
	return 0;
}

static void could_not_ask(struct probe *p, const char *reason)
{
	struct observation o;
	obs_begin(&o, probe_check(p)->id, probe_check(p)->target, 0, OUTCOME_NOT_RUN);
	obs_text(&o, A_REASON, reason);
	probe_observe(p, &o);
}

static void on_resolved(void *ctx, const struct names_result *r)
{
	struct ntp_probe *s = ctx;
	struct probe *p = s->probe;
	if (s->cancelled)
		return;
	if (r->status || !r->n_addrs)
		could_not_ask(p, arena_printf(probe_run(p)->arena, "no address for %s",
					      probe_check(p)->target));
	for (size_t i = 0; i < r->n_addrs && i < MAX_SERVERS; i++)
		if (add_asker(s, &r->addrs[i], 0))
			could_not_ask(p, "the time server cannot be reached from the uplink");
	if (s->n)
		(void)add_asker(s, &r->addrs[0], NTP_PORT); /* only where the host permits it */
	else
		probe_finish(p);
}

static int start(struct probe *p, void *state)
{
	struct ntp_probe *s = state;
	s->probe = p;
	probe_resolve(p, probe_check(p)->target, 4, on_resolved, s);
	return 0;
}

static void cancel(struct probe *p, void *state)
{
	struct ntp_probe *s = state;
	(void)p;
	s->cancelled = true;
	loop_timer_del(s->others);
	for (size_t i = 0; i < s->n; i++) {
		loop_timer_del(s->askers[i].timer);
		sock_close(s->askers[i].sock);
	}
}

const struct probe_def ntp_probe = {
	.name = "ntp",
	.title = "time server",
	.summary = "asks a time server for the time and compares it with this host's clock",
	.checks = "ntp",
	.privilege = "none; with CAP_NET_BIND_SERVICE it also asks once from port 123",
	.packets = MAX_SERVERS * RETRY_TRIES + 1,
	.bytes = (MAX_SERVERS * RETRY_TRIES + 1) * PACKET_BYTES,
	.state_size = sizeof(struct ntp_probe),
	.start = start,
	.cancel = cancel,
};
