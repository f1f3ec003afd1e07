#include "dns_control.h"

#include "probes.h"
#include "sallyport/err.h"

static void keep_addresses(struct dns_control *c, const struct dns_message *m)
{
	if (dnsq_looks_wrong(m))
		return;
	for (unsigned i = 0; i < m->n_addrs && c->n_addrs < DNS_CONTROL_ADDRS; i++)
		if (!dns_control_has(c, &m->addrs[i]))
			c->addrs[c->n_addrs++] = m->addrs[i];
}

static void settle(struct dns_control *c)
{
	for (size_t i = 0; i < c->n; i++)
		if (!c->asks[i].over)
			return;
	if (c->over)
		return;
	c->over = true;
	if (c->fn)
		c->fn(c->ctx, c);
}

static void on_ask(void *ctx, struct dns_ask *a, enum dns_ask_event ev)
{
	struct dns_control *c = ctx;
	if (ev == DNS_ASK_REPLY)
		keep_addresses(c, &a->reply.m);
	if (ev == DNS_ASK_OVER)
		settle(c);
}

/* A control resolver that is this site's own as well is no control. */
static bool is_own(const struct run *run, const struct addr *a)
{
	for (size_t i = 0; i < run->host->n_resolvers; i++)
		if (addr_equal(&run->host->resolvers[i], a))
			return true;
	return false;
}

void dns_control_start(struct dns_control *c, struct probe *p, const char *name, uint8_t family,
		       dns_control_fn *fn, void *ctx)
{
	const struct run *run = probe_run(p);
	const struct text_list *list = &run->profile->control_resolvers;
	if (c->started)
		return;
	*c = (struct dns_control){ .started = true, .fn = fn, .ctx = ctx };
	for (size_t i = 0; i < list->n && c->n < DNS_CONTROL_MAX; i++) {
		struct dns_ask_what w = { .check = "dns.name", .target = name, .role = "control",
					  .name = name, .qtype = family == 6 ? DNS_AAAA : DNS_A,
					  .limit = RETRY_EARLY };
		if (addr_parse(list->v[i], &w.server) || is_own(run, &w.server))
			continue;
		if (dns_ask_open(&c->asks[c->n], p, &w, on_ask, c) == 0)
			c->n++;
	}
	c->over = c->n == 0;
}

void dns_control_forecast(struct forecast *f)
{
	const struct text_list *list = &f->run->profile->control_resolvers;
	struct addr server;
	for (size_t i = 0, n = 0; i < list->n && n < DNS_CONTROL_MAX; i++) {
		if (addr_parse(list->v[i], &server) || is_own(f->run, &server))
			continue;
		dns_ask_forecast(f, list->v[i], "DNS: what a resolver outside this site says", WHEN_WRONG,
				 RETRY_EARLY, 0);
		n++;
	}
}

bool dns_control_under_way(const struct dns_control *c)
{
	return c->started && !c->over;
}

bool dns_control_has(const struct dns_control *c, const struct addr *a)
{
	for (size_t i = 0; i < c->n_addrs; i++)
		if (addr_equal(&c->addrs[i], a))
			return true;
	return false;
}

void dns_control_close(struct dns_control *c)
{
	for (size_t i = 0; i < c->n; i++)
		dns_ask_close(&c->asks[i]);
	c->n = 0;
}
