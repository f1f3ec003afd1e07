/* The reflector's own messages, what they pay for, and the MACs that stand in for memory. */
#include "sallyport/wire/reflect.h"

#include <string.h>

#include "sallyport/crypto.h"
#include "sallyport/err.h"

enum {
	FIRST_BYTE = 0xf5,
	VERSION = 1,
	MAC = 16,
	TOKEN_MAC_AT = REFLECT_TOKEN - MAC,
	HANDLE_MAC_AT = REFLECT_HANDLE - MAC,
	UDP = 17,
};

/* Bytes of each message without padding. */
static const uint8_t sizes[REFLECT_TYPE_COUNT] = {
	[REFLECT_HELLO] = 68, /* 24 and zeros: no answer may be longer than its question */
	[REFLECT_WELCOME] = 68,
	[REFLECT_REGISTER] = 52,
	[REFLECT_NOTICE] = 44,
	[REFLECT_ECHO] = 20,
	[REFLECT_POKE] = 76,
	[REFLECT_PROBE] = 20,
	[REFLECT_POKED] = 24,
};

/* ---- what a question costs ---- */
static size_t udp_bytes(uint8_t family)
{
	return family == 4 ? REFLECT_UDP4 : REFLECT_UDP6;
}

static size_t tcp_bytes(uint8_t family)
{
	return family == 4 ? REFLECT_TCP4 : REFLECT_TCP6;
}

size_t reflect_ip_bytes(enum reflect_type type, uint8_t family)
{
	return udp_bytes(family) + sizes[type];
}

size_t reflect_probe_ip_bytes(enum reflect_kind kind, uint8_t family)
{
	switch (kind) {
	case REFLECT_STATUS: return 0;
	case REFLECT_PUSH: return tcp_bytes(family) + sizes[REFLECT_PROBE];
	case REFLECT_BY_ERROR: /* IP and ICMP in front of the quoted packet; both are 8 like UDP */
		return udp_bytes(family) + reflect_ip_bytes(REFLECT_PROBE, family);
	default: return reflect_ip_bytes(REFLECT_PROBE, family);
	}
}

/* Its own size, or what its answers need. Over TCP both sides grow by the same header. */
static size_t padded(uint8_t family, const struct reflect_message *m)
{
	size_t out = 0, own = sizes[m->type];
	if (m->type == REFLECT_REGISTER && m->flags & REFLECT_WANT_NOTICE)
		out += reflect_ip_bytes(REFLECT_NOTICE, family);
	if (m->type == REFLECT_REGISTER && m->flags & REFLECT_WANT_ECHO)
		out += reflect_ip_bytes(REFLECT_ECHO, family);
	if (m->type == REFLECT_POKE)
		out = reflect_ip_bytes(REFLECT_POKED, family) + reflect_probe_ip_bytes(m->kind, family);
	size_t in = out > udp_bytes(family) ? out - udp_bytes(family) : 0;
	return in > own ? in : own;
}

/* ---- parse ---- */
static void xor_seen(struct endpoint *e, uint64_t id)
{
	e->port ^= (uint16_t)(id >> 48);
	for (unsigned i = 0; i < 16; i++)
		e->addr.b[i] ^= (uint8_t)(id >> (56 - 8 * (i % 8)));
}

static void take_bytes(struct reader *r, uint8_t *out, size_t n)
{
	struct bytes b = rd_take(r, n);
	if (b.n)
		memcpy(out, b.p, n);
}

static void take_welcome(struct reader *r, struct reflect_message *m)
{
	take_bytes(r, m->token.b, REFLECT_TOKEN);
	uint8_t family = rd_u8(r);
	m->flags = rd_u8(r);
	m->seen.port = rd_be16(r);
	take_bytes(r, m->seen.addr.b, 16);
	xor_seen(&m->seen, m->id);
	m->seen.addr.family = family;
	if (family == 4)
		memset(m->seen.addr.b + 4, 0, 12);
	else if (family != 6)
		r->bad = true;
}

static void take_seen_port(struct reader *r, struct reflect_message *m)
{
	m->seen.port = rd_be16(r) ^ (uint16_t)(m->id >> 48);
}

