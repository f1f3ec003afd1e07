#include "dns_ask.h"

#include <errno.h>
#include <string.h>

#include "probes.h"
#include "sallyport/clock.h"
#include "sallyport/crypto.h"

enum {
	DNS_PORT = 53,
	IP_UDP_HEADERS = 28,
	TCP_PACKETS = 5,
	QUERY_BYTES = 120, /* headers, question, EDNS; more than any name of a profile makes */
	TCP_EXCHANGE_BYTES = 320,
	TCP_WAIT_S = 4,
	STREAM_MAX = 4096,
	/* How long a second, different answer is waited for; a fixed wait beside everything else. */
	SECOND_MS = 250,
};

static void on_timer(void *ctx);

static void put_flow(struct dns_ask *a, struct observation *o, bool tcp)
{
	struct sock *s = tcp ? a->tcp : a->udp;
	struct endpoint local = s ? sock_local(s) : (struct endpoint){ 0 };
	obs_flow(probe_run(a->probe), o, tcp ? "tcp" : "udp", &local, &a->peer);
	obs_text(o, A_NAME, a->what.name);
	obs_text(o, A_RESOLVER, a->server);
	obs_text(o, A_QTYPE, a->what.qtype == DNS_AAAA ? "AAAA" : "A");
	if (a->what.role)
		obs_text(o, A_ROLE, a->what.role);
}

/* sent: the try that is reported left this host now for the first time in an observation. */
static void observe(struct dns_ask *a, bool tcp, unsigned attempt, enum outcome outcome,
		    struct observation *o, uint64_t at_ns, bool sent)
{
	uint64_t sent_ns = tcp ? a->tcp_sent_ns : attempt ? a->q.retry.sent_ns[attempt - 1] : at_ns;
	o->check = a->what.check;
	o->target = a->what.target;
	o->attempt = attempt;
	o->outcome = outcome;
	put_flow(a, o, tcp);
	if (sent) {
		obs_int(o, A_PACKETS, tcp ? TCP_PACKETS : 1);
		obs_int(o, A_BYTES, tcp ? TCP_EXCHANGE_BYTES : a->query_bytes);
	}
	if (attempt)
		obs_real(o, A_WAITED_MS, at_ns > sent_ns ? (double)(at_ns - sent_ns) / 1e6 : 0);
	probe_observe(a->probe, o);
}

static void put_answer(struct dns_ask *a, const struct dns_message *m, struct observation *o)
{
	struct arena *arena = probe_run(a->probe)->arena;
	const char *text = "";
	for (unsigned i = 0; i < m->n_addrs; i++) {
		char one[ADDR_STRLEN];
		text = arena_printf(arena, "%s%s%s", text, i ? " " : "", addr_format(&m->addrs[i], one));
	}
	obs_int(o, A_RCODE, m->rcode);
	obs_text(o, A_ANSWERS, text);
	if (m->n_addrs)
		obs_int(o, A_TTL, m->ttl);
	if (m->n_cnames)
		obs_text(o, A_CNAME, arena_strdup(arena, m->cname.text));
	if (m->ede >= 0)
		obs_int(o, A_EDE, m->ede);
	if (m->truncated)
		obs_bool(o, A_TRUNCATED, true);
}

static void put_hex(struct dns_ask *a, struct bytes data, struct observation *o)
{
	char hex[129];
	text_hex(hex, sizeof(hex), data.p, data.n < 64 ? data.n : 64);
	obs_text(o, A_HEX, arena_strdup(probe_run(a->probe)->arena, hex));
}

/* ---- the end ---- */
static void stop_tcp(struct dns_ask *a)
{
	loop_timer_del(a->tcp_timer);
	sock_close(a->tcp);
	a->tcp_timer = NULL;
	a->tcp = NULL;
}

void dns_ask_close(struct dns_ask *a)
{
	stop_tcp(a);
	loop_timer_del(a->timer);
	sock_close(a->udp);
	a->timer = NULL;
	a->udp = NULL;
	a->over = true;
}

