/*
 * `dns.resolver`: does one configured resolver answer at all, over UDP and over TCP (RFC 7766), for
 * names that nobody has a reason to block? A wrong answer for the first of them is checked with the
 * others.
 */
#include "dns_ask.h"
#include "probes.h"

enum { MAX_NAMES = 3, TCP_TRIES = 5 };

struct resolver_probe {
	struct probe *probe;
	struct dns_ask asks[MAX_NAMES];
	size_t n;
};

static void settle(struct resolver_probe *s)
{
	for (size_t i = 0; i < s->n; i++)
		if (!s->asks[i].over)
			return;
	probe_finish(s->probe);
}

static void on_ask(void *ctx, struct dns_ask *a, enum dns_ask_event ev);

static int ask(struct resolver_probe *s, const struct addr *server, const char *name)
{
	const struct check *c = probe_check(s->probe);
	struct dns_ask_what w = { .check = c->id, .target = c->target, .name = name, .qtype = DNS_A,
				  .server = *server };
	w.role = s->n ? "control" : NULL;
	w.limit = s->n ? RETRY_EARLY : 0;
	w.tcp_limit = s->n ? 0 : TCP_TRIES;
	w.tcp_at_once = s->n == 0;
	int e = dns_ask_open(&s->asks[s->n], s->probe, &w, on_ask, s);
	s->n += !e;
	return e;
}

static void on_ask(void *ctx, struct dns_ask *a, enum dns_ask_event ev)
{
	struct resolver_probe *s = ctx;
	const struct text_list *names = &probe_run(s->probe)->profile->control_names;
	if (ev == DNS_ASK_REPLY && dnsq_looks_wrong(&a->reply.m) && s->n == 1)
		for (size_t i = 1; i < names->n && s->n < MAX_NAMES; i++)
			(void)ask(s, &a->what.server, names->v[i]);
	if (ev == DNS_ASK_OVER)
		settle(s);
}

/* A name of no device cloud, so that silence is about the resolver and not about the name. */
static const char *neutral_name(struct run *run)
{
	const struct profile *f = run->profile;
	if (f->control_names.n)
		return f->control_names.v[0];
	return f->n_targets ? profile_target_name(run->arena, f, &f->targets[0], 0) : NULL;
}

static int start(struct probe *p, void *state)
{
	struct resolver_probe *s = state;
	struct run *run = probe_run(p);
	int index = probe_check(p)->resolver_index;
	const char *name = neutral_name(run);
	s->probe = p;
	bool known = name && index >= 0 && (size_t)index < run->host->n_resolvers;
	if (known && ask(s, &run->host->resolvers[index], name) == 0)
		return 0;
	struct observation o;
	obs_begin(&o, probe_check(p)->id, probe_check(p)->target, 0, OUTCOME_NOT_RUN);
	obs_text(&o, A_REASON, known ? "the resolver cannot be reached from the uplink" :
				       "no resolver or no name to ask for");
	probe_observe(p, &o);
	probe_finish(p);
	return 0;
}

static void cancel(struct probe *p, void *state)
{
	struct resolver_probe *s = state;
	(void)p;
	for (size_t i = 0; i < s->n; i++)
		dns_ask_close(&s->asks[i]);
}

static void contacts(struct forecast *f, const struct check *c)
{
	size_t others = f->run->profile->control_names.n;
	others = others > MAX_NAMES ? MAX_NAMES - 1 : others ? others - 1 : 0;
	dns_ask_forecast(f, c->target, "DNS: does this resolver answer, and what", NULL, RETRY_TRIES, TCP_TRIES);
	dns_ask_forecast(f, c->target, "DNS: other neutral names", WHEN_WRONG,
			 (uint32_t)others * RETRY_EARLY, 0);
}

const struct probe_def dns_resolver_probe = {
	.name = "dns.resolver",
	.title = "resolver",
	.summary = "asks a resolver of this network for a neutral name, over UDP and TCP",
	.checks = "dns.resolver",
	.privilege = "none",
	.packets = RETRY_TRIES + 5,
	.bytes = 1000,
	.state_size = sizeof(struct resolver_probe),
	.contacts = contacts,
	.start = start,
	.cancel = cancel,
};
