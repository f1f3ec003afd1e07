/*
 * DNS queries and answers (RFC 1035, EDNS RFC 6891, Extended DNS Errors RFC 8914).
 *
 * Promises: the parser reads only inside (p, n), follows compression pointers strictly backwards,
 * allocates nothing and leaves `out` alone when it fails. Names are rendered with every byte that
 * is not printable as \xNN.
 */
#ifndef SALLYPORT_WIRE_DNS_H
#define SALLYPORT_WIRE_DNS_H

#include <stdbool.h>
#include <stdint.h>

#include "sallyport/addr.h"
#include "sallyport/bytes.h"

enum dns_type { DNS_A = 1, DNS_CNAME = 5, DNS_AAAA = 28, DNS_OPT = 41 };
enum dns_rcode { DNS_NOERROR = 0, DNS_SERVFAIL = 2, DNS_NXDOMAIN = 3, DNS_REFUSED = 5 };

enum {
	DNS_NAME_TEXT = 256 * 4, /* 255 octets, each at most four characters */
	DNS_MAX_ANSWERS = 32,
	DNS_QUERY_MAX = 12 + 255 + 4 + 11,
	DNS_UDP_PAYLOAD = 1232, /* DNS flag day 2020 */
};

struct dns_name {
	char text[DNS_NAME_TEXT]; /* lower case, no trailing dot; "." for the root */
};

struct dns_message {
	uint16_t id, rcode; /* rcode: with the EDNS extension where there is one */
	bool response, truncated, authoritative;
	struct dns_name question;
	uint16_t qtype;
	struct addr addrs[DNS_MAX_ANSWERS]; /* A and AAAA of the asked type, in wire order */
	unsigned n_addrs, n_cnames;
	struct dns_name cname; /* target of the last CNAME record */
	uint32_t ttl;          /* lowest of the answers */
	int ede;               /* RFC 8914 info code, -1 when there is none */
};

/* A recursive query with EDNS. Bytes written, 0 when the name does not fit or does not parse. */
size_t dns_build_query(uint8_t *out, size_t cap, uint16_t id, const char *name, uint16_t qtype);
/* 0, SP_E_TRUNCATED or SP_E_MALFORMED. */
int dns_parse(const uint8_t *p, size_t n, struct dns_message *out);

/* For the lab's server: an answer with rcode and addresses to a query that dns_parse read. */
struct dns_reply {
	uint16_t rcode;
	int ede; /* -1: none */
	const struct addr *addrs;
	unsigned n_addrs;
	uint32_t ttl;
	struct bytes cname; /* wire form of a CNAME label to insert, empty: none */
};
size_t dns_build_reply(uint8_t *out, size_t cap, const uint8_t *query, size_t query_n,
		       const struct dns_reply *r);

#endif
