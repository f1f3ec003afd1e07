#include "peer.h"

#include <stdlib.h>
#include <string.h>

#include "quote.h"
#include "sallyport/judge.h"
#include "sallyport/netinfo.h"

enum {
	/* An address may have gone a day after it was last seen, or when its TTL says so twice over;
	 * no TTL counts for more than a week (RFC 8767 section 4). */
	VALID_MIN_S = 86400,
	TTL_MAX_S = 604800,
};

/* Verdicts that what this network's DNS gave, or what answers there, is not the cloud. */
static const char *const doubts[] = {
	"dns-forged", "captive-dns", "split-horizon", "dns-policy-block", "udp-impostor", "tcp-impostor",
};

static unsigned family_bit(const struct addr *a)
{
	return a->family == 4 ? FAMILY_4 : FAMILY_6;
}

static const struct profile_target *target_of(const struct run *r, const struct need *n)
{
	return n->target_index < 0 ? NULL : &r->profile->targets[n->target_index];
}

static unsigned labels(const char *s)
{
	unsigned n = *s != '\0';
	for (; *s; s++)
		n += *s == '.';
	return n;
}

/* "{id}.v6.udp.example.net" below "udp.example.net": 2. */
static unsigned depth_below(const struct profile_target *t, const char *base)
{
	size_t n = t && t->name ? strlen(t->name) : 0, m = strlen(base);
	if (n <= m + 1 || t->name[n - m - 1] != '.' || !text_equal_nocase(t->name + n - m, base))
		return 1;
	return labels(t->name) - labels(base);
}

int peer_of_need(struct arena *arena, const struct run *r, const struct need *n,
		 struct rule_peer *out, struct sp_error *err)
{
	struct rule_peer p = { .kind = n->target_index < 0 ? PEER_SITE_DNS : PEER_ADDRESS };
	struct hostname h;
	struct addr a;
	bool wildcard;
	if (addr_parse(n->to, &a) == 0) {
		int e = quote_addr(n->to, &a, err);
		p.addrs = arena_alloc(arena, sizeof(*p.addrs));
		p.addrs[0] = (struct rule_address){ .addr = a };
		p.n_addrs = 1;
		p.families = family_bit(&a);
		p.gateway = addr_equal(&a, &r->host->gateway4) || addr_equal(&a, &r->host->gateway6);
		if (!e)
			*out = p;
		return e;
	}
	int e = quote_name(n->to, &wildcard, &h, err);
	if (e)
		return e;
	p.kind = wildcard ? PEER_WILDCARD : PEER_NAME;
	text_copy(p.name, sizeof(p.name), h.s);
	p.depth = wildcard ? depth_below(target_of(r, n), h.s) : 0;
	*out = p;
	return 0;
}

static bool has_name(const struct rule_peer *p)
{
	return p->kind == PEER_NAME || p->kind == PEER_WILDCARD;
}

int peer_compare(const struct rule_peer *a, const struct rule_peer *b)
{
	if (has_name(a) != has_name(b))
		return has_name(a) ? 1 : -1;
	if (!has_name(a))
		return addr_compare(&a->addrs[0].addr, &b->addrs[0].addr);
	int c = strcmp(a->name, b->name);
	return c ? c : (int)a->kind - (int)b->kind;
}

static const char *doubt_about(const struct run *r, int target)
{
	for (size_t i = 0; i < r->n_verdicts; i++) {
		const struct verdict *v = &r->verdicts[i];
		for (size_t k = 0; k < sizeof(doubts) / sizeof(doubts[0]); k++)
			if (v->targets >> target & 1 && strcmp(v->fault->slug, doubts[k]) == 0)
				return doubts[k];
	}
	return NULL;
}

/* Is the word in a list separated by blanks or commas? */
static bool holds(const char *list, const char *word)
{
	size_t m = strlen(word);
	for (const char *w = list; *(w += strspn(w, " ,"));) {
		size_t n = strcspn(w, " ,");
		if (n == m && strncmp(w, word, n) == 0)
			return true;
		w += n;
	}
	return false;
}

/* The last answer of one of this network's resolvers that held the address. */
static void trace(const struct run *r, const char *text, struct rule_address *out)
{
	for (size_t i = 0; i < r->n_obs; i++) {
		const struct observation *o = r->obs[i];
		struct addr from = { 0 };
		bool own = false;
		if (strcmp(o->check, "dns.name") || o->outcome != OUTCOME_ANSWERED ||
		    !holds(obs_get_text(o, A_ANSWERS, ""), text) ||
		    addr_parse(obs_get_text(o, A_RESOLVER, ""), &from))
			continue;
		for (size_t k = 0; k < r->host->n_resolvers; k++)
			own |= addr_equal(&from, &r->host->resolvers[k]);
		int64_t ttl = obs_get_int(o, A_TTL, 0);
		if (!own)
			continue;
		out->resolver = from;
		out->ttl_s = ttl < 0 ? 0 : ttl > TTL_MAX_S ? TTL_MAX_S : (uint32_t)ttl;
		out->seen_us = r->started_us + (int64_t)o->t_us;
		out->evidence = o->n;
	}
}

int peer_add_addresses(const struct run *r, const struct need *n, struct rule_peer *p,
		       struct sp_error *err)
{
	const struct profile_target *t = target_of(r, n);
	if (!t || !has_name(p))
		return 0;
	p->families |= t->families;
	if (!p->withheld)
		p->withheld = doubt_about(r, n->target_index);
	for (size_t i = 0; i < n->n_addresses; i++) {
		struct rule_address a = { .seen_us = r->started_us };
		if (addr_parse(n->addresses[i], &a.addr))
			return quote_addr(n->addresses[i], &a.addr, err);
		/* An answer must not open this network's own inside. */
		if (!addr_is_public(&a.addr) || !(t->families & family_bit(&a.addr)))
			continue;
		trace(r, n->addresses[i], &a);
		a.valid_s = 2 * a.ttl_s > VALID_MIN_S ? 2 * a.ttl_s : VALID_MIN_S;
		p->addrs[p->n_addrs++] = a;
	}
	return 0;
}

static int by_address(const void *a, const void *b)
{
	return addr_compare(&((const struct rule_address *)a)->addr,
			    &((const struct rule_address *)b)->addr);
}

void peer_settle(struct rule_peer *p)
{
	size_t n = 0;
	if (p->withheld)
		p->n_addrs = 0;
	if (p->n_addrs)
		qsort(p->addrs, p->n_addrs, sizeof(*p->addrs), by_address);
	for (size_t i = 0; i < p->n_addrs; i++)
		if (!n || by_address(&p->addrs[n - 1], &p->addrs[i]))
			p->addrs[n++] = p->addrs[i];
	p->n_addrs = n;
}
