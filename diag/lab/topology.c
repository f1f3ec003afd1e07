/*
 * The lab's topology as data, and as the text that `ip -batch` and `nft -f` read.
 *
 *   device eth0 -- lan0 gateway wan0 -- down0 r1 up0 -- down0 r2 up0 -- down0 r3 up0 -- down0 far
 *
 * Between gateway and r1 stand, where asked for, a second NAT and the user-space link; r2b stands
 * beside r2. Routers send everything towards the far side except what belongs to the WAN.
 */
#include <string.h>

#include "diag/lab/inside.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))
#define WAN "203.0.113.0/30" /* the site's public address, 203.0.113.2 */

/* clang-format off */
static const struct {
	const char *name;
	unsigned need; /* bits of enum lab_shape */
	bool forwards;
	const char *masquerade; /* interface behind which it hides others */
} nodes[LAB_NODE_COUNT] = {
	[LAB_DEVICE] = { "device", 0, false, NULL },
	[LAB_GATEWAY] = { "gateway", 0, true, "wan0" },
	[LAB_NAT2] = { "nat2", LAB_DOUBLE_NAT, true, "wan0" },
	[LAB_R1] = { "r1", 0, true, NULL },
	[LAB_R2] = { "r2", 0, true, NULL },
	[LAB_R2B] = { "r2b", LAB_BALANCED, true, NULL },
	[LAB_R3] = { "r3", 0, true, NULL },
	[LAB_FAR] = { "far", 0, false, NULL },
	[LAB_LINK] = { "link", LAB_RELAY, false, NULL },
};

/* A link stands when all bits of need and none of not are in the shape. */
static const struct topo_link {
	unsigned need, not;
	enum lab_node a, b;
	const char *a_if, *a_addr, *b_if, *b_addr;
} links[] = {
	{ 0, LAB_ON_GATEWAY, LAB_DEVICE, LAB_GATEWAY, "eth0", "192.168.77.10/24", "lan0",
	  "192.168.77.1/24" },
	{ LAB_ON_GATEWAY, 0, LAB_DEVICE, LAB_GATEWAY, "eth0", "192.168.77.10/24", "lan0", NULL },
	{ 0, LAB_DOUBLE_NAT | LAB_RELAY, LAB_GATEWAY, LAB_R1, "wan0", "203.0.113.2/30", "down0",
	  "203.0.113.1/30" },
	{ LAB_DOUBLE_NAT, LAB_RELAY, LAB_GATEWAY, LAB_NAT2, "wan0", "100.64.0.2/30", "lan0",
	  "100.64.0.1/30" },
	{ LAB_DOUBLE_NAT, 0, LAB_NAT2, LAB_R1, "wan0", "203.0.113.2/30", "down0", "203.0.113.1/30" },
	{ LAB_RELAY, LAB_DOUBLE_NAT, LAB_GATEWAY, LAB_LINK, "wan0", "203.0.113.2/30", LAB_LINK_NEAR,
	  NULL },
	{ LAB_RELAY, LAB_DOUBLE_NAT, LAB_LINK, LAB_R1, LAB_LINK_AWAY, NULL, "down0",
	  "203.0.113.1/30" },
	{ LAB_RELAY | LAB_DOUBLE_NAT, 0, LAB_GATEWAY, LAB_LINK, "wan0", "100.64.0.2/30",
	  LAB_LINK_NEAR, NULL },
	{ LAB_RELAY | LAB_DOUBLE_NAT, 0, LAB_LINK, LAB_NAT2, LAB_LINK_AWAY, NULL, "lan0",
	  "100.64.0.1/30" },
	{ 0, 0, LAB_R1, LAB_R2, "up0", "203.0.113.5/30", "down0", "203.0.113.6/30" },
	{ 0, 0, LAB_R2, LAB_R3, "up0", "203.0.113.9/30", "down0", "203.0.113.10/30" },
	{ LAB_BALANCED, 0, LAB_R1, LAB_R2B, "up1", "203.0.113.17/30", "down0", "203.0.113.18/30" },
	{ LAB_BALANCED, 0, LAB_R2B, LAB_R3, "up0", "203.0.113.21/30", "down1", "203.0.113.22/30" },
	{ 0, 0, LAB_R3, LAB_FAR, "up0", "203.0.113.13/30", "down0", "203.0.113.14/30" },
	{ LAB_UPLINK2, 0, LAB_DEVICE, LAB_R1, "eth1", "203.0.113.26/30", "down1", "203.0.113.25/30" },
};

