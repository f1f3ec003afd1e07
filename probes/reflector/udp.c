/* UDP in batches. STUN answers that leave by the socket of their question are collected and sent
 * together; everything else is sent at once, so that what becomes of it is known. */
#include <errno.h>
#include <netinet/in.h>
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
};

struct one {
	struct sockaddr_storage peer;
	struct iovec v;
	_Alignas(struct cmsghdr) uint8_t control[CONTROL_BYTES];
	uint8_t data[ROOM];
};

struct udp_batch {
	struct mmsghdr in[BATCH], out[BATCH];
	struct one from[BATCH], to[BATCH];
	unsigned n_out;
};

static size_t ip_bytes(const struct path *p, size_t n)
{
	return n + (p->client.addr.family == 4 ? REFLECT_UDP4 : REFLECT_UDP6);
}

/* Fills in where a message goes, and from where when its socket does not say that by itself. */
static void address(struct msghdr *m, struct one *o, const struct place *via, const struct path *p)
{
	m->msg_name = &o->peer;
	m->msg_namelen = (socklen_t)endpoint_to_sockaddr(&p->client, &o->peer);
	m->msg_iov = &o->v;
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
	o.v = (struct iovec){ o.data, data.n };
	address(&m, &o, via, p);
	if (sendmsg(via->fd, &m, MSG_DONTWAIT) < 0)
		return -errno;
	s->core.n.bytes_out += ip_bytes(p, data.n);
	return 0;
}

static void queue(struct udp_batch *b, const struct place *via, const struct path *p, size_t n)
{
	struct one *o = &b->to[b->n_out];
	o->v = (struct iovec){ o->data, n };
	address(&b->out[b->n_out].msg_hdr, o, via, p);
	b->n_out++;
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

/* One that cannot be sent is left out; with a full buffer the rest is too. */
static void flush(const struct place *via)
{
	struct udp_batch *b = via->server->batch;
	for (unsigned done = 0; done < b->n_out;) {
		int n = sendmmsg(via->fd, b->out + done, b->n_out - done, MSG_DONTWAIT);
		if (n < 0 && (errno == EAGAIN || errno == ENOBUFS))
			break;
		done += n > 0 ? (unsigned)n : 1;
	}
	for (unsigned i = 0; i < b->n_out; i++)
		memset(b->to[i].data, 0, b->to[i].v.iov_len); /* the next answer begins with zeros */
	b->n_out = 0;
}

static int receive(const struct place *at)
{
	struct udp_batch *b = at->server->batch;
	for (unsigned i = 0; i < BATCH; i++) {
		struct one *o = &b->from[i];
		o->v = (struct iovec){ o->data, sizeof(o->data) };
		b->in[i].msg_hdr = (struct msghdr){
			.msg_name = &o->peer, .msg_namelen = sizeof(o->peer), .msg_iov = &o->v,
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
