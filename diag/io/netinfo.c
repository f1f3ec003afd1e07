/* This host's links, addresses, routes and neighbours through libnl; the only file that knows it. */
#include "sallyport/netinfo.h"

#include <errno.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <linux/neighbour.h>
#include <netlink/cache.h>
#include <netlink/netlink.h>
#include <netlink/route/addr.h>
#include <netlink/route/link.h>
#include <netlink/route/neighbour.h>
#include <netlink/route/nexthop.h>
#include <netlink/route/route.h>

#include "sallyport/text.h"

const char *const neigh_state_names[] = {
	[NEIGH_NONE] = "none",           [NEIGH_INCOMPLETE] = "incomplete",
	[NEIGH_REACHABLE] = "reachable", [NEIGH_STALE] = "stale",
	[NEIGH_PROBING] = "probing",     [NEIGH_FAILED] = "failed",
};

enum { MAX_DEFAULTS = 16 };

struct default_route {
	unsigned ifindex;
	char ifname[16];
	struct addr gateway;
	uint8_t family;
	uint32_t metric;
	bool is_virtual;
};

struct dump {
	struct nl_sock *sk;
	struct nl_cache *links, *addrs, *routes;
	struct default_route defaults[MAX_DEFAULTS];
	size_t n_defaults;
};

static bool sys_exists(const char *ifname, const char *leaf)
{
	char path[128];
	snprintf(path, sizeof(path), "/sys/class/net/%s/%s", ifname, leaf);
	return access(path, F_OK) == 0;
}

/* /sys may show another namespace's devices; the link type from netlink is asked first. */
static const char *medium_of(struct rtnl_link *link, const char *ifname)
{
	static const char *const tunnels[] = { "tun", "wireguard", "gre", "ipip", "sit", "vti", "ppp",
					       "xfrm", "ip6tnl" };
	const char *type = rtnl_link_get_type(link);
	if (rtnl_link_get_flags(link) & IFF_LOOPBACK)
		return "loopback";
	for (size_t i = 0; type && i < sizeof(tunnels) / sizeof(tunnels[0]); i++)
		if (strcmp(type, tunnels[i]) == 0)
			return "tunnel";
	if (type && strcmp(type, "bridge") == 0)
		return "bridge";
	if (!type && (sys_exists(ifname, "wireless") || sys_exists(ifname, "phy80211")))
		return "wifi";
	return rtnl_link_get_arptype(link) == 1 ? "ethernet" : "other"; /* 1: ARPHRD_ETHER */
}

