/*
 * The lab's resolvers: one on the gateway, honest or lying as the fault says; honest ones far away
 * (9.9.9.9, 1.1.1.1, and 10.8.0.1 at the far end of the VPN); and the stub that some hosts run for
 * themselves (127.0.0.53), honest too. UDP and TCP.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "sallyport/arena.h"
#include "sallyport/clock.h"
#include "sallyport/lab.h"
#include "sallyport/text.h"
#include "sallyport/wire/dns.h"
#include "udp.h"

enum { PORT = 53, TTL_S = 60, REPLY_MAX = 1232, EDE_BLOCKED = 15, SLOW_S = 3 };

struct resolver {
	const struct lab_world *world;
	struct loop *loop;
	enum lab_dns mode;
	int listen_fd;
	struct loop_io *listen_io;
	unsigned queries; /* over UDP */
};

/* An answer that waits. */
struct late {
	struct lab_udp *udp;
	struct endpoint to;
	struct loop_timer *timer;
	size_t n;
	uint8_t answer[REPLY_MAX];
};

struct connection {
	struct resolver *resolver;
	struct loop_io *io;
	int fd;
};

static bool is_cloud(const struct lab_world *w, const struct addr *a)
{
	return addr_equal(a, &w->cloud_udp) || addr_equal(a, &w->cloud_tcp);
}

/* How one lie changes the honest answer; only the device cloud's names are lied about. */
static const struct lie {
	enum lab_dns mode;
	uint16_t rcode;
	int ede;
	struct addr addr; /* family 0: no address at all */
} lies[] = {
	{ LAB_DNS_NXDOMAIN, DNS_NXDOMAIN, -1, { 0 } },
	{ LAB_DNS_SERVFAIL, DNS_SERVFAIL, -1, { 0 } },
	{ LAB_DNS_REFUSED, DNS_REFUSED, -1, { 0 } },
	{ LAB_DNS_EMPTY, DNS_NOERROR, -1, { 0 } },
	{ LAB_DNS_SINKHOLE, DNS_NOERROR, -1, { 4, { 0 } } },
	{ LAB_DNS_PRIVATE, DNS_NOERROR, -1, { 4, { 10, 66, 0, 1 } } },
	{ LAB_DNS_FORGED, DNS_NOERROR, -1, { 4, { 203, 0, 113, 66 } } },
	{ LAB_DNS_EDE, DNS_NXDOMAIN, EDE_BLOCKED, { 0 } },
};

static const struct lie *lie_of(enum lab_dns mode)
{
	for (size_t i = 0; i < sizeof(lies) / sizeof(lies[0]); i++)
		if (lies[i].mode == mode)
			return &lies[i];
	return NULL;
}

/* A DNS64 answers for IPv6 with the IPv4 address in the last four bytes of 64:ff9b::/96 (RFC 6052).
 * ipv4only.arpa (RFC 7050) is 192.0.0.170. */
static bool dns64(enum lab_dns mode, const struct dns_message *m, bool known, struct addr *addr)
{
	static const struct addr well_known = { 4, { 192, 0, 0, 170 } };
	struct addr made = { 6, { 0, 0x64, 0xff, 0x9b } };
	bool only = text_equal_nocase(m->question.text, "ipv4only.arpa");
	if (mode != LAB_DNS_64 || (!known && !only))
		return false;
	memcpy(made.b + 12, only ? well_known.b : addr->b, 4);
	*addr = m->qtype == DNS_AAAA ? made : only ? well_known : *addr;
	return true;
}

static size_t answer(const struct resolver *r, enum lab_dns mode, const uint8_t *query, size_t n,
		     uint8_t *out)
{
	/* A label that tries a terminal title, a quote and a tag on whoever prints it raw. */
	static const uint8_t hostile[] = "\x0e\x1b]0;x\x07\"'<b>\\\n!" "\x07" "example" "\x03" "net";
	struct dns_message m;
	struct addr addrs[] = { r->world->gone, { 0 } }, *addr = &addrs[1];
	if (dns_parse(query, n, &m) || m.response)
		return 0;
	bool known = lab_world_lookup(r->world, m.question.text, addr);
	bool cloud = known && is_cloud(r->world, addr), stale = cloud && mode == LAB_DNS_STALE;
	struct dns_reply reply = { .rcode = known ? DNS_NOERROR : DNS_NXDOMAIN, .ede = -1, .ttl = TTL_S };
	const struct lie *lie = cloud ? lie_of(mode) : NULL;
	if (lie) {
		reply.rcode = lie->rcode;
		reply.ede = lie->ede;
		*addr = lie->addr;
	}
	if (mode == LAB_DNS_PORTAL) {
		reply.rcode = DNS_NOERROR;
		*addr = r->world->resolver;
	}
	if (dns64(mode, &m, known, addr))
		reply.rcode = DNS_NOERROR;
	if (mode == LAB_DNS_HOSTILE_CNAME && known)
		reply.cname = (struct bytes){ hostile, sizeof(hostile) };
	reply.addrs = stale ? addrs : addr;
	if (reply.rcode == DNS_NOERROR && addr->family && m.qtype == (addr->family == 6 ? DNS_AAAA : DNS_A))
		reply.n_addrs = stale ? 2 : 1;
	return dns_build_reply(out, REPLY_MAX, query, n, &reply);
}

static void send_late(void *ctx)
{
	struct late *a = ctx;
	lab_udp_send(a->udp, &a->to, a->answer, a->n);
	loop_timer_del(a->timer);
	free(a);
}

