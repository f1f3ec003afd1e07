/*
 * `gateway`: does the default gateway answer on its own link? One small datagram to its discard port
 * (RFC 863) makes the kernel resolve it; the neighbour table, or any answer, tells.
 */
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
};

static void end(struct gateway_probe *g, enum outcome outcome, const struct neigh *n, bool by_icmp)
{
	struct run *run = probe_run(g->probe);
	struct endpoint local = sock_local(g->sock);
	struct observation o;
	char mac[MAC_STRLEN];
	obs_begin(&o, probe_check(g->probe)->id, probe_check(g->probe)->target, 1, outcome);
	obs_flow(run, &o, "udp", &local, &g->peer);
	obs_int(&o, A_PACKETS, 1);
	obs_int(&o, A_BYTES, DATAGRAM_BYTES);
	obs_real(&o, A_WAITED_MS, (double)(probe_now(g->probe) - g->start_ns) / 1e6);
	obs_text(&o, A_NEIGH_STATE, neigh_state_names[n->state]);
	obs_int(&o, A_LAN_PEERS, n->lan_peers);
	if (n->state != NEIGH_NONE && n->state != NEIGH_FAILED && n->state != NEIGH_INCOMPLETE)
		obs_text(&o, A_MAC, mac_format(&n->mac, mac));
	if (by_icmp)
		obs_text(&o, A_REPLY, "icmp");
	probe_observe(g->probe, &o);
	probe_finish(g->probe);
}

static void tick(void *ctx)
{
	struct gateway_probe *g = ctx;
	struct neigh n = { 0 };
	uint64_t now = probe_now(g->probe);
	(void)netinfo_neigh(probe_run(g->probe)->host->ifindex, &g->peer.addr, &n);
	if (n.state == NEIGH_REACHABLE)
		end(g, OUTCOME_ANSWERED, &n, false);
	else if (n.state == NEIGH_FAILED || now - g->start_ns >= GIVE_UP_NS)
		end(g, OUTCOME_SILENT, &n, false);
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
	end(g, OUTCOME_ANSWERED, &n, true);
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

const struct probe_def gateway_probe = {
	.name = "gateway",
	.title = "default gateway",
	.summary = "makes the gateway answer on its own link",
	.checks = "gateway",
	.privilege = "none",
	.packets = 1,
	.bytes = DATAGRAM_BYTES,
	.state_size = sizeof(struct gateway_probe),
	.start = start,
	.cancel = cancel,
};
