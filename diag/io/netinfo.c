/* This host's links, addresses, routes and neighbours through libnl; the only file that knows it. */
#include "diag/io/netinfo_dump.h"

#include <errno.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <linux/ethtool.h>
#include <linux/neighbour.h>
#include <linux/sockios.h>
#include <netlink/cache.h>
#include <netlink/netlink.h>
#include <netlink/route/addr.h>
#include <netlink/route/link.h>
#include <netlink/route/neighbour.h>
#include <netlink/route/nexthop.h>
#include <netlink/route/route.h>

#include "diag/io/hostenv.h"
#include "sallyport/netinfo_wifi.h"
#include "sallyport/text.h"

const char *const neigh_state_names[] = {
	[NEIGH_NONE] = "none",           [NEIGH_INCOMPLETE] = "incomplete",
	[NEIGH_REACHABLE] = "reachable", [NEIGH_STALE] = "stale",
	[NEIGH_PROBING] = "probing",     [NEIGH_FAILED] = "failed",
};

static bool sys_exists(const char *ifname, const char *leaf)
{
	char path[128];
	snprintf(path, sizeof(path), "/sys/class/net/%s/%s", ifname, leaf);
	return access(path, F_OK) == 0;
}

static const char *medium_of(const struct netinfo_dump *d, struct rtnl_link *link, const char *ifname)
{
	const char *type = rtnl_link_get_type(link);
	enum link_role role = netinfo_role(d, link);
	if (role == LINK_LOOPBACK || role == LINK_TUNNEL)
		return role == LINK_TUNNEL ? "tunnel" : "loopback";
	if (type && strcmp(type, "bridge") == 0)
		return "bridge";
	if (type && strcmp(type, "ppp") == 0)
		return "ppp";
	if (!type && (sys_exists(ifname, "wireless") || sys_exists(ifname, "phy80211")))
		return "wifi";
	return rtnl_link_get_arptype(link) == 1 ? "ethernet" : "other"; /* 1: ARPHRD_ETHER */
}

static struct addr addr_from_nl(const struct nl_addr *nl)
{
	struct addr a = { 0 };
	if (!nl || (nl_addr_get_len(nl) != 4 && nl_addr_get_len(nl) != 16))
		return a;
	a.family = nl_addr_get_len(nl) == 4 ? 4 : 6;
	memcpy(a.b, nl_addr_get_binary_addr(nl), nl_addr_get_len(nl));
	return a;
}

static void close_dump(struct netinfo_dump *d)
{
	nl_cache_free(d->links);
	nl_cache_free(d->addrs);
	nl_cache_free(d->routes);
	nl_socket_free(d->sk);
}

/* A dump that changed under way is asked again a few times. */
static int alloc(int (*fn)(struct nl_sock *, struct nl_cache **), struct nl_sock *sk,
		 struct nl_cache **out)
{
	int e = 0;
	for (unsigned i = 0; i < 3; i++) {
		e = fn(sk, out);
		if (e != -NLE_DUMP_INTR)
			break;
	}
	return e < 0 ? SP_E_LIBRARY : 0;
}

static int links_alloc(struct nl_sock *sk, struct nl_cache **out)
{
	return rtnl_link_alloc_cache(sk, AF_UNSPEC, out);
}

static int routes_alloc(struct nl_sock *sk, struct nl_cache **out)
{
	return rtnl_route_alloc_cache(sk, AF_UNSPEC, 0, out);
}

static int open_dump(struct netinfo_dump *d)
{
	memset(d, 0, sizeof(*d));
	d->sk = nl_socket_alloc();
	if (!d->sk || nl_connect(d->sk, NETLINK_ROUTE) < 0) {
		nl_socket_free(d->sk);
		return SP_E_LIBRARY;
	}
	int e = alloc(links_alloc, d->sk, &d->links);
	e = e ? e : alloc(rtnl_addr_alloc_cache, d->sk, &d->addrs);
	e = e ? e : alloc(routes_alloc, d->sk, &d->routes);
	if (e)
		close_dump(d);
	return e;
}

static unsigned prefix_of(struct rtnl_route *route)
{
	struct nl_addr *dst = rtnl_route_get_dst(route);
	return dst ? nl_addr_get_prefixlen(dst) : 0;
}

static uint8_t family_of(struct rtnl_route *route)
{
	return rtnl_route_get_family(route) == AF_INET6 ? 6 : 4;
}

