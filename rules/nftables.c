/*
 * nftables: sets and chains of our own (sp_*) in the table of the site's own forward chain, because
 * an accept in another table opens nothing that this one drops (nft(8), base chains). One `nft -f`
 * is one transaction, and loading the file again leaves the same rules; addresses that others put
 * into the sets (dnsmasq) stay.
 */
#include <errno.h>

#include "dialects.h"

#define TABLE "inet filter" /* Debian's /etc/nftables.conf */

enum {
	/* Of addresses that dnsmasq adds; those of a run say how long they hold. */
	FED_S = 86400,
};

static const struct family {
	unsigned bit;
	char digit;
	const char *proto, *addr_type;
} families[] = {
	{ FAMILY_4, '4', "ip", "ipv4_addr" },
	{ FAMILY_6, '6', "ip6", "ipv6_addr" },
};

/* How packets of a group's devices are known. */
static const struct matcher {
	const char *match, *suffix, *type;
	unsigned families;
} matchers[] = {
	{ "ether saddr", "mac", "ether_addr", FAMILY_4 | FAMILY_6 },
	{ "ip saddr", "ip4", "ipv4_addr", FAMILY_4 },
	{ "ip6 saddr", "ip6", "ipv6_addr", FAMILY_6 },
};
enum { N_FAMILIES = 2, N_MATCHERS = 3 };

static bool group_has(const struct ruleset *s, size_t group, unsigned m)
{
	const struct rule_group *g = &s->groups[group];
	bool has = m == 0 ? g->by_mac : m == 1 ? g->by_ip4 : g->by_ip6;
	return has && matchers[m].families & s->families;
}

static bool by_name(const struct rule *r)
{
	return r->peer.kind == PEER_NAME || r->peer.kind == PEER_WILDCARD;
}

static bool has_timer(const struct ruleset *s)
{
	for (size_t i = 0; i < s->n_rules; i++)
		if (s->rules[i].idle_s)
			return true;
	return false;
}

/* Calls fn for each rule and each family it stands in. */
static void each(const struct ruleset *s, FILE *out,
		 void (*fn)(const struct ruleset *s, const struct rule *r, const struct family *f, FILE *out))
{
	for (size_t i = 0; i < s->n_rules; i++)
		for (unsigned k = 0; k < N_FAMILIES; k++)
			if (s->rules[i].peer.families & families[k].bit)
				fn(s, &s->rules[i], &families[k], out);
}

/* ---- head ---- */
static void undo_rule(const struct ruleset *s, const struct rule *r, const struct family *f, FILE *out)
{
	(void)s;
	if (r->idle_s)
		fprintf(out, "#            nft delete ct timeout " TABLE " sp_%s_ip%c\n", r->id, f->digit);
	if (by_name(r))
		fprintf(out, "#            nft delete set " TABLE " sp_%s_ip%c\n", r->id, f->digit);
}

static void undo(const struct ruleset *s, FILE *out)
{
	fputs("# Undo     delete the jumps (nft -a list chain " TABLE " forward shows their handles), then\n"
	      "#            nft delete chain " TABLE " sp_allow\n", out);
	if (has_timer(s))
		fputs("#            nft delete chain " TABLE " sp_timer\n", out);
	each(s, out, undo_rule);
	for (size_t i = 0; i < s->n_groups; i++)
		for (unsigned m = 0; m < N_MATCHERS; m++)
			if (group_has(s, i, m))
				fprintf(out, "#            nft delete set " TABLE " sp_dev%zu_%s\n", i + 1,
					matchers[m].suffix);
}

static void feed(const struct ruleset *s, const struct rule *r, const struct family *f, FILE *out)
{
	(void)s;
	if (by_name(r))
		fprintf(out, "#            nftset=/%s/%c#inet#filter#sp_%s_ip%c\n", r->peer.name, f->digit, r->id,
			f->digit);
}

