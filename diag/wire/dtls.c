/* DTLS 1.2 parsers. Figures in comments: RFC 6347 section 4.1 (record), 4.2.2 (handshake). */
#include "sallyport/wire/dtls.h"

#include <string.h>

#include "sallyport/err.h"

/* type(1) version(2) epoch(2) sequence(6) [cid] length(2) body */
int dtls_next_record(struct reader *r, size_t cid_len, struct dtls_record *out)
{
	if (!rd_left(r))
		return 0;
	struct dtls_record rec = { .type = rd_u8(r), .version = rd_be16(r), .epoch = rd_be16(r),
				   .seq = rd_be48(r) };
	if (rec.type == DTLS_CID || rec.type == DTLS_MOVE_CID)
		rec.cid = rd_take(r, cid_len);
	rec.body = rd_take(r, rd_be16(r));
	if (!rd_ok(r))
		return SP_E_TRUNCATED;
	if (rec.version >> 8 != 0xfe)
		return SP_E_MALFORMED;
	*out = rec;
	return 1;
}

/* type(1) length(3) message_seq(2) fragment_offset(3) fragment_length(3) body */
int dtls_next_fragment(struct reader *r, struct dtls_fragment *out)
{
	if (!rd_left(r))
		return 0;
	struct dtls_fragment f = { .type = rd_u8(r), .length = rd_be24(r), .message_seq = rd_be16(r),
				   .offset = rd_be24(r) };
	f.body = rd_take(r, rd_be24(r));
	if (!rd_ok(r))
		return SP_E_TRUNCATED;
	if (f.offset > f.length || f.body.n > f.length - f.offset)
		return SP_E_MALFORMED;
	*out = f;
	return 1;
}

static bool mark(struct dtls_reassembly *a, uint32_t i)
{
	uint8_t bit = (uint8_t)(1U << (i & 7));
	bool fresh = !(a->have[i / 8] & bit);
	a->have[i / 8] |= bit;
	return fresh;
}

int dtls_reassemble(struct dtls_reassembly *a, const struct dtls_fragment *f)
{
	if (f->length > DTLS_MESSAGE_MAX)
		return SP_E_LIMIT;
	if (!a->active) {
		memset(a, 0, sizeof(*a));
		a->active = true;
		a->type = f->type;
		a->message_seq = f->message_seq;
		a->length = f->length;
	}
	if (f->length != a->length || f->message_seq != a->message_seq || f->type != a->type)
		return SP_E_MALFORMED;
	struct writer w = wr_of(a->bytes, sizeof(a->bytes));
	w.at = f->offset;
	wr_bytes(&w, f->body.p, f->body.n);
	for (uint32_t i = 0; wr_ok(&w) && i < f->body.n; i++)
		a->received += mark(a, f->offset + i);
	return a->received == a->length;
}

static struct bytes take_vec8(struct reader *r)
{
	return rd_take(r, rd_u8(r));
}

static struct bytes take_vec16(struct reader *r)
{
	return rd_take(r, rd_be16(r));
}

static bool has_u16(struct bytes list, uint16_t wanted)
{
	struct reader r = rd_of(list.p, list.n);
	while (rd_left(&r) >= 2)
		if (rd_be16(&r) == wanted)
			return true;
	return false;
}

enum {
	EXT_GROUPS = 10, EXT_CLIENT_CERT_TYPE = 19, EXT_SERVER_CERT_TYPE = 20, EXT_CID_DRAFT = 53,
	EXT_CID = 54, EXT_CID_OLD = 254, CERT_TYPE_RAW_KEY = 2,
};

static bool has_raw_key(struct bytes body)
{
	struct reader e = rd_of(body.p, body.n);
	struct bytes list = take_vec8(&e);
	return rd_ok(&e) && list.n && memchr(list.p, CERT_TYPE_RAW_KEY, list.n);
}

static int read_extensions(struct reader *r, struct dtls_client_hello *h)
{
	bool raw_client = false, raw_server = false;
	h->offers_p256 = true;
	while (rd_left(r)) {
		uint16_t type = rd_be16(r);
		struct bytes body = take_vec16(r);
		if (type == EXT_CID || type == EXT_CID_OLD || type == EXT_CID_DRAFT)
			h->cid_ext = type;
		if (type == EXT_GROUPS) {
			struct reader e = rd_of(body.p, body.n);
			h->offers_p256 = has_u16(take_vec16(&e), DTLS_GROUP_SECP256R1);
		}
		raw_client |= type == EXT_CLIENT_CERT_TYPE && has_raw_key(body);
		raw_server |= type == EXT_SERVER_CERT_TYPE && has_raw_key(body);
	}
	h->offers_raw_key = raw_client && raw_server;
	return rd_ok(r) ? 0 : SP_E_TRUNCATED;
}

