/*
 * The kernel's links, addresses and routes at one moment, and what each link is to this host;
 * shared by the files of netinfo. Freed by netinfo_dump_close().
 */
#ifndef SALLYPORT_IO_NETINFO_DUMP_H
#define SALLYPORT_IO_NETINFO_DUMP_H

#include "sallyport/netinfo.h"

struct nl_sock;
struct nl_cache;
struct rtnl_link;

enum { NETINFO_MAX_DEFAULTS = 16 };

/* What a link is, from the best uplink to the worst. */
enum link_role {
	LINK_PHYSICAL, /* a device, or a VLAN, bond or bridge on one */
	LINK_VIRTUAL,  /* veth, macvlan ...: the uplink of a namespace */
	LINK_TUNNEL,   /* its traffic goes on inside another link's */
	LINK_GUESTS,   /* a bridge for containers or virtual machines */
	LINK_LOOPBACK,
};

struct default_route {
	unsigned ifindex;
	char ifname[16];
	struct addr gateway;
	uint8_t family;
	uint32_t metric;
	enum link_role role;
};

struct netinfo_dump {
	struct nl_sock *sk;
	struct nl_cache *links, *addrs, *routes;
	struct default_route defaults[NETINFO_MAX_DEFAULTS];
	size_t n_defaults;
};

enum link_role netinfo_role(const struct netinfo_dump *d, struct rtnl_link *link);
bool netinfo_link_up(struct rtnl_link *link); /* switched on, with a carrier */
bool netinfo_has_default(const struct netinfo_dump *d, unsigned ifindex, uint8_t family);
/* Address i of the dump; false at the end. */
struct netinfo_address {
	unsigned ifindex, prefix;
	struct addr addr;
};
bool netinfo_next_address(const struct netinfo_dump *d, void **at, struct netinfo_address *out);

/* Tunnels, and the LAN this host forwards for (netinfo_roles.c). */
void netinfo_fill_roles(const struct netinfo_dump *d, struct host_facts *h);
/* Resolvers and stubs (netinfo_dns.c). */
void netinfo_fill_resolvers(const struct netinfo_dump *d, struct host_facts *h);

#endif
