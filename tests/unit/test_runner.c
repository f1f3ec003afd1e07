/* The runner with probes and a resolver of the test's own: start, budget, spacing, shared lookups,
 * suspicions, and every way to end. */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "sallyport/clock.h"
#include "sallyport/err.h"
#include "sallyport/probe.h"
#include "sallyport/runner.h"

enum { MAX_INSTANCES = 16 };

/* What a fake probe does comes from the row; what happened to it stands here. */
struct fake {
	struct loop_timer *timer;
	struct probe *probe;
	unsigned answers;
};

static struct {
	unsigned starts, cancels, lookups, answers, told, quiets, observed;
	uint64_t first_start_ns;
	bool inside, told_inside, late_call;
	size_t last_addrs;
	const char *reason;
	uint64_t slots[4];
	unsigned spent;
	struct bytes payload;
	bool busy_when_quiet;
} seen;

static int cancel_counts[MAX_INSTANCES];

static void cancel(struct probe *p, void *state)
{
	struct fake *f = state;
	assert_ptr_equal(f->probe, p);
	loop_timer_del(f->timer);
	f->timer = NULL;
	seen.cancels++;
	cancel_counts[probe_check(p) - probe_run(p)->checks]++;
}

static void begin(struct probe *p, struct fake *f)
{
	static const struct fake zero;
	assert_memory_equal(f, &zero, sizeof(zero)); /* zeroed state */
	f->probe = p;
	seen.starts++;
}

static void say(struct probe *p, const char *check, enum outcome outcome)
{
	struct observation o;
	obs_begin(&o, check, probe_check(p)->target, 1, outcome);
	probe_observe(p, &o);
}

static void on_done(void *ctx)
{
	struct fake *f = ctx;
	say(f->probe, probe_check(f->probe)->id, OUTCOME_ANSWERED);
	probe_finish(f->probe);
	probe_finish(f->probe); /* twice does no harm */
}

static int start_quick(struct probe *p, void *state)
{
	struct fake *f = state;
	begin(p, f);
	f->timer = loop_timer_add(probe_loop(p), probe_now(p) + 5 * NS_PER_MS, on_done, f);
	return 0;
}

static int start_at_once(struct probe *p, void *state)
{
	begin(p, state);
	say(p, probe_check(p)->id, OUTCOME_ANSWERED);
	probe_finish(p);
	assert_int_equal(seen.cancels, 0); /* not from inside */
	return 0;
}

static void never(void *ctx)
{
	(void)ctx;
	seen.late_call = true;
}

static int start_stuck(struct probe *p, void *state)
{
	struct fake *f = state;
	begin(p, f);
	f->timer = loop_timer_add(probe_loop(p), probe_now(p) + 60 * NS_PER_S, never, f);
	return 0;
}

static int start_stuck_silent(struct probe *p, void *state)
{
	int e = start_stuck(p, state);
	say(p, probe_check(p)->id, OUTCOME_SILENT);
	return e;
}

static int start_refuses(struct probe *p, void *state)
{
	(void)p;
	(void)state;
	return SP_E_MISSING;
}

/* Observes both checks of its two rows. */
static int start_double(struct probe *p, void *state)
{
	begin(p, state);
	say(p, "udp5684.hello", OUTCOME_ANSWERED);
	say(p, "udp5684.identity", OUTCOME_ANSWERED);
	probe_finish(p);
	return 0;
}

static void on_name(void *ctx, const struct names_result *r)
{
	struct fake *f = ctx;
	seen.told_inside |= seen.inside;
	seen.answers++;
	seen.last_addrs = r->n_addrs;
	seen.reason = r->reason;
	if (++f->answers == 3)
		probe_finish(f->probe);
}

