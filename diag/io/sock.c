/*
 * Connected UDP and TCP sockets. The error queue (IP_RECVERR) says which box sent an ICMP error
 * about which of our packets; without it a UDP socket would only say ECONNREFUSED.
 */
#include "sallyport/sock.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <linux/errqueue.h>

#include "sallyport/arena.h"
#include "sallyport/clock.h"
#include "sallyport/err.h"

#ifndef SO_SELECT_ERR_QUEUE
#define SO_SELECT_ERR_QUEUE 45
#endif

enum { READ_MAX = 65536, READS_PER_WAKE = 64 };

struct sock {
	struct loop *loop;
	struct loop_io *io;
	struct loop_timer *deferred; /* a result known inside sock_tcp() */
	int fd, deferred_err;
	uint8_t family;
	bool tcp, connecting, in_callback, closed;
	struct endpoint peer;
	sock_fn *fn;
	void *ctx;
};

static void set_int(int fd, int level, int name, int v)
{
	(void)setsockopt(fd, level, name, &v, sizeof(v)); /* absence of one only costs detail */
}

static void set_options(int fd, uint8_t family, bool tcp)
{
	bool v4 = family == 4;
	set_int(fd, v4 ? IPPROTO_IP : IPPROTO_IPV6, v4 ? IP_RECVERR : IPV6_RECVERR, 1);
	set_int(fd, SOL_SOCKET, SO_SELECT_ERR_QUEUE, 1);
	if (tcp) {
		set_int(fd, IPPROTO_TCP, TCP_NODELAY, 1);
		return;
	}
	set_int(fd, v4 ? IPPROTO_IP : IPPROTO_IPV6, v4 ? IP_RECVTTL : IPV6_RECVHOPLIMIT, 1);
	set_int(fd, SOL_SOCKET, SO_TIMESTAMPNS, 1);
}

static int bind_source(int fd, uint8_t family, const struct sock_opts *o)
{
	if (!o->source_port && !o->source.family)
		return 0;
	struct endpoint e = { .addr = o->source, .port = o->source_port };
	if (!e.addr.family)
		e.addr.family = family;
	struct sockaddr_storage ss;
	socklen_t n = (socklen_t)endpoint_to_sockaddr(&e, &ss);
	set_int(fd, SOL_SOCKET, SO_REUSEADDR, 1);
	return bind(fd, (struct sockaddr *)&ss, n) ? -errno : 0;
}

static int apply_ttl(int fd, uint8_t family, int ttl)
{
	bool v4 = family == 4;
	return setsockopt(fd, v4 ? IPPROTO_IP : IPPROTO_IPV6, v4 ? IP_TTL : IPV6_UNICAST_HOPS, &ttl,
			  sizeof(ttl)) ? -errno : 0;
}

/* Its EPERM is a missing privilege; the EPERM of a send is a firewall's. */
static int fix_to(int fd, const char *ifname)
{
	if (!ifname || !*ifname ||
	    !setsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE, ifname, (socklen_t)strlen(ifname)))
		return 0;
	return errno == EPERM ? SP_E_DENIED : -errno;
}

int sock_may_fix(const char *ifname)
{
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	int e = fd < 0 ? 0 : fix_to(fd, ifname);
	if (fd >= 0)
		close(fd);
	return e == SP_E_DENIED ? e : 0;
}

static int configure(int fd, uint8_t family, bool tcp, const struct sock_opts *o)
{
	set_options(fd, family, tcp);
	int e = fix_to(fd, o->ifname);
	e = e ? e : bind_source(fd, family, o);
	return e || !o->ttl ? e : apply_ttl(fd, family, o->ttl);
}

/* Receive timestamps are wall-clock; this moves one to the monotonic clock. */
static uint64_t mono_from_wall(const struct timespec *ts)
{
	struct timespec wall;
	uint64_t now = clock_mono_ns();
	clock_gettime(CLOCK_REALTIME, &wall);
	int64_t age = (wall.tv_sec - ts->tv_sec) * (int64_t)NS_PER_S + (wall.tv_nsec - ts->tv_nsec);
	return age > 0 && (uint64_t)age < NS_PER_S * 10 ? now - (uint64_t)age : now;
}

