/*
 * `dns.resolver`: does one configured resolver answer at all, over UDP and over TCP (RFC 7766), for
 * a name that nobody has a reason to block? `dns.name`: what each configured resolver says about one name, asked over plain UDP on sockets of
 * our own, as a small device asks, so that nothing of the answer is hidden by a library. When two
 * tries stay silent the same question goes over TCP once, which tells "UDP 53 is blocked" from
 * "the resolver is down".
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "core/retry.h"
#include "probes.h"
#include "sallyport/clock.h"
#include "sallyport/crypto.h"
#include "sallyport/wire/dns.h"

enum { IP_UDP_HEADERS = 28, TCP_EXCHANGE_BYTES = 320, DNS_PORT = 53 };

struct name_probe;

/* One question to one resolver. */
struct question {
	struct name_probe *state;
	const char *resolver;
	struct endpoint peer;
	struct retry retry;
	struct sock *udp, *tcp;
	struct loop_timer *timer, *tcp_timer;
	uint64_t tcp_sent_ns;
	uint16_t id;
	uint8_t query[2 + DNS_QUERY_MAX]; /* with TCP's length prefix in front */
	size_t query_n;
	uint8_t stream[2048];
	size_t stream_n;
	bool tcp_open, tcp_tried, answered, done;
};

struct name_probe {
	struct probe *probe;
	const char *name;
	struct question questions[HOST_MAX_RESOLVERS];
	size_t n;
};

static void observe(struct question *q, const char *proto, unsigned attempt, enum outcome outcome,
		    struct observation *o, uint64_t sent_ns, uint64_t at_ns, bool sent)
{
	struct run *run = probe_run(q->state->probe);
	struct sock *s = proto[0] == 'u' ? q->udp : q->tcp;
	struct endpoint local = s ? sock_local(s) : (struct endpoint){ 0 };
	o->check = probe_check(q->state->probe)->id;
	o->target = probe_check(q->state->probe)->target;
	o->attempt = attempt;
	o->outcome = outcome;
	obs_flow(run, o, proto, &local, &q->peer);
	obs_text(o, A_NAME, q->state->name);
	obs_text(o, A_RESOLVER, q->resolver);
	obs_text(o, A_QTYPE, "A");
	if (sent) {
		obs_int(o, A_PACKETS, proto[0] == 'u' ? 1 : 5);
		obs_int(o, A_BYTES, proto[0] == 'u' ? (int64_t)q->query_n - 2 + IP_UDP_HEADERS
						    : TCP_EXCHANGE_BYTES);
		obs_real(o, A_WAITED_MS, at_ns > sent_ns ? (double)(at_ns - sent_ns) / 1e6 : 0);
	}
	probe_observe(q->state->probe, o);
}

/* The probe is over when every resolver's question is. */
static void settle(struct question *q)
{
	struct name_probe *s = q->state;
	if (q->tcp_tried && q->tcp_open)
		return;
	q->done = true;
	for (size_t i = 0; i < s->n; i++)
		if (!s->questions[i].done)
			return;
	probe_finish(s->probe);
}

static void put_answer(struct question *q, const struct dns_message *m, struct observation *o)
{
	struct arena *a = probe_run(q->state->probe)->arena;
	const char *text = "";
	for (unsigned i = 0; i < m->n_addrs; i++) {
		char one[ADDR_STRLEN];
		text = arena_printf(a, "%s%s%s", text, i ? " " : "", addr_format(&m->addrs[i], one));
	}
	obs_int(o, A_RCODE, m->rcode);
	obs_text(o, A_ANSWERS, text);
	if (m->n_addrs)
		obs_int(o, A_TTL, m->ttl);
	if (m->n_cnames)
		obs_text(o, A_CNAME, arena_strdup(a, m->cname.text));
	if (m->ede >= 0)
		obs_int(o, A_EDE, m->ede);
	if (m->truncated)
		obs_bool(o, A_TRUNCATED, true);
}

static enum outcome read_reply(struct question *q, struct bytes data, struct observation *o)
{
	struct dns_message m;
	char hex[129];
	if (dns_parse(data.p, data.n, &m) || !m.response) {
		text_hex(hex, sizeof(hex), data.p, data.n < 64 ? data.n : 64);
		obs_text(o, A_HEX, arena_strdup(probe_run(q->state->probe)->arena, hex));
		return OUTCOME_GARBLED;
	}
	if (m.id != q->id || !text_equal_nocase(m.question.text, q->state->name) || m.qtype != DNS_A)
		return OUTCOME_MISMATCH;
	put_answer(q, &m, o);
	return OUTCOME_ANSWERED;
}

static void tick(void *ctx);

static void on_icmp(struct question *q, const struct sock_event *ev)
{
	struct observation o = { 0 };
	struct retry *r = &q->retry;
	if (!r->sent || q->answered)
		return;
	obs_int(&o, A_ICMP_TYPE, ev->icmp_type);
	obs_int(&o, A_ICMP_CODE, ev->icmp_code);
	obs_addr(probe_run(q->state->probe), &o, A_ICMP_FROM, &ev->icmp_from);
	observe(q, "udp", r->sent,
		probe_icmp_outcome(q->peer.addr.family, ev, addr_equal(&ev->icmp_from, &q->peer.addr)), &o,
		r->sent_ns[r->sent - 1], ev->at_ns, true);
	retry_refused(r, r->sent);
	tick(q);
}

