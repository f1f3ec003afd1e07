/*
 * TLS over the loop; the only file of the tool that uses SSL_*. OpenSSL sees two memory BIOs, the
 * socket is read and written here: so an RST, a FIN and the first bytes are seen as they are, no
 * SIGPIPE can come, and nothing blocks.
 */
#include "sallyport/tls_client.h"

#include <arpa/inet.h>
#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509_vfy.h>
#include <openssl/x509v3.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "sallyport/arena.h"
#include "sallyport/err.h"
#include "sallyport/text.h"

enum {
	TALK_CHUNK = 16384, READ_CHUNK = 8192,
	READS_PER_WAKE = 8,
	RECEIVED_MAX = 262144, /* no handshake needs more; a flood ends here */
};

struct tls_client {
	struct loop *loop;
	struct loop_io *io;
	struct loop_timer *deferred; /* first step, and a result that is known before one */
	int fd;
	SSL *ssl;
	BIO *in, *out;               /* owned by ssl */
	uint8_t pending[READ_CHUNK]; /* taken from `out`, not yet accepted by the socket */
	size_t n_pending;
	bool eof, reset;
	char name[TLS_NAME_MAX];
	tls_client_fn *fn;
	tls_data_fn *data;
	void *ctx;
	struct tls_result result;
};

/* The trust store is read once: five hosts are asked at the same time. */
static SSL_CTX *shared_ctx;

static SSL_CTX *client_ctx(void)
{
	if (shared_ctx)
		return shared_ctx;
	SSL_CTX *ctx = SSL_CTX_new(TLS_client_method());
	if (!ctx)
		return NULL;
	SSL_CTX_set_verify(ctx, SSL_VERIFY_NONE, NULL); /* verified, but never enforced */
	SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_OFF);
	SSL_CTX_set_default_verify_paths(ctx); /* honours SSL_CERT_FILE and SSL_CERT_DIR */
	ERR_clear_error();
	shared_ctx = ctx;
	return ctx;
}

void tls_client_forget_store(void)
{
	SSL_CTX_free(shared_ctx);
	shared_ctx = NULL;
}

static const char *or_env(const char *variable, const char *fallback)
{
	const char *v = secure_getenv(variable);
	return v && *v ? v : fallback;
}

/* True where this host has any trusted certificate; without one no chain can be judged. */
static bool have_trust_store(void)
{
	const char *file = or_env(X509_get_default_cert_file_env(), X509_get_default_cert_file());
	const char *dir = or_env(X509_get_default_cert_dir_env(), X509_get_default_cert_dir());
	if (access(file, R_OK) == 0)
		return true;
	DIR *d = opendir(dir);
	bool found = false;
	for (struct dirent *e; d && !found && (e = readdir(d));)
		found = strlen(e->d_name) == 10 && e->d_name[8] == '.'; /* HHHHHHHH.N */
	if (d)
		closedir(d);
	return found;
}

static const struct {
	int code;
	const char *word;
} verify_words[] = {
	{X509_V_OK, "ok"},
	{X509_V_ERR_CERT_HAS_EXPIRED, "expired"},
	{X509_V_ERR_CERT_NOT_YET_VALID, "not-yet-valid"},
	{X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT, "self-signed"},
	{X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN, "self-signed-in-chain"},
	{X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT, "unknown-issuer"},
	{X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY, "unknown-issuer"},
	{X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE, "unknown-issuer"},
	{X509_V_ERR_CERT_UNTRUSTED, "unknown-issuer"},
	{X509_V_ERR_CERT_SIGNATURE_FAILURE, "bad-signature"},
	{X509_V_ERR_CERT_REVOKED, "revoked"},
	{X509_V_ERR_INVALID_PURPOSE, "wrong-purpose"},
	{X509_V_ERR_INVALID_CA, "wrong-purpose"},
	{X509_V_ERR_EE_KEY_TOO_SMALL, "weak-key"},
	{X509_V_ERR_CA_KEY_TOO_SMALL, "weak-key"},
	{X509_V_ERR_CA_MD_TOO_WEAK, "weak-key"},
};