void dns_ask_end(struct dns_ask *a)
{
	struct observation none;
	for (unsigned i = 1; i <= a->q.retry.sent && !a->over && !a->q.answered; i++) {
		if (a->q.retry.resolved >> (i - 1) & 1)
			continue;
		memset(&none, 0, sizeof(none));
		observe(a, false, i, OUTCOME_SILENT, &none, probe_now(a->probe), true);
	}
	dns_ask_close(a);
}

static bool udp_over(struct dns_ask *a)
{
	if (a->q.answered)
		return probe_now(a->probe) >= a->answered_ns + SECOND_MS * NS_PER_MS;
	return retry_deadline(&a->q.retry) == UINT64_MAX;
}

static void settle(struct dns_ask *a)
{
	if (a->over || a->tcp || !udp_over(a))
		return;
	dns_ask_close(a);
	a->fn(a->ctx, a, DNS_ASK_OVER);
}

static void trouble(struct dns_ask *a)
{
	if (a->troubled)
		return;
	a->troubled = true;
	a->fn(a->ctx, a, DNS_ASK_TROUBLE);
}

/* ---- TCP ---- */
static void tcp_result(struct dns_ask *a, enum outcome outcome, struct observation *o, uint64_t at_ns)
{
	observe(a, true, a->tcp_sent, outcome, o, at_ns, true);
	stop_tcp(a);
	settle(a);
}

static void on_tcp_timeout(void *ctx)
{
	struct dns_ask *a = ctx;
	struct observation o = { 0 };
	tcp_result(a, OUTCOME_SILENT, &o, probe_now(a->probe));
}

static enum outcome read_message(struct dns_ask *a, struct bytes data, struct observation *o)
{
	struct dns_message m;
	if (dns_parse(data.p, data.n, &m) || !m.response) {
		put_hex(a, data, o);
		return OUTCOME_GARBLED;
	}
	if (m.id != a->q.ids[0] || !text_equal_nocase(m.question.text, a->what.name) ||
	    m.qtype != a->what.qtype)
		return OUTCOME_MISMATCH;
	put_answer(a, &m, o);
	return OUTCOME_ANSWERED;
}

static void on_stream(struct dns_ask *a, const struct sock_event *ev)
{
	struct observation o = { 0 };
	struct writer w = wr_of(a->stream, STREAM_MAX);
	w.at = a->stream_n;
	wr_bytes(&w, ev->data.p, ev->data.n);
	a->stream_n = w.at;
	struct reader r = rd_of(a->stream, a->stream_n);
	struct bytes message = rd_take(&r, rd_be16(&r));
	if (!rd_ok(&r) && wr_ok(&w))
		return; /* more is to come */
	obs_real(&o, A_RTT_MS, (double)(ev->at_ns - a->tcp_sent_ns) / 1e6);
	tcp_result(a, read_message(a, message, &o), &o, ev->at_ns);
}

static void put_icmp(struct dns_ask *a, const struct sock_event *ev, struct observation *o)
{
	struct addr self = sock_local(a->udp).addr;
	obs_int(o, A_ICMP_TYPE, ev->icmp_type);
	obs_int(o, A_ICMP_CODE, ev->icmp_code);
	obs_addr(probe_run(a->probe), o, A_ICMP_FROM, &ev->icmp_from);
	if (addr_equal(&ev->icmp_from, &self))
		obs_bool(o, A_FROM_SELF, true);
}

static enum outcome icmp_outcome(struct dns_ask *a, const struct sock_event *ev)
{
	return probe_icmp_outcome(a->peer.addr.family, ev, addr_equal(&ev->icmp_from, &a->peer.addr));
}

/* With the first try's id, and its length in front. */
static void send_over_tcp(struct dns_ask *a)
{
	uint8_t message[2 + DNS_QUERY_MAX];
	size_t n = dnsq_build(&a->q, 1, message + 2, DNS_QUERY_MAX);
	struct writer prefix = wr_of(message, 2);
	wr_be16(&prefix, (uint16_t)n);
	(void)sock_send(a->tcp, message, n + 2, NULL);
}

