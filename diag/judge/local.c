/* Faults on this host and its first link: L1 L2 L4, and C6 (no route, here or further on). */
#include "faults.h"

#include <string.h>

static const struct observation *last_of(const struct judge_view *v, const char *check)
{
	const struct observation *o, *last = NULL;
	struct pick p = { .check = check };
	for (size_t at = 0; (o = view_next(v, &p, &at));)
		last = o;
	return last;
}

static bool anything_answers(const struct judge_view *v)
{
	return v->udp_out || v->tcp_out;
}

/* ---- L1 ---- */
static const struct link_fault {
	const char *reason, *seen, *remedy;
} link_faults[] = {
	{ "no-interface", "there is no network interface to use",
	  "connect this host to the network, or name the interface with -i" },
	{ "down", "interface %s is switched off", "switch the interface on" },
	{ "no-carrier", "interface %s has no carrier: no cable, no radio, or the switch port is off",
	  "check cable and switch port, or the Wi-Fi association" },
	{ "no-address", "interface %s has no address: DHCP did not answer, or was never asked",
	  "check the switch port's VLAN and the DHCP scope (free addresses, allowed MACs)" },
	{ "link-local-only", "interface %s has only a self-made address: DHCP did not answer",
	  "check the switch port's VLAN and the DHCP scope (free addresses, allowed MACs)" },
};

static const struct link_fault *link_fault_of(const struct observation *o)
{
	for (size_t i = 0; o && i < sizeof(link_faults) / sizeof(link_faults[0]); i++)
		if (obs_text_is(o, A_REASON, link_faults[i].reason))
			return &link_faults[i];
	return NULL;
}

/* A client of our own (--as-client) says how far it came with DHCP. */
static void address_of_client(struct judge_view *v, const struct observation *o, struct draft *d)
{
	static const struct {
		const char *dhcp, *seen;
	} ends[] = {
		{ "no-offer", "nobody answered" },
		{ "no-ack", "a server offered an address and then went silent" },
		{ "refused", "the server refused the address that it had offered, each time" },
	};
	const struct as_client_facts *c = &v->run->host->as_client;
	const char *lan = c->name;
	for (size_t i = 0; i < sizeof(ends) / sizeof(ends[0]); i++) {
		if (!obs_text_is(o, A_DHCP, ends[i].dhcp))
			continue;
		d->v.summary = view_say(v, "A new device on %s gets no address", lan);
		d->v.seen = view_say(v, "%lld DHCP messages on %s within %.0f s, from a MAC address that "
				     "was never there before: %s", (long long)obs_get_int(o, A_PACKETS, 0),
				     lan, obs_get_real(o, A_WAITED_MS, 0) / 1000, ends[i].seen);
		d->v.who = view_say(v, "the DHCP server of %s, or what stands before it", lan);
		if (i == 0 && strcmp(c->kind, "macvlan") == 0) {
			d->v.confidence = CONF_UNDETERMINED;
			d->v.who = "the DHCP server, or a switch or hypervisor that takes frames from this "
				   "host's own MAC address alone";
			d->v.decide = "the same from a bridge of that LAN, or a device that gets an address";
		}
		d->v.ask = view_say(v, "Please let DHCP give new devices on %s an address (free addresses, "
				    "allowed MACs, VLAN).", lan);
	}
}

static void no_address(struct judge_view *v, const struct fault *f)
{
	const struct observation *o = last_of(v, "link");
	const struct link_fault *l = link_fault_of(o);
	if (!l || anything_answers(v))
		return;
	struct draft *d = view_verdict(v, f, CONF_PROVEN, v->all_targets);
	const char *name = o->target;
	d->v.subject = name;
	d->v.summary = view_say(v, "No usable address on %s", name);
	/* every format of the table holds at most one %s; spelt out to keep the compiler's check */
	const char *mark = strstr(l->seen, "%s");
	d->v.seen = mark ? view_say(v, "%.*s%s%s", (int)(mark - l->seen), l->seen, name, mark + 2) :
			   l->seen;
	d->v.who = "seen in this host's own tables, not on the network";
	d->v.remedy = l->remedy;
	d->v.confirm = view_confirm(v, "link");
	d->v.ask = view_say(v, "Please give %s an address on this network: %s.", name, l->remedy);
	address_of_client(v, o, d);
	draft_cite_pick(v, d, &(struct pick){ .check = "link" });
}

const struct fault fault_no_address = {
	"no-address", "L1", "local", "No address", no_address, "*",
	"The interface is missing, down, without carrier, or has no address but a self-made one. "
	"Nothing else can be measured.",
	"The kernel's own state of the interface: it needs no second witness.",
	"A host with a static address that was never set looks the same as a silent DHCP server; for a "
	"client beside an interface (--as-client) so does a port that takes one MAC address alone.",
	"Port, VLAN, DHCP scope.",
};

