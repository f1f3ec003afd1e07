/* TLS records, hellos and alerts in clear. */
#include "sallyport/wire/tls.h"

#include <string.h>

#include "sallyport/err.h"

enum {
	MESSAGE_HEADER = 4,
	EXT_SERVER_NAME = 0,
	EXT_ALPN = 16,
	EXT_SUPPORTED_VERSIONS = 43,
	NAME_TYPE_HOST = 0, /* RFC 6066 section 3 */
	RANDOM_LEN = 32,
	SESSION_ID_MAX = 32,
};

int tls_record_read(struct reader *r, struct tls_record *out)
{
	struct reader try = *r;
	struct tls_record rec = {.type = rd_u8(&try), .version = rd_be16(&try)};
	size_t len = rd_be16(&try);
	if (!rd_ok(&try))
		return SP_E_TRUNCATED;
	if (rec.type < TLS_CHANGE_CIPHER_SPEC || rec.type > TLS_APPLICATION ||
	    rec.version >> 8 != 3 || (rec.version & 0xff) > 4 || len > TLS_RECORD_MAX)
		return SP_E_MALFORMED;
	rec.body = rd_take(&try, len);
	if (!rd_ok(&try))
		return SP_E_TRUNCATED;
	*r = try;
	*out = rec;
	return 0;
}

/* The message at the start of b, once it is whole. */
static int message_read(const uint8_t *b, size_t n, struct tls_message *out)
{
	struct reader r = rd_of(b, n);
	struct tls_message m = {.type = rd_u8(&r)};
	m.body = rd_take(&r, rd_be24(&r));
	if (!rd_ok(&r))
		return SP_E_TRUNCATED;
	*out = m;
	return 0;
}

/* True when the message that starts in b can never fit cap bytes. */
static bool message_too_long(const uint8_t *b, size_t n, size_t cap)
{
	struct reader r = rd_of(b, n);
	rd_skip(&r, 1);
	size_t len = rd_be24(&r);
	return rd_ok(&r) && len + MESSAGE_HEADER > cap;
}

int tls_first_message(const uint8_t *p, size_t n, uint8_t *buf, size_t cap, struct tls_message *out)
{
	struct reader r = rd_of(p, n);
	struct writer w = wr_of(buf, cap);
	while (message_read(buf, w.at, out) != 0) {
		struct tls_record rec;
		int e = tls_record_read(&r, &rec);
		if (e)
			return e;
		/* An empty fragment is forbidden (RFC 8446 section 5.1); it could also loop for
		 * ever. */
		if (rec.type != TLS_HANDSHAKE || !rec.body.n)
			return SP_E_MALFORMED;
		size_t room = cap - w.at;
		wr_bytes(&w, rec.body.p, rec.body.n < room ? rec.body.n : room);
		if (message_too_long(buf, w.at, cap))
			return SP_E_LIMIT;
		if (w.at == cap && message_read(buf, w.at, out) != 0)
			return SP_E_LIMIT;
	}
	return 0;
}

/* server_name: the first host_name of the list. */
static int sni_parse(struct reader r, struct wire_text *out)
{
	struct reader list = rd_sub(&r, rd_be16(&r));
	while (rd_left(&list)) {
		uint8_t type = rd_u8(&list);
		struct bytes name = rd_take(&list, rd_be16(&list));
		if (rd_ok(&list) && type == NAME_TYPE_HOST) {
			*out = wire_text_of(name.p, name.n);
			return 0;
		}
	}
	return rd_ok(&list) ? 0 : SP_E_MALFORMED;
}

static int alpn_parse(struct reader r, struct bytes *out)
{
	struct bytes list = rd_take(&r, rd_be16(&r));
	struct reader names = rd_of(list.p, list.n);
	while (rd_left(&names))
		rd_skip(&names, rd_u8(&names));
	if (!rd_ok(&r) || !rd_ok(&names))
		return SP_E_MALFORMED;
	*out = list;
	return 0;
}

static int client_extension(uint16_t type, struct reader body, struct tls_client_hello *h)
{
	if (type == EXT_SERVER_NAME && !h->sni.p)
		return sni_parse(body, &h->sni);
	if (type == EXT_ALPN && !h->alpn.p)
		return alpn_parse(body, &h->alpn);
	return 0;
}

