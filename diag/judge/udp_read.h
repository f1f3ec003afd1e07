/*
 * What the packets to a DTLS service say, in one word. The rows of udp.c share this reading, so
 * that no two of them claim the same evidence.
 *
 * Promises: pure; an authentic answer beats everything else (proof rule 2).
 */
#ifndef SALLYPORT_JUDGE_UDP_READ_H
#define SALLYPORT_JUDGE_UDP_READ_H

#include "view.h"

enum udp_reading {
	UDP_NOTHING,  /* not tried, or not often enough to say anything */
	UDP_GENUINE,  /* identity verified; without a key in the profile: the cookie exchange */
	UDP_STRANGER, /* an answer that cannot be the cloud's: wrong key, wrong suite, no DTLS */
	UDP_STALLED,  /* the handshake began, but its end did not come */
	UDP_ALERT,    /* an alert to the first ClientHello: DTLS lives there, no more is known */
	UDP_REJECTED, /* ICMP "prohibited" from a box on the way */
	UDP_REFUSED,  /* ICMP port unreachable from the target itself */
	UDP_OTHER,    /* this host's own rules, or no route: local.c */
	UDP_SILENT,   /* nothing came back */
};

/* Of target i; UDP_NOTHING for a target without a device-shaped handshake. */
enum udp_reading udp_read(const struct judge_view *v, size_t i);
/* The flow of the identity check of target i, or NULL. */
const struct flow *udp_identity(const struct judge_view *v, size_t i);
/* An answer of another operator on the same port (--controls), or NULL. */
const struct observation *udp_same_port(const struct judge_view *v, size_t i);
/* UDP of some kind is seen to get past this site's first router. */
bool udp_leaves(const struct judge_view *v);

#endif
