/*
 * NTP packets (RFC 5905; client mode as in RFC 4330) and the arithmetic on their timestamps.
 *
 * Promises: reads only inside (p, n), allocates nothing and leaves `out` alone when it fails.
 * Differences are taken modulo 2^64, so that they hold across the era change of 2036.
 */
#ifndef SALLYPORT_WIRE_NTP_H
#define SALLYPORT_WIRE_NTP_H

#include <stddef.h>
#include <stdint.h>

enum { NTP_BYTES = 48, NTP_CLIENT = 3, NTP_SERVER = 4, NTP_LEAP_UNKNOWN = 3, NTP_STRATUM_UNSYNC = 16 };

struct ntp_packet {
	uint8_t leap, version, mode, stratum;
	int8_t poll, precision;
	uint32_t root_delay, root_dispersion, refid;
	uint64_t reference, origin, receive, transmit; /* NTP timestamps: 32.32 seconds since 1900 */
};

/* Bytes written (NTP_BYTES), 0 when cap is too small. */
size_t ntp_build(uint8_t *out, size_t cap, const struct ntp_packet *in);
/* 0, SP_E_TRUNCATED or SP_E_MALFORMED (no such version). Extensions and a MAC may follow. */
int ntp_parse(const uint8_t *p, size_t n, struct ntp_packet *out);

uint64_t ntp_from_unix_us(int64_t us);
/* Server clock minus ours in seconds: ((t2 - t1) + (t3 - t4)) / 2 (RFC 5905 section 8). */
double ntp_offset_s(uint64_t t1, uint64_t t2, uint64_t t3, uint64_t t4);
/* Time on the network in seconds: (t4 - t1) - (t3 - t2). */
double ntp_delay_s(uint64_t t1, uint64_t t2, uint64_t t3, uint64_t t4);

#endif