/* Asks three times for two families: three answers, two lookups. */
static int start_asker(struct probe *p, void *state)
{
	begin(p, state);
	seen.inside = true;
	probe_resolve(p, "cloud.example", 4, on_name, state);
	probe_resolve(p, "CLOUD.example", 4, on_name, state);
	probe_resolve(p, "cloud.example", 6, on_name, state);
	seen.inside = false;
	return 0;
}

static int start_literal(struct probe *p, void *state)
{
	begin(p, state);
	seen.inside = true;
	for (int i = 0; i < 3; i++)
		probe_resolve(p, "192.0.2.7", 4, on_name, state);
	seen.inside = false;
	return 0;
}

static int start_spender(struct probe *p, void *state)
{
	struct addr a = addr_v4(192, 0, 2, 1), b = addr_v4(192, 0, 2, 2);
	begin(p, state);
	seen.slots[0] = probe_slot(p, &a);
	seen.slots[1] = probe_slot(p, &a);
	seen.slots[2] = probe_slot(p, &b);
	seen.slots[3] = probe_slot(p, &a);
	while (probe_spend(p, 1, 100))
		seen.spent++;
	assert_false(probe_spend(p, 0, 150001));
	probe_finish(p);
	return 0;
}

static int start_suspicious(struct probe *p, void *state)
{
	struct endpoint dst = { addr_v4(192, 0, 2, 9), 5684 };
	uint8_t payload[] = { 1, 2, 3 };
	begin(p, state);
	seen.inside = true;
	probe_suspect(p, SUSPECT_SILENT, TRANSPORT_UDP, &dst, (struct bytes){ payload, 3 });
	memset(payload, 0, sizeof(payload));
	seen.inside = false;
	((struct fake *)state)->timer =
		loop_timer_add(probe_loop(p), probe_now(p) + 20 * NS_PER_MS, on_done, state);
	return 0;
}

static void on_suspect(void *ctx, const char *check, enum suspicion why, enum transport proto,
		       const struct endpoint *dst, struct bytes payload)
{
	(void)ctx;
	seen.told_inside |= seen.inside;
	seen.told++;
	seen.payload = payload;
	assert_string_equal(check, "suspicious");
	assert_true(why == SUSPECT_SILENT && proto == TRANSPORT_UDP && dst->port == 5684);
	assert_int_equal(payload.n, 3);
	assert_int_equal(payload.p[0], 1); /* a copy */
}

static void on_quiet(void *ctx)
{
	struct fake *f = ctx;
	seen.quiets++;
	seen.busy_when_quiet |= probe_others_running(f->probe);
	probe_finish(f->probe);
}

static int start_listener(struct probe *p, void *state)
{
	begin(p, state);
	seen.inside = true;
	probe_listen_suspects(p, on_suspect, state);
	probe_when_quiet(p, on_quiet, state);
	seen.inside = false;
	return 0;
}

static int start_signals(struct probe *p, void *state)
{
	begin(p, state);
	raise(SIGTERM);
	raise(SIGPIPE); /* ignored during a run */
	return 0;
}

#define ROW(row, fn) \
	{ .name = row, .checks = row, .state_size = sizeof(struct fake), .start = fn, .cancel = cancel }
static const struct probe_def rows[] = {
	ROW("quick", start_quick),     ROW("at-once", start_at_once),
	ROW("stuck", start_stuck),     ROW("stuck-silent", start_stuck_silent),
	ROW("refuses", start_refuses), ROW("dtls-device", start_double),
	ROW("asker", start_asker),     ROW("literal", start_literal),
	ROW("spender", start_spender), ROW("suspicious", start_suspicious),
	ROW("path", start_listener),   ROW("signals", start_signals),
};
const struct probe_def *const probe_table[] = { &rows[0] };
const size_t n_probe_table = 1;

const struct probe_def *probe_by_name(const char *name)
{
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		if (strcmp(rows[i].name, name) == 0)
			return &rows[i];
	return NULL;
}

/* A resolver that answers every name after a millisecond, and counts. */
struct names {
	struct loop *loop;
	struct names_lookup *open[4];
	unsigned n;
};

