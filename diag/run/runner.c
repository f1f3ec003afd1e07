/*
 * The runner: one loop, every chosen check's probe started at once, and an orderly end: by itself,
 * at the time budget, or by a signal. Work that must not happen inside a probe's own call (cancel,
 * callbacks) is done by one timer, the chores.
 */
#include "sallyport/runner.h"

#include <assert.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "diag/run/runner_state.h"
#include "sallyport/clock.h"
#include "sallyport/err.h"

void runner_wake(struct runner *r)
{
	loop_timer_set(r->chores, loop_now_ns(r->loop));
}

static bool chosen(const struct runner *r, const struct observation *o)
{
	const struct check *c = run_check(r->run, o->check, o->target);
	return !c || c->chosen;
}

void runner_append(struct runner *r, struct observation *o)
{
	if (!chosen(r, o))
		return; /* a probe of two checks measures both though one was asked for */
	o->t_us = (loop_now_ns(r->loop) - r->start_ns) / NS_PER_US;
	const struct observation *stored = run_append(r->run, o);
	if (stored && r->hooks.observed)
		r->hooks.observed(r->hooks.ctx, stored);
	if (r->hooks.stop && *r->hooks.stop)
		runner_wake(r);
}

static void append_reason(struct runner *r, const struct check *c, enum outcome outcome,
			  const char *reason)
{
	struct observation o;
	obs_begin(&o, c->id, c->target, 0, outcome);
	obs_text(&o, A_REASON, reason);
	runner_append(r, &o);
}

bool runner_busy(const struct runner *r)
{
	for (size_t i = 0; i < r->n_probes; i++) {
		const struct probe *p = &r->probes[i];
		if (p->running && !p->finished && !probe_is_listener(p))
			return true;
	}
	return false;
}

static bool about(const struct observation *o, const struct check *c)
{
	return strcmp(o->check, c->id) == 0 && strcmp(o->target, c->target) == 0;
}

/* Something final is anything but silence: an answer, a refusal, a reason. */
static bool has_final(const struct run *r, const struct check *c, bool *any)
{
	bool final = false;
	*any = false;
	for (size_t i = 0; i < r->n_obs; i++)
		if (about(r->obs[i], c)) {
			*any = true;
			final |= r->obs[i]->outcome != OUTCOME_SILENT;
		}
	return final;
}

static void cancel(struct runner *r, struct probe *p)
{
	p->finished = true;
	p->running = false;
	p->def->cancel(p, p->state);
	runner_names_forget(r, p);
}

/* What a probe that had to stop leaves for each of its checks. */
static void explain_stop(struct runner *r, const struct probe *p, const char *reason)
{
	for (size_t i = 0; i < p->n_checks; i++) {
		bool any, final = has_final(r->run, &p->checks[i], &any);
		if (!final)
			append_reason(r, &p->checks[i], any ? OUTCOME_ABORTED : OUTCOME_NOT_RUN,
				      reason);
	}
}

static void stop_all(struct runner *r, const char *reason)
{
	r->ending = true;
	for (size_t i = 0; i < r->n_probes; i++) {
		struct probe *p = &r->probes[i];
		if (!p->running)
			continue;
		bool unfinished = !p->finished;
		cancel(r, p);
		if (unfinished)
			explain_stop(r, p, reason);
	}
	loop_stop(r->loop);
}

static void on_deadline(void *ctx)
{
	stop_all(ctx, "time budget");
}

static void interrupt(struct runner *r)
{
	if (r->ending)
		return;
	r->run->ended = END_INTERRUPTED;
	stop_all(r, "interrupted");
}

static void on_signal(void *ctx, int signum)
{
	(void)signum;
	interrupt(ctx);
}

static bool reap(struct runner *r)
{
	bool left = false;
	for (size_t i = 0; i < r->n_probes; i++) {
		struct probe *p = &r->probes[i];
		if (p->running && p->finished)
			cancel(r, p);
		left |= p->running;
	}
	return left;
}

static void on_chores(void *ctx)
{
	struct runner *r = ctx;
	if (r->hooks.stop && *r->hooks.stop)
		interrupt(r);
	if (r->ending)
		return;
	runner_names_deliver(r);
	runner_tell(r);
	if (!reap(r)) {
		r->ending = true;
		loop_stop(r->loop);
	}
}

static bool same_instance(const struct check *a, const struct check *b)
{
	return strcmp(a->probe, b->probe) == 0 && a->target_index == b->target_index &&
	       a->resolver_index == b->resolver_index && strcmp(a->target, b->target) == 0;
}

