#include "handshake.h"

#include <stdio.h>
#include <string.h>

enum { ALERT_FATAL = 2, ALERT_USER_CANCELED = 90 };

void hs_init(struct handshake *h, const uint8_t random[32], unsigned cid_ext)
{
	memset(h, 0, sizeof(*h));
	memcpy(h->random, random, sizeof(h->random));
	h->cid_ext = cid_ext;
}

size_t hs_client_hello(struct handshake *h, uint8_t *out, size_t cap)
{
	struct dtls_hello_params p = { .random = h->random,
				       .cookie = { h->cookie, h->cookie_n },
				       .cid_ext = h->cid_ext,
				       .message_seq = h->have_cookie ? 1 : 0,
				       .record_seq = h->record_seq++ };
	return dtls_build_client_hello(out, cap, &p);
}

size_t hs_goodbye(struct handshake *h, uint8_t *out, size_t cap)
{
	h->finished = true;
	return dtls_build_alert(out, cap, h->record_seq++, ALERT_FATAL, ALERT_USER_CANCELED);
}

static void note_message(struct handshake *h, uint8_t type)
{
	char number[16];
	const char *name = dtls_message_name(type);
	size_t at = strlen(h->flight);
	if (!name) {
		snprintf(number, sizeof(number), "message-%u", type);
		name = number;
	}
	if (at + strlen(name) + 2 < sizeof(h->flight) && !strstr(h->flight, name))
		snprintf(h->flight + at, sizeof(h->flight) - at, "%s%s", at ? "," : "", name);
}

/* The first authentic answer is reported once. */
static enum hs_result answered(struct handshake *h, const char *by)
{
	if (h->hello_seen)
		return HS_NOTHING;
	h->hello_seen = true;
	h->answer = by;
	return HS_HELLO;
}

static enum hs_result on_hello_verify(struct handshake *h, const struct dtls_fragment *f)
{
	struct dtls_hello_verify v;
	if (f->body.n != f->length || dtls_parse_hello_verify(f->body.p, f->body.n, &v))
		return HS_GARBLED;
	if (h->server_hello)
		return HS_NOTHING;
	/* A server that has forgotten us asks again, with a new cookie: the next hello carries it. */
	if (h->have_cookie && (v.cookie.n != h->cookie_n || memcmp(v.cookie.p, h->cookie, h->cookie_n)))
		note_message(h, f->type);
	struct writer w = wr_of(h->cookie, sizeof(h->cookie));
	wr_bytes(&w, v.cookie.p, v.cookie.n);
	h->cookie_n = (uint8_t)v.cookie.n;
	h->have_cookie = true;
	return answered(h, "hello-verify-request");
}

static enum hs_result on_server_hello(struct handshake *h)
{
	struct dtls_server_hello s;
	if (dtls_parse_server_hello(h->hello_msg.bytes, h->hello_msg.length, &s))
		return HS_GARBLED;
	h->server_hello = true;
	h->suite = s.suite;
	memcpy(h->server_random, s.random.p, sizeof(h->server_random));
	return s.suite == DTLS_SUITE_ECDHE_ECDSA_AES_128_CCM_8 ? answered(h, "server-hello")
							       : HS_WRONG_SUITE;
}

static enum hs_result on_key_exchange(struct handshake *h)
{
	if (dtls_parse_key_exchange(h->key_msg.bytes, h->key_msg.length, &h->key) ||
	    h->key.group != DTLS_GROUP_SECP256R1 || h->key.point.n != DTLS_POINT_BYTES ||
	    h->key.sig_alg != DTLS_SIG_ECDSA_SHA256)
		return HS_BAD_PARAMS;
	return HS_NOTHING;
}

static enum hs_result on_fragment(struct handshake *h, const struct dtls_fragment *f)
{
	bool had_hello = h->server_hello;
	enum hs_result r = HS_NOTHING;
	if (f->type == DTLS_HELLO_VERIFY_REQUEST)
		return on_hello_verify(h, f);
	note_message(h, f->type);
	if (f->type == DTLS_SERVER_HELLO && !had_hello && dtls_reassemble(&h->hello_msg, f) == 1)
		r = on_server_hello(h);
	if (f->type == DTLS_SERVER_KEY_EXCHANGE && !h->key.params.n &&
	    dtls_reassemble(&h->key_msg, f) == 1)
		r = on_key_exchange(h);
	if (r == HS_NOTHING && h->server_hello && h->key.params.n && !h->finished) {
		h->finished = true;
		return HS_KEY_EXCHANGE;
	}
	return r;
}

/* Of several things in one datagram the later step counts. */
static enum hs_result later(enum hs_result a, enum hs_result b)
{
	static const int rank[] = { [HS_NOTHING] = 0, [HS_GARBLED] = 1, [HS_ALERT] = 2, [HS_HELLO] = 3,
				    [HS_BAD_PARAMS] = 4, [HS_WRONG_SUITE] = 5, [HS_KEY_EXCHANGE] = 6 };
	return rank[a] >= rank[b] ? a : b;
}

static enum hs_result on_record(struct handshake *h, const struct dtls_record *rec)
{
	enum hs_result r = HS_NOTHING;
	if (rec->type == DTLS_ALERT && rec->epoch == 0)
		return dtls_parse_alert(rec->body.p, rec->body.n, &h->alert) ? HS_GARBLED : HS_ALERT;
	if (rec->type != DTLS_HANDSHAKE || rec->epoch != 0)
		return HS_NOTHING;
	struct reader body = rd_of(rec->body.p, rec->body.n);
	struct dtls_fragment f;
	int e;
	while ((e = dtls_next_fragment(&body, &f)) == 1)
		r = later(r, on_fragment(h, &f));
	return e < 0 ? later(r, HS_GARBLED) : r;
}

enum hs_result hs_datagram(struct handshake *h, const uint8_t *p, size_t n)
{
	struct reader r = rd_of(p, n);
	struct dtls_record rec;
	enum hs_result result = HS_NOTHING;
	int e;
	while ((e = dtls_next_record(&r, 8, &rec)) == 1)
		result = later(result, on_record(h, &rec));
	return e < 0 || !n ? later(result, HS_GARBLED) : result;
}
