/*
 * DHCP for IPv4 (RFC 2131) with the options (RFC 2132 and later) that tell about a device or its
 * network, as one struct.
 *
 * Promises: reads only inside (p, n), allocates nothing, leaves `out` alone when it fails and holds
 * no pointer into the packet. An option that comes in several pieces, also in the file and sname
 * fields (option 52), is joined first (RFC 3396); one whose length is wrong counts as absent.
 * Texts are bytes as they came: whoever shows them escapes them.
 */
#ifndef SALLYPORT_WIRE_DHCP_H
#define SALLYPORT_WIRE_DHCP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "sallyport/addr.h"
#include "sallyport/text.h"

enum {
	DHCP_SERVER_PORT = 67,
	DHCP_CLIENT_PORT = 68,
	DHCP_TEXT_MAX = 255,  /* bytes kept of one option */
	DHCP_ADDRS_MAX = 4,   /* routers or resolvers kept */
	DHCP_BYTES_MAX = 1472, /* a whole message in one Ethernet frame */
};

enum dhcp_op { DHCP_BOOTREQUEST = 1, DHCP_BOOTREPLY = 2 };
enum dhcp_type {
	DHCP_DISCOVER = 1, DHCP_OFFER, DHCP_REQUEST, DHCP_DECLINE, DHCP_ACK, DHCP_NAK, DHCP_RELEASE,
	DHCP_INFORM,
};
enum dhcp_option {
	DHCP_O_MASK = 1, DHCP_O_ROUTERS = 3, DHCP_O_DNS = 6, DHCP_O_HOST_NAME = 12, DHCP_O_DOMAIN = 15,
	DHCP_O_REQUESTED = 50, DHCP_O_LEASE = 51, DHCP_O_OVERLOAD = 52, DHCP_O_TYPE = 53,
	DHCP_O_SERVER = 54, DHCP_O_WANTED = 55, DHCP_O_MAX_BYTES = 57, DHCP_O_VENDOR_CLASS = 60,
	DHCP_O_CLIENT_ID = 61, DHCP_O_USER_CLASS = 77, DHCP_O_PORTAL = 114, DHCP_O_SEARCH = 119,
	DHCP_O_MUD = 161, DHCP_O_WPAD = 252,
};

struct dhcp_text {
	uint8_t n; /* 0: absent */
	uint8_t b[DHCP_TEXT_MAX];
};

struct dhcp_addrs {
	struct addr v[DHCP_ADDRS_MAX];
	uint8_t n;
};

/* Zero, family 0 and length 0 stand for what a message does not have. */
struct dhcp_message {
	uint8_t op, hops;
	uint8_t type; /* option 53; 0 in plain BOOTP */
	bool broadcast;
	uint16_t secs;
	uint32_t xid;
	struct addr ciaddr, yiaddr, siaddr, giaddr;
	struct mac chaddr;
	struct addr requested, server;  /* 50, 54 */
	struct dhcp_addrs routers, dns; /* 3, 6 */
	uint32_t lease_s;               /* 51 */
	uint16_t max_bytes;             /* 57 */
	uint8_t prefix;                 /* of the mask, 1; a mask with holes is none */
	struct dhcp_text host_name, domain, wanted, vendor_class, client_id, user_class; /* 12 15 55 60 61 77 */
	struct dhcp_text portal; /* 114: URI of the captive portal API (RFC 8910) */
	struct dhcp_text search; /* 119: domain names as RFC 3397 packs them */
	struct dhcp_text mud;    /* 161: URL of the device's usage description (RFC 8520) */
	struct dhcp_text wpad;   /* 252: URL of a proxy configuration, by custom */
};

/* 0, SP_E_TRUNCATED, or SP_E_MALFORMED where it is no DHCP over Ethernet. */
int dhcp_parse(const uint8_t *p, size_t n, struct dhcp_message *out);
/* Everything that m has, never overloaded, padded to the 300 bytes of BOOTP. Bytes written, 0 when
 * cap is too small. */
size_t dhcp_build(uint8_t *out, size_t cap, const struct dhcp_message *m);

struct wire_text dhcp_text_wire(const struct dhcp_text *t);
/* Cut at DHCP_TEXT_MAX. */
struct dhcp_text dhcp_text_of(const void *p, size_t n);

#endif
