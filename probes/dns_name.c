/*
 * `dns.name`: what each configured resolver says about one name. When an answer looks wrong, the
 * same name goes to the profile's control resolvers, and where the name holds a device id and is
 * denied, the names of other ids go to the same resolver: devices have other ids than the probe.
 */
#include <string.h>

#include "dns_control.h"
#include "probes.h"

enum {
	OTHER_IDS = 2,
	AAAA_TRIES = 2,
	/* per resolver: A, AAAA and the other ids */
	MAX_ASKS = HOST_MAX_RESOLVERS * (2 + OTHER_IDS),
};

struct name_probe {
	struct probe *probe;
	const char *name;
	struct dns_ask asks[MAX_ASKS];
	size_t n;
	struct dns_control control;
};

static unsigned families(const struct name_probe *s)
{
	const struct profile_target *t = probe_target(s->probe);
	if (!t)
		return FAMILY_4 | FAMILY_6;
	return t->families ? t->families : FAMILY_4;
}

/* The question of the family that the devices do not use is a note: nobody waits for it. */
static bool matters(const struct name_probe *s, const struct dns_ask *a)
{
	return families(s) & (a->what.qtype == DNS_AAAA ? FAMILY_6 : FAMILY_4);
}

static void settle(struct name_probe *s)
{
	for (size_t i = 0; i < s->n; i++)
		if (!s->asks[i].over && matters(s, &s->asks[i]))
			return;
	if (dns_control_under_way(&s->control))
		return;
	for (size_t i = 0; i < s->n; i++)
		if (!s->asks[i].over)
			dns_ask_end(&s->asks[i]);
	probe_finish(s->probe);
}

static void on_control(void *ctx, struct dns_control *c)
{
	(void)c;
	settle(ctx);
}

static void on_ask(void *ctx, struct dns_ask *a, enum dns_ask_event ev);

static int ask(struct name_probe *s, const struct addr *server, const char *name, uint16_t qtype)
{
	bool own = strcmp(name, s->name) == 0;
	struct dns_ask_what w = { .check = "dns.name", .target = s->name, .name = name, .qtype = qtype,
				  .server = *server, .role = own ? NULL : "control" };
	w.limit = !own ? RETRY_EARLY : qtype == DNS_AAAA && !(families(s) & FAMILY_6) ? AAAA_TRIES : 0;
	w.tcp_limit = own && qtype == DNS_A;
	if (s->n == MAX_ASKS)
		return -1;
	int e = dns_ask_open(&s->asks[s->n], s->probe, &w, on_ask, s);
	s->n += !e;
	return e;
}

static void ask_other_ids(struct name_probe *s, const struct dns_ask *a)
{
	struct run *run = probe_run(s->probe);
	const struct profile_target *t = probe_target(s->probe);
	for (size_t i = 1; t && i <= OTHER_IDS && i < run->profile->probe_ids.n; i++) {
		const char *name = profile_target_name(run->arena, run->profile, t, i);
		if (name && strcmp(name, s->name))
			(void)ask(s, &a->what.server, name, a->what.qtype);
	}
}

/* Devices ask the first resolver, and so does the runner. */
static void tell(struct name_probe *s, const struct dns_ask *a)
{
	const struct addr *first = &probe_run(s->probe)->host->resolvers[0];
	if (addr_equal(&a->what.server, first))
		probe_heard_name(s->probe, s->name, a->what.qtype == DNS_AAAA ? 6 : 4, a->reply.m.addrs,
				 a->reply.m.n_addrs);
}

static void on_ask(void *ctx, struct dns_ask *a, enum dns_ask_event ev)
{
	struct name_probe *s = ctx;
	bool own = strcmp(a->what.name, s->name) == 0 && matters(s, a);
	bool wrong = ev == DNS_ASK_REPLY && dnsq_looks_wrong(&a->reply.m);
	if (own && ev == DNS_ASK_REPLY)
		tell(s, a);
	if (own && (wrong || ev == DNS_ASK_TROUBLE))
		dns_control_start(&s->control, s->probe, s->name, families(s) & FAMILY_4 ? 4 : 6,
				  on_control, s);
	if (own && wrong && a->reply.m.rcode == DNS_NXDOMAIN)
		ask_other_ids(s, a);
	if (ev == DNS_ASK_OVER)
		settle(s);
}

static void could_not_ask(struct probe *p, const char *reason)
{
	struct observation o;
	obs_begin(&o, probe_check(p)->id, probe_check(p)->target, 0, OUTCOME_NOT_RUN);
	obs_text(&o, A_REASON, reason);
	probe_observe(p, &o);
}

static int start(struct probe *p, void *state)
{
	struct name_probe *s = state;
	const struct host_facts *h = probe_run(p)->host;
	s->probe = p;
	s->name = probe_check(p)->target;
	for (size_t i = 0; i < h->n_resolvers; i++)
		if (ask(s, &h->resolvers[i], s->name, DNS_A))
			could_not_ask(p, "a resolver cannot be reached from the uplink");
		else
			(void)ask(s, &h->resolvers[i], s->name, DNS_AAAA);
	if (!h->n_resolvers)
		could_not_ask(p, h->n_stubs ? "the site's resolvers are not known" :
					      "no resolver is configured");
	if (!s->n)
		probe_finish(p);
	return 0;
}

static void cancel(struct probe *p, void *state)
{
	struct name_probe *s = state;
	(void)p;
	for (size_t i = 0; i < s->n; i++)
		dns_ask_close(&s->asks[i]);
	dns_control_close(&s->control);
}

static void contacts(struct forecast *f, const struct check *c)
{
	const struct run *run = f->run;
	const struct profile_target *t =
		c->target_index < 0 ? NULL : &run->profile->targets[c->target_index];
	bool both = !t || (t->families & FAMILY_6);
	char server[ADDR_STRLEN];
	for (size_t i = 0; i < run->host->n_resolvers; i++) {
		const char *to = arena_strdup(run->arena, addr_format(&run->host->resolvers[i], server));
		dns_ask_forecast(f, to, "DNS: the names that devices and people need", NULL,
				 RETRY_TRIES + (both ? RETRY_TRIES : AAAA_TRIES), 1);
		if (t && t->name && strstr(t->name, "{id}"))
			dns_ask_forecast(f, to, "DNS: the same for other device ids", WHEN_WRONG,
					 2 * OTHER_IDS * RETRY_EARLY, 0);
	}
	dns_control_forecast(f);
}

const struct probe_def dns_name_probe = {
	.name = "dns.name",
	.title = "host names",
	.summary = "asks every resolver of this network for the names the devices need",
	.checks = "dns.name",
	.privilege = "none",
	.packets = 12,
	.bytes = 1000,
	.state_size = sizeof(struct name_probe),
	.contacts = contacts,
	.start = start,
	.cancel = cancel,
};
