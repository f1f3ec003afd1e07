/*
 * The site's web proxy on the gateway, TCP 3128: answers CONNECT with 200 or, where it wants a login,
 * 407; gives the script that names itself to whoever asks for /wpad.dat. Nothing goes through it:
 * nobody is to use it.
 */
#include <string.h>

#include "diag/lab/servers/tcp.h"
#include "sallyport/wire/http.h"

enum { PROXY_PORT = 3128, REQUEST_MAX = 2048 };

struct request {
	uint8_t b[REQUEST_MAX];
	size_t n;
};

static const char established[] = "HTTP/1.1 200 Connection established\r\n\r\n";
static const char login[] = "HTTP/1.1 407 Proxy Authentication Required\r\n"
			    "Server: squid/5.7\r\n"
			    "Proxy-Authenticate: Basic realm=\"staff\"\r\n"
			    "Content-Length: 0\r\nConnection: close\r\n\r\n";
static const char script[] = "HTTP/1.1 200 OK\r\n"
			     "Content-Type: application/x-ns-proxy-autoconfig\r\n"
			     "Connection: close\r\n\r\n"
			     "function FindProxyForURL(url, host) {\n"
			     "  if (isPlainHostName(host)) return \"DIRECT\";\n"
			     "  return \"PROXY 192.168.77.1:3128\";\n}\n";
static const char bad[] = "HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n"
			  "Connection: close\r\n\r\n";

static bool is(struct wire_text t, const char *word)
{
	return t.n == strlen(word) && memcmp(t.p, word, t.n) == 0;
}

static const char *answer_to(const struct lab_world *w, const struct http_request *q)
{
	if (is(q->method, "CONNECT"))
		return w->knobs.proxy == LAB_PROXY_LOGIN ? login : established;
	return is(q->method, "GET") && is(q->path, "/wpad.dat") ? script : bad;
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
	const char *text = e ? bad : answer_to(c->world, &q);
	(void)lab_tcp_send(c, text, strlen(text));
	if (text != established)
		lab_tcp_close(c, false);
	else
		r->n = 0; /* an open tunnel that leads nowhere */
}

static bool opened(struct lab_tcp_conn *c)
{
	(void)c;
	return true;
}

static int start(struct loop *l, const struct lab_world *w)
{
	static const struct lab_tcp_service service = {
		.state_size = sizeof(struct request),
		.opened = opened,
		.ready = ready,
	};
	return lab_tcp_listen(l, w, &w->resolver, PROXY_PORT, &service);
}

const struct lab_server lab_server_proxy = {
	.name = "proxy",
	.side = LAB_SIDE_GATEWAY,
	.start = start,
};
