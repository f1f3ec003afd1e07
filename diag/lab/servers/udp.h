/*
 * A UDP socket of a lab server: bound to one exact address, so that answers leave from the address
 * that was asked.
 */
#ifndef SALLYPORT_LAB_UDP_H
#define SALLYPORT_LAB_UDP_H

#include <stddef.h>
#include <stdint.h>

#include "sallyport/addr.h"
#include "sallyport/loop.h"

struct lab_udp;
typedef void lab_udp_fn(void *ctx, struct lab_udp *u, const struct endpoint *from, const uint8_t *p,
			size_t n);

/* Lives as long as the process. 0 or -errno. */
int lab_udp_open(struct loop *l, const struct endpoint *local, lab_udp_fn *fn, void *ctx,
		 struct lab_udp **out);
void lab_udp_send(struct lab_udp *u, const struct endpoint *to, const void *p, size_t n);
struct endpoint lab_udp_local(const struct lab_udp *u);
/* A listening TCP socket bound to one address: the fd, or -errno. */
int lab_tcp_listen_fd(const struct endpoint *local);

#endif
