/*
 * The far-side server: STUN (RFC 8489, with --rfc5780 also RFC 5780 and the form of RFC 3489) and
 * the reflector's own protocol (wire/reflect.h), over UDP and TCP, on several ports at once.
 *
 * Promises: memory is fixed at the start whatever arrives, except for the loop's handle of each of
 * at most 1,024 TCP connections; an answer leaves from the address its question came to; STUN
 * answers are one per request, at most 68 bytes over IPv4 and 92 over IPv6 without --rfc5780; both
 * protocols are limited per client address and per prefix; reply buffers are zeroed. Blocks until
 * SIGTERM or SIGINT. Prints nothing.
 */
#ifndef SALLYPORT_REFLECTOR_H
#define SALLYPORT_REFLECTOR_H

#include <stdbool.h>
#include <stdint.h>

#include "sallyport/addr.h"
#include "sallyport/bytes.h"
#include "sallyport/err.h"

enum { REFLECTOR_MAX_ADDRESSES = 8, REFLECTOR_MAX_PORTS = 8, REFLECTOR_SECRET_MIN = 16 };

struct reflector_options {
	struct addr addresses[REFLECTOR_MAX_ADDRESSES]; /* none: every address of this host */
	unsigned n_addresses;
	uint16_t ports[REFLECTOR_MAX_PORTS]; /* at least one */
	unsigned n_ports;
	bool ipv4_only, ipv6_only;           /* where no address is named */
	bool rfc5780;                        /* needs two addresses of a family, and two ports */
	double stun_rate;                    /* answers per second and client address */
	struct bytes shared_key; /* empty: anybody is admitted */
	struct bytes secret;     /* empty: keys are random, and a restart voids what clients hold */
	void (*note)(const char *line); /* NULL, or gets lines that say how it goes */
};

struct reflector_counters {
	uint64_t started_ns, datagrams, bytes_in, bytes_out; /* IP bytes, headers counted */
	uint64_t stun_answers, stun_errors;
	uint64_t hellos, registers, pokes, pokes_refused;
	uint64_t over_rate, foreign, bad_tokens, replays;
	uint64_t connections, connections_refused;
};

/* 0, or negative with *err filled: an address or port that cannot be had, or a bad option. */
int reflector_run(const struct reflector_options *o, struct reflector_counters *out,
		  struct sp_error *err);

enum { REFLECTOR_SUMMARY = 512 };
/* "91 s, 12 datagrams, ...": one line without a newline. */
const char *reflector_summary(const struct reflector_counters *n, uint64_t now_ns,
			      char out[REFLECTOR_SUMMARY]);

#endif
