/*
 * UDP in batches. STUN answers that leave by the socket of their question are collected and sent
 * together, those in a row to one client as one send that the kernel cuts up (UDP_SEGMENT, Linux
 * 4.18); everything else is sent at once, so that what becomes of it is known.
 */
#include <errno.h>
#include <netinet/in.h>
#include <netinet/udp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "sallyport/arena.h"
#include "server.h"

enum {
	BATCH = 64,
	ROUNDS = 16, /* batches per wake, then other sockets get their turn */
	ROOM = 2048, /* a whole datagram of an Ethernet, with PADDING */
	OWN_FIRST_BYTE = 0xf5,
	SEGMENT_MAX = 256, /* longer answers are rare, and may be longer than the path takes */
};

#ifndef UDP_SEGMENT
#define UDP_SEGMENT 103
#endif

struct one {
	struct sockaddr_storage peer;
	_Alignas(struct cmsghdr) uint8_t control[CONTROL_BYTES];
	uint8_t data[ROOM];
};

struct udp_batch {
	struct mmsghdr in[BATCH], out[BATCH];
	struct iovec in_v[BATCH], out_v[BATCH];
	struct one from[BATCH], to[BATCH];
	unsigned n_out;
	bool whole; /* this kernel or device cuts up nothing */
};

static size_t ip_bytes(const struct path *p, size_t n)
{
	return n + (p->client.addr.family == 4 ? REFLECT_UDP4 : REFLECT_UDP6);
}

/* Fills in where a message goes, and from where when its socket does not say that by itself. */
static void address(struct msghdr *m, struct one *o, struct iovec *v, const struct place *via,
		    const struct path *p)
{
	m->msg_name = &o->peer;
	m->msg_namelen = (socklen_t)endpoint_to_sockaddr(&p->client, &o->peer);
	m->msg_iov = v;
	m->msg_iovlen = 1;
	m->msg_control = NULL;
	m->msg_controllen = 0;
	if (via->any)
		places_send_from(m, o->control, &p->server.addr);
}

static const struct place *place_of(const struct server *s, const struct endpoint *local)
{
	for (unsigned i = 0; i < s->n_places; i++) {
		const struct place *p = &s->udp[i];
		if (p->local.port == local->port && p->local.addr.family == local->addr.family &&
		    (p->any || addr_equal(&p->local.addr, &local->addr)))
			return p;
	}
	return NULL;
}

int udp_send(void *ctx, const struct path *p, struct bytes data)
{
	struct server *s = ctx;
	const struct place *via = place_of(s, &p->server);
	struct msghdr m = { 0 };
	struct one o;
	if (!via)
		return -EADDRNOTAVAIL;
	memcpy(o.data, data.p, data.n);
	struct iovec v = { o.data, data.n };
	address(&m, &o, &v, via, p);
	if (sendmsg(via->fd, &m, MSG_DONTWAIT) < 0)
		return -errno;
	s->core.n.bytes_out += ip_bytes(p, data.n);
	return 0;
}

static void queue(struct udp_batch *b, const struct place *via, const struct path *p, size_t n)
{
	unsigned i = b->n_out++;
	b->out_v[i] = (struct iovec){ b->to[i].data, n };
	address(&b->out[i].msg_hdr, &b->to[i], &b->out_v[i], via, p);
	via->server->core.n.bytes_out += ip_bytes(p, n);
}

static void stun(const struct place *at, struct bytes in, const struct path *p, uint64_t now_ns)
{
	struct udp_batch *b = at->server->batch;
	struct path way = *p;
	uint8_t *out = b->to[b->n_out].data;
	size_t n = reflector_stun(&at->server->core, in, &way, true, now_ns, out, ROOM);
	if (n && endpoint_equal(&way.server, &p->server)) {
		queue(b, at, &way, n);
	} else if (n) {
		(void)udp_send(at->server, &way, (struct bytes){ out, n });
		memset(out, 0, n);
	}
}

static void take(const struct place *at, struct mmsghdr *m, const struct one *o,
		 const struct reflector_now *now)
{
	struct reflector *core = &at->server->core;
	struct bytes in = { o->data, m->msg_len };
	struct path p = { .server = at->local };
	bool whole = !(m->msg_hdr.msg_flags & MSG_TRUNC) && in.n;
	core->n.datagrams++;
	if (endpoint_from_sockaddr(&o->peer, &p.client) || !p.client.port || !whole ||
	    (at->any && !places_came_to(&m->msg_hdr, &p.server.addr))) {
		core->n.foreign++;
		return;
	}
	core->n.bytes_in += ip_bytes(&p, in.n);
	if (in.p[0] == OWN_FIRST_BYTE)
		reflector_own(core, in, &p, now);
	else
		stun(at, in, &p, now->ns);
}