static void on_tcp(void *ctx, const struct sock_event *ev)
{
	struct dns_ask *a = ctx;
	struct observation o = { 0 };
	switch (ev->type) {
	case SOCK_CONNECTED:
		send_over_tcp(a);
		break;
	case SOCK_DATA:
		on_stream(a, ev);
		break;
	case SOCK_REFUSED:
		tcp_result(a, OUTCOME_REFUSED, &o, ev->at_ns);
		break;
	case SOCK_ICMP:
		put_icmp(a, ev, &o);
		tcp_result(a, icmp_outcome(a, ev), &o, ev->at_ns);
		break;
	case SOCK_CLOSED:
	case SOCK_RESET:
	case SOCK_ERROR:
		tcp_result(a, OUTCOME_RESET, &o, ev->at_ns);
		break;
	}
}

static void try_tcp(struct dns_ask *a)
{
	struct sock_opts o = probe_sock_opts(a->probe);
	struct loop *l = probe_loop(a->probe);
	if (a->tcp || a->tcp_sent >= a->what.tcp_limit ||
	    !probe_spend(a->probe, TCP_PACKETS, TCP_EXCHANGE_BYTES))
		return;
	if (!a->stream)
		a->stream = arena_alloc(probe_run(a->probe)->arena, STREAM_MAX);
	a->stream_n = 0;
	a->tcp_sent++;
	a->tcp_sent_ns = probe_now(a->probe);
	if (sock_tcp(l, &a->peer, &o, on_tcp, a, &a->tcp))
		a->tcp = NULL;
	else
		a->tcp_timer = loop_timer_add(l, a->tcp_sent_ns + TCP_WAIT_S * NS_PER_S, on_tcp_timeout, a);
}

/* ---- UDP ---- */
static void on_icmp(struct dns_ask *a, const struct sock_event *ev)
{
	struct observation o = { 0 };
	struct retry *r = &a->q.retry;
	if (!r->sent || a->q.answered)
		return;
	put_icmp(a, ev, &o);
	observe(a, false, r->sent, icmp_outcome(a, ev), &o, ev->at_ns, true);
	retry_refused(r, r->sent);
	trouble(a);
	on_timer(a);
}

static enum outcome put_reply(struct dns_ask *a, struct bytes data, struct observation *o)
{
	switch (a->reply.result) {
	case DNSQ_GARBLED:
		put_hex(a, data, o);
		return OUTCOME_GARBLED;
	case DNSQ_MISMATCH:
		return OUTCOME_MISMATCH;
	case DNSQ_REPEAT:
	case DNSQ_SECOND:
		obs_int(o, A_EXTRA, a->q.extra);
		break;
	case DNSQ_ANSWER:
		break;
	}
	put_answer(a, &a->reply.m, o);
	if (a->reply.result == DNSQ_SECOND)
		obs_text(o, A_SECOND_ANSWERS, obs_get_text(o, A_ANSWERS, ""));
	if (a->reply.late)
		obs_bool(o, A_LATE, true);
	return OUTCOME_ANSWERED;
}

static void on_data(struct dns_ask *a, const struct sock_event *ev)
{
	struct observation o = { 0 };
	dnsq_read(&a->q, ev->data.p, ev->data.n, &a->reply);
	unsigned attempt = a->reply.attempt;
	enum dnsq_result result = a->reply.result;
	if (result == DNSQ_REPEAT && attempt != a->q.answered)
		return; /* our own second try, answered as well */
	enum outcome outcome = put_reply(a, ev->data, &o);
	obs_real(&o, A_RTT_MS, (double)retry_age(&a->q.retry, attempt, ev->at_ns) / 1e6);
	bool first = result == DNSQ_ANSWER || !a->q.answered;
	observe(a, false, attempt, outcome, &o, ev->at_ns, first && !a->reply.late);
	if (outcome != OUTCOME_ANSWERED) {
		trouble(a);
	} else if (result == DNSQ_ANSWER) {
		a->answered_ns = probe_now(a->probe);
		loop_timer_set(a->timer, a->answered_ns + SECOND_MS * NS_PER_MS);
		a->fn(a->ctx, a, DNS_ASK_REPLY);
	}
}

static void on_udp(void *ctx, const struct sock_event *ev)
{
	struct dns_ask *a = ctx;
	if (ev->type == SOCK_ICMP)
		on_icmp(a, ev);
	else if (ev->type == SOCK_DATA && a->q.retry.sent)
		on_data(a, ev);
}

