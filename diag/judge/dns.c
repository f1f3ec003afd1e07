/* Resolvers that answer something else than the truth: D6 D7 D10 and P2. */
#include "faults.h"

#include <string.h>

/* The first target of each distinct host name stands for the name. */
static const char *name_of(const struct judge_view *v, size_t i)
{
	const char *name = view_target_name(v, i);
	if (!view_target(v, i)->name)
		return NULL;
	for (size_t k = 0; k < i; k++)
		if (strcmp(view_target_name(v, k), name) == 0)
			return NULL;
	return name;
}

static bool any_target_genuine(const struct judge_view *v, uint64_t mask)
{
	for (size_t i = 0; i < v->run->profile->n_targets; i++)
		if ((mask & TARGET_BIT(i)) && view_target_genuine(v, i))
			return true;
	return false;
}

static void cite_name(struct judge_view *v, struct draft *d, const char *name)
{
	const struct observation *o;
	for (size_t at = 0; (o = view_next(v, &(struct pick){ 0 }, &at));)
		if (strncmp(o->check, "dns.", 4) == 0 && strcmp(dns_name_of(o), name) == 0)
			draft_cite(d, o);
}

/* The siblings that the resolver answered: the control. */
static void cite_siblings(struct judge_view *v, struct draft *d, const char *resolver)
{
	const struct observation *o;
	struct pick p = { .check = "dns.resolver", .target = resolver };
	for (size_t at = 0; (o = view_next(v, &p, &at));)
		draft_cite(d, o);
}

static bool other_resolver_public(const struct judge_view *v, const char *name, const char *not_this)
{
	for (size_t i = 0; i < v->run->n_checks; i++) {
		const struct check *c = &v->run->checks[i];
		if (strcmp(c->id, "dns.resolver") == 0 && strcmp(c->target, not_this) &&
		    dns_class_of(v, name, c->target) == DNS_PUBLIC)
			return true;
	}
	return false;
}

/* ---- D6 ---- */
static int64_t ede_of(const struct judge_view *v, const char *name, const char *resolver)
{
	const struct observation *o;
	for (size_t at = 0; (o = view_next(v, &(struct pick){ 0 }, &at));) {
		int64_t ede = obs_get_int(o, A_EDE, 0);
		/* RFC 8914: 15 blocked, 16 censored, 17 filtered, 18 prohibited */
		if (strncmp(o->check, "dns.", 4) == 0 && strcmp(dns_name_of(o), name) == 0 &&
		    strcmp(dns_resolver_of(o), resolver) == 0 && ede >= 15 && ede <= 18)
			return ede;
	}
	return 0;
}

static bool is_refusal(enum dns_class c)
{
	return c == DNS_SINKHOLE || c == DNS_EMPTY || c == DNS_NXDOMAIN || c == DNS_REFUSED ||
	       c == DNS_SERVFAIL;
}

/* How sure it is that this resolver filters this name; CONF_COUNT: it does not. */
static enum confidence policy_block(const struct judge_view *v, const char *name, const char *resolver)
{
	enum dns_class c = dns_class_of(v, name, resolver);
	if (!is_refusal(c))
		return CONF_COUNT;
	if (ede_of(v, name, resolver))
		return CONF_PROVEN;
	bool sibling = dns_sibling_ok(v, name, resolver);
	if (!sibling && c >= DNS_REFUSED)
		return CONF_COUNT; /* it serves nobody: D1 */
	bool control = dns_control_ok(v, name) || other_resolver_public(v, name, resolver);
	if (!sibling || !control)
		return CONF_UNDETERMINED;
	/* a server that fails, or has no address, can do so without any policy */
	return c == DNS_SERVFAIL || c == DNS_EMPTY ? CONF_LIKELY : CONF_PROVEN;
}

/* A resolver outside the site was asked and gave no usable address as well. */
static bool denied_elsewhere(const struct judge_view *v, const char *name)
{
	const struct observation *o;
	if (dns_control_ok(v, name))
		return false;
	for (size_t at = 0; (o = view_next(v, &(struct pick){ 0 }, &at));)
		if (strncmp(o->check, "dns.", 4) == 0 && strcmp(dns_name_of(o), name) == 0 &&
		    !dns_is_host_resolver(v, dns_resolver_of(o)) && is_refusal(dns_classify(o)))
			return true;
	return false;
}

