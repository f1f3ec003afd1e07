/*
 * What this host's own place hides (design section 8): rows whose effect is doubt. They do not say
 * that anything is blocked, but that what was seen from here is not what a device would see. V1,
 * an IPv6-only network, stands here too: it is found out at the same place.
 */
#include "faults.h"

#include <string.h>

static const struct observation *link_reason(const struct judge_view *v, const char *reason)
{
	const struct observation *o, *found = NULL;
	struct pick p = { .check = "link", .key = A_REASON, .text = reason };
	for (size_t at = 0; (o = view_next(v, &p, &at));)
		found = o;
	return found;
}

static uint64_t not_working(const struct judge_view *v)
{
	uint64_t mask = 0;
	for (size_t i = 0; i < v->run->profile->n_targets; i++)
		if (!view_target_works(v, i))
			mask |= TARGET_BIT(i);
	return mask;
}

/* A verdict that turns the answer about these targets into "could not tell". */
static struct draft *doubt(struct judge_view *v, const struct fault *f, uint64_t mask,
			   const char *subject)
{
	struct draft *d = view_verdict(v, f, CONF_PROVEN, mask);
	if (d->v.effect == EFFECT_BLOCKS)
		d->v.effect = EFFECT_DOUBT;
	d->v.subject = subject;
	d->v.impact = "What this run saw does not show what devices on this network would see.";
	draft_cite_pick(v, d, &(struct pick){ .check = "link" });
	return d;
}

/* ---- H1 ---- */
static void host_forwards(struct judge_view *v, const struct fault *f)
{
	const struct host_facts *h = v->run->host;
	if (!h->forwards)
		return;
	struct draft *d = doubt(v, f, v->all_targets, h->lan);
	d->v.summary = view_say(v, "This host forwards for %s: devices there pass rules that its own "
				"packets do not", h->lan);
	d->v.seen = view_say(v, "packet forwarding is on and %s is a network behind this host; its own "
			     "packets skip its FORWARD rules and its NAT", h->lan);
	d->v.who = "this host";
	d->v.remedy = "test the forwarding path itself";
	d->v.confirm = view_say(v, "sallyport check --as-client %s (as root)", h->lan);
	d->v.decide = "a run from a device's place in that network, or a capture of a device";
}

const struct fault fault_host_forwards = {
	"host-forwards", "H1", "vantage", "This host forwards for others", host_forwards, NULL,
	"This host is the gateway of a network, or one on its way. What it may do itself says little "
	"about what it lets pass for others.",
	"ip_forward is on, and another interface holds a network of its own; a bridge of containers or "
	"virtual machines is none.",
	"A host that runs Docker: forwarding is on there as well, but no device is behind it.",
	"Run with --as-client, or from a host inside that network.",
};

/* ---- H2 ---- */
static void vpn_took_route(struct judge_view *v, const struct fault *f)
{
	const struct host_facts *h = v->run->host;
	const struct observation *o = link_reason(v, "no-route");
	if (!o || !h->tunnel_takes)
		return;
	struct draft *d = doubt(v, f, v->all_targets, h->tunnel);
	d->v.summary = view_say(v, "The VPN %s has taken the default route: %s could not be tested",
				h->tunnel, h->ifname);
	d->v.seen = view_say(v, "the only way out of this host leads through %s; by %s there is no route",
			     h->tunnel, h->ifname);
	d->v.who = "this host's VPN; the network was not asked";
	d->v.remedy = "disconnect the VPN, then run again";
	d->v.confirm = "sallyport check";
	d->v.decide = "the same run without the VPN";
}

const struct fault fault_vpn_took_route = {
	"vpn-took-route", "H2", "vantage", "A VPN took the default route", vpn_took_route, "*",
	"A VPN on this host replaced the default route, so the network around it cannot be reached.",
	"The kernel's own tables: no default route by the uplink, one by the tunnel.",
	"A DHCP server that names no gateway (C6): there is no tunnel then.",
	"Disconnect the VPN, or run elsewhere.",
};

