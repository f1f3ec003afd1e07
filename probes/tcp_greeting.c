/*
 * tcp5683: connect, wait for the nonce that the device cloud sends first, close. Nothing is ever
 * said to the server: without credentials the evidence ends at the nonce (device-clouds.md 6).
 *
 * Controls, when something else is there than the nonce: an address that only resolvers outside the
 * site give for the name, and with --controls an address that nobody has (RFC 5737).
 */
#include <string.h>

#include "core/greeting.h"
#include "dial.h"
#include "dns_control.h"
#include "sallyport/clock.h"

#define GREETING_WAIT_NS (5 * NS_PER_S)
#define CHECK_NS (11 * NS_PER_S) /* no second connection that would end later than this */
#define MARGIN_NS (200 * NS_PER_MS)

enum {
	EXCHANGE_PACKETS = 4, /* ACKs of the handshake and of the data, FIN, ACK of the FIN */
	NEVER_TRIES = 2,
};

enum {
	OWN,
	AGAIN,     /* confirms a silence or a close */
	ELSEWHERE, /* the address that other resolvers give */
	NEVER,     /* the address that nobody has */
	DIALS,
};

struct greeting_probe {
	struct probe *probe;
	struct dial dials[DIALS];
	unsigned current; /* OWN, AGAIN or ELSEWHERE */
	struct dns_control dns;
	bool greeted, never_under_way;
	struct greeting greeting;
	struct loop_timer *timer;
	uint64_t start_ns;
	const char *ended; /* fin or rst, NULL while the peer has not closed */
};

static void on_dial(void *ctx, enum dial_news news, const struct sock_event *ev);

static struct dial *dial(struct greeting_probe *s)
{
	return &s->dials[s->current];
}

static enum outcome outcome_of(enum greeting_verdict v)
{
	switch (v) {
	case GREETING_NONCE:
		return OUTCOME_ANSWERED;
	case GREETING_CLOSED:
		return OUTCOME_RESET;
	case GREETING_SILENT:
		return OUTCOME_SILENT;
	default:
		return OUTCOME_MISMATCH;
	}
}

static void observe(struct greeting_probe *s, enum greeting_verdict v, uint64_t at_ns)
{
	const struct greeting *g = &s->greeting;
	struct observation o;
	char hex[2 * GREETING_HEAD + 1];
	dial_describe(dial(s), &o, "greeting", outcome_of(v), at_ns);
	obs_text(&o, A_GREETING, greeting_names[v]);
	obs_int(&o, A_GREETING_BYTES, (int64_t)g->n);
	if (g->n) {
		text_hex(hex, sizeof(hex), g->head, g->n < GREETING_HEAD ? g->n : GREETING_HEAD);
		obs_text(&o, A_HEX, hex);
		obs_real(&o, A_RTT_MS, (double)(g->last_ns - g->opened_ns) / 1e6);
	}
	if (s->ended)
		obs_text(&o, A_REASON, s->ended);
	obs_int(&o, A_PACKETS, EXCHANGE_PACKETS);
	obs_int(&o, A_BYTES, EXCHANGE_PACKETS * ACK_BYTES);
	probe_observe(s->probe, &o);
}

static void greet(struct greeting_probe *s, unsigned which, const struct addr *a, uint32_t before,
		  const char *role)
{
	s->current = which;
	s->ended = NULL;
	*dial(s) = (struct dial){.probe = s->probe,
				 .name = s->dials[OWN].name,
				 .port = s->dials[OWN].port,
				 .role = role,
				 .before = before,
				 .fn = on_dial,
				 .ctx = s};
	dial_addr(dial(s), a, 1);
}

