/*
 * portal: one plain HTTP GET without redirects, to a page whose status and body are known. What a
 * captive portal serves instead shows here (RFC 8952 section 2.3 calls it the URI's probe).
 */
#include <string.h>

#include "core/portal.h"
#include "dial.h"
#include "sallyport/clock.h"
#include "sallyport/err.h"

#define ANSWER_WAIT_NS (5 * NS_PER_S)
#define CHECK_NS (11 * NS_PER_S) /* no second connection that would end later than this */
#define MARGIN_NS (200 * NS_PER_MS)

/* ACK, GET, ACKs of the answer, FIN, ACK of the FIN. */
enum { EXCHANGE_PACKETS = 6, REQUEST_MAX = 1024, HEX_BYTES = 64 };

struct http_probe {
	struct probe *probe;
	struct dial dials[2]; /* the second confirms a silence or a close */
	unsigned current;
	struct http_url url;
	struct portal portal;
	struct loop_timer *timer;
	uint64_t start_ns;
	size_t request_n;
	const char *ended; /* fin, rst or timeout, NULL while the peer has not closed */
};

static void on_dial(void *ctx, enum dial_news news, const struct sock_event *ev);

static struct dial *dial(struct http_probe *s)
{
	return &s->dials[s->current];
}

static enum outcome outcome_of(const struct http_probe *s, enum portal_verdict v)
{
	switch (v) {
	case PORTAL_EXPECTED:
		return OUTCOME_ANSWERED;
	case PORTAL_OTHER:
		return OUTCOME_MISMATCH;
	case PORTAL_CLOSED:
		return strcmp(s->ended, "timeout") == 0 ? OUTCOME_SILENT : OUTCOME_RESET;
	default:
		return OUTCOME_GARBLED;
	}
}

static void add_response(struct http_probe *s, struct observation *o)
{
	struct run *run = probe_run(s->probe);
	const struct http_response *h = &s->portal.response;
	char date[CLOCK_STRLEN];
	obs_int(o, A_STATUS, h->status);
	if (h->location.p)
		obs_wire(run, o, A_LOCATION, h->location);
	if (h->server.p)
		obs_wire(run, o, A_SERVER, h->server);
	if (h->has_date)
		obs_text(o, A_HTTP_DATE,
			 arena_strdup(run->arena, clock_format_utc(h->date_us, date)));
}

static void observe(struct http_probe *s, enum portal_verdict v, uint64_t at_ns)
{
	struct observation o;
	char hex[2 * HEX_BYTES + 1];
	uint32_t bytes = EXCHANGE_PACKETS * ACK_BYTES + (uint32_t)s->request_n;
	dial_describe(dial(s), &o, "http", outcome_of(s, v), at_ns);
	obs_text(&o, A_URL, probe_target(s->probe)->url);
	if (v == PORTAL_EXPECTED || v == PORTAL_OTHER) {
		add_response(s, &o);
		obs_bool(&o, A_BODY_OK, v == PORTAL_EXPECTED);
		obs_real(&o, A_RTT_MS, obs_get_real(&o, A_WAITED_MS, 0));
	} else if (s->portal.n) {
		text_hex(hex, sizeof(hex), s->portal.buf,
			 s->portal.n < HEX_BYTES ? s->portal.n : HEX_BYTES);
		obs_text(&o, A_HEX, hex);
	}
	if (s->ended)
		obs_text(&o, A_REASON, s->ended);
	obs_int(&o, A_PACKETS, EXCHANGE_PACKETS);
	obs_int(&o, A_BYTES, bytes);
	probe_observe(s->probe, &o);
}

/* A silence or a close is asked for once more, where time is left for it. */
static bool try_again(struct http_probe *s, enum portal_verdict v)
{
	uint64_t end = probe_now(s->probe) + ANSWER_WAIT_NS;
	if (s->current || v != PORTAL_CLOSED || end > s->start_ns + CHECK_NS ||
	    end > probe_deadline_ns(s->probe))
		return false;
	struct dial *first = dial(s);
	s->current = 1;
	s->ended = NULL;
	*dial(s) = (struct dial){.probe = s->probe,
				 .name = first->name,
				 .port = first->port,
				 .before = dial_attempts(first),
				 .fn = on_dial,
				 .ctx = s};
	dial_addr(dial(s), &dial_peer(first)->addr, 1);
	return true;
}

