/*
 * The lab's device cloud on the profile's UDP port: cookie exchange, then the server's flight up to
 * ServerHelloDone, signed with the lab's own key, each message in a datagram of its own as the real
 * service sends it; and the type 252 echo. Stateless: the cookie is a MAC, and the second
 * ClientHello holds all that the flight needs.
 */
#include <stdlib.h>
#include <string.h>

#include "sallyport/arena.h"
#include "sallyport/clock.h"
#include "sallyport/crypto.h"
#include "sallyport/lab.h"
#include "sallyport/wire/dtls.h"
#include "udp.h"

enum { COOKIE_BYTES = 32, FLIGHT_MAX = 12, DATAGRAM_MAX = 1400, LATE_S = 4 };
enum { HANDSHAKE_FAILURE = 40, UNSUPPORTED_CERTIFICATE = 43 }; /* RFC 5246 section 7.2 */

struct cloud {
	const struct lab_world *world;
	struct loop *loop;
	struct crypto_key *key;
	enum lab_dtls mode;
	uint8_t secret[32];
};

struct flight {
	struct lab_udp *udp;
	struct endpoint to;
	struct loop_timer *timer;
	unsigned n;
	size_t len[FLIGHT_MAX];
	uint8_t datagram[FLIGHT_MAX][DATAGRAM_MAX];
	uint16_t message_seq;
	uint64_t record_seq;
};

static void send_flight(void *ctx)
{
	struct flight *f = ctx;
	for (unsigned i = 0; i < f->n; i++)
		lab_udp_send(f->udp, &f->to, f->datagram[i], f->len[i]);
	loop_timer_del(f->timer);
	free(f);
}

static void add_fragment(struct flight *f, uint8_t type, uint32_t total, uint32_t offset,
			 const uint8_t *p, size_t n)
{
	struct dtls_fragment frag = { .type = type, .length = total, .message_seq = f->message_seq,
				      .offset = offset, .body = { p, n } };
	if (f->n == FLIGHT_MAX)
		return;
	f->len[f->n] = dtls_build_handshake(f->datagram[f->n], DATAGRAM_MAX, DTLS_VERSION_12,
					    f->record_seq++, &frag);
	f->n++;
}

/* One message: whole, or in pieces of 60 bytes with the first two swapped. */
static void add_message(struct cloud *c, struct flight *f, uint8_t type, const uint8_t *p, size_t n)
{
	enum { PIECE = 60 };
	if (c->mode != LAB_DTLS_FRAGMENTS || n <= PIECE) {
		add_fragment(f, type, (uint32_t)n, 0, p, n);
	} else {
		add_fragment(f, type, (uint32_t)n, PIECE, p + PIECE, n - PIECE);
		add_fragment(f, type, (uint32_t)n, 0, p, PIECE);
	}
	f->message_seq++;
}

static size_t signed_key_exchange(struct cloud *c, struct bytes client_random,
				  const uint8_t server_random[32], uint8_t *out, size_t cap)
{
	uint8_t point[DTLS_POINT_BYTES], params[DTLS_PARAMS_BYTES], sig[80];
	struct crypto_key *ephemeral = crypto_key_new();
	int bad = !ephemeral || crypto_key_point(ephemeral, point);
	crypto_key_free(ephemeral);
	if (bad)
		return 0;
	size_t n = dtls_build_params(params, sizeof(params), point);
	const struct bytes parts[] = { client_random, { server_random, 32 }, { params, n } };
	int len = crypto_sign(c->key, parts, 3, sig, sizeof(sig));
	return len < 0 ? 0 : dtls_build_key_exchange(out, cap, parts[2], (struct bytes){ sig, (size_t)len });
}

/* RFC 7250 section 3: the key itself, behind its length. The real service leaves this message out. */
static size_t raw_key_message(struct cloud *c, uint8_t *out, size_t cap)
{
	uint8_t spki[128];
	int n = crypto_key_spki(c->key, spki, sizeof(spki));
	struct writer w = wr_of(out, cap);
	wr_be24(&w, n < 0 ? 0 : (uint32_t)n);
	wr_bytes(&w, spki, n < 0 ? 0 : (size_t)n);
	return w.at;
}