struct names_lookup {
	struct loop_timer *timer;
	names_fn *fn;
	void *ctx;
	uint8_t family;
};

int names_new(struct loop *l, const struct addr *servers, size_t n_servers, const char *ifname,
	      struct names **out)
{
	assert_int_equal(n_servers, 1);
	assert_int_equal(servers[0].b[3], 53);
	assert_string_equal(ifname, "eth9");
	*out = xcalloc(1, sizeof(**out));
	(*out)->loop = l;
	return 0;
}

static void on_lookup(void *ctx)
{
	struct names_lookup *l = ctx;
	struct names_result r = { .reason = "ok", .n_addrs = 1 };
	r.addrs[0].family = l->family;
	r.addrs[0].b[0] = 10;
	l->fn(l->ctx, &r);
}

int names_lookup(struct names *n, const char *name, uint8_t family, names_fn *fn, void *ctx,
		 struct names_lookup **out)
{
	struct names_lookup *l = xcalloc(1, sizeof(*l));
	(void)name;
	*l = (struct names_lookup){ .fn = fn, .ctx = ctx, .family = family };
	l->timer = loop_timer_add(n->loop, loop_now_ns(n->loop) + 20 * NS_PER_MS, on_lookup, l);
	n->open[n->n++] = l;
	seen.lookups++;
	*out = l;
	return 0;
}

void names_sent(const struct names *n, uint32_t *packets, uint32_t *bytes)
{
	(void)n;
	*packets = *bytes = 0;
}

void names_cancel(struct names_lookup *l)
{
	(void)l;
}

void names_free(struct names *n)
{
	for (unsigned i = 0; n && i < n->n; i++) {
		loop_timer_del(n->open[i]->timer);
		free(n->open[i]);
	}
	free(n);
}

struct fixture {
	struct run *run;
	struct settings settings;
	struct host_facts host;
	struct profile profile;
	struct check checks[MAX_INSTANCES];
};

static int setup(void **state)
{
	struct fixture *f = xcalloc(1, sizeof(*f));
	memset(&seen, 0, sizeof(seen));
	memset(cancel_counts, 0, sizeof(cancel_counts));
	f->run = run_new();
	f->settings.budget_s = 15;
	f->host = (struct host_facts){ .ifname = "eth9", .route4 = true, .n_addrs = 1,
				       .resolvers = { addr_v4(192, 168, 77, 53) }, .n_resolvers = 1 };
	f->run->settings = &f->settings;
	f->run->host = &f->host;
	f->run->profile = &f->profile;
	f->run->checks = f->checks;
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;
	run_free(f->run);
	free(f);
	return 0;
}

static struct check *plan(struct fixture *f, const char *id, const char *target, const char *probe)
{
	struct check *c = &f->checks[f->run->n_checks++];
	*c = (struct check){ .id = id, .target = target, .probe = probe, .target_index = -1,
			     .resolver_index = -1, .chosen = true };
	return c;
}

static void observed(void *ctx, const struct observation *o)
{
	struct fixture *f = ctx;
	seen.observed++;
	assert_ptr_equal(o, f->run->obs[f->run->n_obs - 1]);
}

static void go(struct fixture *f)
{
	struct runner_hooks hooks = { observed, f };
	assert_int_equal(runner_run(f->run, &hooks), 0);
	assert_int_equal(seen.observed, f->run->n_obs);
	assert_false(seen.late_call || seen.told_inside);
	for (int i = 0; i < MAX_INSTANCES; i++)
		assert_true(cancel_counts[i] <= 1);
	assert_int_equal(seen.cancels, seen.starts);
}

static const struct observation *only(const struct fixture *f, const char *check)
{
	const struct observation *found = NULL;
	for (size_t i = 0; i < f->run->n_obs; i++)
		if (strcmp(f->run->obs[i]->check, check) == 0) {
			assert_null(found);
			found = f->run->obs[i];
		}
	return found;
}

