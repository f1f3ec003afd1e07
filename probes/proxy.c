/*
 * `portal` towards a web proxy: only when TCP connections of people's tools stay silent, the proxy
 * that this host or its network names (environment, DHCP option 252, WPAD by DNS) is asked to
 * CONNECT to that service. It is named and asked, never used: devices have no proxy.
 */
#include <stdio.h>
#include <string.h>

#include "core/portal.h"
#include "dial.h"
#include "sallyport/clock.h"
#include "sallyport/err.h"
#include "sallyport/wire/proxy.h"

#define ANSWER_WAIT_NS (4 * NS_PER_S)

enum { EXCHANGE_PACKETS = 6, REQUEST_MAX = 1024, DIAL_TRIES = 3 };

enum step { STEP_IDLE, STEP_SCRIPT, STEP_CONNECT };

struct proxy_probe {
	struct probe *probe;
	enum step step;
	struct dial dial;
	struct http_url script;
	struct proxy_address proxy;
	bool own_failed; /* the one of this host's environment does not answer */
	struct portal answer; /* gathers an HTTP response */
	struct loop_timer *timer;
};

static void say(struct proxy_probe *s, enum outcome outcome, const char *reason)
{
	struct observation o;
	obs_begin(&o, probe_check(s->probe)->id, probe_check(s->probe)->target, 0, outcome);
	obs_text(&o, A_REASON, reason);
	probe_observe(s->probe, &o);
}

static void dial_to(struct proxy_probe *s, const char *host, uint16_t port, dial_fn *fn)
{
	s->dial = (struct dial){ .probe = s->probe, .name = host, .port = port, .fn = fn, .ctx = s,
				 .limit = DIAL_TRIES };
	dial_name(&s->dial);
}

/* What a person's browser would ask for. */
static const struct profile_target *service(struct proxy_probe *s)
{
	const struct profile *p = probe_run(s->probe)->profile;
	for (size_t i = 0; i < p->n_targets; i++)
		if (p->targets[i].people && p->targets[i].transport == TRANSPORT_TCP && p->targets[i].name)
			return &p->targets[i];
	return NULL;
}

static void tell_script(struct proxy_probe *s, bool found, uint64_t at_ns)
{
	struct observation o;
	char text[HOSTNAME_MAX + 8];
	dial_describe(&s->dial, &o, "script", found ? OUTCOME_ANSWERED : OUTCOME_MISMATCH, at_ns);
	if (found) {
		snprintf(text, sizeof(text), "%s:%u", s->proxy.host.s, s->proxy.port);
		obs_text(&o, A_PROXY, text);
	}
	obs_int(&o, A_PACKETS, EXCHANGE_PACKETS);
	obs_int(&o, A_BYTES, EXCHANGE_PACKETS * ACK_BYTES);
	probe_observe(s->probe, &o);
}

static void tell_connect(struct proxy_probe *s, bool http, uint64_t at_ns)
{
	struct run *run = probe_run(s->probe);
	struct observation o;
	const struct http_response *h = &s->answer.response;
	dial_describe(&s->dial, &o, "proxy", http ? OUTCOME_ANSWERED : s->answer.n ? OUTCOME_GARBLED :
			      OUTCOME_SILENT, at_ns);
	obs_text(&o, A_PROXY, arena_printf(run->arena, "%s:%u", s->proxy.host.s, s->proxy.port));
	if (http) {
		obs_int(&o, A_STATUS, h->status);
		if (h->server.p)
			obs_wire(run, &o, A_SERVER, h->server);
	}
	obs_int(&o, A_PACKETS, EXCHANGE_PACKETS);
	obs_int(&o, A_BYTES, EXCHANGE_PACKETS * ACK_BYTES);
	probe_observe(s->probe, &o);
}

static void connect_to_proxy(struct proxy_probe *s);

/* A response is there, or will not come. */
static void conclude(struct proxy_probe *s, enum portal_verdict v, uint64_t at_ns)
{
	bool http = v == PORTAL_EXPECTED || v == PORTAL_OTHER;
	if (v == PORTAL_PENDING)
		return;
	loop_timer_del(s->timer);
	s->timer = NULL;
	if (s->step == STEP_CONNECT) {
		tell_connect(s, http, at_ns);
		dial_cancel(&s->dial);
		probe_finish(s->probe);
		return;
	}
	bool found = http && s->answer.response.status == 200 &&
		     pac_find_proxy(s->answer.response.body, &s->proxy) == 0;
	tell_script(s, found, at_ns);
	dial_cancel(&s->dial);
	if (found)
		connect_to_proxy(s);
	else
		probe_finish(s->probe);
}

static void on_time(void *ctx)
{
	struct proxy_probe *s = ctx;
	conclude(s, portal_end(&s->answer), probe_now(s->probe));
}

/* A CONNECT that was answered stays open: its headers are all there is to wait for. */
static enum portal_verdict take(struct proxy_probe *s, struct bytes data)
{
	enum portal_verdict v = portal_data(&s->answer, data.p, data.n);
	return s->step == STEP_CONNECT || v == PORTAL_OTHER || v == PORTAL_GARBLED ? v : PORTAL_PENDING;
}

static int request(struct proxy_probe *s, uint8_t *out, size_t cap)
{
	const struct profile_target *t = service(s);
	if (s->step == STEP_SCRIPT)
		return http_get_build(&s->script, out, cap);
	return t ? proxy_connect_build(t->name, t->port, out, cap) : SP_E_MISSING;
}

