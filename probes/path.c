/*
 * `path`: the routers on the way. In a clean run one sweep to the first target; when a flow stays
 * silent or an impostor answers, suspect and control packets with stepped TTL side by side (proof
 * rules 8, 8b, 8c). Each packet has a socket of its own: its Time Exceeded needs no matching, and
 * its fresh source port means that balanced paths are all tried, not one of them per series.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/hops.h"
#include "probes.h"
#include "sallyport/clock.h"
#include "sallyport/wire/http.h"

enum {
	SERIES_MAX = 16, /* "udp:65535" */
	MAX_PENDING = 32,
	GATHER_MS = 100, /* flows fail together: wait for all, then take the ones that matter most */
	END_MARGIN_MS = 200,
	MAX_PACKETS = HOPS_SWEEP_TTL + 12 * HOPS_MAX_TTL, /* 12 paced packets per hop fit a run */
	MAX_PACKET_BYTES = 300,
	SYN_BYTES = 60, /* IPv4 */
	ACK_BYTES = 52,
	SWEEP_BYTES = 28 + 15, /* IPv4 and UDP headers, and the payload below */
};

/*
 * DTLS 1.2 alert close_notify, epoch 0 (RFC 6347 section 4.1, RFC 5246 section 7.2): well-formed,
 * and a server that knows no such connection drops it without an answer.
 */
static const uint8_t close_notify[] = { 21, 0xfe, 0xfd, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2, 1, 0 };

enum { SUSPECT, CONTROL };

struct flow { /* of one walk; the same index */
	enum suspicion why;
	bool sweep, rounds_cut;
	const char *check;
	enum transport proto;
	struct endpoint dst[2];
	char series[2][SERIES_MAX];
	struct bytes payload;
};

struct flight { /* of one step; the same index */
	struct path *path;
	int step;
	struct sock *sock;
	struct endpoint local;
	uint32_t bytes;
};

struct path {
	struct probe *probe;
	struct hops hops;
	struct flow flows[HOPS_MAX_WALKS];
	struct flight flights[HOPS_MAX_OPEN];
	struct flow pending[MAX_PENDING];
	size_t n_pending;
	struct loop_timer *timer, *gather;
	int taken; /* a step that waits for its slot, or -1 */
	uint64_t slot_ns;
	unsigned suspects;
	bool resolved, gathering, quiet, broke; /* broke: the packet budget is used up */
};

static const char *proto_name(enum transport t)
{
	return t == TRANSPORT_UDP ? "udp" : "tcp";
}

/* The same destination on a port where policy differs: 443 is what networks let out. */
static uint16_t control_port(enum transport proto, uint16_t port)
{
	static const struct {
		enum transport proto;
		uint16_t port, control;
	} known[] = { { TRANSPORT_UDP, 5684, 443 }, { TRANSPORT_TCP, 443, 5683 } };
	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
		if (known[i].proto == proto && known[i].port == port)
			return known[i].control;
	if (proto == TRANSPORT_TCP)
		return 443;
	return port == UINT16_MAX ? UINT16_MAX - 1 : (uint16_t)(port + 1);
}

static void set_flow(struct flow *f, enum transport proto, const struct endpoint *dst)
{
	f->proto = proto;
	f->dst[SUSPECT] = f->dst[CONTROL] = *dst;
	f->dst[CONTROL].port = control_port(proto, dst->port);
	for (int i = SUSPECT; i <= CONTROL; i++)
		snprintf(f->series[i], SERIES_MAX, "%s:%u", proto_name(proto), f->dst[i].port);
}

static const struct flow *flow_of(const struct path *s, const struct hops_step *step)
{
	return &s->flows[step->walk];
}

/* IP bytes of one step: headers, and the options Linux puts in a SYN. */
static uint32_t step_bytes(const struct flow *f)
{
	uint32_t ip = f->dst[0].addr.family == 4 ? 20 : 40;
	return f->proto == TRANSPORT_UDP ? ip + 8 + (uint32_t)f->payload.n : ip + 40;
}

static void describe(struct path *s, struct observation *o, const struct flow *f, bool control)
{
	obs_text(o, A_SERIES, f->series[control]);
	obs_text(o, A_ROLE, f->sweep ? "target" : control ? "control" : "suspect");
	if (control)
		obs_text(o, A_CONTROL_OF, f->series[SUSPECT]);
	if (f->sweep)
		obs_text(o, A_NAME, probe_check(s->probe)->target);
}

