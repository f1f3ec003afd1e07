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
#include "sallyport/wifi.h"

enum { HOST_MAX_ADDRS = 16, HOST_MAX_RESOLVERS = 4, HOST_MAX_ROUTES = 8 };

/* Why a resolver of this host says nothing about devices. */
struct host_stub {
	struct addr addr;
	char why[16]; /* loopback, tunnel */
};

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
	char medium[16];  /* ethernet, wifi, ppp, tunnel, loopback, bridge, other */
	bool virtual_;    /* no physical device behind the interface (veth, tun, bridge ...) */
	struct mac mac;
	bool mac_randomised; /* not the address the device was made with */
	char environment[16]; /* vm, container or wsl; empty: none seen */
	char environment_name[32]; /* which one: kvm, docker ... */
	char operstate[16];
	bool carrier;
	unsigned mtu;
	struct host_addr addrs[HOST_MAX_ADDRS];
	size_t n_addrs;
	struct addr gateway4, gateway6;      /* family 0: none */
	bool route4, route6;                 /* a default route by this interface exists */
	/* The site's resolvers, as a device of this network would be told them, and who said so. */
	struct addr resolvers[HOST_MAX_RESOLVERS];
	size_t n_resolvers;
	char resolver_source[64];
	/* What this host itself asks and no device would: a loopback stub, a tunnel's resolver. */
	struct host_stub stubs[HOST_MAX_RESOLVERS];
	size_t n_stubs;
	/* Ways of people's tools that devices do not have, and what DHCP said about a portal. */
	char proxy[256], proxy_source[24]; /* host:port; empty: none named */
	char wpad_url[256];                /* proxy script, DHCP option 252 */
	char domain[256];                  /* this network's domain: wpad.DOMAIN is asked */
	char portal_api[256];              /* captive-portal API, DHCP option 114 (RFC 8910) */
	struct host_route others[HOST_MAX_ROUTES];
	size_t n_others;
	bool forwards;      /* for a LAN: ip_forward is on, and there is one (a container bridge is none) */
	char lan[16];       /* that LAN's interface */
	char tunnel[16];    /* a tunnel that is up; empty: none */
	bool tunnel_takes;  /* this host's own traffic leaves by it */
	struct wifi_facts wifi; /* netinfo_wifi.h */
	struct as_client_facts as_client; /* set with --as-client: all the rest is the client's */
};

/* Chooses the uplink: `interface` when given, else the default route of lowest metric, physical
 * before virtual, never a tunnel or a bridge of containers where there is anything else. 0, SP_E_MISSING (no such interface, *err says so) or -errno. No default route is
 * not an error: ifname is then that of the first interface that is up, or empty. */
int netinfo_read(const char *interface, struct host_facts *out, struct sp_error *err);

/* net.ipv4.ip_forward is on; no LAN needs to be there. */
bool netinfo_ip_forward(void);

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