static void on_udp(void *ctx, const struct sock_event *ev)
{
	struct question *q = ctx;
	struct observation o = { 0 };
	if (ev->type == SOCK_ICMP)
		on_icmp(q, ev);
	if (ev->type != SOCK_DATA || q->answered)
		return;
	unsigned attempt = q->retry.sent;
	enum outcome outcome = read_reply(q, ev->data, &o);
	obs_real(&o, A_RTT_MS, (double)retry_age(&q->retry, attempt, ev->at_ns) / 1e6);
	observe(q, "udp", attempt, outcome, &o, q->retry.sent_ns[attempt - 1], ev->at_ns, true);
	if (outcome != OUTCOME_ANSWERED)
		return; /* the right answer may still come */
	q->answered = true;
	retry_stop(&q->retry);
	settle(q);
}

static void tcp_over(struct question *q)
{
	q->tcp_open = false;
	loop_timer_del(q->tcp_timer);
	q->tcp_timer = NULL;
	sock_close(q->tcp);
	q->tcp = NULL;
	if (q->retry.stopped || retry_deadline(&q->retry) == UINT64_MAX)
		settle(q);
}

static void tcp_result(struct question *q, enum outcome outcome, struct observation *o, uint64_t at)
{
	observe(q, "tcp", 1, outcome, o, q->tcp_sent_ns, at, true);
	tcp_over(q);
}

static void on_tcp_timeout(void *ctx)
{
	struct question *q = ctx;
	struct observation o = { 0 };
	tcp_result(q, OUTCOME_SILENT, &o, probe_now(q->state->probe));
}

static void on_stream(struct question *q, const struct sock_event *ev)
{
	struct observation o = { 0 };
	struct writer w = wr_of(q->stream, sizeof(q->stream));
	w.at = q->stream_n;
	wr_bytes(&w, ev->data.p, ev->data.n);
	q->stream_n = w.at;
	struct reader r = rd_of(q->stream, q->stream_n);
	struct bytes message = rd_take(&r, rd_be16(&r));
	if (!rd_ok(&r) && wr_ok(&w))
		return; /* more is to come */
	tcp_result(q, read_reply(q, message, &o), &o, ev->at_ns);
}

static void on_tcp(void *ctx, const struct sock_event *ev)
{
	struct question *q = ctx;
	struct observation o = { 0 };
	switch (ev->type) {
	case SOCK_CONNECTED:
		(void)sock_send(q->tcp, q->query, q->query_n, NULL);
		break;
	case SOCK_DATA:
		on_stream(q, ev);
		break;
	case SOCK_REFUSED:
		tcp_result(q, OUTCOME_REFUSED, &o, ev->at_ns);
		break;
	case SOCK_ICMP:
		obs_addr(probe_run(q->state->probe), &o, A_ICMP_FROM, &ev->icmp_from);
		tcp_result(q, probe_icmp_outcome(q->peer.addr.family, ev,
						 addr_equal(&ev->icmp_from, &q->peer.addr)), &o, ev->at_ns);
		break;
	case SOCK_CLOSED:
	case SOCK_RESET:
	case SOCK_ERROR:
		tcp_result(q, OUTCOME_RESET, &o, ev->at_ns);
		break;
	}
}

static void try_tcp(struct question *q)
{
	struct sock_opts o = probe_sock_opts(q->state->probe);
	struct loop *l = probe_loop(q->state->probe);
	if (q->tcp_tried || !probe_spend(q->state->probe, 5, TCP_EXCHANGE_BYTES))
		return;
	q->tcp_tried = true;
	q->tcp_sent_ns = probe_now(q->state->probe);
	if (sock_tcp(l, &q->peer, &o, on_tcp, q, &q->tcp))
		return;
	q->tcp_open = true;
	q->tcp_timer = loop_timer_add(l, q->tcp_sent_ns + 4 * NS_PER_S, on_tcp_timeout, q);
}

static void send_query(struct question *q, unsigned attempt, uint64_t now)
{
	struct observation o = { 0 };
	uint64_t *sent = &q->retry.sent_ns[attempt - 1];
	if (!probe_spend(q->state->probe, 1, (uint32_t)q->query_n + IP_UDP_HEADERS)) {
		obs_text(&o, A_REASON, "packet budget");
		observe(q, "udp", 0, OUTCOME_NOT_RUN, &o, now, now, false);
		retry_stop(&q->retry);
		return;
	}
	int e = sock_send(q->udp, q->query + 2, q->query_n - 2, sent);
	if (!e)
		return;
	obs_int(&o, A_ERRNO, -e);
	observe(q, "udp", attempt, e == -EPERM ? OUTCOME_DENIED_LOCALLY : OUTCOME_UNREACHABLE, &o, *sent,
		now, true);
	retry_refused(&q->retry, attempt);
}

