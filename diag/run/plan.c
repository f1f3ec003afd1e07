/* profile + settings + host facts -> checks, in the order in which a device meets them. */
#include "sallyport/plan.h"

#include <string.h>

#include "sallyport/nearest.h"
#include "sallyport/netinfo.h"
#include "sallyport/probe.h"
#include "sallyport/profile.h"
#include "sallyport/settings.h"

enum { MAX_CHECKS = 128 };

static bool list_has(const struct text_list *l, const char *s)
{
	for (size_t i = 0; i < l->n; i++)
		if (strcmp(l->v[i], s) == 0)
			return true;
	return false;
}

bool plan_kind_counts(const struct run *r, int kind_index)
{
	const struct profile_kind *k = &r->profile->kinds[kind_index];
	return r->settings->kinds.n ? list_has(&r->settings->kinds, k->id) : k->current;
}

bool plan_target_required(const struct run *r, int target_index)
{
	const struct profile *p = r->profile;
	if (target_index < 0 || !p->targets[target_index].required)
		return false;
	for (size_t k = 0; k < p->n_kinds; k++)
		if (plan_kind_counts(r, (int)k) && list_has(&p->kinds[k].needs, p->targets[target_index].section))
			return true;
	return false;
}

static struct check *add(struct run *r, const char *id, const char *target, const char *probe)
{
	struct check *c = &r->checks[r->n_checks];
	if (r->n_checks == MAX_CHECKS)
		return NULL;
	r->n_checks++;
	const struct probe_def *def = probe_by_name(probe);
	*c = (struct check){ .id = id, .target = target, .target_index = -1, .resolver_index = -1,
			     .probe = probe, .packets = def ? def->packets : 0,
			     .bytes = def ? def->bytes : 0, .rtt_ms = -1, .state = STATE_UNKNOWN };
	return c;
}

static void add_for_target(struct run *r, const char *id, const char *target, const char *probe,
			   size_t index)
{
	struct check *c = add(r, id, target, probe);
	if (!c)
		return;
	c->target_index = (int)index;
	c->required = plan_target_required(r, (int)index);
}

static void add_host(struct run *r)
{
	char text[ADDR_STRLEN];
	const struct host_facts *h = r->host;
	add(r, "link", h->ifname[0] ? h->ifname : "none", "link");
	const struct addr *gw = h->gateway4.family ? &h->gateway4 : &h->gateway6;
	add(r, "gateway", arena_strdup(r->arena, addr_format(gw, text)), "gateway");
	for (size_t i = 0; i < h->n_resolvers; i++) {
		struct check *c = add(r, "dns.resolver",
				      arena_strdup(r->arena, addr_format(&h->resolvers[i], text)),
				      "dns.resolver");
		if (c)
			c->resolver_index = (int)i;
	}
}

/* Each distinct host name once; it is required when any target of that name is. */
static void add_names(struct run *r)
{
	for (size_t i = 0; i < r->profile->n_targets; i++) {
		const char *name = profile_target_name(r->arena, r->profile, &r->profile->targets[i], 0);
		const struct check *have = name ? run_check(r, "dns.name", name) : NULL;
		if (!name)
			continue;
		if (!have)
			add_for_target(r, "dns.name", name, "dns.name", i);
		else if (plan_target_required(r, (int)i))
			r->checks[have - r->checks].required = true;
	}
}

/* An IPv6-only network shows itself by this name (RFC 7050), asked only where it may be one. */
static void add_ipv4only(struct run *r)
{
	if (r->host->route6 && !r->host->route4)
		add(r, "dns.name", "ipv4only.arpa", "dns.name");
}

static void add_target(struct run *r, size_t i)
{
	const struct profile_target *t = &r->profile->targets[i];
	const char *name = profile_target_name(r->arena, r->profile, t, 0);
	if (strcmp(t->probe, "dtls-device") == 0) {
		struct check *echo = t->echo ? add(r, arena_printf(r->arena, "%s.echo", t->check), name,
						   "dtls-echo") : NULL;
		if (echo)
			echo->target_index = (int)i; /* never required: design section 5 */
		add_for_target(r, arena_printf(r->arena, "%s.hello", t->check), name, t->probe, i);
		add_for_target(r, arena_printf(r->arena, "%s.identity", t->check), name, t->probe, i);
	} else {
		add_for_target(r, t->check, name ? name : t->url, t->probe, i);
	}
}

