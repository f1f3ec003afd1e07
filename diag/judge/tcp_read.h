/*
 * What the packets to a TCP service say, in one word. The rows of tcp.c, tls.c and portal.c share
 * this reading, so that no two of them claim the same evidence.
 *
 * Promises: pure; an authentic answer beats everything else (proof rule 2).
 */
#ifndef SALLYPORT_JUDGE_TCP_READ_H
#define SALLYPORT_JUDGE_TCP_READ_H

#include "view.h"

enum tcp_reading {
	TCP_NOTHING,  /* not tried, or not often enough to say anything */
	TCP_GENUINE,  /* an authentic answer came */
	TCP_OTHER,    /* another file's business: certificate, name filter, page, route, DNS, this host */
	TCP_SILENT,   /* SYNs unanswered */
	TCP_REFUSED,  /* RST to the SYN, or ICMP port unreachable from the target itself */
	TCP_REJECTED, /* ICMP "prohibited" from a box on the way */
	TCP_MUTE,     /* opened, then nothing */
	TCP_CUT,      /* opened, then closed or reset before the service spoke */
	TCP_STRANGER, /* opened, but it speaks something else */
};

/* Of target i; TCP_NOTHING for a target that is not TCP. */
enum tcp_reading tcp_read(const struct judge_view *v, size_t i);

/* The stepped SYNs of target i (proof rules 8b, 8c). */
struct tcp_steps {
	unsigned early;   /* TTL of an answer from before the target, 0: none seen */
	bool syn_ack;     /* ... it was a SYN-ACK; else an RST */
	bool answered;    /* some stepped SYN got an answer, from wherever */
	unsigned passed;  /* highest TTL whose SYN a router let die, 0: none */
	bool as_far;      /* the answer comes from where a control, too, found the target, right behind
			   * the last router that let a SYN die, and every router seen on any path */
};
void tcp_steps(struct judge_view *v, size_t i, struct tcp_steps *out);
const char *tcp_hops_text(struct judge_view *v, unsigned n); /* "1 hop", "4 hops" */

/* The real name fails on an address where another name, or none, draws a ServerHello (tls.c). */
bool tls_name_filtered(const struct judge_view *v, size_t i);
/* The certificate for the real name does not hold, and this host's clock is not why (tls.c). */
bool tls_certificate_fails(struct judge_view *v, size_t i);
/* A box that accepts every connection explains the silence of target i (portal.c). */
bool tcp_accepted_by_proxy(struct judge_view *v, size_t i);

#endif
