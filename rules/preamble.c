/* The head of every file: what it is for, where it comes from, for whom, until when, and what it
 * cannot do. How to load it and how to take it back is the dialect's own. */
#include <stdarg.h>

#include "dialects.h"
#include "sallyport/clock.h"

struct head {
	FILE *out;
	const char *mark;
};

const char *peer_text(const struct rule_peer *p, char out[HOSTNAME_MAX + 3])
{
	if (p->kind == PEER_NAME || p->kind == PEER_WILDCARD)
		snprintf(out, HOSTNAME_MAX + 3, "%s%s", p->kind == PEER_WILDCARD ? "*." : "", p->name);
	else
		addr_format(&p->addrs[0].addr, out);
	return out;
}

static void __attribute__((format(printf, 3, 4)))
line(const struct head *h, const char *label, const char *fmt, ...)
{
	va_list ap;
	va_start(ap, fmt);
	fprintf(h->out, "%s %-8s ", h->mark, label);
	vfprintf(h->out, fmt, ap);
	putc('\n', h->out);
	va_end(ap);
}

static void devices(const struct head *h, const struct ruleset *s)
{
	size_t by_mac = 0, by_ip = 0;
	for (size_t i = 0; i < s->n_groups; i++)
		for (size_t k = 0; k < s->groups[i].n; k++) {
			by_mac += s->groups[i].subjects[k].mac[0] != '\0';
			by_ip += s->groups[i].subjects[k].mac[0] == '\0';
		}
	if (by_mac + by_ip)
		line(h, "Devices", "%zu by MAC address, %zu by IP address alone", by_mac, by_ip);
	else
		line(h, "Devices", "NONE WAS NAMED: the rules open nothing until you fill them in");
	if (by_ip)
		line(h, "", "an IP address speaks for a device only while its DHCP lease is reserved");
	if (by_mac || !by_ip)
		line(h, "", "a MAC address is seen on the devices' own segment only, and can be copied");
}

static void odd_device(const struct head *h, const struct rule_subject *d, unsigned families)
{
	struct mac m;
	char text[ADDR_STRLEN];
	if (mac_parse(d->mac, &m) == 0 && mac_is_local(&m))
		line(h, "", "%s is self-assigned: see that the device keeps it", d->mac);
	if (!d->mac[0] && !(families & (d->ip.family == 4 ? FAMILY_4 : FAMILY_6)))
		line(h, "", "%s is NOT COVERED: no rule is for IPv%u, name its MAC",
		     addr_format(&d->ip, text), d->ip.family);
}

static void odd_devices(const struct head *h, const struct ruleset *s)
{
	for (size_t i = 0; i < s->n_groups; i++)
		for (size_t k = 0; k < s->groups[i].n; k++)
			odd_device(h, &s->groups[i].subjects[k], s->families);
}

static void needs(const struct head *h, const struct ruleset *s)
{
	char text[HOSTNAME_MAX + 3];
	bool dns = false;
	for (size_t i = 0; i < s->n_rules; i++) {
		const struct rule *r = &s->rules[i];
		line(h, i ? "" : "Allows", "%s %u to %s, %s", r->proto == TRANSPORT_UDP ? "udp" : "tcp",
		     r->port, peer_text(&r->peer, text), r->required ? "required" : "optional");
		dns |= r->peer.kind == PEER_SITE_DNS;
		if (*r->why)
			line(h, "", "  %s", r->why);
		if (r->peer.kind == PEER_WILDCARD)
			line(h, "", "  names are %u label%s longer", r->peer.depth, r->peer.depth == 1 ? "" : "s");
		if (r->peer.withheld)
			line(h, "", "  NO ADDRESS: %s was found, so what DNS gave is not trusted", r->peer.withheld);
		else if (!r->peer.n_addrs)
			line(h, "", "  NO ADDRESS: this run saw none for this name");
	}
	if (!dns)
		line(h, "", "NO DNS SERVER: allow udp 53 to the one that the devices are given, too");
}

void preamble_write(const struct ruleset *s, const char *dialect, const char *mark, FILE *out)
{
	struct head h = { out, mark };
	char text[CLOCK_STRLEN];
	fprintf(out, "%s Allow-list for %s, by sallyport %s. sallyport itself changes no firewall.\n%s\n",
		mark, dialect, SP_VERSION, mark);
	line(&h, "What", "outbound flows of profile %s, with their replies; nothing inbound", s->profile);
	if (*s->title)
		line(&h, "", "(%s)", s->title);
	line(&h, "Made", "from run %s of %s", s->run_id, s->made);
	if (!s->complete)
		line(&h, "", "that run did not end in order: addresses may be missing");
	devices(&h, s);
	odd_devices(&h, s);
	needs(&h, s);
	if (!(s->families & FAMILY_6))
		line(&h, "IPv6", "not used by these devices: nothing is opened");
	if (s->expires_us)
		line(&h, "Expires", "%s: load no older file, names may have other addresses by then",
		     clock_format_utc(s->expires_us, text));
}
