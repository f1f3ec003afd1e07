/*
 * The TCP twin: a table of connections, fixed in size. One that has ended keeps its place, so that
 * its client can still ask what became of it, until a new connection needs it; one that is open is
 * never put out for another.
 */
#include <errno.h>
#include <linux/sockios.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "sallyport/arena.h"
#include "sallyport/clock.h"
#include "server.h"

enum {
	CONNECTIONS = 1024,
	PER_ADDRESS = 16,
	REGISTER_S = 10, /* until a connection says who it belongs to */
	ACCEPTS = 64,    /* per wake */
	OTHER_FILES = 32, /* standard ones, the loop's, raw sockets */
};

struct connection {
	struct server *server;
	struct loop_io *io;
	int fd;
	struct path path;
	bool open, registered;
	enum reflect_code end; /* why it ended */
	uint64_t since_ns, pushed_ns, ended_ns;
	size_t have;
	uint8_t data[REFLECT_MAX];
};

struct tcp_table {
	struct connection all[CONNECTIONS];
	unsigned n_open, limit; /* of those open: as many as there may be files */
	struct loop_timer *sweep;
};

static void end(struct connection *c, enum reflect_code why)
{
	if (!c->open)
		return;
	loop_io_del(c->io);
	close(c->fd);
	c->open = false;
	c->end = why;
	c->ended_ns = clock_mono_ns();
	c->server->connections->n_open--;
}

/* The open connection on that path, or the last one there was. */
static struct connection *find(const struct server *s, const struct path *p)
{
	struct connection *found = NULL;
	for (unsigned i = 0; i < CONNECTIONS; i++) {
		struct connection *c = &s->connections->all[i];
		bool used = c->open || c->ended_ns;
		if (!used || !endpoint_equal(&c->path.client, &p->client) ||
		    !endpoint_equal(&c->path.server, &p->server))
			continue;
		if (c->open)
			return c;
		if (!found || c->ended_ns > found->ended_ns)
			found = c;
	}
	return found;
}

static enum reflect_code ended_by(int e)
{
	return e == ETIMEDOUT ? REFLECT_TIMED_OUT : REFLECT_RESET;
}

static int write_to(struct connection *c, struct bytes data)
{
	ssize_t n = send(c->fd, data.p, data.n, MSG_DONTWAIT | MSG_NOSIGNAL);
	int e = n < 0 ? errno : (size_t)n < data.n ? EMSGSIZE : 0;
	if (e && e != EAGAIN)
		end(c, ended_by(e));
	return -e;
}

int tcp_send(void *ctx, const struct path *p, struct bytes data, bool push)
{
	struct server *s = ctx;
	struct connection *c = find(s, p);
	if (!c || !c->open)
		return -ENOTCONN;
	int e = write_to(c, data);
	if (!e && push)
		c->pushed_ns = clock_mono_ns();
	if (!e)
		s->core.n.bytes_out += data.n + (p->client.addr.family == 4 ? REFLECT_TCP4 : REFLECT_TCP6);
	return e && !c->open ? -ENOTCONN : e;
}

enum reflect_code tcp_status(void *ctx, const struct path *p, uint32_t *ms)
{
	const struct connection *c = find(ctx, p);
	int waiting = 0;
	if (!c)
		return REFLECT_GONE;
	uint64_t from = c->pushed_ns ? c->pushed_ns : c->since_ns;
	uint64_t until = c->open ? clock_mono_ns() : c->ended_ns;
	*ms = (uint32_t)((until - from) / NS_PER_MS);
	if (!c->open)
		return c->end;
	/* Bytes that the peer has not acknowledged, sent or not. */
	return ioctl(c->fd, SIOCOUTQ, &waiting) == 0 && waiting == 0 ? REFLECT_ACKNOWLEDGED : REFLECT_WAITING;
}

/* Length of the message at the front, 0 when more is needed, negative when it is none of ours. */
static int next_message(const struct connection *c)
{
	if (c->have && c->data[0] >> 6)
		return reflect_frame(c->data, c->have);
	if (c->have < STUN_HEADER)
		return 0;
	size_t n = STUN_HEADER + (size_t)(c->data[2] << 8 | c->data[3]);
	return n <= sizeof(c->data) ? (int)n : SP_E_UNKNOWN;
}

static bool answer(struct connection *c, struct bytes in)
{
	struct reflector *core = &c->server->core;
	struct reflector_now now = server_now(c->server);
	uint8_t out[REFLECT_MAX] = { 0 };
	struct path way = c->path;
	if (in.p[0] >> 6) {
		bool good = reflector_own_stream(core, in, &c->path, &now);
		c->registered = c->registered || good;
		return good;
	}
	size_t n = reflector_stun(core, in, &way, false, now.ns, out, sizeof(out));
	return n && write_to(c, (struct bytes){ out, n }) == 0;
}