static void conclude(struct http_probe *s, enum portal_verdict v, uint64_t at_ns)
{
	if (v == PORTAL_PENDING)
		return;
	observe(s, v, at_ns);
	dial_cancel(dial(s));
	loop_timer_del(s->timer);
	s->timer = NULL;
	if (!try_again(s, v))
		probe_finish(s->probe);
}

static void on_time(void *ctx)
{
	struct http_probe *s = ctx;
	s->ended = "timeout";
	conclude(s, portal_end(&s->portal), probe_now(s->probe));
}

static void opened(struct http_probe *s, uint64_t at_ns)
{
	const struct profile_target *t = probe_target(s->probe);
	uint64_t end = at_ns + ANSWER_WAIT_NS, last = probe_deadline_ns(s->probe) - MARGIN_NS;
	uint8_t get[REQUEST_MAX];
	int n = http_get_build(&s->url, get, sizeof(get));
	s->request_n = n > 0 ? (size_t)n : 0;
	(void)probe_spend(s->probe, EXCHANGE_PACKETS,
			  EXCHANGE_PACKETS * ACK_BYTES + (uint32_t)s->request_n);
	portal_init(&s->portal, t->expect_status, t->expect_body);
	s->timer = loop_timer_add(probe_loop(s->probe), end < last ? end : last, on_time, s);
	(void)sock_send(dial_sock(dial(s)), get, s->request_n, NULL); /* an RST comes as an event */
}

static void on_event(struct http_probe *s, const struct sock_event *ev)
{
	switch (ev->type) {
	case SOCK_DATA:
		conclude(s, portal_data(&s->portal, ev->data.p, ev->data.n), ev->at_ns);
		break;
	case SOCK_CLOSED:
	case SOCK_RESET:
		s->ended = ev->type == SOCK_CLOSED ? "fin" : "rst";
		conclude(s, portal_end(&s->portal), ev->at_ns);
		break;
	default: /* an ICMP error inside the connection: time tells whether it lives on */
		break;
	}
}

static void on_dial(void *ctx, enum dial_news news, const struct sock_event *ev)
{
	struct http_probe *s = ctx;
	if (news == DIAL_OPEN)
		opened(s, ev->at_ns);
	else if (news == DIAL_EVENT && s->timer)
		on_event(s, ev);
	else if (news == DIAL_FAILED)
		probe_finish(s->probe);
}

static int start(struct probe *p, void *state)
{
	struct http_probe *s = state;
	s->probe = p;
	s->start_ns = probe_now(p);
	int e = http_url_parse(probe_target(p)->url, &s->url);
	if (e)
		return e;
	*dial(s) = (struct dial){
		.probe = p, .name = s->url.host.s, .port = s->url.port, .fn = on_dial, .ctx = s};
	dial_name(dial(s));
	return 0;
}

static void cancel(struct probe *p, void *state)
{
	struct http_probe *s = state;
	(void)p;
	loop_timer_del(s->timer);
	dial_cancel(&s->dials[0]);
	dial_cancel(&s->dials[1]);
}

static void contacts(struct forecast *f, const struct check *c)
{
	const struct profile_target *t = &f->run->profile->targets[c->target_index];
	struct http_url url;
	if (http_url_parse(t->url, &url))
		return;
	struct forecast_row row = { .host = arena_strdup(f->run->arena, url.host.s), .proto = "tcp",
				    .port = url.port, .packets = c->packets, .bytes = c->bytes,
				    .why = t->why };
	forecast_add(f, &row);
	forecast_name(f, row.host);
}

const struct probe_def http_probe = {
	.name = "http",
	.title = "plain HTTP page",
	.summary = "fetches a page whose content is known, to see a captive portal",
	.checks = "STEM",
	.privilege = "none",
	.packets = DIAL_PACKETS + DIAL_ONE_PACKETS + 2 * EXCHANGE_PACKETS,
	.bytes = (DIAL_PACKETS + DIAL_ONE_PACKETS) * SYN_BYTES + 2 * (EXCHANGE_PACKETS * ACK_BYTES + 100),
	.state_size = sizeof(struct http_probe),
	.contacts = contacts,
	.start = start,
	.cancel = cancel,
};
