#include "netinfo_client.h"

#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <linux/if_arp.h>
#include <linux/if_link.h>
#include <linux/neighbour.h>
#include <linux/rtnetlink.h>
#include <netlink/netlink.h>
#include <netlink/route/addr.h>
#include <netlink/route/link.h>
#include <netlink/route/link/bridge.h>
#include <netlink/route/link/inet6.h>
#include <netlink/route/link/macvlan.h>
#include <netlink/route/link/veth.h>
#include <netlink/route/neighbour.h>
#include <netlink/route/nexthop.h>
#include <netlink/route/route.h>

#include "sallyport/arena.h"
#include "sallyport/text.h"

enum {
	BRIDGE_FORWARDING = 3, /* linux/if_bridge.h, BR_STATE_FORWARDING */
	LOOPBACK_IFINDEX = 1,  /* in every namespace */
	/* Plus the pid: a number that nobody else has. The kernel takes its time (up to a second) to
	 * report a carrier where an interface and its peer or lower one have the same number. */
	FIRST_IFINDEX = 1 << 24,
};

struct client_link {
	struct nl_sock *host, *own; /* netlink of either namespace */
	char name[IFNAMSIZ];
	int ifindex;          /* of the bridge or interface */
	int outer_ifindex;    /* 0: not made, or a macvlan */
	int inner_ifindex;    /* 0: not made */
	bool bridge;
	unsigned mtu;
};

static struct nl_sock *open_netlink(void)
{
	struct nl_sock *sk = nl_socket_alloc();
	if (sk && nl_connect(sk, NETLINK_ROUTE) == 0)
		return sk;
	nl_socket_free(sk);
	return NULL;
}

static int fail(struct sp_error *err, int nl, const char *what)
{
	if (nl == -NLE_PERM)
		return sp_error_set(err, SP_E_DENIED, "%s: not permitted (needs CAP_NET_ADMIN)", what);
	return sp_error_set(err, SP_E_LIBRARY, "%s: %s", what, nl_geterror(nl));
}

/* ---- finding ---------------------------------------------------------------------------------- */

static bool has_ports(struct nl_sock *sk, int bridge)
{
	struct nl_cache *all;
	bool found = false;
	if (rtnl_link_alloc_cache(sk, AF_UNSPEC, &all))
		return false;
	for (struct nl_object *o = nl_cache_get_first(all); o; o = nl_cache_get_next(o))
		found |= rtnl_link_get_master((struct rtnl_link *)o) == bridge;
	nl_cache_free(all);
	return found;
}

static bool is_wifi(const char *ifname)
{
	char path[64];
	snprintf(path, sizeof(path), "/sys/class/net/%s/phy80211", ifname);
	return access(path, F_OK) == 0;
}

/* What stands in the way of a client there; NULL when nothing does. */
static const char *obstacle(struct client_link *l, struct rtnl_link *link)
{
	if (!(rtnl_link_get_flags(link) & IFF_UP))
		return "is switched off";
	if (l->bridge && !has_ports(l->host, l->ifindex)) /* ours would give it carrier and MAC */
		return "is a bridge without ports: there is no LAN on it";
	if (l->bridge)
		return NULL;
	if (rtnl_link_get_flags(link) & IFF_LOOPBACK || rtnl_link_get_arptype(link) != ARPHRD_ETHER)
		return "carries no Ethernet, so no client can be put there";
	if (rtnl_link_get_master(link))
		return "belongs to a bridge or bond: name that one";
	if (is_wifi(l->name))
		return "is Wi-Fi, where an access point takes frames from the station's own MAC alone: "
		       "name a bridge or a wired interface";
	return NULL;
}

int client_link_find(const char *name, struct client_link **out, struct sp_error *err)
{
	struct rtnl_link *link = NULL;
	struct client_link *l = xcalloc(1, sizeof(*l));
	l->host = open_netlink();
	text_copy(l->name, sizeof(l->name), name);
	if (!l->host || rtnl_link_get_kernel(l->host, 0, name, &link) < 0) {
		client_link_close(l);
		return sp_error_set(err, SP_E_MISSING, "no interface named '%s'", name);
	}
	const char *type = rtnl_link_get_type(link);
	l->ifindex = rtnl_link_get_ifindex(link);
	l->bridge = type && strcmp(type, "bridge") == 0;
	l->mtu = rtnl_link_get_mtu(link);
	const char *why = obstacle(l, link);
	rtnl_link_put(link);
	if (!why) {
		*out = l;
		return 0;
	}
	client_link_close(l);
	return sp_error_set(err, SP_E_MISSING, "%s %s", name, why);
}

bool client_link_on_bridge(const struct client_link *l)
{
	return l->bridge;
}

/* ---- making ----------------------------------------------------------------------------------- */

static void set_mac(struct rtnl_link *link, const struct mac *mac)
{
	struct nl_addr *a = nl_addr_build(AF_LLC, mac->b, sizeof(mac->b));
	rtnl_link_set_addr(link, a);
	nl_addr_put(a);
}

