#include "sallyport/wire/dns.h"

#include <string.h>

#include "sallyport/err.h"
#include "sallyport/text.h"

enum { HEADER_BYTES = 12, MAX_LABELS = 127, NAME_OCTETS = 255, EDE_OPTION = 15,
       CLASS_IN = 1, MAX_ALIASES = 8 };

static char lower(uint8_t c)
{
	return (char)(c >= 'A' && c <= 'Z' ? c + 32 : c);
}

/* One label, lower-cased and escaped, behind a dot where it is not the first. */
static void append_label(struct dns_name *out, size_t *at, struct bytes label)
{
	uint8_t folded[64];
	struct writer w = wr_of(folded, sizeof(folded));
	struct reader r = rd_of(label.p, label.n);
	while (rd_left(&r))
		wr_u8(&w, (uint8_t)lower(rd_u8(&r)));
	if (*at && *at + 1 < sizeof(out->text))
		out->text[(*at)++] = '.';
	if (sizeof(out->text) - *at >= 8)
		*at += text_printable(out->text + *at, sizeof(out->text) - *at, wire_text_of(folded, w.at));
}

/* A name at the cursor; pointers must go strictly backwards, so that no loop is possible. */
static void read_name(struct reader *r, struct dns_name *out)
{
	struct reader c = *r;
	size_t at = 0, lowest = r->at, octets = 0;
	bool jumped = false;
	out->text[0] = '\0';
	for (unsigned labels = 0; labels <= MAX_LABELS; labels++) {
		uint8_t len = rd_u8(&c);
		if (!rd_ok(&c))
			break;
		if ((len & 0xc0) == 0xc0) {
			size_t to = (size_t)(len & 0x3f) << 8 | rd_u8(&c);
			if (!jumped)
				*r = c;
			jumped = true;
			if (!rd_ok(&c) || to >= lowest || to < HEADER_BYTES)
				break;
			lowest = to;
			rd_seek(&c, to);
			continue;
		}
		octets += len + 1U;
		if (len & 0xc0 || octets > NAME_OCTETS)
			break;
		if (!len) {
			if (!jumped)
				*r = c;
			if (!at)
				text_copy(out->text, sizeof(out->text), ".");
			return;
		}
		append_label(out, &at, rd_take(&c, len));
	}
	r->bad = true;
}

size_t dns_build_query(uint8_t *out, size_t cap, uint16_t id, const char *name, uint16_t qtype)
{
	struct hostname h;
	struct writer w = wr_of(out, cap);
	if (hostname_parse(wire_text_str(name), &h))
		return 0;
	wr_be16(&w, id);
	wr_be16(&w, 0x0100); /* recursion desired */
	wr_be16(&w, 1);
	wr_be16(&w, 0);
	wr_be16(&w, 0);
	wr_be16(&w, 1);
	for (const char *s = h.s; *s;) {
		size_t n = strcspn(s, ".");
		wr_u8(&w, (uint8_t)n);
		wr_bytes(&w, s, n);
		s += n + (s[n] == '.');
	}
	wr_u8(&w, 0);
	wr_be16(&w, qtype);
	wr_be16(&w, 1); /* IN */
	wr_u8(&w, 0);   /* OPT: root name, our payload size in the class field */
	wr_be16(&w, DNS_OPT);
	wr_be16(&w, DNS_UDP_PAYLOAD);
	wr_be32(&w, 0);
	wr_be16(&w, 0);
	return wr_ok(&w) ? w.at : 0;
}

static void read_address(struct dns_message *m, struct bytes data, uint16_t type)
{
	struct addr a = { .family = type == DNS_A ? 4 : 6 };
	struct writer w = wr_of(a.b, sizeof(a.b));
	bool known = type == DNS_A || type == DNS_AAAA;
	if (!known || data.n != (type == DNS_A ? 4U : 16U) || m->n_addrs == DNS_MAX_ANSWERS)
		return;
	wr_bytes(&w, data.p, data.n);
	m->addrs[m->n_addrs++] = a;
}

static void read_options(struct dns_message *m, struct bytes data)
{
	struct reader r = rd_of(data.p, data.n);
	while (rd_left(&r) >= 4) {
		uint16_t code = rd_be16(&r);
		struct reader option = rd_sub(&r, rd_be16(&r));
		uint16_t info = rd_be16(&option);
		if (code == EDE_OPTION && rd_ok(&option) && m->ede < 0)
			m->ede = info;
	}
}

/* One resource record (RFC 1035 section 3.2.1) with the place of its data in the message. */
struct record {
	struct dns_name owner;
	uint16_t type, class;
	uint32_t ttl;
	size_t start;
	struct bytes data;
};

static bool read_record(struct reader *r, struct record *out)
{
	read_name(r, &out->owner);
	out->type = rd_be16(r);
	out->class = rd_be16(r);
	out->ttl = rd_be32(r);
	size_t length = rd_be16(r);
	out->start = r->at;
	out->data = rd_take(r, length);
	return rd_ok(r);
}

/* The target of a CNAME record; it may point back into the message. */
static void follow_cname(struct reader *r, const struct record *rec, struct dns_message *m)
{
	struct reader name = *r;
	name.n = rec->start + rec->data.n;
	rd_seek(&name, rec->start);
	read_name(&name, &m->cname);
	m->n_cnames++;
	r->bad |= !rd_ok(&name);
}

