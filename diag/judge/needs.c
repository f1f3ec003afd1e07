/*
 * What the devices need from the network. The source of a need is a device that was named, else a
 * placeholder: never this host, never the LAN.
 */
#include "view.h"

#include <string.h>

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
void judge_needs(struct judge_view *v)
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
