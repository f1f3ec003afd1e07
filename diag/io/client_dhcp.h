/*
 * The sockets and the waiting behind a client's address: DHCP over UDP in the current network
 * namespace, and the question whether an address is taken.
 *
 * Promises: blocks, with SIGINT and SIGTERM ending the wait (-EINTR); sends to the LAN of client0
 * alone.
 */
#ifndef SALLYPORT_CLIENT_DHCP_H
#define SALLYPORT_CLIENT_DHCP_H

#include "netinfo_client.h"
#include "sallyport/wire/dhcp_client.h"

/* What ends a wait early. */
struct client_wait {
	int signals; /* a signalfd of SIGINT and SIGTERM, which are blocked meanwhile */
};
int client_wait_open(struct client_wait *w);
void client_wait_close(struct client_wait *w);
/* Until frames pass, or `limit_ns` is over (that is no error). 0 or -EINTR. */
int client_wait_link(struct client_wait *w, struct client_link *l, uint64_t limit_ns);

/* A socket for DHCP on client0, or -errno. */
int client_dhcp_socket(void);
/* Runs *c (initialised) to its end. *bytes: IP bytes sent. 0, -EINTR or -errno. */
int client_dhcp_run(struct client_wait *w, int fd, struct dhcp_client *c, uint32_t *bytes);
/* Sends m to `to` (255.255.255.255 for the LAN); bytes of the IP packet or -errno. */
int client_dhcp_send(int fd, const struct dhcp_message *m, const struct addr *to);

/* Asks the LAN for a little over a second who has the address. 1: somebody (*who), 0: nobody
 * answers, or -EINTR. */
int client_address_taken(struct client_wait *w, struct client_link *l, const struct addr *a,
			 struct mac *who);

#endif