static void read_cmsgs(struct msghdr *m, struct sock_event *ev, struct sock_extended_err *ee,
		       struct sockaddr_storage *offender)
{
	for (struct cmsghdr *c = CMSG_FIRSTHDR(m); c; c = CMSG_NXTHDR(m, c)) {
		const void *data = CMSG_DATA(c);
		if (c->cmsg_level == SOL_SOCKET && c->cmsg_type == SO_TIMESTAMPNS) {
			struct timespec ts;
			memcpy(&ts, data, sizeof(ts));
			ev->at_ns = mono_from_wall(&ts);
		} else if ((c->cmsg_level == IPPROTO_IP && c->cmsg_type == IP_TTL) ||
			   (c->cmsg_level == IPPROTO_IPV6 && c->cmsg_type == IPV6_HOPLIMIT)) {
			memcpy(&ev->ttl, data, sizeof(ev->ttl));
		} else if ((c->cmsg_level == IPPROTO_IP && c->cmsg_type == IP_RECVERR) ||
			   (c->cmsg_level == IPPROTO_IPV6 && c->cmsg_type == IPV6_RECVERR)) {
			size_t n = c->cmsg_len - CMSG_LEN(0);
			memcpy(ee, data, sizeof(*ee));
			n = n > sizeof(*ee) ? n - sizeof(*ee) : 0;
			memcpy(offender, (const char *)data + sizeof(*ee),
			       n < sizeof(*offender) ? n : sizeof(*offender));
		}
	}
}

/* Delivers one event; false when the callback closed the socket. */
static bool deliver(struct sock *s, const struct sock_event *ev)
{
	s->in_callback = true;
	s->fn(s->ctx, ev);
	s->in_callback = false;
	if (s->closed) {
		free(s);
		return false;
	}
	return true;
}

enum got { GOT_NOTHING, GOT_EVENT, GOT_CLOSED };

/* One entry of the error queue. */
static enum got read_error(struct sock *s)
{
	static uint8_t buf[2048];
	union {
		char raw[512];
		struct cmsghdr align;
	} control;
	struct iovec iov = { buf, sizeof(buf) };
	struct msghdr m = { .msg_iov = &iov, .msg_iovlen = 1, .msg_control = control.raw,
			    .msg_controllen = sizeof(control.raw) };
	struct sock_event ev = { .type = SOCK_ICMP, .at_ns = clock_mono_ns(), .ttl = -1 };
	struct sock_extended_err ee = { 0 };
	struct sockaddr_storage offender = { 0 };
	ssize_t n = recvmsg(s->fd, &m, MSG_ERRQUEUE | MSG_DONTWAIT);
	if (n < 0)
		return GOT_NOTHING;
	read_cmsgs(&m, &ev, &ee, &offender);
	if (ee.ee_origin != SO_EE_ORIGIN_ICMP && ee.ee_origin != SO_EE_ORIGIN_ICMP6)
		return GOT_EVENT; /* local errors come back from the call itself */
	struct endpoint from = { 0 };
	(void)endpoint_from_sockaddr(&offender, &from);
	ev.icmp_type = ee.ee_type;
	ev.icmp_code = ee.ee_code;
	ev.icmp_from = from.addr;
	ev.err = (int)ee.ee_errno;
	ev.data = (struct bytes){ buf, (size_t)n };
	return deliver(s, &ev) ? GOT_EVENT : GOT_CLOSED;
}

