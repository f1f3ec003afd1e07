/*
 * UDP 5684 as a device opens it: <stem>.hello and <stem>.identity of one target. No credential is
 * needed: the server signs its key exchange before it knows who asks (facts: device-clouds 3.2).
 *
 * Controls: when something else answers, the name is asked of resolvers outside the site, and an
 * address that only they give is tried as well; when nothing answers, and --controls allows it,
 * other operators on the same port are greeted.
 */
#include <string.h>

#include "dns_control.h"
#include "dtls_try.h"
#include "probes.h"

enum {
	PEERS = 2,
	HELLO_BYTES = 200, /* with a cookie of 32 bytes and a connection id */
	/* First hellos, hellos with the cookie, handshakes begun anew (two hellos each), goodbyes. */
	OWN_PACKETS = RETRY_TRIES + RETRY_EARLY + 1 + 3 * 2 + 1,
	CONTROL_PACKETS = RETRY_EARLY + RETRY_EARLY + 1 + 3 * 2 + 1,
	PEER_PACKETS = RETRY_EARLY + 1,
};

struct dtls_probe;

struct peer { /* another operator on the same port */
	struct dtls_probe *state;
	const struct profile_control *who;
	struct dtls_try try;
	bool under_way;
};

struct dtls_probe {
	struct probe *probe;
	const char *hello_id, *identity_id;
	struct dtls_try own, control;
	struct dns_control dns;
	struct peer peers[PEERS];
	size_t n_peers;
	bool suspected, own_over, control_under_way;
};

static void settle(struct dtls_probe *s)
{
	bool busy = !s->own_over || s->control_under_way || dns_control_under_way(&s->dns);
	for (size_t i = 0; i < s->n_peers; i++)
		busy |= s->peers[i].under_way;
	if (!busy)
		probe_finish(s->probe);
}

static struct dtls_try_what describe(struct dtls_probe *s)
{
	const struct profile_target *t = probe_target(s->probe);
	const char *name = probe_check(s->probe)->target;
	return (struct dtls_try_what){ .hello_id = s->hello_id, .identity_id = s->identity_id,
				       .target = name, .name = name, .role = "target",
				       .operator = t->operator, .port = t->port,
				       .cid_ext = t->cid_ext, .key = { t->key, t->key_len } };
}

/* ---- when something else answers: the address that others give for the name ---- */
static void on_control_try(void *ctx, struct dtls_try *t, enum dtls_try_event ev)
{
	struct dtls_probe *s = ctx;
	(void)t;
	if (ev != DTLS_TRY_OVER)
		return;
	s->control_under_way = false;
	settle(s);
}

static bool is_own_address(const struct dtls_probe *s, const struct addr *a)
{
	for (size_t i = 0; i < s->own.n_addrs; i++)
		if (addr_equal(&s->own.addrs[i], a))
			return true;
	return false;
}

static void on_control_names(void *ctx, struct dns_control *c)
{
	struct dtls_probe *s = ctx;
	struct dtls_try_what w = describe(s);
	w.role = "control";
	w.limit = RETRY_EARLY;
	for (size_t i = 0; i < c->n_addrs && !s->control_under_way; i++)
		if (!is_own_address(s, &c->addrs[i]))
			s->control_under_way = dtls_try_open(&s->control, s->probe, &w, &c->addrs[i], 1,
							     on_control_try, s) == 0;
	settle(s);
}

/* ---- when nothing answers: other operators on the same port ---- */
static void on_peer_try(void *ctx, struct dtls_try *t, enum dtls_try_event ev)
{
	struct peer *p = ctx;
	(void)t;
	if (ev != DTLS_TRY_OVER)
		return;
	p->under_way = false;
	settle(p->state);
}

static void on_peer_names(void *ctx, const struct names_result *res)
{
	struct peer *p = ctx;
	struct dtls_try_what w = describe(p->state);
	w.identity_id = NULL;
	w.name = p->who->name;
	w.role = "control";
	w.operator = p->who->operator;
	w.cid_ext = 0; /* a generic hello */
	w.limit = RETRY_EARLY;
	p->under_way = res->n_addrs && dtls_try_open(&p->try, p->state->probe, &w, res->addrs, 1,
						     on_peer_try, p) == 0;
	settle(p->state);
}

static void greet_peers(struct dtls_probe *s)
{
	const struct run *run = probe_run(s->probe);
	const struct profile *f = run->profile;
	const struct profile_target *t = probe_target(s->probe);
	for (size_t i = 0; run->settings->controls && i < f->n_same_port && s->n_peers < PEERS; i++) {
		if (f->same_port[i].port != t->port)
			continue;
		struct peer *p = &s->peers[s->n_peers++];
		*p = (struct peer){ .state = s, .who = &f->same_port[i], .under_way = true };
		probe_resolve(s->probe, p->who->name, t->families & FAMILY_4 ? 4 : 6, on_peer_names, p);
	}
}

