/* TLS on TCP 443: certificates by name from the lab's CA, or what goes wrong there. Behind a
 * finished handshake it only waits for the client to leave. */
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <string.h>

#include "diag/lab/pki.h"
#include "diag/lab/servers/tcp.h"
#include "sallyport/text.h"
#include "sallyport/wire/tls.h"

enum { HELLO_MAX = 8192, PATH_CAP = 160 };

struct service {
	SSL_CTX *certs[LAB_CERT_COUNT];
	const struct profile *profile;
};

struct session {
	SSL *ssl;
	BIO *in;       /* owned by ssl */
	bool filtered; /* the name filter has let this one pass */
};

static struct service service; /* one per process, like the world it serves */

static bool is_target_name(const struct profile *p, const char *name)
{
	for (size_t i = 0; i < p->n_targets; i++)
		if (strcmp(p->targets[i].probe, "tls") == 0 &&
		    text_equal_nocase(p->targets[i].name, name))
			return true;
	return false;
}

static bool is_control_name(const struct profile *p, const char *name)
{
	for (size_t i = 0; i < p->control_names.n; i++)
		if (text_equal_nocase(p->control_names.v[i], name))
			return true;
	return false;
}

static enum lab_cert cert_for(const struct lab_tcp_conn *c, const char *name)
{
	static const enum lab_cert by_knob[] = {
		[LAB_TLS_PRIVATE_CA] = LAB_CERT_INSPECTED,
		[LAB_TLS_EXPIRED] = LAB_CERT_EXPIRED,
		[LAB_TLS_WRONG_NAME] = LAB_CERT_WRONG_NAME,
		[LAB_TLS_ALERT] = LAB_CERT_SITE, /* the last row; 0 elsewhere is LAB_CERT_SITE */
	};
	if (c->forged)
		return LAB_CERT_FORGED;
	enum lab_cert which = by_knob[c->world->knobs.tls];
	return which == LAB_CERT_SITE && name && is_control_name(service.profile, name)
		       ? LAB_CERT_OTHER
		       : which;
}

static int on_name(SSL *ssl, int *alert, void *arg)
{
	const struct lab_tcp_conn *c = SSL_get_app_data(ssl);
	(void)alert;
	(void)arg;
	SSL_set_SSL_CTX(
		ssl,
		service.certs[cert_for(c, SSL_get_servername(ssl, TLSEXT_NAMETYPE_host_name))]);
	return SSL_TLSEXT_ERR_OK;
}

/* Looks at the name in the ClientHello that has come so far. True when the connection may go on to
 * its handshake; false when the rest of the hello must come first, or it has been reset. */
static bool pass_filter(struct lab_tcp_conn *c, struct session *s)
{
	static uint8_t joined[HELLO_MAX];
	struct tls_message m;
	struct tls_client_hello h;
	char *raw = NULL, name[HOSTNAME_MAX + 8] = "";
	long n = BIO_get_mem_data(s->in, &raw);
	int e = tls_first_message((const uint8_t *)raw, (size_t)n, joined, sizeof(joined), &m);
	if (e == SP_E_TRUNCATED && n < HELLO_MAX)
		return false;
	if (!e)
		e = m.type == TLS_CLIENT_HELLO ? tls_client_hello_parse(m.body.p, m.body.n, &h)
					       : SP_E_MALFORMED;
	if (!e)
		text_printable(name, sizeof(name), h.sni);
	bool pass = !e && !is_target_name(service.profile, name);
	s->filtered = pass;
	if (!pass)
		lab_tcp_close(c, true); /* s is gone with it */
	return pass;
}

static void handshake(struct lab_tcp_conn *c, struct session *s)
{
	uint8_t sink[1024];
	ERR_clear_error();
	int n = SSL_is_init_finished(s->ssl) ? SSL_read(s->ssl, sink, sizeof(sink))
					     : SSL_do_handshake(s->ssl);
	int e = n > 0 ? SSL_ERROR_WANT_READ : SSL_get_error(s->ssl, n);
	ERR_clear_error();
	if (e != SSL_ERROR_WANT_READ) /* a flight always fits an empty send buffer */
		lab_tcp_close(c, false);
}

