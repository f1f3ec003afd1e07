/*
 * A DHCP client's side of getting one address (RFC 2131 section 3.1), pure: time and messages come
 * in, messages go out.
 *
 * Promises: DISCOVER and then REQUEST leave at 0, 1, 3 and 7 s and are given up after 12 s; only a
 * reply with our transaction and hardware address counts, after the OFFER only that server's; a NAK
 * starts over, at most twice. It never renews: it is made for clients that live minutes.
 */
#ifndef SALLYPORT_WIRE_DHCP_CLIENT_H
#define SALLYPORT_WIRE_DHCP_CLIENT_H

#include "sallyport/wire/dhcp.h"

enum dhcp_end {
	DHCP_UNDER_WAY,
	DHCP_BOUND,    /* `lease` is the ACK */
	DHCP_NO_OFFER, /* nobody answered DISCOVER */
	DHCP_NO_ACK,   /* an OFFER came, but nothing after REQUEST */
	DHCP_REFUSED,  /* a NAK each time */
	DHCP_END_COUNT
};
extern const char *const dhcp_end_names[DHCP_END_COUNT]; /* bound, no-offer, no-ack, refused */

struct dhcp_client {
	struct mac mac;
	uint32_t xid;
	uint64_t begin_ns; /* first DISCOVER */
	uint64_t series_ns; /* first packet of the present series */
	unsigned tries;     /* packets sent in the present series */
	unsigned sent;      /* packets sent in all */
	unsigned refusals;
	struct dhcp_message offer; /* family of yiaddr 0: none yet */
	struct dhcp_message lease;
	enum dhcp_end end;
};

/* xid: a random number. The first DISCOVER is due at now_ns. */
void dhcp_client_init(struct dhcp_client *c, const struct mac *mac, uint32_t xid, uint64_t now_ns);
/* True when *out is to be broadcast now; call again until it is false. */
bool dhcp_client_step(struct dhcp_client *c, uint64_t now_ns, struct dhcp_message *out);
/* When step is to be called next; UINT64_MAX after the end. */
uint64_t dhcp_client_deadline(const struct dhcp_client *c);
void dhcp_client_receive(struct dhcp_client *c, const struct dhcp_message *m, uint64_t now_ns);

/* For a bound client: giving the address back (to the server alone), and turning it down because
 * somebody has it already (broadcast, RFC 2131 section 4.4.4). */
struct dhcp_message dhcp_client_release(const struct dhcp_client *c);
struct dhcp_message dhcp_client_decline(const struct dhcp_client *c);

#endif