/* Lines for `ip`, after addresses are up. */
static const struct {
	unsigned need, not;
	enum lab_node node;
	const char *line;
} lines[] = {
	{ 0, 0, LAB_DEVICE, "route add default via 192.168.77.1" },
	{ LAB_ON_GATEWAY, 0, LAB_GATEWAY, "link add " LAB_BRIDGE " type bridge" },
	{ LAB_ON_GATEWAY, 0, LAB_GATEWAY, "addr add 192.168.77.1/24 dev " LAB_BRIDGE },
	{ LAB_ON_GATEWAY, 0, LAB_GATEWAY, "link set lan0 master " LAB_BRIDGE },
	{ LAB_ON_GATEWAY, 0, LAB_GATEWAY, "link set " LAB_BRIDGE " up" },
	{ 0, LAB_DOUBLE_NAT, LAB_GATEWAY, "route add default via 203.0.113.1" },
	{ LAB_DOUBLE_NAT, 0, LAB_GATEWAY, "route add default via 100.64.0.1" },
	{ LAB_DOUBLE_NAT, 0, LAB_NAT2, "route add default via 203.0.113.1" },
	{ 0, LAB_BALANCED, LAB_R1, "route add default via 203.0.113.6" },
	{ LAB_BALANCED, 0, LAB_R1,
	  "route add default nexthop via 203.0.113.6 nexthop via 203.0.113.18" },
	{ 0, 0, LAB_R2, "route add default via 203.0.113.10" },
	{ 0, 0, LAB_R2, "route add " WAN " via 203.0.113.5" },
	{ LAB_BALANCED, 0, LAB_R2B, "route add default via 203.0.113.22" },
	{ LAB_BALANCED, 0, LAB_R2B, "route add " WAN " via 203.0.113.17" },
	{ 0, 0, LAB_R3, "route add default via 203.0.113.14" },
	{ 0, 0, LAB_R3, "route add " WAN " via 203.0.113.9" },
	{ 0, 0, LAB_FAR, "route add default via 203.0.113.13" },
	{ LAB_UPLINK2, 0, LAB_R2, "route add 203.0.113.24/30 via 203.0.113.5" },
	{ LAB_UPLINK2, 0, LAB_R3, "route add 203.0.113.24/30 via 203.0.113.9" },
	/* what goes into one end comes out of the other; see tunnel.c */
	{ LAB_VPN, 0, LAB_DEVICE, "tuntap add dev " LAB_TUNNEL " mode tun" },
	{ LAB_VPN, 0, LAB_DEVICE, "addr add 10.8.0.2/24 dev " LAB_TUNNEL },
	{ LAB_VPN, 0, LAB_DEVICE, "link set " LAB_TUNNEL " up" },
	{ LAB_VPN, 0, LAB_FAR, "tuntap add dev " LAB_TUNNEL " mode tun" },
	{ LAB_VPN, 0, LAB_FAR, "addr add 10.8.0.1/24 dev " LAB_TUNNEL },
	{ LAB_VPN, 0, LAB_FAR, "link set " LAB_TUNNEL " up" },
	/* every server address; see lab_world_init() */
	{ 0, 0, LAB_FAR, "addr add 198.51.100.10/32 dev lo" },
	{ 0, 0, LAB_FAR, "addr add 198.51.100.11/32 dev lo" },
	{ 0, 0, LAB_FAR, "addr add 198.51.100.20/32 dev lo" },
	{ 0, 0, LAB_FAR, "addr add 198.51.100.30/32 dev lo" },
	{ 0, 0, LAB_FAR, "addr add 198.51.100.40/32 dev lo" },
	{ 0, 0, LAB_FAR, "addr add 198.51.100.41/32 dev lo" },
	{ 0, 0, LAB_FAR, "addr add 198.51.100.50/32 dev lo" },
	{ 0, 0, LAB_FAR, "addr add 203.0.113.66/32 dev lo" },
	{ 0, 0, LAB_FAR, "addr add 9.9.9.9/32 dev lo" },
	{ 0, 0, LAB_FAR, "addr add 1.1.1.1/32 dev lo" },
};
/* clang-format on */

static bool stands(unsigned need, unsigned not, unsigned shape)
{
	return (need & ~shape) == 0 && (not &shape) == 0;
}

const char *lab_node_name(enum lab_node n)
{
	return nodes[n].name;
}

bool lab_node_exists(enum lab_node n, unsigned shape)
{
	return stands(nodes[n].need, 0, shape);
}