static void tick(void *ctx)
{
	struct question *q = ctx;
	uint64_t now = probe_now(q->state->probe);
	unsigned attempt = 0;
	struct observation none;
	for (;;) {
		switch (retry_step(&q->retry, now, &attempt)) {
		case RETRY_SEND:
			send_query(q, attempt, now);
			break;
		case RETRY_SILENT:
			memset(&none, 0, sizeof(none));
			observe(q, "udp", attempt, OUTCOME_SILENT, &none, q->retry.sent_ns[attempt - 1], now,
				true);
			if (retry_unanswered(&q->retry) >= 2)
				try_tcp(q);
			break;
		case RETRY_OVER:
			settle(q);
			return;
		case RETRY_WAIT:
			loop_timer_set(q->timer, retry_deadline(&q->retry));
			return;
		}
	}
}

static int open_question(struct name_probe *s, struct question *q, const struct addr *resolver)
{
	char text[ADDR_STRLEN];
	struct run *run = probe_run(s->probe);
	struct sock_opts o = probe_sock_opts(s->probe);
	q->state = s;
	q->peer = (struct endpoint){ *resolver, DNS_PORT };
	q->resolver = arena_strdup(run->arena, addr_format(resolver, text));
	if (crypto_random(&q->id, sizeof(q->id)))
		return -EIO;
	size_t n = dns_build_query(q->query + 2, DNS_QUERY_MAX, q->id, s->name, DNS_A);
	struct writer prefix = wr_of(q->query, 2);
	wr_be16(&prefix, (uint16_t)n);
	q->query_n = n + 2;
	int e = n ? sock_udp(probe_loop(s->probe), &q->peer, &o, on_udp, q, &q->udp) : -EINVAL;
	if (e)
		return e;
	uint64_t now = probe_now(s->probe);
	retry_init(&q->retry, now, (uint64_t)(run->settings->timeout_s * 1e9));
	q->timer = loop_timer_add(probe_loop(s->probe), now, tick, q);
	return 0;
}

static void could_not_ask(struct probe *p, const char *reason)
{
	struct observation o;
	obs_begin(&o, probe_check(p)->id, probe_check(p)->target, 0, OUTCOME_NOT_RUN);
	obs_text(&o, A_REASON, reason);
	probe_observe(p, &o);
}

static int start(struct probe *p, void *state)
{
	struct name_probe *s = state;
	const struct host_facts *h = probe_run(p)->host;
	s->probe = p;
	s->name = probe_check(p)->target;
	for (size_t i = 0; i < h->n_resolvers; i++) {
		if (open_question(s, &s->questions[s->n], &h->resolvers[i]))
			could_not_ask(p, "a resolver cannot be reached from the uplink");
		else
			s->n++;
	}
	if (!h->n_resolvers)
		could_not_ask(p, "no resolver is configured");
	if (!s->n)
		probe_finish(p);
	return 0;
}

/* A name of no device cloud, so that silence is about the resolver and not about the name. */
static const char *neutral_name(struct run *run)
{
	const struct profile *f = run->profile;
	if (f->control_names.n)
		return f->control_names.v[0];
	return f->n_targets ? profile_target_name(run->arena, f, &f->targets[0], 0) : NULL;
}

static int start_resolver(struct probe *p, void *state)
{
	struct name_probe *s = state;
	struct run *run = probe_run(p);
	int index = probe_check(p)->resolver_index;
	s->probe = p;
	s->name = neutral_name(run);
	if (!s->name || index < 0 || (size_t)index >= run->host->n_resolvers) {
		could_not_ask(p, "no resolver or no name to ask for");
	} else if (open_question(s, &s->questions[0], &run->host->resolvers[index])) {
		could_not_ask(p, "the resolver cannot be reached from the uplink");
	} else {
		s->n = 1;
		try_tcp(&s->questions[0]);
	}
	if (!s->n)
		probe_finish(p);
	return 0;
}

static void cancel(struct probe *p, void *state)
{
	struct name_probe *s = state;
	(void)p;
	for (size_t i = 0; i < s->n; i++) {
		struct question *q = &s->questions[i];
		loop_timer_del(q->timer);
		loop_timer_del(q->tcp_timer);
		sock_close(q->udp);
		sock_close(q->tcp);
	}
}

const struct probe_def dns_name_probe = {
	.name = "dns.name",
	.title = "host names",
	.summary = "asks every resolver of this network for the names the devices need",
	.checks = "dns.name",
	.privilege = "none",
	.packets = 12,
	.bytes = 1000,
	.state_size = sizeof(struct name_probe),
	.start = start,
	.cancel = cancel,
};

const struct probe_def dns_resolver_probe = {
	.name = "dns.resolver",
	.title = "resolver",
	.summary = "asks a resolver of this network for a neutral name, over UDP and TCP",
	.checks = "dns.resolver",
	.privilege = "none",
	.packets = RETRY_TRIES + 5,
	.bytes = 1000,
	.state_size = sizeof(struct name_probe),
	.start = start_resolver,
	.cancel = cancel,
};
