/*
 * What a run learnt about the NAT on the way: how long it remembers an idle flow in each of its
 * states, what restarts that timer, and how it maps and filters (RFC 4787).
 *
 * Promises: a plain struct, filled by the judge alone from the observations of checks `nat.*`, so a
 * replayed run gives the same facts. Unknown is never zero or false: bounds have a sentinel, yes or
 * no has a third value.
 *
 * How a probe writes it down. Each measured series ends in one observation of a check nat.udp or
 * nat.tcp with `state` (UDP only), `lower_s` and, once a death was seen, `upper_s`; further
 * `spread_s`, `trials`, `confirmed`, `method`, `loss`, `jitter_ms` and, as for any packet, `proto`
 * and `port` (of the far end). A series that was cut short gives the bounds it has. Answers to the
 * other questions (`refresh_in` to `layers`) may stand in any observation of a check nat.*.
 */
#ifndef SALLYPORT_NAT_H
#define SALLYPORT_NAT_H

#include <stdbool.h>
#include <stdint.h>

/* What a UDP flow has seen so far; boxes keep a timer for each. */
enum nat_state {
	NAT_NEW,         /* one packet out, nothing back */
	NAT_REPLIED,     /* one exchange */
	NAT_BURST,       /* several exchanges within 2 s */
	NAT_ESTABLISHED, /* an exchange, then traffic more than 2 s after the first packet */
	NAT_STATE_COUNT
};
extern const char *const nat_state_names[NAT_STATE_COUNT];

enum nat_answer { NAT_UNKNOWN, NAT_NO, NAT_YES };

/* An idle flow is remembered for at least lower_s and less than upper_s. */
struct nat_lifetime {
	bool known;
	double lower_s;     /* longest idle time that every mapping survived; 0: none did */
	double upper_s;     /* shortest that none survived; 0: no death was seen */
	double spread_s;    /* by so much the repeats differed */
	unsigned trials;    /* mappings that survived lower_s; 0: not said */
	bool confirmed;     /* upper_s: seen on two mappings while a younger one lived */
	const char *method; /* NULL: not said */
	uint16_t port;      /* of the far end; 0: not said */
};

struct nat_facts {
	struct nat_lifetime udp[NAT_STATE_COUNT];
	struct nat_lifetime tcp;
	const char *tcp_expiry; /* what an expired TCP flow looks like: rst, silent; NULL: unknown */
	enum nat_answer refresh_in, refresh_out; /* packets of one direction alone restart the timer */
	enum nat_answer hairpin, port_preserving;
	const char *mapping, *filtering; /* RFC 4787 words: endpoint-independent, address-dependent,
					  * address-and-port-dependent; NULL: unknown */
	const char *forgets_first;       /* the hop whose timer is the shortest; NULL: unknown */
	int layers;       /* NATs on the way; -1: unknown */
	double loss;      /* 0 to 1, of one way at most; negative: unknown */
	double jitter_s;  /* negative: unknown */
};

static inline bool nat_has_udp(const struct nat_facts *n)
{
	for (int i = 0; i < NAT_STATE_COUNT; i++)
		if (n->udp[i].known)
			return true;
	return false;
}

#endif
