#include "fake_net.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "sallyport/clock.h"
#include "sallyport/err.h"

enum { MAX_HOSTS = 32, MAX_NAMES = 32 };

struct loop_timer {
	struct loop *loop;
	struct loop_timer *next;
	uint64_t at_ns, order;
	loop_timer_fn *fn;
	void *ctx;
	bool armed;
};

struct loop_io {
	int unused;
};

struct loop_signal {
	int unused;
};

struct loop {
	uint64_t now_ns, orders;
	struct loop_timer *timers;
	bool stopped;
	int handles;
};

struct host {
	struct endpoint at;
	bool tcp;
	fake_host_fn *fn;
	void *ctx;
	unsigned nth;
};

static struct {
	uint64_t state;
	unsigned delay_ms, jitter_ms, loss;
	struct host hosts[MAX_HOSTS];
	size_t n_hosts;
	struct host sent[MAX_HOSTS * 4]; /* counters, also for addresses of nobody */
	size_t n_sent;
	struct {
		const char *name;
		struct addr addr;
	} names[MAX_NAMES];
	size_t n_names;
	struct sock *socks;
} net;

/* ---- the loop ---- */
struct loop *loop_new(void)
{
	struct loop *l = calloc(1, sizeof(*l));
	l->now_ns = 1000 * NS_PER_S;
	return l;
}

static struct loop_timer *earliest(struct loop *l)
{
	struct loop_timer *best = NULL;
	for (struct loop_timer *t = l->timers; t; t = t->next)
		if (t->armed && (!best || t->at_ns < best->at_ns ||
				 (t->at_ns == best->at_ns && t->order < best->order)))
			best = t;
	return best;
}

void loop_run(struct loop *l)
{
	struct loop_timer *t;
	l->stopped = false;
	while (!l->stopped && (t = earliest(l))) {
		if (t->at_ns > l->now_ns)
			l->now_ns = t->at_ns;
		t->armed = false;
		t->fn(t->ctx);
	}
}

void loop_stop(struct loop *l)
{
	l->stopped = true;
}

static void drop_packets_of(struct loop *l);

int loop_free(struct loop *l)
{
	drop_packets_of(l);
	int left = l->handles;
	while (l->timers)
		loop_timer_del(l->timers);
	free(l);
	return left;
}

uint64_t loop_now_ns(const struct loop *l)
{
	return l->now_ns;
}

uint64_t loop_clock_ns(const struct loop *l)
{
	return l->now_ns;
}

int loop_io_add(struct loop *l, int fd, unsigned events, loop_io_fn *fn, void *ctx,
		struct loop_io **out)
{
	(void)l, (void)fd, (void)events, (void)fn, (void)ctx;
	*out = calloc(1, sizeof(**out));
	return 0;
}

int loop_io_mod(struct loop_io *io, unsigned events)
{
	(void)io, (void)events;
	return 0;
}

void loop_io_del(struct loop_io *io)
{
	free(io);
}

struct loop_timer *loop_timer_add(struct loop *l, uint64_t at_ns, loop_timer_fn *fn, void *ctx)
{
	struct loop_timer *t = calloc(1, sizeof(*t));
	*t = (struct loop_timer){ .loop = l, .next = l->timers, .fn = fn, .ctx = ctx };
	l->timers = t;
	l->handles++;
	loop_timer_set(t, at_ns);
	return t;
}

void loop_timer_set(struct loop_timer *t, uint64_t at_ns)
{
	t->at_ns = at_ns;
	t->order = t->loop->orders++;
	t->armed = true;
}

void loop_timer_del(struct loop_timer *t)
{
	if (!t)
		return;
	struct loop_timer **at = &t->loop->timers;
	while (*at != t)
		at = &(*at)->next;
	*at = t->next;
	t->loop->handles--;
	free(t);
}

int loop_signal_add(struct loop *l, int signum, loop_signal_fn *fn, void *ctx,
		    struct loop_signal **out)
{
	(void)l, (void)signum, (void)fn, (void)ctx;
	*out = calloc(1, sizeof(**out));
	return 0;
}

void loop_signal_del(struct loop_signal *s)
{
	free(s);
}

/* ---- the network ---- */
void fake_net_reset(uint64_t seed, unsigned delay_ms, unsigned jitter_ms, unsigned loss)
{
	memset(&net, 0, sizeof(net));
	net.state = seed * 2654435769u + 1;
	net.delay_ms = delay_ms;
	net.jitter_ms = jitter_ms;
	net.loss = loss;
}

/* xorshift64*: Vigna, "An experimental exploration of Marsaglia's xorshift generators" (2014). */
uint32_t fake_random(uint32_t below)
{
	net.state ^= net.state >> 12;
	net.state ^= net.state << 25;
	net.state ^= net.state >> 27;
	return (uint32_t)((net.state * 2685821657736338717u) >> 33) % below;
}