static void take_kind(struct reader *r, struct reflect_message *m)
{
	uint8_t kind = rd_u8(r);
	if (kind >= REFLECT_KIND_COUNT)
		r->bad = true;
	m->kind = (enum reflect_kind)kind;
}

static void take_fields(struct reader *r, struct reflect_message *m)
{
	switch (m->type) {
	case REFLECT_HELLO: m->nonce = rd_be64(r); break;
	case REFLECT_WELCOME: take_welcome(r, m); break;
	case REFLECT_REGISTER:
		take_bytes(r, m->token.b, REFLECT_TOKEN);
		m->flags = rd_u8(r);
		break;
	case REFLECT_NOTICE:
		take_seen_port(r, m);
		m->server_port = rd_be16(r);
		take_bytes(r, m->handle.b, REFLECT_HANDLE);
		break;
	case REFLECT_ECHO: take_seen_port(r, m); break;
	case REFLECT_POKE:
		take_bytes(r, m->token.b, REFLECT_TOKEN);
		take_bytes(r, m->handle.b, REFLECT_HANDLE);
		take_kind(r, m);
		break;
	case REFLECT_PROBE: take_kind(r, m); break;
	default: /* REFLECT_POKED */
		m->code = (enum reflect_code)rd_u8(r);
		if (m->code >= REFLECT_CODE_COUNT)
			r->bad = true;
		rd_skip(r, 3);
		m->value = rd_be32(r);
	}
}

int reflect_frame(const uint8_t *p, size_t n)
{
	struct reader r = rd_of(p, n);
	uint8_t first = rd_u8(&r), type = rd_u8(&r);
	uint16_t length = rd_be16(&r);
	if (n && first != FIRST_BYTE)
		return SP_E_UNKNOWN;
	if (!rd_ok(&r))
		return 0;
	uint8_t kind = type & 15;
	bool known = type >> 4 == VERSION && kind >= REFLECT_HELLO && kind < REFLECT_TYPE_COUNT;
	return known && length >= sizes[kind] && length <= REFLECT_MAX ? length : SP_E_UNKNOWN;
}

int reflect_parse(const uint8_t *p, size_t n, struct reflect_message *out)
{
	struct reader r = rd_of(p, n);
	int length = reflect_frame(p, n);
	if (length <= 0 || (size_t)length != n)
		return SP_E_UNKNOWN;
	rd_skip(&r, 1);
	struct reflect_message m = { .type = (enum reflect_type)(rd_u8(&r) & 15) };
	rd_skip(&r, 2);
	m.epoch = rd_be32(&r);
	m.id = rd_be64(&r);
	take_fields(&r, &m);
	if (!rd_ok(&r))
		return SP_E_MALFORMED;
	*out = m;
	return 0;
}

/* ---- build ---- */
static void put_fields(struct writer *w, const struct reflect_message *m)
{
	struct endpoint seen = m->seen;
	xor_seen(&seen, m->id);
	switch (m->type) {
	case REFLECT_HELLO: wr_be64(w, m->nonce); break;
	case REFLECT_WELCOME:
		wr_bytes(w, m->token.b, REFLECT_TOKEN);
		wr_u8(w, m->seen.addr.family);
		wr_u8(w, m->flags);
		wr_be16(w, seen.port);
		wr_bytes(w, seen.addr.b, 16);
		break;
	case REFLECT_REGISTER:
		wr_bytes(w, m->token.b, REFLECT_TOKEN);
		wr_u8(w, m->flags);
		break;
	case REFLECT_NOTICE:
		wr_be16(w, seen.port);
		wr_be16(w, m->server_port);
		wr_bytes(w, m->handle.b, REFLECT_HANDLE);
		break;
	case REFLECT_ECHO: wr_be16(w, seen.port); break;
	case REFLECT_POKE:
		wr_bytes(w, m->token.b, REFLECT_TOKEN);
		wr_bytes(w, m->handle.b, REFLECT_HANDLE);
		wr_u8(w, (uint8_t)m->kind);
		break;
	case REFLECT_PROBE: wr_u8(w, (uint8_t)m->kind); break;
	default: /* REFLECT_POKED */
		wr_u8(w, (uint8_t)m->code);
		wr_be24(w, 0);
		wr_be32(w, m->value);
	}
}

