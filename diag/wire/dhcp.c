#include "sallyport/wire/dhcp.h"

#include <string.h>

#include "sallyport/bytes.h"
#include "sallyport/err.h"

enum {
	COOKIE = 0x63825363, /* RFC 2131 section 3 */
	BROADCAST_FLAG = 0x8000,
	CHADDR_BYTES = 16, SNAME_BYTES = 64, FILE_BYTES = 128,
	SNAME_AT = 44, FILE_AT = 108, OPTIONS_AT = 240, /* offsets in the message */
	BOOTP_BYTES = 300, /* smallest message that old relays pass (RFC 1542 section 2.1) */
	PAD = 0, END = 255,
	OVERLOAD_FILE = 1, OVERLOAD_SNAME = 2,
	AREAS = 3,
	JOINED_MAX = 512,
};

static const struct {
	uint8_t code;
	size_t offset;
} texts[] = {
	{ DHCP_O_HOST_NAME, offsetof(struct dhcp_message, host_name) },
	{ DHCP_O_DOMAIN, offsetof(struct dhcp_message, domain) },
	{ DHCP_O_WANTED, offsetof(struct dhcp_message, wanted) },
	{ DHCP_O_VENDOR_CLASS, offsetof(struct dhcp_message, vendor_class) },
	{ DHCP_O_CLIENT_ID, offsetof(struct dhcp_message, client_id) },
	{ DHCP_O_USER_CLASS, offsetof(struct dhcp_message, user_class) },
	{ DHCP_O_PORTAL, offsetof(struct dhcp_message, portal) },
	{ DHCP_O_SEARCH, offsetof(struct dhcp_message, search) },
	{ DHCP_O_MUD, offsetof(struct dhcp_message, mud) },
	{ DHCP_O_WPAD, offsetof(struct dhcp_message, wpad) },
};
enum { N_TEXTS = sizeof(texts) / sizeof(texts[0]) };

struct wire_text dhcp_text_wire(const struct dhcp_text *t)
{
	return wire_text_of(t->b, t->n);
}

struct dhcp_text dhcp_text_of(const void *p, size_t n)
{
	struct dhcp_text t = { .n = (uint8_t)(n < DHCP_TEXT_MAX ? n : DHCP_TEXT_MAX) };
	if (t.n)
		memcpy(t.b, p, t.n);
	return t;
}

/* ---- reading ---------------------------------------------------------------------------------- */

/* Where options are, in the order in which RFC 3396 section 5 joins them. */
struct areas {
	struct reader v[AREAS];
	size_t n;
};

/* An option as the bytes of all its pieces. */
struct joined {
	uint8_t b[JOINED_MAX];
	size_t n;     /* kept */
	size_t total; /* there were */
};

static bool next_option(struct reader *r, uint8_t *code, struct bytes *value)
{
	while (rd_left(r)) {
		*code = rd_u8(r);
		if (*code == PAD)
			continue;
		if (*code == END)
			return false;
		*value = rd_take(r, rd_u8(r));
		return rd_ok(r);
	}
	return false;
}

static struct joined join(const struct areas *areas, uint8_t code)
{
	struct joined j = { .n = 0 };
	struct writer w = wr_of(j.b, sizeof(j.b));
	for (size_t i = 0; i < areas->n; i++) {
		struct reader r = areas->v[i];
		struct bytes value;
		for (uint8_t c; next_option(&r, &c, &value);) {
			size_t room = sizeof(j.b) - w.at;
			if (c != code)
				continue;
			wr_bytes(&w, value.p, value.n < room ? value.n : room);
			j.total += value.n;
		}
	}
	j.n = w.at;
	return j;
}

static struct addr read_addr(struct reader *r)
{
	static const uint8_t none[4];
	struct bytes b = rd_take(r, sizeof(none));
	if (!b.n || memcmp(b.p, none, sizeof(none)) == 0)
		return (struct addr){ 0 };
	struct addr a = { .family = 4 };
	memcpy(a.b, b.p, sizeof(none));
	return a;
}

/* A number of exactly n bytes, 0 where the option is absent or of another length. */
static uint32_t number_option(const struct areas *areas, uint8_t code, size_t n)
{
	struct joined j = join(areas, code);
	struct reader r = rd_of(j.b, j.n);
	if (j.total != n)
		return 0;
	return n == 1 ? rd_u8(&r) : n == 2 ? rd_be16(&r) : rd_be32(&r);
}

