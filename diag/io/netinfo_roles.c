/*
 * What each link is to this host: a device, a tunnel, a bridge of guests; and with that, whether
 * this host's own traffic leaves by a tunnel, and for which LAN it forwards.
 */
#include "diag/io/netinfo_dump.h"

#include <net/if.h>
#include <netlink/cache.h>
#include <netlink/route/link.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "sallyport/text.h"

static bool any_of(const char *word, const char *const *list, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (strcmp(word, list[i]) == 0)
			return true;
	return false;
}

/* /sys may show another namespace's devices; so the link type from netlink is asked first. */
static bool has_device(const char *ifname)
{
	char path[64];
	snprintf(path, sizeof(path), "/sys/class/net/%.16s/device", ifname);
	return access(path, F_OK) == 0;
}

/* Names that container and VM programs give their bridges. Docker's own networks are "br-" and
 * twelve hex digits. */
static bool guest_name(const char *ifname)
{
	static const char *const starts[] = { "docker", "virbr", "lxcbr", "lxdbr", "incusbr", "cni",
					      "podman", "vmnet", "vboxnet", "nerdctl", "flannel", "cali",
					      "cilium", "weave", "kube-", "waydroid", "hassio" };
	for (size_t i = 0; i < sizeof(starts) / sizeof(starts[0]); i++)
		if (strncmp(ifname, starts[i], strlen(starts[i])) == 0)
			return true;
	size_t hex = strncmp(ifname, "br-", 3) == 0 ? strspn(ifname + 3, "0123456789abcdef") : 0;
	return hex == 12 && !ifname[3 + hex];
}

static struct rtnl_link *next_link(const struct netinfo_dump *d, void **at)
{
	struct nl_object *o = *at ? nl_cache_get_next(*at) : nl_cache_get_first(d->links);
	*at = o;
	return (struct rtnl_link *)o;
}

/* A bridge, bond or team is what its members are. */
static enum link_role role_of_members(const struct netinfo_dump *d, struct rtnl_link *master)
{
	enum link_role best = LINK_GUESTS;
	bool any = false;
	struct rtnl_link *l;
	for (void *at = NULL; (l = next_link(d, &at));) {
		if (rtnl_link_get_master(l) != rtnl_link_get_ifindex(master))
			continue;
		any = true;
		if (!rtnl_link_get_type(l) && has_device(rtnl_link_get_name(l)))
			best = LINK_PHYSICAL;
	}
	return any && best == LINK_PHYSICAL ? LINK_PHYSICAL : LINK_VIRTUAL;
}

static enum link_role role_of_lower(const struct netinfo_dump *d, struct rtnl_link *link)
{
	struct rtnl_link *lower = rtnl_link_get(d->links, rtnl_link_get_link(link));
	bool device = lower && !rtnl_link_get_type(lower) && has_device(rtnl_link_get_name(lower));
	rtnl_link_put(lower);
	return device ? LINK_PHYSICAL : LINK_VIRTUAL;
}

enum link_role netinfo_role(const struct netinfo_dump *d, struct rtnl_link *link)
{
	static const char *const tunnels[] = { "tun", "wireguard", "gre", "gretap", "ip6gre", "ipip", "sit",
					       "vti", "vti6", "xfrm", "ip6tnl", "ovpn", "vxlan", "geneve" };
	static const char *const teams[] = { "bridge", "bond", "team" };
	const char *type = rtnl_link_get_type(link), *name = rtnl_link_get_name(link);
	if (rtnl_link_get_flags(link) & IFF_LOOPBACK)
		return LINK_LOOPBACK;
	if (!type)
		return has_device(name) ? LINK_PHYSICAL : LINK_VIRTUAL;
	if (any_of(type, tunnels, sizeof(tunnels) / sizeof(tunnels[0])))
		return LINK_TUNNEL;
	if (strcmp(type, "ppp") == 0 || strcmp(type, "wwan") == 0)
		return LINK_PHYSICAL; /* PPPoE and modems: the line itself */
	if (strcmp(type, "bridge") == 0 && guest_name(name))
		return LINK_GUESTS;
	if (any_of(type, teams, sizeof(teams) / sizeof(teams[0])))
		return role_of_members(d, link);
	return strcmp(type, "vlan") == 0 ? role_of_lower(d, link) : LINK_VIRTUAL;
}

