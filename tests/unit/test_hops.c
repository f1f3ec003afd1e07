/* The hop differential in virtual time against a model of routers: what leaves when, and what the
 * judge's comparison makes of the answers. Every random path prints its seed when it fails. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "diag/judge/hopdiff.h"
#include "probes/core/hops.h"

#define MS UINT64_C(1000000)
#define S (1000 * MS)

enum { MAX_HOPS = 14, BURST = 6, SEEDS = 200, MAX_LOG = 512 };

struct router {
	bool silent;
	double tokens;
	uint64_t refilled_ns;
};

enum target { TARGET_MUTE, TARGET_REFUSES, TARGET_ANSWERS_ALL };

struct model {
	uint32_t seed;
	unsigned distance;     /* of the target */
	struct router hops[MAX_HOPS][2];
	unsigned width[MAX_HOPS]; /* 2: balanced by source port */
	unsigned drop_at;      /* the box there forwards no suspect; 0: none */
	unsigned box_at;       /* the box there answers suspects itself; 0: none */
	double loss;
	double te_per_s;       /* rate limit of each router */
	enum target target;
	uint64_t rtt_ns;       /* per hop */
};

struct event {
	bool used;
	int step;
	enum hops_reply reply;
	struct addr from;
	enum hop_got got;
	uint64_t at_ns;
};

struct sim {
	struct hops hops;
	struct model *m;
	uint64_t now;
	struct event events[HOPS_MAX_OPEN];
	struct hop_record log[MAX_LOG];
	size_t n;
	uint64_t last_to[HOPS_MAX_TTL + 1], closest; /* spacing actually seen */
	unsigned packets;
};

static const struct addr target_addr = { 4, { 198, 51, 100, 10 } };

static uint32_t next_random(uint32_t *s)
{
	*s ^= *s << 13;
	*s ^= *s >> 17;
	*s ^= *s << 5;
	return *s;
}

static double chance(struct model *m)
{
	return (double)(next_random(&m->seed) >> 8) / (double)(1 << 24);
}

static unsigned below(struct model *m, unsigned n)
{
	return (unsigned)(chance(m) * n);
}

static struct addr router_addr(unsigned hop, unsigned which)
{
	return addr_v4(10, (uint8_t)hop, (uint8_t)which, 1);
}

/* Linux: one Time Exceeded per second and destination after a burst of six. */
static bool router_speaks(struct model *m, struct router *r, uint64_t now)
{
	r->tokens += (double)(now - r->refilled_ns) / (double)S * m->te_per_s;
	r->refilled_ns = now;
	if (r->tokens > BURST)
		r->tokens = BURST;
	if (r->silent || r->tokens < 1)
		return false;
	r->tokens -= 1;
	return true;
}

static struct event answer_of(struct model *m, const struct hops_step *s, int step, uint64_t now)
{
	struct event e = { .used = true, .step = step, .at_ns = now };
	bool suspect = !s->control;
	unsigned reach = s->ttl < m->distance ? s->ttl : m->distance;
	if (suspect && m->box_at && reach >= m->box_at) {
		e.reply = HOPS_TARGET;
		e.got = HOP_ANSWER;
		reach = m->box_at;
	} else if (suspect && m->drop_at && reach > m->drop_at) {
		return e;
	} else if (reach == m->distance) {
		bool speaks = m->target == TARGET_ANSWERS_ALL ||
			      (m->target == TARGET_REFUSES && s->control);
		e.reply = speaks ? HOPS_TARGET : HOPS_SILENT;
		e.got = !speaks ? HOP_NOTHING : s->control ? HOP_REFUSAL : HOP_ANSWER;
		e.from = target_addr;
	} else {
		unsigned which = below(m, m->width[reach]); /* a fresh port each time */
		bool speaks = router_speaks(m, &m->hops[reach][which], now);
		e.reply = speaks ? HOPS_TIME_EXCEEDED : HOPS_SILENT;
		e.got = speaks ? HOP_ROUTER : HOP_NOTHING;
		e.from = router_addr(reach, which);
	}
	e.at_ns = now + m->rtt_ns * reach;
	if (chance(m) < m->loss)
		e.reply = HOPS_SILENT;
	return e;
}

