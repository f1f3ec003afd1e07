/* What a STUN message is answered with. */
#include <string.h>

#include "reflector.h"

enum { BAD_REQUEST = 400, UNKNOWN_ATTRIBUTE = 420, ATTR_HEAD = 4 };

bool reflector_other_port(const struct reflector *r, uint16_t port, uint16_t *out)
{
	const struct reflector_options *o = r->o;
	for (unsigned i = 0; i < o->n_ports && o->n_ports > 1; i++)
		if (o->ports[i] == port) {
			*out = o->ports[(i + 1) % o->n_ports];
			return true;
		}
	return false;
}

bool reflector_other_address(const struct reflector *r, const struct addr *a, struct addr *out)
{
	const struct reflector_options *o = r->o;
	unsigned at = 0;
	while (at < o->n_addresses && !addr_equal(&o->addresses[at], a))
		at++;
	for (unsigned i = 1; at < o->n_addresses && i < o->n_addresses; i++) {
		const struct addr *other = &o->addresses[(at + i) % o->n_addresses];
		if (other->family == a->family) {
			*out = *other;
			return true;
		}
	}
	return false;
}

static void refuse(struct stun_message *m, uint16_t type)
{
	if (m->n_unknown < STUN_MAX_UNKNOWN)
		m->unknown[m->n_unknown++] = type;
}

/* 420 with what is not understood here (RFC 8489 section 6.3.1); the reason phrase is left out, so
 * that the answer is no longer than a good one. */
static bool has_foreign(const struct stun_message *q, bool behaviour, struct stun_message *a)
{
	for (unsigned i = 0; i < q->n_foreign && i < STUN_MAX_UNKNOWN; i++)
		refuse(a, q->foreign[i]);
	if (!behaviour && q->has_change_request)
		refuse(a, STUN_CHANGE_REQUEST);
	if (!behaviour && q->has_response_port)
		refuse(a, STUN_RESPONSE_PORT);
	if (!behaviour && q->has_padding)
		refuse(a, STUN_PADDING);
	return a->n_unknown;
}

/* RFC 5780 section 6.1. False where the other address or port that is asked for is not there. */
static bool choose_way(const struct reflector *r, const struct stun_message *q, struct path *p,
		       struct endpoint *other)
{
	struct endpoint o;
	if (q->has_response_port)
		p->client.port = q->response_port;
	if (!reflector_other_port(r, p->server.port, &o.port) ||
	    !reflector_other_address(r, &p->server.addr, &o.addr))
		return !q->change_ip && !q->change_port;
	if (q->change_ip)
		p->server.addr = o.addr;
	if (q->change_port)
		p->server.port = o.port;
	*other = o;
	return true;
}

/* The answer never outgrows its request: the RFC would have an MTU's worth for any PADDING. */
static void pad(struct stun_message *a, const struct stun_message *q, size_t asked, uint8_t *out, size_t cap)
{
	if (!q->has_padding || a->class != STUN_SUCCESS)
		return;
	size_t bare = stun_build(out, cap, a) + ATTR_HEAD;
	if (asked <= bare)
		return;
	size_t n = asked - bare < q->padding ? asked - bare : q->padding;
	a->has_padding = true;
	a->padding = (uint16_t)(n / 4 * 4);
}

static void behaviour_attributes(struct stun_message *a, const struct path *p, const struct endpoint *from,
				 const struct endpoint *other)
{
	a->mapped = *from;
	if (a->classic) {
		a->xor_mapped.addr.family = 0;
		a->source_address = p->server;
		a->changed_address = *other;
	} else {
		a->response_origin = p->server;
		a->other_address = *other;
	}
}

/* Fills in the answer; leaves it an error where the request cannot be met. */
static void decide(const struct reflector *r, const struct stun_message *q, bool behaviour, struct path *p,
		   struct stun_message *a)
{
	struct endpoint from = p->client, other = { .port = 0 };
	a->class = STUN_ERROR;
	a->error_code = UNKNOWN_ATTRIBUTE;
	if (has_foreign(q, behaviour, a))
		return;
	if (q->has_padding && q->has_response_port) { /* RFC 5780 section 6.1: would amplify */
		a->error_code = BAD_REQUEST;
		return;
	}
	if (behaviour && !choose_way(r, q, p, &other)) {
		refuse(a, STUN_CHANGE_REQUEST);
		return;
	}
	a->class = STUN_SUCCESS;
	a->error_code = 0;
	a->xor_mapped = from;
	if (behaviour)
		behaviour_attributes(a, p, &from, &other);
}

size_t reflector_stun(struct reflector *r, struct bytes in, struct path *p, bool udp, uint64_t now_ns,
		      uint8_t *out, size_t cap)
{
	bool behaviour = r->o->rfc5780 && udp;
	struct stun_message q;
	if (stun_parse(in.p, in.n, &q) || q.class != STUN_REQUEST || q.method != STUN_BINDING ||
	    q.fingerprint == STUN_FP_BAD || (q.classic && !behaviour)) {
		r->n.foreign++;
		return 0;
	}
	if (!rates_allow(r->rates, RATE_STUN, &p->client.addr, now_ns)) {
		r->n.over_rate++;
		return 0;
	}
	struct stun_message a = stun_answer_to(&q, STUN_SUCCESS);
	decide(r, &q, behaviour, p, &a);
	if (a.class == STUN_SUCCESS)
		r->n.stun_answers++;
	else
		r->n.stun_errors++;
	pad(&a, &q, in.n, out, cap);
	return stun_build(out, cap, &a);
}