/* One datagram, or a piece of the stream. */
static enum got read_data(struct sock *s)
{
	static uint8_t buf[READ_MAX];
	union {
		char raw[256];
		struct cmsghdr align;
	} control;
	struct sockaddr_storage from = { 0 };
	struct iovec iov = { buf, sizeof(buf) };
	struct msghdr m = { .msg_name = &from, .msg_namelen = sizeof(from), .msg_iov = &iov,
			    .msg_iovlen = 1, .msg_control = control.raw,
			    .msg_controllen = sizeof(control.raw) };
	struct sock_event ev = { .type = SOCK_DATA, .at_ns = clock_mono_ns(), .ttl = -1, .from = s->peer };
	ssize_t n = recvmsg(s->fd, &m, MSG_DONTWAIT);
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return GOT_NOTHING;
	if (n < 0 && !s->tcp) /* an ICMP error's echo: the error queue has the story */
		return errno == ECONNREFUSED || errno == EHOSTUNREACH || errno == ENETUNREACH ||
		       errno == EPROTO || errno == EACCES ? GOT_EVENT : GOT_NOTHING;
	struct sock_extended_err ee = { 0 };
	struct sockaddr_storage unused = { 0 };
	if (n >= 0)
		read_cmsgs(&m, &ev, &ee, &unused);
	if (!s->tcp)
		(void)endpoint_from_sockaddr(&from, &ev.from);
	if (n < 0) {
		ev.type = errno == ECONNRESET || errno == EPIPE ? SOCK_RESET : SOCK_ERROR;
		ev.err = errno;
	} else if (n == 0 && s->tcp) {
		ev.type = SOCK_CLOSED;
	} else {
		ev.data = (struct bytes){ buf, (size_t)n };
	}
	if (ev.type != SOCK_DATA)
		(void)loop_io_mod(s->io, 0); /* nothing more will come */
	if (!deliver(s, &ev))
		return GOT_CLOSED;
	return ev.type == SOCK_DATA ? GOT_EVENT : GOT_NOTHING;
}

static enum got drain(struct sock *s, enum got (*read_one)(struct sock *))
{
	enum got got = GOT_EVENT;
	for (unsigned i = 0; i < READS_PER_WAKE && got == GOT_EVENT; i++)
		got = read_one(s);
	return got;
}

/* What became of a TCP connect. An ICMP error has already been told from the error queue. */
static void connect_result(struct sock *s, int err)
{
	struct sock_event ev = { .at_ns = clock_mono_ns(), .ttl = -1, .err = err, .from = s->peer };
	s->connecting = false;
	ev.type = !err ? SOCK_CONNECTED : err == ECONNREFUSED ? SOCK_REFUSED : SOCK_ERROR;
	(void)loop_io_mod(s->io, err ? 0 : LOOP_READ | LOOP_ERROR);
	(void)deliver(s, &ev);
}

static void on_connecting(struct sock *s)
{
	int err = 0;
	socklen_t n = sizeof(err);
	(void)getsockopt(s->fd, SOL_SOCKET, SO_ERROR, &err, &n);
	struct tcp_info info;
	n = sizeof(info);
	bool established = getsockopt(s->fd, IPPROTO_TCP, TCP_INFO, &info, &n) == 0 &&
			   info.tcpi_state != TCP_SYN_SENT && info.tcpi_state != TCP_CLOSE;
	if (err || established)
		connect_result(s, err);
}

static void on_io(void *ctx, unsigned events)
{
	struct sock *s = ctx;
	bool was_connecting = s->connecting;
	(void)events;
	if (drain(s, read_error) == GOT_CLOSED)
		return;
	if (was_connecting)
		on_connecting(s);
	else
		(void)drain(s, read_data);
}

static void on_deferred(void *ctx)
{
	struct sock *s = ctx;
	loop_timer_del(s->deferred);
	s->deferred = NULL;
	connect_result(s, s->deferred_err);
}