/* Neighbouring rows that one instance measures (hello and identity of one target). */
static size_t group_at(const struct run *r, size_t i)
{
	size_t n = 1;
	while (i + n < r->n_checks && same_instance(&r->checks[i], &r->checks[i + n]))
		n++;
	return n;
}

static bool any_chosen(const struct check *c, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (c[i].chosen)
			return true;
	return false;
}

/* Without an interface, an address and a way out only the host's own facts can be had. */
static bool has_uplink(const struct host_facts *h)
{
	return h->ifname[0] && h->n_addrs && (h->route4 || h->route6);
}

static bool is_local(const struct check *c)
{
	return strcmp(c->id, "link") == 0 || strcmp(c->id, "gateway") == 0;
}

static void not_run(struct runner *r, const struct check *c, size_t n, const char *reason)
{
	for (size_t i = 0; i < n; i++)
		append_reason(r, &c[i], OUTCOME_NOT_RUN, reason);
}

static void start_probe(struct runner *r, struct check *c, size_t n)
{
	const struct probe_def *def = probe_by_name(c->probe);
	if (!def) {
		not_run(r, c, n, "no such probe");
		return;
	}
	if (!has_uplink(r->run->host) && !is_local(c)) {
		not_run(r, c, n, "no uplink");
		return;
	}
	struct probe *p = &r->probes[r->n_probes++];
	*p = (struct probe){ .runner = r, .def = def, .checks = c, .n_checks = n };
	p->state = xcalloc(1, def->state_size ? def->state_size : 1);
	p->running = true;
	int e = def->start(p, p->state);
	if (e) {
		p->running = false;
		runner_names_forget(r, p);
		explain_stop(r, p, sp_strerror(e));
	}
}

static void start_all(struct runner *r)
{
	struct run *run = r->run;
	r->probes = xcalloc(run->n_checks + 1, sizeof(*r->probes));
	for (size_t i = 0, n; i < run->n_checks; i += n) {
		n = group_at(run, i);
		if (any_chosen(&run->checks[i], n))
			start_probe(r, &run->checks[i], n);
	}
	runner_wake(r);
}

/* nohup(1) leaves SIGHUP ignored, and so it stays. */
static bool is_ignored(int signum)
{
	struct sigaction was;
	return signum == SIGHUP && sigaction(signum, NULL, &was) == 0 && was.sa_handler == SIG_IGN;
}

static int open_runner(struct runner *r)
{
	static const int signals[RUNNER_SIGNALS] = { SIGINT, SIGTERM, SIGHUP };
	r->loop = loop_new();
	if (!r->loop)
		return SP_E_LIBRARY;
	r->start_ns = loop_now_ns(r->loop);
	r->deadline_ns = r->start_ns + (uint64_t)(r->run->settings->budget_s * (double)NS_PER_S);
	r->deadline = loop_timer_add(r->loop, r->deadline_ns, on_deadline, r);
	r->chores = loop_timer_add(r->loop, r->start_ns, on_chores, r);
	int e = 0;
	for (size_t i = 0; i < RUNNER_SIGNALS && !e; i++)
		e = is_ignored(signals[i]) ? 0 : loop_signal_add(r->loop, signals[i], on_signal, r, &r->signals[i]);
	runner_names_open(r);
	return e;
}

static void close_runner(struct runner *r)
{
	if (!r->loop)
		return;
	runner_names_close(r);
	for (size_t i = 0; i < r->n_probes; i++)
		free(r->probes[i].state);
	free(r->probes);
	loop_timer_del(r->deadline);
	loop_timer_del(r->chores);
	for (size_t i = 0; i < RUNNER_SIGNALS; i++)
		loop_signal_del(r->signals[i]);
	int left = loop_free(r->loop);
	assert(left == 0);
	(void)left;
}

int runner_run(struct run *run, const struct runner_hooks *hooks)
{
	struct runner *r = xcalloc(1, sizeof(*r));
	r->run = run;
	r->hooks = hooks ? *hooks : (struct runner_hooks){ 0 };
	void (*pipe_was)(int) = signal(SIGPIPE, SIG_IGN);
	run->ended = END_COMPLETE;
	int e = open_runner(r);
	if (e) {
		run->ended = END_ERROR;
	} else {
		start_all(r);
		loop_run(r->loop);
		runner_names_tell(r);
		run->duration_us = (loop_now_ns(r->loop) - r->start_ns) / NS_PER_US;
	}
	close_runner(r);
	signal(SIGPIPE, pipe_was);
	free(r);
	return e;
}