/* ---- H3 ---- */
static bool stopped_here(const struct flow *f)
{
	return f && (f->denied || f->icmp_self);
}

static void vpn_killswitch(struct judge_view *v, const struct fault *f)
{
	const struct host_facts *h = v->run->host;
	bool stopped = false;
	for (size_t i = 0; i < v->run->n_checks; i++)
		stopped |= stopped_here(&v->flows[i]);
	if (!stopped || !h->tunnel[0] || v->udp_out || v->tcp_out)
		return;
	struct draft *d = doubt(v, f, v->all_targets, h->tunnel);
	d->v.summary = view_say(v, "This host's VPN lets nothing out but through %s", h->tunnel);
	d->v.seen = view_say(v, "the kernel of this host refused to send by %s (operation not permitted), "
			     "and %s is up", h->ifname, h->tunnel);
	d->v.who = "this host's own output rules, as VPN programs set them; the network was not asked";
	d->v.remedy = "disconnect the VPN and its kill switch, then run again";
	d->v.confirm = "sallyport check";
	d->v.decide = "the same run without the VPN";
	draft_cite_pick(v, d, &(struct pick){ .outcomes = OUTCOME_BIT(OUTCOME_DENIED_LOCALLY) });
}

const struct fault fault_vpn_killswitch = {
	"vpn-killswitch", "H3", "vantage", "A VPN's kill switch", vpn_killswitch, "*",
	"Rules that belong to a VPN on this host stop everything that does not go through it.",
	"The kernel refuses every send by the uplink while a tunnel is up.",
	"A local rule against one port (L4): other traffic passes then.",
	"Disconnect the VPN, or run elsewhere.",
};

/* ---- H4 ---- */
static void clat_only(struct judge_view *v, const struct fault *f)
{
	static const struct addr clat = { 4, { 192, 0, 0 } }; /* RFC 7335 */
	struct addr own = host_source(v->run->host, 4);
	if (!addr_in_prefix(&own, &clat, 29))
		return;
	struct draft *d = doubt(v, f, v->all_targets, v->run->host->ifname);
	d->v.summary = "This host's IPv4 is made by its own translator (CLAT); devices have none";
	d->v.seen = "the uplink's IPv4 address is from 192.0.0.0/29, which no network hands out";
	d->v.who = "this host (464XLAT, RFC 6877)";
	d->v.remedy = "ask for IPv4 on the devices' network, or a translator on its router";
	d->v.confirm = view_confirm(v, "link");
	d->v.decide = "a run from a host with an address of the devices' network";
}

const struct fault fault_clat_only = {
	"clat-only", "H4", "vantage", "IPv4 through this host's own translator", clat_only, NULL,
	"This host reaches IPv4 servers by translating on its own; a device without a translator would "
	"not.",
	"The uplink's IPv4 address is one of 192.0.0.0/29 (RFC 7335).",
	"A network with real IPv4 beside IPv6.",
	"Dual stack, or a translator on the site's router.",
};

/* ---- H5 ---- */
static void link_changed(struct judge_view *v, const struct fault *f)
{
	const struct observation *gone = link_reason(v, "interface-gone");
	const struct observation *o = gone ? gone : link_reason(v, "address-changed");
	uint64_t mask = not_working(v);
	if (!o)
		return;
	struct draft *d = doubt(v, f, mask ? mask : v->all_targets, o->target);
	if (!mask)
		d->v.effect = EFFECT_NOTE;
	d->v.summary = view_say(v, gone ? "%s went away during the run" :
					  "%s changed its address or route during the run", o->target);
	d->v.seen = "the kernel's tables at the end of the run differ from those at its start";
	d->v.who = "this host, or the network it was on";
	d->v.remedy = "wait until the link is steady, then run again";
	d->v.confirm = "sallyport check";
	d->v.decide = "the same run on a steady link";
}

const struct fault fault_link_changed = {
	"link-changed", "H5", "vantage", "The link changed during the run", link_changed, "*",
	"The interface vanished, or got another address or route, while the run was under way.",
	"The kernel's own tables before and after.",
	"A network that drops packets: its link stays as it is.",
	"Run again.",
};

