/* STUN, parse and build; the addresses' rows serve both ways. */
#include "sallyport/wire/stun.h"

#include <string.h>

#include "sallyport/bytes.h"
#include "sallyport/err.h"

#define MAGIC UINT32_C(0x2112a442)
#define FINGERPRINT_XOR UINT32_C(0x5354554e) /* RFC 8489 section 14.7: "STUN" */
#define AT(member) offsetof(struct stun_message, member)

enum { FAMILY_V4 = 1, FAMILY_V6 = 2, CHANGE_IP = 4, CHANGE_PORT = 2, FINGERPRINT_BYTES = 8 };

static const struct address_attr {
	uint16_t type;
	bool xored;
	size_t at;
} address_attrs[] = { /* in the order they are written */
	{ STUN_MAPPED_ADDRESS, false, AT(mapped) },
	{ STUN_XOR_MAPPED_ADDRESS, true, AT(xor_mapped) },
	{ STUN_RESPONSE_ORIGIN, false, AT(response_origin) },
	{ STUN_OTHER_ADDRESS, false, AT(other_address) },
	{ STUN_SOURCE_ADDRESS, false, AT(source_address) },
	{ STUN_CHANGED_ADDRESS, false, AT(changed_address) },
};
enum { N_ADDRESS_ATTRS = sizeof(address_attrs) / sizeof(address_attrs[0]) };

/* CRC-32 of ISO 3309 (RFC 8489 section 14.7), four bits at a time. */
static uint32_t crc32(struct bytes b)
{
	static const uint32_t table[16] = {
		0x00000000, 0x1db71064, 0x3b6e20c8, 0x26d930ac, 0x76dc4190, 0x6b6b51f4,
		0x4db26158, 0x5005713c, 0xedb88320, 0xf00f9344, 0xd6d6a3e8, 0xcb61b38c,
		0x9b64c2b0, 0x86d3d2d4, 0xa00ae278, 0xbdbdf21c,
	};
	uint32_t crc = UINT32_MAX;
	for (size_t i = 0; i < b.n; i++) {
		crc ^= b.p[i];
		crc = crc >> 4 ^ table[crc & 15];
		crc = crc >> 4 ^ table[crc & 15];
	}
	return ~crc;
}

/* Port and address XOR cookie, an IPv6 address also XOR transaction id (section 14.2). */
static void xor_endpoint(struct endpoint *e, const uint8_t id[STUN_ID])
{
	e->port ^= MAGIC >> 16;
	for (unsigned i = 0; i < (e->addr.family == 4 ? 4U : 16U); i++)
		e->addr.b[i] ^= id[i];
}

/* ---- parse ---- */
static int take_endpoint(struct reader *r, struct endpoint *out)
{
	rd_skip(r, 1);
	uint8_t family = rd_u8(r);
	struct endpoint e = { .port = rd_be16(r) };
	e.addr.family = family == FAMILY_V4 ? 4 : 6;
	struct bytes b = rd_take(r, family == FAMILY_V4 ? 4 : 16);
	if (!rd_ok(r) || rd_left(r) || (family != FAMILY_V4 && family != FAMILY_V6))
		return SP_E_MALFORMED;
	memcpy(e.addr.b, b.p, b.n);
	*out = e;
	return 0;
}

static int take_address(uint16_t type, struct reader *r, struct stun_message *m)
{
	for (unsigned i = 0; i < N_ADDRESS_ATTRS; i++) {
		struct endpoint *to = (struct endpoint *)((char *)m + address_attrs[i].at), e;
		if (address_attrs[i].type != type)
			continue;
		int bad = take_endpoint(r, &e);
		if (bad || to->addr.family) /* given twice: the first counts */
			return bad;
		if (address_attrs[i].xored)
			xor_endpoint(&e, m->id);
		*to = e;
		return 0;
	}
	return SP_E_UNKNOWN;
}

static int take_change_request(struct reader *r, struct stun_message *m)
{
	uint32_t bits = rd_be32(r);
	if (!m->has_change_request) {
		m->has_change_request = true;
		m->change_ip = bits & CHANGE_IP;
		m->change_port = bits & CHANGE_PORT;
	}
	return rd_left(r) ? SP_E_MALFORMED : 0;
}

/* Two bytes, as the RFC reads; four where the padding is counted in, as coturn sends it. */
static int take_response_port(struct reader *r, struct stun_message *m)
{
	size_t n = rd_left(r);
	uint16_t port = rd_be16(r);
	if (!m->has_response_port)
		m->response_port = port;
	m->has_response_port = true;
	return n == 2 || n == 4 ? 0 : SP_E_MALFORMED;
}

static struct wire_text take_text(struct reader *r, struct wire_text had)
{
	struct bytes b = rd_take(r, rd_left(r));
	if (b.n > STUN_MAX_TEXT)
		r->bad = true;
	return had.p ? had : wire_text_of(b.p, b.n);
}

