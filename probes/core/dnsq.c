#include "dnsq.h"

#include <string.h>

#include "sallyport/text.h"

void dnsq_init(struct dnsq *q, const char *name, uint16_t qtype, const uint16_t *random,
	       uint64_t now_ns, uint64_t answer_ns)
{
	memset(q, 0, sizeof(*q));
	q->name = name;
	q->qtype = qtype;
	memcpy(q->ids, random, sizeof(q->ids));
	retry_init(&q->retry, now_ns, answer_ns);
}

size_t dnsq_build(const struct dnsq *q, unsigned attempt, uint8_t *out, size_t cap)
{
	return dns_build_query(out, cap, q->ids[attempt - 1], q->name, q->qtype);
}

/* Which try an id belongs to; 0 for none that was sent. */
static unsigned try_of(const struct dnsq *q, uint16_t id)
{
	for (unsigned i = 0; i < q->retry.sent; i++)
		if (q->ids[i] == id)
			return i + 1;
	return 0;
}

static bool has_addr(const struct dnsq *q, const struct addr *a)
{
	for (unsigned i = 0; i < q->n_addrs; i++)
		if (addr_equal(&q->addrs[i], a))
			return true;
	return false;
}

/* Servers rotate their addresses: the order says nothing. */
static bool says_the_same(const struct dnsq *q, const struct dns_message *m)
{
	if (m->rcode != q->rcode || m->n_addrs != q->n_addrs)
		return false;
	for (unsigned i = 0; i < m->n_addrs; i++)
		if (!has_addr(q, &m->addrs[i]))
			return false;
	return true;
}

static enum dnsq_result note_answer(struct dnsq *q, unsigned attempt, const struct dns_message *m)
{
	if (q->answered) {
		q->extra++;
		return says_the_same(q, m) ? DNSQ_REPEAT : DNSQ_SECOND;
	}
	q->answered = attempt;
	q->rcode = m->rcode;
	q->n_addrs = m->n_addrs;
	memcpy(q->addrs, m->addrs, sizeof(q->addrs));
	retry_stop(&q->retry);
	return DNSQ_ANSWER;
}

void dnsq_read(struct dnsq *q, const uint8_t *p, size_t n, struct dnsq_reply *out)
{
	out->attempt = q->retry.sent;
	out->late = false;
	out->result = DNSQ_GARBLED;
	if (dns_parse(p, n, &out->m) || !out->m.response)
		return;
	unsigned attempt = try_of(q, out->m.id);
	out->result = DNSQ_MISMATCH;
	if (!attempt || out->m.qtype != q->qtype || !text_equal_nocase(out->m.question.text, q->name))
		return;
	out->attempt = attempt;
	out->late = q->retry.resolved >> (attempt - 1) & 1;
	out->result = note_answer(q, attempt, &out->m);
}

/* RFC 8914: 15 blocked, 16 censored, 17 filtered, 18 prohibited. */
static bool names_itself_a_filter(const struct dns_message *m)
{
	return m->ede >= 15 && m->ede <= 18;
}

bool dnsq_looks_wrong(const struct dns_message *m)
{
	if (m->rcode != DNS_NOERROR || !m->n_addrs || names_itself_a_filter(m))
		return true;
	for (unsigned i = 0; i < m->n_addrs; i++) {
		enum addr_kind k = addr_kind(&m->addrs[i]);
		if (k != ADDR_GLOBAL && k != ADDR_DOCUMENTATION)
			return true;
	}
	return false;
}
