/*
 * <stem>.echo: the device's own connection test (record type 252, Device OS 5.6 and later): a record
 * in clear that the service returns unchanged. At the pace of a device and never more; that it stays
 * silent means nothing where the handshake works.
 */
#include <string.h>

#include "probes.h"
#include "sallyport/clock.h"
#include "sallyport/crypto.h"
#include "sallyport/wire/dtls.h"

enum {
	TRIES = 10,       /* device-clouds.md section 4: at most 10, 250 ms apart, 5 s */
	PAYLOAD = 16,
	RECORD = DTLS_RECORD_HEADER + PAYLOAD,
	IP_UDP_HEADERS = 28,
	EPOCH_WIFI = 8004, /* 8000 + the device's interface number */
};
#define PACE_NS (250 * NS_PER_MS)
#define TOTAL_NS (5 * NS_PER_S)
/* Once the handshake has shown that the path is open: two tries at the device's pace, and the
 * handshake took two round trips, of which an answer needs one. */
#define ENOUGH_NS (500 * NS_PER_MS)

struct echo_probe {
	struct probe *probe;
	struct sock *sock;
	struct loop_timer *timer;
	struct endpoint peer;
	uint8_t sent[TRIES][RECORD];
	uint64_t sent_ns[TRIES], start_ns;
	unsigned n;
};

static void observe(struct echo_probe *e, enum outcome outcome, struct observation *o, unsigned attempt,
		    unsigned packets)
{
	struct run *run = probe_run(e->probe);
	struct endpoint local = e->sock ? sock_local(e->sock) : (struct endpoint){ 0 };
	o->check = probe_check(e->probe)->id;
	o->target = probe_check(e->probe)->target;
	o->attempt = attempt;
	o->outcome = outcome;
	obs_flow(run, o, "udp", &local, &e->peer);
	obs_text(o, A_NAME, o->target);
	obs_int(o, A_PACKETS, packets);
	obs_int(o, A_BYTES, (int64_t)packets * (RECORD + IP_UDP_HEADERS));
	obs_real(o, A_WAITED_MS, (double)(probe_now(e->probe) - e->start_ns) / 1e6);
	probe_observe(e->probe, o);
}

static void send_one(struct echo_probe *e)
{
	uint8_t payload[PAYLOAD];
	struct writer w = wr_of(e->sent[e->n], RECORD);
	uint64_t now = probe_now(e->probe);
	if (crypto_random(payload, sizeof(payload)) || !probe_spend(e->probe, 1, RECORD + IP_UDP_HEADERS))
		return;
	wr_u8(&w, DTLS_ECHO);
	wr_be16(&w, DTLS_VERSION_12);
	wr_be16(&w, EPOCH_WIFI);
	wr_be32(&w, (uint32_t)(now / NS_PER_MS)); /* the device's millisecond clock, then a counter */
	wr_be16(&w, (uint16_t)e->n);
	wr_be16(&w, PAYLOAD);
	wr_bytes(&w, payload, sizeof(payload));
	e->sent_ns[e->n] = now;
	(void)sock_send(e->sock, e->sent[e->n], RECORD, NULL);
	e->n++;
}

/* The handshake with the same target has already shown the path. */
static bool path_known(const struct echo_probe *e)
{
	const struct run *r = probe_run(e->probe);
	for (size_t i = 0; i < r->n_obs; i++)
		if (strstr(r->obs[i]->check, ".identity") && r->obs[i]->outcome == OUTCOME_ANSWERED &&
		    strcmp(r->obs[i]->target, probe_check(e->probe)->target) == 0)
			return true;
	return false;
}

static void tick(void *ctx)
{
	struct echo_probe *e = ctx;
	uint64_t now = probe_now(e->probe), age = now - e->start_ns;
	if (age >= TOTAL_NS || (age >= ENOUGH_NS && path_known(e))) {
		struct observation o = { 0 };
		observe(e, OUTCOME_SILENT, &o, e->n, e->n);
		probe_finish(e->probe);
		return;
	}
	if (e->n < TRIES)
		send_one(e);
	loop_timer_set(e->timer, now + PACE_NS);
}

static void on_event(void *ctx, const struct sock_event *ev)
{
	struct echo_probe *e = ctx;
	struct observation o = { 0 };
	if (ev->type != SOCK_DATA)
		return; /* the hello tells what an ICMP error means */
	for (unsigned i = 0; i < e->n; i++) {
		if (ev->data.n != RECORD || memcmp(ev->data.p, e->sent[i], RECORD))
			continue;
		obs_real(&o, A_RTT_MS, ev->at_ns > e->sent_ns[i] ? (double)(ev->at_ns - e->sent_ns[i]) / 1e6 : 0);
		observe(e, OUTCOME_ANSWERED, &o, i + 1, e->n);
		probe_finish(e->probe);
		return;
	}
	observe(e, OUTCOME_MISMATCH, &o, e->n, e->n);
	probe_finish(e->probe);
}

static void on_names(void *ctx, const struct names_result *res)
{
	struct echo_probe *e = ctx;
	struct sock_opts opts = probe_sock_opts(e->probe);
	struct observation o;
	if (res->n_addrs)
		e->peer.addr = res->addrs[0];
	if (res->n_addrs && !sock_udp(probe_loop(e->probe), &e->peer, &opts, on_event, e, &e->sock)) {
		e->start_ns = probe_now(e->probe);
		e->timer = loop_timer_add(probe_loop(e->probe), e->start_ns, tick, e);
		return;
	}
	obs_begin(&o, probe_check(e->probe)->id, probe_check(e->probe)->target, 0, OUTCOME_NOT_RUN);
	obs_text(&o, A_REASON, res->n_addrs ? "no route to the target" : "no address");
	probe_observe(e->probe, &o);
	probe_finish(e->probe);
}

static int start(struct probe *p, void *state)
{
	struct echo_probe *e = state;
	const struct profile_target *t = probe_target(p);
	e->probe = p;
	e->peer.port = t->port;
	probe_resolve(p, probe_check(p)->target, t->families & FAMILY_4 ? 4 : 6, on_names, e);
	return 0;
}

static void cancel(struct probe *p, void *state)
{
	struct echo_probe *e = state;
	(void)p;
	loop_timer_del(e->timer);
	sock_close(e->sock);
}

const struct probe_def dtls_echo_probe = {
	.name = "dtls-echo",
	.title = "device's own echo test",
	.summary = "sends the device's connection test and expects it back unchanged",
	.checks = "STEM.echo",
	.privilege = "none",
	.packets = TRIES,
	.bytes = TRIES * (RECORD + IP_UDP_HEADERS),
	.state_size = sizeof(struct echo_probe),
	.start = start,
	.cancel = cancel,
};
