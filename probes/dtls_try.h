/*
 * One device-shaped DTLS handshake with one name, up to the point where the server has shown who it
 * is; the target's own and its controls are made alike. What is done about the result is the
 * caller's (dtls_device.c).
 *
 * Promises: every try leaves its observation; fn is called from the loop only, DTLS_TRY_OVER last;
 * no half-open session is left with a server that answered; after dtls_try_close() nothing is held.
 */
#ifndef SALLYPORT_DTLS_TRY_H
#define SALLYPORT_DTLS_TRY_H

#include "core/handshake.h"
#include "core/retry.h"
#include "sallyport/probe.h"

enum dtls_try_event {
	DTLS_TRY_SILENT,   /* the second try is unanswered; may come again */
	DTLS_TRY_REFUSED,  /* port unreachable in the target's name; may come again */
	DTLS_TRY_IMPOSTOR, /* what answers is no DTLS, or does not hold the key */
	DTLS_TRY_OVER,
};

struct dtls_try;
typedef void dtls_try_fn(void *ctx, struct dtls_try *t, enum dtls_try_event ev);

struct dtls_try_what {
	const char *hello_id;    /* check ids and target to observe under */
	const char *identity_id; /* NULL: the first answer is enough, the handshake ends there */
	const char *target;
	const char *name, *role, *operator; /* operator may be NULL */
	uint16_t port;
	unsigned cid_ext;        /* number of the connection id extension, 0: none */
	struct bytes key;        /* SubjectPublicKeyInfo; empty: nothing to verify */
	unsigned limit;          /* first hellos at most; 0: the whole schedule */
};

enum { DTLS_PAYLOAD_MAX = 512 };

struct dtls_try {
	struct probe *probe;
	struct dtls_try_what what;
	dtls_try_fn *fn;
	void *ctx;
	struct retry first, second; /* first ClientHello; the one with the cookie */
	struct handshake hs;
	struct sock *sock;
	struct loop_timer *timer;
	struct endpoint peer, silent; /* silent: where the last unanswered first hello went */
	struct {
		struct endpoint from, to;
	} sent[RETRY_TRIES]; /* the first hellos: an address may have changed when one is told silent */
	struct addr addrs[NAMES_MAX_ADDRS];
	size_t n_addrs, used_addr;
	uint8_t payload[DTLS_PAYLOAD_MAX]; /* the last hello sent */
	size_t payload_n;
	unsigned again;    /* handshakes begun anew because a flight may have been put together of two */
	unsigned untold;   /* packets beside the hellos that no observation has told of */
	bool second_phase, identity_done, said_goodbye, over;
};

/* Addresses are tried in order, the next after three silent hellos. 0, or -errno: no route. */
int dtls_try_open(struct dtls_try *t, struct probe *p, const struct dtls_try_what *what,
		  const struct addr *addrs, size_t n_addrs, dtls_try_fn *fn, void *ctx);
void dtls_try_close(struct dtls_try *t);

#endif
