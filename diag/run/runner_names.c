/*
 * Names for all probes: each name and family is asked once per run, whoever wants it; every waiter
 * gets one callback, from the loop.
 */
#include "diag/run/runner_state.h"

#include <stdlib.h>
#include <string.h>

static void drop_waiters(struct lookup *l, const struct probe *p)
{
	struct waiter *w, *next;
	for (w = STAILQ_FIRST(&l->waiters); w; w = next) {
		next = STAILQ_NEXT(w, link);
		if (p && w->probe != p)
			continue;
		STAILQ_REMOVE(&l->waiters, w, waiter, link);
		free(w);
	}
}

void runner_names_forget(struct runner *r, const struct probe *p)
{
	for (size_t i = 0; i < r->n_lookups; i++)
		drop_waiters(&r->lookups[i], p);
}

/* One observation for all of them: it only says what was sent, and no check is judged by it. */
void runner_names_tell(struct runner *r)
{
	const struct host_facts *h = r->run->host;
	uint32_t packets, bytes;
	names_sent(r->names, &packets, &bytes);
	if (!packets || !h->n_resolvers)
		return;
	struct endpoint first = { h->resolvers[0], 53 };
	struct observation o;
	char text[ADDR_STRLEN];
	obs_begin(&o, "names", addr_format(&first.addr, text), 0, OUTCOME_ANSWERED);
	obs_flow(r->run, &o, "udp", NULL, &first);
	obs_int(&o, A_PACKETS, packets);
	obs_int(&o, A_BYTES, bytes);
	obs_text(&o, A_REASON, "lookups for the probes");
	runner_append(r, &o);
}

void runner_names_close(struct runner *r)
{
	runner_names_forget(r, NULL);
	for (size_t i = 0; i < r->n_lookups; i++)
		if (!r->lookups[i].done)
			names_cancel(r->lookups[i].handle);
	names_free(r->names);
	r->names = NULL;
}

/* A callback may ask again, finish its probe or add waiters; it never removes another waiter. */
static void deliver(struct lookup *l)
{
	struct waiter *w;
	while ((w = STAILQ_FIRST(&l->waiters))) {
		STAILQ_REMOVE_HEAD(&l->waiters, link);
		if (w->probe->running && !w->probe->finished)
			w->fn(w->ctx, &l->result);
		free(w);
	}
}

void runner_names_deliver(struct runner *r)
{
	for (size_t i = 0; i < r->n_lookups; i++)
		if (r->lookups[i].done)
			deliver(&r->lookups[i]);
}

static void fail(struct lookup *l, int status, const char *reason)
{
	l->result = (struct names_result){ .status = status, .reason = reason };
	l->done = true;
}

/* 0.0.0.0 would be this host itself, a group nobody in particular: filters give such addresses so
 * that nothing is sent, and nothing is. */
static bool can_be_sent_to(const struct addr *a)
{
	enum addr_kind k = addr_kind(a);
	return k != ADDR_UNSPECIFIED && k != ADDR_MULTICAST;
}

static void succeed(struct lookup *l, const struct addr *addrs, size_t n)
{
	struct names_result *r = &l->result;
	*r = (struct names_result){ .reason = "ok" };
	for (size_t i = 0; i < n && r->n_addrs < NAMES_MAX_ADDRS; i++)
		if (can_be_sent_to(&addrs[i]))
			r->addrs[r->n_addrs++] = addrs[i];
	l->done = true;
	if (!r->n_addrs)
		fail(l, SP_E_MISSING, "an address that leads nowhere");
}

static void on_result(void *ctx, const struct names_result *result)
{
	struct lookup *l = ctx;
	l->handle = NULL;
	if (result->status)
		fail(l, result->status, result->reason);
	else
		succeed(l, result->addrs, result->n_addrs);
	deliver(l);
}

static void ask(struct lookup *l)
{
	struct runner *r = l->runner;
	int e = r->names ? names_lookup(r->names, l->name, l->family, on_result, l, &l->handle)
			 : r->names_error;
	if (e)
		fail(l, e, r->run->host->n_resolvers ? "failed" : "no resolver");
}

/* A literal address needs no resolver. */
static bool answer_literal(struct lookup *l)
{
	struct addr a;
	if (addr_parse(l->name, &a) != 0)
		return false;
	if (a.family != l->family) {
		fail(l, SP_E_MISSING, "nodata");
		return true;
	}
	l->result = (struct names_result){ .reason = "ok", .addrs = { a }, .n_addrs = 1 };
	l->done = true;
	return true;
}

static struct lookup *add_lookup(struct runner *r, const char *name, uint8_t family)
{
	struct lookup *l = &r->lookups[r->n_lookups++];
	*l = (struct lookup){ .runner = r, .name = arena_strdup(r->run->arena, name),
			      .family = family };
	STAILQ_INIT(&l->waiters);
	return l;
}

/* Only this host's own resolver is known: the addresses it gives are worth trying, and the judge
 * says that devices may get others. Loopback and tunnels cannot be reached from the uplink. */
static int open_stub(struct runner *r, const struct host_facts *h)
{
	struct addr servers[HOST_MAX_RESOLVERS];
	for (size_t i = 0; i < h->n_stubs; i++)
		servers[i] = h->stubs[i].addr;
	return names_new(r->loop, servers, h->n_stubs, NULL, &r->names);
}

void runner_names_open(struct runner *r)
{
	const struct host_facts *h = r->run->host;
	if (h->n_resolvers)
		r->names_error = names_new(r->loop, h->resolvers, h->n_resolvers, h->ifname, &r->names);
	else
		r->names_error = h->n_stubs ? open_stub(r, h) : SP_E_MISSING;
	/* Row 0 answers for all names beyond the limit. */
	fail(add_lookup(r, "", 0), SP_E_LIMIT, "lookup limit");
}

static struct lookup *find_or_ask(struct runner *r, const char *name, uint8_t family)
{
	for (size_t i = 1; i < r->n_lookups; i++)
		if (r->lookups[i].family == family && text_equal_nocase(r->lookups[i].name, name))
			return &r->lookups[i];
	if (r->n_lookups == RUNNER_MAX_LOOKUPS)
		return &r->lookups[0];
	struct lookup *l = add_lookup(r, name, family);
	if (!answer_literal(l))
		ask(l);
	return l;
}

void probe_resolve(struct probe *p, const char *name, uint8_t family, names_fn *fn, void *ctx)
{
	struct lookup *l = find_or_ask(p->runner, name, family);
	struct waiter *w = xcalloc(1, sizeof(*w));
	*w = (struct waiter){ .probe = p, .fn = fn, .ctx = ctx };
	STAILQ_INSERT_TAIL(&l->waiters, w, link);
	if (l->done)
		runner_wake(p->runner);
}

void probe_heard_name(struct probe *p, const char *name, uint8_t family, const struct addr *addrs,
		      size_t n)
{
	struct runner *r = p->runner;
	for (size_t i = 1; n && i < r->n_lookups; i++) {
		struct lookup *l = &r->lookups[i];
		if (l->done || l->family != family || !text_equal_nocase(l->name, name))
			continue;
		names_cancel(l->handle);
		l->handle = NULL;
		succeed(l, addrs, n);
		runner_wake(r);
	}
}