static struct addr addr_option(const struct areas *areas, uint8_t code)
{
	struct joined j = join(areas, code);
	struct reader r = rd_of(j.b, j.n);
	return j.total == 4 ? read_addr(&r) : (struct addr){ 0 };
}

static struct dhcp_addrs addrs_option(const struct areas *areas, uint8_t code)
{
	struct joined j = join(areas, code);
	struct reader r = rd_of(j.b, j.n);
	struct dhcp_addrs out = { .n = 0 };
	if (j.total % 4)
		return out;
	while (rd_left(&r) >= 4 && out.n < DHCP_ADDRS_MAX) {
		struct addr a = read_addr(&r);
		if (a.family)
			out.v[out.n++] = a;
	}
	return out;
}

/* 0 for a mask that is not ones followed by zeros. */
static uint8_t prefix_of_mask(uint32_t mask)
{
	uint8_t n = 0;
	while (n < 32 && mask & UINT32_C(1) << (31 - n))
		n++;
	return n == 32 || !(mask << n) ? n : 0;
}

static void read_options(const struct areas *areas, struct dhcp_message *m)
{
	m->type = (uint8_t)number_option(areas, DHCP_O_TYPE, 1);
	m->prefix = prefix_of_mask(number_option(areas, DHCP_O_MASK, 4));
	m->lease_s = number_option(areas, DHCP_O_LEASE, 4);
	m->max_bytes = (uint16_t)number_option(areas, DHCP_O_MAX_BYTES, 2);
	m->requested = addr_option(areas, DHCP_O_REQUESTED);
	m->server = addr_option(areas, DHCP_O_SERVER);
	m->routers = addrs_option(areas, DHCP_O_ROUTERS);
	m->dns = addrs_option(areas, DHCP_O_DNS);
	for (unsigned i = 0; i < N_TEXTS; i++) {
		struct joined j = join(areas, texts[i].code);
		struct dhcp_text t = dhcp_text_of(j.b, j.n);
		memcpy((char *)m + texts[i].offset, &t, sizeof(t));
	}
}

/* True when every option of the area lies inside it. */
static bool area_is_whole(struct reader r)
{
	struct bytes value;
	for (uint8_t code; next_option(&r, &code, &value);)
		;
	return rd_ok(&r);
}

/* The options field, and the fields that option 52 turns into more of it. */
static int find_areas(const uint8_t *p, size_t n, struct areas *out)
{
	struct areas a = { .n = 1 };
	struct reader r = rd_of(p, n);
	rd_seek(&r, OPTIONS_AT);
	a.v[0] = rd_sub(&r, rd_left(&r));
	uint32_t overload = number_option(&a, DHCP_O_OVERLOAD, 1);
	rd_seek(&r, FILE_AT);
	if (overload & OVERLOAD_FILE)
		a.v[a.n++] = rd_sub(&r, FILE_BYTES);
	rd_seek(&r, SNAME_AT);
	if (overload & OVERLOAD_SNAME)
		a.v[a.n++] = rd_sub(&r, SNAME_BYTES);
	for (size_t i = 0; i < a.n; i++)
		if (!area_is_whole(a.v[i]))
			return i ? SP_E_MALFORMED : SP_E_TRUNCATED;
	*out = a;
	return 0;
}

static void read_header(struct reader *r, struct dhcp_message *m)
{
	m->xid = rd_be32(r);
	m->secs = rd_be16(r);
	m->broadcast = rd_be16(r) & BROADCAST_FLAG;
	m->ciaddr = read_addr(r);
	m->yiaddr = read_addr(r);
	m->siaddr = read_addr(r);
	m->giaddr = read_addr(r);
	struct bytes chaddr = rd_take(r, sizeof(m->chaddr.b));
	if (chaddr.n)
		memcpy(m->chaddr.b, chaddr.p, chaddr.n);
	rd_skip(r, CHADDR_BYTES - sizeof(m->chaddr.b) + SNAME_BYTES + FILE_BYTES);
}