/* The path to the first target a device needs. */
static void add_path(struct run *r)
{
	for (size_t i = 0; i < r->profile->n_targets; i++) {
		const struct profile_target *t = &r->profile->targets[i];
		if (!t->name)
			continue;
		struct check *c = add(r, "path", profile_target_name(r->arena, r->profile, t, 0), "path");
		if (c)
			c->target_index = (int)i;
		return;
	}
}

/* "udp5684" names udp5684.hello too, "dns" names dns.name. */
static bool id_matches(const char *pattern, const char *id)
{
	size_t n = strlen(pattern);
	return strncmp(pattern, id, n) == 0 && (id[n] == '\0' || id[n] == '.');
}

static bool list_matches(const struct text_list *l, const char *id)
{
	for (size_t i = 0; i < l->n; i++)
		if (id_matches(l->v[i], id))
			return true;
	return false;
}

/* "link, gateway, dns.resolver": each id once, in the order of the plan. */
static const char *ids_of(const struct run *r)
{
	const char *text = "";
	for (size_t i = 0; i < r->n_checks; i++) {
		bool seen = false;
		for (size_t k = 0; k < i; k++)
			seen |= strcmp(r->checks[k].id, r->checks[i].id) == 0;
		if (!seen)
			text = arena_printf(r->arena, "%s%s%s", text, *text ? ", " : "", r->checks[i].id);
	}
	return text;
}

static int check_ids(const struct run *r, const struct text_list *l, const char *flag,
		     struct sp_error *err)
{
	for (size_t i = 0; i < l->n; i++) {
		bool found = false;
		struct nearest near = { .word = l->v[i] };
		for (size_t c = 0; c < r->n_checks; c++) {
			found |= id_matches(l->v[i], r->checks[c].id);
			nearest_offer(&near, r->checks[c].id);
		}
		if (!found)
			return sp_error_set(err, SP_E_UNKNOWN, "%s: no check '%s' in profile %s%s (it has %s)",
					    setting_label(r->arena, r->settings, flag), l->v[i],
					    r->profile->name, nearest_text(r->arena, &near), ids_of(r));
	}
	return 0;
}

static int check_kinds(const struct run *r, struct sp_error *err)
{
	const struct text_list *l = &r->settings->kinds;
	const struct profile *p = r->profile;
	const char *known = "";
	for (size_t k = 0; k < p->n_kinds; k++)
		known = arena_printf(r->arena, "%s%s%s", known, k ? ", " : "", p->kinds[k].id);
	for (size_t i = 0; i < l->n; i++)
		if (profile_kind_by_id(p, l->v[i]) < 0)
			return sp_error_set(err, SP_E_UNKNOWN, "%s: no device kind '%s' in profile %s (it has "
					    "%s)", setting_label(r->arena, r->settings, "kind"), l->v[i],
					    p->name, known);
	return 0;
}

/* What this network itself names: the interface of its portal, and a web proxy, which is asked only
 * when people's services stay silent. */
static void add_proxy(struct run *r)
{
	const struct host_facts *h = r->host;
	if (h->portal_api[0])
		add(r, "portal", h->portal_api, "portal-api");
	if (h->proxy[0] || h->wpad_url[0] || h->domain[0])
		add(r, "portal", h->proxy[0] ? h->proxy : h->wpad_url[0] ? h->wpad_url : "web proxy", "proxy");
}

int plan_make(struct run *r, struct sp_error *err)
{
	r->checks = arena_alloc(r->arena, MAX_CHECKS * sizeof(struct check));
	r->n_checks = 0;
	int e = check_kinds(r, err);
	if (e)
		return e;
	add_host(r);
	add_names(r);
	add_ipv4only(r);
	for (size_t i = 0; i < r->profile->n_targets; i++)
		add_target(r, i);
	add_path(r);
	add_proxy(r);
	const struct settings *s = r->settings;
	for (size_t i = 0; i < r->n_checks; i++) {
		struct check *c = &r->checks[i];
		c->chosen = (!s->only.n || list_matches(&s->only, c->id)) && !list_matches(&s->skip, c->id);
	}
	e = check_ids(r, &s->only, "only", err);
	return e ? e : check_ids(r, &s->skip, "skip", err);
}
