/*
 * ICMP and ICMPv6 error messages (RFC 792, RFC 4443) and the packet they quote.
 *
 * Promises: the parsers read only inside (p, n), allocate nothing, look at a bounded number of
 * extension headers and leave `out` alone when they fail. Slices point into p. A quote may be cut
 * by the router (RFC 792: 8 bytes of the transport header); ports are then still there. The
 * checksum is not judged: captures may be cut too.
 */
#ifndef SALLYPORT_WIRE_ICMP_H
#define SALLYPORT_WIRE_ICMP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "sallyport/addr.h"
#include "sallyport/bytes.h"

enum icmp4_type {
	ICMP4_UNREACHABLE = 3,
	ICMP4_REDIRECT = 5,
	ICMP4_TIME_EXCEEDED = 11,
	ICMP4_PARAMETER = 12,
};

enum icmp6_type {
	ICMP6_UNREACHABLE = 1,
	ICMP6_TOO_BIG = 2,
	ICMP6_TIME_EXCEEDED = 3,
	ICMP6_PARAMETER = 4,
};

struct icmp_error {
	uint8_t type, code;
	uint32_t mtu; /* v4 3/4 and v6 type 2; 0: not given */
	/* the quoted packet */
	uint8_t proto;       /* IP protocol number: 17 UDP, 6 TCP */
	uint8_t ttl;         /* as it arrived at the sender of the error */
	uint16_t ip_id;      /* IPv4 */
	uint16_t ip_length;  /* whole quoted packet by its own header */
	bool has_ports;      /* false for later fragments and other protocols */
	struct endpoint src, dst; /* port 0 where has_ports is false */
	struct bytes transport;   /* what is quoted from the transport header on */
	struct bytes payload;     /* UDP: after its header, as far as quoted */
};

/* p begins at the ICMP header. 0, SP_E_TRUNCATED, SP_E_MALFORMED, or SP_E_UNKNOWN for a message that is no
 * error about a packet. */
int icmp4_parse(const uint8_t *p, size_t n, struct icmp_error *out);
int icmp6_parse(const uint8_t *p, size_t n, struct icmp_error *out);

/* A port-unreachable (IPv4 3/3, IPv6 1/4) that quotes the UDP datagram src -> dst with this payload,
 * checksums right. The ICMPv6 checksum itself is left zero: the kernel fills it in on a raw socket
 * (RFC 3542 section 3.1). Bytes written, 0 when cap is too small or the families differ. */
size_t icmp_build_unreachable(uint8_t *out, size_t cap, const struct endpoint *src,
			      const struct endpoint *dst, struct bytes payload);

#endif