static void fill_flight(struct cloud *c, struct flight *f, const struct dtls_client_hello *hello)
{
	static const uint8_t request[] = { 1, 64, 0, 2, 4, 3, 0, 0 }; /* ecdsa_sign; SHA-256; no names */
	uint8_t random[32], session[32], body[300];
	int64_t unix_s = clock_wall_us() / 1000000 + (int64_t)c->world->knobs.clock_offset_s;
	(void)crypto_random(random, sizeof(random));
	(void)crypto_random(session, sizeof(session));
	struct writer w = wr_of(random, sizeof(random));
	wr_be32(&w, (uint32_t)unix_s); /* the real service's random starts with its clock too */
	size_t n = dtls_build_server_hello(body, sizeof(body), random, session,
					   DTLS_SUITE_ECDHE_ECDSA_AES_128_CCM_8);
	add_message(c, f, DTLS_SERVER_HELLO, body, n);
	if (c->mode == LAB_DTLS_CERTIFICATE)
		add_message(c, f, DTLS_CERTIFICATE, body, raw_key_message(c, body, sizeof(body)));
	n = signed_key_exchange(c, hello->random, random, body, sizeof(body));
	add_message(c, f, DTLS_SERVER_KEY_EXCHANGE, body, n);
	add_message(c, f, DTLS_CERTIFICATE_REQUEST, request, sizeof(request));
	add_message(c, f, DTLS_SERVER_HELLO_DONE, NULL, 0);
}

/* All records in one datagram. */
static void join(struct flight *f)
{
	for (unsigned i = 1; i < f->n; i++) {
		struct writer w = wr_of(f->datagram[0], DATAGRAM_MAX);
		w.at = f->len[0];
		wr_bytes(&w, f->datagram[i], f->len[i]);
		f->len[0] = w.at;
	}
	f->n = 1;
}

static void double_all(struct flight *f)
{
	unsigned n = f->n;
	for (unsigned i = 0; i < n && f->n < FLIGHT_MAX; i++, f->n++) {
		memcpy(f->datagram[f->n], f->datagram[i], f->len[i]);
		f->len[f->n] = f->len[i];
	}
}

static void answer_flight(struct cloud *c, struct lab_udp *u, const struct endpoint *from,
			  const struct dtls_client_hello *hello, uint16_t message_seq, uint64_t seq)
{
	struct flight *f = xcalloc(1, sizeof(*f));
	*f = (struct flight){ .udp = u, .to = *from, .message_seq = message_seq, .record_seq = seq };
	fill_flight(c, f, hello);
	if (c->mode == LAB_DTLS_ONE_DATAGRAM)
		join(f);
	if (c->mode == LAB_DTLS_TWICE)
		double_all(f);
	uint64_t wait = c->mode == LAB_DTLS_LATE ? LATE_S * NS_PER_S : 0;
	f->timer = loop_timer_add(c->loop, loop_now_ns(c->loop) + wait, send_flight, f);
}

static void make_cookie(const struct cloud *c, const struct endpoint *from, struct bytes random,
			uint8_t out[COOKIE_BYTES])
{
	uint8_t text[64];
	struct writer w = wr_of(text, sizeof(text));
	wr_bytes(&w, from->addr.b, 16);
	wr_be16(&w, from->port);
	wr_bytes(&w, random.p, random.n);
	(void)crypto_hmac_sha256((struct bytes){ c->secret, sizeof(c->secret) }, (struct bytes){ text, w.at },
				 out);
}

static void send_alert(struct lab_udp *u, const struct endpoint *from, uint64_t seq, uint8_t what)
{
	uint8_t out[32];
	lab_udp_send(u, from, out, dtls_build_alert(out, sizeof(out), seq, 2, what));
}

static void ask_cookie(struct cloud *c, struct lab_udp *u, const struct endpoint *from,
		       const uint8_t cookie[COOKIE_BYTES], uint64_t seq)
{
	uint8_t body[64], out[128];
	size_t n = dtls_build_hello_verify(body, sizeof(body), (struct bytes){ cookie, COOKIE_BYTES });
	struct dtls_fragment f = { .type = DTLS_HELLO_VERIFY_REQUEST, .length = (uint32_t)n,
				   .body = { body, n } };
	n = dtls_build_handshake(out, sizeof(out), DTLS_VERSION_12, seq, &f);
	lab_udp_send(u, from, out, n);
	if (c->mode == LAB_DTLS_TWICE)
		lab_udp_send(u, from, out, n);
}

