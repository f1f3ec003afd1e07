/* The one ICMP error that sallyport sends: what a closed UDP port would have said. */
#include "sallyport/wire/icmp.h"

enum { PROTO_UDP = 17, UDP_HEADER = 8, TTL = 64, DONT_FRAGMENT = 0x4000, PORT4 = 3, PORT6 = 4 };

/* Internet checksum (RFC 1071), as a sum that may be continued. */
static uint32_t add(uint32_t sum, struct bytes b)
{
	for (size_t i = 0; i < b.n; i++)
		sum += i % 2 ? b.p[i] : (uint32_t)b.p[i] << 8;
	return sum;
}

static uint16_t fold(uint32_t sum)
{
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return (uint16_t)~sum;
}

/* Writes a checksum over what stands from `from` on to where it belongs. Zero is written as its other
 * form, because zero means "none" to UDP (RFC 768). */
static void seal(struct writer *w, size_t from, size_t at, uint32_t pseudo_header)
{
	struct writer place = wr_of(w->p + at, 2);
	if (!wr_ok(w))
		return;
	uint16_t sum = fold(add(pseudo_header, (struct bytes){ w->p + from, w->at - from }));
	wr_be16(&place, sum ? sum : 0xffff);
}

static void put_ip(struct writer *w, const struct endpoint *src, const struct endpoint *dst, size_t length)
{
	bool v4 = src->addr.family == 4;
	size_t start = w->at;
	if (v4) { /* RFC 791 section 3.1 */
		wr_be16(w, 0x4500);
		wr_be16(w, (uint16_t)(20 + length));
		wr_be16(w, 0);
		wr_be16(w, DONT_FRAGMENT);
		wr_u8(w, TTL);
		wr_u8(w, PROTO_UDP);
		wr_be16(w, 0);
	} else { /* RFC 8200 section 3 */
		wr_be32(w, UINT32_C(6) << 28);
		wr_be16(w, (uint16_t)length);
		wr_u8(w, PROTO_UDP);
		wr_u8(w, TTL);
	}
	wr_bytes(w, src->addr.b, v4 ? 4 : 16);
	wr_bytes(w, dst->addr.b, v4 ? 4 : 16);
	if (v4)
		seal(w, start, start + 10, 0);
}

static void put_udp(struct writer *w, const struct endpoint *src, const struct endpoint *dst,
		    struct bytes payload)
{
	size_t start = w->at, length = UDP_HEADER + payload.n, n = src->addr.family == 4 ? 4 : 16;
	uint32_t pseudo = PROTO_UDP + (uint32_t)length;
	pseudo = add(pseudo, (struct bytes){ src->addr.b, n });
	pseudo = add(pseudo, (struct bytes){ dst->addr.b, n });
	wr_be16(w, src->port);
	wr_be16(w, dst->port);
	wr_be16(w, (uint16_t)length);
	wr_be16(w, 0);
	wr_bytes(w, payload.p, payload.n);
	seal(w, start, start + 6, pseudo);
}

size_t icmp_build_unreachable(uint8_t *out, size_t cap, const struct endpoint *src,
			      const struct endpoint *dst, struct bytes payload)
{
	bool v4 = src->addr.family == 4;
	struct writer w = wr_of(out, cap);
	if (src->addr.family != dst->addr.family || payload.n > UINT16_MAX - 64)
		return 0;
	wr_u8(&w, v4 ? ICMP4_UNREACHABLE : ICMP6_UNREACHABLE);
	wr_u8(&w, v4 ? PORT4 : PORT6);
	wr_be16(&w, 0);
	wr_be32(&w, 0);
	put_ip(&w, src, dst, UDP_HEADER + payload.n);
	put_udp(&w, src, dst, payload);
	if (v4)
		seal(&w, 0, 2, 0);
	return wr_ok(&w) ? w.at : 0;
}