static const char *verify_word(long code)
{
	for (size_t i = 0; i < sizeof(verify_words) / sizeof(verify_words[0]); i++)
		if (verify_words[i].code == code)
			return verify_words[i].word;
	return "other";
}

/* Distinguished name, most specific part first ("CN=x,O=y"), printable and bounded. */
static void name_text(const X509_NAME *name, char out[TLS_NAME_MAX])
{
	BIO *mem = BIO_new(BIO_s_mem());
	char *data = NULL;
	out[0] = '\0';
	if (!mem)
		return;
	if (X509_NAME_print_ex(mem, name, 0, XN_FLAG_RFC2253) >= 0) {
		long n = BIO_get_mem_data(mem, &data);
		text_printable(out, TLS_NAME_MAX, wire_text_of(data, n > 0 ? (size_t)n : 0));
	}
	BIO_free(mem);
}

static int64_t wall_us(const ASN1_TIME *t)
{
	struct tm tm;
	return ASN1_TIME_to_tm(t, &tm) == 1 ? (int64_t)timegm(&tm) * 1000000 : 0;
}

static bool name_matches(X509 *leaf, const char *name)
{
	struct in6_addr ip;
	bool literal = inet_pton(AF_INET, name, &ip) == 1 || inet_pton(AF_INET6, name, &ip) == 1;
	return (literal ? X509_check_ip_asc(leaf, name, 0)
			: X509_check_host(leaf, name, 0, 0, NULL)) == 1;
}

/* The same chain once more without looking at dates: tells a wrong clock from a wrong chain. */
static bool verify_undated(SSL *ssl, X509 *leaf)
{
	X509_STORE_CTX *ctx = X509_STORE_CTX_new();
	X509_STORE *store = SSL_CTX_get_cert_store(SSL_get_SSL_CTX(ssl));
	bool ok = false;
	if (ctx && X509_STORE_CTX_init(ctx, store, leaf, SSL_get_peer_cert_chain(ssl)) == 1) {
		X509_STORE_CTX_set_default(ctx, "ssl_server");
		X509_STORE_CTX_set_flags(ctx, X509_V_FLAG_NO_CHECK_TIME);
		X509_VERIFY_PARAM_set_auth_level(X509_STORE_CTX_get0_param(ctx),
						 SSL_get_security_level(ssl));
		ok = X509_verify_cert(ctx) == 1;
	}
	X509_STORE_CTX_free(ctx);
	return ok;
}

static void judge_chain(struct tls_client *c, X509 *leaf)
{
	struct tls_result *r = &c->result;
	long code = SSL_get_verify_result(c->ssl);
	r->verify_code = (int)code;
	r->chain_ok = code == X509_V_OK;
	r->chain_known = r->chain_ok || have_trust_store();
	r->chain_ok_undated = r->chain_ok || verify_undated(c->ssl, leaf);
	r->name_ok = c->name[0] && name_matches(leaf, c->name);
	r->verify = !r->chain_known              ? "no-trust-store"
		    : r->chain_ok && !r->name_ok ? "name-mismatch"
						 : verify_word(code);
}

static void read_certificate(struct tls_client *c)
{
	struct tls_result *r = &c->result;
	X509 *leaf = SSL_get1_peer_certificate(c->ssl);
	if (!leaf)
		return;
	unsigned char *der = NULL;
	int len = i2d_X509_PUBKEY(X509_get_X509_PUBKEY(leaf), &der);
	if (len > 0)
		EVP_Digest(der, (size_t)len, r->spki_sha256, NULL, EVP_sha256(), NULL);
	OPENSSL_free(der);
	name_text(X509_get_issuer_name(leaf), r->issuer);
	name_text(X509_get_subject_name(leaf), r->subject);
	r->not_before_us = wall_us(X509_get0_notBefore(leaf));
	r->not_after_us = wall_us(X509_get0_notAfter(leaf));
	judge_chain(c, leaf);
	r->has_certificate = true;
	X509_free(leaf);
}