static int take_error_code(struct reader *r, struct stun_message *m)
{
	rd_skip(r, 2);
	unsigned hundreds = rd_u8(r) & 7U, rest = rd_u8(r);
	if (!rd_ok(r) || hundreds < 3 || hundreds > 6 || rest > 99)
		return SP_E_MALFORMED;
	m->reason = take_text(r, m->reason);
	if (!m->error_code)
		m->error_code = (uint16_t)(hundreds * 100 + rest);
	return 0;
}

static int take_unknown(struct reader *r, struct stun_message *m)
{
	for (bool again = m->n_unknown; rd_left(r) >= 2;) {
		uint16_t type = rd_be16(r);
		if (again)
			continue;
		if (m->n_unknown < STUN_MAX_UNKNOWN)
			m->unknown[m->n_unknown] = type;
		m->n_unknown++;
	}
	return rd_left(r) ? SP_E_MALFORMED : 0;
}

static void note_foreign(struct stun_message *m, uint16_t type)
{
	if (type >= 0x8000) /* may be ignored */
		return;
	if (m->n_foreign < STUN_MAX_UNKNOWN)
		m->foreign[m->n_foreign] = type;
	m->n_foreign++;
}

static int take_value(uint16_t type, struct reader *r, struct stun_message *m)
{
	switch (type) {
	case STUN_CHANGE_REQUEST: return take_change_request(r, m);
	case STUN_RESPONSE_PORT: return take_response_port(r, m);
	case STUN_ERROR_CODE: return take_error_code(r, m);
	case STUN_UNKNOWN_ATTRIBUTES: return take_unknown(r, m);
	case STUN_SOFTWARE: m->software = take_text(r, m->software); return 0;
	case STUN_PADDING:
		if (!m->has_padding)
			m->padding = (uint16_t)rd_left(r);
		m->has_padding = true;
		return 0;
	case STUN_USERNAME:
	case STUN_MESSAGE_INTEGRITY:
	case STUN_MESSAGE_INTEGRITY_SHA256:
	case STUN_PASSWORD_ALGORITHM:
	case STUN_USERHASH:
	case STUN_REALM:
	case STUN_NONCE: return 0;
	default: break;
	}
	int e = take_address(type, r, m);
	if (e == SP_E_UNKNOWN)
		note_foreign(m, type);
	return e == SP_E_UNKNOWN ? 0 : e;
}

/* `before`: the message up to this attribute, whose value is in r. It must be the last one. */
static int take_fingerprint(struct bytes before, struct reader *r, size_t left, struct stun_message *m)
{
	uint32_t crc = rd_be32(r);
	if (!rd_ok(r) || rd_left(r) || left)
		return SP_E_MALFORMED;
	m->fingerprint = crc == (crc32(before) ^ FINGERPRINT_XOR) ? STUN_FP_GOOD : STUN_FP_BAD;
	return 0;
}

static int take_attributes(const uint8_t *p, struct reader *r, struct stun_message *m)
{
	bool sealed = false; /* RFC 8489 section 14.5: what follows MESSAGE-INTEGRITY is not covered */
	while (rd_left(r)) {
		struct bytes before = { p, r->at };
		uint16_t type = rd_be16(r), n = rd_be16(r);
		struct reader value = rd_sub(r, n);
		rd_skip(r, (4U - n % 4U) % 4U);
		if (!rd_ok(r))
			return SP_E_MALFORMED;
		int e = 0;
		if (type == STUN_FINGERPRINT)
			e = take_fingerprint(before, &value, rd_left(r), m);
		else if (!sealed)
			e = take_value(type, &value, m);
		if (e || !rd_ok(&value))
			return SP_E_MALFORMED;
		sealed = sealed || type == STUN_MESSAGE_INTEGRITY || type == STUN_MESSAGE_INTEGRITY_SHA256;
	}
	return 0;
}

int stun_parse(const uint8_t *p, size_t n, struct stun_message *out)
{
	struct reader r = rd_of(p, n);
	uint16_t type = rd_be16(&r), length = rd_be16(&r);
	struct reader cookie = r;
	struct bytes id = rd_take(&r, STUN_ID);
	if (!rd_ok(&r) || type >> 14 || length % 4 || length != n - STUN_HEADER)
		return SP_E_UNKNOWN;
	struct stun_message m = { .classic = rd_be32(&cookie) != MAGIC };
	m.class = (enum stun_class)((type >> 7 & 2) | (type >> 4 & 1));
	m.method = (uint16_t)((type & 0x000f) | (type >> 1 & 0x0070) | (type >> 2 & 0x0f80));
	memcpy(m.id, id.p, STUN_ID);
	int e = take_attributes(p, &r, &m);
	if (!e)
		*out = m;
	return e;
}

/* ---- build ---- */
static size_t attr_begin(struct writer *w, uint16_t type)
{
	wr_be16(w, type);
	return wr_len_begin(w, 2);
}

static void attr_end(struct writer *w, size_t place)
{
	wr_len_end(w, place, 2);
	while (w->at % 4 && wr_ok(w))
		wr_u8(w, 0);
}