static void say_policy_block(struct judge_view *v, const struct fault *f, const char *resolver,
			     enum confidence conf, uint64_t mask, const char *name)
{
	struct draft *d = view_verdict(v, f, conf, mask);
	int64_t ede = ede_of(v, name, resolver);
	const struct observation *control = dns_control_ok(v, name);
	if (d->v.effect == EFFECT_BLOCKS && other_resolver_public(v, name, resolver))
		d->v.effect = EFFECT_FRAGILE;
	d->v.subject = name;
	d->v.summary = view_say(v, "%s DNS filter: resolver %s blocks %s",
				conf == CONF_PROVEN ? "A" : "Looks like a", resolver,
				view_stem_targets(v, mask));
	if (conf == CONF_UNDETERMINED)
		d->v.summary = view_say(v, "Resolver %s has no usable address for %s", resolver,
					view_stem_targets(v, mask));
	d->v.seen = view_say(v, "%s gives %s for %s%s", resolver,
			     dns_class_words[dns_class_of(v, name, resolver)], name,
			     dns_sibling_ok(v, name, resolver) ? ", while it resolves other names" : "");
	if (ede)
		d->v.seen = view_say(v, "%s, and says itself that it blocks it (extended DNS error %lld)",
				     d->v.seen, (long long)ede);
	if (control)
		d->v.seen = view_say(v, "%s; %s resolves it to %s", d->v.seen, dns_resolver_of(control),
				     obs_get_text(control, A_ANSWERS, "-"));
	d->v.who = view_say(v, "resolver %s, or the filter it asks", resolver);
	if (conf == CONF_UNDETERMINED)
		d->v.who = "not shown: a filter, or a name that is gone everywhere";
	if (denied_elsewhere(v, name))
		d->v.seen = view_say(v, "%s; other resolvers do not know it either, unless one box answers "
				     "for them all", d->v.seen);
	d->v.remedy = view_say(v, "allow %s in the DNS filter of %s", view_stem_targets(v, mask), resolver);
	d->v.confirm = view_confirm(v, "dns.name");
	d->v.decide = "the same name asked of another resolver, and another name asked of this one";
	const char *names = view_stem_targets(v, mask);
	d->v.ask = view_say(v, "Please allow the name%s %s in the DNS filter of %s.",
			    strchr(names, ',') ? "s" : "", names, resolver);
	cite_siblings(v, d, resolver);
}

static void policy_of_resolver(struct judge_view *v, const struct fault *f, const char *resolver,
			       enum confidence conf)
{
	uint64_t mask = 0;
	const char *first = NULL;
	for (size_t i = 0; i < v->run->profile->n_targets; i++) {
		const char *name = name_of(v, i);
		if (!name || policy_block(v, name, resolver) != conf)
			continue;
		first = first ? first : name;
		mask |= view_mask_of_name(v, name);
	}
	if (!mask)
		return;
	say_policy_block(v, f, resolver, conf, mask, first);
	for (size_t i = 0; i < v->run->profile->n_targets; i++)
		if ((mask & TARGET_BIT(i)) && name_of(v, i))
			cite_name(v, v->drafts[v->n_drafts - 1], name_of(v, i));
}

static void dns_policy_block(struct judge_view *v, const struct fault *f)
{
	for (size_t i = 0; i < v->run->n_checks; i++)
		if (strcmp(v->run->checks[i].id, "dns.resolver") == 0)
			for (enum confidence c = CONF_PROVEN; c < CONF_COUNT; c++)
				policy_of_resolver(v, f, v->run->checks[i].target, c);
}

const struct fault fault_dns_policy_block = {
	"dns-policy-block", "D6", "dns", "A DNS filter blocks the name", dns_policy_block, NULL,
	"The resolver refuses, empties or sinkholes the cloud's name.",
	"The name fails at this resolver, another name works there, and another resolver resolves it; or "
	"the resolver itself says so by an extended DNS error (RFC 8914).",
	"A name that is gone everywhere; a resolver that serves nobody (D1); a zone of the site's own "
	"(D10).",
	"Allow the name in the DNS filter.",
};