static int open_fd(const struct endpoint *peer, bool tcp, const struct sock_opts *o)
{
	int fd = socket(peer->addr.family == 4 ? AF_INET : AF_INET6,
			(tcp ? SOCK_STREAM : SOCK_DGRAM) | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -errno;
	int e = configure(fd, peer->addr.family, tcp, o);
	if (e)
		close(fd);
	return e ? e : fd;
}

static int open_sock(struct loop *l, const struct endpoint *peer, bool tcp, const struct sock_opts *o,
		     sock_fn *fn, void *ctx, struct sock **out)
{
	struct sockaddr_storage ss;
	socklen_t n = (socklen_t)endpoint_to_sockaddr(peer, &ss);
	if (!n)
		return -EAFNOSUPPORT;
	int fd = open_fd(peer, tcp, o);
	if (fd < 0)
		return fd;
	int err = connect(fd, (struct sockaddr *)&ss, n) ? errno : 0;
	bool pending = tcp && (err == EINPROGRESS || !err);
	if (err && !pending && !(tcp && err == ECONNREFUSED)) {
		close(fd);
		return -err;
	}
	struct sock *s = xcalloc(1, sizeof(*s));
	*s = (struct sock){ .loop = l, .fd = fd, .family = peer->addr.family, .tcp = tcp,
			    .connecting = tcp, .peer = *peer, .fn = fn, .ctx = ctx };
	int e = loop_io_add(l, fd, tcp ? (err == EINPROGRESS ? LOOP_WRITE | LOOP_ERROR : 0)
				       : LOOP_READ | LOOP_ERROR, on_io, s, &s->io);
	if (e) {
		close(fd);
		free(s);
		return e;
	}
	if (tcp && err != EINPROGRESS) {
		s->deferred_err = err;
		s->deferred = loop_timer_add(l, 0, on_deferred, s);
	}
	*out = s;
	return 0;
}

int sock_udp(struct loop *l, const struct endpoint *peer, const struct sock_opts *o, sock_fn *fn,
	     void *ctx, struct sock **out)
{
	return open_sock(l, peer, false, o, fn, ctx, out);
}

int sock_tcp(struct loop *l, const struct endpoint *peer, const struct sock_opts *o, sock_fn *fn,
	     void *ctx, struct sock **out)
{
	return open_sock(l, peer, true, o, fn, ctx, out);
}

int sock_send(struct sock *s, const void *p, size_t n, uint64_t *sent_ns)
{
	/* A pending error of an earlier packet is returned once by send and then gone: try twice. */
	for (unsigned i = 0; i < 3; i++) {
		uint64_t now = clock_mono_ns();
		ssize_t done = send(s->fd, p, n, MSG_NOSIGNAL | MSG_DONTWAIT);
		if (done >= 0) {
			if (sent_ns)
				*sent_ns = now;
			return (size_t)done == n ? 0 : -EAGAIN;
		}
		if (s->tcp || (errno != ECONNREFUSED && errno != EHOSTUNREACH && errno != ENETUNREACH &&
			       errno != EPROTO && errno != EACCES && errno != EINTR))
			return -errno;
	}
	return -errno;
}

int sock_set_ttl(struct sock *s, int ttl)
{
	return apply_ttl(s->fd, s->family, ttl);
}

unsigned sock_syns(const struct sock *s)
{
	struct tcp_info info = { 0 };
	socklen_t n = sizeof(info);
	return getsockopt(s->fd, IPPROTO_TCP, TCP_INFO, &info, &n) ? 1 : 1 + info.tcpi_total_retrans;
}

struct endpoint sock_local(const struct sock *s)
{
	struct sockaddr_storage ss = { 0 };
	socklen_t n = sizeof(ss);
	struct endpoint e = { 0 };
	if (getsockname(s->fd, (struct sockaddr *)&ss, &n) == 0)
		(void)endpoint_from_sockaddr(&ss, &e);
	return e;
}

static void release(struct sock *s)
{
	loop_timer_del(s->deferred);
	loop_io_del(s->io); /* before the fd goes: libuv may abort otherwise */
	s->deferred = NULL;
	s->io = NULL;
	if (s->in_callback)
		s->closed = true; /* deliver() frees */
	else
		free(s);
}

void sock_close(struct sock *s)
{
	if (!s || s->closed)
		return;
	int fd = s->fd;
	release(s);
	close(fd);
}

int sock_take_fd(struct sock *s)
{
	int fd = s->fd;
	release(s);
	return fd;
}