/* Sees each message that comes in: alerts, and the ServerHello. */
static void on_message(int sent, int version, int type, const void *buf, size_t n, SSL *ssl,
		       void *arg)
{
	struct tls_client *c = arg;
	const uint8_t *b = buf;
	(void)version;
	(void)ssl;
	if (sent)
		return;
	if (type == SSL3_RT_ALERT && n == 2)
		c->result.alert = b[1];
	if (type == SSL3_RT_HANDSHAKE && n && b[0] == SSL3_MT_SERVER_HELLO)
		c->result.server_hello = true;
}

/* Moves what OpenSSL wrote to the socket, as far as it takes it. */
static void flush(struct tls_client *c)
{
	for (;;) {
		if (!c->n_pending) {
			int n = BIO_read(c->out, c->pending, sizeof(c->pending));
			if (n <= 0)
				return;
			c->n_pending = (size_t)n;
		}
		ssize_t done = send(c->fd, c->pending, c->n_pending, MSG_NOSIGNAL | MSG_DONTWAIT);
		if (done < 0) {
			c->reset |= errno == ECONNRESET || errno == EPIPE;
			return; /* else the loop tells when there is room, or the next read what
				   happened */
		}
		c->result.sent += (uint64_t)done;
		c->n_pending -= (size_t)done;
		memmove(c->pending, c->pending + done, c->n_pending);
	}
}

static void note_received(struct tls_client *c, const uint8_t *p, size_t n)
{
	struct tls_result *r = &c->result;
	if (!r->received)
		r->answered_ns = loop_now_ns(c->loop);
	size_t room = TLS_FIRST_BYTES - r->n_first;
	size_t take = n < room ? n : room;
	memcpy(r->first + r->n_first, p, take);
	r->n_first += (unsigned)take;
	r->received += n;
}

/* Moves what the socket has to OpenSSL; notes FIN and RST. */
static void fill(struct tls_client *c)
{
	uint8_t buf[READ_CHUNK];
	for (unsigned i = 0; i < READS_PER_WAKE && !c->eof && !c->reset; i++) {
		ssize_t n = recv(c->fd, buf, sizeof(buf), MSG_DONTWAIT);
		if (n > 0) {
			note_received(c, buf, (size_t)n);
			BIO_write(c->in, buf, (int)n);
		} else if (n == 0) {
			c->eof = true;
		} else {
			if (errno == ECONNRESET || errno == EPIPE)
				c->reset = true;
			else if (errno != EAGAIN && errno != EINTR)
				c->result.err = errno; /* an ICMP error: the connection lives on */
			return;
		}
	}
}

/* What an unfinished handshake has come to. */
static enum tls_end unfinished(const struct tls_client *c, int ssl_error)
{
	if (ssl_error != SSL_ERROR_WANT_READ && ssl_error != SSL_ERROR_WANT_WRITE)
		return c->result.alert >= 0 ? TLS_ALERTED
		       : c->result.received ? TLS_GARBLED
					    : TLS_FAILED;
	if (c->reset)
		return TLS_RESET;
	if (c->eof)
		return TLS_CLOSED;
	return c->result.received > RECEIVED_MAX ? TLS_GARBLED : TLS_PENDING;
}

static void finish(struct tls_client *c, enum tls_end end)
{
	loop_io_del(c->io);
	c->io = NULL;
	c->result.end = end;
	c->result.ended_ns = loop_now_ns(c->loop);
	c->fn(c->ctx, &c->result); /* c may be gone now */
}

static void step(struct tls_client *c)
{
	fill(c);
	ERR_clear_error();
	int done = SSL_do_handshake(c->ssl);
	int error = done == 1 ? 0 : SSL_get_error(c->ssl, done);
	flush(c);
	if (done == 1) {
		text_copy(c->result.version, sizeof(c->result.version), SSL_get_version(c->ssl));
		read_certificate(c);
		ERR_clear_error();
		finish(c, TLS_DONE);
		return;
	}
	ERR_clear_error();
	enum tls_end end = unfinished(c, error);
	if (end != TLS_PENDING)
		finish(c, end);
	else
		(void)loop_io_mod(c->io, LOOP_READ | (c->n_pending ? LOOP_WRITE : 0U));
}