static bool link_is_virtual(struct rtnl_link *link, const char *ifname)
{
	return rtnl_link_get_type(link) || !sys_exists(ifname, "device");
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

static void close_dump(struct dump *d)
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

static int open_dump(struct dump *d)
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

static void add_default(struct dump *d, struct rtnl_route *route)
{
	struct nl_addr *dst = rtnl_route_get_dst(route);
	struct rtnl_nexthop *nh = rtnl_route_nexthop_n(route, 0);
	uint8_t family = rtnl_route_get_family(route) == AF_INET6 ? 6 : 4;
	if (!nh || d->n_defaults == MAX_DEFAULTS || (dst && nl_addr_get_prefixlen(dst) != 0) ||
	    rtnl_route_get_type(route) != RTN_UNICAST || rtnl_route_get_table(route) != RT_TABLE_MAIN)
		return;
	struct rtnl_link *link = rtnl_link_get(d->links, rtnl_route_nh_get_ifindex(nh));
	if (!link)
		return;
	struct default_route *r = &d->defaults[d->n_defaults++];
	r->ifindex = (unsigned)rtnl_route_nh_get_ifindex(nh);
	text_copy(r->ifname, sizeof(r->ifname), rtnl_link_get_name(link));
	r->gateway = addr_from_nl(rtnl_route_nh_get_gateway(nh));
	r->family = family;
	r->metric = rtnl_route_get_priority(route);
	r->is_virtual = link_is_virtual(link, r->ifname);
	rtnl_link_put(link);
}

static void find_defaults(struct dump *d)
{
	for (struct nl_object *o = nl_cache_get_first(d->routes); o; o = nl_cache_get_next(o))
		add_default(d, (struct rtnl_route *)o);
}

/* Physical before virtual, then IPv4 before IPv6, then the lowest metric. */
static bool better(const struct default_route *a, const struct default_route *b)
{
	if (a->is_virtual != b->is_virtual)
		return !a->is_virtual;
	if (a->family != b->family)
		return a->family == 4;
	return a->metric < b->metric;
}

static unsigned choose_uplink(const struct dump *d)
{
	const struct default_route *best = NULL;
	for (size_t i = 0; i < d->n_defaults; i++)
		if (!best || better(&d->defaults[i], best))
			best = &d->defaults[i];
	if (best)
		return best->ifindex;
	unsigned any = 0;
	for (struct nl_object *o = nl_cache_get_first(d->links); o; o = nl_cache_get_next(o)) {
		struct rtnl_link *link = (struct rtnl_link *)o;
		unsigned flags = rtnl_link_get_flags(link);
		if (flags & IFF_LOOPBACK)
			continue;
		if (flags & IFF_UP)
			return (unsigned)rtnl_link_get_ifindex(link);
		if (!any)
			any = (unsigned)rtnl_link_get_ifindex(link);
	}
	return any;
}

static void fill_link(const struct dump *d, struct host_facts *h)
{
	struct rtnl_link *link = rtnl_link_get(d->links, (int)h->ifindex);
	if (!link)
		return;
	text_copy(h->ifname, sizeof(h->ifname), rtnl_link_get_name(link));
	text_copy(h->medium, sizeof(h->medium), medium_of(link, h->ifname));
	h->virtual_ = link_is_virtual(link, h->ifname);
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
	rtnl_link_put(link);
}

static void fill_addrs(const struct dump *d, struct host_facts *h)
{
	for (struct nl_object *o = nl_cache_get_first(d->addrs); o; o = nl_cache_get_next(o)) {
		struct rtnl_addr *a = (struct rtnl_addr *)o;
		if ((unsigned)rtnl_addr_get_ifindex(a) != h->ifindex || h->n_addrs == HOST_MAX_ADDRS)
			continue;
		struct nl_addr *local = rtnl_addr_get_local(a);
		h->addrs[h->n_addrs].addr = addr_from_nl(local);
		h->addrs[h->n_addrs++].prefix = (unsigned)rtnl_addr_get_prefixlen(a);
	}
}

static void fill_routes(const struct dump *d, struct host_facts *h)
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
}

size_t netinfo_resolvers(FILE *f, struct addr *out, size_t max)
{
	char line[256];
	size_t n = 0;
	bool begins = true; /* the rest of a long line is no line of its own */
	while (n < max && fgets(line, sizeof(line), f)) {
		char word[64];
		if (begins && sscanf(line, "nameserver%*[ \t]%63[0-9a-fA-F.:]", word) == 1 &&
		    addr_parse(word, &out[n]) == 0)
			n++;
		begins = strchr(line, '\n') != NULL;
	}
	return n;
}

static void fill_resolvers(struct host_facts *h)
{
	FILE *f = fopen("/etc/resolv.conf", "re");
	if (!f)
		return;
	h->n_resolvers = netinfo_resolvers(f, h->resolvers, HOST_MAX_RESOLVERS);
	fclose(f);
}

static bool ip_forward_on(void)
{
	FILE *f = fopen("/proc/sys/net/ipv4/ip_forward", "re");
	bool on = f && fgetc(f) == '1';
	if (f)
		fclose(f);
	return on;
}

int netinfo_read(const char *interface, struct host_facts *out, struct sp_error *err)
{
	struct host_facts h = { 0 };
	struct dump d;
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
	fill_addrs(&d, &h);
	fill_routes(&d, &h);
	fill_resolvers(&h);
	h.forwards = ip_forward_on();
	close_dump(&d);
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