/* Something that was not stepped at all. */
static void not_run(struct path *s, const struct flow *f, const char *reason)
{
	struct observation o;
	const struct check *c = probe_check(s->probe);
	obs_begin(&o, c->id, c->target, 0, OUTCOME_NOT_RUN);
	if (f && f->dst[SUSPECT].port) {
		obs_flow(probe_run(s->probe), &o, proto_name(f->proto), NULL, &f->dst[SUSPECT]);
		describe(s, &o, f, false);
	}
	obs_text(&o, A_REASON, reason);
	probe_observe(s->probe, &o);
}

static double ms_since(uint64_t from_ns, uint64_t to_ns)
{
	return to_ns > from_ns ? (double)(to_ns - from_ns) / (double)NS_PER_MS : 0;
}

/* The observation of one step, filled up to what the caller knows about its result. */
static void begin(struct path *s, const struct flight *f, enum outcome outcome,
		  struct observation *o)
{
	const struct hops_step *step = &s->hops.steps[f->step];
	const struct flow *flow = flow_of(s, step);
	const struct check *c = probe_check(s->probe);
	obs_begin(o, c->id, c->target, step->round, outcome);
	obs_flow(probe_run(s->probe), o, proto_name(flow->proto), &f->local,
		 &flow->dst[step->control]);
	describe(s, o, flow, step->control);
	obs_int(o, A_IP_TTL, step->ttl);
	obs_int(o, A_ROUND, step->round);
	obs_int(o, A_ORDER, step->order);
	if (flow->rounds_cut)
		obs_text(o, A_REASON, "fewer rounds: time budget");
	if (!step->sent)
		return;
	obs_int(o, A_PACKETS, 1);
	obs_int(o, A_BYTES, f->bytes);
	obs_real(o, A_WAITED_MS, ms_since(step->sent_ns, probe_now(s->probe)));
}

static void tick(void *ctx);

static void end_flight(struct path *s, struct flight *f, struct observation *o,
		       enum hops_reply reply, uint64_t at_ns)
{
	probe_observe(s->probe, o);
	hops_answer(&s->hops, f->step, reply, at_ns);
	sock_close(f->sock);
	f->sock = NULL;
}

static bool is_time_exceeded(uint8_t family, const struct sock_event *ev)
{
	return ev->icmp_code == 0 && ev->icmp_type == (family == 4 ? 11 : 3);
}

static void on_icmp(struct path *s, struct flight *f, const struct sock_event *ev)
{
	const struct hops_step *step = &s->hops.steps[f->step];
	const struct endpoint *dst = &flow_of(s, step)->dst[step->control];
	struct run *run = probe_run(s->probe);
	struct observation o;
	bool te = is_time_exceeded(dst->addr.family, ev);
	begin(s, f, OUTCOME_ANSWERED, &o);
	obs_text(&o, A_REPLY, te ? "time-exceeded" : "icmp");
	obs_real(&o, A_RTT_MS, ms_since(step->sent_ns, ev->at_ns));
	if (te) {
		obs_addr(run, &o, A_HOP, &ev->icmp_from);
	} else {
		obs_int(&o, A_ICMP_TYPE, ev->icmp_type);
		obs_int(&o, A_ICMP_CODE, ev->icmp_code);
		obs_addr(run, &o, A_ICMP_FROM, &ev->icmp_from);
	}
	if (addr_equal(&ev->icmp_from, &f->local.addr))
		obs_bool(&o, A_FROM_SELF, true);
	bool target = addr_equal(&ev->icmp_from, &dst->addr);
	end_flight(s, f, &o, target ? HOPS_TARGET : te ? HOPS_TIME_EXCEEDED : HOPS_OTHER,
		   ev->at_ns);
}

static void on_reply(struct path *s, struct flight *f, const struct sock_event *ev,
		     const char *reply)
{
	struct observation o;
	begin(s, f, OUTCOME_ANSWERED, &o);
	obs_text(&o, A_REPLY, reply);
	if (ev->type == SOCK_CONNECTED) { /* it is closed now: ACK, FIN and ACK beside the SYN */
		obs_int(&o, A_PACKETS, 4);
		obs_int(&o, A_BYTES, f->bytes + 3 * ACK_BYTES);
	}
	obs_real(&o, A_RTT_MS, ms_since(s->hops.steps[f->step].sent_ns, ev->at_ns));
	end_flight(s, f, &o, HOPS_TARGET, ev->at_ns);
}