static void names(const struct ruleset *s, FILE *out)
{
	fputs("# Names    addresses leave their sets when they run out. Load a fresh file before that, or let\n"
	      "#          dnsmasq (2.87 and later) keep the sets full, where it is the devices' resolver:\n",
	      out);
	each(s, out, feed);
	fprintf(out, "#            max-cache-ttl=%d    no answer outlives its place in the set\n"
		"#            stop-dns-rebind        no answer opens the inside\n", FED_S / 2);
}

static void head(const struct ruleset *s, FILE *out)
{
	char text[HOSTNAME_MAX + 3];
	preamble_write(s, "nftables", "#", out);
	for (size_t i = 0; i < s->n_groups; i++)
		if (!s->groups[i].n)
			fprintf(out, "# Fill in  nft add element " TABLE " sp_dev%zu_mac { MAC, MAC }\n"
				"#          or make this file again with --device MAC\n", i + 1);
	fputs("# Where    the table of your own forward chain, here " TABLE ". If yours has another name,\n"
	      "#          put it in that place throughout: a rule elsewhere cannot open what yours drops\n"
	      "# Load     nft -c -f FILE && nft -f FILE    (at once or not at all, as often as you like)\n"
	      "# Once     nft insert rule " TABLE " forward jump sp_allow    (and keep it in your file)\n",
	      out);
	for (size_t i = 0; i < s->n_rules; i++)
		if (s->rules[i].peer.gateway)
			fprintf(out, "#          nft insert rule " TABLE " input jump sp_allow    (where %s is this firewall)\n",
				peer_text(&s->rules[i].peer, text));
	for (size_t i = 0; i < s->n_rules; i++)
		if (by_name(&s->rules[i])) {
			names(s, out);
			break;
		}
	fputs("# Verify   nft list chain " TABLE " sp_allow    (counters), sallyport check behind this firewall\n",
	      out);
	undo(s, out);
}

/* ---- objects ---- */
static void declare(const struct ruleset *s, const struct rule *r, const struct family *f, FILE *out)
{
	(void)s;
	if (by_name(r))
		fprintf(out, "add set " TABLE " sp_%s_ip%c { type %s; flags timeout; timeout %ds; }\n", r->id,
			f->digit, f->addr_type, FED_S);
	/* Both alike: a flow counts as replied only once it sees traffic two seconds after its start
	 * (Linux d535c8a69c19), and a handshake is over before that. */
	if (r->idle_s)
		fprintf(out, "add ct timeout " TABLE " sp_%s_ip%c { protocol udp; l3proto %s; "
			"policy = { unreplied : %u, replied : %u }; }\n", r->id, f->digit, f->proto, r->idle_s,
			r->idle_s);
}

static void objects(const struct ruleset *s, FILE *out)
{
	fputs("\nadd table " TABLE "\nadd chain " TABLE " sp_allow\nflush chain " TABLE " sp_allow\n", out);
	if (has_timer(s))
		fputs("add chain " TABLE " sp_timer { type filter hook prerouting priority filter - 5; "
		      "policy accept; }\nflush chain " TABLE " sp_timer\n", out);
	for (size_t i = 0; i < s->n_groups; i++)
		for (unsigned m = 0; m < N_MATCHERS; m++)
			if (group_has(s, i, m))
				fprintf(out, "add set " TABLE " sp_dev%zu_%s { type %s; }\n", i + 1,
					matchers[m].suffix, matchers[m].type);
	each(s, out, declare);
}

/* ---- elements ---- */
static void subjects(const struct rule_group *g, size_t number, unsigned m, FILE *out)
{
	char text[ADDR_STRLEN];
	fprintf(out, "flush set " TABLE " sp_dev%zu_%s\n", number, matchers[m].suffix);
	for (size_t i = 0; i < g->n; i++) {
		const struct rule_subject *d = &g->subjects[i];
		unsigned kind = d->mac[0] ? 0 : d->ip.family == 4 ? 1 : 2;
		if (kind != m)
			continue;
		fprintf(out, "add element " TABLE " sp_dev%zu_%s { %s", number, matchers[m].suffix,
			m ? addr_format(&d->ip, text) : d->mac);
		fprintf(out, d->name[0] ? " comment \"%s\" }\n" : "%s }\n", d->name);
	}
}