static void send_query(struct dns_ask *a, unsigned attempt, uint64_t now)
{
	struct observation o = { 0 };
	struct retry *r = &a->q.retry;
	uint8_t query[DNS_QUERY_MAX];
	size_t n = dnsq_build(&a->q, attempt, query, sizeof(query));
	a->query_bytes = (uint32_t)n + IP_UDP_HEADERS;
	if (!probe_spend(a->probe, 1, a->query_bytes)) {
		obs_text(&o, A_REASON, "packet budget");
		observe(a, false, 0, OUTCOME_NOT_RUN, &o, now, false);
		retry_stop(r);
		return;
	}
	int e = sock_send(a->udp, query, n, &r->sent_ns[attempt - 1]);
	if (!e)
		return;
	obs_int(&o, A_ERRNO, -e);
	observe(a, false, attempt, e == -EPERM ? OUTCOME_DENIED_LOCALLY : OUTCOME_UNREACHABLE, &o, now,
		true);
	retry_refused(r, attempt);
}

static void note_silent(struct dns_ask *a, unsigned attempt, uint64_t now)
{
	struct observation none = { 0 };
	observe(a, false, attempt, OUTCOME_SILENT, &none, now, true);
	if (retry_unanswered(&a->q.retry) >= 2) {
		try_tcp(a);
		trouble(a);
	}
}

static void on_timer(void *ctx)
{
	struct dns_ask *a = ctx;
	uint64_t now = probe_now(a->probe);
	unsigned attempt = 0;
	while (!a->over) {
		switch (retry_step(&a->q.retry, now, &attempt)) {
		case RETRY_SEND:
			send_query(a, attempt, now);
			break;
		case RETRY_SILENT:
			note_silent(a, attempt, now);
			break;
		case RETRY_OVER:
			settle(a);
			return;
		case RETRY_WAIT:
			loop_timer_set(a->timer, retry_deadline(&a->q.retry));
			return;
		}
	}
}

static int prepare(struct dns_ask *a)
{
	uint16_t random[RETRY_TRIES];
	uint64_t answer_ns = (uint64_t)(probe_run(a->probe)->settings->timeout_s * 1e9);
	struct hostname h;
	if (hostname_parse(wire_text_str(a->what.name), &h))
		return -EINVAL;
	if (crypto_random(random, sizeof(random)))
		return -EIO;
	dnsq_init(&a->q, a->what.name, a->what.qtype, random, probe_now(a->probe), answer_ns);
	if (a->what.limit)
		a->q.retry.limit = a->what.limit;
	return 0;
}

void dns_ask_forecast(struct forecast *f, const char *server, const char *why, const char *when,
		      uint32_t udp, uint32_t tcp)
{
	struct forecast_row row = { .host = server, .proto = "udp", .port = DNS_PORT, .packets = udp,
				    .bytes = udp * QUERY_BYTES, .why = why, .when = when };
	if (udp)
		forecast_add(f, &row);
	row.proto = "tcp";
	row.packets = tcp * TCP_PACKETS;
	row.bytes = tcp * TCP_EXCHANGE_BYTES;
	if (tcp)
		forecast_add(f, &row);
}

int dns_ask_open(struct dns_ask *a, struct probe *p, const struct dns_ask_what *what, dns_ask_fn *fn,
		 void *ctx)
{
	char text[ADDR_STRLEN];
	struct sock_opts o = probe_sock_opts(p);
	*a = (struct dns_ask){ .probe = p, .what = *what, .fn = fn, .ctx = ctx,
			       .peer = { what->server, DNS_PORT } };
	a->server = arena_strdup(probe_run(p)->arena, addr_format(&what->server, text));
	int e = prepare(a);
	e = e ? e : sock_udp(probe_loop(p), &a->peer, &o, on_udp, a, &a->udp);
	if (e)
		return e;
	a->timer = loop_timer_add(probe_loop(p), probe_now(p), on_timer, a);
	if (what->tcp_at_once)
		try_tcp(a);
	return 0;
}