/* ---- L2 ---- */
static void gateway_mute(struct judge_view *v, const struct fault *f)
{
	const struct check *c = run_check(v->run, "gateway", NULL);
	const struct flow *g = view_flow_id(v, "gateway", "", NULL);
	struct pick silent = { .check = "gateway", .outcomes = OUTCOME_BIT(OUTCOME_SILENT) };
	const struct observation *o = last_of(v, "gateway");
	if (!c || !o || g->answered || v->any_reply || anything_answers(v) || !view_count(v, &silent))
		return;
	int64_t peers = obs_get_int(o, A_LAN_PEERS, 0);
	bool proven = peers > 0 && flow_silent(g) && flow_spread(g);
	struct draft *d = view_verdict(v, f, proven ? CONF_PROVEN : CONF_LIKELY, v->all_targets);
	d->v.subject = c->target;
	d->v.summary = view_say(v, "The default gateway %s does not answer", c->target);
	const char *others = peers == 0 ? "no other neighbour on the link answers either"
			     : peers == 1 ? "another neighbour on the link answers"
				 : view_say(v, "%lld other neighbours on the link answer", (long long)peers);
	d->v.seen = view_say(v, "address resolution for %s got no answer (neighbour state %s); %s; nothing "
			     "beyond the link answers",
			     c->target, obs_get_text(o, A_NEIGH_STATE, "unknown"), others);
	d->v.who = view_say(v, "the gateway %s, or the switch between", c->target);
	d->v.remedy = "check the gateway's address, the VLAN of this port, and client isolation";
	d->v.confirm = view_confirm(v, "gateway");
	d->v.decide = "another host of this VLAN that reaches the gateway, or a capture on its LAN side";
	d->v.ask = view_say(v, "Please check why the gateway %s does not answer on this VLAN.", c->target);
	draft_cite_pick(v, d, &(struct pick){ .check = "gateway" });
}

const struct fault fault_gateway_mute = {
	"gateway-mute", "L2", "local", "The gateway does not answer", gateway_mute, "*",
	"The default gateway's link-layer address cannot be found out.",
	"ARP or neighbour discovery for the gateway is unanswered while other neighbours answer, and "
	"nothing beyond the link answers.",
	"A wrong static gateway; client isolation; a gateway that filters ICMP but forwards (then "
	"something beyond answers, and this row does not hold).",
	"Address, VLAN.",
};

/* ---- C6 ---- */
static void route_here(struct judge_view *v, const struct fault *f, const struct observation *o)
{
	struct draft *d = view_verdict(v, f, CONF_PROVEN, v->all_targets);
	d->v.subject = "this host";
	d->v.summary = view_say(v, "This host has no default route by %s", o->target);
	d->v.seen = view_say(v, "interface %s has an address but the kernel has no default route by it",
			     o->target);
	d->v.who = "this host's routing table, or the DHCP server that named no gateway";
	d->v.remedy = "let DHCP hand out the gateway (option 3), or set the route";
	d->v.confirm = view_confirm(v, "link");
	d->v.ask = "Please let DHCP hand out a default gateway on this network.";
	draft_cite(d, o);
}

static bool router_says_no(const struct flow *f)
{
	return f && flow_icmp(f) && f->unreachable && !f->rejected && !f->refused &&
	       f->icmp_from && !f->icmp_self && !f->no_neighbour;
}

static void route_there(struct judge_view *v, const struct fault *f, size_t first)
{
	const char *router = view_flow(v, first)->icmp_from;
	uint64_t mask = 0;
	for (size_t i = 0; i < v->run->profile->n_targets; i++) {
		const struct flow *g = view_flow(v, i);
		if (!router_says_no(g) || strcmp(g->icmp_from, router))
			continue;
		if (i < first)
			return; /* already told with that one */
		mask |= TARGET_BIT(i);
	}
	struct draft *d = view_verdict(v, f, CONF_PROVEN, mask);
	d->v.subject = router;
	d->v.summary = view_say(v, "Router %s has no route", router);
	d->v.seen = view_say(v, "to %s: %s, all by ICMP \"unreachable\" messages from %s",
			     view_stem_targets(v, mask), flow_counts(v, view_flow(v, first)), router);
	d->v.who = view_say(v, "%s, which names itself as the sender", router);
	d->v.remedy = view_say(v, "check the routing table and the uplink of %s", router);
	d->v.confirm = view_confirm(v, view_flow(v, first)->check->id);
	d->v.ask = view_say(v, "Please check the route of %s to %s.", router,
			    view_target_name(v, first));
	draft_cite_targets(v, d, mask);
}

/* There is no network between this host and an address on its own link: silence there, or address
 * resolution that fails, is about that machine. */
static bool missing_on_link(const struct flow *f)
{
	return f && !f->answered && (f->no_neighbour || (f->on_link && flow_hinted(f)));
}

