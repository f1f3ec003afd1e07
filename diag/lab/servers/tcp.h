/*
 * What the lab's TCP servers share: listening on exact addresses, a bounded number of connections,
 * an end to each of them.
 *
 * Promises: a hostile client costs at most one connection slot for LAB_TCP_LIFE_S seconds; nothing
 * of a connection is called after its close.
 */
#ifndef SALLYPORT_LAB_SERVERS_TCP_H
#define SALLYPORT_LAB_SERVERS_TCP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "sallyport/lab.h"

enum { LAB_TCP_MAX_CONNS = 256, LAB_TCP_LIFE_S = 60 };

struct lab_tcp_service;

struct lab_tcp_conn {
	int fd;
	struct loop *loop;
	struct loop_io *io;
	struct loop_timer *life;
	const struct lab_tcp_service *service;
	const struct lab_world *world;
	bool forged; /* the address of the machine that answers everything wrongly */
	void *state; /* service->state_size zeroed bytes */
};

struct lab_tcp_service {
	size_t state_size;
	/* A client has connected. False: the connection has been closed meanwhile. */
	bool (*opened)(struct lab_tcp_conn *c);
	/* Readable (or ended); events as in loop.h. */
	void (*ready)(struct lab_tcp_conn *c, unsigned events);
	void (*closed)(struct lab_tcp_conn *c); /* release what state holds; may be NULL */
};

/* 0 or -errno. */
int lab_tcp_listen(struct loop *l, const struct lab_world *w, const struct addr *a, uint16_t port,
		   const struct lab_tcp_service *service);
/* FIN, or RST. */
void lab_tcp_close(struct lab_tcp_conn *c, bool reset);
/* Sends a small answer; what does not fit the socket's buffer is lost with the connection. */
bool lab_tcp_send(struct lab_tcp_conn *c, const void *p, size_t n);
/* Reads what has come: bytes, 0 when nothing is there, -1 when the connection ended. */
ssize_t lab_tcp_recv(struct lab_tcp_conn *c, void *p, size_t cap);

#endif