/* A silence or a close is asked for once more, where time is left for it. */
static bool try_again(struct greeting_probe *s, enum greeting_verdict v)
{
	uint64_t end = probe_now(s->probe) + GREETING_WAIT_NS;
	if (s->current != OWN || (v != GREETING_SILENT && v != GREETING_CLOSED) ||
	    end > s->start_ns + CHECK_NS || end > probe_deadline_ns(s->probe))
		return false;
	struct addr same = dial_peer(dial(s))->addr;
	greet(s, AGAIN, &same, dial_attempts(dial(s)), NULL);
	return true;
}

static void settle(struct greeting_probe *s)
{
	if (s->greeted && !s->never_under_way)
		probe_finish(s->probe);
}

static void on_control_names(void *ctx, struct dns_control *c)
{
	struct greeting_probe *s = ctx;
	for (size_t i = 0; i < c->n_addrs; i++) {
		bool own = false;
		for (size_t k = 0; k < s->dials[OWN].n_addrs; k++)
			own |= addr_equal(&c->addrs[i], &s->dials[OWN].addrs[k]);
		if (!own) {
			greet(s, ELSEWHERE, &c->addrs[i], 0, "control");
			return;
		}
	}
	s->greeted = true;
	settle(s);
}

static void on_never(void *ctx, enum dial_news news, const struct sock_event *ev)
{
	struct greeting_probe *s = ctx;
	(void)ev;
	if (news == DIAL_EVENT)
		return;
	dial_cancel(&s->dials[NEVER]);
	s->never_under_way = false;
	settle(s);
}

/* With --controls: does a connection open as well where nobody is? */
static void dial_nobody(struct greeting_probe *s)
{
	const struct run *run = probe_run(s->probe);
	struct addr nobody;
	if (!run->settings->controls || !run->profile->never.n || s->dials[NEVER].probe ||
	    addr_parse(run->profile->never.v[0], &nobody))
		return;
	s->never_under_way = true;
	s->dials[NEVER] = (struct dial){.probe = s->probe,
					.name = run->profile->never.v[0],
					.role = "never",
					.bare = true,
					.port = probe_target(s->probe)->port,
					.fn = on_never,
					.ctx = s};
	dial_addr(&s->dials[NEVER], &nobody, NEVER_TRIES);
}

/* The nonce ends it; anything else asks for the controls first. */
static void decided(struct greeting_probe *s, enum greeting_verdict v)
{
	const struct dial *own = &s->dials[OWN];
	s->greeted = true;
	if (v != GREETING_NONCE && s->current != ELSEWHERE) {
		dial_nobody(s);
		dns_control_start(&s->dns, s->probe, own->name, own->addrs[0].family,
				  on_control_names, s);
		s->greeted = !dns_control_under_way(&s->dns);
	}
	settle(s);
}

static void conclude(struct greeting_probe *s, enum greeting_verdict v, uint64_t at_ns)
{
	if (v == GREETING_PENDING) {
		loop_timer_set(s->timer, greeting_deadline(&s->greeting));
		return;
	}
	observe(s, v, at_ns);
	if (v != GREETING_NONCE && s->current != ELSEWHERE)
		probe_suspect(s->probe, SUSPECT_IMPOSTOR, TRANSPORT_TCP, dial_peer(dial(s)),
			      (struct bytes){NULL, 0});
	dial_cancel(dial(s)); /* closes in order: all that came has been read */
	loop_timer_del(s->timer);
	s->timer = NULL;
	if (!try_again(s, v))
		decided(s, v);
}

static void on_time(void *ctx)
{
	struct greeting_probe *s = ctx;
	uint64_t now = probe_now(s->probe);
	conclude(s, greeting_tick(&s->greeting, now), now);
}

static void opened(struct greeting_probe *s, uint64_t at_ns)
{
	const struct profile_target *t = probe_target(s->probe);
	uint64_t end = at_ns + GREETING_WAIT_NS, last = probe_deadline_ns(s->probe) - MARGIN_NS;
	(void)probe_spend(s->probe, EXCHANGE_PACKETS, EXCHANGE_PACKETS * ACK_BYTES);
	greeting_init(&s->greeting, t->greeting_bytes, at_ns, end < last ? end : last);
	s->timer =
		loop_timer_add(probe_loop(s->probe), greeting_deadline(&s->greeting), on_time, s);
}

