/* Plain HTTP on TCP 80: the pages that the profile's portal checks expect, or a captive portal. */
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "diag/lab/servers/tcp.h"
#include "sallyport/clock.h"
#include "sallyport/text.h"
#include "sallyport/wire/http.h"

enum { REQUEST_MAX = 4096, ANSWER_MAX = 2048, CACHED_S = 6 * 3600 };

struct request {
	uint8_t b[REQUEST_MAX];
	size_t n;
};

struct answer {
	unsigned status;
	const char *phrase, *headers, *body;
};

static const struct answer redirect = {
	.status = 302,
	.phrase = "Found",
	.headers = "Server: PortalGuard/1.0\r\nLocation: http://portal.hotel.example/login\r\n",
	.body = "",
};
static const struct answer page = {
	.status = 200,
	.phrase = "OK",
	.headers = "Server: PortalGuard/1.0\r\nContent-Type: text/html\r\n",
	.body = "<html><title>Welcome to the Hotel</title><form action=\"/login\">Room number: "
		"<input name=\"room\"></form></html>\n",
};
static const struct answer unknown = {
	.status = 404,
	.phrase = "Not Found",
	.headers = "",
	.body = "",
};

/* What the profile's operators serve under this host and path. */
static struct answer honest(const struct profile *p, const struct http_request *q)
{
	for (size_t i = 0; i < p->n_targets; i++) {
		const struct profile_target *t = &p->targets[i];
		struct http_url u;
		struct hostname host;
		struct wire_text name = q->host;
		const uint8_t *colon = name.n ? memchr(name.p, ':', name.n) : NULL;
		if (colon)
			name.n = (size_t)(colon - name.p);
		if (strcmp(t->probe, "http") != 0 || http_url_parse(t->url, &u) ||
		    hostname_parse(name, &host) || strcmp(host.s, u.host.s) != 0 ||
		    q->path.n != strlen(u.path) || memcmp(q->path.p, u.path, q->path.n) != 0)
			continue;
		return (struct answer){t->expect_status, "OK", "Server: lab\r\n",
				       t->expect_body ? t->expect_body : ""};
	}
	return unknown;
}

static void date_line(const struct lab_world *w, char *out, size_t cap)
{
	time_t t = (time_t)(clock_wall_us() / 1000000 + (int64_t)w->knobs.clock_offset_s);
	struct tm tm;
	if (w->knobs.http == LAB_HTTP_CACHED)
		t -= CACHED_S;
	out[0] = '\0';
	if (gmtime_r(&t, &tm))
		strftime(out, cap, "Date: %a, %d %b %Y %H:%M:%S GMT\r\n", &tm); /* "C" locale */
}

static void send_answer(struct lab_tcp_conn *c, const struct answer *a)
{
	char text[ANSWER_MAX], date[64], length[48] = "";
	date_line(c->world, date, sizeof(date));
	if (a->status != 204)
		snprintf(length, sizeof(length), "Content-Length: %zu\r\n", strlen(a->body));
	int n = snprintf(text, sizeof(text), "HTTP/1.1 %u %s\r\n%s%s%sConnection: close\r\n\r\n%s",
			 a->status, a->phrase, date, a->headers, length, a->body);
	if (n > 0 && (size_t)n < sizeof(text))
		(void)lab_tcp_send(c, text, (size_t)n);
	lab_tcp_close(c, false);
}

static void ready(struct lab_tcp_conn *c, unsigned events)
{
	struct request *r = c->state;
	struct http_request q;
	(void)events;
	ssize_t n = lab_tcp_recv(c, r->b + r->n, sizeof(r->b) - r->n);
	if (n < 0 || (n == 0 && r->n == sizeof(r->b))) {
		lab_tcp_close(c, false);
		return;
	}
	r->n += (size_t)n;
	int e = http_request_parse(r->b, r->n, &q);
	if (e == SP_E_TRUNCATED && r->n < sizeof(r->b))
		return;
	if (e) {
		lab_tcp_close(c, true);
		return;
	}
	enum lab_http how = c->forged ? LAB_HTTP_PAGE : c->world->knobs.http;
	struct answer a = how == LAB_HTTP_REDIRECT ? redirect
			  : how == LAB_HTTP_PAGE   ? page
						   : honest(c->world->profile, &q);
	if (how == LAB_HTTP_SILENT)
		r->n = 0;
	else
		send_answer(c, &a);
}

static bool opened(struct lab_tcp_conn *c)
{
	(void)c;
	return true;
}

static int listen_port(struct loop *l, const struct lab_world *w, uint16_t port)
{
	static const struct lab_tcp_service service = {
		.state_size = sizeof(struct request),
		.opened = opened,
		.ready = ready,
	};
	struct addr second = w->portal; /* the other operator's page: the next address */
	second.b[3]++;
	const struct addr *const where[] = {&w->portal, &second, &w->forged};
	int e = 0;
	for (size_t a = 0; !e && a < sizeof(where) / sizeof(where[0]); a++)
		e = lab_tcp_listen(l, w, where[a], port, &service);
	return e;
}

static int start(struct loop *l, const struct lab_world *w)
{
	uint16_t done = 0; /* plain HTTP has one port in every profile shipped */
	int e = 0;
	for (size_t i = 0; !e && i < w->profile->n_targets; i++) {
		const struct profile_target *t = &w->profile->targets[i];
		struct http_url u;
		if (strcmp(t->probe, "http") != 0 || http_url_parse(t->url, &u) || u.port == done)
			continue;
		done = u.port;
		e = listen_port(l, w, done);
	}
	return e;
}

const struct lab_server lab_server_http = {
	.name = "http",
	.side = LAB_SIDE_FAR,
	.start = start,
};