/* ---- D10 and P2 ---- */
/* Every name asked of this resolver gives a private address. */
static bool all_private(const struct judge_view *v, const char *resolver)
{
	unsigned n = 0;
	const struct observation *o;
	struct pick p = { .outcomes = OUTCOME_BIT(OUTCOME_ANSWERED) };
	for (size_t at = 0; (o = view_next(v, &p, &at));) {
		if (strncmp(o->check, "dns.", 4) || strcmp(dns_resolver_of(o), resolver) ||
		    obs_text_is(o, A_QTYPE, "AAAA"))
			continue;
		if (dns_classify(o) != DNS_PRIVATE)
			return false;
		n += strcmp(o->check, "dns.resolver") == 0;
	}
	return n > 0;
}

static const struct observation *private_answer(const struct judge_view *v, const char *name)
{
	const struct observation *o;
	struct pick p = { .outcomes = OUTCOME_BIT(OUTCOME_ANSWERED) };
	for (size_t at = 0; (o = view_next(v, &p, &at));)
		if (strncmp(o->check, "dns.", 4) == 0 && strcmp(dns_name_of(o), name) == 0 &&
		    dns_is_host_resolver(v, dns_resolver_of(o)) && dns_classify(o) == DNS_PRIVATE)
			return o;
	return NULL;
}

static void say_private(struct judge_view *v, struct draft *d, const struct observation *o,
			const char *name)
{
	const char *resolver = dns_resolver_of(o);
	const struct observation *control = dns_control_ok(v, name);
	d->v.subject = name;
	d->v.seen = view_say(v, "%s resolves %s to the private address %s", resolver, name,
			     obs_get_text(o, A_ANSWERS, "-"));
	if (control)
		d->v.seen = view_say(v, "%s; %s resolves it to %s", d->v.seen, dns_resolver_of(control),
				     obs_get_text(control, A_ANSWERS, "-"));
	d->v.who = view_say(v, "resolver %s", resolver);
	d->v.confirm = view_confirm(v, "dns.name");
	cite_name(v, d, name);
}

/* The name of target i has a private address here, and nothing genuine answers there. */
static bool overridden(const struct judge_view *v, size_t i)
{
	const char *name = name_of(v, i);
	const struct observation *o = name ? private_answer(v, name) : NULL;
	return o && !any_target_genuine(v, view_mask_of_name(v, name)) &&
	       !all_private(v, dns_resolver_of(o)) && dns_class_of(v, name, NULL) != DNS_PUBLIC;
}

static void split_of(struct judge_view *v, const struct fault *f, bool control)
{
	uint64_t mask = 0;
	struct draft *d = NULL;
	for (size_t i = 0; i < v->run->profile->n_targets; i++) {
		if (!overridden(v, i) || !dns_control_ok(v, name_of(v, i)) == control)
			continue;
		const char *name = name_of(v, i);
		mask |= view_mask_of_name(v, name);
		if (!d) {
			d = view_verdict(v, f, control ? CONF_PROVEN : CONF_LIKELY, mask);
			say_private(v, d, private_answer(v, name), name);
		}
		cite_name(v, d, name);
	}
	if (!d)
		return;
	d->v.targets = mask;
	d->v.effect = view_effect(v, mask);
	const char *names = view_stem_targets(v, mask);
	d->v.summary = view_say(v, "Internal DNS overrides %s", names);
	d->v.remedy = view_say(v, "remove the internal entry for %s", names);
	d->v.decide = "the same name asked of a resolver outside this site";
	d->v.ask = view_say(v, "Please remove the internal DNS entry for %s.", names);
}

static void split_horizon(struct judge_view *v, const struct fault *f)
{
	split_of(v, f, true);
	split_of(v, f, false);
}