int tls_client_hello_parse(const uint8_t *p, size_t n, struct tls_client_hello *out)
{
	struct reader r = rd_of(p, n);
	struct tls_client_hello h = {.version = rd_be16(&r)};
	h.random = rd_take(&r, RANDOM_LEN);
	h.session_id = rd_take(&r, rd_u8(&r));
	h.suites = rd_take(&r, rd_be16(&r));
	rd_skip(&r, rd_u8(&r)); /* compression methods */
	if (!rd_ok(&r))
		return SP_E_TRUNCATED;
	if (h.version >> 8 != 3 || h.session_id.n > SESSION_ID_MAX || !h.suites.n || h.suites.n % 2)
		return SP_E_MALFORMED;
	struct reader exts = rd_left(&r) ? rd_sub(&r, rd_be16(&r)) : rd_of(NULL, 0);
	for (unsigned i = 0; rd_left(&exts); i++) {
		uint16_t type = rd_be16(&exts);
		struct reader body = rd_sub(&exts, rd_be16(&exts));
		if (i == TLS_MAX_EXTENSIONS || !rd_ok(&exts) || client_extension(type, body, &h))
			return SP_E_MALFORMED;
	}
	if (!rd_ok(&exts))
		return SP_E_TRUNCATED;
	*out = h;
	return 0;
}

static void extension_write(struct writer *w, const struct tls_client_hello *h)
{
	if (h->sni.p) {
		wr_be16(w, EXT_SERVER_NAME);
		size_t ext = wr_len_begin(w, 2), list = wr_len_begin(w, 2);
		wr_u8(w, NAME_TYPE_HOST);
		wr_be16(w, (uint16_t)h->sni.n);
		wr_bytes(w, h->sni.p, h->sni.n);
		wr_len_end(w, list, 2);
		wr_len_end(w, ext, 2);
	}
	if (h->alpn.p) {
		wr_be16(w, EXT_ALPN);
		size_t ext = wr_len_begin(w, 2), list = wr_len_begin(w, 2);
		wr_bytes(w, h->alpn.p, h->alpn.n);
		wr_len_end(w, list, 2);
		wr_len_end(w, ext, 2);
	}
}

/* The whole handshake message, header included. */
static void client_hello_write(struct writer *w, const struct tls_client_hello *h)
{
	wr_u8(w, TLS_CLIENT_HELLO);
	size_t len = wr_len_begin(w, 3);
	wr_be16(w, h->version);
	wr_bytes(w, h->random.p, h->random.n);
	wr_u8(w, (uint8_t)h->session_id.n);
	wr_bytes(w, h->session_id.p, h->session_id.n);
	wr_be16(w, (uint16_t)h->suites.n);
	wr_bytes(w, h->suites.p, h->suites.n);
	wr_be16(w, 0x0100); /* one compression method: null */
	size_t exts = wr_len_begin(w, 2);
	extension_write(w, h);
	wr_len_end(w, exts, 2);
	wr_len_end(w, len, 3);
}

int tls_client_hello_build(const struct tls_client_hello *h, size_t record_max, uint8_t *out,
			   size_t cap)
{
	enum { HELLO_MAX = 2048, RECORD_TEXT_MAX = 16384 };
	uint8_t message[HELLO_MAX];
	struct writer m = wr_of(message, sizeof(message)), w = wr_of(out, cap);
	if (h->random.n != RANDOM_LEN || h->session_id.n > SESSION_ID_MAX ||
	    h->suites.n > HELLO_MAX || h->sni.n > HELLO_MAX || h->alpn.n > HELLO_MAX)
		return SP_E_LIMIT;
	client_hello_write(&m, h);
	struct reader left = rd_of(message, m.at);
	size_t step = record_max && record_max < RECORD_TEXT_MAX ? record_max : RECORD_TEXT_MAX;
	while (wr_ok(&m) && rd_left(&left)) {
		struct bytes part = rd_take(&left, rd_left(&left) < step ? rd_left(&left) : step);
		wr_u8(&w, TLS_HANDSHAKE);
		wr_be16(&w, 0x0301); /* what servers expect on the first record (RFC 8446
					section 5.1) */
		wr_be16(&w, (uint16_t)part.n);
		wr_bytes(&w, part.p, part.n);
	}
	return wr_ok(&m) && wr_ok(&w) ? (int)w.at : SP_E_LIMIT;
}