static void on_io(void *ctx, unsigned events)
{
	(void)events;
	step(ctx);
}

static void on_deferred(void *ctx)
{
	struct tls_client *c = ctx;
	loop_timer_del(c->deferred);
	c->deferred = NULL;
	int e = loop_io_add(c->loop, c->fd, LOOP_READ, on_io, c, &c->io);
	if (e) {
		c->result.err = -e;
		finish(c, TLS_FAILED);
		return;
	}
	step(c);
}

static int set_up_ssl(struct tls_client *c, const struct tls_client_opts *o)
{
	SSL_CTX *ctx = client_ctx();
	c->ssl = ctx ? SSL_new(ctx) : NULL;
	c->in = BIO_new(BIO_s_mem());
	c->out = BIO_new(BIO_s_mem());
	if (!c->ssl || !c->in || !c->out) {
		BIO_free(c->in);
		BIO_free(c->out);
		return SP_E_CRYPTO;
	}
	BIO_set_mem_eof_return(c->in, -1); /* empty means "wait", not end of stream */
	SSL_set_bio(c->ssl, c->in, c->out);
	SSL_set_connect_state(c->ssl);
	SSL_set_msg_callback(c->ssl, on_message);
	SSL_set_msg_callback_arg(c->ssl, c);
	char sni[TLS_NAME_MAX];
	text_copy(sni, sizeof(sni), o->sni ? o->sni : "");
	return sni[0] && SSL_set_tlsext_host_name(c->ssl, sni) != 1 ? SP_E_CRYPTO : 0;
}

static void destroy(struct tls_client *c)
{
	loop_timer_del(c->deferred);
	loop_io_del(c->io); /* before its fd goes */
	SSL_free(c->ssl);
	close(c->fd);
	free(c);
}

int tls_client_start(struct loop *l, int fd, const struct tls_client_opts *o, tls_client_fn *fn,
		     void *ctx, struct tls_client **out)
{
	struct tls_client *c = xcalloc(1, sizeof(*c));
	c->loop = l;
	c->fd = fd;
	c->fn = fn;
	c->ctx = ctx;
	c->result.alert = -1;
	c->result.verify = "";
	c->result.started_ns = loop_now_ns(l);
	text_copy(c->name, sizeof(c->name), o->name ? o->name : "");
	int e = set_up_ssl(c, o);
	if (e) {
		destroy(c);
		return e;
	}
	c->deferred = loop_timer_add(l, 0, on_deferred, c);
	*out = c;
	return 0;
}

/* One callback for all that is there: inside it the client may be closed. */
static void on_data(void *ctx, unsigned events)
{
	struct tls_client *c = ctx;
	uint8_t buf[TALK_CHUNK];
	size_t n = 0;
	int got;
	(void)events;
	fill(c);
	ERR_clear_error();
	while (n < sizeof(buf) && (got = SSL_read(c->ssl, buf + n, (int)(sizeof(buf) - n))) > 0)
		n += (size_t)got;
	bool over = !n && (c->eof || c->reset || SSL_get_error(c->ssl, got) != SSL_ERROR_WANT_READ);
	ERR_clear_error();
	if (over) {
		loop_io_del(c->io);
		c->io = NULL;
	}
	if (n || over)
		c->data(c->ctx, buf, n);
}

int tls_client_talk(struct tls_client *c, const void *p, size_t n, tls_data_fn *fn)
{
	if (c->result.end != TLS_DONE || n > INT_MAX || SSL_write(c->ssl, p, (int)n) != (int)n)
		return SP_E_CRYPTO;
	flush(c);
	c->data = fn;
	return loop_io_add(c->loop, c->fd, LOOP_READ, on_data, c, &c->io);
}

const struct tls_result *tls_client_result(const struct tls_client *c)
{
	return &c->result;
}

void tls_client_close(struct tls_client *c)
{
	if (!c)
		return;
	if (c->result.end == TLS_DONE) {
		(void)SSL_shutdown(c->ssl);
		flush(c);
		ERR_clear_error();
	}
	destroy(c);
}
