/*
 * UDP and TCP client sockets on the loop, with ICMP errors (IP_RECVERR) and kernel timestamps.
 *
 * Promises: every socket is non-blocking, connected, and fixed to one interface (SO_BINDTODEVICE)
 * when a name is given. What the network does arrives as a struct sock_event; a callback may
 * close its own socket. Data slices live until the callback returns.
 */
#ifndef SALLYPORT_SOCK_H
#define SALLYPORT_SOCK_H

#include <stdbool.h>
#include <stdint.h>

#include "sallyport/addr.h"
#include "sallyport/bytes.h"
#include "sallyport/loop.h"

struct sock;

enum sock_event_type {
	SOCK_CONNECTED, /* TCP: SYN-ACK came */
	SOCK_DATA,
	SOCK_CLOSED,    /* TCP: orderly end (FIN) by the peer */
	SOCK_RESET,     /* TCP: RST on an open connection */
	SOCK_REFUSED,   /* TCP: RST to the SYN */
	SOCK_ICMP,      /* an ICMP error about one of our packets; the socket stays open for UDP */
	SOCK_ERROR,     /* any other error: err is the positive errno */
};

struct sock_event {
	enum sock_event_type type;
	uint64_t at_ns;       /* monotonic; from the kernel's receive timestamp where there is one */
	struct bytes data;    /* SOCK_DATA; for SOCK_ICMP the quoted payload of our own packet */
	struct endpoint from; /* SOCK_DATA on UDP: who sent it */
	int ttl;              /* received TTL or hop limit, -1 when unknown */
	uint8_t icmp_type, icmp_code;
	struct addr icmp_from; /* family 0 when unknown */
	int err;
};

typedef void sock_fn(void *ctx, const struct sock_event *ev);

struct sock_opts {
	const char *ifname;    /* NULL or empty: any */
	uint16_t source_port;  /* 0: ephemeral */
	struct addr source;    /* family 0: the kernel chooses */
	int ttl;               /* 0: default */
};

/* 0, or SP_E_DENIED where this process may not fix a socket to an interface: Linux before 5.7
 * wants CAP_NET_RAW for it. Unfixed sockets could leave by a tunnel, so no run starts then. */
int sock_may_fix(const char *ifname);

/* Open a connected UDP socket. 0, SP_E_DENIED (interface not permitted) or -errno (-EACCES/-EPERM:
 * port not permitted, -ENETUNREACH: no route). */
int sock_udp(struct loop *l, const struct endpoint *peer, const struct sock_opts *o, sock_fn *fn,
	     void *ctx, struct sock **out);
/* Start a TCP connect; the result comes as an event, also when it is known at once. */
int sock_tcp(struct loop *l, const struct endpoint *peer, const struct sock_opts *o, sock_fn *fn,
	     void *ctx, struct sock **out);
/* 0 or -errno; -EPERM means that this host's own rules dropped it. TCP data that does not fit the
 * send buffer is -EAGAIN (nothing of it sent). *sent_ns may be NULL. */
int sock_send(struct sock *s, const void *p, size_t n, uint64_t *sent_ns);
int sock_set_ttl(struct sock *s, int ttl);
/* Packets of a TCP socket that is not connected yet: the SYN, and how often it was sent again. */
unsigned sock_syns(const struct sock *s);
struct endpoint sock_local(const struct sock *s);
/* Orderly: FIN, not RST. */
void sock_close(struct sock *s);
/* Gives the connected TCP fd away (to OpenSSL); s is gone afterwards. */
int sock_take_fd(struct sock *s);

#endif