static void describe_inner(struct rtnl_link *link, int ns, const struct mac *mac)
{
	rtnl_link_set_name(link, AS_CLIENT_IFNAME);
	rtnl_link_set_ns_fd(link, ns);
	set_mac(link, mac);
}

static int switch_on(struct nl_sock *sk, int ifindex)
{
	struct rtnl_link *change = rtnl_link_alloc();
	rtnl_link_set_ifindex(change, ifindex);
	rtnl_link_set_flags(change, IFF_UP);
	int e = rtnl_link_change(sk, change, change, 0);
	rtnl_link_put(change);
	return e;
}

/* The kernel would give the port an IPv6 address of the host, and speak from it to the client. */
static void silence_ipv6(struct nl_sock *sk, int ifindex)
{
	struct rtnl_link *change = rtnl_link_alloc();
	rtnl_link_set_ifindex(change, ifindex);
	if (rtnl_link_inet6_set_addr_gen_mode(change, IN6_ADDR_GEN_MODE_NONE) == 0)
		(void)rtnl_link_change(sk, change, change, 0); /* a kernel without IPv6 has none */
	rtnl_link_put(change);
}

/* A bridge takes the lowest MAC of its ports for its own, and the lowest MTU: the port gets the
 * highest MAC there is among local ones, and the bridge's MTU. */
static int make_veth(struct client_link *l, int ns, const struct mac *mac)
{
	struct rtnl_link *outer = rtnl_link_veth_alloc();
	struct rtnl_link *inner = outer ? rtnl_link_veth_get_peer(outer) : NULL;
	struct mac high = { { 0xfe, 0xff, 0xff, mac->b[3], mac->b[4], mac->b[5] } };
	char name[IFNAMSIZ];
	int ifindex = FIRST_IFINDEX + (int)getpid();
	if (!inner)
		return -NLE_NOMEM;
	snprintf(name, sizeof(name), "spc%d", (int)getpid());
	rtnl_link_set_name(outer, name);
	rtnl_link_set_ifindex(outer, ifindex);
	rtnl_link_set_master(outer, l->ifindex);
	rtnl_link_set_mtu(outer, l->mtu);
	set_mac(outer, &high);
	describe_inner(inner, ns, mac);
	rtnl_link_set_mtu(inner, l->mtu);
	int e = rtnl_link_add(l->host, outer, NLM_F_CREATE | NLM_F_EXCL);
	rtnl_link_put(inner);
	rtnl_link_put(outer);
	if (e)
		return e;
	l->outer_ifindex = ifindex;
	silence_ipv6(l->host, l->outer_ifindex);
	return switch_on(l->host, l->outer_ifindex);
}

static int make_macvlan(struct client_link *l, int ns, const struct mac *mac)
{
	struct rtnl_link *link = rtnl_link_macvlan_alloc();
	if (!link)
		return -NLE_NOMEM;
	describe_inner(link, ns, mac);
	rtnl_link_set_ifindex(link, FIRST_IFINDEX + (int)getpid());
	rtnl_link_set_link(link, l->ifindex);
	rtnl_link_macvlan_set_mode(link, MACVLAN_MODE_BRIDGE);
	int e = rtnl_link_add(l->host, link, NLM_F_CREATE | NLM_F_EXCL);
	rtnl_link_put(link);
	return e;
}

static int find_inner(struct client_link *l)
{
	struct rtnl_link *inner;
	int e = rtnl_link_get_kernel(l->own, 0, AS_CLIENT_IFNAME, &inner);
	if (e)
		return e;
	l->inner_ifindex = rtnl_link_get_ifindex(inner);
	rtnl_link_put(inner);
	return 0;
}

int client_link_make(struct client_link *l, const struct mac *mac, struct sp_error *err)
{
	char what[64];
	int ns = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
	l->own = open_netlink();
	if (ns < 0 || !l->own)
		return sp_error_set(err, SP_E_LIBRARY, "the new namespace cannot be reached");
	int e = l->bridge ? make_veth(l, ns, mac) : make_macvlan(l, ns, mac);
	close(ns);
	if (!e)
		e = find_inner(l);
	if (!e)
		e = switch_on(l->own, l->inner_ifindex);
	if (!e)
		e = switch_on(l->own, LOOPBACK_IFINDEX);
	snprintf(what, sizeof(what), "no client on %s", l->name);
	return e ? fail(err, e, what) : 0;
}

/* ---- watching --------------------------------------------------------------------------------- */

/* With spanning tree a new port listens and learns for some 30 s before it forwards. */
static bool port_forwards(const struct client_link *l)
{
	struct nl_cache *ports;
	if (rtnl_link_alloc_cache(l->host, AF_BRIDGE, &ports))
		return false;
	struct rtnl_link *port = rtnl_link_get(ports, l->outer_ifindex);
	bool forwards = port && rtnl_link_bridge_get_port_state(port) == BRIDGE_FORWARDING;
	if (port)
		rtnl_link_put(port);
	nl_cache_free(ports);
	return forwards;
}