/*
 * An answer counts when it belongs to the name asked for, or to what that name is an alias of (RFC
 * 1034 section 3.6.2), in class IN. Aliases stand before what they lead to in the answers of every
 * server that is known; a chain in another order is followed as far as it goes.
 */
static void read_answer(struct reader *r, struct dns_message *m)
{
	struct record rec;
	if (!read_record(r, &rec) || rec.class != CLASS_IN)
		return;
	const char *owner = m->n_cnames ? m->cname.text : m->question.text;
	if (strcmp(rec.owner.text, owner))
		return;
	if (rec.type == DNS_CNAME && m->n_cnames < MAX_ALIASES)
		follow_cname(r, &rec, m);
	else if (rec.type == m->qtype)
		read_address(m, rec.data, rec.type);
	else
		return;
	if (rec.ttl < m->ttl)
		m->ttl = rec.ttl;
}

static void read_other(struct reader *r, struct dns_message *m)
{
	struct record rec;
	if (!read_record(r, &rec) || rec.type != DNS_OPT)
		return;
	m->rcode = (uint16_t)(m->rcode | (rec.ttl >> 24) << 4);
	read_options(m, rec.data);
}

int dns_parse(const uint8_t *p, size_t n, struct dns_message *out)
{
	struct reader r = rd_of(p, n);
	struct dns_message m = { .id = rd_be16(&r), .ttl = UINT32_MAX, .ede = -1 };
	uint16_t flags = rd_be16(&r), questions = rd_be16(&r), answers = rd_be16(&r);
	unsigned others = rd_be16(&r);
	others += rd_be16(&r);
	m.response = flags >> 15;
	m.truncated = flags >> 9 & 1;
	m.authoritative = flags >> 10 & 1;
	m.rcode = flags & 15;
	if (rd_ok(&r) && questions != 1)
		return SP_E_MALFORMED;
	read_name(&r, &m.question);
	m.qtype = rd_be16(&r);
	rd_skip(&r, 2);
	for (unsigned i = 0; i < answers && rd_ok(&r); i++)
		read_answer(&r, &m);
	for (unsigned i = 0; i < others && rd_ok(&r); i++)
		read_other(&r, &m);
	if (!rd_ok(&r))
		return rd_left(&(struct reader){ p, n, r.at, false }) ? SP_E_MALFORMED : SP_E_TRUNCATED;
	if (m.ttl == UINT32_MAX)
		m.ttl = 0;
	*out = m;
	return 0;
}

/* The question section's length: what a reply repeats. 0 when it is not there. */
static size_t question_end(const uint8_t *query, size_t n)
{
	struct reader r = rd_of(query, n);
	struct dns_name name;
	rd_skip(&r, HEADER_BYTES);
	read_name(&r, &name);
	rd_skip(&r, 4);
	return rd_ok(&r) ? r.at : 0;
}

static void write_answer(struct writer *w, uint16_t owner, uint16_t type, uint32_t ttl,
			 const void *data, size_t n)
{
	wr_be16(w, owner); /* a compression pointer */
	wr_be16(w, type);
	wr_be16(w, 1);
	wr_be32(w, ttl);
	wr_be16(w, (uint16_t)n);
	wr_bytes(w, data, n);
}

size_t dns_build_reply(uint8_t *out, size_t cap, const uint8_t *query, size_t query_n,
		       const struct dns_reply *rep)
{
	struct writer w = wr_of(out, cap);
	struct reader q = rd_of(query, query_n);
	size_t question = question_end(query, query_n);
	uint16_t owner = 0xc000 | HEADER_BYTES;
	if (!question)
		return 0;
	wr_be16(&w, rd_be16(&q));
	wr_be16(&w, (uint16_t)(0x8180 | (rep->rcode & 15))); /* response, RD, RA */
	wr_be16(&w, 1);
	wr_be16(&w, (uint16_t)(rep->n_addrs + (rep->cname.n ? 1 : 0)));
	wr_be16(&w, 0);
	wr_be16(&w, 1);
	rd_seek(&q, HEADER_BYTES);
	struct bytes asked = rd_take(&q, question - HEADER_BYTES);
	wr_bytes(&w, asked.p, asked.n);
	if (rep->cname.n) {
		size_t at = w.at + 12; /* where the CNAME's own name will stand */
		write_answer(&w, owner, DNS_CNAME, rep->ttl, rep->cname.p, rep->cname.n);
		owner = (uint16_t)(0xc000 | at);
	}
	for (unsigned i = 0; i < rep->n_addrs; i++)
		write_answer(&w, owner, rep->addrs[i].family == 4 ? DNS_A : DNS_AAAA, rep->ttl,
			     rep->addrs[i].b, rep->addrs[i].family == 4 ? 4 : 16);
	wr_u8(&w, 0);
	wr_be16(&w, DNS_OPT);
	wr_be16(&w, DNS_UDP_PAYLOAD);
	wr_be32(&w, (uint32_t)(rep->rcode >> 4) << 24);
	wr_be16(&w, rep->ede >= 0 ? 6 : 0);
	if (rep->ede >= 0) {
		wr_be16(&w, EDE_OPTION);
		wr_be16(&w, 2);
		wr_be16(&w, (uint16_t)rep->ede);
	}
	return wr_ok(&w) ? w.at : 0;
}