const struct fault fault_split_horizon = {
	"split-horizon", "D10", "dns", "Internal DNS overrides the name", split_horizon,
	"dns-forged udp-port-blocked udp-all-blocked udp-rejected server-down udp-dest-block udp-impostor "
	"port-drop dest-drop fw-reset server-closed admin-prohibited no-route tcp-impostor "
	"mute-after-accept tls-private-ca tls-bad-certificate ntp-blocked",
	"The site's resolver gives a private address for the cloud's name.",
	"A private address here and a public one from another resolver.",
	"A captive portal that gives every name its own address (P2); a private cloud that really lives "
	"here (then its identity passes and this row does not hold).",
	"Remove the override.",
};

static void captive_dns(struct judge_view *v, const struct fault *f)
{
	for (size_t i = 0; i < v->run->n_checks; i++) {
		const char *resolver = v->run->checks[i].target;
		if (strcmp(v->run->checks[i].id, "dns.resolver") || !all_private(v, resolver) || v->udp_out ||
		    v->tcp_out)
			continue;
		struct draft *d = view_verdict(v, f, CONF_LIKELY, v->all_targets);
		d->v.subject = resolver;
		d->v.summary = view_say(v, "Resolver %s gives a private address for every name", resolver);
		d->v.seen = view_say(v, "%s resolves the cloud's names and unrelated names to private "
				     "addresses only", resolver);
		d->v.who = view_say(v, "resolver %s; looks like a captive portal, where devices cannot log in",
				    resolver);
		d->v.remedy = "let the devices' MACs past the portal, or use another network";
		d->v.decide = "a login at the portal from this host, then the same run";
		d->v.confirm = view_confirm(v, "dns");
		d->v.ask = "Please let the devices' MACs past the captive portal.";
		cite_siblings(v, d, resolver);
		for (size_t k = 0; k < v->run->profile->n_targets; k++)
			if (name_of(v, k))
				cite_name(v, d, name_of(v, k));
	}
}

const struct fault fault_captive_dns = {
	"captive-dns", "P2", "portal", "Captive portal by DNS", captive_dns, "*",
	"The resolver sends every name to one private address, usually a login page.",
	"All names, unrelated ones included, give private addresses.",
	"An isolated network whose DNS knows only itself.",
	"Let the devices' MACs past the portal, or use another network.",
};

/* ---- D7 ---- */
static bool list_has(const char *list, const char *item, size_t n)
{
	for (const char *p = list; (p = strstr(p, item)) != NULL; p++) {
		char before = p == list ? ' ' : p[-1];
		if ((before == ' ' || before == ',') && (p[n] == ' ' || p[n] == ',' || p[n] == '\0'))
			return true;
	}
	return false;
}

static bool lists_meet(const char *a, const char *b)
{
	char one[ADDR_STRLEN];
	while (*a) {
		size_t n = strcspn(a, " ,");
		if (n && n < sizeof(one)) {
			memcpy(one, a, n);
			one[n] = '\0';
			if (list_has(b, one, n))
				return true;
		}
		a += n + (a[n] != '\0');
	}
	return false;
}

/* This site's resolvers and the outside ones have no address of the name in common. */
static const struct observation *unlike_control(const struct judge_view *v, const char *name)
{
	const struct observation *o, *c, *mine = NULL;
	struct pick p = { .outcomes = OUTCOME_BIT(OUTCOME_ANSWERED) };
	for (size_t at = 0; (o = view_next(v, &p, &at));) {
		if (strncmp(o->check, "dns.", 4) || strcmp(dns_name_of(o), name) ||
		    !dns_is_host_resolver(v, dns_resolver_of(o)) || dns_classify(o) != DNS_PUBLIC ||
		    obs_text_is(o, A_QTYPE, "AAAA") || obs_has(o, A_SECOND_ANSWERS))
			continue; /* a device takes the first of two answers */
		mine = o;
		for (size_t k = 0; (c = view_next(v, &p, &k));)
			if (strncmp(c->check, "dns.", 4) == 0 && strcmp(dns_name_of(c), name) == 0 &&
			    !dns_is_host_resolver(v, dns_resolver_of(c)) &&
			    lists_meet(obs_get_text(o, A_ANSWERS, ""), obs_get_text(c, A_ANSWERS, "")))
				return NULL;
	}
	return mine;
}