static void add_default(struct netinfo_dump *d, struct rtnl_route *route, struct rtnl_nexthop *nh)
{
	struct rtnl_link *link = rtnl_link_get(d->links, rtnl_route_nh_get_ifindex(nh));
	if (!link)
		return;
	struct default_route *r = &d->defaults[d->n_defaults++];
	r->ifindex = (unsigned)rtnl_route_nh_get_ifindex(nh);
	text_copy(r->ifname, sizeof(r->ifname), rtnl_link_get_name(link));
	r->gateway = addr_from_nl(rtnl_route_nh_get_gateway(nh));
	r->family = family_of(route);
	r->metric = rtnl_route_get_priority(route);
	r->role = netinfo_role(d, link);
	rtnl_link_put(link);
}

/* One route may share the traffic among several links. */
static void find_defaults(struct netinfo_dump *d)
{
	for (struct nl_object *o = nl_cache_get_first(d->routes); o; o = nl_cache_get_next(o)) {
		struct rtnl_route *route = (struct rtnl_route *)o;
		if (prefix_of(route) || rtnl_route_get_type(route) != RTN_UNICAST ||
		    rtnl_route_get_table(route) != RT_TABLE_MAIN)
			continue;
		for (int i = 0; i < rtnl_route_get_nnexthops(route); i++)
			if (d->n_defaults < NETINFO_MAX_DEFAULTS)
				add_default(d, route, rtnl_route_nexthop_n(route, i));
	}
}

/* A way out by a link that is no default route of the main table: two halves, as VPNs set them
 * (0.0.0.0/1 and 128.0.0.0/1), or a default route of a table that rules lead to. */
static bool other_way_out(const struct netinfo_dump *d, unsigned ifindex, uint8_t family,
			  struct addr *gateway)
{
	unsigned halves = 0;
	for (struct nl_object *o = nl_cache_get_first(d->routes); o; o = nl_cache_get_next(o)) {
		struct rtnl_route *route = (struct rtnl_route *)o;
		struct rtnl_nexthop *nh = rtnl_route_nexthop_n(route, 0);
		if (!nh || (unsigned)rtnl_route_nh_get_ifindex(nh) != ifindex ||
		    family_of(route) != family || rtnl_route_get_type(route) != RTN_UNICAST ||
		    prefix_of(route) > 1)
			continue;
		struct addr dst = addr_from_nl(rtnl_route_get_dst(route));
		halves |= prefix_of(route) == 0 ? 3U : dst.b[0] & 0x80 ? 2U : 1U;
		*gateway = addr_from_nl(rtnl_route_nh_get_gateway(nh));
	}
	return halves == 3;
}

/* A device before what is made of software, a tunnel or guests' bridge last; then IPv4 before IPv6,
 * then the lowest metric. */
static bool better(const struct default_route *a, const struct default_route *b)
{
	if (a->role != b->role)
		return a->role < b->role;
	if (a->family != b->family)
		return a->family == 4;
	return a->metric < b->metric;
}

/* How well a link without a default route would do as the uplink; a VPN may have taken the route
 * that it had. */
static unsigned rank_of(const struct netinfo_dump *d, struct rtnl_link *link)
{
	enum link_role role = netinfo_role(d, link);
	unsigned rank = 1 + 8 * (LINK_LOOPBACK - role);
	struct netinfo_address a;
	if (role == LINK_LOOPBACK)
		return 0;
	for (void *at = NULL; netinfo_next_address(d, &at, &a);)
		if (a.ifindex == (unsigned)rtnl_link_get_ifindex(link) && a.addr.family == 4)
			rank |= 4;
	return rank + (rtnl_link_get_flags(link) & IFF_UP ? 1 : 0) + (netinfo_link_up(link) ? 1 : 0);
}

static unsigned best_link(const struct netinfo_dump *d)
{
	unsigned best = 0, best_rank = 0;
	for (struct nl_object *o = nl_cache_get_first(d->links); o; o = nl_cache_get_next(o)) {
		unsigned rank = rank_of(d, (struct rtnl_link *)o);
		if (rank > best_rank) {
			best_rank = rank;
			best = (unsigned)rtnl_link_get_ifindex((struct rtnl_link *)o);
		}
	}
	return best;
}

static bool is_usable(const struct netinfo_dump *d, unsigned ifindex)
{
	struct rtnl_link *link = rtnl_link_get(d->links, (int)ifindex);
	bool usable = link && netinfo_role(d, link) <= LINK_VIRTUAL && netinfo_link_up(link) &&
		      (rank_of(d, link) & 4);
	rtnl_link_put(link);
	return usable;
}

