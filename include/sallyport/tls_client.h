/*
 * One TLS client handshake on a connected socket: who answers, with which certificate, and what
 * the trust store of this host says about it (the system's, or SSL_CERT_FILE).
 *
 * Promises: a certificate that does not verify never ends the handshake, it is what the result
 * tells; the result holds plain values and printable, bounded text only; one callback, from the
 * loop, never from inside tls_client_start(), and none after tls_client_close(). Time limits are
 * the caller's: tls_client_result() tells at any time what has been seen so far.
 */
#ifndef SALLYPORT_TLS_CLIENT_H
#define SALLYPORT_TLS_CLIENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "sallyport/loop.h"

struct tls_client;

enum { TLS_NAME_MAX = 256, TLS_FIRST_BYTES = 16 };

enum tls_end {
	TLS_PENDING, /* still under way */
	TLS_DONE,    /* handshake complete */
	TLS_ALERTED, /* the peer sent a fatal alert */
	TLS_RESET,   /* RST */
	TLS_CLOSED,  /* FIN before the handshake was complete */
	TLS_GARBLED, /* bytes that are not TLS, or break it */
	TLS_FAILED,  /* this side could not go on (library or system call): err */
};

struct tls_result {
	enum tls_end end;
	bool server_hello; /* a ServerHello came */
	int alert;         /* description of the alert received, -1 for none */
	int err;           /* positive errno of the last error on the socket, else 0 */
	uint8_t first[TLS_FIRST_BYTES];
	unsigned n_first; /* first bytes received, for evidence */
	uint64_t sent, received;
	uint64_t started_ns, answered_ns, ended_ns; /* answered: first byte received, 0 for none */
	char version[16];                           /* "TLSv1.3", or empty */

	bool has_certificate; /* the fields below are set */
	bool chain_known;     /* false: this host has no trust store, so nobody can tell */
	bool chain_ok, name_ok;
	bool chain_ok_undated; /* the chain verifies when the dates are left out */
	const char *verify;    /* ok, expired, not-yet-valid, self-signed, self-signed-in-chain,
				  unknown-issuer, bad-signature, revoked, wrong-purpose, weak-key,
				  name-mismatch, no-trust-store, other */
	int verify_code;       /* X509_V_ERR_*, 0 when fine */
	char issuer[TLS_NAME_MAX], subject[TLS_NAME_MAX];
	int64_t not_before_us, not_after_us; /* wall clock; 0 when unreadable */
	uint8_t spki_sha256[32];
};

struct tls_client_opts {
	const char *sni;  /* NULL: none is sent */
	const char *name; /* the certificate should be for this host name or address */
};

typedef void tls_client_fn(void *ctx, const struct tls_result *r);

/* Owns fd (connected, non-blocking) from here on, also on failure. 0 or negative. */
int tls_client_start(struct loop *l, int fd, const struct tls_client_opts *o, tls_client_fn *fn,
		     void *ctx, struct tls_client **out);
const struct tls_result *tls_client_result(const struct tls_client *c);
/* After TLS_DONE: sends n bytes, then hands on what the peer says as it comes; n of 0 is its end.
 * 0 or negative. */
typedef void tls_data_fn(void *ctx, const uint8_t *p, size_t n);
int tls_client_talk(struct tls_client *c, const void *p, size_t n, tls_data_fn *fn);
/* Sends close_notify where there is a connection, then FIN. NULL is allowed. */
void tls_client_close(struct tls_client *c);

/* Forgets the trust store, so that the next client reads SSL_CERT_FILE anew; with no client open.
 */
void tls_client_forget_store(void);

#endif