static void log_step(struct sim *sim, int step, enum hop_got got, const struct addr *from)
{
	const struct hops_step *s = &sim->hops.steps[step];
	bool sweep = sim->hops.walks[s->walk].kind == HOPS_SWEEP;
	assert_true(sim->n < MAX_LOG);
	sim->log[sim->n++] = (struct hop_record){
		.role = sweep ? HOP_OTHER : s->control ? HOP_CONTROL : HOP_SUSPECT, .got = got,
		.ttl = s->ttl, .round = s->round, .order = s->order,
		.from = got == HOP_NOTHING ? (struct addr){ 0 } : *from };
}

static void send_step(struct sim *sim, int step)
{
	const struct hops_step *s = &sim->hops.steps[step];
	hops_sent(&sim->hops, step, sim->now);
	if (sim->last_to[s->ttl] && sim->now - sim->last_to[s->ttl] < sim->closest)
		sim->closest = sim->now - sim->last_to[s->ttl];
	sim->last_to[s->ttl] = sim->now;
	sim->packets++;
	struct event e = answer_of(sim->m, s, step, sim->now);
	if (e.reply != HOPS_SILENT)
		sim->events[step] = e;
}

static uint64_t next_event(const struct sim *sim)
{
	uint64_t at = UINT64_MAX;
	for (int i = 0; i < HOPS_MAX_OPEN; i++)
		if (sim->events[i].used && sim->events[i].at_ns < at)
			at = sim->events[i].at_ns;
	return at;
}

/* Everything that happens at `now`: answers, waits that are over, packets that may leave. */
static void turn(struct sim *sim)
{
	int i;
	for (i = 0; i < HOPS_MAX_OPEN; i++) {
		struct event *e = &sim->events[i];
		if (!e->used || e->at_ns > sim->now)
			continue;
		e->used = false;
		log_step(sim, i, e->got, &e->from);
		hops_answer(&sim->hops, i, e->reply, sim->now);
	}
	while ((i = hops_expired(&sim->hops, sim->now)) >= 0) {
		sim->events[i].used = false;
		log_step(sim, i, HOP_NOTHING, NULL);
		hops_answer(&sim->hops, i, HOPS_SILENT, sim->now);
	}
	while ((i = hops_take(&sim->hops, sim->now)) >= 0)
		send_step(sim, i);
}

static void run_until(struct sim *sim, uint64_t until)
{
	for (;;) {
		turn(sim);
		uint64_t wake = hops_wake(&sim->hops, sim->now), event = next_event(sim);
		uint64_t at = wake < event ? wake : event;
		if (at > until)
			break;
		assert_true(at > sim->now); /* no turn without progress */
		sim->now = at;
	}
	sim->now = until;
}

static void init(struct sim *sim, struct model *m)
{
	memset(sim, 0, sizeof(*sim));
	sim->m = m;
	sim->now = 5 * S;
	sim->closest = UINT64_MAX;
	hops_init(&sim->hops, sim->now + 15 * S);
	for (unsigned h = 0; h < MAX_HOPS; h++)
		for (unsigned w = 0; w < 2; w++) {
			m->hops[h][w].tokens = BURST;
			m->hops[h][w].refilled_ns = sim->now;
		}
}

/* The sweep at once, a suspicion at 2.6 s, as in a run; returns when all is over. */
static void run_pair(struct sim *sim, struct model *m, enum hops_kind kind)
{
	init(sim, m);
	uint64_t start = sim->now;
	assert_int_equal(hops_add(&sim->hops, HOPS_SWEEP, sim->now), 0);
	run_until(sim, start + 2600 * MS);
	assert_true(hops_idle(&sim->hops, sim->now));
	assert_int_equal(hops_add(&sim->hops, kind, sim->now), 1);
	run_until(sim, start + 15 * S);
	assert_true(hops_idle(&sim->hops, sim->now));
	assert_true(sim->closest >= HOPS_PACE_NS);
}