/* Adding what is there does not renew its time: it goes and comes again in one transaction. */
static void addresses(const struct ruleset *s, const struct rule *r, const struct family *f, FILE *out)
{
	char a[ADDR_STRLEN], from[ADDR_STRLEN];
	(void)s;
	for (size_t i = 0; by_name(r) && i < r->peer.n_addrs; i++) {
		const struct rule_address *at = &r->peer.addrs[i];
		if (at->addr.family != f->digit - '0')
			continue;
		addr_format(&at->addr, a);
		fprintf(out, "# observation %u: %s by %s, TTL %u s\n", at->evidence, a,
			addr_format(&at->resolver, from), at->ttl_s);
		static const char *const verbs[] = { "add", "delete" };
		for (unsigned k = 0; k < 2; k++)
			fprintf(out, "%s element " TABLE " sp_%s_ip%c { %s }\n", verbs[k], r->id, f->digit, a);
		fprintf(out, "add element " TABLE " sp_%s_ip%c { %s timeout %us }\n", r->id, f->digit, a,
			at->valid_s);
	}
}

static void elements(const struct ruleset *s, FILE *out)
{
	/* What the admin filled in for the placeholder is not ours to flush. */
	for (size_t i = 0; i < s->n_groups; i++)
		for (unsigned m = 0; m < N_MATCHERS && s->groups[i].n; m++)
			if (group_has(s, i, m))
				subjects(&s->groups[i], i + 1, m, out);
	each(s, out, addresses);
}

/* ---- rules ---- */
/* "ip daddr @sp_udp5684_1c2d3e4f_ip4", or the address itself. */
static const char *peer_match(const struct rule *r, const struct family *f, const char *end,
			      char out[128])
{
	char a[ADDR_STRLEN];
	if (by_name(r))
		snprintf(out, 128, "%s %s @sp_%s_ip%c", f->proto, end, r->id, f->digit);
	else
		snprintf(out, 128, "%s %s %s", f->proto, end, addr_format(&r->peer.addrs[0].addr, a));
	return out;
}

/* The chain, device and far end of a rule that is for each matcher of its group. */
static void from_devices(const struct ruleset *s, const struct rule *r, const struct family *f,
			 const char *chain, const char *rest, FILE *out)
{
	char peer[128];
	for (unsigned m = 0; m < N_MATCHERS; m++)
		if (group_has(s, r->group, m) && matchers[m].families & f->bit)
			fprintf(out, "add rule " TABLE " %s %s @sp_dev%zu_%s %s %s dport %u %s comment \"%s\"\n", chain,
				matchers[m].match, r->group + 1, matchers[m].suffix,
				peer_match(r, f, "daddr", peer), r->proto == TRANSPORT_UDP ? "udp" : "tcp",
				r->port, rest, r->tag);
}

static void allow(const struct ruleset *s, const struct rule *r, const struct family *f, FILE *out)
{
	char peer[128], name[HOSTNAME_MAX + 3];
	fprintf(out, "# %s: %s\n", peer_text(&r->peer, name), r->required ? "required" : "optional");
	from_devices(s, r, f, "sp_allow", "ct state { new, established } counter accept", out);
	fprintf(out, "add rule " TABLE " sp_allow %s %s sport %u ct direction reply ct state established "
		"counter accept comment \"%s\"\n", peer_match(r, f, "saddr", peer),
		r->proto == TRANSPORT_UDP ? "udp" : "tcp", r->port, r->tag);
}

/* New flows only: one that runs keeps the timer it started with. */
static void timer(const struct ruleset *s, const struct rule *r, const struct family *f, FILE *out)
{
	char rest[96];
	snprintf(rest, sizeof(rest), "ct state new ct timeout set \"sp_%s_ip%c\"", r->id, f->digit);
	if (r->idle_s)
		from_devices(s, r, f, "sp_timer", rest, out);
}

int nftables_write(const struct ruleset *s, FILE *out)
{
	head(s, out);
	objects(s, out);
	elements(s, out);
	each(s, out, allow);
	each(s, out, timer);
	return ferror(out) ? -EIO : 0;
}
