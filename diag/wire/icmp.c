#include "sallyport/wire/icmp.h"

#include "sallyport/err.h"

enum {
	PROTO_TCP = 6,
	PROTO_UDP = 17,
	UDP_HEADER = 8,
	MAX_EXTENSIONS = 8, /* more than any sender of ours writes */
	FRAG_OFFSET = 0x1fff,
};

static struct addr take_addr(struct reader *r, uint8_t family)
{
	struct addr a = { .family = family };
	size_t n = family == 4 ? 4 : 16;
	for (size_t i = 0; i < n; i++)
		a.b[i] = rd_u8(r);
	return a;
}

/* The quoted transport header: whole for UDP, its first 8 bytes at least for TCP. */
static void quoted_transport(struct reader *r, bool first_fragment, struct icmp_error *e)
{
	struct reader ports = *r;
	size_t left = rd_left(r);
	e->transport = rd_take(r, left);
	if (!first_fragment || (e->proto != PROTO_TCP && e->proto != PROTO_UDP))
		return;
	uint16_t src = rd_be16(&ports), dst = rd_be16(&ports);
	if (!rd_ok(&ports))
		return;
	e->has_ports = true;
	e->src.port = src;
	e->dst.port = dst;
	if (e->proto == PROTO_UDP && left >= UDP_HEADER) {
		rd_skip(&ports, UDP_HEADER - 4);
		e->payload = rd_take(&ports, left - UDP_HEADER);
	}
}

/* RFC 791 section 3.1 */
static int quoted_v4(struct reader *r, struct icmp_error *e)
{
	uint8_t version_ihl = rd_u8(r);
	rd_skip(r, 1);
	e->ip_length = rd_be16(r);
	e->ip_id = rd_be16(r);
	uint16_t fragment = rd_be16(r);
	e->ttl = rd_u8(r);
	e->proto = rd_u8(r);
	rd_skip(r, 2);
	e->src.addr = take_addr(r, 4);
	e->dst.addr = take_addr(r, 4);
	unsigned header = (version_ihl & 15U) * 4;
	if (rd_ok(r) && (version_ihl >> 4 != 4 || header < 20))
		return SP_E_MALFORMED;
	rd_skip(r, header < 20 ? 0 : header - 20);
	if (!rd_ok(r))
		return SP_E_TRUNCATED;
	quoted_transport(r, (fragment & FRAG_OFFSET) == 0, e);
	return 0;
}

/* Walks the extension headers (RFC 8200 section 4); false in a later fragment. */
static bool skip_extensions(struct reader *r, struct icmp_error *e)
{
	enum { HOP_BY_HOP = 0, ROUTING = 43, FRAGMENT = 44, AUTHENTICATION = 51, DESTINATION = 60 };
	for (unsigned i = 0; i < MAX_EXTENSIONS; i++) {
		bool options = e->proto == HOP_BY_HOP || e->proto == ROUTING ||
			       e->proto == DESTINATION;
		if (!options && e->proto != FRAGMENT && e->proto != AUTHENTICATION)
			return true;
		bool fragment = e->proto == FRAGMENT, ah = e->proto == AUTHENTICATION;
		e->proto = rd_u8(r);
		uint8_t length = rd_u8(r);
		uint16_t offset = rd_be16(r);
		rd_skip(r, fragment ? 4 : ah ? (length + 2U) * 4 - 4 : (length + 1U) * 8 - 4);
		if (!rd_ok(r) || (fragment && offset >> 3))
			return false;
	}
	return false;
}

/* RFC 8200 section 3 */
static int quoted_v6(struct reader *r, struct icmp_error *e)
{
	uint32_t version = rd_be32(r) >> 28;
	uint16_t length = rd_be16(r);
	e->proto = rd_u8(r);
	e->ttl = rd_u8(r);
	e->src.addr = take_addr(r, 6);
	e->dst.addr = take_addr(r, 6);
	if (!rd_ok(r))
		return SP_E_TRUNCATED;
	if (version != 6)
		return SP_E_MALFORMED;
	e->ip_length = length > UINT16_MAX - 40 ? UINT16_MAX : (uint16_t)(length + 40);
	bool first = skip_extensions(r, e);
	if (!rd_ok(r))
		return SP_E_TRUNCATED;
	quoted_transport(r, first, e);
	return 0;
}

/* RFC 4884: a length in words says where the quote ends and extensions begin; 0: no extensions. */
static struct reader quote_of(struct reader *r, unsigned words, unsigned word_size)
{
	size_t n = (size_t)words * word_size;
	return rd_sub(r, n && n <= rd_left(r) ? n : rd_left(r));
}

static int parse(const uint8_t *p, size_t n, bool v6, struct icmp_error *out)
{
	struct reader r = rd_of(p, n);
	struct icmp_error e = { .type = rd_u8(&r) };
	e.code = rd_u8(&r);
	rd_skip(&r, 2); /* checksum */
	uint32_t rest = rd_be32(&r);
	if (!rd_ok(&r))
		return SP_E_TRUNCATED;
	bool error = v6 ? e.type >= ICMP6_UNREACHABLE && e.type <= ICMP6_PARAMETER
			: e.type == ICMP4_UNREACHABLE || e.type == ICMP4_REDIRECT ||
				  e.type == ICMP4_TIME_EXCEEDED || e.type == ICMP4_PARAMETER;
	if (!error)
		return SP_E_UNKNOWN;
	bool extensible = v6 ? e.type == ICMP6_UNREACHABLE || e.type == ICMP6_TIME_EXCEEDED
			     : e.type != ICMP4_REDIRECT;
	if (v6 && e.type == ICMP6_TOO_BIG)
		e.mtu = rest;
	else if (!v6 && e.type == ICMP4_UNREACHABLE && e.code == 4)
		e.mtu = rest & 0xffff; /* RFC 1191 */
	unsigned words = !extensible ? 0 : v6 ? rest >> 24 : rest >> 16 & 0xff;
	struct reader quote = quote_of(&r, words, v6 ? 8 : 4);
	int err = v6 ? quoted_v6(&quote, &e) : quoted_v4(&quote, &e);
	if (!err)
		*out = e;
	return err;
}

int icmp4_parse(const uint8_t *p, size_t n, struct icmp_error *out)
{
	return parse(p, n, false, out);
}

int icmp6_parse(const uint8_t *p, size_t n, struct icmp_error *out)
{
	return parse(p, n, true, out);
}