bool client_link_passes(struct client_link *l)
{
	struct rtnl_link *inner = NULL;
	if (rtnl_link_get_kernel(l->own, l->inner_ifindex, NULL, &inner))
		return false;
	bool carrier = rtnl_link_get_carrier(inner) && rtnl_link_get_operstate(inner) == IF_OPER_UP;
	rtnl_link_put(inner);
	return carrier && (!l->bridge || port_forwards(l));
}

unsigned client_link_ifindex(const struct client_link *l)
{
	return (unsigned)l->inner_ifindex;
}

bool client_link_intact(const struct client_link *l)
{
	struct rtnl_link *link = NULL;
	bool outer = l->outer_ifindex != 0;
	if (rtnl_link_get_kernel(outer ? l->host : l->own, outer ? l->outer_ifindex : l->inner_ifindex,
				 NULL, &link))
		return false;
	bool there = !outer || rtnl_link_get_master(link) == l->ifindex;
	rtnl_link_put(link);
	return there;
}

/* ---- addresses -------------------------------------------------------------------------------- */

static struct nl_addr *nl_addr_of(const struct addr *a, unsigned prefix)
{
	struct nl_addr *nl = nl_addr_build(AF_INET, a->b, 4);
	if (nl)
		nl_addr_set_prefixlen(nl, (int)prefix);
	return nl;
}

/* NTF_USE makes the kernel resolve the neighbour; without an address of its own it asks from
 * 0.0.0.0, which is the probe of RFC 5227 section 2.1. */
int client_link_ask(struct client_link *l, const struct addr *a)
{
	struct rtnl_neigh *n = rtnl_neigh_alloc();
	struct nl_addr *dst = nl_addr_of(a, 32);
	rtnl_neigh_set_ifindex(n, l->inner_ifindex);
	rtnl_neigh_set_dst(n, dst);
	rtnl_neigh_set_state(n, NUD_NONE);
	rtnl_neigh_set_flags(n, NTF_USE);
	int e = rtnl_neigh_add(l->own, n, NLM_F_CREATE);
	nl_addr_put(dst);
	rtnl_neigh_put(n);
	return e ? SP_E_LIBRARY : 0;
}

static int add_address(struct client_link *l, const struct as_client_address *a)
{
	struct rtnl_addr *r = rtnl_addr_alloc();
	struct nl_addr *local = nl_addr_of(&a->address, a->prefix);
	rtnl_addr_set_ifindex(r, l->inner_ifindex);
	rtnl_addr_set_local(r, local);
	if (a->prefix < 31) { /* RFC 3021: shorter networks have no broadcast address */
		struct addr last = a->address;
		for (unsigned bit = a->prefix; bit < 32; bit++)
			last.b[bit / 8] |= (uint8_t)(0x80 >> bit % 8);
		struct nl_addr *broadcast = nl_addr_of(&last, 32);
		rtnl_addr_set_broadcast(r, broadcast);
		nl_addr_put(broadcast);
	}
	int e = rtnl_addr_add(l->own, r, 0);
	nl_addr_put(local);
	rtnl_addr_put(r);
	return e;
}

static int add_gateway(struct client_link *l, const struct as_client_address *a)
{
	static const struct addr everywhere = { .family = 4 };
	struct rtnl_route *r = rtnl_route_alloc();
	struct rtnl_nexthop *nh = rtnl_route_nh_alloc();
	struct nl_addr *dst = nl_addr_of(&everywhere, 0), *via = nl_addr_of(&a->gateway, 32);
	rtnl_route_set_family(r, AF_INET);
	rtnl_route_set_dst(r, dst);
	rtnl_route_nh_set_ifindex(nh, l->inner_ifindex);
	rtnl_route_nh_set_gateway(nh, via);
	if (!addr_in_prefix(&a->gateway, &a->address, a->prefix)) /* some sites hand out a /32 */
		rtnl_route_nh_set_flags(nh, RTNH_F_ONLINK);
	rtnl_route_add_nexthop(r, nh);
	int e = rtnl_route_add(l->own, r, 0);
	nl_addr_put(dst);
	nl_addr_put(via);
	rtnl_route_put(r);
	return e;
}

int client_link_configure(struct client_link *l, const struct as_client_address *a,
			  struct sp_error *err)
{
	int e = add_address(l, a);
	if (e)
		return fail(err, e, "the address cannot be set");
	e = a->gateway.family ? add_gateway(l, a) : 0;
	return e ? fail(err, e, "the default route cannot be set") : 0;
}

/* The kernel would do it too when the process ends, only later. */
static void remove_link(struct nl_sock *sk, int ifindex)
{
	struct rtnl_link *link = rtnl_link_alloc();
	rtnl_link_set_ifindex(link, ifindex);
	(void)rtnl_link_delete(sk, link);
	rtnl_link_put(link);
}

void client_link_close(struct client_link *l)
{
	if (!l)
		return;
	if (l->outer_ifindex)
		remove_link(l->host, l->outer_ifindex);
	else if (l->inner_ifindex)
		remove_link(l->own, l->inner_ifindex);
	nl_socket_free(l->own);
	nl_socket_free(l->host);
	free(l);
}
