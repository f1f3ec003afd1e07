/* The reflector's sockets, two for each address and port, and which address a packet came to. */
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "server.h"

enum {
	BACKLOG = 128,
	UDP_BUFFER = 1 << 20,  /* asked for; an ordinary user gets what net.core allows */
	TCP_BUFFER = 8 << 10,  /* messages are below 256 bytes */
	USER_TIMEOUT_MS = 30000, /* a push that is not acknowledged ends the connection then */
};

static int set(int fd, int level, int name, int v)
{
	return setsockopt(fd, level, name, &v, sizeof(v)) ? -errno : 0;
}

static int prepare_udp(const struct place *p, bool v4)
{
	(void)set(p->fd, SOL_SOCKET, SO_RCVBUF, UDP_BUFFER);
	(void)set(p->fd, SOL_SOCKET, SO_SNDBUF, UDP_BUFFER);
	if (!p->any)
		return 0;
	return v4 ? set(p->fd, IPPROTO_IP, IP_PKTINFO, 1) : set(p->fd, IPPROTO_IPV6, IPV6_RECVPKTINFO, 1);
}

/* Accepted connections inherit these. */
static int prepare_tcp(const struct place *p)
{
	(void)set(p->fd, SOL_SOCKET, SO_RCVBUF, TCP_BUFFER);
	(void)set(p->fd, SOL_SOCKET, SO_SNDBUF, TCP_BUFFER);
	(void)set(p->fd, IPPROTO_TCP, TCP_NODELAY, 1);
	int e = set(p->fd, SOL_SOCKET, SO_REUSEADDR, 1); /* of connections that linger */
	return e ? e : set(p->fd, IPPROTO_TCP, TCP_USER_TIMEOUT, USER_TIMEOUT_MS);
}

static int bind_place(const struct place *p, int type)
{
	struct sockaddr_storage ss;
	socklen_t n = (socklen_t)endpoint_to_sockaddr(&p->local, &ss);
	bool v4 = p->local.addr.family == 4;
	int e = v4 ? 0 : set(p->fd, IPPROTO_IPV6, IPV6_V6ONLY, 1);
	if (!e)
		e = type == SOCK_DGRAM ? prepare_udp(p, v4) : prepare_tcp(p);
	if (!e && bind(p->fd, (struct sockaddr *)&ss, n))
		e = -errno;
	if (!e && type == SOCK_STREAM && listen(p->fd, BACKLOG))
		e = -errno;
	return e;
}

static int open_place(struct server *s, struct place *p, int type, const struct endpoint *at, bool any,
		      struct sp_error *err)
{
	char text[ENDPOINT_STRLEN];
	*p = (struct place){ .server = s, .local = *at, .any = any };
	p->fd = socket(at->addr.family == 4 ? AF_INET : AF_INET6, type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	int e = p->fd < 0 ? -errno : bind_place(p, type);
	if (!e)
		return 0;
	if (p->fd >= 0)
		close(p->fd);
	p->fd = -1;
	return sp_error_set(err, e, "cannot listen on %s (%s): %s", endpoint_format(at, text),
			    type == SOCK_DGRAM ? "UDP" : "TCP", sp_strerror(e));
}

static int open_both(struct server *s, const struct addr *a, uint16_t port, bool any, struct sp_error *err)
{
	struct endpoint at = { *a, port };
	struct place *udp = &s->udp[s->n_places], *tcp = &s->tcp[s->n_places];
	int e = open_place(s, udp, SOCK_DGRAM, &at, any, err);
	if (e)
		return e;
	e = open_place(s, tcp, SOCK_STREAM, &at, any, err);
	if (e) {
		close(udp->fd);
		return e;
	}
	s->n_places++;
	return 0;
}

/* Every address of a family. A kernel without IPv6 is no error where IPv4 is there. */
static int open_family(struct server *s, uint8_t family, struct sp_error *err)
{
	const struct reflector_options *o = s->core.o;
	struct addr any = { .family = family };
	for (unsigned i = 0; i < o->n_ports; i++) {
		int e = open_both(s, &any, o->ports[i], true, err);
		if (e == -EAFNOSUPPORT && family == 6 && !o->ipv6_only)
			return 0;
		if (e)
			return e;
	}
	return 0;
}

int places_open(struct server *s, struct sp_error *err)
{
	const struct reflector_options *o = s->core.o;
	int e = 0;
	for (unsigned a = 0; a < o->n_addresses; a++)
		for (unsigned i = 0; i < o->n_ports && !e; i++)
			e = open_both(s, &o->addresses[a], o->ports[i], false, err);
	if (!e && !o->n_addresses && !o->ipv6_only)
		e = open_family(s, 4, err);
	if (!e && !o->n_addresses && !o->ipv4_only)
		e = open_family(s, 6, err);
	return e;
}

void places_close(struct server *s)
{
	for (unsigned i = 0; i < s->n_places; i++) {
		loop_io_del(s->udp[i].io);
		loop_io_del(s->tcp[i].io);
		close(s->udp[i].fd);
		close(s->tcp[i].fd);
	}
	s->n_places = 0;
}

void places_send_from(struct msghdr *m, void *control, const struct addr *from)
{
	bool v4 = from->family == 4;
	struct in_pktinfo info4 = { .ipi_ifindex = 0 };
	struct in6_pktinfo info6 = { .ipi6_ifindex = 0 };
	size_t n = v4 ? sizeof(info4) : sizeof(info6);
	memcpy(&info4.ipi_spec_dst, from->b, sizeof(info4.ipi_spec_dst));
	memcpy(&info6.ipi6_addr, from->b, sizeof(info6.ipi6_addr));
	m->msg_control = control;
	m->msg_controllen = CMSG_SPACE(n);
	struct cmsghdr *c = CMSG_FIRSTHDR(m);
	c->cmsg_level = v4 ? IPPROTO_IP : IPPROTO_IPV6;
	c->cmsg_type = v4 ? IP_PKTINFO : IPV6_PKTINFO;
	c->cmsg_len = CMSG_LEN(n);
	memcpy(CMSG_DATA(c), v4 ? (void *)&info4 : (void *)&info6, n);
}

bool places_came_to(struct msghdr *m, struct addr *out)
{
	struct addr a = { .family = 0 };
	for (struct cmsghdr *c = CMSG_FIRSTHDR(m); c; c = CMSG_NXTHDR(m, c)) {
		if (c->cmsg_level == IPPROTO_IP && c->cmsg_type == IP_PKTINFO) {
			struct in_pktinfo info;
			memcpy(&info, CMSG_DATA(c), sizeof(info));
			if (info.ipi_addr.s_addr != info.ipi_spec_dst.s_addr)
				return false; /* broadcast or multicast */
			a.family = 4;
			memcpy(a.b, &info.ipi_addr, 4);
		} else if (c->cmsg_level == IPPROTO_IPV6 && c->cmsg_type == IPV6_PKTINFO) {
			struct in6_pktinfo info;
			memcpy(&info, CMSG_DATA(c), sizeof(info));
			a.family = 6;
			memcpy(a.b, &info.ipi6_addr, 16);
		}
	}
	if (!a.family || addr_kind(&a) == ADDR_MULTICAST)
		return false;
	*out = a;
	return true;
}