static struct model plain(unsigned distance)
{
	struct model m = { .seed = 1, .distance = distance, .te_per_s = 1, .target = TARGET_REFUSES,
			   .rtt_ns = 10 * MS };
	for (unsigned h = 0; h < MAX_HOPS; h++)
		m.width[h] = 1;
	return m;
}

/* What the sites of the world look like: some routers mute, some balanced, some loss. */
static struct model random_path(uint32_t seed)
{
	struct model m = plain(3);
	m.seed = seed * 2654435761U + 1;
	for (int i = 0; i < 8; i++)
		(void)next_random(&m.seed);
	m.distance = 3 + below(&m, 10);
	m.rtt_ns = (1 + below(&m, 30)) * MS;
	m.target = below(&m, 2) ? TARGET_REFUSES : TARGET_MUTE;
	for (unsigned h = 1; h < m.distance; h++) {
		m.width[h] = h > 1 && below(&m, 4) == 0 ? 2 : 1;
		m.hops[h][0].silent = below(&m, 5) == 0;
		m.hops[h][1].silent = m.hops[h][0].silent;
	}
	m.loss = below(&m, 2) ? 0 : 0.01;
	return m;
}

static void clean_paths_show_nothing(void **state)
{
	(void)state;
	for (uint32_t seed = 1; seed <= SEEDS; seed++) {
		struct model m = random_path(seed);
		struct sim sim;
		struct hop_stretch f;
		run_pair(&sim, &m, HOPS_DIFFERENTIAL);
		hops_compare(sim.log, sim.n, &target_addr, &f);
		if (f.shown || f.proven)
			print_message("seed %u: %s, after %u until %u, %u missing, %u answered\n", seed,
				      f.why, f.after_ttl, f.until_ttl, f.missing, f.answered);
		assert_false(f.shown);
		assert_false(f.proven);
		hops_impostor(sim.log, sim.n, &target_addr, &f);
		assert_false(f.shown);
	}
}

/* The first router after the box that speaks shows the difference. */
static unsigned next_speaker(const struct model *m, unsigned after)
{
	for (unsigned h = after + 1; h < m->distance; h++)
		if (!m->hops[h][0].silent)
			return h;
	return 0;
}

static void drops_are_found(void **state)
{
	unsigned shown = 0, proven = 0;
	(void)state;
	for (uint32_t seed = 1; seed <= SEEDS; seed++) {
		struct model m = random_path(seed);
		struct sim sim;
		struct hop_stretch f;
		m.loss = 0;
		m.drop_at = 1 + below(&m, m.distance - 2);
		run_pair(&sim, &m, HOPS_DIFFERENTIAL);
		hops_compare(sim.log, sim.n, &target_addr, &f);
		unsigned speaker = next_speaker(&m, m.drop_at);
		bool must = speaker && speaker <= HOPS_FIRST_TTL && m.width[speaker] == 1;
		if (must && !f.shown)
			print_message("seed %u: drop at %u of %u, speaker %u: %s\n", seed, m.drop_at,
				      m.distance, speaker, f.why);
		assert_true(f.shown || !must);
		if (!f.shown)
			continue;
		shown++;
		proven += f.proven;
		assert_true(f.after_ttl <= m.drop_at && f.until_ttl > m.drop_at);
		if (f.proven)
			assert_true(f.after_ttl + 2 <= m.distance && f.target_ttl == m.distance);
	}
	print_message("%u of %u drops shown, %u proven\n", shown, (unsigned)SEEDS, proven);
	assert_true(proven > SEEDS / 8);
}