static void add_host(struct endpoint at, bool tcp, fake_host_fn *fn, void *ctx)
{
	assert(net.n_hosts < MAX_HOSTS);
	net.hosts[net.n_hosts++] = (struct host){ at, tcp, fn, ctx, 0 };
}

void fake_net_host(struct endpoint at, fake_host_fn *fn, void *ctx)
{
	add_host(at, false, fn, ctx);
}

void fake_net_tcp_host(struct endpoint at, fake_host_fn *fn, void *ctx)
{
	add_host(at, true, fn, ctx);
}

void fake_net_name(const char *name, struct addr a)
{
	net.names[net.n_names].name = name;
	net.names[net.n_names++].addr = a;
}

static bool same(const struct endpoint *a, const struct endpoint *b)
{
	return a->port == b->port && addr_equal(&a->addr, &b->addr);
}

static struct host *host_at(const struct endpoint *e, bool tcp)
{
	for (size_t i = 0; i < net.n_hosts; i++)
		if (net.hosts[i].tcp == tcp && same(&net.hosts[i].at, e))
			return &net.hosts[i];
	return NULL;
}

static unsigned *sent_to(const struct endpoint *e)
{
	for (size_t i = 0; i < net.n_sent; i++)
		if (same(&net.sent[i].at, e))
			return &net.sent[i].nth;
	assert(net.n_sent < MAX_HOSTS * 4);
	net.sent[net.n_sent].at = *e;
	return &net.sent[net.n_sent++].nth;
}

unsigned fake_net_sent(struct endpoint to)
{
	return *sent_to(&to);
}

/* ---- sockets ---- */
struct sock {
	struct loop *loop;
	struct sock *next;
	struct endpoint peer, local;
	sock_fn *fn;
	void *ctx;
	bool tcp, closed;
	int refs; /* packets under way */
};

/* One packet on its way; as a timer it is no handle of the program. */
struct flying {
	struct loop_timer *timer;
	struct sock *sock;
	bool to_host;
	struct sock_event ev;
	uint8_t data[2048];
	size_t n;
};

static void release(struct sock *s)
{
	if (s->refs || !s->closed)
		return;
	struct sock **at = &net.socks;
	while (*at != s)
		at = &(*at)->next;
	*at = s->next;
	free(s);
}

static void land(struct flying *f)
{
	struct sock *s = f->sock;
	if (f->to_host) {
		struct host *h = host_at(&s->peer, s->tcp);
		struct fake_packet in = { s, s->peer, { f->data, f->n }, s->loop->now_ns, 0 };
		if (h) {
			in.nth = ++h->nth;
			h->fn(h->ctx, &in);
		}
	} else if (!s->closed) {
		f->ev.at_ns = s->loop->now_ns;
		f->ev.data = (struct bytes){ f->data, f->n };
		s->fn(s->ctx, &f->ev);
	}
}

static void discard(struct flying *f)
{
	f->timer->loop->handles++;
	loop_timer_del(f->timer);
	f->sock->refs--;
	release(f->sock);
	free(f);
}

static void on_landing(void *ctx)
{
	land(ctx);
	discard(ctx);
}

static void drop_packets_of(struct loop *l)
{
	for (struct loop_timer *t = l->timers, *next; t; t = next) {
		next = t->next;
		if (t->fn == on_landing)
			discard(t->ctx);
	}
}

static void fly(struct sock *s, bool to_host, const struct sock_event *ev, const void *p, size_t n,
		unsigned extra_ms)
{
	if (fake_random(1000) < net.loss)
		return;
	struct flying *f = calloc(1, sizeof(*f));
	unsigned ms = net.delay_ms + extra_ms + (net.jitter_ms ? fake_random(net.jitter_ms + 1) : 0);
	f->sock = s;
	f->to_host = to_host;
	f->ev = *ev;
	assert(n <= sizeof(f->data));
	if (n)
		memcpy(f->data, p, n);
	f->n = n;
	s->refs++;
	f->timer = loop_timer_add(s->loop, s->loop->now_ns + ms * NS_PER_MS, on_landing, f);
	s->loop->handles--;
}

static int open_sock(struct loop *l, bool tcp, const struct endpoint *peer, const struct sock_opts *o,
		     sock_fn *fn, void *ctx, struct sock **out)
{
	static uint16_t ports = 40000;
	struct sock *s = calloc(1, sizeof(*s));
	*s = (struct sock){ .loop = l, .next = net.socks, .peer = *peer, .fn = fn, .ctx = ctx,
			    .tcp = tcp };
	s->local = (struct endpoint){ addr_v4(10, 0, 0, 2), o->source_port ? o->source_port : ++ports };
	net.socks = s;
	*out = s;
	l->handles++;
	return 0;
}

