/*
 * What the files of this host's network programs say about a network: its resolvers, its domain,
 * and the addresses of proxy script and portal API that DHCP gave.
 *
 * Promises: pure, no allocation; the text may be anything (a lease file holds what a DHCP server
 * sent). Only whole addresses, host names and printable URLs come out; the rest is passed over.
 */
#ifndef SALLYPORT_WIRE_HOSTFILES_H
#define SALLYPORT_WIRE_HOSTFILES_H

#include <stddef.h>

#include "sallyport/addr.h"
#include "sallyport/bytes.h"
#include "sallyport/text.h"

enum { HOSTFILE_MAX_RESOLVERS = 4, HOSTFILE_URL_MAX = 256 };

enum hostfile_format {
	HOSTFILE_RESOLV_CONF, /* nameserver ADDRESS; search DOMAIN */
	HOSTFILE_KEYS,        /* DNS=ADDRESS ADDRESS: systemd-networkd, systemd-resolved, NetworkManager */
	HOSTFILE_DHCLIENT,    /* lease { interface "eth0"; option domain-name-servers A, B; } */
};

struct hostfile {
	struct addr address;               /* that a lease was for; family 0 when it does not say */
	struct addr resolvers[HOSTFILE_MAX_RESOLVERS];
	size_t n_resolvers;
	struct hostname domain;            /* empty when none was given */
	char wpad_url[HOSTFILE_URL_MAX];   /* DHCP option 252 (WPAD); empty when none */
	char portal_api[HOSTFILE_URL_MAX]; /* DHCP option 114 (RFC 8910); empty when none */
};

/* Adds what the text says about the interface to *out; a later lease replaces an earlier one. */
void hostfile_read(enum hostfile_format f, const char *ifname, struct bytes text,
		   struct hostfile *out);

#endif
