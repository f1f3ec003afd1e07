/*
 * `portal` by the network's own word: where DHCP names a captive-portal API (option 114, RFC 8910),
 * it is asked over TLS whether this host is captive (RFC 8908). Devices have no browser and cannot
 * pass a portal, whatever it says about this host.
 */
#include <string.h>

#include "core/portal.h"
#include "dial.h"
#include "sallyport/captive.h"
#include "sallyport/clock.h"
#include "sallyport/err.h"
#include "sallyport/tls_client.h"

#define WHOLE_WAIT_NS (5 * NS_PER_S)

enum { EXCHANGE_PACKETS = 12, REQUEST_MAX = 1024, DIAL_TRIES = 3 };

struct api_probe {
	struct probe *probe;
	struct http_url url;
	struct dial dial;
	struct tls_client *client;
	struct portal answer; /* gathers the response */
	struct loop_timer *timer;
};

/* The parser knows http:// alone; here the port is 443 when none is given. */
static int parse_url(const char *url, struct http_url *out)
{
	static const char scheme[] = "https://";
	char plain[HTTP_PATH_MAX];
	size_t skip = sizeof(scheme) - 1;
	if (strncmp(url, scheme, skip) != 0 || strlen(url) + 1 > sizeof(plain))
		return SP_E_SYNTAX;
	memcpy(plain, "http://", 7);
	text_copy(plain + 7, sizeof(plain) - 7, url + skip);
	int e = http_url_parse(plain, out);
	if (!e && out->port == 80)
		out->port = 443;
	return e;
}

static void tell(struct api_probe *s, enum outcome outcome, const char *reason, const bool *captive)
{
	struct observation o;
	dial_describe(&s->dial, &o, "http", outcome, probe_now(s->probe));
	obs_text(&o, A_URL, probe_check(s->probe)->target);
	if (captive)
		obs_bool(&o, A_CAPTIVE, *captive);
	if (reason)
		obs_text(&o, A_REASON, reason);
	obs_int(&o, A_PACKETS, EXCHANGE_PACKETS);
	obs_int(&o, A_BYTES, EXCHANGE_PACKETS * ACK_BYTES);
	probe_observe(s->probe, &o);
	probe_finish(s->probe);
}

static void conclude(struct api_probe *s)
{
	const struct http_response *h = &s->answer.response;
	bool captive = false;
	loop_timer_del(s->timer);
	s->timer = NULL;
	if (http_response_parse(s->answer.buf, s->answer.n, &s->answer.response))
		tell(s, s->answer.n ? OUTCOME_GARBLED : OUTCOME_SILENT, NULL, NULL);
	else if (h->status == 200 && captive_parse(h->body, &captive) == 0)
		tell(s, OUTCOME_ANSWERED, NULL, &captive);
	else
		tell(s, OUTCOME_MISMATCH, "not the document of RFC 8908", NULL);
}

static void on_time(void *ctx)
{
	conclude(ctx);
}

static void on_data(void *ctx, const uint8_t *p, size_t n)
{
	struct api_probe *s = ctx;
	if (!s->timer)
		return;
	(void)portal_data(&s->answer, p, n);
	if (!n || s->answer.response.complete)
		conclude(s);
}

static void on_tls(void *ctx, const struct tls_result *r)
{
	struct api_probe *s = ctx;
	uint8_t get[REQUEST_MAX];
	int n = http_get_build(&s->url, get, sizeof(get));
	/* RFC 8908 section 4.2: the certificate must be for the name that DHCP gave. */
	const char *trouble = r->end != TLS_DONE ? "no TLS" : !r->chain_ok || !r->name_ok ? r->verify : NULL;
	if (trouble || n < 0 || tls_client_talk(s->client, get, (size_t)n, on_data)) {
		loop_timer_del(s->timer);
		s->timer = NULL;
		tell(s, OUTCOME_MISMATCH, trouble ? trouble : "failed", NULL);
	}
}

static void on_dial(void *ctx, enum dial_news news, const struct sock_event *ev)
{
	struct api_probe *s = ctx;
	struct tls_client_opts o = { .sni = s->url.host.s, .name = s->url.host.s };
	(void)ev;
	if (news == DIAL_FAILED) {
		probe_finish(s->probe);
	} else if (news == DIAL_OPEN) {
		(void)probe_spend(s->probe, EXCHANGE_PACKETS, EXCHANGE_PACKETS * ACK_BYTES);
		portal_init(&s->answer, 200, NULL);
		s->timer = loop_timer_add(probe_loop(s->probe), probe_now(s->probe) + WHOLE_WAIT_NS, on_time,
					  s);
		if (tls_client_start(probe_loop(s->probe), dial_take_fd(&s->dial), &o, on_tls, s, &s->client)) {
			s->client = NULL;
			tell(s, OUTCOME_MISMATCH, "failed", NULL);
		}
	}
}

static int start(struct probe *p, void *state)
{
	struct api_probe *s = state;
	s->probe = p;
	int e = parse_url(probe_check(p)->target, &s->url);
	if (e)
		return e;
	s->dial = (struct dial){ .probe = p, .name = s->url.host.s, .port = s->url.port, .fn = on_dial,
				 .ctx = s, .limit = DIAL_TRIES };
	dial_name(&s->dial);
	return 0;
}

static void cancel(struct probe *p, void *state)
{
	struct api_probe *s = state;
	(void)p;
	loop_timer_del(s->timer);
	tls_client_close(s->client);
	dial_cancel(&s->dial);
}

static void contacts(struct forecast *f, const struct check *c)
{
	struct http_url url;
	if (parse_url(c->target, &url))
		return;
	struct forecast_row row = { .host = arena_strdup(f->run->arena, url.host.s), .proto = "tcp",
				    .port = url.port, .packets = c->packets, .bytes = c->bytes,
				    .why = "the captive-portal API that DHCP names" };
	forecast_add(f, &row);
	forecast_name(f, row.host);
}

const struct probe_def portal_api_probe = {
	.name = "portal-api",
	.title = "captive-portal API",
	.summary = "asks the interface that DHCP names (RFC 8910) whether a portal holds this host",
	.checks = "portal",
	.privilege = "none",
	.packets = EXCHANGE_PACKETS + DIAL_PACKETS,
	.bytes = EXCHANGE_PACKETS * ACK_BYTES + DIAL_PACKETS * SYN_BYTES + 700,
	.state_size = sizeof(struct api_probe),
	.contacts = contacts,
	.start = start,
	.cancel = cancel,
};
