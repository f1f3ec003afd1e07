/* TCP 5683 of the device cloud: 40 random bytes to whoever connects, then it waits; or one of the
 * things that answer there instead. */
#include <string.h>
#include <sys/random.h>

#include "diag/lab/servers/tcp.h"

enum { LONG_BY = 24, SHORT_BY = 11, GREETING_MAX = 256 };

static const char smtp_text[] = "220 mail.example.net ESMTP ready\r\n";
static const char http_text[] =
	"HTTP/1.1 400 Bad Request\r\nServer: proxy\r\nContent-Length: 0\r\n\r\n";
/* A handshake_failure alert (RFC 8446 section 6.2). */
static const char tls_bytes[] = "\x15\x03\x03\x00\x02\x02\x28";

static size_t nonce_length(const struct profile *p)
{
	for (size_t i = 0; i < p->n_targets; i++)
		if (strcmp(p->targets[i].probe, "tcp-greeting") == 0)
			return p->targets[i].greeting_bytes;
	return 0;
}

static bool send_nonce(struct lab_tcp_conn *c, size_t n)
{
	uint8_t nonce[GREETING_MAX];
	n = n < sizeof(nonce) ? n : sizeof(nonce);
	if (getrandom(nonce, n, 0) != (ssize_t)n)
		return false;
	nonce[0] |= 0x80; /* never taken for text */
	return lab_tcp_send(c, nonce, n);
}

static bool opened(struct lab_tcp_conn *c)
{
	enum lab_greeting how = c->forged ? LAB_GREETING_HTTP : c->world->knobs.greeting;
	size_t n = nonce_length(c->world->profile);
	switch (how) {
	case LAB_GREETING_HONEST:
		return send_nonce(c, n);
	case LAB_GREETING_SHORT:
		return send_nonce(c, n - SHORT_BY);
	case LAB_GREETING_LONG:
		return send_nonce(c, n + LONG_BY);
	case LAB_GREETING_TEXT:
		return lab_tcp_send(c, smtp_text, sizeof(smtp_text) - 1);
	case LAB_GREETING_TLS:
		return lab_tcp_send(c, tls_bytes, sizeof(tls_bytes) - 1);
	case LAB_GREETING_HTTP:
		return lab_tcp_send(c, http_text, sizeof(http_text) - 1);
	case LAB_GREETING_CLOSE:
		lab_tcp_close(c, false);
		return false;
	case LAB_GREETING_SILENT:
		break;
	}
	return true;
}

/* What a client says is read and dropped; without credentials the handshake goes no further. */
static void ready(struct lab_tcp_conn *c, unsigned events)
{
	uint8_t sink[512];
	(void)events;
	if (lab_tcp_recv(c, sink, sizeof(sink)) < 0)
		lab_tcp_close(c, false);
}

static int start(struct loop *l, const struct lab_world *w)
{
	static const struct lab_tcp_service service = {.opened = opened, .ready = ready};
	int e = 0;
	for (size_t i = 0; !e && i < w->profile->n_targets; i++) {
		const struct profile_target *t = &w->profile->targets[i];
		if (strcmp(t->probe, "tcp-greeting") != 0)
			continue;
		e = lab_tcp_listen(l, w, &w->cloud_tcp, t->port, &service);
		if (!e)
			e = lab_tcp_listen(l, w, &w->forged, t->port, &service);
	}
	return e;
}

const struct lab_server lab_server_greeting = {
	.name = "greeting",
	.side = LAB_SIDE_FAR,
	.start = start,
};