static void send_alert(struct lab_tcp_conn *c)
{
	/* unrecognized_name, fatal (RFC 6066 section 3) */
	static const uint8_t alert[] = {21, 3, 3, 0, 2, 2, 112};
	(void)lab_tcp_send(c, alert, sizeof(alert));
	lab_tcp_close(c, false);
}

static void ready(struct lab_tcp_conn *c, unsigned events)
{
	struct session *s = c->state;
	enum lab_tls how = c->forged ? LAB_TLS_HONEST : c->world->knobs.tls;
	uint8_t buf[4096];
	(void)events;
	ssize_t n = lab_tcp_recv(c, buf, sizeof(buf));
	if (n < 0) {
		lab_tcp_close(c, false);
		return;
	}
	if (how == LAB_TLS_HANG || !n)
		return;
	if (how == LAB_TLS_ALERT) {
		send_alert(c);
		return;
	}
	BIO_write(s->in, buf, (int)n);
	if (how != LAB_TLS_SNI_FILTER || s->filtered || pass_filter(c, s))
		handshake(c, s);
}

/* OpenSSL reads from memory, so that the name filter sees the hello first. */
static bool opened(struct lab_tcp_conn *c)
{
	struct session *s = c->state;
	BIO *out = BIO_new_socket(c->fd, BIO_NOCLOSE);
	s->in = BIO_new(BIO_s_mem());
	s->ssl = SSL_new(service.certs[cert_for(c, NULL)]);
	if (!s->ssl || !s->in || !out) {
		BIO_free(s->in);
		BIO_free(out);
		lab_tcp_close(c, true);
		return false;
	}
	BIO_set_mem_eof_return(s->in, -1);
	SSL_set_bio(s->ssl, s->in, out);
	SSL_set_app_data(s->ssl, c);
	SSL_set_accept_state(s->ssl);
	return true;
}

static void closed(struct lab_tcp_conn *c)
{
	struct session *s = c->state;
	if (s->ssl && SSL_is_init_finished(s->ssl))
		(void)SSL_shutdown(s->ssl);
	ERR_clear_error();
	SSL_free(s->ssl);
}

static int load_certs(const struct lab_world *w)
{
	for (int i = 0; i < LAB_CERT_COUNT; i++) {
		char path[PATH_CAP];
		lab_pki_cert_path(w, (enum lab_cert)i, path, sizeof(path));
		SSL_CTX *ctx = SSL_CTX_new(TLS_server_method());
		service.certs[i] = ctx;
		if (!ctx || SSL_CTX_use_certificate_chain_file(ctx, path) != 1 ||
		    SSL_CTX_use_PrivateKey_file(ctx, path, SSL_FILETYPE_PEM) != 1)
			return SP_E_CRYPTO;
		SSL_CTX_set_tlsext_servername_callback(ctx, on_name);
		SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_OFF);
	}
	return 0;
}

static int start(struct loop *l, const struct lab_world *w)
{
	static const struct lab_tcp_service tcp = {
		.state_size = sizeof(struct session),
		.opened = opened,
		.ready = ready,
		.closed = closed,
	};
	const struct addr *const where[] = {&w->web, &w->other, &w->forged};
	uint16_t done = 0; /* all targets share one port in every profile shipped */
	int e = load_certs(w);
	service.profile = w->profile;
	for (size_t i = 0; !e && i < w->profile->n_targets; i++) {
		const struct profile_target *t = &w->profile->targets[i];
		if (strcmp(t->probe, "tls") != 0 || t->port == done)
			continue;
		done = t->port;
		for (size_t a = 0; !e && a < sizeof(where) / sizeof(where[0]); a++)
			e = lab_tcp_listen(l, w, where[a], t->port, &tcp);
	}
	return e;
}

const struct lab_server lab_server_tls = {
	.name = "tls",
	.side = LAB_SIDE_FAR,
	.start = start,
};
