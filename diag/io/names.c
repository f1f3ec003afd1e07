/* Host names to addresses through c-ares; the only file that knows it. */
#include "sallyport/names.h"

#include <ares.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>

#include "sallyport/arena.h"
#include "sallyport/clock.h"
#include "sallyport/err.h"
#include "sallyport/wire/dns.h"

enum {
	MAX_FDS = 16,
	TIMEOUT_MS = 600, /* of the first try; c-ares doubles it: 0.6 + 1.2 + 2.4 s for one server */
	TRIES = 3,
	CLASS_IN = 1,
	QUERY_BYTES = 28 + 12 + 2 + 4, /* IPv4, UDP and DNS headers, the name's ends, type and class */
};

struct names {
	struct loop *loop;
	ares_channel channel;
	struct loop_timer *timer;
	struct {
		ares_socket_t fd;
		struct loop_io *io;
	} fds[MAX_FDS];
	LIST_HEAD(, names_lookup) lookups;
	uint32_t packets, bytes; /* sent */
	bool freeing;
};

struct names_lookup {
	LIST_ENTRY(names_lookup) link;
	struct names *names;
	struct loop_timer *deliver; /* set once the result is there */
	names_fn *fn;
	void *ctx;
	struct names_result result;
	uint32_t query_bytes;
	bool asked; /* c-ares still holds a pointer to us */
	bool cancelled;
};

static void arm(struct names *n)
{
	struct timeval tv, *next = ares_timeout(n->channel, NULL, &tv);
	if (next)
		loop_timer_set(n->timer, loop_clock_ns(n->loop) + (uint64_t)next->tv_sec * NS_PER_S +
						 (uint64_t)next->tv_usec * NS_PER_US);
}

static void on_timer(void *ctx)
{
	struct names *n = ctx;
	ares_process_fd(n->channel, ARES_SOCKET_BAD, ARES_SOCKET_BAD);
	arm(n);
}

struct fd_ready {
	struct names *names;
	ares_socket_t fd;
};

static void on_fd(void *ctx, unsigned events)
{
	struct fd_ready *f = ctx;
	struct names *n = f->names;
	ares_socket_t fd = f->fd;
	ares_process_fd(n->channel, events & (LOOP_READ | LOOP_ERROR) ? fd : ARES_SOCKET_BAD,
			events & LOOP_WRITE ? fd : ARES_SOCKET_BAD);
	arm(n);
}

/* c-ares opens and closes sockets as it likes; this is called while the fd is still open. */
static void on_socket_state(void *ctx, ares_socket_t fd, int readable, int writable)
{
	struct names *n = ctx;
	unsigned events = (readable ? LOOP_READ : 0U) | (writable ? LOOP_WRITE : 0U), i, slot = MAX_FDS;
	for (i = 0; i < MAX_FDS && !(n->fds[i].io && n->fds[i].fd == fd); i++)
		if (!n->fds[i].io && slot == MAX_FDS)
			slot = i;
	if (i < MAX_FDS) {
		if (events) {
			(void)loop_io_mod(n->fds[i].io, events);
			return;
		}
		loop_io_del(n->fds[i].io);
		n->fds[i].io = NULL;
		return;
	}
	if (!events || slot == MAX_FDS)
		return;
	static struct fd_ready ready[1024]; /* by fd: outlives the io, needs no freeing */
	if (fd < 0 || fd >= 1024)
		return;
	ready[fd] = (struct fd_ready){ n, fd };
	n->fds[slot].fd = fd;
	(void)loop_io_add(n->loop, fd, events, on_fd, &ready[fd], &n->fds[slot].io);
}

static int set_servers(struct names *n, const struct addr *servers, size_t n_servers)
{
	char csv[512] = "", text[ADDR_STRLEN];
	size_t at = 0;
	for (size_t i = 0; i < n_servers && at < sizeof(csv) - ADDR_STRLEN - 2; i++)
		at += (size_t)snprintf(csv + at, sizeof(csv) - at, "%s%s", i ? "," : "",
				       addr_format(&servers[i], text));
	return ares_set_servers_csv(n->channel, csv) == ARES_SUCCESS ? 0 : SP_E_LIBRARY;
}

int names_new(struct loop *l, const struct addr *servers, size_t n_servers, const char *ifname,
	      struct names **out)
{
	struct names *n = xcalloc(1, sizeof(*n));
	struct ares_options o = { .flags = ARES_FLAG_NOSEARCH, .timeout = TIMEOUT_MS, .tries = TRIES,
				  .sock_state_cb = on_socket_state, .sock_state_cb_data = n };
	n->loop = l;
	LIST_INIT(&n->lookups);
	if (ares_library_init(ARES_LIB_INIT_ALL) != ARES_SUCCESS ||
	    ares_init_options(&n->channel, &o, ARES_OPT_FLAGS | ARES_OPT_TIMEOUTMS | ARES_OPT_TRIES |
			      ARES_OPT_SOCK_STATE_CB) != ARES_SUCCESS) {
		free(n);
		return SP_E_LIBRARY;
	}
	if (ifname && *ifname)
		ares_set_local_dev(n->channel, ifname);
	int e = n_servers ? set_servers(n, servers, n_servers) : 0;
	n->timer = loop_timer_add(l, UINT64_MAX / 2, on_timer, n);
	if (e) {
		names_free(n);
		return e;
	}
	*out = n;
	return 0;
}

