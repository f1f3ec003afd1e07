/*
 * The device-shaped DTLS handshake up to the point where the server has shown who it is: first
 * ClientHello, HelloVerifyRequest, second ClientHello, ServerHello, ServerKeyExchange. Pure.
 *
 * Promises: datagrams and time come in, at most one thing to do comes out per call; the signature
 * is checked by the caller. Accepts any cookie length, flights in any number of datagrams, records
 * and fragments, in any order, doubled or late.
 */
#ifndef SALLYPORT_CORE_HANDSHAKE_H
#define SALLYPORT_CORE_HANDSHAKE_H

#include <stdbool.h>
#include <stdint.h>

#include "sallyport/wire/dtls.h"

enum hs_result { /* what one datagram brought */
	HS_NOTHING,      /* nothing new (a duplicate, a message that does not matter) */
	HS_HELLO,        /* the first authentic answer: see `answer`; a cookie may be there now */
	HS_ALERT,        /* an alert; `alert` holds it */
	HS_GARBLED,      /* not DTLS */
	HS_KEY_EXCHANGE, /* ServerHello and ServerKeyExchange are complete: verify now */
	HS_WRONG_SUITE,  /* the server chose what was never offered */
	HS_BAD_PARAMS,   /* the ServerKeyExchange does not parse, or is not P-256 ECDSA */
};

struct handshake {
	uint8_t random[32];
	unsigned cid_ext;
	uint64_t record_seq;
	uint8_t cookie[255];
	uint8_t cookie_n;
	bool have_cookie, hello_seen, server_hello, finished;
	const char *answer; /* name of the message that answered the first ClientHello */
	struct dtls_alert alert;
	uint16_t suite;
	uint8_t server_random[32];
	struct dtls_reassembly hello_msg, key_msg;
	struct dtls_key_exchange key; /* slices into key_msg */
	char flight[160];             /* names of the messages that arrived, in order, commas between */
};

void hs_init(struct handshake *h, const uint8_t random[32], unsigned cid_ext);
/* The ClientHello to send now: the first, or with the cookie once there is one. Bytes written. */
size_t hs_client_hello(struct handshake *h, uint8_t *out, size_t cap);
enum hs_result hs_datagram(struct handshake *h, const uint8_t *p, size_t n);
/* A fatal alert that ends the handshake, so that no half-open session is left. */
size_t hs_goodbye(struct handshake *h, uint8_t *out, size_t cap);

#endif