/* ---- H6 ---- */
static void resolver_unknown(struct judge_view *v, const struct fault *f)
{
	const struct host_facts *h = v->run->host;
	char text[ADDR_STRLEN];
	if (h->n_resolvers || !h->n_stubs)
		return;
	struct draft *d = doubt(v, f, v->all_targets, "DNS");
	d->v.confidence = CONF_UNDETERMINED;
	d->v.summary = "The resolvers that devices would be told are not known";
	d->v.seen = view_say(v, "this host asks %s (%s), which no device asks, and no file of its network "
			     "programs names the resolvers of %s", addr_format(&h->stubs[0].addr, text),
			     h->stubs[0].why, h->ifname);
	d->v.who = "this host's own configuration";
	d->v.remedy = "run as root, so that lease files can be read, or without the stub or VPN";
	d->v.confirm = view_confirm(v, "dns");
	d->v.decide = "the DHCP offer as a device gets it (--as-client on a gateway)";
	draft_cite_pick(v, d, &(struct pick){ .check = "dns.name" });
}

const struct fault fault_resolver_unknown = {
	"resolver-unknown", "H6", "vantage", "The site's resolvers are not known", resolver_unknown, NULL,
	"This host asks a resolver of its own (a stub, or a VPN's); what the network's resolvers say "
	"about the cloud's names was not seen.",
	"Only loopback or tunnel addresses in resolv.conf, and nothing in the files of the programs that "
	"run the uplink.",
	"A network that names no resolver at all (D1).",
	"Run as root, or without the VPN.",
};

/* ---- V1 ---- */
/* RFC 7050: the name has only IPv4 addresses, so an AAAA answer is made by a DNS64. */
static const struct observation *dns64(const struct judge_view *v)
{
	struct pick p = { .check = "dns.name", .target = "ipv4only.arpa", .key = A_QTYPE, .text = "AAAA",
			  .outcomes = OUTCOME_BIT(OUTCOME_ANSWERED) };
	const struct observation *o;
	for (size_t at = 0; (o = view_next(v, &p, &at));)
		if (*obs_get_text(o, A_ANSWERS, ""))
			return o;
	return NULL;
}

static void nat64_only(struct judge_view *v, const struct fault *f)
{
	const struct observation *o = link_reason(v, "no-ipv4"), *six = dns64(v);
	if (!o || v->udp_out || v->tcp_out)
		return;
	struct draft *d = view_verdict(v, f, six ? CONF_PROVEN : CONF_LIKELY, v->all_targets);
	d->v.subject = o->target;
	d->v.summary = six ? "This network has IPv6 only; the devices need IPv4" :
			     "Looks like this network has IPv6 only; the devices need IPv4";
	d->v.seen = view_say(v, "%s has an IPv6 address and route, but no IPv4%s", o->target,
			     six ? "; the resolver makes IPv6 answers for IPv4-only names (DNS64)" : "");
	d->v.who = six ? "the network as it is built" :
			 "the network as it is built, a DHCP server that does not answer for IPv4, or this "
			 "host's own settings";
	d->v.remedy = "give the devices' network IPv4 (dual stack), or IPv4 through a translator on its "
		      "router (464XLAT)";
	d->v.confirm = view_confirm(v, "link");
	d->v.decide = "a DHCPv4 answer to another host of this network: if one comes, it is this host's "
		      "own setting";
	d->v.ask = "Please give the devices' network IPv4: they cannot use IPv6.";
	draft_cite(d, o);
	if (six)
		draft_cite(d, six);
}

const struct fault fault_nat64_only = {
	"nat64-only", "V1", "ipv6", "IPv6 only", nat64_only, "*",
	"The network hands out IPv6 alone; computers reach IPv4 servers through NAT64, the devices "
	"cannot.",
	"No IPv4 address or route beside a working IPv6 one; proven when the resolver answers AAAA for "
	"ipv4only.arpa (RFC 7050).",
	"A DHCP server that is silent on a dual-stack network; a host with IPv4 switched off.",
	"Dual stack, or a translator on the router.",
};
