/* A fixed table of flows with two hash chains, by inside endpoint and by public port. */
#include "diag/lab/nat_model.h"

#include <string.h>

#include "sallyport/clock.h"

enum { PORT_LOWEST = 1024, PORT_COUNT = 65536 - PORT_LOWEST, PORT_TRIES = 64 };
enum { PF_NO_TRAFFIC, PF_SINGLE, PF_MULTIPLE };

void nat_model_init(struct nat_model *m, const struct nat_kind *kind,
		    const struct addr *public_addr, uint64_t seed)
{
	memset(m, 0, sizeof(*m));
	m->kind = *kind;
	m->public_addr = *public_addr;
	m->random = seed;
}

void nat_model_flush(struct nat_model *m)
{
	memset(m->entries, 0, sizeof(m->entries));
	memset(m->by_inside, 0, sizeof(m->by_inside));
	memset(m->by_port, 0, sizeof(m->by_port));
}

void nat_model_move(struct nat_model *m, const struct addr *public_addr)
{
	nat_model_flush(m);
	m->public_addr = *public_addr;
}

/* SplitMix64's finaliser (Steele, Lea, Flood 2014). */
static uint64_t mix(uint64_t z)
{
	z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
	return z ^ (z >> 31);
}

static uint64_t next_random(struct nat_model *m)
{
	return mix(m->random += UINT64_C(0x9e3779b97f4a7c15));
}

static uint64_t hash_endpoint(const struct endpoint *e)
{
	uint64_t halves[2];
	memcpy(halves, e->addr.b, sizeof(halves));
	return mix(halves[0] ^ mix(halves[1] + e->port));
}

static unsigned inside_bucket(const struct endpoint *e)
{
	return (unsigned)(hash_endpoint(e) % NAT_BUCKETS);
}

static bool scope_matches(enum nat_scope scope, const struct endpoint *a, const struct endpoint *b)
{
	if (scope == NAT_ENDPOINT_INDEPENDENT)
		return true;
	return addr_equal(&a->addr, &b->addr) &&
	       (scope == NAT_ADDRESS_DEPENDENT || a->port == b->port);
}

/* A lazy box forgets when its sweep next comes to the entry's place in the table. */
static uint64_t gone_ns(const struct nat_model *m, const struct nat_entry *e)
{
	uint64_t period = m->kind.sweep_ms * NS_PER_MS;
	if (!period)
		return e->expires_ns;
	uint64_t place = mix(hash_endpoint(&e->inside) ^ mix(hash_endpoint(&e->remote))) % period;
	return e->expires_ns + (place + period - e->expires_ns % period) % period;
}

static bool lives(const struct nat_model *m, const struct nat_entry *e, uint64_t now_ns)
{
	return e->used && now_ns < gone_ns(m, e);
}

static void unlink_from(struct nat_model *m, uint16_t *head, uint16_t index, bool inside)
{
	for (uint16_t *at = head; *at;) {
		struct nat_entry *e = &m->entries[*at - 1];
		uint16_t *next = inside ? &e->next_inside : &e->next_public;
		if (*at == index) {
			*at = *next;
			return;
		}
		at = next;
	}
}

static void forget(struct nat_model *m, struct nat_entry *e)
{
	uint16_t index = (uint16_t)(e - m->entries + 1);
	unlink_from(m, &m->by_inside[inside_bucket(&e->inside)], index, true);
	unlink_from(m, &m->by_port[e->port % NAT_BUCKETS], index, false);
	e->used = false;
}

/* The live flow between these two. */
static struct nat_entry *flow_of(struct nat_model *m, uint64_t now_ns,
				 const struct endpoint *inside, const struct endpoint *remote)
{
	for (uint16_t i = m->by_inside[inside_bucket(inside)]; i;
	     i = m->entries[i - 1].next_inside) {
		struct nat_entry *e = &m->entries[i - 1];
		if (lives(m, e, now_ns) && endpoint_equal(&e->inside, inside) &&
		    endpoint_equal(&e->remote, remote))
			return e;
	}
	return NULL;
}

/* The public port that this inside endpoint already has and may use for this remote end; 0: none.
 */
static uint16_t mapped_port(struct nat_model *m, uint64_t now_ns, const struct endpoint *inside,
			    const struct endpoint *remote)
{
	for (uint16_t i = m->by_inside[inside_bucket(inside)]; i;
	     i = m->entries[i - 1].next_inside) {
		const struct nat_entry *e = &m->entries[i - 1];
		if (lives(m, e, now_ns) && endpoint_equal(&e->inside, inside) &&
		    scope_matches(m->kind.mapping, &e->remote, remote))
			return e->port;
	}
	return 0;
}

/* Would an answer to this public port be ambiguous? Two inside endpoints may share one where the
 * mapping tells them apart by the remote end. */