/* The two ends get interface numbers that differ: the kernel takes its time (up to a second) to
 * report a carrier where an interface and its peer have the same one (linkwatch_urgent_event). */
const char *lab_links_text(struct arena *a, unsigned shape, const int fds[LAB_NODE_COUNT])
{
	const char *text = "";
	for (size_t i = 0; i < COUNT(links); i++)
		if (stands(links[i].need, links[i].not, shape))
			text = arena_printf(
				a,
				"%slink add name %s index %zu netns /proc/self/fd/%d type veth "
				"peer name %s index %zu netns /proc/self/fd/%d\n",
				text, links[i].a_if, 10 + 2 * i, fds[links[i].a], links[i].b_if,
				11 + 2 * i, fds[links[i].b]);
	return text;
}

static const char *end_text(struct arena *a, const char *text, const char *ifname, const char *addr)
{
	if (addr)
		text = arena_printf(a, "%saddr add %s dev %s\n", text, addr, ifname);
	return arena_printf(a, "%slink set %s up\n", text, ifname);
}

const char *lab_node_text(struct arena *a, const struct lab_order *o, enum lab_node n)
{
	const char *text = "link set lo up\n";
	for (size_t i = 0; i < COUNT(links); i++) {
		const struct topo_link *l = &links[i];
		if (!stands(l->need, l->not, o->shape))
			continue;
		if (l->a == n)
			text = end_text(a, text, l->a_if, l->a_addr);
		if (l->b == n)
			text = end_text(a, text, l->b_if, l->b_addr);
	}
	for (size_t i = 0; i < COUNT(lines); i++)
		if (lines[i].node == n && stands(lines[i].need, lines[i].not, o->shape))
			text = arena_printf(a, "%s%s\n", text, lines[i].line);
	const char *changes = lab_order_changes(a, o, n, LAB_IP);
	return changes ? arena_printf(a, "%s%s", text, changes) : text;
}

/* The values a namespace starts with may come from the host, so each that matters is written. */
const char *lab_sysctl_text(struct arena *a, const struct lab_order *o, enum lab_node n)
{
	const char *changes = lab_order_changes(a, o, n, LAB_SYSCTL);
	return arena_printf(a,
			    "net/ipv4/ip_forward=%d\n"
			    "net/ipv4/conf/all/rp_filter=0\n"
			    "net/ipv4/conf/default/rp_filter=0\n"
			    "net/ipv6/conf/all/disable_ipv6=1\n"
			    "net/ipv6/conf/default/disable_ipv6=1\n"
			    "%s%s",
			    nodes[n].forwards ? 1 : 0,
			    n == LAB_R1 && o->shape & LAB_BALANCED
				    ? "net/ipv4/fib_multipath_hash_policy=1\n" /* by ports too */
				    : "",
			    changes ? changes : "");
}

const char *lab_rules_text(struct arena *a, const struct lab_order *o, const struct lab_world *w,
			   enum lab_node n)
{
	static const struct {
		enum lab_change_kind kind;
		const char *head; /* of a base chain, nft(8) */
	} chains[] = {
		{LAB_ENTRY, "chain entry { type filter hook prerouting priority -150;"},
		{LAB_PREROUTING, "chain pre { type nat hook prerouting priority -100;"},
		{LAB_INPUT, "chain in { type filter hook input priority 0;"},
		{LAB_FORWARD, "chain forw { type filter hook forward priority 0;"},
		{LAB_OUTPUT, "chain out { type filter hook output priority 0;"},
	};
	const char *body = "";
	for (size_t i = 0; i < COUNT(chains); i++) {
		const char *rules = lab_order_changes(a, o, n, chains[i].kind);
		if (rules)
			body = arena_printf(a, "%s%s\n%s}\n", body, chains[i].head, rules);
	}
	if (nodes[n].masquerade)
		body = arena_printf(a,
				    "%schain post { type nat hook postrouting priority 100;\n"
				    "oifname \"%s\" masquerade\n}\n",
				    body, nodes[n].masquerade);
	if (!*body)
		return NULL;
	char forged[ADDR_STRLEN], cloud[ADDR_STRLEN];
	return arena_printf(
		a,
		"define UDP = %u\ndefine TCP = %u\ndefine NTP = %u\ndefine FORGED = %s\n"
		"define CLOUD = %s\ntable ip lab {\n%s}\n",
		lab_world_port(w, "dtls-device", 5684), lab_world_port(w, "tcp-greeting", 5683),
		lab_world_port(w, "ntp", 123), addr_format(&w->forged, forged),
		addr_format(&w->cloud_udp, cloud), body);
}
