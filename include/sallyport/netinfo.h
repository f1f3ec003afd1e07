/*
 * What this host knows about its own network (libnl-route and resolv.conf), as plain structs.
 *
 * Promises: host_facts is a snapshot taken once per run; it travels in run_start and is all the
 * judge knows about the host. Reading it blocks for a few milliseconds and needs no privilege.
 */
#ifndef SALLYPORT_NETINFO_H
#define SALLYPORT_NETINFO_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "sallyport/addr.h"
#include "sallyport/arena.h"
#include "sallyport/as_client.h"
#include "sallyport/err.h"

enum { HOST_MAX_ADDRS = 16, HOST_MAX_RESOLVERS = 4, HOST_MAX_ROUTES = 8 };

struct host_addr {
	struct addr addr;
	unsigned prefix;
};

struct host_route { /* another default route */
	char ifname[16];
	struct addr gateway;
	uint32_t metric;
};

struct host_facts {
	char ifname[16];  /* the uplink; empty when there is none */
	unsigned ifindex;
	char medium[16];  /* ethernet, wifi, tunnel, loopback, bridge, other */
	bool virtual_;    /* no physical device behind the interface (veth, tun, bridge ...) */
	struct mac mac;
	char operstate[16];
	bool carrier;
	unsigned mtu;
	struct host_addr addrs[HOST_MAX_ADDRS];
	size_t n_addrs;
	struct addr gateway4, gateway6;      /* family 0: none */
	bool route4, route6;                 /* a default route by this interface exists */
	struct addr resolvers[HOST_MAX_RESOLVERS];
	size_t n_resolvers;
	struct host_route others[HOST_MAX_ROUTES];
	size_t n_others;
	bool forwards; /* net.ipv4.ip_forward is on */
	struct as_client_facts as_client; /* set with --as-client: all the rest is the client's */
};

/* Chooses the uplink: `interface` when given, else the default route of lowest metric, physical
 * before virtual. 0, SP_E_MISSING (no such interface, *err says so) or -errno. No default route is
 * not an error: ifname is then that of the first interface that is up, or empty. */
int netinfo_read(const char *interface, struct host_facts *out, struct sp_error *err);

/* State of a neighbour (ARP or NDP), read from the kernel's table. */
enum neigh_state { NEIGH_NONE, NEIGH_INCOMPLETE, NEIGH_REACHABLE, NEIGH_STALE, NEIGH_PROBING, NEIGH_FAILED };
struct neigh {
	enum neigh_state state;
	struct mac mac;
	unsigned lan_peers; /* other neighbours on this interface that are reachable */
};
int netinfo_neigh(unsigned ifindex, const struct addr *a, struct neigh *out);
extern const char *const neigh_state_names[];

/* The source address the uplink would use towards dst (family 0 when there is none). */
struct addr host_source(const struct host_facts *h, uint8_t family);

#endif