static bool port_taken(struct nat_model *m, uint64_t now_ns, uint16_t port,
		       const struct endpoint *inside, const struct endpoint *remote)
{
	for (uint16_t i = m->by_port[port % NAT_BUCKETS]; i; i = m->entries[i - 1].next_public) {
		const struct nat_entry *e = &m->entries[i - 1];
		if (e->port == port && lives(m, e, now_ns) && !endpoint_equal(&e->inside, inside) &&
		    scope_matches(m->kind.mapping, &e->remote, remote))
			return true;
	}
	return false;
}

/* 0 when none is free. */
static uint16_t choose_port(struct nat_model *m, uint64_t now_ns, const struct endpoint *inside,
			    const struct endpoint *remote)
{
	uint16_t port = mapped_port(m, now_ns, inside, remote);
	if (port || m->kind.ports == NAT_PORTS_OVERLOADED)
		return port ? port : inside->port;
	if (m->kind.ports == NAT_PORTS_PRESERVED &&
	    !port_taken(m, now_ns, inside->port, inside, remote))
		return inside->port;
	for (int i = 0; i < PORT_TRIES; i++) {
		port = (uint16_t)(PORT_LOWEST + next_random(m) % PORT_COUNT);
		if (!port_taken(m, now_ns, port, inside, remote))
			return port;
	}
	return 0;
}

/* A free place in the table; NULL when it is full or the inside address has its quota. */
static struct nat_entry *room(struct nat_model *m, uint64_t now_ns, const struct addr *inside)
{
	struct nat_entry *found = NULL;
	uint32_t theirs = 0;
	for (size_t i = 0; i < NAT_ENTRIES_MAX; i++) {
		struct nat_entry *e = &m->entries[i];
		if (e->used && !lives(m, e, now_ns))
			forget(m, e);
		if (!e->used)
			found = found ? found : e;
		else if (addr_equal(&e->inside.addr, inside))
			theirs++;
	}
	return m->kind.quota && theirs >= m->kind.quota ? NULL : found;
}

static struct nat_entry *add_entry(struct nat_model *m, uint64_t now_ns,
				   const struct endpoint *inside, const struct endpoint *remote,
				   uint16_t port)
{
	struct nat_entry *e = port ? room(m, now_ns, &inside->addr) : NULL;
	if (!e) {
		m->refused++;
		return NULL;
	}
	uint16_t index = (uint16_t)(e - m->entries + 1);
	uint16_t *inside_head = &m->by_inside[inside_bucket(inside)];
	uint16_t *port_head = &m->by_port[port % NAT_BUCKETS];
	*e = (struct nat_entry){.used = true,
				.inside = *inside,
				.remote = *remote,
				.port = port,
				.created_ns = now_ns,
				.next_inside = *inside_head,
				.next_public = *port_head};
	*inside_head = *port_head = index;
	return e;
}

/* nf_conntrack: the mark "reply seen" is set after the timer was chosen, so the first reply never
 * starts the stream timer; the 2 s count from the packet that made the entry. */
static enum nat_timer linux_timer(const struct nat_kind *k, struct nat_entry *e, uint64_t now_ns,
				  bool out)
{
	bool before = e->replied;
	e->replied = before || !out;
	if (!before)
		return NAT_TIMER_FIRST;
	return now_ns > e->created_ns + k->stream_after_ms * NS_PER_MS ? NAT_TIMER_STREAM
								       : NAT_TIMER_SINGLE;
}

/* pf_test_state_udp: the sender has sent at least once; a receiver that has sent counts as
 * answered. */
static enum nat_timer pf_timer(struct nat_entry *e, bool out)
{
	uint8_t *sender = out ? &e->ours : &e->theirs, *receiver = out ? &e->theirs : &e->ours;
	if (e->ours == PF_NO_TRAFFIC) {
		e->ours = PF_SINGLE;
		return NAT_TIMER_FIRST;
	}
	if (*sender < PF_SINGLE)
		*sender = PF_SINGLE;
	if (*receiver == PF_SINGLE)
		*receiver = PF_MULTIPLE;
	return e->ours == PF_MULTIPLE && e->theirs == PF_MULTIPLE ? NAT_TIMER_STREAM
								  : NAT_TIMER_SINGLE;
}

static enum nat_timer exchange_timer(struct nat_entry *e, bool out)
{
	if (!out && e->owed)
		e->exchanges++;
	e->owed = out;
	return e->exchanges > 1 ? NAT_TIMER_STREAM
	       : e->exchanges   ? NAT_TIMER_SINGLE
				: NAT_TIMER_FIRST;
}

static enum nat_timer two_way_timer(struct nat_entry *e, bool out)
{
	e->replied = e->replied || !out;
	return e->replied ? NAT_TIMER_SINGLE : NAT_TIMER_FIRST;
}

static enum nat_timer timer_for(const struct nat_kind *k, struct nat_entry *e, uint64_t now_ns,
				bool out)
{
	switch (k->rule) {
	case NAT_RULE_LINUX:
		return linux_timer(k, e, now_ns, out);
	case NAT_RULE_PF:
		return pf_timer(e, out);
	case NAT_RULE_EXCHANGES:
		return exchange_timer(e, out);
	case NAT_RULE_TWO_WAY:
		break;
	}
	return two_way_timer(e, out);
}