static void ends_by_itself(void **state)
{
	struct fixture *f = *state;
	plan(f, "a", "x", "quick");
	plan(f, "b", "x", "at-once");
	plan(f, "c", "x", "quick")->chosen = false;
	go(f);
	assert_int_equal(seen.starts, 2);
	assert_int_equal(f->run->ended, END_COMPLETE);
	assert_int_equal(only(f, "a")->outcome, OUTCOME_ANSWERED);
	assert_int_equal(only(f, "b")->outcome, OUTCOME_ANSWERED);
	assert_null(only(f, "c"));
	assert_true(f->run->duration_us >= 5000 && f->run->duration_us < 2000000);
	assert_true(only(f, "a")->t_us >= 5000 && only(f, "a")->t_us <= f->run->duration_us);
	assert_true(only(f, "b")->t_us < 50000); /* first packet soon */
}

static void an_empty_plan_ends(void **state)
{
	struct fixture *f = *state;
	go(f);
	assert_int_equal(f->run->n_obs, 0);
}

static void two_rows_one_instance(void **state)
{
	struct fixture *f = *state;
	plan(f, "udp5684.hello", "x", "dtls-device");
	plan(f, "udp5684.identity", "x", "dtls-device");
	plan(f, "udp5684.hello", "y", "dtls-device")->target_index = 0;
	go(f);
	assert_int_equal(seen.starts, 2);
	assert_int_equal(f->run->n_obs, 4);
}

static void what_was_not_chosen_is_not_observed(void **state)
{
	struct fixture *f = *state;
	plan(f, "udp5684.hello", "x", "dtls-device")->chosen = false;
	plan(f, "udp5684.identity", "x", "dtls-device");
	go(f);
	assert_int_equal(seen.starts, 1);
	assert_int_equal(f->run->n_obs, 1);
	assert_non_null(only(f, "udp5684.identity"));
}

static void probes_that_do_not_start_say_so(void **state)
{
	struct fixture *f = *state;
	plan(f, "a", "x", "refuses");
	plan(f, "b", "x", "nonexistent");
	go(f);
	assert_int_equal(seen.starts, 0);
	assert_int_equal(only(f, "a")->outcome, OUTCOME_NOT_RUN);
	assert_true(obs_text_is(only(f, "a"), A_REASON, sp_strerror(SP_E_MISSING)));
	assert_true(obs_text_is(only(f, "b"), A_REASON, "no such probe"));
}

static void the_budget_ends_it(void **state)
{
	struct fixture *f = *state;
	f->settings.budget_s = 0.05;
	plan(f, "a", "x", "stuck");
	plan(f, "b", "x", "stuck-silent");
	plan(f, "c", "x", "quick");
	go(f);
	assert_int_equal(f->run->ended, END_COMPLETE);
	assert_int_equal(only(f, "a")->outcome, OUTCOME_NOT_RUN);
	assert_true(obs_text_is(only(f, "a"), A_REASON, "time budget"));
	const struct observation *last = f->run->obs[f->run->n_obs - 1];
	assert_string_equal(last->check, "b");
	assert_int_equal(last->outcome, OUTCOME_ABORTED);
	assert_true(obs_text_is(last, A_REASON, "time budget"));
	assert_int_equal(only(f, "c")->outcome, OUTCOME_ANSWERED);
	assert_true(f->run->duration_us >= 50000 && f->run->duration_us < 1000000);
}

static void a_signal_ends_it(void **state)
{
	struct fixture *f = *state;
	plan(f, "a", "x", "stuck");
	plan(f, "s", "x", "signals");
	go(f);
	assert_int_equal(f->run->ended, END_INTERRUPTED);
	assert_true(obs_text_is(only(f, "a"), A_REASON, "interrupted"));
	assert_true(f->run->duration_us < 1000000);
}

