/* Listeners and connections of the lab's TCP servers. */
#include "diag/lab/servers/tcp.h"

#include <errno.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "sallyport/arena.h"
#include "sallyport/clock.h"

enum { BACKLOG = 128, ACCEPTS_PER_WAKE = 16 };

struct listener {
	int fd;
	struct loop *loop;
	struct loop_io *io;
	const struct lab_world *world;
	const struct lab_tcp_service *service;
	bool forged;
};

static unsigned open_conns;

void lab_tcp_close(struct lab_tcp_conn *c, bool reset)
{
	if (c->service->closed)
		c->service->closed(c);
	loop_timer_del(c->life);
	loop_io_del(c->io);
	if (reset) {
		struct linger now = {.l_onoff = 1, .l_linger = 0};
		(void)setsockopt(c->fd, SOL_SOCKET, SO_LINGER, &now, sizeof(now));
	}
	close(c->fd);
	free(c->state);
	free(c);
	open_conns--;
}

bool lab_tcp_send(struct lab_tcp_conn *c, const void *p, size_t n)
{
	return send(c->fd, p, n, MSG_NOSIGNAL | MSG_DONTWAIT) == (ssize_t)n;
}

ssize_t lab_tcp_recv(struct lab_tcp_conn *c, void *p, size_t cap)
{
	ssize_t n = recv(c->fd, p, cap, MSG_DONTWAIT);
	if (n > 0)
		return n;
	return n < 0 && (errno == EAGAIN || errno == EINTR) ? 0 : -1;
}

static void on_life_over(void *ctx)
{
	lab_tcp_close(ctx, false);
}

static void on_conn(void *ctx, unsigned events)
{
	struct lab_tcp_conn *c = ctx;
	c->service->ready(c, events);
}

static void take(struct listener *s, int fd)
{
	struct lab_tcp_conn *c = xcalloc(1, sizeof(*c));
	*c = (struct lab_tcp_conn){.fd = fd,
				   .loop = s->loop,
				   .service = s->service,
				   .world = s->world,
				   .forged = s->forged};
	if (loop_io_add(s->loop, fd, LOOP_READ, on_conn, c, &c->io)) {
		close(fd);
		free(c);
		return;
	}
	open_conns++;
	c->state = xcalloc(1, s->service->state_size ? s->service->state_size : 1);
	c->life = loop_timer_add(s->loop, loop_now_ns(s->loop) + LAB_TCP_LIFE_S * NS_PER_S,
				 on_life_over, c);
	(void)s->service->opened(c);
}

static void on_accept(void *ctx, unsigned events)
{
	struct listener *s = ctx;
	(void)events;
	for (unsigned i = 0; i < ACCEPTS_PER_WAKE; i++) {
		int fd = accept4(s->fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
		if (fd < 0)
			return;
		if (open_conns >= LAB_TCP_MAX_CONNS)
			close(fd);
		else
			take(s, fd);
	}
}

static int open_listener(const struct addr *a, uint16_t port)
{
	struct endpoint e = {.addr = *a, .port = port};
	struct sockaddr_storage ss;
	socklen_t n = (socklen_t)endpoint_to_sockaddr(&e, &ss);
	int one = 1;
	int fd = n ? socket(ss.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0) : -1;
	if (fd < 0)
		return n ? -errno : -EAFNOSUPPORT;
	(void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	/* The address may be put on the interface after the server starts. */
	(void)setsockopt(fd, IPPROTO_IP, IP_FREEBIND, &one, sizeof(one));
	if (bind(fd, (struct sockaddr *)&ss, n) || listen(fd, BACKLOG)) {
		int err = errno;
		close(fd);
		return -err;
	}
	return fd;
}

int lab_tcp_listen(struct loop *l, const struct lab_world *w, const struct addr *a, uint16_t port,
		   const struct lab_tcp_service *service)
{
	int fd = open_listener(a, port);
	if (fd < 0)
		return fd;
	signal(SIGPIPE, SIG_IGN); /* a client that resets must not end the servers' process */
	struct listener *s = xcalloc(1, sizeof(*s));
	*s = (struct listener){.fd = fd,
			       .loop = l,
			       .world = w,
			       .service = service,
			       .forged = addr_equal(a, &w->forged)};
	int e = loop_io_add(l, fd, LOOP_READ, on_accept, s, &s->io);
	if (e) {
		close(fd);
		free(s);
	}
	return e;
}