static void send_later(struct resolver *r, struct lab_udp *u, const struct endpoint *to,
		       const uint8_t *p, size_t n)
{
	struct late *a = xcalloc(1, sizeof(*a));
	*a = (struct late){ .udp = u, .to = *to, .n = n };
	memcpy(a->answer, p, n);
	a->timer = loop_timer_add(r->loop, loop_now_ns(r->loop) + SLOW_S * NS_PER_S, send_late, a);
}

/* The resolver keeps this question to itself. */
static bool ignores(struct resolver *r, const uint8_t *query, size_t n)
{
	struct dns_message m;
	r->queries++;
	switch (r->mode) {
	case LAB_DNS_MUTE:
	case LAB_DNS_UDP_MUTE:
		return true;
	case LAB_DNS_FLAKY:
		return r->queries % 2;
	case LAB_DNS_A_ONLY:
		return dns_parse(query, n, &m) == 0 && m.qtype == DNS_AAAA;
	default:
		return false;
	}
}

static void on_query(void *ctx, struct lab_udp *u, const struct endpoint *from, const uint8_t *p, size_t n)
{
	struct resolver *r = ctx;
	uint8_t out[REPLY_MAX];
	static const char garbage[] = "\xff\xff this is no DNS at all";
	if (ignores(r, p, n))
		return;
	if (r->mode == LAB_DNS_GARBAGE) {
		lab_udp_send(u, from, garbage, sizeof(garbage) - 1);
		return;
	}
	size_t len = answer(r, r->mode == LAB_DNS_RACED ? LAB_DNS_FORGED : r->mode, p, n, out);
	if (!len)
		return;
	if (r->mode == LAB_DNS_SLOW)
		send_later(r, u, from, out, len);
	else
		lab_udp_send(u, from, out, len);
	if (r->mode == LAB_DNS_TWICE) {
		out[len > 5 ? len - 12 : 0] ^= 1; /* the last octet of the address, before the OPT */
		lab_udp_send(u, from, out, len);
	}
	if (r->mode == LAB_DNS_RACED)
		lab_udp_send(u, from, out, answer(r, LAB_DNS_HONEST, p, n, out));
}

static void drop(struct connection *c)
{
	loop_io_del(c->io);
	close(c->fd);
	free(c);
}

static void on_connection(void *ctx, unsigned events)
{
	struct connection *c = ctx;
	uint8_t in[512], out[2 + REPLY_MAX];
	(void)events;
	ssize_t n = recv(c->fd, in, sizeof(in), MSG_DONTWAIT);
	struct reader r = rd_of(in, n > 0 ? (size_t)n : 0);
	struct bytes query = rd_take(&r, rd_be16(&r));
	size_t len = rd_ok(&r) ? answer(c->resolver, c->resolver->mode, query.p, query.n, out + 2) : 0;
	struct writer w = wr_of(out, 2);
	wr_be16(&w, (uint16_t)len);
	if (len)
		(void)send(c->fd, out, len + 2, MSG_DONTWAIT | MSG_NOSIGNAL);
	drop(c);
}

static void on_accept(void *ctx, unsigned events)
{
	struct resolver *r = ctx;
	(void)events;
	int fd = accept4(r->listen_fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
	if (fd < 0)
		return;
	struct connection *c = xcalloc(1, sizeof(*c));
	*c = (struct connection){ .resolver = r, .fd = fd };
	if (loop_io_add(r->loop, fd, LOOP_READ, on_connection, c, &c->io)) {
		close(fd);
		free(c);
	}
}

static int serve(struct loop *l, const struct lab_world *w, const struct addr *at, enum lab_dns mode)
{
	struct resolver *r = xcalloc(1, sizeof(*r));
	struct endpoint local = { *at, PORT };
	*r = (struct resolver){ .world = w, .loop = l, .mode = mode };
	int e = lab_udp_open(l, &local, on_query, r, NULL);
	if (e || mode == LAB_DNS_MUTE)
		return e;
	r->listen_fd = lab_tcp_listen_fd(&local);
	return r->listen_fd < 0 ? r->listen_fd
				: loop_io_add(l, r->listen_fd, LOOP_READ, on_accept, r, &r->listen_io);
}

static int start_gateway(struct loop *l, const struct lab_world *w)
{
	int e = serve(l, w, &w->resolver, w->knobs.dns);
	if (!e)
		e = serve(l, w, &w->resolver6, w->knobs.dns);
	return e == -EAFNOSUPPORT ? 0 : e; /* a kernel without IPv6 */
}

static int start_public(struct loop *l, const struct lab_world *w)
{
	const struct addr at[] = { addr_v4(9, 9, 9, 9), addr_v4(1, 1, 1, 1), addr_v4(10, 8, 0, 1) };
	int e = 0;
	for (size_t i = 0; !e && i < sizeof(at) / sizeof(at[0]); i++)
		e = serve(l, w, &at[i], LAB_DNS_HONEST);
	return e;
}

static int start_stub(struct loop *l, const struct lab_world *w)
{
	const struct addr at = addr_v4(127, 0, 0, 53);
	return serve(l, w, &at, LAB_DNS_HONEST);
}

const struct lab_server lab_server_dns = { "dns", LAB_SIDE_GATEWAY, start_gateway };
const struct lab_server lab_server_stub = { "stub", LAB_SIDE_DEVICE, start_stub };
const struct lab_server lab_server_dns_public = { "dns-public", LAB_SIDE_FAR, start_public };