static void on_data(void *ctx, unsigned events)
{
	struct connection *c = ctx;
	(void)events;
	ssize_t got = recv(c->fd, c->data + c->have, sizeof(c->data) - c->have, MSG_DONTWAIT);
	if (got < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (got <= 0) {
		end(c, got ? ended_by(errno) : REFLECT_CLOSED);
		return;
	}
	c->have += (size_t)got;
	c->server->core.n.bytes_in += (size_t)got;
	for (int n; c->open && (n = next_message(c)) != 0 && (n < 0 || (size_t)n <= c->have);) {
		if (n < 0 || !answer(c, (struct bytes){ c->data, (size_t)n })) {
			c->server->core.n.foreign += n < 0;
			end(c, REFLECT_CLOSED);
			return;
		}
		c->have -= (size_t)n;
		memmove(c->data, c->data + n, c->have);
	}
}

static void on_sweep(void *ctx)
{
	struct server *s = ctx;
	uint64_t now = clock_mono_ns();
	for (unsigned i = 0; i < CONNECTIONS; i++) {
		struct connection *c = &s->connections->all[i];
		uint64_t limit_s = c->registered ? REFLECT_HANDLE_S : REGISTER_S;
		if (c->open && now - c->since_ns > limit_s * NS_PER_S)
			end(c, REFLECT_CLOSED);
	}
	if (s->connections->n_open)
		loop_timer_set(s->connections->sweep, now + NS_PER_S);
}

/* A place of nobody, else the one that ended longest ago; NULL when all are open, or too many are
 * this client's. */
static struct connection *free_place(struct server *s, const struct addr *client)
{
	struct connection *best = NULL;
	unsigned same = 0;
	for (unsigned i = 0; i < CONNECTIONS; i++) {
		struct connection *c = &s->connections->all[i];
		if (c->open)
			same += addr_equal(&c->path.client.addr, client);
		else if (!best || c->ended_ns < best->ended_ns)
			best = c;
	}
	return same < PER_ADDRESS && s->connections->n_open < s->connections->limit ? best : NULL;
}

static void turn_away(struct server *s, int fd)
{
	struct linger at_once = { .l_onoff = 1 };
	(void)setsockopt(fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof(at_once));
	close(fd);
	s->core.n.connections_refused++;
}

static void admit(struct server *s, int fd, const struct sockaddr_storage *peer)
{
	struct sockaddr_storage local;
	socklen_t n = sizeof(local);
	struct path p;
	struct connection *c = NULL;
	if (endpoint_from_sockaddr(peer, &p.client) == 0 && getsockname(fd, (struct sockaddr *)&local, &n) == 0 &&
	    endpoint_from_sockaddr(&local, &p.server) == 0)
		c = free_place(s, &p.client.addr);
	if (!c) {
		turn_away(s, fd);
		return;
	}
	*c = (struct connection){ .server = s, .fd = fd, .path = p, .since_ns = clock_mono_ns() };
	if (loop_io_add(s->loop, fd, LOOP_READ, on_data, c, &c->io)) {
		turn_away(s, fd);
		return;
	}
	c->open = true;
	s->core.n.connections++;
	if (s->connections->n_open++ == 0)
		loop_timer_set(s->connections->sweep, c->since_ns + NS_PER_S);
}

static void on_connections(void *ctx, unsigned events)
{
	const struct place *at = ctx;
	(void)events;
	for (unsigned i = 0; i < ACCEPTS; i++) {
		struct sockaddr_storage peer;
		socklen_t n = sizeof(peer);
		int fd = accept4(at->fd, (struct sockaddr *)&peer, &n, SOCK_NONBLOCK | SOCK_CLOEXEC);
		if (fd < 0)
			return;
		admit(at->server, fd, &peer);
	}
}

/* Some files stay free, so that accept() never fails for want of one and the loop never spins. */
static unsigned connection_limit(const struct server *s)
{
	struct rlimit l;
	rlim_t others = 2 * s->n_places + OTHER_FILES;
	if (getrlimit(RLIMIT_NOFILE, &l) || l.rlim_cur >= others + CONNECTIONS)
		return CONNECTIONS;
	return l.rlim_cur > others ? (unsigned)(l.rlim_cur - others) : 0;
}

int tcp_open(struct server *s)
{
	int e = 0;
	s->connections = xcalloc(1, sizeof(*s->connections));
	s->connections->limit = connection_limit(s);
	s->connections->sweep = loop_timer_add(s->loop, clock_mono_ns() + NS_PER_S, on_sweep, s);
	for (unsigned i = 0; i < s->n_places && !e; i++)
		e = loop_io_add(s->loop, s->tcp[i].fd, LOOP_READ, on_connections, &s->tcp[i], &s->tcp[i].io);
	return e;
}

void tcp_close(struct server *s)
{
	for (unsigned i = 0; s->connections && i < CONNECTIONS; i++)
		end(&s->connections->all[i], REFLECT_CLOSED);
	if (s->connections)
		loop_timer_del(s->connections->sweep);
	free(s->connections);
	s->connections = NULL;
}
