/*
 * What the reflector has open. One thread, the project's loop: readiness comes from it, and a ready
 * UDP socket is then read and answered in batches of 64 until it is empty. That keeps the system
 * calls per packet at a thirtieth, so a loop of its own would gain nothing measurable.
 */
#ifndef PROBES_REFLECTOR_SERVER_H
#define PROBES_REFLECTOR_SERVER_H

#include "reflector.h"
#include "sallyport/loop.h"

enum { PLACES_MAX = REFLECTOR_MAX_ADDRESSES * REFLECTOR_MAX_PORTS };

struct server;
struct msghdr;
struct sockaddr_storage;

/* A socket that packets or connections come to. */
struct place {
	struct server *server;
	struct loop_io *io;
	int fd;
	struct endpoint local; /* the address is unspecified where it takes every one */
	bool any;
};

struct server {
	struct reflector core;
	struct loop *loop;
	struct place udp[PLACES_MAX], tcp[PLACES_MAX];
	unsigned n_places; /* of each */
	int raw4, raw6;    /* for ICMP errors; -1 where it was not granted */
	struct udp_batch *batch;
	struct tcp_table *connections;
	struct loop_signal *stops[2];
	struct loop_timer *notes;
	bool wall_clock; /* tokens outlive the process: their seconds are those of the wall */
};

/* Also turns the keys when it is time. */
struct reflector_now server_now(struct server *s);

/* ---- places.c: sockets, and the local address of one packet ---- */
enum { CONTROL_BYTES = 64 };
int places_open(struct server *s, struct sp_error *err);
void places_close(struct server *s);
/* Makes m leave from that address; control holds CONTROL_BYTES. */
void places_send_from(struct msghdr *m, void *control, const struct addr *from);
/* The address that m came to; false when it is not one of this host alone. */
bool places_came_to(struct msghdr *m, struct addr *out);

/* ---- udp.c ---- */
int udp_open(struct server *s);
void udp_close(struct server *s);
int udp_send(void *ctx, const struct path *p, struct bytes data); /* reflector_net.udp */

/* ---- error.c ---- */
void error_open(struct server *s);
void error_close(struct server *s);
int error_send(void *ctx, const struct path *p, struct bytes payload);

/* ---- tcp.c ---- */
int tcp_open(struct server *s);
void tcp_close(struct server *s);
int tcp_send(void *ctx, const struct path *p, struct bytes data, bool push);
enum reflect_code tcp_status(void *ctx, const struct path *p, uint32_t *ms);

#endif