int dhcp_parse(const uint8_t *p, size_t n, struct dhcp_message *out)
{
	struct reader r = rd_of(p, n);
	struct dhcp_message m = { .op = rd_u8(&r) };
	struct areas areas;
	uint8_t htype = rd_u8(&r), hlen = rd_u8(&r);
	m.hops = rd_u8(&r);
	read_header(&r, &m);
	uint32_t cookie = rd_be32(&r);
	if (!rd_ok(&r))
		return SP_E_TRUNCATED;
	bool ethernet = htype == 1 && hlen == sizeof(m.chaddr.b);
	if (cookie != COOKIE || !ethernet || (m.op != DHCP_BOOTREQUEST && m.op != DHCP_BOOTREPLY))
		return SP_E_MALFORMED;
	int e = find_areas(p, n, &areas);
	if (e)
		return e;
	read_options(&areas, &m);
	*out = m;
	return 0;
}

/* ---- writing ---------------------------------------------------------------------------------- */

static void write_zeros(struct writer *w, size_t n)
{
	while (n--)
		wr_u8(w, 0);
}

static void write_option(struct writer *w, uint8_t code, const void *p, size_t n)
{
	if (!n)
		return;
	wr_u8(w, code);
	wr_u8(w, (uint8_t)n);
	wr_bytes(w, p, n);
}

static void write_addr(struct writer *w, uint8_t code, const struct addr *a)
{
	write_option(w, code, a->b, a->family ? 4 : 0);
}

static void write_addrs(struct writer *w, uint8_t code, const struct dhcp_addrs *list)
{
	if (!list->n)
		return;
	wr_u8(w, code);
	wr_u8(w, (uint8_t)(4 * list->n));
	for (size_t i = 0; i < list->n; i++)
		wr_bytes(w, list->v[i].b, 4);
}

static void write_number(struct writer *w, uint8_t code, uint32_t v, uint8_t n)
{
	if (!v)
		return;
	wr_u8(w, code);
	wr_u8(w, n);
	if (n == 4)
		wr_be32(w, v);
	else if (n == 2)
		wr_be16(w, (uint16_t)v);
	else
		wr_u8(w, (uint8_t)v);
}

static void write_header(struct writer *w, const struct dhcp_message *m)
{
	wr_u8(w, m->op);
	wr_u8(w, 1); /* Ethernet */
	wr_u8(w, sizeof(m->chaddr.b));
	wr_u8(w, m->hops);
	wr_be32(w, m->xid);
	wr_be16(w, m->secs);
	wr_be16(w, m->broadcast ? BROADCAST_FLAG : 0);
	wr_bytes(w, m->ciaddr.b, 4);
	wr_bytes(w, m->yiaddr.b, 4);
	wr_bytes(w, m->siaddr.b, 4);
	wr_bytes(w, m->giaddr.b, 4);
	wr_bytes(w, m->chaddr.b, sizeof(m->chaddr.b));
	write_zeros(w, CHADDR_BYTES - sizeof(m->chaddr.b) + SNAME_BYTES + FILE_BYTES);
	wr_be32(w, COOKIE);
}

size_t dhcp_build(uint8_t *out, size_t cap, const struct dhcp_message *m)
{
	struct writer w = wr_of(out, cap);
	write_header(&w, m);
	write_number(&w, DHCP_O_TYPE, m->type, 1);
	write_addr(&w, DHCP_O_SERVER, &m->server);
	write_addr(&w, DHCP_O_REQUESTED, &m->requested);
	write_number(&w, DHCP_O_LEASE, m->lease_s, 4);
	write_number(&w, DHCP_O_MASK, m->prefix ? UINT32_MAX << (32 - m->prefix) : 0, 4);
	write_addrs(&w, DHCP_O_ROUTERS, &m->routers);
	write_addrs(&w, DHCP_O_DNS, &m->dns);
	write_number(&w, DHCP_O_MAX_BYTES, m->max_bytes, 2);
	for (unsigned i = 0; i < N_TEXTS; i++) {
		struct dhcp_text t;
		memcpy(&t, (const char *)m + texts[i].offset, sizeof(t));
		write_option(&w, texts[i].code, t.b, t.n);
	}
	wr_u8(&w, END);
	if (w.at < BOOTP_BYTES)
		write_zeros(&w, BOOTP_BYTES - w.at);
	return wr_ok(&w) ? w.at : 0;
}