static void on_event(struct greeting_probe *s, const struct sock_event *ev)
{
	enum greeting_verdict v = GREETING_PENDING;
	switch (ev->type) {
	case SOCK_DATA:
		v = greeting_data(&s->greeting, ev->data.p, ev->data.n, ev->at_ns);
		break;
	case SOCK_CLOSED:
	case SOCK_RESET:
		s->ended = ev->type == SOCK_CLOSED ? "fin" : "rst";
		v = greeting_closed(&s->greeting);
		break;
	default: /* an ICMP error inside the connection: time tells whether it lives on */
		return;
	}
	conclude(s, v, ev->at_ns);
}

/* No connection: its observations say why, and no control of ours would explain it. */
static void failed(struct greeting_probe *s)
{
	s->greeted = true;
	settle(s);
}

static void on_dial(void *ctx, enum dial_news news, const struct sock_event *ev)
{
	struct greeting_probe *s = ctx;
	if (news == DIAL_OPEN)
		opened(s, ev->at_ns);
	else if (news == DIAL_EVENT && s->timer)
		on_event(s, ev);
	else if (news == DIAL_FAILED)
		failed(s);
}

static int start(struct probe *p, void *state)
{
	struct greeting_probe *s = state;
	s->probe = p;
	s->start_ns = probe_now(p);
	*dial(s) = (struct dial){.probe = p,
				 .name = probe_check(p)->target,
				 .port = probe_target(p)->port,
				 .fn = on_dial,
				 .ctx = s};
	dial_name(dial(s));
	return 0;
}

static void cancel(struct probe *p, void *state)
{
	struct greeting_probe *s = state;
	(void)p;
	loop_timer_del(s->timer);
	for (unsigned i = 0; i < DIALS; i++)
		dial_cancel(&s->dials[i]);
	dns_control_close(&s->dns);
}

static void contacts(struct forecast *f, const struct check *c)
{
	const struct profile *p = f->run->profile;
	const struct profile_target *t = &p->targets[c->target_index];
	struct forecast_row row = { .host = c->target, .proto = "tcp", .port = t->port,
				    .packets = c->packets, .bytes = c->bytes, .why = t->why };
	forecast_add(f, &row);
	forecast_name(f, c->target);
	row.packets = DIAL_ONE_PACKETS + EXCHANGE_PACKETS;
	row.bytes = row.packets * SYN_BYTES;
	row.why = "the address that others give for the name";
	row.when = WHEN_WRONG;
	forecast_add(f, &row);
	dns_control_forecast(f);
	if (!f->run->settings->controls || !p->never.n)
		return;
	row.host = p->never.v[0];
	row.packets = DIAL_FIRST_SYNS + (NEVER_TRIES - 1) * DIAL_LATER_SYNS + DIAL_BARE_PACKETS;
	row.bytes = row.packets * SYN_BYTES;
	row.why = "an address that nobody has must not answer";
	forecast_add(f, &row);
}

const struct probe_def tcp_greeting_probe = {
	.name = "tcp-greeting",
	.title = "TCP connection and the server's nonce",
	.summary = "connects and expects the nonce that the device cloud sends first",
	.checks = "STEM",
	.privilege = "none",
	.packets = DIAL_PACKETS + EXCHANGE_PACKETS + DIAL_ONE_PACKETS + EXCHANGE_PACKETS,
	.bytes = (DIAL_PACKETS + DIAL_ONE_PACKETS) * SYN_BYTES + 2 * EXCHANGE_PACKETS * ACK_BYTES,
	.state_size = sizeof(struct greeting_probe),
	.contacts = contacts,
	.start = start,
	.cancel = cancel,
};