int sock_udp(struct loop *l, const struct endpoint *peer, const struct sock_opts *o, sock_fn *fn,
	     void *ctx, struct sock **out)
{
	return open_sock(l, false, peer, o, fn, ctx, out);
}

int sock_tcp(struct loop *l, const struct endpoint *peer, const struct sock_opts *o, sock_fn *fn,
	     void *ctx, struct sock **out)
{
	struct sock_event opened = { .type = SOCK_CONNECTED };
	int e = open_sock(l, true, peer, o, fn, ctx, out);
	++*sent_to(peer);
	if (host_at(peer, true))
		fly(*out, false, &opened, NULL, 0, net.delay_ms);
	return e;
}

int sock_send(struct sock *s, const void *p, size_t n, uint64_t *sent_ns)
{
	struct sock_event none = { 0 };
	if (sent_ns)
		*sent_ns = s->loop->now_ns;
	if (!s->tcp)
		++*sent_to(&s->peer);
	fly(s, true, &none, p, n, 0);
	return 0;
}

int sock_set_ttl(struct sock *s, int ttl)
{
	(void)s, (void)ttl;
	return 0;
}

unsigned sock_syns(const struct sock *s)
{
	(void)s;
	return 1;
}

struct endpoint sock_local(const struct sock *s)
{
	return s->local;
}

void sock_close(struct sock *s)
{
	if (!s)
		return;
	s->closed = true;
	s->loop->handles--;
	release(s);
}

int sock_take_fd(struct sock *s)
{
	sock_close(s);
	return -1;
}

void fake_reply(const struct fake_packet *in, const void *p, size_t n, unsigned extra_ms)
{
	struct sock_event ev = { .type = SOCK_DATA, .from = in->to, .ttl = 60 };
	fly(in->sock, false, &ev, p, n, extra_ms);
}

void fake_icmp(const struct fake_packet *in, uint8_t type, uint8_t code, struct addr from)
{
	struct sock_event ev = { .type = SOCK_ICMP, .icmp_type = type, .icmp_code = code,
				 .icmp_from = from };
	fly(in->sock, false, &ev, NULL, 0, 0);
}

/* ---- names ---- */
struct names {
	struct loop *loop;
	struct names_lookup *first;
};

struct names_lookup {
	struct names *names;
	struct names_lookup *next;
	struct loop_timer *timer;
	names_fn *fn;
	void *ctx;
	struct names_result result;
	bool cancelled;
};

int names_new(struct loop *l, const struct addr *servers, size_t n_servers, const char *ifname,
	      struct names **out)
{
	(void)servers, (void)n_servers, (void)ifname;
	*out = calloc(1, sizeof(**out));
	(*out)->loop = l;
	return 0;
}

void names_sent(const struct names *n, uint32_t *packets, uint32_t *bytes)
{
	(void)n;
	*packets = *bytes = 0; /* the fake resolver is no server of the fake network */
}

static void forget(struct names_lookup *l)
{
	struct names_lookup **at = &l->names->first;
	while (*at != l)
		at = &(*at)->next;
	*at = l->next;
	loop_timer_del(l->timer);
	free(l);
}

static void on_lookup(void *ctx)
{
	struct names_lookup *l = ctx;
	if (!l->cancelled)
		l->fn(l->ctx, &l->result);
	forget(l);
}

int names_lookup(struct names *n, const char *name, uint8_t family, names_fn *fn, void *ctx,
		 struct names_lookup **out)
{
	struct names_lookup *l = calloc(1, sizeof(*l));
	*l = (struct names_lookup){ .names = n, .next = n->first, .fn = fn, .ctx = ctx };
	n->first = l;
	uint64_t wait = 2 * (uint64_t)net.delay_ms * NS_PER_MS;
	l->result = (struct names_result){ .status = SP_E_MISSING, .reason = "nxdomain" };
	for (size_t i = 0; i < net.n_names; i++) {
		if (strcmp(net.names[i].name, name) == 0 && !net.names[i].addr.family) {
			l->result = (struct names_result){ .status = -ETIMEDOUT, .reason = "timeout" };
			wait = 4 * NS_PER_S;
		}
		if (strcmp(net.names[i].name, name) == 0 && net.names[i].addr.family == family &&
		    l->result.n_addrs < NAMES_MAX_ADDRS) {
			l->result.addrs[l->result.n_addrs++] = net.names[i].addr;
			l->result.status = 0;
			l->result.reason = "ok";
		}
	}
	l->timer = loop_timer_add(n->loop, n->loop->now_ns + wait, on_lookup, l);
	*out = l;
	return 0;
}

void names_cancel(struct names_lookup *l)
{
	if (l)
		l->cancelled = true;
}

void names_free(struct names *n)
{
	while (n && n->first)
		forget(n->first);
	free(n);
}
