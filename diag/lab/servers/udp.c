#include "udp.h"

#include <errno.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include "sallyport/arena.h"

struct lab_udp {
	int fd;
	struct loop_io *io;
	struct endpoint local;
	lab_udp_fn *fn;
	void *ctx;
};

static void on_readable(void *ctx, unsigned events)
{
	struct lab_udp *u = ctx;
	uint8_t buf[2048];
	struct sockaddr_storage ss;
	struct endpoint from;
	(void)events;
	for (unsigned i = 0; i < 32; i++) {
		socklen_t len = sizeof(ss);
		ssize_t n = recvfrom(u->fd, buf, sizeof(buf), MSG_DONTWAIT, (struct sockaddr *)&ss, &len);
		if (n < 0)
			return;
		if (endpoint_from_sockaddr(&ss, &from) == 0)
			u->fn(u->ctx, u, &from, buf, (size_t)n);
	}
}

static int bound(const struct endpoint *local, int type)
{
	struct sockaddr_storage ss;
	socklen_t n = (socklen_t)endpoint_to_sockaddr(local, &ss);
	int one = 1;
	int fd = socket(ss.ss_family, type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -errno;
	(void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	(void)setsockopt(fd, IPPROTO_IP, IP_FREEBIND, &one, sizeof(one));
	if (bind(fd, (struct sockaddr *)&ss, n)) {
		int e = -errno;
		close(fd);
		return e;
	}
	return fd;
}

int lab_udp_open(struct loop *l, const struct endpoint *local, lab_udp_fn *fn, void *ctx,
		 struct lab_udp **out)
{
	int fd = bound(local, SOCK_DGRAM);
	if (fd < 0)
		return fd;
	struct lab_udp *u = xcalloc(1, sizeof(*u));
	*u = (struct lab_udp){ .fd = fd, .local = *local, .fn = fn, .ctx = ctx };
	int e = loop_io_add(l, fd, LOOP_READ, on_readable, u, &u->io);
	if (!e && out)
		*out = u;
	return e;
}

void lab_udp_send(struct lab_udp *u, const struct endpoint *to, const void *p, size_t n)
{
	struct sockaddr_storage ss;
	socklen_t len = (socklen_t)endpoint_to_sockaddr(to, &ss);
	(void)sendto(u->fd, p, n, MSG_DONTWAIT, (struct sockaddr *)&ss, len); /* loss is allowed */
}

struct endpoint lab_udp_local(const struct lab_udp *u)
{
	return u->local;
}

int lab_tcp_listen_fd(const struct endpoint *local)
{
	int fd = bound(local, SOCK_STREAM);
	if (fd >= 0 && listen(fd, 64)) {
		int e = -errno;
		close(fd);
		return e;
	}
	return fd;
}
