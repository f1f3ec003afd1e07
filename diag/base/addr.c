#include "sallyport/addr.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "sallyport/err.h"
#include "sallyport/text.h"

int addr_parse(const char *s, struct addr *out)
{
	struct addr a = { 0 };
	/* inet_pton refuses octal, hex and short IPv4 forms. */
	if (inet_pton(AF_INET, s, a.b) == 1)
		a.family = 4;
	else if (inet_pton(AF_INET6, s, a.b) == 1)
		a.family = 6;
	else
		return SP_E_SYNTAX;
	*out = a;
	return 0;
}

const char *addr_format(const struct addr *a, char out[ADDR_STRLEN])
{
	if (!a->family || !inet_ntop(a->family == 4 ? AF_INET : AF_INET6, a->b, out, ADDR_STRLEN))
		text_copy(out, ADDR_STRLEN, "-");
	return out;
}

bool addr_equal(const struct addr *a, const struct addr *b)
{
	return a->family == b->family && memcmp(a->b, b->b, sizeof(a->b)) == 0;
}

int addr_compare(const struct addr *a, const struct addr *b)
{
	if (a->family != b->family)
		return a->family < b->family ? -1 : 1;
	return memcmp(a->b, b->b, sizeof(a->b));
}

struct addr addr_v4(uint8_t a, uint8_t b, uint8_t c, uint8_t d)
{
	return (struct addr){ .family = 4, .b = { a, b, c, d } };
}

bool addr_in_prefix(const struct addr *a, const struct addr *net, unsigned bits)
{
	if (a->family != net->family || !a->family)
		return false;
	unsigned whole = bits / 8, rest = bits % 8;
	if (whole > 16 || memcmp(a->b, net->b, whole))
		return false;
	return !rest || !((a->b[whole] ^ net->b[whole]) & (uint8_t)(0xff << (8 - rest)));
}

static const struct {
	struct addr net;
	unsigned bits;
	enum addr_kind kind;
} blocks[] = { /* first match wins; IANA special-purpose registries */
	{ { 4, { 0 } }, 8, ADDR_UNSPECIFIED },
	{ { 4, { 127 } }, 8, ADDR_LOOPBACK },
	{ { 4, { 169, 254 } }, 16, ADDR_LINK_LOCAL },
	{ { 4, { 10 } }, 8, ADDR_PRIVATE },
	{ { 4, { 172, 16 } }, 12, ADDR_PRIVATE },
	{ { 4, { 192, 168 } }, 16, ADDR_PRIVATE },
	{ { 4, { 100, 64 } }, 10, ADDR_CGNAT },
	{ { 4, { 192, 0, 2 } }, 24, ADDR_DOCUMENTATION },
	{ { 4, { 198, 51, 100 } }, 24, ADDR_DOCUMENTATION },
	{ { 4, { 203, 0, 113 } }, 24, ADDR_DOCUMENTATION },
	{ { 4, { 192, 0, 0 } }, 24, ADDR_RESERVED },
	{ { 4, { 198, 18 } }, 15, ADDR_RESERVED },
	{ { 4, { 224 } }, 4, ADDR_MULTICAST },
	{ { 4, { 240 } }, 4, ADDR_RESERVED },
	{ { 6, { 0 } }, 128, ADDR_UNSPECIFIED },
	{ { 6, { [15] = 1 } }, 128, ADDR_LOOPBACK },
	{ { 6, { 0xfe, 0x80 } }, 10, ADDR_LINK_LOCAL },
	{ { 6, { 0xfc } }, 7, ADDR_PRIVATE },
	{ { 6, { 0xff } }, 8, ADDR_MULTICAST },
	{ { 6, { 0x20, 0x01, 0x0d, 0xb8 } }, 32, ADDR_DOCUMENTATION },
};

enum addr_kind addr_kind(const struct addr *a)
{
	if (!a->family)
		return ADDR_NONE;
	for (size_t i = 0; i < sizeof(blocks) / sizeof(blocks[0]); i++)
		if (addr_in_prefix(a, &blocks[i].net, blocks[i].bits))
			return blocks[i].kind;
	return ADDR_GLOBAL;
}