static void put_address(struct writer *w, const struct address_attr *a, const struct stun_message *m)
{
	struct endpoint e = *(const struct endpoint *)((const char *)m + a->at);
	if (!e.addr.family)
		return;
	if (a->xored)
		xor_endpoint(&e, m->id);
	size_t place = attr_begin(w, a->type);
	wr_u8(w, 0);
	wr_u8(w, e.addr.family == 4 ? FAMILY_V4 : FAMILY_V6);
	wr_be16(w, e.port);
	wr_bytes(w, e.addr.b, e.addr.family == 4 ? 4 : 16);
	attr_end(w, place);
}

static void put_text(struct writer *w, struct wire_text t)
{
	if (t.n > STUN_MAX_TEXT)
		w->bad = true;
	wr_bytes(w, t.p, t.n);
}

static void put_error(struct writer *w, const struct stun_message *m)
{
	size_t place = attr_begin(w, STUN_ERROR_CODE);
	if (m->error_code < 300 || m->error_code > 699)
		w->bad = true;
	wr_be16(w, 0);
	wr_u8(w, (uint8_t)(m->error_code / 100));
	wr_u8(w, (uint8_t)(m->error_code % 100));
	put_text(w, m->reason);
	attr_end(w, place);
}

static void put_unknown(struct writer *w, const struct stun_message *m)
{
	size_t place = attr_begin(w, STUN_UNKNOWN_ATTRIBUTES);
	for (unsigned i = 0; i < m->n_unknown && i < STUN_MAX_UNKNOWN; i++)
		wr_be16(w, m->unknown[i]);
	attr_end(w, place);
}

static void put_requests(struct writer *w, const struct stun_message *m)
{
	size_t place;
	if (m->has_change_request) {
		place = attr_begin(w, STUN_CHANGE_REQUEST);
		wr_be32(w, (m->change_ip ? CHANGE_IP : 0U) | (m->change_port ? CHANGE_PORT : 0U));
		attr_end(w, place);
	}
	if (m->has_response_port) {
		place = attr_begin(w, STUN_RESPONSE_PORT);
		wr_be16(w, m->response_port);
		attr_end(w, place);
	}
	if (m->has_padding) {
		place = attr_begin(w, STUN_PADDING);
		for (unsigned i = 0; i < m->padding && wr_ok(w); i++)
			wr_u8(w, 0);
		attr_end(w, place);
	}
}

/* Sets the header's length for a message of n bytes. */
static void put_length(struct writer *w, size_t n)
{
	struct writer head = wr_of(w->p + 2, 2);
	if (n < STUN_HEADER || n - STUN_HEADER > UINT16_MAX)
		w->bad = true;
	if (wr_ok(w))
		wr_be16(&head, (uint16_t)(n - STUN_HEADER));
}

static void put_fingerprint(struct writer *w)
{
	put_length(w, w->at + FINGERPRINT_BYTES); /* the CRC is taken over the final length */
	uint32_t crc = crc32((struct bytes){ w->p, wr_ok(w) ? w->at : 0 }) ^ FINGERPRINT_XOR;
	size_t place = attr_begin(w, STUN_FINGERPRINT);
	wr_be32(w, crc);
	attr_end(w, place);
}

size_t stun_build(uint8_t *out, size_t cap, const struct stun_message *m)
{
	struct writer w = wr_of(out, cap);
	unsigned type = (m->method & 0x000fU) | (m->method & 0x0070U) << 1 | (m->method & 0x0f80U) << 2 |
			(m->class & 1U) << 4 | (m->class & 2U) << 7;
	wr_be16(&w, (uint16_t)type);
	wr_be16(&w, 0); /* length, set below */
	wr_bytes(&w, m->id, STUN_ID);
	put_requests(&w, m);
	if (m->error_code)
		put_error(&w, m);
	if (m->n_unknown)
		put_unknown(&w, m);
	for (unsigned i = 0; i < N_ADDRESS_ATTRS; i++)
		put_address(&w, &address_attrs[i], m);
	if (m->software.p) {
		size_t place = attr_begin(&w, STUN_SOFTWARE);
		put_text(&w, m->software);
		attr_end(&w, place);
	}
	if (m->fingerprint != STUN_FP_NONE)
		put_fingerprint(&w);
	put_length(&w, w.at);
	return wr_ok(&w) ? w.at : 0;
}

struct stun_message stun_binding_request(const uint8_t txid[12])
{
	struct stun_message m = { .class = STUN_REQUEST, .method = STUN_BINDING };
	struct writer w = wr_of(m.id, STUN_ID);
	wr_be32(&w, MAGIC);
	wr_bytes(&w, txid, 12);
	return m;
}

struct stun_message stun_answer_to(const struct stun_message *request, enum stun_class class)
{
	struct stun_message m = { .class = class, .method = request->method, .classic = request->classic };
	memcpy(m.id, request->id, STUN_ID);
	return m;
}