/* What answers at the address given here is shown not to be the cloud. */
static bool is_impostor(const struct judge_view *v, size_t i)
{
	const struct profile_target *t = view_target(v, i);
	const struct flow *f = view_flow(v, i);
	const struct flow *id = target_is(t, "dtls-device") ?
					view_flow_id(v, t->check, ".identity", view_target_name(v, i)) :
					NULL;
	return (f && (f->mismatch || f->garbled)) ||
	       (id && !id->answered && (id->mismatch || id->garbled));
}

/* A control address of the name was tried as well and proved genuine: by its key where there is
 * one, since anybody can ask for a cookie. */
static bool control_address_works(const struct judge_view *v, size_t i)
{
	const struct flow *f = view_proof(v, i);
	const struct observation *o, *c = dns_control_ok(v, view_target_name(v, i));
	struct pick p = { .check = f ? f->check->id : NULL, .role = ROLE_CONTROL };
	for (size_t at = 0; f && c && (o = view_next(v, &p, &at));)
		if (obs_authentic(f->check, o) &&
		    lists_meet(obs_get_text(o, A_ADDRESS, "-"), obs_get_text(c, A_ANSWERS, "")))
			return true;
	return false;
}

static bool forged(const struct judge_view *v, size_t i)
{
	const char *name = view_target(v, i)->name ? view_target_name(v, i) : NULL;
	return name && view_flow(v, i) && dns_control_ok(v, name) && is_impostor(v, i) &&
	       unlike_control(v, name);
}

static void say_forged(struct judge_view *v, struct draft *d, size_t i)
{
	const char *name = view_target_name(v, i);
	const struct observation *o = unlike_control(v, name), *c = dns_control_ok(v, name);
	const char *names = view_stem_targets(v, d->v.targets);
	d->v.subject = name;
	d->v.summary = view_say(v, "DNS here points %s at a machine that is not the cloud", names);
	d->v.seen = view_say(v, "%s says %s for %s, %s says %s; what answers at the first address fails "
			     "the test of identity", dns_resolver_of(o), obs_get_text(o, A_ANSWERS, "-"),
			     name, dns_resolver_of(c), obs_get_text(c, A_ANSWERS, "-"));
	d->v.who = view_say(v, "resolver %s, or something that answers in its place", dns_resolver_of(o));
	d->v.remedy = view_say(v, "correct the zone or filter that changes %s", names);
	d->v.decide = "the same test against the address that the other resolver gives";
	d->v.confirm = view_confirm(v, "dns.name");
	d->v.ask = view_say(v, "Please check why DNS gives %s for %s.", obs_get_text(o, A_ANSWERS, "-"),
			    name);
}

static void forged_of(struct judge_view *v, const struct fault *f, bool proven)
{
	uint64_t mask = 0;
	size_t first = 0;
	for (size_t i = v->run->profile->n_targets; i-- > 0;)
		if (forged(v, i) && control_address_works(v, i) == proven) {
			mask |= TARGET_BIT(i);
			first = i;
		}
	if (!mask)
		return;
	struct draft *d = view_verdict(v, f, proven ? CONF_PROVEN : CONF_LIKELY, mask);
	say_forged(v, d, first);
	for (size_t i = 0; i < v->run->profile->n_targets; i++)
		if (mask & TARGET_BIT(i))
			cite_name(v, d, view_target_name(v, i));
	draft_cite_targets(v, d, mask);
}

static void dns_forged(struct judge_view *v, const struct fault *f)
{
	forged_of(v, f, true);
	forged_of(v, f, false);
}

const struct fault fault_dns_forged = {
	"dns-forged", "D7", "dns", "DNS points the name at a wrong machine", dns_forged,
	"udp-impostor tcp-impostor mute-after-accept tls-private-ca tls-bad-certificate server-closed "
	"server-down",
	"The resolver gives a public address that belongs to another machine.",
	"An address unlike the one other resolvers give, whose machine fails the identity check, while "
	"the other address passes it.",
	"Clouds that give different addresses in different places: then the identity passes; a "
	"redirection of the port, whatever DNS says (U21).",
	"Correct the zone or the filter.",
};