static void on_hello(struct cloud *c, struct lab_udp *u, const struct endpoint *from,
		     const struct dtls_client_hello *hello, uint64_t seq)
{
	uint8_t cookie[COOKIE_BYTES];
	make_cookie(c, from, hello->random, cookie);
	bool good = hello->cookie.n == COOKIE_BYTES && memcmp(cookie, hello->cookie.p, COOKIE_BYTES) == 0;
	if (!hello->offers_suite || !hello->offers_p256 || c->mode == LAB_DTLS_ALERT)
		send_alert(u, from, seq, HANDSHAKE_FAILURE);
	else if (!hello->offers_raw_key) /* RFC 7250 section 4.2 */
		send_alert(u, from, seq, UNSUPPORTED_CERTIFICATE);
	else if (c->mode == LAB_DTLS_NO_COOKIE)
		answer_flight(c, u, from, hello, 0, seq);
	else if (!good)
		ask_cookie(c, u, from, cookie, seq);
	else if (c->mode == LAB_DTLS_ALERT_AFTER_COOKIE)
		send_alert(u, from, seq, HANDSHAKE_FAILURE);
	else if (c->mode != LAB_DTLS_STALL)
		answer_flight(c, u, from, hello, 1, seq);
}

/* Answers that are no DTLS at all; true when one was sent (or silence is the answer). */
static bool impostor(struct cloud *c, struct lab_udp *u, const struct endpoint *from)
{
	uint8_t noise[48];
	static const char text[] = "login required\r\n";
	if (c->mode == LAB_DTLS_TEXT)
		lab_udp_send(u, from, text, sizeof(text) - 1);
	if (c->mode == LAB_DTLS_RANDOM && crypto_random(noise, sizeof(noise)) == 0) {
		noise[0] |= 0x80; /* never a record type of DTLS by chance */
		noise[1] = 0;
		lab_udp_send(u, from, noise, sizeof(noise));
	}
	return c->mode == LAB_DTLS_TEXT || c->mode == LAB_DTLS_RANDOM || c->mode == LAB_DTLS_MUTE;
}

static void on_datagram(void *ctx, struct lab_udp *u, const struct endpoint *from, const uint8_t *p,
			size_t n)
{
	struct cloud *c = ctx;
	struct reader r = rd_of(p, n);
	struct dtls_record rec;
	struct dtls_fragment f;
	struct dtls_client_hello hello;
	if (impostor(c, u, from) || dtls_next_record(&r, 8, &rec) != 1)
		return;
	if (rec.type == DTLS_ECHO && c->mode != LAB_DTLS_NO_ECHO)
		lab_udp_send(u, from, p, n);
	struct reader body = rd_of(rec.body.p, rec.body.n);
	if (rec.type == DTLS_HANDSHAKE && dtls_next_fragment(&body, &f) == 1 &&
	    f.type == DTLS_CLIENT_HELLO && f.body.n == f.length &&
	    dtls_parse_client_hello(f.body.p, f.body.n, &hello) == 0)
		on_hello(c, u, from, &hello, rec.seq);
}

static int serve(struct loop *l, const struct lab_world *w, const struct addr *at, void *key,
		 enum lab_dtls mode)
{
	struct cloud *c = xcalloc(1, sizeof(*c));
	*c = (struct cloud){ .world = w, .loop = l, .key = key, .mode = mode };
	int e = crypto_random(c->secret, sizeof(c->secret));
	struct endpoint local = { *at, lab_world_port(w, "dtls-device", 5684) };
	return e ? e : lab_udp_open(l, &local, on_datagram, c, NULL);
}

static int start(struct loop *l, const struct lab_world *w)
{
	bool wrong = w->knobs.dtls == LAB_DTLS_WRONG_KEY;
	int e = serve(l, w, &w->cloud_udp, wrong ? w->wrong_key : w->identity_key, w->knobs.dtls);
	e = e ? e : serve(l, w, &w->other, w->identity_key, LAB_DTLS_HONEST);
	return e ? e : serve(l, w, &w->forged, w->wrong_key, LAB_DTLS_HONEST);
}

const struct lab_server lab_server_dtls = { "dtls", LAB_SIDE_FAR, start };