static bool same_way(const struct msghdr *a, const struct msghdr *b)
{
	return a->msg_namelen == b->msg_namelen && memcmp(a->msg_name, b->msg_name, a->msg_namelen) == 0 &&
	       a->msg_controllen == b->msg_controllen &&
	       (!a->msg_controllen || memcmp(a->msg_control, b->msg_control, a->msg_controllen) == 0);
}

/* Answers from i on that can leave with it: to the same client from the same address, equally long. */
static unsigned run_length(const struct udp_batch *b, unsigned i)
{
	unsigned n = 1;
	if (b->whole || b->out_v[i].iov_len > SEGMENT_MAX)
		return 1;
	while (i + n < b->n_out && b->out_v[i + n].iov_len == b->out_v[i].iov_len &&
	       same_way(&b->out[i].msg_hdr, &b->out[i + n].msg_hdr))
		n++;
	return n;
}

/* Turns message i into all n that follow each other in out_v. */
static void join(struct udp_batch *b, unsigned i, unsigned n)
{
	struct msghdr *m = &b->out[i].msg_hdr;
	uint16_t each = (uint16_t)b->out_v[i].iov_len;
	size_t had = m->msg_controllen;
	m->msg_iovlen = n;
	if (n == 1)
		return;
	m->msg_control = b->to[i].control;
	m->msg_controllen = had + CMSG_SPACE(sizeof(each));
	struct cmsghdr *c = (struct cmsghdr *)(b->to[i].control + had);
	*c = (struct cmsghdr){ .cmsg_level = SOL_UDP, .cmsg_type = UDP_SEGMENT,
			       .cmsg_len = CMSG_LEN(sizeof(each)) };
	memcpy(CMSG_DATA(c), &each, sizeof(each));
}

/* Hands over the messages of `out`; one that cannot be sent is left out, and with a full buffer the
 * rest is too. */
static void send_all(const struct place *via, struct udp_batch *b, struct mmsghdr *out, unsigned n)
{
	for (unsigned done = 0; done < n;) {
		int sent = sendmmsg(via->fd, out + done, n - done, MSG_DONTWAIT);
		if (sent < 0 && (errno == EAGAIN || errno == ENOBUFS))
			return;
		if (sent < 0 && (errno == EINVAL || errno == EIO))
			b->whole = true;
		done += sent > 0 ? (unsigned)sent : 1;
	}
}

static void flush(const struct place *via)
{
	struct udp_batch *b = via->server->batch;
	unsigned n = 0;
	for (unsigned i = 0, run; i < b->n_out; i += run) {
		run = run_length(b, i);
		join(b, i, run);
		b->out[n++] = b->out[i];
	}
	send_all(via, b, b->out, n);
	for (unsigned i = 0; i < b->n_out; i++)
		memset(b->to[i].data, 0, b->out_v[i].iov_len); /* the next answer begins with zeros */
	b->n_out = 0;
}

static int receive(const struct place *at)
{
	struct udp_batch *b = at->server->batch;
	for (unsigned i = 0; i < BATCH; i++) {
		struct one *o = &b->from[i];
		b->in_v[i] = (struct iovec){ o->data, sizeof(o->data) };
		b->in[i].msg_hdr = (struct msghdr){
			.msg_name = &o->peer, .msg_namelen = sizeof(o->peer), .msg_iov = &b->in_v[i],
			.msg_iovlen = 1, .msg_control = at->any ? o->control : NULL,
			.msg_controllen = at->any ? sizeof(o->control) : 0,
		};
	}
	return recvmmsg(at->fd, b->in, BATCH, MSG_DONTWAIT, NULL);
}

static void on_packets(void *ctx, unsigned events)
{
	const struct place *at = ctx;
	struct udp_batch *b = at->server->batch;
	int n = BATCH;
	(void)events;
	for (unsigned round = 0; round < ROUNDS && n == BATCH; round++) {
		n = receive(at);
		struct reflector_now now = server_now(at->server);
		for (int i = 0; i < n; i++)
			take(at, &b->in[i], &b->from[i], &now);
		flush(at);
	}
}

int udp_open(struct server *s)
{
	int e = 0;
	s->batch = xcalloc(1, sizeof(*s->batch));
	for (unsigned i = 0; i < s->n_places && !e; i++)
		e = loop_io_add(s->loop, s->udp[i].fd, LOOP_READ, on_packets, &s->udp[i], &s->udp[i].io);
	return e;
}

void udp_close(struct server *s)
{
	free(s->batch);
	s->batch = NULL;
}