static void unsent(struct path *s, struct flight *f, int err)
{
	struct observation o;
	begin(s, f, err == EPERM ? OUTCOME_DENIED_LOCALLY : OUTCOME_UNREACHABLE, &o);
	obs_int(&o, A_ERRNO, err);
	end_flight(s, f, &o, HOPS_UNSENT, probe_now(s->probe));
}

static void on_event(void *ctx, const struct sock_event *ev)
{
	static const struct {
		enum sock_event_type type;
		const char *reply;
	} replies[] = { { SOCK_DATA, "data" }, { SOCK_CONNECTED, "syn-ack" }, { SOCK_REFUSED, "rst" } };
	struct flight *f = ctx;
	struct path *s = f->path;
	const char *reply = NULL;
	for (size_t i = 0; i < sizeof(replies) / sizeof(replies[0]); i++)
		if (replies[i].type == ev->type)
			reply = replies[i].reply;
	if (ev->type == SOCK_ICMP)
		on_icmp(s, f, ev);
	else if (reply)
		on_reply(s, f, ev, reply);
	else
		unsent(s, f, ev->err);
	tick(s);
}

/* 0 or -errno. */
static int launch(struct path *s, struct flight *f)
{
	const struct hops_step *step = &s->hops.steps[f->step];
	const struct flow *flow = flow_of(s, step);
	const struct endpoint *dst = &flow->dst[step->control];
	struct sock_opts o = probe_sock_opts(s->probe);
	o.ttl = (int)step->ttl;
	if (flow->proto == TRANSPORT_TCP)
		return sock_tcp(probe_loop(s->probe), dst, &o, on_event, f, &f->sock);
	int e = sock_udp(probe_loop(s->probe), dst, &o, on_event, f, &f->sock);
	return e ? e : sock_send(f->sock, flow->payload.p, flow->payload.n, NULL);
}

/* Closes what is under way without another word: the budget ends the probe. */
static void go_broke(struct path *s)
{
	not_run(s, flow_of(s, &s->hops.steps[s->taken]), "packet budget");
	for (size_t i = 0; i < HOPS_MAX_OPEN; i++)
		sock_close(s->flights[i].sock);
	for (size_t i = 0; i < HOPS_MAX_OPEN; i++)
		s->flights[i].sock = NULL;
	hops_init(&s->hops, 0);
	s->broke = true;
}

static void send_taken(struct path *s)
{
	struct flight *f = &s->flights[s->taken];
	*f = (struct flight){ .path = s, .step = s->taken };
	f->bytes = step_bytes(flow_of(s, &s->hops.steps[s->taken]));
	if (!probe_spend(s->probe, 1, f->bytes)) {
		go_broke(s);
		s->taken = -1;
		return;
	}
	hops_sent(&s->hops, s->taken, probe_now(s->probe));
	int e = launch(s, f);
	if (f->sock)
		f->local = sock_local(f->sock);
	if (e) {
		s->hops.steps[s->taken].sent = false;
		unsent(s, f, -e);
	}
	s->taken = -1;
}

static void note_silent(struct path *s, int step)
{
	struct observation o;
	begin(s, &s->flights[step], OUTCOME_SILENT, &o);
	end_flight(s, &s->flights[step], &o, HOPS_SILENT, probe_now(s->probe));
}

/* Takes the next step and reserves its place among all packets to that address. */
static bool take(struct path *s)
{
	if (s->taken < 0) {
		s->taken = hops_take(&s->hops, probe_now(s->probe));
		if (s->taken < 0)
			return false;
		const struct hops_step *step = &s->hops.steps[s->taken];
		s->slot_ns = probe_slot(s->probe, &flow_of(s, step)->dst[step->control].addr);
	}
	return s->slot_ns <= probe_now(s->probe);
}

static bool finished(const struct path *s)
{
	return s->quiet && s->resolved && !s->gathering && s->taken < 0 &&
	       hops_idle(&s->hops, probe_now(s->probe));
}

