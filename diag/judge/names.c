/* What the resolvers said about a name, and what siblings and other resolvers say beside it. */
#include "view.h"

#include <string.h>

enum { RCODE_SERVFAIL = 2, RCODE_NXDOMAIN = 3, RCODE_REFUSED = 5 };

const char *const dns_class_words[] = {
	[DNS_PUBLIC] = "a public address",
	[DNS_PRIVATE] = "a private address",
	[DNS_SINKHOLE] = "an address that leads nowhere",
	[DNS_EMPTY] = "an answer without any address",
	[DNS_NXDOMAIN] = "\"no such name\" (NXDOMAIN)",
	[DNS_REFUSED] = "\"refused\" (REFUSED)",
	[DNS_SERVFAIL] = "\"server failure\" (SERVFAIL)",
	[DNS_GARBLED] = "bytes that are no DNS answer",
	[DNS_SILENT] = "no answer",
	[DNS_NONE] = "nothing",
};

static enum dns_class class_of_address(const char *text)
{
	struct addr a;
	if (addr_parse(text, &a))
		return DNS_GARBLED;
	switch (addr_kind(&a)) {
	case ADDR_GLOBAL:
	case ADDR_DOCUMENTATION:
		return DNS_PUBLIC;
	case ADDR_PRIVATE:
	case ADDR_CGNAT:
	case ADDR_RESERVED: /* some gateways make up one for every name, out of 198.18/15 */
		return DNS_PRIVATE;
	default:
		return DNS_SINKHOLE;
	}
}

/* Best class of a list of addresses separated by spaces. */
static enum dns_class class_of_answers(const char *list)
{
	enum dns_class best = DNS_EMPTY;
	while (*list) {
		size_t n = strcspn(list, " ,");
		char one[ADDR_STRLEN];
		if (n > 0 && n < sizeof(one)) {
			memcpy(one, list, n);
			one[n] = '\0';
			enum dns_class c = class_of_address(one);
			best = c < best ? c : best;
		}
		list += n + (list[n] != '\0');
	}
	return best;
}

static enum dns_class class_of_rcode(const struct observation *o)
{
	switch (obs_get_int(o, A_RCODE, 0)) {
	case 0:
		return class_of_answers(obs_get_text(o, A_ANSWERS, ""));
	case RCODE_NXDOMAIN:
		return DNS_NXDOMAIN;
	case RCODE_REFUSED:
		return DNS_REFUSED;
	default:
		return DNS_SERVFAIL;
	}
}

enum dns_class dns_classify(const struct observation *o)
{
	switch (o->outcome) {
	case OUTCOME_ANSWERED:
		return class_of_rcode(o);
	case OUTCOME_MISMATCH:
	case OUTCOME_GARBLED:
		return obs_has(o, A_RCODE) && o->outcome == OUTCOME_MISMATCH ? class_of_rcode(o) :
									       DNS_GARBLED;
	case OUTCOME_NOT_RUN:
	case OUTCOME_ABORTED:
		return DNS_NONE;
	default:
		return DNS_SILENT;
	}
}

const char *dns_resolver_of(const struct observation *o)
{
	const char *r = obs_get_text(o, A_RESOLVER, NULL);
	return r ? r : obs_get_text(o, A_ADDRESS, strcmp(o->check, "dns.resolver") ? "" : o->target);
}

const char *dns_name_of(const struct observation *o)
{
	return obs_get_text(o, A_NAME, strcmp(o->check, "dns.name") ? "" : o->target);
}

bool dns_over_tcp(const struct observation *o)
{
	return obs_text_is(o, A_PROTO, "tcp");
}

bool dns_is_host_resolver(const struct judge_view *v, const char *resolver)
{
	const struct run *r = v->run;
	for (size_t i = 0; i < r->n_checks; i++)
		if (strcmp(r->checks[i].id, "dns.resolver") == 0 &&
		    strcmp(r->checks[i].target, resolver) == 0)
			return true;
	return false;
}

/* The address families that the devices behind this name use. */
static unsigned families_of(const struct judge_view *v, const char *name)
{
	unsigned families = 0;
	for (size_t i = 0; i < v->run->profile->n_targets; i++)
		if (strcmp(view_target_name(v, i), name) == 0)
			families |= view_target(v, i)->families;
	return families ? families : FAMILY_4;
}

bool dns_family_needed(const struct judge_view *v, const char *name, const struct observation *o)
{
	bool six = obs_text_is(o, A_QTYPE, "AAAA");
	return families_of(v, name) & (six ? FAMILY_6 : FAMILY_4);
}

static bool is_dns(const struct observation *o)
{
	return strncmp(o->check, "dns.", 4) == 0;
}

enum dns_class dns_class_of(const struct judge_view *v, const char *name, const char *resolver)
{
	enum dns_class best = DNS_NONE;
	struct pick any = { .role = ROLE_ANY };
	const struct observation *o;
	for (size_t at = 0; (o = view_next(v, &any, &at));) {
		if (!is_dns(o) || strcmp(dns_name_of(o), name) || dns_over_tcp(o) ||
		    !dns_family_needed(v, name, o))
			continue;
		const char *from = dns_resolver_of(o);
		if (resolver ? strcmp(from, resolver) : !dns_is_host_resolver(v, from))
			continue;
		enum dns_class c = dns_classify(o);
		best = c < best ? c : best;
	}
	return best;
}

bool dns_sibling_ok(const struct judge_view *v, const char *name, const char *resolver)
{
	struct pick any = { .outcomes = OUTCOME_BIT(OUTCOME_ANSWERED) };
	const struct observation *o;
	for (size_t at = 0; (o = view_next(v, &any, &at));)
		if (is_dns(o) && strcmp(dns_name_of(o), name) && *dns_name_of(o) &&
		    strcmp(dns_resolver_of(o), resolver) == 0 && dns_classify(o) == DNS_PUBLIC)
			return true;
	return false;
}

const struct observation *dns_control_ok(const struct judge_view *v, const char *name)
{
	struct pick any = { .outcomes = OUTCOME_BIT(OUTCOME_ANSWERED) };
	const struct observation *o;
	for (size_t at = 0; (o = view_next(v, &any, &at));)
		if (is_dns(o) && strcmp(dns_name_of(o), name) == 0 && *dns_resolver_of(o) &&
		    !dns_is_host_resolver(v, dns_resolver_of(o)) && dns_classify(o) == DNS_PUBLIC)
			return o;
	return NULL;
}