static unsigned choose_uplink(const struct netinfo_dump *d)
{
	const struct default_route *best = NULL;
	for (size_t i = 0; i < d->n_defaults; i++)
		if (!best || better(&d->defaults[i], best))
			best = &d->defaults[i];
	unsigned link = best_link(d);
	if (!best || (best->role > LINK_VIRTUAL && is_usable(d, link)))
		return link;
	return best->ifindex;
}

/* A link whose address is not the one it was made with; software links have none of their own. */
static bool mac_differs(const char *ifname, const struct mac *mac)
{
	static const struct mac none;
	union { /* the address follows the head */
		struct ethtool_perm_addr head;
		uint8_t room[sizeof(struct ethtool_perm_addr) + 32];
	} perm = { .head = { .cmd = ETHTOOL_GPERMADDR, .size = 32 } };
	const uint8_t *permanent = perm.room + sizeof(perm.head);
	struct ifreq r = { .ifr_data = (void *)&perm };
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	text_copy(r.ifr_name, sizeof(r.ifr_name), ifname);
	bool known = fd >= 0 && ioctl(fd, SIOCETHTOOL, &r) == 0 && perm.head.size == sizeof(none.b) &&
		     memcmp(permanent, none.b, sizeof(none.b)) != 0;
	if (fd >= 0)
		close(fd);
	return known && mac_is_local(mac) && memcmp(permanent, mac->b, sizeof(mac->b)) != 0;
}

static void fill_link(const struct netinfo_dump *d, struct host_facts *h)
{
	struct rtnl_link *link = rtnl_link_get(d->links, (int)h->ifindex);
	if (!link)
		return;
	text_copy(h->ifname, sizeof(h->ifname), rtnl_link_get_name(link));
	text_copy(h->medium, sizeof(h->medium), medium_of(d, link, h->ifname));
	h->virtual_ = netinfo_role(d, link) != LINK_PHYSICAL;
	h->mtu = rtnl_link_get_mtu(link);
	h->carrier = rtnl_link_get_carrier(link);
	rtnl_link_operstate2str(rtnl_link_get_operstate(link), h->operstate, sizeof(h->operstate));
	/* The kernel updates operstate up to a second after the carrier: a carrier is the truth. */
	if (!(rtnl_link_get_flags(link) & IFF_UP))
		text_copy(h->operstate, sizeof(h->operstate), "down");
	else if (h->carrier && strcmp(h->operstate, "down") == 0)
		text_copy(h->operstate, sizeof(h->operstate), "unknown");
	struct nl_addr *mac = rtnl_link_get_addr(link);
	if (mac && nl_addr_get_len(mac) == sizeof(h->mac.b))
		memcpy(h->mac.b, nl_addr_get_binary_addr(mac), sizeof(h->mac.b));
	h->mac_randomised = mac_differs(h->ifname, &h->mac);
	rtnl_link_put(link);
}

bool netinfo_next_address(const struct netinfo_dump *d, void **at, struct netinfo_address *out)
{
	struct nl_object *o = *at ? nl_cache_get_next(*at) : nl_cache_get_first(d->addrs);
	*at = o;
	if (!o)
		return false;
	struct rtnl_addr *a = (struct rtnl_addr *)o;
	*out = (struct netinfo_address){ .ifindex = (unsigned)rtnl_addr_get_ifindex(a),
					 .prefix = (unsigned)rtnl_addr_get_prefixlen(a),
					 .addr = addr_from_nl(rtnl_addr_get_local(a)) };
	return true;
}

bool netinfo_has_default(const struct netinfo_dump *d, unsigned ifindex, uint8_t family)
{
	for (size_t i = 0; i < d->n_defaults; i++)
		if (d->defaults[i].ifindex == ifindex && d->defaults[i].family == family)
			return true;
	return false;
}

static void fill_addrs(const struct netinfo_dump *d, struct host_facts *h)
{
	struct netinfo_address a;
	for (void *at = NULL; netinfo_next_address(d, &at, &a) && h->n_addrs < HOST_MAX_ADDRS;)
		if (a.ifindex == h->ifindex)
			h->addrs[h->n_addrs++] = (struct host_addr){ a.addr, a.prefix };
}

