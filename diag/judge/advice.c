/*
 * What to do: the keep-alive that this run can answer for, and what the devices need from the
 * network. The source of a need is a device that was named, else a placeholder: never this host,
 * never the LAN.
 */
#include "view.h"

#include <string.h>

/* ---- keep-alive ---- */
enum { MONTH_S = 30 * 86400 };

/* The default of one kind on this host's medium; devices on Ethernet may have another one. */
static double kind_default(const struct judge_view *v, const struct profile_kind *k)
{
	bool wired = strcmp(v->run->host->medium, "ethernet") == 0;
	return wired && k->keepalive_ethernet_s > 0 ? k->keepalive_ethernet_s : k->keepalive_s;
}

/* The shortest among the kinds that count: every device then keeps its mapping. */
static const struct profile_kind *shortest(const struct judge_view *v, double *out_s)
{
	const struct run *r = v->run;
	const struct profile_kind *best = NULL;
	*out_s = 0;
	for (size_t i = 0; i < r->n_kinds; i++) {
		const struct profile_kind *k = &r->profile->kinds[r->kinds[i].kind_index];
		double s = kind_default(v, k);
		if (!r->kinds[i].counts || s <= 0 || (best && s >= *out_s))
			continue;
		best = k;
		*out_s = s;
	}
	return best;
}

/* An address from the carriers' range on the uplink itself: a second NAT whose timer rules too. */
static bool behind_cgnat(const struct judge_view *v)
{
	const struct host_facts *h = v->run->host;
	for (size_t i = 0; i < h->n_addrs; i++)
		if (addr_kind(&h->addrs[i].addr) == ADDR_CGNAT && strcmp(h->medium, "tunnel"))
			return true;
	return false;
}

static void keepalive(struct judge_view *v)
{
	struct run *r = v->run;
	double s;
	const struct profile_kind *k = shortest(v, &s);
	r->keepalive = (struct keepalive){ .profile_default_s = s, .recommended_s = s,
					   .reachability = "balanced" };
	if (!k)
		return;
	r->keepalive.bytes_per_month = r->profile->keepalive_bytes * MONTH_S / s;
	r->keepalive.text = view_say(v, "Leave the devices at their default of %.0f s%s%s. How long this "
				     "network's NAT remembers an idle flow was not measured%s.", s,
				     k->keepalive_since ? ", which holds from " : "",
				     k->keepalive_since ? k->keepalive_since : "",
				     behind_cgnat(v) ? "; this host's address is from the carriers' range "
						       "(100.64.0.0/10), so a second NAT with a timer of its own "
						       "is in the path" : "");
}

/* ---- needs ---- */
/* A rule with more addresses than this helps nobody; the name stands beside them. */
enum { NEED_MAX_ADDRESSES = 64 };

static void add_address(struct judge_view *v, struct need *n, const char *word, size_t length)
{
	for (size_t i = 0; i < n->n_addresses; i++)
		if (strncmp(n->addresses[i], word, length) == 0 && !n->addresses[i][length])
			return;
	if (n->n_addresses < NEED_MAX_ADDRESSES)
		n->addresses[n->n_addresses++] = view_say(v, "%.*s", (int)length, word);
}

/* The addresses that the site's resolvers gave for the names of a target in this run. */
static void fill_addresses(struct judge_view *v, size_t target, struct need *out)
{
	const struct observation *o;
	const char *name = view_target_name(v, target);
	struct pick p = { .check = "dns.name", .target = name, .outcomes = OUTCOME_BIT(OUTCOME_ANSWERED) };
	out->addresses = arena_alloc(v->run->arena, NEED_MAX_ADDRESSES * sizeof(*out->addresses));
	for (size_t at = 0; (o = view_next(v, &p, &at));) {
		if (!dns_is_host_resolver(v, dns_resolver_of(o)) || dns_classify(o) != DNS_PUBLIC ||
		    !dns_family_needed(v, name, o))
			continue;
		const char *w = obs_get_text(o, A_ANSWERS, "");
		for (size_t n; *(w += strspn(w, " ,")); w += n) {
			n = strcspn(w, " ,");
			add_address(v, out, w, n);
		}
	}
}

static void add_need(struct judge_view *v, const char *from, size_t target)
{
	struct run *r = v->run;
	const struct profile_target *t = view_target(v, target);
	bool required = plan_target_required(r, (int)target);
	if (!t->name || t->people || (t->required && !required))
		return;
	struct need *n = &r->needs[r->n_needs++];
	*n = (struct need){ .from = from, .to = t->allow ? t->allow : t->name, .proto = proto_name(t),
			    .port = t->port, .direction = "out", .required = required, .why = t->why,
			    .target_index = (int)target };
	fill_addresses(v, target, n);
}

/* The site's own resolvers, as the devices ask them. */
static void add_resolver(struct judge_view *v, const char *from, size_t i)
{
	struct run *r = v->run;
	char text[ADDR_STRLEN];
	const char *address = view_say(v, "%s", addr_format(&r->host->resolvers[i], text));
	if (addr_kind(&r->host->resolvers[i]) == ADDR_LOOPBACK)
		return;
	struct need *n = &r->needs[r->n_needs++];
	*n = (struct need){ .from = from, .to = address, .proto = "udp", .port = 53, .direction = "out",
			    .required = true, .why = "devices find their cloud by name",
			    .target_index = -1, .n_addresses = 1 };
	n->addresses = arena_alloc(r->arena, sizeof(*n->addresses));
	n->addresses[0] = address;
}

static void needs_of(struct judge_view *v, const char *from)
{
	for (size_t i = 0; i < v->run->host->n_resolvers; i++)
		add_resolver(v, from, i);
	for (size_t i = 0; i < v->run->profile->n_targets; i++)
		add_need(v, from, i);
}

static const char *source(const struct settings *s, size_t i)
{
	if (!s->n_devices)
		return NEED_PLACEHOLDER;
	return s->devices[i].mac[0] ? s->devices[i].mac : s->devices[i].ip;
}

/* Every device needs the same; only who asks for it differs. */
static void needs(struct judge_view *v)
{
	struct run *r = v->run;
	const struct settings *s = r->settings;
	size_t sources = s->n_devices ? s->n_devices : 1;
	r->n_needs = 0;
	r->needs = arena_alloc(r->arena, sources * (r->profile->n_targets + r->host->n_resolvers) *
						 sizeof(struct need) + 1);
	needs_of(v, source(s, 0));
	for (size_t i = 1, each = r->n_needs; i < sources; i++)
		for (size_t k = 0; k < each; k++) {
			r->needs[r->n_needs] = r->needs[k];
			r->needs[r->n_needs++].from = source(s, i);
		}
}

void judge_advice(struct judge_view *v)
{
	keepalive(v);
	needs(v);
}
