/*
 * A model of NAT boxes for UDP: packets in (direction, addresses, time), translated packets or
 * drops out. What one kind of box does is a row of data (nat_kinds[]).
 *
 * Promises: pure (time comes in, no sockets, no clock), fixed memory and no allocation; the same
 * seed and the same packets give the same result. Time never runs backwards. A packet changes only
 * where the verdict is NAT_PASS or NAT_HAIRPIN. A timer of T s that starts at t has ended at t + T,
 * not after it. For Linux itself the real kernel stays the truth.
 *
 * It does not do: TCP, fragments, checksums, pf's timers that shrink under load.
 */
#ifndef SALLYPORT_LAB_NAT_MODEL_H
#define SALLYPORT_LAB_NAT_MODEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "sallyport/addr.h"

enum { NAT_ENTRIES_MAX = 2048, NAT_BUCKETS = 512 };

/* How much of the remote end must agree (RFC 4787 sections 4.1 and 5): nothing, the address, the
 * address and the port. */
enum nat_scope { NAT_ENDPOINT_INDEPENDENT, NAT_ADDRESS_DEPENDENT, NAT_ADDRESS_PORT_DEPENDENT };

enum nat_ports {
	NAT_PORTS_PRESERVED, /* the inside port where it is free, else a random one */
	NAT_PORTS_RANDOM,
	NAT_PORTS_OVERLOADED, /* the inside port even where it is taken (RFC 4787 REQ-3 forbids it)
			       */
};

/* Which of a row's three timers a packet starts. */
enum nat_timer { NAT_TIMER_FIRST, NAT_TIMER_SINGLE, NAT_TIMER_STREAM, NAT_TIMER_COUNT };
enum nat_rule {
	NAT_RULE_LINUX, /* STREAM: a reply was seen before, and stream_after_ms since creation */
	NAT_RULE_PF, /* FIRST: the creating packet; STREAM: both ends have sent and been answered */
	NAT_RULE_EXCHANGES, /* STREAM: more than one request and response */
	NAT_RULE_TWO_WAY,   /* SINGLE: anything came back, counting this packet */
};

struct nat_kind {
	const char *name;
	const char *source; /* of the numbers */
	enum nat_rule rule;
	uint32_t timer_s[NAT_TIMER_COUNT];
	uint32_t stream_after_ms; /* NAT_RULE_LINUX */
	enum nat_scope mapping, filtering;
	enum nat_ports ports;
	uint32_t sweep_ms; /* expired entries live on until a sweep of this period meets them; 0:
			      sharp */
	uint32_t grain_ms; /* times are kept rounded down to this; 0: exact */
	uint32_t quota;    /* entries per inside address; 0: as many as the table holds */
	bool inbound_does_not_refresh, outbound_does_not_refresh;
	bool icmp_forgets; /* any ICMP error about a mapping deletes it (RFC 4787 REQ-12 forbids it)
			    */
	bool ttl_before_lookup; /* a packet whose TTL ends here does not reach the mapping */
	bool hairpins;
	bool late_inbound_holds_port; /* no firewall on the WAN side: an unmatched packet makes an
					 entry of the box's own, and the port is taken while that
					 lives */
};
extern const struct nat_kind nat_kinds[];
extern const size_t n_nat_kinds;
const struct nat_kind *nat_kind_by_name(const char *name); /* NULL: no such row */

struct nat_entry {                         /* one flow: inside endpoint and remote endpoint */
	struct endpoint inside, remote;    /* inside.addr.family 0: the box's own */
	uint16_t port;                     /* the public one */
	uint16_t next_inside, next_public; /* chains; index + 1, 0 ends */
	bool used, replied, owed;
	uint8_t ours, theirs; /* NAT_RULE_PF: 0 no traffic, 1 single, 2 multiple */
	uint32_t exchanges;
	uint64_t created_ns, expires_ns;
};

struct nat_model {
	struct nat_kind kind; /* a copy: tests change timers */
	struct addr public_addr;
	uint64_t random;
	struct nat_entry entries[NAT_ENTRIES_MAX];
	uint16_t by_inside[NAT_BUCKETS], by_port[NAT_BUCKETS];
	uint64_t refused; /* flows for which there was no room */
};

struct nat_packet {
	struct endpoint src, dst;
	uint8_t ttl; /* as it reaches the box */
};

enum nat_verdict {
	NAT_PASS,    /* rewritten, to go on */
	NAT_HAIRPIN, /* rewritten, back to the inside */
	NAT_DROP,
	NAT_TTL, /* its TTL ended at the box, which says so to the sender */
};

void nat_model_init(struct nat_model *m, const struct nat_kind *kind,
		    const struct addr *public_addr, uint64_t seed);
/* From the inside to the outside, and back. */
enum nat_verdict nat_model_out(struct nat_model *m, uint64_t now_ns, struct nat_packet *p);
enum nat_verdict nat_model_in(struct nat_model *m, uint64_t now_ns, struct nat_packet *p);
/* An ICMP error from outside that quotes a packet as it left the box; src becomes the inside
 * endpoint. Never restarts a timer. */
enum nat_verdict nat_model_error_in(struct nat_model *m, uint64_t now_ns,
				    struct nat_packet *quoted);
void nat_model_flush(struct nat_model *m); /* reboot: everything is forgotten */
void nat_model_move(struct nat_model *m,
		    const struct addr *public_addr); /* a new address as well */
/* Until its timer ends; 0 when it has ended or the flow is not known. A lazy box may still pass it.
 */
uint64_t nat_model_left_ns(const struct nat_model *m, uint64_t now_ns,
			   const struct endpoint *inside, const struct endpoint *remote);

#endif
