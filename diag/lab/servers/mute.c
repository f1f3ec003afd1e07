/*
 * The transparent proxy of accept-all-tcp: takes every TCP connection that the gateway's rules
 * redirect to it, swallows what comes and never says a word.
 */
#include <errno.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "sallyport/arena.h"
#include "sallyport/lab.h"

enum { MUTE_PORT = 7777, MUTE_BACKLOG = 64, MUTE_CONNECTIONS = 256 /* at once */ };

struct mute {
	struct loop *loop;
	int fd;
	size_t open;
};

struct mute_conn {
	struct mute *mute;
	struct loop_io *io;
	int fd;
};

static void conn_close(struct mute_conn *c)
{
	loop_io_del(c->io);
	close(c->fd);
	c->mute->open--;
	free(c);
}

static void on_bytes(void *ctx, unsigned events)
{
	(void)events;
	struct mute_conn *c = ctx;
	char sink[4096];
	ssize_t n = recv(c->fd, sink, sizeof(sink), MSG_DONTWAIT);
	if (n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR))
		conn_close(c);
}

static void on_client(void *ctx, unsigned events)
{
	(void)events;
	struct mute *m = ctx;
	int fd = accept4(m->fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
	if (fd < 0)
		return;
	struct mute_conn *c = xcalloc(1, sizeof(*c));
	*c = (struct mute_conn){.mute = m, .fd = fd};
	if (m->open == MUTE_CONNECTIONS ||
	    loop_io_add(m->loop, fd, LOOP_READ, on_bytes, c, &c->io)) {
		close(fd);
		free(c);
		return;
	}
	m->open++;
}

static int mute_start(struct loop *l, const struct lab_world *w)
{
	struct endpoint at = {w->resolver, MUTE_PORT};
	struct sockaddr_storage ss;
	socklen_t n = (socklen_t)endpoint_to_sockaddr(&at, &ss);
	struct mute *m = xcalloc(1, sizeof(*m)); /* lives as long as the process */
	struct loop_io *io;
	m->loop = l;
	m->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (m->fd < 0)
		return -errno;
	if (bind(m->fd, (struct sockaddr *)&ss, n) || listen(m->fd, MUTE_BACKLOG))
		return -errno;
	return loop_io_add(l, m->fd, LOOP_READ, on_client, m, &io);
}

const struct lab_server lab_server_mute = {"mute", LAB_SIDE_GATEWAY, mute_start};