size_t reflect_build(uint8_t *out, size_t cap, uint8_t family, const struct reflect_message *m)
{
	size_t n = padded(family, m);
	struct writer w = wr_of(out, n <= cap ? n : 0);
	wr_u8(&w, FIRST_BYTE);
	wr_u8(&w, (uint8_t)(VERSION << 4 | m->type));
	wr_be16(&w, (uint16_t)n);
	wr_be32(&w, m->epoch);
	wr_be64(&w, m->id);
	put_fields(&w, m);
	if (!wr_ok(&w))
		return 0;
	memset(out + w.at, 0, n - w.at);
	return n;
}

const char *reflect_code_name(enum reflect_code code)
{
	static const char *const names[REFLECT_CODE_COUNT] = {
		[REFLECT_DONE] = "done",
		[REFLECT_RESTARTED] = "restarted",
		[REFLECT_TOKEN_EXPIRED] = "token expired",
		[REFLECT_TOKEN_WRONG] = "token wrong",
		[REFLECT_HANDLE_EXPIRED] = "handle expired",
		[REFLECT_HANDLE_WRONG] = "handle wrong",
		[REFLECT_CANNOT] = "cannot",
		[REFLECT_NOT_SENT] = "not sent",
		[REFLECT_TOO_SHORT] = "too short",
		[REFLECT_ACKNOWLEDGED] = "acknowledged",
		[REFLECT_WAITING] = "waiting",
		[REFLECT_RESET] = "reset",
		[REFLECT_CLOSED] = "closed",
		[REFLECT_TIMED_OUT] = "timed out",
		[REFLECT_GONE] = "gone",
	};
	return names[code];
}

/* ---- tokens and handles ---- */
void reflect_keys_turn(struct reflect_keys *k, uint32_t generation, const uint8_t fresh[REFLECT_KEY])
{
	memcpy(k->key[1], k->key[0], REFLECT_KEY);
	memcpy(k->key[0], fresh, REFLECT_KEY);
	k->generation = generation;
}

/* The key that was current at a time; NULL when it is gone. */
static const uint8_t *key_of(const struct reflect_keys *k, uint32_t time_s)
{
	uint32_t back = k->generation - time_s / REFLECT_HANDLE_S;
	return back < 2 ? k->key[back] : NULL;
}

/* Family, 16 bytes, port: one form for each endpoint, IPv4-mapped (RFC 4291 section 2.5.5.2) too. */
static void put_endpoint(struct writer *w, const struct endpoint *e)
{
	static const uint8_t mapped[12] = { [10] = 0xff, [11] = 0xff };
	static const uint8_t zeros[12];
	bool is_mapped = e->addr.family == 6 && memcmp(e->addr.b, mapped, sizeof(mapped)) == 0;
	bool v4 = e->addr.family == 4 || is_mapped;
	wr_u8(w, v4 ? 4 : 6);
	wr_bytes(w, e->addr.b + (is_mapped ? 12 : 0), v4 ? 4 : 16);
	wr_bytes(w, zeros, v4 ? 12 : 0);
	wr_be16(w, e->port);
}

/* What a MAC is over, how long it holds, and what is said of one that does not. */
struct seal {
	char label[8];
	uint32_t max_s;
	enum reflect_code expired, wrong;
};
static const struct seal token_seal = {
	"token-1", REFLECT_TOKEN_S, REFLECT_TOKEN_EXPIRED, REFLECT_TOKEN_WRONG,
};
static const struct seal handle_seal = {
	"handle1", REFLECT_HANDLE_S, REFLECT_HANDLE_EXPIRED, REFLECT_HANDLE_WRONG,
};

