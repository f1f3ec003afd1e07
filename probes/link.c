/* `link`: what the host's own tables say about the uplink; nothing is sent. */
#include <string.h>

#include "probes.h"

static enum addr_kind best_kind(const struct host_facts *h)
{
	static const enum addr_kind order[] = { ADDR_GLOBAL, ADDR_DOCUMENTATION, ADDR_PRIVATE, ADDR_CGNAT,
						ADDR_LINK_LOCAL };
	for (size_t k = 0; k < sizeof(order) / sizeof(order[0]); k++)
		for (size_t i = 0; i < h->n_addrs; i++)
			if (addr_kind(&h->addrs[i].addr) == order[k])
				return order[k];
	return ADDR_NONE;
}

/* NULL when the link can carry traffic to other networks. */
static const char *trouble(const struct host_facts *h, enum addr_kind kind)
{
	if (!h->ifname[0])
		return "no-interface";
	if (strcmp(h->operstate, "down") == 0)
		return "down";
	if (!h->carrier)
		return "no-carrier";
	if (kind == ADDR_NONE)
		return "no-address";
	if (kind == ADDR_LINK_LOCAL)
		return "link-local-only";
	return h->route4 || h->route6 ? NULL : "no-route";
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
	if (c->portal_api[0])
		obs_text(o, A_PORTAL_API, c->portal_api);
	if (c->proxy_config[0])
		obs_text(o, A_PROXY_CONFIG, c->proxy_config);
}

static int start(struct probe *p, void *state)
{
	struct run *run = probe_run(p);
	const struct host_facts *h = run->host;
	struct observation o;
	char mac[MAC_STRLEN];
	(void)state;
	enum addr_kind kind = best_kind(h);
	const char *reason = trouble(h, kind);
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
	probe_finish(p);
	return 0;
}

static void cancel(struct probe *p, void *state)
{
	(void)p;
	(void)state;
}

const struct probe_def link_probe = {
	.name = "link",
	.title = "interface and address",
	.summary = "reads the uplink's state, addresses and default route; sends nothing",
	.checks = "link",
	.privilege = "none",
	.start = start,
	.cancel = cancel,
};