static void on_deliver(void *ctx)
{
	struct names_lookup *l = ctx;
	LIST_REMOVE(l, link);
	loop_timer_del(l->deliver);
	if (!l->cancelled)
		l->fn(l->ctx, &l->result);
	free(l);
}

static const struct {
	int ares, status;
	const char *reason;
} reasons[] = {
	{ ARES_SUCCESS, 0, "ok" },
	{ ARES_ENOTFOUND, SP_E_MISSING, "nxdomain" },
	{ ARES_ENODATA, SP_E_MISSING, "nodata" },
	{ ARES_ESERVFAIL, SP_E_MISSING, "servfail" },
	{ ARES_EREFUSED, SP_E_MISSING, "refused" },
	{ ARES_ETIMEOUT, -ETIMEDOUT, "timeout" },
	{ ARES_ECONNREFUSED, -ECONNREFUSED, "unreachable" },
	{ ARES_EBADRESP, SP_E_MALFORMED, "garbled" },
	{ ARES_EFORMERR, SP_E_MALFORMED, "formerr" },
};

static void set_status(struct names_result *r, int status)
{
	r->status = SP_E_LIBRARY;
	r->reason = "failed";
	for (size_t i = 0; i < sizeof(reasons) / sizeof(reasons[0]); i++)
		if (reasons[i].ares == status) {
			r->status = reasons[i].status;
			r->reason = reasons[i].reason;
		}
}

static void count(struct names_lookup *l, uint32_t packets)
{
	l->names->packets += packets;
	l->names->bytes += packets * l->query_bytes;
}

void names_sent(const struct names *n, uint32_t *packets, uint32_t *bytes)
{
	*packets = n ? n->packets : 0;
	*bytes = n ? n->bytes : 0;
}

/* The answer is read by our own codec: c-ares refuses a whole answer for one odd CNAME. */
static void on_answer(void *ctx, int status, int timeouts, unsigned char *message, int n)
{
	struct names_lookup *l = ctx;
	struct dns_message m = { 0 };
	l->asked = false;
	count(l, (uint32_t)(timeouts > 0 ? timeouts : 0)); /* each was followed by another query */
	set_status(&l->result, status);
	if (status == ARES_SUCCESS && (n < 0 || dns_parse(message, (size_t)n, &m)))
		set_status(&l->result, ARES_EBADRESP);
	for (unsigned i = 0; i < m.n_addrs && l->result.n_addrs < NAMES_MAX_ADDRS; i++)
		l->result.addrs[l->result.n_addrs++] = m.addrs[i];
	if (!l->result.status && !l->result.n_addrs)
		set_status(&l->result, ARES_ENODATA);
	if (!l->names->freeing)
		l->deliver = loop_timer_add(l->names->loop, 0, on_deliver, l);
}

int names_lookup(struct names *n, const char *name, uint8_t family, names_fn *fn, void *ctx,
		 struct names_lookup **out)
{
	struct names_lookup *l = xcalloc(1, sizeof(*l));
	*l = (struct names_lookup){ .names = n, .fn = fn, .ctx = ctx };
	LIST_INSERT_HEAD(&n->lookups, l, link);
	*out = l;
	struct addr literal;
	if (addr_parse(name, &literal) == 0) {
		set_status(&l->result, literal.family == family ? ARES_SUCCESS : ARES_ENODATA);
		l->result.addrs[0] = literal;
		l->result.n_addrs = literal.family == family;
		l->deliver = loop_timer_add(n->loop, 0, on_deliver, l);
		return 0;
	}
	l->asked = true;
	l->query_bytes = QUERY_BYTES + (uint32_t)strlen(name);
	count(l, 1);
	ares_query(n->channel, name, CLASS_IN, family == 6 ? DNS_AAAA : DNS_A, on_answer, l);
	arm(n);
	return 0;
}

void names_cancel(struct names_lookup *l)
{
	if (l)
		l->cancelled = true; /* freed when c-ares lets go of it, or with the channel */
}

void names_free(struct names *n)
{
	if (!n)
		return;
	n->freeing = true;
	ares_destroy(n->channel); /* calls back every lookup it still holds */
	while (!LIST_EMPTY(&n->lookups)) {
		struct names_lookup *l = LIST_FIRST(&n->lookups);
		LIST_REMOVE(l, link);
		loop_timer_del(l->deliver);
		free(l);
	}
	for (unsigned i = 0; i < MAX_FDS; i++)
		loop_io_del(n->fds[i].io);
	loop_timer_del(n->timer);
	ares_library_cleanup();
	free(n);
}