static int mac(const struct reflect_keys *k, const struct seal *seal, const struct reflect_binding *b,
	       uint8_t out[MAC])
{
	uint8_t in[72], full[32];
	const uint8_t *key = key_of(k, b->time_s);
	struct writer w = wr_of(in, sizeof(in));
	wr_bytes(&w, seal->label, 8);
	wr_be32(&w, k->epoch);
	wr_u8(&w, b->transport);
	put_endpoint(&w, &b->client);
	put_endpoint(&w, &b->server);
	wr_be64(&w, b->nonce);
	wr_be32(&w, b->time_s);
	if (!key || !wr_ok(&w) ||
	    crypto_hmac_sha256((struct bytes){ key, REFLECT_KEY }, (struct bytes){ in, w.at }, full))
		return SP_E_CRYPTO;
	memcpy(out, full, MAC);
	return 0;
}

int reflect_token_make(const struct reflect_keys *k, const struct reflect_binding *b,
		       struct reflect_token *out)
{
	struct reflect_token t;
	struct writer w = wr_of(t.b, sizeof(t.b));
	wr_be64(&w, b->nonce);
	wr_be32(&w, b->time_s);
	wr_be16(&w, b->client.port);
	wr_be16(&w, b->server.port);
	int e = mac(k, &token_seal, b, t.b + TOKEN_MAC_AT);
	if (!e)
		*out = t;
	return e;
}

int reflect_handle_make(const struct reflect_keys *k, const struct reflect_binding *b,
			struct reflect_handle *out)
{
	struct reflect_handle h;
	struct writer w = wr_of(h.b, sizeof(h.b));
	wr_be32(&w, b->time_s);
	wr_be16(&w, b->client.port);
	wr_be16(&w, b->server.port);
	int e = mac(k, &handle_seal, b, h.b + HANDLE_MAC_AT);
	if (!e)
		*out = h;
	return e;
}

/* Wrong before expired: only what was once made here can have expired. Where the key is gone nobody
 * can tell them apart, and nothing that old is valid. */
static enum reflect_code judge(const struct reflect_keys *k, const struct seal *seal,
			       const struct reflect_binding *b, const uint8_t sent[MAC], uint32_t now_s)
{
	uint8_t want[MAC];
	if (!key_of(k, b->time_s))
		return seal->expired;
	if (mac(k, seal, b, want) || !crypto_equal(want, sent, MAC))
		return seal->wrong;
	return now_s - b->time_s > seal->max_s ? seal->expired : REFLECT_DONE;
}

enum reflect_code reflect_token_check(const struct reflect_keys *k, const struct reflect_token *t,
				      uint32_t now_s, struct reflect_binding *b)
{
	struct reader r = rd_of(t->b, sizeof(t->b));
	b->transport = UDP;
	b->nonce = rd_be64(&r);
	b->time_s = rd_be32(&r);
	b->client.port = rd_be16(&r);
	b->server.port = rd_be16(&r);
	return judge(k, &token_seal, b, t->b + TOKEN_MAC_AT, now_s);
}

enum reflect_code reflect_handle_check(const struct reflect_keys *k, const struct reflect_handle *h,
				       uint32_t now_s, struct reflect_binding *b)
{
	struct reader r = rd_of(h->b, sizeof(h->b));
	b->time_s = rd_be32(&r);
	b->client.port = rd_be16(&r);
	b->server.port = rd_be16(&r);
	return judge(k, &handle_seal, b, h->b + HANDLE_MAC_AT, now_s);
}

int reflect_token_mask(struct bytes shared_key, uint64_t id, const struct endpoint *seen,
		       struct reflect_token *t)
{
	uint8_t in[64], full[32];
	struct writer w = wr_of(in, sizeof(in));
	wr_bytes(&w, "admit-1", 8);
	wr_be64(&w, id);
	put_endpoint(&w, seen);
	wr_bytes(&w, t->b, TOKEN_MAC_AT);
	if (!wr_ok(&w) || crypto_hmac_sha256(shared_key, (struct bytes){ in, w.at }, full))
		return SP_E_CRYPTO;
	for (unsigned i = 0; i < MAC; i++)
		t->b[TOKEN_MAC_AT + i] ^= full[i];
	return 0;
}
