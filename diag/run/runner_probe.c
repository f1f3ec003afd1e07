/* What probes get from the runner: facts, accounting, spacing, suspicions. Names: runner_names.c. */
#include "diag/run/runner_state.h"

#include "sallyport/clock.h"

struct loop *probe_loop(struct probe *p)
{
	return p->runner->loop;
}

uint64_t probe_now(struct probe *p)
{
	return loop_now_ns(p->runner->loop);
}

struct run *probe_run(struct probe *p)
{
	return p->runner->run;
}

const struct check *probe_check(struct probe *p)
{
	return p->checks;
}

const struct profile_target *probe_target(struct probe *p)
{
	int i = p->checks->target_index;
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

uint64_t probe_deadline_ns(struct probe *p)
{
	return p->runner->deadline_ns;
}

void probe_observe(struct probe *p, const struct observation *o)
{
	struct observation copy = *o;
	runner_append(p->runner, &copy);
}

bool probe_spend(struct probe *p, uint32_t packets, uint32_t bytes)
{
	struct runner *r = p->runner;
	if (packets > RUNNER_MAX_PACKETS - r->packets || bytes > RUNNER_MAX_BYTES - r->bytes)
		return false;
	r->packets += packets;
	r->bytes += bytes;
	return true;
}

/* The row of this address, else the one that has been free for longest. */
static struct destination *destination(struct runner *r, const struct addr *dst)
{
	struct destination *oldest = &r->destinations[0];
	for (size_t i = 0; i < RUNNER_MAX_DESTINATIONS; i++) {
		struct destination *d = &r->destinations[i];
		if (addr_equal(&d->addr, dst))
			return d;
		if (d->free_ns < oldest->free_ns)
			oldest = d;
	}
	*oldest = (struct destination){ .addr = *dst };
	return oldest;
}

uint64_t probe_slot(struct probe *p, const struct addr *dst)
{
	struct destination *d = destination(p->runner, dst);
	uint64_t now = loop_now_ns(p->runner->loop);
	uint64_t at = d->free_ns > now ? d->free_ns : now;
	d->free_ns = at + RUNNER_SPACING_MS * NS_PER_MS;
	return at;
}

bool probe_is_listener(const struct probe *p)
{
	return p->suspect || p->quiet;
}

void probe_suspect(struct probe *p, enum suspicion why, enum transport proto,
		   const struct endpoint *dst, struct bytes payload)
{
	struct runner *r = p->runner;
	if (r->n_suspicions == RUNNER_MAX_SUSPICIONS)
		return;
	struct suspected *s = &r->suspicions[r->n_suspicions++];
	*s = (struct suspected){ .check = p->checks->id, .why = why, .proto = proto, .dst = *dst,
				 .payload = payload };
	if (payload.n)
		s->payload.p = arena_memdup(r->run->arena, payload.p, payload.n);
	runner_wake(r);
}

void probe_listen_suspects(struct probe *p, suspect_fn *fn, void *ctx)
{
	p->suspect = fn;
	p->suspect_ctx = ctx;
	runner_wake(p->runner);
}

void probe_when_quiet(struct probe *p, quiet_fn *fn, void *ctx)
{
	p->quiet = fn;
	p->quiet_ctx = ctx;
	runner_wake(p->runner);
}

bool probe_others_running(struct probe *p)
{
	return runner_busy(p->runner);
}

void probe_finish(struct probe *p)
{
	p->finished = true;
	runner_wake(p->runner);
}

static bool listening(const struct probe *p)
{
	return p->running && !p->finished;
}

static void tell_suspicions(struct runner *r, struct probe *p)
{
	while (listening(p) && p->suspect && p->heard < r->n_suspicions) {
		const struct suspected *s = &r->suspicions[p->heard++];
		p->suspect(p->suspect_ctx, s->check, s->why, s->proto, &s->dst, s->payload);
	}
}

static void tell_quiet(struct probe *p)
{
	quiet_fn *fn = p->quiet;
	if (!listening(p) || !fn)
		return;
	p->quiet = NULL; /* once */
	fn(p->quiet_ctx);
}

void runner_tell(struct runner *r)
{
	for (size_t i = 0; i < r->n_probes; i++)
		tell_suspicions(r, &r->probes[i]);
	for (size_t i = 0; i < r->n_probes && !runner_busy(r); i++)
		tell_quiet(&r->probes[i]);
}
