/* Resolvers that do not do their work: D1 (does not answer, or nothing usable) and D2 (TCP only). */
#include "faults.h"

#include <string.h>

/* What one resolver did, over all names and both checks. */
struct service {
	unsigned udp_asked, udp_replied, tcp_asked, tcp_replied, garbled, sent_packets;
	unsigned useful, tcp_useful; /* replies that help; devices ask over UDP */
	unsigned icmp; /* ICMP errors that this host did not make itself */
	const char *icmp_from;  /* who sent them */
	uint64_t first_us, last_us, until_us;
	const struct observation *unhelpful; /* a reply of no use */
};

static bool resolver_obs(const struct observation *o, const char *resolver)
{
	return strncmp(o->check, "dns.", 4) == 0 && strcmp(dns_resolver_of(o), resolver) == 0;
}

static void count_one(struct service *s, const struct observation *o)
{
	enum dns_class c = dns_classify(o);
	bool tcp = dns_over_tcp(o), replied = c < DNS_SILENT;
	if (c == DNS_NONE)
		return;
	tcp ? s->tcp_asked++ : s->udp_asked++;
	if (replied)
		tcp ? s->tcp_replied++ : s->udp_replied++;
	s->useful += !tcp && c < DNS_REFUSED;
	s->tcp_useful += tcp && c < DNS_REFUSED;
	s->garbled += c == DNS_GARBLED;
	if (replied && c >= DNS_REFUSED && !tcp)
		s->unhelpful = o;
	if (obs_has(o, A_ICMP_TYPE) && !obs_get_bool(o, A_FROM_SELF, false)) {
		s->icmp++;
		s->icmp_from = obs_get_text(o, A_ICMP_FROM, s->icmp_from);
	}
	uint64_t sent = obs_sent_us(o);
	if (!s->sent_packets++ || sent < s->first_us)
		s->first_us = sent;
	s->last_us = sent > s->last_us ? sent : s->last_us;
	s->until_us = o->t_us > s->until_us ? o->t_us : s->until_us;
}

static void read_service(const struct judge_view *v, const char *resolver, struct service *out)
{
	const struct observation *o;
	*out = (struct service){ 0 };
	for (size_t at = 0; (o = view_next(v, &(struct pick){ 0 }, &at));)
		if (resolver_obs(o, resolver))
			count_one(out, o);
}

static bool long_silence(const struct service *s)
{
	return s->udp_asked >= SILENCE_TRIES && s->until_us - s->first_us >= SILENCE_US;
}

static void cite_service(struct judge_view *v, struct draft *d, const char *resolver)
{
	const struct observation *o;
	const struct flow *f = view_flow_id(v, "dns.resolver", "", resolver);
	if (f)
		draft_cite_flow(v, d, f);
	for (size_t at = 0; (o = view_next(v, &(struct pick){ 0 }, &at));)
		if (resolver_obs(o, resolver))
			draft_cite(d, o);
}

/* Every target that has a name of its own; portal pages do not count. */
static uint64_t named_targets(const struct judge_view *v)
{
	uint64_t mask = 0;
	for (size_t i = 0; i < v->run->profile->n_targets; i++)
		if (view_target(v, i)->name)
			mask |= TARGET_BIT(i);
	return mask;
}

/* Another of this host's resolvers gives devices what they need over UDP. */
static bool other_resolver_helps(const struct judge_view *v, const char *resolver)
{
	struct service s;
	for (size_t i = 0; i < v->run->n_checks; i++) {
		const struct check *c = &v->run->checks[i];
		if (strcmp(c->id, "dns.resolver") || strcmp(c->target, resolver) == 0)
			continue;
		read_service(v, c->target, &s);
		if (s.udp_replied && s.useful)
			return true;
	}
	return false;
}

/* The same question over the same road reached another resolver: the control of D1. */
static bool other_resolver_replies(const struct judge_view *v, const char *resolver)
{
	const struct observation *o;
	for (size_t at = 0; (o = view_next(v, &(struct pick){ 0 }, &at));)
		if (strncmp(o->check, "dns.", 4) == 0 && strcmp(dns_resolver_of(o), resolver) &&
		    !dns_over_tcp(o) && dns_classify(o) < DNS_GARBLED)
			return true;
	return false;
}

static struct draft *dns_verdict(struct judge_view *v, const struct fault *f, enum confidence c,
				 const char *resolver)
{
	struct draft *d = view_verdict(v, f, c, named_targets(v));
	if (d->v.effect == EFFECT_BLOCKS && other_resolver_helps(v, resolver))
		d->v.effect = EFFECT_FRAGILE;
	d->v.subject = resolver;
	d->v.confirm = view_confirm(v, "dns");
	cite_service(v, d, resolver);
	return d;
}

/* ---- D1 ---- */
static void no_resolver(struct judge_view *v, const struct fault *f)
{
	const struct observation *o;
	if (v->run->host->n_resolvers || v->run->host->n_stubs || v->udp_out || v->tcp_out || !v->run->host->n_addrs)
		return;
	struct pick not_run = { .check = "dns.name" };
	if (!view_count(v, &not_run))
		return;
	struct draft *d = view_verdict(v, f, CONF_LIKELY, named_targets(v));
	d->v.subject = "DNS";
	d->v.summary = "No DNS resolver is known on this network";
	d->v.seen = "this host has no resolver configured, so no name could be looked up";
	d->v.who = "looks like the DHCP server names no resolver, or this host ignores it";
	d->v.remedy = "let DHCP hand out a resolver (option 6)";
	d->v.decide = "the DHCP offer as a device gets it";
	d->v.confirm = view_confirm(v, "dns");
	d->v.ask = "Please let DHCP hand out a DNS resolver on this network.";
	for (size_t at = 0; (o = view_next(v, &not_run, &at));)
		draft_cite(d, o);
}