static void a_drop_at_the_gateway_is_proven(void **state)
{
	struct model m = plain(5);
	struct sim sim;
	struct hop_stretch f;
	(void)state;
	m.drop_at = 1;
	run_pair(&sim, &m, HOPS_DIFFERENTIAL);
	hops_compare(sim.log, sim.n, &target_addr, &f);
	assert_string_equal(f.why, "ok");
	assert_true(f.proven);
	assert_int_equal(f.after_ttl, 1);
	assert_int_equal(f.until_ttl, 2);
	struct addr one = router_addr(1, 0), two = router_addr(2, 0);
	assert_true(addr_equal(&f.after, &one) && addr_equal(&f.until, &two));
	assert_int_equal(f.target_ttl, 5);
	assert_int_equal(f.rounds, 3);
}

static void before_the_first_hop(void **state)
{
	struct model m = plain(5);
	struct sim sim;
	struct hop_stretch f;
	(void)state;
	run_pair(&sim, &m, HOPS_DIFFERENTIAL);
	for (size_t i = 0; i < sim.n; i++) /* dropped before it reached any router */
		if (sim.log[i].role == HOP_SUSPECT)
			sim.log[i].got = HOP_NOTHING;
	hops_compare(sim.log, sim.n, &target_addr, &f);
	assert_true(f.proven);
	assert_int_equal(f.after_ttl, 0);
	assert_int_equal(f.after.family, 0);
	assert_int_equal(f.until_ttl, 1);
}

static void near_the_target_is_only_likely(void **state)
{
	struct model m = plain(5);
	struct sim sim;
	struct hop_stretch f;
	(void)state;
	m.drop_at = 4; /* the last router: looks like a target that does not answer */
	run_pair(&sim, &m, HOPS_DIFFERENTIAL);
	hops_compare(sim.log, sim.n, &target_addr, &f);
	assert_false(f.shown);
	m = plain(5);
	m.drop_at = 3;
	m.target = TARGET_MUTE; /* then nobody knows how far away it is */
	run_pair(&sim, &m, HOPS_DIFFERENTIAL);
	hops_compare(sim.log, sim.n, &target_addr, &f);
	assert_true(f.shown && !f.proven);
	assert_string_equal(f.why, "target-unknown");
}

static void no_time_exceeded_is_no_evidence(void **state)
{
	struct model m = plain(6);
	struct sim sim;
	struct hop_stretch f;
	(void)state;
	m.drop_at = 1;
	for (unsigned h = 0; h < MAX_HOPS; h++)
		m.hops[h][0].silent = true;
	run_pair(&sim, &m, HOPS_DIFFERENTIAL);
	hops_compare(sim.log, sim.n, &target_addr, &f);
	assert_false(f.shown);
	assert_string_equal(f.why, "no-control");
}

static void a_slow_router_is_no_drop(void **state)
{
	(void)state;
	for (uint32_t seed = 1; seed <= SEEDS; seed++) {
		struct model m = random_path(seed);
		struct sim sim;
		struct hop_stretch f;
		m.te_per_s = 0.35; /* three times slower than we ask */
		run_pair(&sim, &m, HOPS_DIFFERENTIAL);
		hops_compare(sim.log, sim.n, &target_addr, &f);
		if (f.proven)
			print_message("seed %u: %s\n", seed, f.why);
		assert_false(f.proven);
	}
}

static void balanced_hops_before_the_drop_are_not_proof(void **state)
{
	struct model m = plain(7);
	struct sim sim;
	struct hop_stretch f;
	(void)state;
	m.seed = 12345;
	m.width[2] = 2;
	m.drop_at = 3;
	run_pair(&sim, &m, HOPS_DIFFERENTIAL);
	hops_compare(sim.log, sim.n, &target_addr, &f);
	assert_true(f.shown && !f.proven);
	assert_string_equal(f.why, "load-balanced");
	assert_int_equal(f.after_ttl, 3);
}

