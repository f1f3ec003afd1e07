/* Needs to rules: the same flow asked for by several devices is one rule, and everything stands in
 * one order, so that the same run gives the same bytes whatever order the needs came in. */
#include "sallyport/rules.h"

#include <stdlib.h>
#include <string.h>

#include "dialects.h"
#include "peer.h"
#include "quote.h"
#include "sallyport/clock.h"
#include "sallyport/netinfo.h"
#include "sallyport/settings.h"

/* RFC 4787 REQ-5: a UDP mapping must live two minutes and should live five. */
enum { SESSION_IDLE_S = 300, RUN_WORD = 8 };

struct item { /* a need, checked */
	const struct need *need;
	struct rule_peer peer;
	enum transport proto;
	struct rule_subject subject;
	bool placeholder;
};

struct builder {
	struct arena *arena;
	const struct run *run;
	struct ruleset *set;
	char run_word[RUN_WORD + 1], date[9];
	unsigned families; /* that the devices use */
	struct sp_error *err;
};

static bool is_this_host(const struct host_facts *h, const struct rule_subject *s)
{
	char mac[MAC_STRLEN];
	bool same = s->mac[0] && mac_is_unicast(&h->mac) && strcmp(mac_format(&h->mac, mac), s->mac) == 0;
	for (size_t i = 0; i < h->n_addrs; i++)
		same |= s->ip.family && addr_equal(&s->ip, &h->addrs[i].addr);
	return same;
}

static int subject_of(const struct builder *b, const char *from, struct rule_subject *out)
{
	const struct settings *set = b->run->settings;
	struct rule_subject s = { 0 };
	struct addr a;
	int e = addr_parse(from, &a) == 0 ? quote_addr(from, &s.ip, b->err) : quote_mac(from, s.mac, b->err);
	for (size_t i = 0; !e && i < set->n_devices; i++) {
		const struct device *d = &set->devices[i];
		if (strcmp(d->mac[0] ? d->mac : d->ip, from))
			continue;
		if (d->ip[0])
			e = quote_addr(d->ip, &s.ip, b->err);
		text_copy(s.name, sizeof(s.name), d->name);
		break;
	}
	if (!e)
		e = quote_comment(s.name, b->err);
	if (!e && is_this_host(b->run->host, &s))
		e = sp_error_set(b->err, SP_E_USAGE, "%s is this host itself: name the devices, not the "
				 "host that tests", from);
	if (!e)
		*out = s;
	return e;
}

static int item_of(const struct builder *b, const struct need *n, struct item *out)
{
	*out = (struct item){ .need = n, .placeholder = strcmp(n->from, NEED_PLACEHOLDER) == 0,
			      .proto = strcmp(n->proto, "udp") == 0 ? TRANSPORT_UDP : TRANSPORT_TCP };
	int e = quote_port(n->port, b->err);
	if (!e)
		e = peer_of_need(b->arena, b->run, n, &out->peer, b->err);
	if (!e && !out->placeholder)
		e = subject_of(b, n->from, &out->subject);
	return e;
}

static int by_rule(const struct item *x, const struct item *y)
{
	if (x->proto != y->proto)
		return x->proto < y->proto ? -1 : 1;
	if (x->need->port != y->need->port)
		return x->need->port < y->need->port ? -1 : 1;
	return peer_compare(&x->peer, &y->peer);
}

static int by_subject(const struct rule_subject *x, const struct rule_subject *y)
{
	if (!x->mac[0] != !y->mac[0])
		return x->mac[0] ? -1 : 1;
	return x->mac[0] ? strcmp(x->mac, y->mac) : addr_compare(&x->ip, &y->ip);
}

static int by_item(const void *a, const void *b)
{
	const struct item *x = a, *y = b;
	int c = by_rule(x, y);
	c = c ? c : by_subject(&x->subject, &y->subject);
	c = c ? c : strcmp(x->subject.name, y->subject.name);
	return c ? c : x->need->target_index - y->need->target_index;
}

static bool same_group(const struct rule_group *x, const struct rule_group *y)
{
	bool same = x->n == y->n;
	for (size_t i = 0; same && i < x->n; i++)
		same = by_subject(&x->subjects[i], &y->subjects[i]) == 0;
	return same;
}

/* The subjects of n items that are one rule; a group that is there already serves again. */
static size_t group_of(struct builder *b, const struct item *items, size_t n)
{
	struct rule_group g = { .subjects = arena_alloc(b->arena, n * sizeof(*g.subjects)) };
	for (size_t i = 0; i < n; i++)
		if (!items[i].placeholder &&
		    (!g.n || by_subject(&g.subjects[g.n - 1], &items[i].subject)))
			g.subjects[g.n++] = items[i].subject;
	g.by_mac = g.n == 0;
	for (size_t i = 0; i < g.n; i++) {
		const struct rule_subject *s = &g.subjects[i];
		g.by_mac |= s->mac[0] != '\0';
		g.by_ip4 |= !s->mac[0] && s->ip.family == 4;
		g.by_ip6 |= !s->mac[0] && s->ip.family == 6;
	}
	struct ruleset *set = b->set;
	for (size_t i = 0; i < set->n_groups; i++)
		if (same_group(&set->groups[i], &g))
			return i;
	set->groups[set->n_groups] = g;
	return set->n_groups++;
}

/* Of what a rule is about, so that the same flow has the same id in every run. */
static void set_id(struct rule *r)
{
	const char *proto = r->proto == TRANSPORT_UDP ? "udp" : "tcp";
	char peer[HOSTNAME_MAX + 3], text[HOSTNAME_MAX + 24];
	uint32_t h = 2166136261u; /* FNV-1a, 32 bits */
	snprintf(text, sizeof(text), "%s/%u/%s", proto, r->port, peer_text(&r->peer, peer));
	for (const char *c = text; *c; c++)
		h = (h ^ (uint8_t)*c) * 16777619u;
	snprintf(r->id, sizeof(r->id), "%s%u_%08x", proto, r->port, h);
}