/* SHA-256 of "HelloRetryRequest" (RFC 8446 section 4.1.3). */
static const uint8_t retry_random[RANDOM_LEN] = {
	0xcf, 0x21, 0xad, 0x74, 0xe5, 0x9a, 0x61, 0x11, 0xbe, 0x1d, 0x8c,
	0x02, 0x1e, 0x65, 0xb8, 0x91, 0xc2, 0xa2, 0x11, 0x16, 0x7a, 0xbb,
	0x8c, 0x5e, 0x07, 0x9e, 0x09, 0xe2, 0xc8, 0xa8, 0x33, 0x9c,
};

int tls_server_hello_parse(const uint8_t *p, size_t n, struct tls_server_hello *out)
{
	struct reader r = rd_of(p, n);
	struct tls_server_hello h = {.version = rd_be16(&r)};
	h.random = rd_take(&r, RANDOM_LEN);
	size_t session = rd_u8(&r);
	rd_skip(&r, session);
	h.suite = rd_be16(&r);
	rd_skip(&r, 1); /* compression method */
	if (!rd_ok(&r))
		return SP_E_TRUNCATED;
	if (h.version >> 8 != 3 || session > SESSION_ID_MAX)
		return SP_E_MALFORMED;
	struct reader exts = rd_left(&r) ? rd_sub(&r, rd_be16(&r)) : rd_of(NULL, 0);
	for (unsigned i = 0; rd_left(&exts); i++) {
		uint16_t type = rd_be16(&exts);
		struct reader body = rd_sub(&exts, rd_be16(&exts));
		if (i == TLS_MAX_EXTENSIONS || !rd_ok(&exts))
			return SP_E_MALFORMED;
		if (type == EXT_SUPPORTED_VERSIONS && rd_left(&body) == 2)
			h.version = rd_be16(&body);
	}
	if (!rd_ok(&exts))
		return SP_E_TRUNCATED;
	h.retry_request = memcmp(h.random.p, retry_random, RANDOM_LEN) == 0;
	*out = h;
	return 0;
}

int tls_alert_parse(const uint8_t *p, size_t n, struct tls_alert *out)
{
	struct reader r = rd_of(p, n);
	struct tls_alert a = {.level = rd_u8(&r), .description = rd_u8(&r)};
	if (!rd_ok(&r) || rd_left(&r) || (a.level != 1 && a.level != 2))
		return SP_E_MALFORMED;
	*out = a;
	return 0;
}

static bool starts_with(const uint8_t *p, size_t n, const char *s)
{
	size_t len = strlen(s);
	return n >= len && memcmp(p, s, len) == 0;
}

static bool looks_like_tls(const uint8_t *p, size_t n)
{
	struct reader r = rd_of(p, n);
	uint8_t type = rd_u8(&r);
	uint16_t version = rd_be16(&r), len = rd_be16(&r);
	return rd_ok(&r) && type >= TLS_CHANGE_CIPHER_SPEC && type <= TLS_APPLICATION &&
	       version >= 0x0300 && version <= 0x0304 && len && len <= TLS_RECORD_MAX;
}

enum tls_sniff tls_sniff(const uint8_t *p, size_t n)
{
	static const char *const http[] = {"HTTP/1.", "HTTP/2", "GET ",
					   "POST ",   "HEAD ",  "CONNECT "};
	if (!n)
		return SNIFF_NOTHING;
	if (looks_like_tls(p, n))
		return SNIFF_TLS;
	for (size_t i = 0; i < sizeof(http) / sizeof(http[0]); i++)
		if (starts_with(p, n, http[i]))
			return SNIFF_HTTP;
	struct reader r = rd_of(p, n);
	while (rd_left(&r)) {
		uint8_t c = rd_u8(&r);
		if ((c < 0x20 || c > 0x7e) && c != '\t' && c != '\r' && c != '\n')
			return SNIFF_BINARY;
	}
	return SNIFF_TEXT;
}
