/*
 * IP addresses (v4 and v6) and endpoints as plain values.
 *
 * Promises: parsing is strict (no octal, no short forms, no names, no zone except where said) and
 * formatting canonical (RFC 5952), so that parse(format(a)) == a and text compares as values do.
 */
#ifndef SALLYPORT_ADDR_H
#define SALLYPORT_ADDR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct sockaddr_storage;

enum { ADDR_STRLEN = 46, ENDPOINT_STRLEN = 56, MAC_STRLEN = 18 };

struct addr {
	uint8_t family; /* 4, 6, or 0 for none */
	uint8_t b[16];  /* network order; the first 4 for IPv4, the rest zero */
};

struct endpoint {
	struct addr addr;
	uint16_t port;
};

struct mac {
	uint8_t b[6];
};

/* What an address is for (RFC 6890 and its updates). */
enum addr_kind {
	ADDR_NONE,
	ADDR_UNSPECIFIED,   /* 0.0.0.0/8, :: */
	ADDR_LOOPBACK,      /* 127/8, ::1 */
	ADDR_LINK_LOCAL,    /* 169.254/16, fe80::/10 */
	ADDR_PRIVATE,       /* RFC 1918, fc00::/7 */
	ADDR_CGNAT,         /* 100.64/10, RFC 6598 */
	ADDR_MULTICAST,     /* 224/4, ff00::/8 */
	ADDR_DOCUMENTATION, /* RFC 5737, 2001:db8::/32; the lab's Internet lives here */
	ADDR_RESERVED,      /* 240/4, 192.0.0.0/24, 198.18/15, broadcast */
	ADDR_GLOBAL,
};

int addr_parse(const char *s, struct addr *out);             /* 0 or SP_E_SYNTAX */
const char *addr_format(const struct addr *a, char out[ADDR_STRLEN]); /* "-" when none */
bool addr_equal(const struct addr *a, const struct addr *b);
int addr_compare(const struct addr *a, const struct addr *b); /* total order, v4 before v6 */
enum addr_kind addr_kind(const struct addr *a);
const char *addr_kind_name(enum addr_kind k);
/* True where a public server could have this address: global or documentation. */
bool addr_is_public(const struct addr *a);
/* True where a packet to it leaves this host for one other host: not for this one, the link or a
 * group. */
bool addr_is_routable(const struct addr *a);
/* True where one machine of a network may have this address: not unspecified, loopback, multicast,
 * broadcast or reserved. */
bool addr_is_host(const struct addr *a);
struct addr addr_v4(uint8_t a, uint8_t b, uint8_t c, uint8_t d);
/* Same first `bits` bits and same family. */
bool addr_in_prefix(const struct addr *a, const struct addr *net, unsigned bits);

/* "198.51.100.1:53" or "[2001:db8::1]:53". */
const char *endpoint_format(const struct endpoint *e, char out[ENDPOINT_STRLEN]);
bool endpoint_equal(const struct endpoint *a, const struct endpoint *b);
/* Fill a sockaddr (returns its length, 0 for none) and back (0 or SP_E_UNKNOWN). */
size_t endpoint_to_sockaddr(const struct endpoint *e, struct sockaddr_storage *out);
int endpoint_from_sockaddr(const struct sockaddr_storage *ss, struct endpoint *out);

int mac_parse(const char *s, struct mac *out); /* six hex pairs joined by ':' or '-' */
const char *mac_format(const struct mac *m, char out[MAC_STRLEN]);
/* One interface's address: neither zero nor a group (IEEE 802). */
bool mac_is_unicast(const struct mac *m);
/* The locally administered bit: a randomised or made-up address (IEEE 802). */
bool mac_is_local(const struct mac *m);

#endif
