/*
 * The runner: one loop, every chosen probe at once. It owns the budget, the spacing, the shared
 * name lookups, and the one call of cancel for each start.
 */
#include "sallyport/runner.h"

#include <assert.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>

#include "sallyport/clock.h"
#include "sallyport/err.h"
#include "sallyport/probe.h"

enum {
	MAX_PROBES = 128,
	MAX_LOOKUPS = 64,
	MAX_DESTINATIONS = 64,
	BUDGET_PACKETS = 500,   /* design section 9: 200 usual, 500 where a block had to be proved */
	BUDGET_BYTES = 150000,
};
#define SPACING_NS (20 * NS_PER_MS) /* between two packets to one destination */

struct runner;

struct probe {
	struct runner *runner;
	const struct probe_def *def;
	const struct check *check;
	void *state;
	bool started, finished, cancelled;
};

struct waiter {
	STAILQ_ENTRY(waiter) link;
	struct probe *probe;
	names_fn *fn;
	void *ctx;
};

struct lookup {
	const char *name;
	uint8_t family;
	bool done;
	struct names_result result;
	STAILQ_HEAD(, waiter) waiters;
	struct runner *runner;
};

struct suspect {
	const char *check;
	enum suspicion why;
	enum transport proto;
	struct endpoint dst;
	struct bytes payload;
};

struct runner {
	struct run *run;
	const struct runner_hooks *hooks;
	struct loop *loop;
	struct names *names;
	struct loop_timer *deadline, *reap;
	struct loop_signal *signals[2];
	uint64_t start_ns, deadline_ns;
	struct probe probes[MAX_PROBES];
	size_t n_probes;
	struct lookup lookups[MAX_LOOKUPS];
	size_t n_lookups;
	struct {
		struct addr dst;
		uint64_t next_ns;
	} slots[MAX_DESTINATIONS];
	size_t n_slots;
	uint32_t packets, bytes;
	struct suspect suspects[8];
	size_t n_suspects;
	suspect_fn *listener;
	void *listener_ctx;
	const char *stop_reason; /* NULL: complete */
};

struct loop *probe_loop(struct probe *p)
{
	return p->runner->loop;
}

struct run *probe_run(struct probe *p)
{
	return p->runner->run;
}

const struct check *probe_check(struct probe *p)
{
	return p->check;
}

const struct profile_target *probe_target(struct probe *p)
{
	int i = p->check->target_index;
	return i < 0 ? NULL : &p->runner->run->profile->targets[i];
}

void *probe_state(struct probe *p)
{
	return p->state;
}

struct sock_opts probe_sock_opts(struct probe *p)
{
	return (struct sock_opts){ .ifname = p->runner->run->host->ifname };
}

uint64_t probe_now(struct probe *p)
{
	return loop_now_ns(p->runner->loop);
}

uint64_t probe_deadline_ns(struct probe *p)
{
	return p->runner->deadline_ns;
}

static void append(struct runner *r, const struct observation *o)
{
	struct observation stamped = *o;
	stamped.t_us = (loop_now_ns(r->loop) - r->start_ns) / NS_PER_US;
	const struct observation *kept = run_append(r->run, &stamped);
	if (kept && r->hooks && r->hooks->observed)
		r->hooks->observed(r->hooks->ctx, kept);
}

void probe_observe(struct probe *p, const struct observation *o)
{
	append(p->runner, o);
}

bool probe_spend(struct probe *p, uint32_t packets, uint32_t bytes)
{
	struct runner *r = p->runner;
	if (r->packets + packets > BUDGET_PACKETS || r->bytes + bytes > BUDGET_BYTES)
		return false;
	r->packets += packets;
	r->bytes += bytes;
	return true;
}

uint64_t probe_slot(struct probe *p, const struct addr *dst)
{
	struct runner *r = p->runner;
	uint64_t now = loop_now_ns(r->loop);
	size_t i = 0;
	while (i < r->n_slots && !addr_equal(&r->slots[i].dst, dst))
		i++;
	if (i == MAX_DESTINATIONS)
		return now;
	if (i == r->n_slots) {
		r->slots[i].dst = *dst;
		r->n_slots++;
	}
	uint64_t at = r->slots[i].next_ns > now ? r->slots[i].next_ns : now;
	r->slots[i].next_ns = at + SPACING_NS;
	return at;
}