static void opened(struct proxy_probe *s, uint64_t at_ns)
{
	uint8_t buffer[REQUEST_MAX];
	int n = request(s, buffer, sizeof(buffer));
	uint64_t end = at_ns + ANSWER_WAIT_NS, last = probe_deadline_ns(s->probe);
	(void)probe_spend(s->probe, EXCHANGE_PACKETS, EXCHANGE_PACKETS * ACK_BYTES);
	portal_init(&s->answer, 200, NULL);
	s->timer = loop_timer_add(probe_loop(s->probe), end < last ? end : last, on_time, s);
	if (n > 0)
		(void)sock_send(dial_sock(&s->dial), buffer, (size_t)n, NULL);
}

static void begin(struct proxy_probe *s);

/* A variable left over from another network must not hide the proxy of this one. */
static void try_next(struct proxy_probe *s)
{
	bool again = s->step == STEP_CONNECT && !s->own_failed && !s->script.port;
	dial_cancel(&s->dial);
	s->own_failed = true;
	if (again)
		begin(s);
	else
		probe_finish(s->probe);
}

static void on_dial(void *ctx, enum dial_news news, const struct sock_event *ev)
{
	struct proxy_probe *s = ctx;
	if (news == DIAL_OPEN)
		opened(s, ev->at_ns);
	else if (news == DIAL_FAILED)
		try_next(s);
	else if (s->timer && ev->type == SOCK_DATA)
		conclude(s, take(s, ev->data), ev->at_ns);
	else if (s->timer && (ev->type == SOCK_CLOSED || ev->type == SOCK_RESET))
		conclude(s, portal_end(&s->answer), ev->at_ns);
}

static void connect_to_proxy(struct proxy_probe *s)
{
	s->step = STEP_CONNECT;
	dial_to(s, s->proxy.host.s, s->proxy.port, on_dial);
}

static const char *script_url(const struct run *r)
{
	return r->host->wpad_url[0] ? r->host->wpad_url
				    : arena_printf(r->arena, "http://wpad.%s/wpad.dat", r->host->domain);
}

static void begin(struct proxy_probe *s)
{
	struct run *run = probe_run(s->probe);
	const struct host_facts *h = run->host;
	const char *url = script_url(run);
	if (!s->own_failed && proxy_parse(wire_text_str(h->proxy), &s->proxy) == 0) {
		connect_to_proxy(s);
	} else if (http_url_parse(url, &s->script) == 0) {
		s->step = STEP_SCRIPT;
		dial_to(s, s->script.host.s, s->script.port, on_dial);
	} else {
		if (!s->own_failed)
			say(s, OUTCOME_NOT_RUN, "the proxy's address cannot be read");
		probe_finish(s->probe);
	}
}

static void on_suspect(void *ctx, const char *check, enum suspicion why, enum transport proto,
		       const struct endpoint *dst, struct bytes payload)
{
	struct proxy_probe *s = ctx;
	const struct profile_target *t = service(s);
	(void)check;
	(void)payload;
	if (s->step == STEP_IDLE && why == SUSPECT_SILENT && proto == TRANSPORT_TCP && t &&
	    dst->port == t->port)
		begin(s);
}

static void on_quiet(void *ctx)
{
	struct proxy_probe *s = ctx;
	if (s->step != STEP_IDLE)
		return;
	say(s, OUTCOME_NOT_RUN, "people's services answer without it");
	probe_finish(s->probe);
}

static int start(struct probe *p, void *state)
{
	struct proxy_probe *s = state;
	s->probe = p;
	probe_listen_suspects(p, on_suspect, s);
	probe_when_quiet(p, on_quiet, s);
	return 0;
}

static void cancel(struct probe *p, void *state)
{
	struct proxy_probe *s = state;
	(void)p;
	loop_timer_del(s->timer);
	dial_cancel(&s->dial);
}

static void add_exchange(struct forecast *f, const char *host, uint16_t port, const char *why)
{
	enum { PACKETS = EXCHANGE_PACKETS + DIAL_PACKETS };
	struct forecast_row row = { .host = arena_strdup(f->run->arena, host), .proto = "tcp", .port = port,
				    .packets = PACKETS, .bytes = PACKETS * (SYN_BYTES + 40), .why = why,
				    .when = "if people's services stay silent" };
	forecast_add(f, &row);
	forecast_name(f, row.host);
}

/* A proxy that only the script names cannot be known before. */
static void contacts(struct forecast *f, const struct check *c)
{
	const struct host_facts *h = f->run->host;
	struct proxy_address proxy;
	struct http_url script;
	(void)c;
	if (proxy_parse(wire_text_str(h->proxy), &proxy) == 0)
		add_exchange(f, proxy.host.s, proxy.port, "the web proxy of this host");
	bool named = h->wpad_url[0] || h->domain[0];
	if (named && http_url_parse(script_url(f->run), &script) == 0) {
		add_exchange(f, script.host.s, script.port, "the proxy script of this network");
		add_exchange(f, "the proxy that the script names", 0, "the web proxy of this network");
	}
}

const struct probe_def proxy_probe = {
	.name = "proxy",
	.title = "web proxy",
	.summary = "asks the web proxy that this network names, only when direct connections of people's "
		   "tools stay silent",
	.checks = "portal",
	.privilege = "none",
	.packets = 2 * (EXCHANGE_PACKETS + DIAL_TRIES),
	.bytes = 2 * (EXCHANGE_PACKETS * ACK_BYTES + DIAL_TRIES * SYN_BYTES),
	.state_size = sizeof(struct proxy_probe),
	.contacts = contacts,
	.start = start,
	.cancel = cancel,
};