/* A packet of this flow passes. */
static void touch(struct nat_model *m, struct nat_entry *e, uint64_t now_ns, bool out)
{
	const struct nat_kind *k = &m->kind;
	enum nat_timer timer = timer_for(k, e, now_ns, out);
	bool idle = out ? k->outbound_does_not_refresh : k->inbound_does_not_refresh;
	uint64_t grain = k->grain_ms ? k->grain_ms * NS_PER_MS : 1;
	if (!idle || !e->expires_ns)
		e->expires_ns = now_ns / grain * grain + k->timer_s[timer] * NS_PER_S;
}

static struct nat_entry *inbound_entry(struct nat_model *m, uint64_t now_ns, uint16_t port,
				       const struct endpoint *remote)
{
	struct nat_entry *found = NULL;
	for (uint16_t i = m->by_port[port % NAT_BUCKETS]; i; i = m->entries[i - 1].next_public) {
		struct nat_entry *e = &m->entries[i - 1];
		if (e->port != port || !lives(m, e, now_ns) || !e->inside.addr.family)
			continue;
		if (endpoint_equal(&e->remote, remote))
			return e;
		if (!found && scope_matches(m->kind.filtering, &e->remote, remote))
			found = e;
	}
	return found;
}

/* A packet that matches nothing reaches the box itself, which remembers it as any other flow. */
static void hold_port(struct nat_model *m, uint64_t now_ns, const struct nat_packet *p)
{
	struct endpoint nobody = {.port = p->dst.port};
	struct nat_entry *e = flow_of(m, now_ns, &nobody, &p->src);
	if (!e)
		e = add_entry(m, now_ns, &nobody, &p->src, p->dst.port);
	if (e)
		e->expires_ns = now_ns + m->kind.timer_s[NAT_TIMER_FIRST] * NS_PER_S;
}

enum nat_verdict nat_model_in(struct nat_model *m, uint64_t now_ns, struct nat_packet *p)
{
	struct nat_entry *e = addr_equal(&p->dst.addr, &m->public_addr)
				      ? inbound_entry(m, now_ns, p->dst.port, &p->src)
				      : NULL;
	if (!e) {
		if (m->kind.late_inbound_holds_port && addr_equal(&p->dst.addr, &m->public_addr))
			hold_port(m, now_ns, p);
		return NAT_DROP;
	}
	touch(m, e, now_ns, false);
	if (p->ttl <= 1)
		return NAT_TTL;
	p->dst = e->inside;
	p->ttl--;
	return NAT_PASS;
}

enum nat_verdict nat_model_out(struct nat_model *m, uint64_t now_ns, struct nat_packet *p)
{
	struct nat_entry *e = flow_of(m, now_ns, &p->src, &p->dst);
	if (p->ttl <= 1) { /* it makes no entry, but may restart one */
		if (e && !m->kind.ttl_before_lookup)
			touch(m, e, now_ns, true);
		return NAT_TTL;
	}
	bool hairpin = addr_equal(&p->dst.addr, &m->public_addr);
	if (hairpin && !m->kind.hairpins)
		return NAT_DROP;
	if (!e)
		e = add_entry(m, now_ns, &p->src, &p->dst,
			      choose_port(m, now_ns, &p->src, &p->dst));
	if (!e)
		return NAT_DROP;
	touch(m, e, now_ns, true);
	struct nat_packet sent = {{m->public_addr, e->port}, p->dst, p->ttl};
	if (!hairpin)
		sent.ttl--;
	else if (nat_model_in(m, now_ns, &sent) !=
		 NAT_PASS) /* RFC 4787 REQ-9a: from the public end */
		return NAT_DROP;
	*p = sent;
	return hairpin ? NAT_HAIRPIN : NAT_PASS;
}

enum nat_verdict nat_model_error_in(struct nat_model *m, uint64_t now_ns, struct nat_packet *quoted)
{
	struct nat_entry *e = addr_equal(&quoted->src.addr, &m->public_addr)
				      ? inbound_entry(m, now_ns, quoted->src.port, &quoted->dst)
				      : NULL;
	if (!e || !endpoint_equal(&e->remote, &quoted->dst))
		return NAT_DROP;
	quoted->src = e->inside;
	if (m->kind.icmp_forgets)
		forget(m, e);
	return NAT_PASS;
}

uint64_t nat_model_left_ns(const struct nat_model *m, uint64_t now_ns,
			   const struct endpoint *inside, const struct endpoint *remote)
{
	for (uint16_t i = m->by_inside[inside_bucket(inside)]; i;
	     i = m->entries[i - 1].next_inside) {
		const struct nat_entry *e = &m->entries[i - 1];
		if (lives(m, e, now_ns) && endpoint_equal(&e->inside, inside) &&
		    endpoint_equal(&e->remote, remote))
			return e->expires_ns > now_ns ? e->expires_ns - now_ns : 0;
	}
	return 0;
}