const char *addr_kind_name(enum addr_kind k)
{
	static const char *const names[] = {
		[ADDR_NONE] = "none",           [ADDR_UNSPECIFIED] = "unspecified",
		[ADDR_LOOPBACK] = "loopback",   [ADDR_LINK_LOCAL] = "link-local",
		[ADDR_PRIVATE] = "private",     [ADDR_CGNAT] = "cgnat",
		[ADDR_MULTICAST] = "multicast", [ADDR_DOCUMENTATION] = "documentation",
		[ADDR_RESERVED] = "reserved",   [ADDR_GLOBAL] = "global",
	};
	return names[k];
}

bool addr_is_public(const struct addr *a)
{
	enum addr_kind k = addr_kind(a);
	return k == ADDR_GLOBAL || k == ADDR_DOCUMENTATION;
}

bool addr_is_routable(const struct addr *a)
{
	enum addr_kind k = addr_kind(a);
	return addr_is_public(a) || k == ADDR_PRIVATE || k == ADDR_CGNAT || k == ADDR_RESERVED;
}

bool addr_is_host(const struct addr *a)
{
	switch (addr_kind(a)) {
	case ADDR_NONE:
	case ADDR_UNSPECIFIED:
	case ADDR_LOOPBACK:
	case ADDR_MULTICAST:
	case ADDR_RESERVED:
		return false;
	default:
		return true;
	}
}

const char *endpoint_format(const struct endpoint *e, char out[ENDPOINT_STRLEN])
{
	char a[ADDR_STRLEN];
	snprintf(out, ENDPOINT_STRLEN, e->addr.family == 6 ? "[%s]:%u" : "%s:%u",
		 addr_format(&e->addr, a), e->port);
	return out;
}

bool endpoint_equal(const struct endpoint *a, const struct endpoint *b)
{
	return a->port == b->port && addr_equal(&a->addr, &b->addr);
}

size_t endpoint_to_sockaddr(const struct endpoint *e, struct sockaddr_storage *out)
{
	memset(out, 0, sizeof(*out));
	if (e->addr.family == 4) {
		struct sockaddr_in *sin = (struct sockaddr_in *)out;
		sin->sin_family = AF_INET;
		sin->sin_port = htons(e->port);
		memcpy(&sin->sin_addr, e->addr.b, 4);
		return sizeof(*sin);
	}
	if (e->addr.family == 6) {
		struct sockaddr_in6 *sin6 = (struct sockaddr_in6 *)out;
		sin6->sin6_family = AF_INET6;
		sin6->sin6_port = htons(e->port);
		memcpy(&sin6->sin6_addr, e->addr.b, 16);
		return sizeof(*sin6);
	}
	return 0;
}

int endpoint_from_sockaddr(const struct sockaddr_storage *ss, struct endpoint *out)
{
	struct endpoint e = { 0 };
	if (ss->ss_family == AF_INET) {
		const struct sockaddr_in *sin = (const struct sockaddr_in *)ss;
		e.addr.family = 4;
		memcpy(e.addr.b, &sin->sin_addr, 4);
		e.port = ntohs(sin->sin_port);
	} else if (ss->ss_family == AF_INET6) {
		const struct sockaddr_in6 *sin6 = (const struct sockaddr_in6 *)ss;
		e.addr.family = 6;
		memcpy(e.addr.b, &sin6->sin6_addr, 16);
		e.port = ntohs(sin6->sin6_port);
	} else {
		return SP_E_UNKNOWN;
	}
	*out = e;
	return 0;
}

int mac_parse(const char *s, struct mac *out)
{
	struct mac m;
	if (strlen(s) != 17)
		return SP_E_SYNTAX;
	for (unsigned i = 0; i < 6; i++) {
		char pair[3] = { s[3 * i], s[3 * i + 1], '\0' };
		if (text_unhex(pair, &m.b[i], 1))
			return SP_E_SYNTAX;
		if (i < 5 && (s[3 * i + 2] != s[2] || (s[2] != ':' && s[2] != '-')))
			return SP_E_SYNTAX;
	}
	*out = m;
	return 0;
}

const char *mac_format(const struct mac *m, char out[MAC_STRLEN])
{
	snprintf(out, MAC_STRLEN, "%02x:%02x:%02x:%02x:%02x:%02x", m->b[0], m->b[1], m->b[2], m->b[3],
		 m->b[4], m->b[5]);
	return out;
}

bool mac_is_unicast(const struct mac *m)
{
	static const struct mac none;
	return !(m->b[0] & 1) && memcmp(m, &none, sizeof(none)) != 0;
}

bool mac_is_local(const struct mac *m)
{
	return m->b[0] & 2;
}
