/*
 * What an answer to a client-mode NTP question means (RFC 4330 section 5, RFC 5905 section 14).
 *
 * Promises: pure. Each try leaves with a random transmit timestamp, so that only who saw the
 * question can answer it and the answer names its try; our own clock never leaves the host.
 */
#ifndef SALLYPORT_CORE_SNTP_H
#define SALLYPORT_CORE_SNTP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "sallyport/model.h"
#include "sallyport/wire/ntp.h"

struct sntp_try {
	uint64_t cookie; /* the transmit timestamp sent */
	int64_t t1_us;   /* wall clock at the send */
};

struct sntp_reply {
	enum outcome outcome; /* ANSWERED, MISMATCH (origin or mode) or GARBLED */
	unsigned attempt;     /* from 1: the try it answers; 0 when it answers none */
	bool origin_ok;
	bool kiss;            /* stratum 0 */
	bool stop;            /* kiss code RATE, DENY or RSTR: ask no more */
	bool clock_known;     /* synchronised: offset_ms counts */
	double offset_ms;     /* server clock minus ours */
	char refid[16];       /* kiss code or source name, else a dotted quad */
	struct ntp_packet packet;
};

size_t sntp_build(uint8_t *out, size_t cap, const struct sntp_try *t);
/* tries[0..n) were sent; age_us[i] is how long ago, at the moment the reply came. */
void sntp_read(const struct sntp_try *tries, const int64_t *age_us, unsigned n, const uint8_t *p,
	       size_t len, struct sntp_reply *out);

#endif