/* ---- the target itself ---- */
static void suspect(struct dtls_probe *s, enum dtls_try_event ev)
{
	const struct dtls_try *t = &s->own;
	uint8_t family = t->peer.addr.family;
	if (s->suspected)
		return;
	s->suspected = true;
	bool silent = ev == DTLS_TRY_SILENT;
	probe_suspect(s->probe, silent ? SUSPECT_SILENT : SUSPECT_IMPOSTOR, TRANSPORT_UDP,
		      silent ? &t->silent : &t->peer, (struct bytes){ t->payload, t->payload_n });
	if (ev == DTLS_TRY_IMPOSTOR)
		dns_control_start(&s->dns, s->probe, t->what.name, family, on_control_names, s);
	if (silent)
		greet_peers(s);
}

static void on_own(void *ctx, struct dtls_try *t, enum dtls_try_event ev)
{
	struct dtls_probe *s = ctx;
	(void)t;
	if (ev == DTLS_TRY_OVER) {
		s->own_over = true;
		settle(s);
	} else {
		suspect(s, ev);
	}
}

static void not_run(struct dtls_probe *s, const char *reason)
{
	const char *const ids[] = { s->hello_id, s->identity_id };
	const struct profile_target *t = probe_target(s->probe);
	struct endpoint peer = { .port = t->port };
	struct observation o;
	for (size_t i = 0; i < 2; i++) {
		obs_begin(&o, ids[i], probe_check(s->probe)->target, 0, OUTCOME_NOT_RUN);
		obs_flow(probe_run(s->probe), &o, "udp", NULL, &peer);
		obs_text(&o, A_NAME, probe_check(s->probe)->target);
		obs_text(&o, A_REASON, reason);
		probe_observe(s->probe, &o);
	}
	probe_finish(s->probe);
}

static void on_names(void *ctx, const struct names_result *res)
{
	struct dtls_probe *s = ctx;
	struct dtls_try_what w = describe(s);
	if (!res->n_addrs)
		not_run(s, arena_printf(probe_run(s->probe)->arena, "no address for %s (%s)", w.name,
					res->reason));
	else if (dtls_try_open(&s->own, s->probe, &w, res->addrs, res->n_addrs, on_own, s))
		not_run(s, "no route to the target");
}

static int start(struct probe *p, void *state)
{
	struct dtls_probe *s = state;
	const struct profile_target *t = probe_target(p);
	struct run *run = probe_run(p);
	s->probe = p;
	s->hello_id = arena_printf(run->arena, "%s.hello", t->check);
	s->identity_id = arena_printf(run->arena, "%s.identity", t->check);
	probe_resolve(p, probe_check(p)->target, t->families & FAMILY_4 ? 4 : 6, on_names, s);
	return 0;
}

static void cancel(struct probe *p, void *state)
{
	struct dtls_probe *s = state;
	(void)p;
	dtls_try_close(&s->own);
	dtls_try_close(&s->control);
	dns_control_close(&s->dns);
	for (size_t i = 0; i < s->n_peers; i++)
		dtls_try_close(&s->peers[i].try);
}

static void add_handshakes(struct forecast *f, const struct profile_target *t, const char *host,
			   uint32_t packets, const char *why, const char *when)
{
	struct forecast_row row = { .host = host, .proto = "udp", .port = t->port, .packets = packets,
				    .bytes = packets * HELLO_BYTES, .why = why, .when = when };
	forecast_add(f, &row);
}

static void contacts(struct forecast *f, const struct check *c)
{
	const struct profile *p = f->run->profile;
	const struct profile_target *t = &p->targets[c->target_index];
	size_t peers = 0;
	add_handshakes(f, t, c->target, OWN_PACKETS, t->why, NULL);
	forecast_name(f, c->target);
	add_handshakes(f, t, c->target, CONTROL_PACKETS, "the address that others give for the name",
		       WHEN_WRONG);
	dns_control_forecast(f);
	for (size_t i = 0; f->run->settings->controls && i < p->n_same_port && peers < PEERS; i++) {
		if (p->same_port[i].port != t->port)
			continue;
		peers++;
		add_handshakes(f, t, p->same_port[i].name, PEER_PACKETS, "another operator on the same port",
			       WHEN_SILENT);
		forecast_name(f, p->same_port[i].name);
	}
}

const struct probe_def dtls_device_probe = {
	.name = "dtls-device",
	.title = "device-shaped DTLS handshake",
	.summary = "sends a device's ClientHello and checks that the far end holds the cloud's key",
	.checks = "STEM.hello, STEM.identity",
	.privilege = "none",
	.packets = OWN_PACKETS,
	.bytes = OWN_PACKETS * HELLO_BYTES,
	.state_size = sizeof(struct dtls_probe),
	.contacts = contacts,
	.start = start,
	.cancel = cancel,
};