static void deliver(struct lookup *l)
{
	while (!STAILQ_EMPTY(&l->waiters)) {
		struct waiter *w = STAILQ_FIRST(&l->waiters);
		STAILQ_REMOVE_HEAD(&l->waiters, link);
		if (!w->probe->cancelled && !w->probe->finished)
			w->fn(w->ctx, &l->result);
	}
}

static void on_names(void *ctx, const struct names_result *res)
{
	struct lookup *l = ctx;
	l->done = true;
	l->result = *res;
	deliver(l);
}

static void on_reap(void *ctx);

void probe_resolve(struct probe *p, const char *name, uint8_t family, names_fn *fn, void *ctx)
{
	struct runner *r = p->runner;
	struct waiter *w = arena_alloc(r->run->arena, sizeof(*w));
	*w = (struct waiter){ .probe = p, .fn = fn, .ctx = ctx };
	struct lookup *l = r->lookups, *end = r->lookups + r->n_lookups;
	while (l < end && (l->family != family || strcmp(l->name, name)))
		l++;
	if (l == r->lookups + MAX_LOOKUPS)
		return; /* the plan has fewer names than that */
	if (l == end) {
		struct names_lookup *handle;
		*l = (struct lookup){ .name = arena_strdup(r->run->arena, name), .family = family, .runner = r };
		STAILQ_INIT(&l->waiters);
		r->n_lookups++;
		(void)names_lookup(r->names, name, family, on_names, l, &handle);
	}
	STAILQ_INSERT_TAIL(&l->waiters, w, link);
	if (l->done)
		loop_timer_set(r->reap, 0); /* delivered from the loop, never from here */
}

void probe_suspect(struct probe *p, enum suspicion why, enum transport proto,
		   const struct endpoint *dst, struct bytes payload)
{
	struct runner *r = p->runner;
	for (size_t i = 0; i < r->n_suspects; i++)
		if (r->suspects[i].proto == proto && endpoint_equal(&r->suspects[i].dst, dst))
			return;
	if (r->n_suspects == sizeof(r->suspects) / sizeof(r->suspects[0]))
		return;
	struct suspect *s = &r->suspects[r->n_suspects++];
	const void *copy = arena_memdup(r->run->arena, payload.p, payload.n);
	*s = (struct suspect){ p->check->id, why, proto, *dst, { copy, payload.n } };
	if (r->listener)
		r->listener(r->listener_ctx, s->check, s->why, s->proto, &s->dst, s->payload);
}

void probe_listen_suspects(struct probe *p, suspect_fn *fn, void *ctx)
{
	struct runner *r = p->runner;
	r->listener = fn;
	r->listener_ctx = ctx;
	for (size_t i = 0; i < r->n_suspects; i++)
		fn(ctx, r->suspects[i].check, r->suspects[i].why, r->suspects[i].proto,
		   &r->suspects[i].dst, r->suspects[i].payload);
}

/* Probes that wait for what others find do not keep each other alive. */
static bool is_listener(const struct probe *p)
{
	return strcmp(p->def->name, "path") == 0;
}

bool probe_others_running(struct probe *p)
{
	struct runner *r = p->runner;
	for (size_t i = 0; i < r->n_probes; i++)
		if (r->probes[i].started && !r->probes[i].finished && !is_listener(&r->probes[i]))
			return true;
	return false;
}

void probe_finish(struct probe *p)
{
	p->finished = true;
	loop_timer_set(p->runner->reap, 0);
}

static void cancel(struct probe *p)
{
	if (!p->started || p->cancelled)
		return;
	p->cancelled = true;
	p->def->cancel(p, p->state);
}

/* Cancels what has finished, answers late askers of known names, stops when nothing is left. */
static void on_reap(void *ctx)
{
	struct runner *r = ctx;
	bool left = false;
	for (size_t i = 0; i < r->n_lookups; i++)
		if (r->lookups[i].done)
			deliver(&r->lookups[i]);
	for (size_t i = 0; i < r->n_probes; i++) {
		if (r->probes[i].finished)
			cancel(&r->probes[i]);
		left |= r->probes[i].started && !r->probes[i].finished;
	}
	if (!left)
		loop_stop(r->loop);
}

static void on_deadline(void *ctx)
{
	struct runner *r = ctx;
	r->stop_reason = "time budget";
	loop_stop(r->loop);
}

static void on_signal(void *ctx, int signum)
{
	struct runner *r = ctx;
	(void)signum;
	r->stop_reason = "interrupted";
	r->run->ended = END_INTERRUPTED;
	loop_stop(r->loop);
}

