/*
 * A run from where a device would stand (--as-client): this process moves into a network namespace
 * of its own whose one way out, client0, hangs on a bridge of the host (a veth) or beside one of
 * its interfaces (a macvlan), under a MAC address and with an address of its own.
 *
 * Promises: of the host's network nothing changes but for one more port of the bridge, spc<pid>,
 * which goes when the process ends, however it ends (SIGKILL included). The way in is one-way: after
 * as_client_open() everything this process opens is in the namespace. IPv4 only. It never looks for
 * free addresses: it asks DHCP, and before it takes an address it asks the LAN whether somebody has
 * that one (RFC 5227). The process must have one thread.
 */
#ifndef SALLYPORT_AS_CLIENT_H
#define SALLYPORT_AS_CLIENT_H

#include <stdbool.h>
#include <stdint.h>

#include "sallyport/addr.h"
#include "sallyport/err.h"

enum { AS_CLIENT_DNS = 4 };

#define AS_CLIENT_IFNAME "client0"

/* At most, for --dry-run: the DHCP messages of three refusals, their release, two ARP questions. */
enum { AS_CLIENT_PACKETS = 27, AS_CLIENT_BYTES = 27 * 342 };

/* Part of struct host_facts. */
struct as_client_facts {
	char name[16];      /* of the bridge or interface; empty: the run is the host's own */
	char kind[16];      /* bridge or macvlan */
	char dhcp[16];      /* bound, no-offer, no-ack, refused; empty: the address was given */
	struct addr server; /* the DHCP server */
	uint32_t lease_s, packets, bytes, waited_ms; /* of the exchange */
};

/* What --client-address holds: ADDR/PREFIX[,GATEWAY[,DNS...]]. */
struct as_client_address {
	struct addr address, gateway; /* family 0: none */
	unsigned prefix;
	struct addr dns[AS_CLIENT_DNS];
	unsigned n_dns;
};
/* 0 or SP_E_USAGE with *err. */
int as_client_parse(const char *text, struct as_client_address *out, struct sp_error *err);

struct as_client; /* keeps what has to be given back */
struct host_facts;

/* Moves in and fills *host. `given` NULL: DHCP, for up to some 40 s where nobody answers (then *host
 * has no address, which is what a device would have). With `dry` it only looks whether name will do.
 * 0; SP_E_DENIED, -EINTR (SIGINT, SIGTERM) or SP_E_MISSING (no such interface, none that has room
 * for a client, an address that is taken) with *err; then nothing is left behind. */
int as_client_open(const char *name, const struct as_client_address *given, bool dry,
		   struct host_facts *host, struct as_client **out, struct sp_error *err);
/* False, with *err, when the bridge or the interface has gone since. */
bool as_client_intact(const struct as_client *c, struct sp_error *err);
/* Gives the address back and takes the port away. NULL is allowed. */
void as_client_close(struct as_client *c);

#endif