static void nobody_there(struct judge_view *v, const struct fault *f, size_t i)
{
	const struct flow *g = view_flow(v, i);
	struct draft *d = view_verdict(v, f, CONF_LIKELY, TARGET_BIT(i));
	d->v.subject = view_target_name(v, i);
	d->v.summary = view_say(v, "Nobody on this host's link answers for %s", d->v.subject);
	d->v.seen = view_say(v, "%s: %s%s", g->n_addresses ? g->addresses[0] : d->v.subject,
			     flow_counts(v, g), g->no_neighbour ? "; address resolution fails" : "");
	d->v.who = g->on_link ? "the machine with that address, or the switch between" :
				"the gateway, or the switch between";
	d->v.remedy = "check the address, the machine that should have it, and client isolation";
	d->v.decide = "another host of this link that reaches it";
	d->v.confirm = view_confirm(v, g->check->id);
	d->v.ask = view_say(v, "Please check why nothing on this link answers for %s.", d->v.subject);
	draft_cite_flow(v, d, g);
}

static void no_route(struct judge_view *v, const struct fault *f)
{
	const struct observation *o = last_of(v, "link");
	if (o && obs_text_is(o, A_REASON, "no-route") && !anything_answers(v)) {
		if (!v->run->host->tunnel_takes) /* H2 otherwise */
			route_here(v, f, o);
		return;
	}
	for (size_t i = 0; i < v->run->profile->n_targets; i++)
		if (router_says_no(view_flow(v, i)))
			route_there(v, f, i);
	for (size_t i = 0; i < v->run->profile->n_targets; i++)
		if (missing_on_link(view_flow(v, i)))
			nobody_there(v, f, i);
}

const struct fault fault_no_route = {
	"no-route", "C6", "local", "No route", no_route,
	"resolver-down gateway-mute udp-port-blocked udp-all-blocked port-drop ntp-blocked",
	"A router on the way, or this host itself, has no route to the destination, or nobody on the link "
	"has its address.",
	"An ICMP \"net or host unreachable\" whose sender is neither the target nor this host, or this "
	"host's own routing table. Likely: this host's own address resolution fails, or an address on its "
	"own link stays silent.",
	"A firewall that rejects with \"host unreachable\" on purpose; this host's own rules (L4), which say "
	"EPERM or another code; client isolation.",
	"Routing, uplink.",
};

/* ---- L4 ---- */
static bool stopped_here(const struct flow *f)
{
	return f && !f->answered && !f->mismatch && !f->garbled && (f->denied || f->icmp_self) &&
	       !f->nowhere;
}

static void own_firewall(struct judge_view *v, const struct fault *f)
{
	uint64_t mask = 0;
	const struct flow *first = NULL;
	const char *subjects = "";
	bool some_left = false;
	for (size_t i = 0; i < v->run->profile->n_targets; i++) {
		const struct flow *g = view_flow(v, i);
		if (!stopped_here(g))
			continue;
		const char *s = view_subject(v, view_target(v, i));
		if (!strstr(subjects, s))
			subjects = view_say(v, "%s%s%s", subjects, *subjects ? ", " : "", s);
		first = first ? first : g;
		some_left |= g->silent > 0; /* and stayed unanswered: these rules may not be all */
		mask |= TARGET_BIT(i);
	}
	if (!mask)
		return;
	struct draft *d = view_verdict(v, f, some_left ? CONF_LIKELY : CONF_PROVEN, mask);
	d->v.subject = subjects;
	d->v.summary = view_say(v, "This host's own firewall stops %s", subjects);
	d->v.seen = view_say(v, "%s: the kernel of this host refused to send (operation not permitted)",
			     flow_counts(v, first));
	d->v.who = "this host's own output rules; the network was not asked";
	d->v.impact = "This run could not see what the network does with these packets; the rules of this host "
		      "do not touch those of devices.";
	d->v.remedy = view_say(v, "allow %s in this host's own output rules (nft list ruleset)", subjects);
	d->v.confirm = view_confirm(v, first->check->id);
	d->v.decide = "the same check with these rules out of the way";
	d->v.ask = view_say(v, "Please allow outbound %s in the firewall of the host that runs sallyport.",
			    subjects);
	draft_cite_targets(v, d, mask);
}

const struct fault fault_own_firewall = {
	"own-firewall", "L4", "local", "This host's own firewall", own_firewall,
	"udp-port-blocked udp-all-blocked udp-rejected port-drop ntp-blocked",
	"Rules on this host stop the packet before it reaches the network, so nothing was learnt about "
	"the network.",
	"The kernel refuses the send with EPERM, or an ICMP error comes from this host itself, other than "
	"\"host unreachable\", which is a neighbour that does not answer (C6, L2).",
	"A TCP SYN dropped by the output rules is silent and cannot be told from the network's drop "
	"without privilege.",
	"Local nftables rule.",
};