static void silent_resolver(struct judge_view *v, const struct fault *f, const char *resolver,
			    const struct service *s)
{
	bool strict = long_silence(s) && s->last_us - s->first_us >= SILENCE_US;
	bool named = s->icmp && s->icmp_from;
	if (!named && s->udp_asked < HINT_TRIES)
		return;
	enum confidence c = named || (strict && s->tcp_asked && other_resolver_replies(v, resolver)) ?
				    CONF_PROVEN :
			    long_silence(s) ? CONF_LIKELY : CONF_UNDETERMINED;
	struct draft *d = dns_verdict(v, f, c, resolver);
	d->v.summary = view_say(v, "Resolver %s does not answer", resolver);
	d->v.seen = view_say(v, "0 of %u questions over UDP and 0 of %u over TCP answered", s->udp_asked,
			     s->tcp_asked);
	if (named)
		d->v.seen = view_say(v, "%s; %u ICMP errors from %s instead", d->v.seen, s->icmp,
				     s->icmp_from);
	d->v.who = named ? view_say(v, "%s, which names itself as the sender", s->icmp_from) :
			   view_say(v, "%s, or what stands before it", resolver);
	d->v.remedy = view_say(v, "repair DNS on %s, or let DHCP hand out one that works", resolver);
	d->v.decide = "a second resolver asked the same way";
	d->v.ask = view_say(v, "Please check the DNS resolver %s: it does not answer.", resolver);
}

static void useless_resolver(struct judge_view *v, const struct fault *f, const char *resolver,
			     const struct service *s)
{
	struct draft *d = dns_verdict(v, f, CONF_LIKELY, resolver);
	const char *what = dns_class_words[dns_classify(s->unhelpful)];
	d->v.summary = view_say(v, "Resolver %s answers, but resolves nothing", resolver);
	d->v.seen = view_say(v, "every reply of %s over UDP, for every name, was %s%s", resolver, what,
			     s->tcp_useful ? ", while it answers over TCP, which small devices never use" :
					     "");
	d->v.who = view_say(v, "%s, or something that answers in its place", resolver);
	d->v.remedy = view_say(v, "repair DNS on %s (its own forwarders, its access list)", resolver);
	d->v.decide = "the resolver's own log, or another resolver asked for the same names";
	d->v.ask = view_say(v, "Please check the DNS resolver %s: it resolves no name.", resolver);
}

static void resolver_down(struct judge_view *v, const struct fault *f)
{
	struct service s;
	no_resolver(v, f);
	for (size_t i = 0; i < v->run->n_checks; i++) {
		const struct check *c = &v->run->checks[i];
		if (strcmp(c->id, "dns.resolver"))
			continue;
		read_service(v, c->target, &s);
		if (s.udp_asked && !s.udp_replied && !s.tcp_replied)
			silent_resolver(v, f, c->target, &s);
		else if (s.unhelpful && !s.useful)
			useless_resolver(v, f, c->target, &s);
	}
}

const struct fault fault_resolver_down = {
	"resolver-down", "D1", "dns", "The resolver does not answer", resolver_down,
	"dns-policy-block ntp-blocked",
	"The resolver that DHCP names does not answer, or answers nothing that can be used.",
	"UDP and TCP 53 unanswered while another resolver answers the same question, or an ICMP error "
	"that names its sender.",
	"A resolver that answers over TCP only (D2); one that refuses a single name (D6).",
	"DHCP resolver.",
};

/* ---- D2 ---- */
static void dns_udp_only_blocked(struct judge_view *v, const struct fault *f)
{
	struct service s;
	for (size_t i = 0; i < v->run->n_checks; i++) {
		const struct check *c = &v->run->checks[i];
		if (strcmp(c->id, "dns.resolver"))
			continue;
		read_service(v, c->target, &s);
		if (s.udp_replied || !s.tcp_replied || s.tcp_replied == s.garbled ||
		    s.udp_asked < HINT_TRIES)
			continue;
		struct draft *d = dns_verdict(v, f, long_silence(&s) ? CONF_LIKELY : CONF_UNDETERMINED,
					      c->target);
		d->v.summary = view_say(v, "DNS over UDP to %s is not answered, over TCP it is", c->target);
		d->v.seen = view_say(v, "0 of %u questions over UDP answered, %u of %u over TCP",
				     s.udp_asked, s.tcp_replied, s.tcp_asked);
		d->v.who = view_say(v, "looks like something drops UDP 53 to %s; small devices never ask "
				    "over TCP", c->target);
		d->v.remedy = view_say(v, "allow UDP 53 from the devices to %s", c->target);
		d->v.decide = "the resolver's own log: do the UDP questions arrive?";
		d->v.ask = view_say(v, "Please allow UDP 53 to the resolver %s, not only TCP 53.", c->target);
	}
}

const struct fault fault_dns_udp_only_blocked = {
	"dns-udp-only-blocked", "D2", "dns", "DNS works over TCP only", dns_udp_only_blocked, NULL,
	"The resolver answers over TCP but not over UDP. Computers may not notice; small devices ask "
	"over UDP only.",
	"The same server, the same name: UDP unanswered five times over eight seconds, TCP answered.",
	"A resolver that does not listen on UDP.",
	"Allow UDP 53, or use a resolver on the local network.",
};
