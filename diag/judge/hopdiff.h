/*
 * The hop differential: the same packet with stepped TTL, as suspect and as control, tells which
 * stretch of the path drops it (proof rules 8 and 8b), without any server's help.
 *
 * Promises: pure; looks at plain records only, in any order; never says `proven` unless all
 * conditions of the rule hold, and names the first one that does not in `why`.
 */
#ifndef DIAG_JUDGE_HOPDIFF_H
#define DIAG_JUDGE_HOPDIFF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "sallyport/addr.h"
#include "sallyport/model.h"

enum { HOP_MAX_TTL = 32, HOP_MAX_RECORDS = 1024 };

enum hop_role {
	HOP_SUSPECT,
	HOP_CONTROL, /* of that suspect: same destination and payload, another port */
	HOP_OTHER,   /* anything else that was stepped to the same address */
};

enum hop_got {
	HOP_NOTHING, /* silent for the whole wait */
	HOP_ROUTER,  /* Time Exceeded; `from` is its sender */
	HOP_ANSWER,  /* data, SYN-ACK or RST: what only the target should send */
	HOP_REFUSAL, /* another ICMP error; `from` is its sender */
};

struct hop_record {
	enum hop_role role;
	enum hop_got got;
	bool own_port; /* to the suspect's port, whatever its payload */
	unsigned ttl, round;
	uint32_t order; /* place in the sequence of packets to this TTL */
	struct addr from;
	uint32_t n; /* observation number, for evidence */
};

struct hop_stretch {
	bool shown;  /* the records say that the network itself does it */
	bool proven; /* and every condition of the rule holds */
	const char *why; /* one machine word when not shown or not proven, else "ok"; see hopdiff.c */
	/* The stretch: between hop `after_ttl` (0: this host) and hop `until_ttl`. */
	unsigned after_ttl, until_ttl;
	struct addr after, until; /* routers there; family 0 where unknown */
	unsigned target_ttl;      /* lowest TTL at which the target itself answered, 0: unknown */
	/* Highest TTL at which a router let the suspect, and a control, die. When the suspect gets as
	 * far as the control, the network lets it through. */
	unsigned suspect_top, control_top;
	unsigned rounds;
	uint32_t missing;  /* suspect steps beyond after_ttl that count as missing */
	uint32_t answered; /* control steps there that were answered */
};

/* Rule 8: Time Exceeded stops for the suspect and goes on for the control. */
void hops_compare(const struct hop_record *v, size_t n, const struct addr *target,
		  struct hop_stretch *out);
/* Rule 8b: an answer to a suspect packet whose TTL ended before the target: the box that answered
 * stands between after_ttl and until_ttl. */
void hops_impostor(const struct hop_record *v, size_t n, const struct addr *target,
		   struct hop_stretch *out);
/* The records of a run for one suspect flow (proto "udp" or "tcp"): its steps, its controls' and
 * others to the same address. Returns how many, at most max. */
size_t hops_collect(const struct run *r, const char *proto, const char *address, uint16_t port,
		    struct hop_record *out, size_t max);

#endif