static void fill_routes(const struct netinfo_dump *d, struct host_facts *h)
{
	for (size_t i = 0; i < d->n_defaults; i++) {
		const struct default_route *r = &d->defaults[i];
		if (r->ifindex == h->ifindex) {
			bool *have = r->family == 4 ? &h->route4 : &h->route6;
			if (!*have)
				*(r->family == 4 ? &h->gateway4 : &h->gateway6) = r->gateway;
			*have = true;
		} else if (h->n_others < HOST_MAX_ROUTES) {
			struct host_route *o = &h->others[h->n_others++];
			text_copy(o->ifname, sizeof(o->ifname), r->ifname);
			o->gateway = r->gateway;
			o->metric = r->metric;
		}
	}
	if (!h->route4)
		h->route4 = other_way_out(d, h->ifindex, 4, &h->gateway4);
	if (!h->route6)
		h->route6 = other_way_out(d, h->ifindex, 6, &h->gateway6);
}

int netinfo_read(const char *interface, struct host_facts *out, struct sp_error *err)
{
	struct host_facts h = { 0 };
	struct netinfo_dump d;
	int e = open_dump(&d);
	if (e)
		return sp_error_set(err, e, "the kernel's network tables cannot be read (netlink)");
	find_defaults(&d);
	if (interface && *interface) {
		struct rtnl_link *link = rtnl_link_get_by_name(d.links, interface);
		if (!link) {
			close_dump(&d);
			return sp_error_set(err, SP_E_MISSING, "no interface named '%s'", interface);
		}
		h.ifindex = (unsigned)rtnl_link_get_ifindex(link);
		rtnl_link_put(link);
	} else {
		h.ifindex = choose_uplink(&d);
	}
	fill_link(&d, &h);
	netinfo_wifi(&h);
	fill_addrs(&d, &h);
	fill_routes(&d, &h);
	netinfo_fill_roles(&d, &h);
	netinfo_fill_resolvers(&d, &h);
	close_dump(&d);
	hostenv_fill(&h);
	*out = h;
	return 0;
}

static enum neigh_state state_of(int nud)
{
	if (nud & (NUD_REACHABLE | NUD_PERMANENT | NUD_NOARP))
		return NEIGH_REACHABLE;
	if (nud & (NUD_DELAY | NUD_PROBE))
		return NEIGH_PROBING;
	if (nud & NUD_STALE)
		return NEIGH_STALE;
	if (nud & NUD_FAILED)
		return NEIGH_FAILED;
	return nud & NUD_INCOMPLETE ? NEIGH_INCOMPLETE : NEIGH_NONE;
}

static void read_neigh(struct rtnl_neigh *n, const struct addr *a, struct neigh *out)
{
	struct addr dst = addr_from_nl(rtnl_neigh_get_dst(n));
	enum neigh_state state = state_of(rtnl_neigh_get_state(n));
	if (!addr_equal(&dst, a)) {
		out->lan_peers += state == NEIGH_REACHABLE && dst.family == a->family &&
				  addr_kind(&dst) != ADDR_MULTICAST;
		return;
	}
	struct nl_addr *mac = rtnl_neigh_get_lladdr(n);
	out->state = state;
	if (mac && nl_addr_get_len(mac) == sizeof(out->mac.b))
		memcpy(out->mac.b, nl_addr_get_binary_addr(mac), sizeof(out->mac.b));
}

int netinfo_neigh(unsigned ifindex, const struct addr *a, struct neigh *out)
{
	struct nl_sock *sk = nl_socket_alloc();
	struct nl_cache *cache = NULL;
	struct neigh found = { 0 };
	int e = SP_E_LIBRARY;
	if (sk && nl_connect(sk, NETLINK_ROUTE) == 0)
		e = alloc(rtnl_neigh_alloc_cache, sk, &cache);
	for (struct nl_object *o = e ? NULL : nl_cache_get_first(cache); o; o = nl_cache_get_next(o))
		if ((unsigned)rtnl_neigh_get_ifindex((struct rtnl_neigh *)o) == ifindex)
			read_neigh((struct rtnl_neigh *)o, a, &found);
	nl_cache_free(cache);
	nl_socket_free(sk);
	if (!e)
		*out = found;
	return e;
}

struct addr host_source(const struct host_facts *h, uint8_t family)
{
	struct addr none = { 0 };
	const struct addr *best = &none;
	for (size_t i = 0; i < h->n_addrs; i++) {
		const struct addr *a = &h->addrs[i].addr;
		enum addr_kind k = addr_kind(a);
		if (a->family != family || k == ADDR_LOOPBACK)
			continue;
		if (!best->family || addr_kind(best) == ADDR_LINK_LOCAL)
			best = a;
	}
	return *best;
}