int dtls_parse_client_hello(const uint8_t *p, size_t n, struct dtls_client_hello *out)
{
	struct reader r = rd_of(p, n);
	struct dtls_client_hello h = { .version = rd_be16(&r) };
	h.random = rd_take(&r, DTLS_RANDOM_BYTES);
	h.session_id = take_vec8(&r);
	h.cookie = take_vec8(&r);
	h.suites = take_vec16(&r);
	(void)take_vec8(&r); /* compression methods */
	if (!rd_ok(&r))
		return SP_E_TRUNCATED;
	h.offers_suite = has_u16(h.suites, DTLS_SUITE_ECDHE_ECDSA_AES_128_CCM_8);
	h.offers_p256 = true;
	if (rd_left(&r)) { /* extensions are optional as a whole, RFC 5246 section 7.4.1.2 */
		struct bytes all = take_vec16(&r);
		struct reader e = rd_of(all.p, all.n);
		int bad = rd_ok(&r) ? read_extensions(&e, &h) : SP_E_TRUNCATED;
		if (bad)
			return bad;
	}
	*out = h;
	return 0;
}

int dtls_parse_hello_verify(const uint8_t *p, size_t n, struct dtls_hello_verify *out)
{
	struct reader r = rd_of(p, n);
	struct dtls_hello_verify h = { .version = rd_be16(&r) };
	h.cookie = take_vec8(&r);
	if (!rd_ok(&r))
		return SP_E_TRUNCATED;
	if (rd_left(&r) || h.version >> 8 != 0xfe)
		return SP_E_MALFORMED;
	*out = h;
	return 0;
}

int dtls_parse_server_hello(const uint8_t *p, size_t n, struct dtls_server_hello *out)
{
	struct reader r = rd_of(p, n);
	struct dtls_server_hello h = { .version = rd_be16(&r) };
	h.random = rd_take(&r, DTLS_RANDOM_BYTES);
	h.session_id = take_vec8(&r);
	h.suite = rd_be16(&r);
	rd_skip(&r, 1); /* compression */
	if (!rd_ok(&r))
		return SP_E_TRUNCATED;
	if (h.version >> 8 != 0xfe)
		return SP_E_MALFORMED;
	*out = h;
	return 0;
}

int dtls_parse_key_exchange(const uint8_t *p, size_t n, struct dtls_key_exchange *out)
{
	struct reader r = rd_of(p, n);
	struct dtls_key_exchange k = { 0 };
	uint8_t curve_type = rd_u8(&r);
	k.group = rd_be16(&r);
	k.point = take_vec8(&r);
	size_t signed_bytes = r.at;
	k.sig_alg = rd_be16(&r);
	k.signature = take_vec16(&r);
	if (!rd_ok(&r))
		return SP_E_TRUNCATED;
	if (curve_type != 3 || rd_left(&r)) /* 3: named_curve */
		return SP_E_MALFORMED;
	k.params = (struct bytes){ p, signed_bytes };
	*out = k;
	return 0;
}

int dtls_parse_alert(const uint8_t *p, size_t n, struct dtls_alert *out)
{
	struct reader r = rd_of(p, n);
	struct dtls_alert a = { .level = rd_u8(&r), .description = rd_u8(&r) };
	if (!rd_ok(&r))
		return SP_E_TRUNCATED;
	if (rd_left(&r) || a.level < 1 || a.level > 2)
		return SP_E_MALFORMED;
	*out = a;
	return 0;
}

const char *dtls_message_name(uint8_t type)
{
	static const struct {
		uint8_t type;
		const char *name;
	} names[] = {
		{ 0, "hello-request" },
		{ DTLS_CLIENT_HELLO, "client-hello" },
		{ DTLS_SERVER_HELLO, "server-hello" },
		{ DTLS_HELLO_VERIFY_REQUEST, "hello-verify-request" },
		{ 4, "new-session-ticket" },
		{ DTLS_CERTIFICATE, "certificate" },
		{ DTLS_SERVER_KEY_EXCHANGE, "server-key-exchange" },
		{ DTLS_CERTIFICATE_REQUEST, "certificate-request" },
		{ DTLS_SERVER_HELLO_DONE, "server-hello-done" },
		{ 15, "certificate-verify" },
		{ 16, "client-key-exchange" },
		{ 20, "finished" },
	};
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (names[i].type == type)
			return names[i].name;
	return NULL;
}