/* dtls-device measures hello and identity of one target in one instance. */
static bool already_planned(const struct runner *r, const struct check *c)
{
	for (size_t i = 0; i < r->n_probes; i++)
		if (strcmp(r->probes[i].def->name, "dtls-device") == 0 &&
		    strcmp(c->probe, "dtls-device") == 0 &&
		    r->probes[i].check->target_index == c->target_index)
			return true;
	return false;
}

static bool has_uplink(const struct host_facts *h)
{
	return h->ifname[0] && (h->route4 || h->route6);
}

static void not_run(struct runner *r, const struct check *c, enum outcome outcome, const char *reason)
{
	struct observation o;
	obs_begin(&o, c->id, c->target, 0, outcome);
	obs_text(&o, A_REASON, reason);
	append(r, &o);
}

static void collect(struct runner *r)
{
	for (size_t i = 0; i < r->run->n_checks && r->n_probes < MAX_PROBES; i++) {
		const struct check *c = &r->run->checks[i];
		const struct probe_def *def = probe_by_name(c->probe);
		if (!c->chosen || !def || already_planned(r, c))
			continue;
		if (!has_uplink(r->run->host) && strcmp(c->id, "link")) {
			not_run(r, c, OUTCOME_NOT_RUN, "no uplink");
			continue;
		}
		r->probes[r->n_probes++] = (struct probe){ .runner = r, .def = def, .check = c };
	}
}

static void start_all(struct runner *r)
{
	for (size_t i = 0; i < r->n_probes; i++) {
		struct probe *p = &r->probes[i];
		p->state = arena_alloc(r->run->arena, p->def->state_size);
		p->started = true;
		if (p->def->start(p, p->state)) {
			p->started = false;
			not_run(r, p->check, OUTCOME_NOT_RUN, "could not start");
		}
	}
	loop_timer_set(r->reap, 0);
}

static bool observed(const struct runner *r, const struct check *c)
{
	for (size_t i = 0; i < r->run->n_obs; i++)
		if (strcmp(r->run->obs[i]->check, c->id) == 0 &&
		    strcmp(r->run->obs[i]->target, c->target) == 0)
			return true;
	return false;
}

/* What was under way when time ended or an interrupt came is said, not forgotten. */
static void cancel_all(struct runner *r)
{
	for (size_t i = 0; i < r->n_probes; i++) {
		struct probe *p = &r->probes[i];
		bool under_way = p->started && !p->finished;
		cancel(p);
		if (under_way && r->stop_reason)
			not_run(r, p->check, observed(r, p->check) ? OUTCOME_ABORTED : OUTCOME_NOT_RUN,
				r->stop_reason);
	}
}

static int open_runner(struct runner *r)
{
	const struct host_facts *h = r->run->host;
	signal(SIGPIPE, SIG_IGN);
	r->loop = loop_new();
	if (!r->loop)
		return SP_E_LIBRARY;
	r->start_ns = loop_now_ns(r->loop);
	r->deadline_ns = r->start_ns + (uint64_t)(r->run->settings->budget_s * 1e9);
	r->deadline = loop_timer_add(r->loop, r->deadline_ns, on_deadline, r);
	r->reap = loop_timer_add(r->loop, UINT64_MAX / 2, on_reap, r);
	(void)loop_signal_add(r->loop, SIGINT, on_signal, r, &r->signals[0]);
	(void)loop_signal_add(r->loop, SIGTERM, on_signal, r, &r->signals[1]);
	return names_new(r->loop, h->resolvers, h->n_resolvers, h->ifname, &r->names);
}

static void close_runner(struct runner *r)
{
	names_free(r->names);
	loop_timer_del(r->deadline);
	loop_timer_del(r->reap);
	loop_signal_del(r->signals[0]);
	loop_signal_del(r->signals[1]);
	int left = loop_free(r->loop);
	assert(left == 0);
	(void)left;
}

int runner_run(struct run *run, const struct runner_hooks *hooks)
{
	struct runner *r = xcalloc(1, sizeof(*r));
	r->run = run;
	r->hooks = hooks;
	run->ended = END_COMPLETE;
	int e = open_runner(r);
	if (!e) {
		collect(r);
		start_all(r);
		loop_run(r->loop);
		cancel_all(r);
		run->duration_us = (loop_now_ns(r->loop) - r->start_ns) / NS_PER_US;
	}
	close_runner(r);
	free(r);
	return e;
}