static void tick(void *ctx)
{
	struct path *s = ctx;
	int expired;
	while ((expired = hops_expired(&s->hops, probe_now(s->probe))) >= 0)
		note_silent(s, expired);
	while (take(s))
		send_taken(s);
	if (finished(s)) {
		probe_finish(s->probe);
		return;
	}
	uint64_t wake = hops_wake(&s->hops, probe_now(s->probe));
	if (s->taken >= 0) /* the slot comes first; nothing else may be taken before */
		wake = s->slot_ns;
	if (wake != UINT64_MAX)
		loop_timer_set(s->timer, wake);
}

/* Starts the walk of a flow; false when there is no room or time for it. */
static bool walk(struct path *s, const struct flow *f, enum hops_kind kind)
{
	int i = s->broke ? -1 : hops_add(&s->hops, kind, probe_now(s->probe));
	if (i < 0)
		return false;
	s->flows[i] = *f;
	s->flows[i].rounds_cut = kind == HOPS_DIFFERENTIAL && s->hops.walks[i].rounds < HOPS_ROUNDS;
	return true;
}

/* What a kind of device needs comes first, then the order of the plan. */
static int rank(struct path *s, const struct flow *f)
{
	const struct run *run = probe_run(s->probe);
	const struct check *c = run_check(run, f->check, NULL);
	return c ? (int)(c - run->checks) + (c->required ? 0 : (int)run->n_checks) : INT32_MAX;
}

static bool next_pending(struct path *s, struct flow *out)
{
	size_t best = 0;
	if (!s->n_pending)
		return false;
	for (size_t i = 1; i < s->n_pending; i++)
		if (rank(s, &s->pending[i]) < rank(s, &s->pending[best]))
			best = i;
	*out = s->pending[best];
	s->pending[best] = s->pending[--s->n_pending];
	return true;
}

static void on_gathered(void *ctx)
{
	struct path *s = ctx;
	struct flow f;
	s->gathering = false;
	while (next_pending(s, &f)) {
		bool room = s->suspects < HOPS_MAX_WALKS - 1;
		enum hops_kind kind = f.why == SUSPECT_SILENT ? HOPS_DIFFERENTIAL : HOPS_POSITIVE;
		s->suspects += room;
		if (!room || !walk(s, &f, kind))
			not_run(s, &f, !room ? "suspect limit" : s->broke ? "packet budget" : "time budget");
	}
	tick(s);
}

static bool same_flow(const struct flow *f, enum transport proto, const struct endpoint *dst)
{
	return !f->sweep && f->proto == proto && endpoint_equal(&f->dst[SUSPECT], dst);
}

/* Merges with the same flow where it waits still; true also when it is being walked already. */
static bool known(struct path *s, const char *check, enum suspicion why, enum transport proto,
		  const struct endpoint *dst, struct bytes payload)
{
	for (size_t i = 0; i < s->hops.n_walks; i++)
		if (same_flow(&s->flows[i], proto, dst))
			return true;
	for (size_t i = 0; i < s->n_pending; i++) {
		struct flow *f = &s->pending[i], other = { .check = check };
		if (!same_flow(f, proto, dst))
			continue;
		if (why == SUSPECT_IMPOSTOR)
			f->why = why;
		if (rank(s, &other) < rank(s, f)) {
			f->check = check;
			f->payload = payload;
		}
		return true;
	}
	return false;
}

static void on_suspect(void *ctx, const char *check, enum suspicion why, enum transport proto,
		       const struct endpoint *dst, struct bytes payload)
{
	struct path *s = ctx;
	if (known(s, check, why, proto, dst, payload) || s->n_pending == MAX_PENDING)
		return;
	struct flow *f = &s->pending[s->n_pending++];
	*f = (struct flow){ .why = why, .check = check, .payload = payload };
	set_flow(f, proto, dst);
	if (s->gathering)
		return;
	s->gathering = true;
	loop_timer_set(s->gather, probe_now(s->probe) + GATHER_MS * NS_PER_MS);
}

static void on_quiet(void *ctx)
{
	struct path *s = ctx;
	s->quiet = true;
	tick(s);
}

static void on_address(void *ctx, const struct names_result *r)
{
	struct path *s = ctx;
	const struct profile_target *t = probe_target(s->probe);
	struct flow f = { .sweep = true, .check = probe_check(s->probe)->id };
	s->resolved = true;
	if (r->n_addrs) {
		struct endpoint dst = { r->addrs[0], t->port };
		set_flow(&f, t->transport, &dst);
		if (t->transport == TRANSPORT_UDP)
			f.payload = (struct bytes){ close_notify, sizeof(close_notify) };
		if (!walk(s, &f, HOPS_SWEEP))
			not_run(s, &f, "suspect limit");
	} else {
		not_run(s, NULL, arena_printf(probe_run(s->probe)->arena, "no address for %s",
					      probe_check(s->probe)->target));
	}
	tick(s);
}

