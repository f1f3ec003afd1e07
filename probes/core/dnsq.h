/*
 * One question to one DNS server over UDP: when its tries leave and what a datagram that comes back
 * means.
 *
 * Promises: pure. Every try has an id of its own, so that an answer names its try and its delay is
 * right also after a repeat (RFC 5452 section 9 asks for unpredictable ids); only the first valid
 * answer counts as the answer, as for a small device, and what comes later is told apart from it.
 */
#ifndef SALLYPORT_CORE_DNSQ_H
#define SALLYPORT_CORE_DNSQ_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "retry.h"
#include "sallyport/wire/dns.h"

struct dnsq {
	const char *name; /* the caller's; must outlive this */
	uint16_t qtype;
	struct retry retry;
	uint16_t ids[RETRY_TRIES];
	unsigned answered; /* the try that the first valid answer belongs to; 0: none yet */
	unsigned extra;    /* valid answers after the first */
	uint16_t rcode;    /* of the first valid answer, as are the addresses */
	unsigned n_addrs;
	struct addr addrs[DNS_MAX_ANSWERS];
};

enum dnsq_result {
	DNSQ_ANSWER,   /* the first valid answer */
	DNSQ_REPEAT,   /* another one that says the same */
	DNSQ_SECOND,   /* another one that says something else */
	DNSQ_MISMATCH, /* DNS, but no answer to this question */
	DNSQ_GARBLED,  /* no DNS */
};

struct dnsq_reply {
	enum dnsq_result result;
	unsigned attempt; /* from 1; the latest try when it answers none of them */
	bool late;        /* its try had been noted as silent */
	struct dns_message m; /* not for DNSQ_GARBLED */
};

/* random: RETRY_TRIES unpredictable ids. answer_ns: how long one try waits. */
void dnsq_init(struct dnsq *q, const char *name, uint16_t qtype, const uint16_t *random,
	       uint64_t now_ns, uint64_t answer_ns);
/* The datagram of a try. Bytes written; 0 when the name is no host name. */
size_t dnsq_build(const struct dnsq *q, unsigned attempt, uint8_t *out, size_t cap);
void dnsq_read(struct dnsq *q, const uint8_t *p, size_t n, struct dnsq_reply *out);
/* True for an answer that a working resolver of an open network does not give for a name in use:
 * an error, no address, a private or reserved address, or a filter that names itself. */
bool dnsq_looks_wrong(const struct dns_message *m);

#endif
