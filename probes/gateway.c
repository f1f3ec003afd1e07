/*
 * `gateway`: does the default gateway answer on its own link? One small datagram to its discard port
 * (RFC 863) makes the kernel resolve it; the neighbour table, or any answer, tells. An entry that
 * was stale stays undecided for 5 s (delay_first_probe_time), so what other probes of this run got
 * through the gateway counts as well.
 */
#include <string.h>

#include "probes.h"
#include "sallyport/clock.h"

enum { DISCARD_PORT = 9, DATAGRAM_BYTES = 29 };
#define POLL_NS (50 * NS_PER_MS)
#define GIVE_UP_NS (8500 * NS_PER_MS) /* a stale entry: 5 s delay, then 3 probes 1 s apart */

struct gateway_probe {
	struct probe *probe;
	struct sock *sock;
	struct loop_timer *timer;
	struct endpoint peer;
	uint64_t start_ns;
	size_t read; /* observations of the run that were looked at */
	bool over;   /* an answer and a tick may come in the same turn of the loop */
};

static void end(struct gateway_probe *g, enum outcome outcome, const struct neigh *n, const char *reply)
{
	struct run *run = probe_run(g->probe);
	struct endpoint local = sock_local(g->sock);
	struct observation o;
	char mac[MAC_STRLEN];
	if (g->over)
		return;
	g->over = true;
	obs_begin(&o, probe_check(g->probe)->id, probe_check(g->probe)->target, 1, outcome);
	obs_flow(run, &o, "udp", &local, &g->peer);
	obs_int(&o, A_PACKETS, 1);
	obs_int(&o, A_BYTES, DATAGRAM_BYTES);
	obs_real(&o, A_WAITED_MS, (double)(probe_now(g->probe) - g->start_ns) / 1e6);
	obs_text(&o, A_NEIGH_STATE, neigh_state_names[n->state]);
	obs_int(&o, A_LAN_PEERS, n->lan_peers);
	if (n->state != NEIGH_NONE && n->state != NEIGH_FAILED && n->state != NEIGH_INCOMPLETE)
		obs_text(&o, A_MAC, mac_format(&n->mac, mac));
	if (reply)
		obs_text(&o, A_REPLY, reply);
	probe_observe(g->probe, &o);
	probe_finish(g->probe);
}

static bool on_link(const struct host_facts *h, const struct addr *a)
{
	for (size_t i = 0; i < h->n_addrs; i++)
		if (addr_in_prefix(a, &h->addrs[i].addr, h->addrs[i].prefix))
			return true;
	return false;
}

/* The gateway itself, or something that only the gateway leads to. */
static bool is_beyond(const struct gateway_probe *g, const struct observation *o)
{
	struct addr a;
	return o->outcome == OUTCOME_ANSWERED && strcmp(o->check, "link") &&
	       !addr_parse(obs_get_text(o, A_HOP, obs_get_text(o, A_ADDRESS, "")), &a) &&
	       a.family == g->peer.addr.family &&
	       (addr_equal(&a, &g->peer.addr) || !on_link(probe_run(g->probe)->host, &a));
}

static bool forwards(struct gateway_probe *g)
{
	const struct run *r = probe_run(g->probe);
	while (g->read < r->n_obs)
		if (is_beyond(g, r->obs[g->read++]))
			return true;
	return false;
}

static void tick(void *ctx)
{
	struct gateway_probe *g = ctx;
	struct neigh n = { 0 };
	uint64_t now = probe_now(g->probe);
	(void)netinfo_neigh(probe_run(g->probe)->host->ifindex, &g->peer.addr, &n);
	if (n.state == NEIGH_REACHABLE)
		end(g, OUTCOME_ANSWERED, &n, NULL);
	else if (forwards(g))
		end(g, OUTCOME_ANSWERED, &n, "data");
	else if (n.state == NEIGH_FAILED || now - g->start_ns >= GIVE_UP_NS)
		end(g, OUTCOME_SILENT, &n, NULL);
	else
		loop_timer_set(g->timer, now + POLL_NS);
}

/* Whatever the gateway itself sends proves it alive; an error of another box says nothing. */
static void on_event(void *ctx, const struct sock_event *ev)
{
	struct gateway_probe *g = ctx;
	struct neigh n = { 0 };
	if (ev->type == SOCK_ICMP ? !addr_equal(&ev->icmp_from, &g->peer.addr) : ev->type != SOCK_DATA)
		return;
	(void)netinfo_neigh(probe_run(g->probe)->host->ifindex, &g->peer.addr, &n);
	end(g, OUTCOME_ANSWERED, &n, "icmp");
}

static int start(struct probe *p, void *state)
{
	struct gateway_probe *g = state;
	const struct host_facts *h = probe_run(p)->host;
	struct sock_opts opts = probe_sock_opts(p);
	struct observation o;
	g->probe = p;
	g->peer = (struct endpoint){ h->gateway4.family ? h->gateway4 : h->gateway6, DISCARD_PORT };
	g->start_ns = probe_now(p);
	if (g->peer.addr.family && !sock_udp(probe_loop(p), &g->peer, &opts, on_event, g, &g->sock)) {
		if (probe_spend(p, 1, DATAGRAM_BYTES))
			(void)sock_send(g->sock, "", 1, NULL);
		g->timer = loop_timer_add(probe_loop(p), g->start_ns + POLL_NS / 10, tick, g);
		return 0;
	}
	obs_begin(&o, probe_check(p)->id, probe_check(p)->target, 0, OUTCOME_NOT_RUN);
	obs_text(&o, A_REASON, "no gateway");
	probe_observe(p, &o);
	probe_finish(p);
	return 0;
}

static void cancel(struct probe *p, void *state)
{
	struct gateway_probe *g = state;
	(void)p;
	loop_timer_del(g->timer);
	sock_close(g->sock);
}

static void contacts(struct forecast *f, const struct check *c)
{
	struct addr gateway;
	if (addr_parse(c->target, &gateway))
		return;
	struct forecast_row row = { .host = c->target, .proto = "udp", .port = DISCARD_PORT, .packets = c->packets,
				    .bytes = c->bytes, .why = "makes this host ask for the gateway's MAC" };
	forecast_add(f, &row);
}

const struct probe_def gateway_probe = {
	.name = "gateway",
	.title = "default gateway",
	.summary = "makes the gateway answer on its own link",
	.checks = "gateway",
	.privilege = "none",
	.packets = 1,
	.bytes = DATAGRAM_BYTES,
	.state_size = sizeof(struct gateway_probe),
	.contacts = contacts,
	.start = start,
	.cancel = cancel,
};
