/*
 * The interface of a client (as_client.h) through libnl: found and made from the host's namespace,
 * set up in the client's own.
 *
 * Promises: the inner end never exists in the host's namespace; the outer end never changes the
 * bridge's MAC address or MTU.
 */
#ifndef SALLYPORT_NETINFO_CLIENT_H
#define SALLYPORT_NETINFO_CLIENT_H

#include <stdbool.h>

#include "sallyport/addr.h"
#include "sallyport/as_client.h"
#include "sallyport/err.h"

struct client_link;

/* In the host's namespace: finds the bridge or interface and sees whether a client can hang there.
 * Needs no privilege. SP_E_MISSING where it cannot. */
int client_link_find(const char *name, struct client_link **out, struct sp_error *err);
bool client_link_on_bridge(const struct client_link *l);
/* In the client's namespace: makes client0 in it and switches it on. */
int client_link_make(struct client_link *l, const struct mac *mac, struct sp_error *err);
/* True once frames pass: carrier, and the bridge forwards for the port. */
bool client_link_passes(struct client_link *l);
unsigned client_link_ifindex(const struct client_link *l); /* of client0 */
/* Lets the kernel ask the LAN who has this address; netinfo_neigh() then tells. */
int client_link_ask(struct client_link *l, const struct addr *a);
int client_link_configure(struct client_link *l, const struct as_client_address *a,
			  struct sp_error *err);
/* False when the bridge let go of the port, or client0 is gone. */
bool client_link_intact(const struct client_link *l);
/* Takes the interface away (NULL is allowed). */
void client_link_close(struct client_link *l);

#endif