/* The family the devices use, unless the other one was asked for. */
static uint8_t family_of(struct path *s)
{
	const struct profile_target *t = probe_target(s->probe);
	const struct settings *set = probe_run(s->probe)->settings;
	bool six = (t->families & FAMILY_6) && (set->ipv6 || !(t->families & FAMILY_4));
	return six ? 6 : 4;
}

static int start(struct probe *p, void *state)
{
	struct path *s = state;
	struct loop *l = probe_loop(p);
	if (!probe_target(p))
		return -EINVAL;
	s->probe = p;
	s->taken = -1;
	hops_init(&s->hops, probe_deadline_ns(p) - END_MARGIN_MS * NS_PER_MS);
	s->timer = loop_timer_add(l, UINT64_MAX / 2, tick, s);
	s->gather = loop_timer_add(l, UINT64_MAX / 2, on_gathered, s);
	probe_listen_suspects(p, on_suspect, s);
	probe_when_quiet(p, on_quiet, s);
	probe_resolve(p, probe_check(p)->target, family_of(s), on_address, s);
	return 0;
}

static void cancel(struct probe *p, void *state)
{
	struct path *s = state;
	(void)p;
	for (size_t i = 0; i < HOPS_MAX_OPEN; i++)
		sock_close(s->flights[i].sock);
	loop_timer_del(s->timer);
	loop_timer_del(s->gather);
}

static void add_steps(struct forecast *f, const char *host, enum transport proto, uint16_t port)
{
	/* The last hop of a TCP walk may open connections: the target's, each round. */
	enum { STEPS = HOPS_ROUNDS * HOPS_MAX_TTL + 1 + 3 * HOPS_ROUNDS };
	uint32_t bytes = STEPS * (proto == TRANSPORT_UDP ? MAX_PACKET_BYTES : SYN_BYTES);
	struct forecast_row row = { .host = host, .proto = proto_name(proto), .port = port,
				    .packets = STEPS, .bytes = bytes,
				    .why = "the routers on the way, hop by hop", .when = WHEN_FAILS };
	forecast_add(f, &row);
	row.port = control_port(proto, port);
	row.why = "the same to another port, as its control";
	forecast_add(f, &row);
}

/* Any flow of the run can become a suspect. */
static void contacts(struct forecast *f, const struct check *c)
{
	const struct run *r = f->run;
	const struct profile_target *own = &r->profile->targets[c->target_index];
	struct forecast_row sweep = { .host = c->target, .proto = proto_name(own->transport),
				      .port = own->port, .packets = HOPS_SWEEP_TTL,
				      .bytes = HOPS_SWEEP_TTL * SWEEP_BYTES,
				      .why = "the routers on the way" };
	forecast_add(f, &sweep);
	forecast_name(f, c->target);
	for (size_t i = 0; i < r->n_checks; i++) {
		const struct check *k = &r->checks[i];
		const struct profile_target *t =
			k->target_index < 0 ? NULL : &r->profile->targets[k->target_index];
		struct http_url url;
		bool flow = t && k->chosen && strcmp(k->probe, "path") && strncmp(k->id, "dns.", 4) &&
			    (i == 0 || r->checks[i - 1].target_index != k->target_index);
		if (!flow)
			continue;
		if (!t->url)
			add_steps(f, k->target, t->transport, t->port);
		else if (http_url_parse(t->url, &url) == 0)
			add_steps(f, arena_strdup(r->arena, url.host.s), TRANSPORT_TCP, url.port);
	}
}

const struct probe_def path_probe = {
	.name = "path",
	.title = "the routers on the way",
	.summary = "one sweep of stepped TTL to the device cloud; where a flow stays silent, the same "
		   "packet beside a control, hop by hop, to show which stretch drops it",
	.checks = "path",
	.privilege = "none",
	.packets = MAX_PACKETS,
	.bytes = MAX_PACKETS * MAX_PACKET_BYTES,
	.state_size = sizeof(struct path),
	.contacts = contacts,
	.start = start,
	.cancel = cancel,
};