bool netinfo_link_up(struct rtnl_link *link)
{
	return (rtnl_link_get_flags(link) & IFF_UP) && rtnl_link_get_carrier(link);
}

/* ---- the LAN behind a host that forwards ---- */
bool netinfo_ip_forward(void)
{
	FILE *f = fopen("/proc/sys/net/ipv4/ip_forward", "re");
	bool on = f && fgetc(f) == '1';
	if (f)
		fclose(f);
	return on;
}

static bool in_uplink_net(const struct host_facts *h, const struct addr *a)
{
	for (size_t i = 0; i < h->n_addrs; i++)
		if (addr_in_prefix(a, &h->addrs[i].addr, h->addrs[i].prefix))
			return true;
	return false;
}

/* An IPv4 network of its own with room for others, not one that the uplink is in as well. */
static bool has_lan_address(const struct netinfo_dump *d, const struct host_facts *h, unsigned ifindex)
{
	struct netinfo_address a;
	for (void *at = NULL; netinfo_next_address(d, &at, &a);)
		if (a.ifindex == ifindex && a.addr.family == 4 && a.prefix <= 30 &&
		    addr_kind(&a.addr) != ADDR_LINK_LOCAL && !in_uplink_net(h, &a.addr))
			return true;
	return false;
}

static bool is_lan(const struct netinfo_dump *d, const struct host_facts *h, struct rtnl_link *link)
{
	unsigned ifindex = (unsigned)rtnl_link_get_ifindex(link);
	enum link_role role = netinfo_role(d, link);
	return ifindex != h->ifindex && (role == LINK_PHYSICAL || role == LINK_VIRTUAL) &&
	       !rtnl_link_get_master(link) && netinfo_link_up(link) &&
	       !netinfo_has_default(d, ifindex, 4) && has_lan_address(d, h, ifindex);
}

/* ---- tunnels ---- */
/* Connecting a UDP socket sends nothing; the source address the kernel chooses tells by which link
 * this host's own packets to the Internet leave (policy routing included). */
static bool leaves_by(const struct netinfo_dump *d, unsigned ifindex)
{
	struct endpoint out = { .addr = addr_v4(192, 0, 2, 1), .port = 9 }, own;
	struct sockaddr_storage ss;
	struct netinfo_address a;
	bool found = false;
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	socklen_t n = (socklen_t)endpoint_to_sockaddr(&out, &ss), m = sizeof(ss);
	if (fd >= 0 && connect(fd, (struct sockaddr *)&ss, n) == 0 &&
	    getsockname(fd, (struct sockaddr *)&ss, &m) == 0 && endpoint_from_sockaddr(&ss, &own) == 0)
		for (void *at = NULL; !found && netinfo_next_address(d, &at, &a);)
			found = a.ifindex == ifindex && addr_equal(&a.addr, &own.addr);
	if (fd >= 0)
		close(fd);
	return found;
}

void netinfo_fill_roles(const struct netinfo_dump *d, struct host_facts *h)
{
	bool forward = netinfo_ip_forward();
	struct rtnl_link *l;
	for (void *at = NULL; (l = next_link(d, &at));) {
		unsigned ifindex = (unsigned)rtnl_link_get_ifindex(l);
		bool takes = false;
		if (forward && !h->forwards && is_lan(d, h, l)) {
			h->forwards = true;
			text_copy(h->lan, sizeof(h->lan), rtnl_link_get_name(l));
		}
		if (ifindex == h->ifindex || netinfo_role(d, l) != LINK_TUNNEL ||
		    !(rtnl_link_get_flags(l) & IFF_UP))
			continue;
		takes = leaves_by(d, ifindex);
		if (h->tunnel[0] && !takes)
			continue;
		text_copy(h->tunnel, sizeof(h->tunnel), rtnl_link_get_name(l));
		h->tunnel_takes |= takes;
	}
}
