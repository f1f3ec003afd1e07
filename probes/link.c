/*
 * `link`: what the host's own tables say about the uplink, at the start and, where that changed, at
 * the end of the run; nothing is sent.
 */
#include <string.h>

#include "probes.h"

/* The families that the devices use; others on this host do not help them. */
static unsigned families_needed(const struct profile *p)
{
	unsigned families = 0;
	for (size_t i = 0; i < p->n_targets; i++)
		if (!p->targets[i].people)
			families |= p->targets[i].families;
	return families ? families : FAMILY_4 | FAMILY_6;
}

static bool family_in(unsigned families, uint8_t family)
{
	return families & (family == 4 ? FAMILY_4 : FAMILY_6);
}

static enum addr_kind best_kind(const struct host_facts *h, unsigned families)
{
	static const enum addr_kind order[] = { ADDR_GLOBAL, ADDR_DOCUMENTATION, ADDR_PRIVATE, ADDR_CGNAT,
						ADDR_RESERVED, ADDR_LINK_LOCAL };
	for (size_t k = 0; k < sizeof(order) / sizeof(order[0]); k++)
		for (size_t i = 0; i < h->n_addrs; i++)
			if (family_in(families, h->addrs[i].addr.family) &&
			    addr_kind(&h->addrs[i].addr) == order[k])
				return order[k];
	return ADDR_NONE;
}

/* NULL when the link can carry traffic to other networks. */
static const char *trouble(const struct host_facts *h, enum addr_kind kind, unsigned families)
{
	bool routed = (h->route4 && (families & FAMILY_4)) || (h->route6 && (families & FAMILY_6));
	if (!h->ifname[0])
		return "no-interface";
	if (strcmp(h->operstate, "down") == 0)
		return "down";
	if (!h->carrier)
		return "no-carrier";
	if (!routed && (kind == ADDR_NONE || kind == ADDR_LINK_LOCAL) && h->route6)
		return "no-ipv4";
	if (kind == ADDR_NONE)
		return "no-address";
	if (kind == ADDR_LINK_LOCAL)
		return "link-local-only";
	return routed ? NULL : "no-route";
}

static const char *addresses(struct arena *a, const struct host_facts *h)
{
	const char *s = "";
	for (size_t i = 0; i < h->n_addrs; i++) {
		char text[ADDR_STRLEN];
		s = arena_printf(a, "%s%s%s/%u", s, *s ? " " : "", addr_format(&h->addrs[i].addr, text),
				 h->addrs[i].prefix);
	}
	return s;
}

/* How a client of our own asked for its address, and what it was told: that went before. */
static void add_dhcp(struct run *run, struct observation *o)
{
	static const struct endpoint me = { { .family = 4 }, 68 };
	static const struct endpoint lan = { { 4, { 255, 255, 255, 255 } }, 67 };
	const struct as_client_facts *c = &run->host->as_client;
	if (!c->dhcp[0])
		return;
	obs_flow(run, o, "udp", &me, &lan);
	obs_int(o, A_PACKETS, c->packets);
	obs_int(o, A_BYTES, c->bytes);
	obs_real(o, A_WAITED_MS, c->waited_ms);
	obs_text(o, A_DHCP, c->dhcp);
	if (!c->server.family)
		return;
	obs_addr(run, o, A_DHCP_SERVER, &c->server);
	obs_int(o, A_LEASE, c->lease_s);
}

static void observe_start(struct probe *p, struct run *run)
{
	const struct host_facts *h = run->host;
	struct observation o;
	char mac[MAC_STRLEN];
	unsigned families = families_needed(run->profile);
	enum addr_kind kind = best_kind(h, families);
	const char *reason = trouble(h, kind, families);
	obs_begin(&o, probe_check(p)->id, probe_check(p)->target, 0,
		  reason ? OUTCOME_UNREACHABLE : OUTCOME_ANSWERED);
	obs_text(&o, A_OPERSTATE, h->operstate);
	obs_bool(&o, A_CARRIER, h->carrier);
	obs_int(&o, A_MTU, h->mtu);
	obs_text(&o, A_ADDRESSES, addresses(run->arena, h));
	obs_text(&o, A_ADDRESS_KIND, addr_kind_name(kind));
	obs_text(&o, A_MAC, mac_format(&h->mac, mac));
	if (reason)
		obs_text(&o, A_REASON, reason);
	add_dhcp(run, &o);
	probe_observe(p, &o);
}

static bool same_addresses(const struct host_facts *a, const struct host_facts *b)
{
	struct addr x = host_source(a, 4), y = host_source(b, 4);
	struct addr x6 = host_source(a, 6), y6 = host_source(b, 6);
	bool four = addr_equal(&x, &y) && addr_equal(&a->gateway4, &b->gateway4);
	/* a privacy address may come and go where IPv4 carries the run */
	return x.family ? four : addr_equal(&x6, &y6) && addr_equal(&a->gateway6, &b->gateway6);
}

/* At the end of the run: is it still the link that the run began on? */
static void on_quiet(void *ctx)
{
	struct probe *p = ctx;
	struct run *run = probe_run(p);
	struct host_facts now;
	struct sp_error err;
	struct observation o;
	const char *reason = NULL;
	if (netinfo_read(run->host->ifname, &now, &err) || now.ifindex != run->host->ifindex)
		reason = "interface-gone";
	else if (!same_addresses(run->host, &now))
		reason = "address-changed";
	if (reason) {
		obs_begin(&o, probe_check(p)->id, probe_check(p)->target, 2, OUTCOME_ABORTED);
		obs_text(&o, A_REASON, reason);
		probe_observe(p, &o);
	}
	probe_finish(p);
}

static int start(struct probe *p, void *state)
{
	struct run *run = probe_run(p);
	(void)state;
	observe_start(p, run);
	if (run->host->ifindex)
		probe_when_quiet(p, on_quiet, p);
	else
		probe_finish(p);
	return 0;
}

static void cancel(struct probe *p, void *state)
{
	(void)p;
	(void)state;
}

/* It reads the kernel's tables. */
static void contacts(struct forecast *f, const struct check *c)
{
	(void)f;
	(void)c;
}

const struct probe_def link_probe = {
	.name = "link",
	.title = "interface and address",
	.summary = "reads the uplink's state, addresses and default route; sends nothing",
	.checks = "link",
	.privilege = "none",
	.contacts = contacts,
	.start = start,
	.cancel = cancel,
};