static void a_missing_answer_needs_a_later_control(void **state)
{
	struct model m = plain(5);
	struct sim sim;
	struct hop_stretch f;
	(void)state;
	m.drop_at = 2;
	run_pair(&sim, &m, HOPS_DIFFERENTIAL);
	for (size_t i = 0; i < sim.n; i++) /* as if controls had always been asked first */
		if (sim.log[i].role == HOP_CONTROL)
			sim.log[i].order = 0;
	hops_compare(sim.log, sim.n, &target_addr, &f);
	assert_false(f.shown);
	assert_string_equal(f.why, "few-steps");
}

static void an_answering_suspect_is_never_dropped(void **state)
{
	struct model m = plain(5);
	struct sim sim;
	struct hop_stretch f;
	(void)state;
	m.target = TARGET_ANSWERS_ALL;
	run_pair(&sim, &m, HOPS_DIFFERENTIAL);
	hops_compare(sim.log, sim.n, &target_addr, &f);
	assert_false(f.shown);
	assert_string_equal(f.why, "suspect-answered");
}

static void a_box_that_answers_is_placed(void **state)
{
	struct model m = plain(6);
	struct sim sim;
	struct hop_stretch f;
	(void)state;
	m.box_at = 3;
	run_pair(&sim, &m, HOPS_POSITIVE);
	hops_impostor(sim.log, sim.n, &target_addr, &f);
	assert_true(f.proven);
	assert_int_equal(f.after_ttl, 2);
	assert_int_equal(f.until_ttl, 3);
	m = plain(6);
	m.box_at = 6; /* at the target's own place: nothing to see */
	run_pair(&sim, &m, HOPS_POSITIVE);
	hops_impostor(sim.log, sim.n, &target_addr, &f);
	assert_false(f.shown);
}

/* The server itself refuses. A control whose answer is lost is no router that let it die. */
static void a_lost_control_places_no_box(void **state)
{
	(void)state;
	for (uint32_t seed = 1; seed <= SEEDS; seed++) {
		struct model m = random_path(seed);
		struct sim sim;
		struct hop_stretch f;
		m.target = TARGET_ANSWERS_ALL;
		m.loss = 0.2;
		run_pair(&sim, &m, HOPS_POSITIVE);
		hops_impostor(sim.log, sim.n, &target_addr, &f);
		if (f.proven)
			fail_msg("seed %u: answer at %u of %u", seed, f.until_ttl, m.distance);
	}
}

static void long_paths_are_followed(void **state)
{
	struct model m = plain(11);
	struct sim sim;
	struct hop_stretch f;
	(void)state;
	m.drop_at = 8;
	m.hops[7][0].silent = true;
	run_pair(&sim, &m, HOPS_DIFFERENTIAL);
	hops_compare(sim.log, sim.n, &target_addr, &f);
	assert_true(f.proven);
	assert_int_equal(f.after_ttl, 8);
	assert_int_equal(f.until_ttl, 9);
	assert_int_equal(f.target_ttl, 11);
}

/* Order per round, the last of all a control, and what the target's distance saves. */
static void rounds_swap_and_end_with_a_control(void **state)
{
	struct model m = plain(4);
	struct sim sim;
	(void)state;
	run_pair(&sim, &m, HOPS_DIFFERENTIAL);
	char order[8] = "";
	for (uint32_t n = 2; n <= 7; n++) /* order 1 was the sweep */
		for (size_t i = 0; i < sim.n; i++)
			if (sim.log[i].ttl == 2 && sim.log[i].order == n)
				order[n - 2] = sim.log[i].role == HOP_CONTROL ? 'c' : 's';
	assert_string_equal(order, "sccssc");
	assert_true(sim.packets <= 8 + 4 * 6 + 2 * 2);
}