static int set_tag(const struct builder *b, struct rule *r)
{
	char identifier[RULE_ID_LEN + 8];
	snprintf(identifier, sizeof(identifier), "sp_%s", r->id);
	snprintf(r->tag, sizeof(r->tag), "sp:%s:%s:%s", b->run_word, r->id, b->date);
	int e = quote_identifier(identifier, b->err);
	return e ? e : quote_comment(r->tag, b->err);
}

static int fill_peer(const struct builder *b, const struct item *items, size_t n, struct rule_peer *p)
{
	uint64_t done = 0; /* targets */
	size_t room = 1;
	for (size_t i = 0; i < n; i++)
		room += items[i].need->n_addresses;
	if (!p->n_addrs)
		p->addrs = arena_alloc(b->arena, room * sizeof(*p->addrs));
	for (size_t i = 0; i < n; i++) {
		int t = items[i].need->target_index;
		uint64_t bit = t < 0 ? 0 : UINT64_C(1) << t;
		int e = t < 0 || done & bit ? 0 : peer_add_addresses(b->run, items[i].need, p, b->err);
		if (e)
			return e;
		done |= bit;
	}
	peer_settle(p);
	return 0;
}

static int add_rule(struct builder *b, const struct item *items, size_t n)
{
	struct rule r = { .peer = items[0].peer, .proto = items[0].proto, .port = items[0].need->port,
			  .why = "" };
	int e = fill_peer(b, items, n, &r.peer);
	if (e || (r.peer.kind == PEER_SITE_DNS && b->families && !(r.peer.families & b->families)))
		return e;
	for (size_t i = 0; i < n; i++) {
		const struct need *need = items[i].need;
		r.required |= need->required;
		if (!*r.why && quote_prose(need->why, NULL) == 0)
			r.why = need->why;
		if (need->target_index >= 0 && r.proto == TRANSPORT_UDP &&
		    strcmp(b->run->profile->targets[need->target_index].probe, "dtls-device") == 0)
			r.idle_s = SESSION_IDLE_S;
	}
	for (size_t i = 0; i < r.peer.n_addrs; i++) {
		const struct rule_address *a = &r.peer.addrs[i];
		int64_t end = a->valid_s ? a->seen_us + (int64_t)a->valid_s * 1000000 : 0;
		if (end && (!r.expires_us || end < r.expires_us))
			r.expires_us = end;
	}
	r.group = group_of(b, items, n);
	set_id(&r);
	e = set_tag(b, &r);
	b->set->rules[b->set->n_rules++] = r;
	return e;
}

static int by_importance(const void *a, const void *b)
{
	const struct rule *x = a, *y = b;
	if (x->required != y->required)
		return x->required ? -1 : 1;
	if (x->proto != y->proto)
		return x->proto < y->proto ? -1 : 1;
	return x->port != y->port ? (int)x->port - (int)y->port : peer_compare(&x->peer, &y->peer);
}

static int set_head(struct builder *b)
{
	const struct run *r = b->run;
	struct ruleset *s = b->set;
	size_t n = strlen(r->id);
	int e = quote_comment(r->id, b->err);
	s->run_id = r->id;
	s->profile = r->profile->name;
	s->title = quote_prose(r->profile->title, NULL) == 0 ? r->profile->title : "";
	s->complete = r->ended == END_COMPLETE;
	clock_format_utc(r->started_us, s->made);
	text_copy(b->run_word, sizeof(b->run_word), r->id + (n > RUN_WORD ? n - RUN_WORD : 0));
	snprintf(b->date, sizeof(b->date), "%.4s%.2s%.2s", s->made, s->made + 5, s->made + 8);
	for (size_t i = 0; i < r->n_needs; i++)
		if (r->needs[i].target_index >= 0)
			b->families |= r->profile->targets[r->needs[i].target_index].families;
	return e ? e : quote_comment(s->profile, b->err);
}

static void settle(struct ruleset *s)
{
	qsort(s->rules, s->n_rules, sizeof(*s->rules), by_importance);
	for (size_t i = 0; i < s->n_rules; i++) {
		int64_t end = s->rules[i].expires_us;
		s->families |= s->rules[i].peer.families;
		if (end && (!s->expires_us || end < s->expires_us))
			s->expires_us = end;
	}
}

int ruleset_make(struct arena *a, const struct run *r, const struct ruleset **out,
		 struct sp_error *err)
{
	struct ruleset *s = arena_alloc(a, sizeof(*s));
	struct builder b = { .arena = a, .run = r, .set = s, .err = err };
	struct item *items = arena_alloc(a, (r->n_needs + 1) * sizeof(*items));
	s->rules = arena_alloc(a, (r->n_needs + 1) * sizeof(*s->rules));
	s->groups = arena_alloc(a, (r->n_needs + 1) * sizeof(*s->groups));
	int e = set_head(&b);
	for (size_t i = 0; !e && i < r->n_needs; i++)
		e = item_of(&b, &r->needs[i], &items[i]);
	if (!e)
		qsort(items, r->n_needs, sizeof(*items), by_item);
	for (size_t i = 0, n; !e && i < r->n_needs; i += n) {
		for (n = 1; i + n < r->n_needs && by_rule(&items[i], &items[i + n]) == 0;)
			n++;
		e = add_rule(&b, &items[i], n);
	}
	if (e)
		return e;
	if (!s->n_rules)
		return sp_error_set(err, SP_E_MISSING, "this run holds nothing that devices need");
	settle(s);
	*out = s;
	return 0;
}
