/* Journal and replay: the same bytes again, recorded verdicts not believed, damage survived. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "sallyport/journal.h"
#include "sallyport/judge.h"
#include "sallyport/netinfo.h"
#include "sallyport/plan.h"
#include "sallyport/probe.h"
#include "sallyport/settings.h"

/* Stand-ins: the plan asks for costs, the journal for verdicts that change with what was seen. */
const struct probe_def *probe_by_name(const char *name)
{
	(void)name;
	return NULL;
}

static const struct fault lost = { .slug = "udp-port-blocked", .code = "U2", .title = "blocked" };

void judge_run(struct run *r)
{
	size_t silent = 0;
	for (size_t i = 0; i < r->n_obs; i++)
		silent += r->obs[i]->outcome == OUTCOME_SILENT;
	r->n_verdicts = silent > 0;
	r->verdicts = arena_alloc(r->arena, sizeof(struct verdict));
	r->verdicts[0] = (struct verdict){ .fault = &lost, .state = STATE_FAIL, .subject = "UDP 5684",
					   .confidence = silent > 2 ? CONF_PROVEN : CONF_LIKELY };
	r->exit = silent ? 2 : 0;
}

static struct settings settings;
static struct host_facts host;

static char *record(size_t *n)
{
	struct run *r = run_new();
	char *text = NULL;
	settings_defaults(r->arena, &settings);
	host = (struct host_facts){ .ifname = "eth0", .medium = "ethernet", .mtu = 1500, .carrier = true,
				    .mac = { { 2, 0, 0, 0, 0, 1 } }, .n_addrs = 1, .n_resolvers = 1,
				    .addrs = { { addr_v4(192, 168, 77, 10), 24 } },
				    .gateway4 = addr_v4(192, 168, 77, 1), .route4 = true,
				    .resolvers = { addr_v4(192, 168, 77, 1) } };
	r->settings = &settings;
	r->host = &host;
	r->id = "run-1", r->version = "0.0.9", r->host_name = "gw";
	r->started_us = INT64_C(1795000000123000);
	assert_int_equal(profile_load(r->arena, "diag/profiles/particle-wifi.ini", &r->profile, NULL), 0);
	assert_int_equal(plan_make(r, NULL), 0);
	FILE *out = open_memstream(&text, n);
	struct journal *j = journal_open(r, out);
	for (uint32_t i = 1; i <= 4; i++) {
		struct observation o;
		obs_begin(&o, "udp5684.hello", "a\x1b[31mb", i, i == 2 ? OUTCOME_ANSWERED : OUTCOME_SILENT);
		o.t_us = i * 500001;
		obs_real(&o, A_RTT_MS, 100.1239);
		obs_int(&o, A_PORT, 5684);
		obs_bool(&o, A_LATE, true);
		journal_observation(j, run_append(r, &o));
	}
	r->duration_us = 11000001;
	judge_run(r);
	assert_int_equal(journal_close(j), 0);
	fclose(out);
	run_free(r);
	return text;
}

static char *again(const char *text, size_t n, struct replay_notes *notes, int *error, size_t *n_obs)
{
	char *copy = NULL;
	size_t size = 0;
	struct run *r = NULL;
	struct sp_error err;
	FILE *out = open_memstream(&copy, &size);
	FILE *in = fmemopen((void *)(uintptr_t)text, n, "r");
	*error = replay_read(in, "test", out, &r, notes, &err);
	fclose(in);
	fclose(out);
	*n_obs = r ? r->n_obs : 0;
	notes->differences = NULL; /* lived in the run */
	run_free(r);
	return copy;
}

static void test_same_bytes(void **state)
{
	(void)state;
	struct replay_notes notes;
	size_t n, seen;
	int e;
	char *text = record(&n), *copy = again(text, n, &notes, &e, &seen);
	assert_int_equal(e, 0);
	assert_string_equal(text, copy);
	assert_true(notes.ended);
	assert_int_equal(notes.differing, 0);
	assert_null(strchr(text, 0x1b));
	assert_non_null(strstr(text, "\"preliminary\":true"));
	free(text), free(copy);
}

static void test_falsified_verdict_is_not_believed(void **state)
{
	(void)state;
	struct replay_notes notes;
	size_t n, seen;
	int e;
	char *text = record(&n), *honest = strdup(text);
	for (char *at = text; (at = strstr(at, "\"confidence\":\"proven\""));)
		memcpy(at + 14, "forged", 6);
	char *copy = again(text, n, &notes, &e, &seen);
	assert_int_equal(e, 0);
	assert_string_equal(honest, copy);
	assert_true(notes.differing > 0);
	free(text), free(copy), free(honest);
}

/* Cut anywhere: never a crash, and every whole observation before the cut is kept. */
static void test_damage_keeps_what_came_before(void **state)
{
	(void)state;
	struct replay_notes notes;
	size_t n, seen;
	int e;
	char *text = record(&n);
	char *second = strstr(text, "\"n\":2,");
	assert_non_null(second);
	memcpy(second, "\"n\":9,", 6);
	char *copy = again(text, n, &notes, &e, &seen);
	assert_int_equal(e, 0);
	assert_int_equal(seen, 1);
	assert_true(notes.damaged_line > 1);
	free(copy);
	for (size_t cut = 1; cut < n; cut += 97) {
		copy = again(text, cut, &notes, &e, &seen);
		assert_true(e < 0 || seen <= 4);
		free(copy);
	}
	free(text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_same_bytes),
		cmocka_unit_test(test_falsified_verdict_is_not_believed),
		cmocka_unit_test(test_damage_keeps_what_came_before),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