static void three_suspects_share_the_time(void **state)
{
	struct model m = plain(6);
	struct sim sim;
	(void)state;
	init(&sim, &m);
	uint64_t start = sim.now;
	sim.hops.deadline_ns = start + 14800 * MS;
	assert_int_equal(hops_add(&sim.hops, HOPS_SWEEP, sim.now), 0);
	run_until(&sim, start + 2620 * MS);
	assert_int_equal(hops_add(&sim.hops, HOPS_DIFFERENTIAL, sim.now), 1);
	assert_int_equal(hops_add(&sim.hops, HOPS_DIFFERENTIAL, sim.now), 2);
	assert_int_equal(sim.hops.walks[1].rounds, 3);
	assert_int_equal(sim.hops.walks[2].rounds, 3); /* two required flows can both be proven */
	assert_int_equal(hops_add(&sim.hops, HOPS_DIFFERENTIAL, sim.now), -1);
	run_until(&sim, start + 14800 * MS);
	assert_true(hops_idle(&sim.hops, sim.now));
	assert_true(sim.closest >= HOPS_PACE_NS);
	unsigned at_first = 0;
	for (size_t i = 0; i < sim.n; i++)
		at_first += sim.log[i].ttl == 1;
	assert_int_equal(at_first, 13); /* the sweep and two full walks */
}

static void late_suspicions_get_fewer_rounds(void **state)
{
	struct model m = plain(6);
	struct sim sim;
	(void)state;
	init(&sim, &m);
	sim.hops.deadline_ns = sim.now + 4 * S;
	assert_int_equal(hops_add(&sim.hops, HOPS_DIFFERENTIAL, sim.now), 0);
	assert_int_equal(sim.hops.walks[0].rounds, 2);
	run_until(&sim, sim.hops.deadline_ns);
	assert_true(hops_idle(&sim.hops, sim.now));
	struct hop_stretch f;
	hops_compare(sim.log, sim.n, &target_addr, &f);
	assert_int_equal(f.rounds, 2);
	assert_int_equal(hops_add(&sim.hops, HOPS_DIFFERENTIAL, sim.now), -1);
}

static void the_sweep_ends_soon(void **state)
{
	struct model m = plain(5);
	struct sim sim;
	(void)state;
	m.rtt_ns = 25 * MS;
	init(&sim, &m);
	uint64_t start = sim.now;
	hops_add(&sim.hops, HOPS_SWEEP, sim.now);
	uint64_t end = start + 100 * MS + HOPS_SWEEP_QUIET_NS; /* the last answer comes at 100 ms */
	run_until(&sim, end - MS);
	assert_false(hops_idle(&sim.hops, sim.now));
	run_until(&sim, end + MS);
	assert_true(hops_idle(&sim.hops, sim.now));
	assert_int_equal(sim.n, HOPS_SWEEP_TTL);
	for (unsigned h = 0; h < MAX_HOPS; h++)
		m.hops[h][0].silent = true;
	init(&sim, &m);
	hops_add(&sim.hops, HOPS_SWEEP, sim.now);
	run_until(&sim, start + 1001 * MS);
	assert_true(hops_idle(&sim.hops, sim.now));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(clean_paths_show_nothing),
		cmocka_unit_test(drops_are_found),
		cmocka_unit_test(a_drop_at_the_gateway_is_proven),
		cmocka_unit_test(before_the_first_hop),
		cmocka_unit_test(near_the_target_is_only_likely),
		cmocka_unit_test(no_time_exceeded_is_no_evidence),
		cmocka_unit_test(a_slow_router_is_no_drop),
		cmocka_unit_test(balanced_hops_before_the_drop_are_not_proof),
		cmocka_unit_test(a_missing_answer_needs_a_later_control),
		cmocka_unit_test(an_answering_suspect_is_never_dropped),
		cmocka_unit_test(a_box_that_answers_is_placed),
		cmocka_unit_test(a_lost_control_places_no_box),
		cmocka_unit_test(long_paths_are_followed),
		cmocka_unit_test(rounds_swap_and_end_with_a_control),
		cmocka_unit_test(three_suspects_share_the_time),
		cmocka_unit_test(late_suspicions_get_fewer_rounds),
		cmocka_unit_test(the_sweep_ends_soon),
	};
	return cmocka_run_group_tests_name("hops", tests, NULL, NULL);
}