static void names_are_asked_once(void **state)
{
	struct fixture *f = *state;
	plan(f, "a", "x", "asker");
	plan(f, "b", "y", "asker");
	go(f);
	assert_int_equal(seen.lookups, 2);
	assert_int_equal(seen.answers, 6);
	assert_int_equal(seen.last_addrs, 1);
}

static void literals_need_no_resolver(void **state)
{
	struct fixture *f = *state;
	f->host.n_resolvers = 0;
	plan(f, "a", "x", "literal");
	go(f);
	assert_int_equal(seen.answers, 3);
	assert_int_equal(seen.last_addrs, 1);
}

static void no_resolver_is_an_answer(void **state)
{
	struct fixture *f = *state;
	f->host.n_resolvers = 0;
	plan(f, "a", "x", "asker");
	go(f);
	assert_int_equal(seen.answers, 3);
	assert_int_equal(seen.last_addrs, 0);
	assert_string_equal(seen.reason, "no resolver");
}

static void waiters_are_dropped_with_their_probe(void **state)
{
	struct fixture *f = *state;
	f->settings.budget_s = 0.0001; /* over before the resolver answers */
	plan(f, "a", "x", "asker");
	go(f);
	assert_int_equal(seen.answers, 0);
	assert_true(obs_text_is(only(f, "a"), A_REASON, "time budget"));
}

static void packets_are_spaced_and_counted(void **state)
{
	struct fixture *f = *state;
	plan(f, "a", "x", "spender");
	go(f);
	assert_int_equal(seen.spent, 500);
	assert_true(seen.slots[1] - seen.slots[0] >= 20 * NS_PER_MS - NS_PER_MS);
	assert_true(seen.slots[3] - seen.slots[1] == 20 * NS_PER_MS);
	assert_true(seen.slots[2] < seen.slots[1]); /* another destination does not wait */
}

static void listeners_hear_all_and_end_last(void **state)
{
	struct fixture *f = *state;
	plan(f, "suspicious", "x", "suspicious"); /* raised before anybody listens */
	plan(f, "path", "x", "path");
	plan(f, "dns.name", "y", "path"); /* two listeners do not keep each other alive */
	go(f);
	assert_int_equal(seen.told, 2);
	assert_int_equal(seen.quiets, 2);
	assert_false(seen.busy_when_quiet);
	assert_true(f->run->duration_us >= 20000);
}

static void no_uplink_starts_only_local_checks(void **state)
{
	struct fixture *f = *state;
	f->host.n_addrs = 0;
	f->host.n_resolvers = 0;
	plan(f, "link", "eth9", "quick");
	plan(f, "gateway", "-", "quick");
	plan(f, "udp5684.echo", "x", "quick");
	plan(f, "udp5684.hello", "x", "dtls-device");
	plan(f, "udp5684.identity", "x", "dtls-device")->chosen = false;
	plan(f, "path", "x", "path");
	go(f);
	assert_int_equal(seen.starts, 2);
	assert_int_equal(f->run->n_obs, 5);
	assert_true(obs_text_is(only(f, "udp5684.hello"), A_REASON, "no uplink"));
	assert_true(obs_text_is(only(f, "path"), A_REASON, "no uplink"));
	assert_null(only(f, "udp5684.identity"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define T(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)
		T(ends_by_itself),
		T(an_empty_plan_ends),
		T(two_rows_one_instance),
		T(what_was_not_chosen_is_not_observed),
		T(probes_that_do_not_start_say_so),
		T(the_budget_ends_it),
		T(a_signal_ends_it),
		T(names_are_asked_once),
		T(literals_need_no_resolver),
		T(no_resolver_is_an_answer),
		T(waiters_are_dropped_with_their_probe),
		T(packets_are_spaced_and_counted),
		T(listeners_hear_all_and_end_last),
		T(no_uplink_starts_only_local_checks),
	};
	return cmocka_run_group_tests_name("runner", tests, NULL, NULL);
}
