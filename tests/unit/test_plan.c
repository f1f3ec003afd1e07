/* Settings and plan: where a value comes from, what is planned, what is required. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "sallyport/netinfo.h"
#include "sallyport/plan.h"
#include "sallyport/probe.h"
#include "sallyport/settings.h"

/* Stands in for the real table: the plan asks it only for costs. */
static const struct probe_def costs = { .packets = 6, .bytes = 600 };
const struct probe_def *probe_by_name(const char *name)
{
	return strcmp(name, "dtls-device") == 0 ? &costs : NULL;
}

struct fixture {
	struct run *run;
	struct settings settings;
	struct host_facts host;
	const char *operands[4];
	size_t n_operands;
	struct sp_error err;
};

static int parse(struct fixture *f, int argc, const char *const *argv)
{
	char *copy[16];
	for (int i = 0; i < argc; i++)
		copy[i] = arena_strdup(f->run->arena, argv[i]);
	copy[argc] = NULL;
	return settings_parse(f->run->arena, argc, copy, 1, &f->settings, f->operands, 4,
			      &f->n_operands, &f->err);
}
#define PARSE(f, ...)                                                                     \
	parse(f, (int)(sizeof((const char *[]){ __VA_ARGS__ }) / sizeof(char *)),         \
	      (const char *const[]){ __VA_ARGS__ })

static int setup(void **state)
{
	struct fixture *f = xcalloc(1, sizeof(*f));
	f->run = run_new();
	f->host = (struct host_facts){ .ifname = "eth0", .gateway4 = addr_v4(192, 168, 77, 1),
				       .resolvers = { addr_v4(192, 168, 77, 1) }, .n_resolvers = 1 };
	f->run->host = &f->host;
	f->run->settings = &f->settings;
	assert_int_equal(profile_load(f->run->arena, "diag/profiles/particle-wifi.ini",
				      &f->run->profile, NULL), 0);
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

static void flags_beat_environment_beats_default(void **state)
{
	struct fixture *f = *state;
	setenv("SALLYPORT_BUDGET_S", "30", 1);
	setenv("SALLYPORT_TIMEOUT", "3", 1);
	assert_int_equal(PARSE(f, "check", "--timeout", "4", "file", "-v", "--device",
			       "02-00-5E-00-53-01,192.168.77.20,pump 3"), 0);
	unsetenv("SALLYPORT_BUDGET_S");
	unsetenv("SALLYPORT_TIMEOUT");
	assert_true(f->settings.budget_s == 30 && f->settings.timeout_s == 4 && f->settings.verbose);
	assert_string_equal(f->settings.profile, "particle-wifi");
	assert_int_equal(f->n_operands, 1);
	assert_string_equal(f->operands[0], "file");
	assert_string_equal(f->settings.devices[0].mac, "02:00:5e:00:53:01");
	assert_string_equal(f->settings.devices[0].name, "pump 3");
	const struct setting_def *d = setting_by_name("device");
	assert_string_equal(setting_get(f->run->arena, &f->settings, d),
			    "02:00:5e:00:53:01,192.168.77.20,pump 3");
}

static void bad_usage_is_named(void **state)
{
	struct fixture *f = *state;
	assert_int_equal(PARSE(f, "check", "--tiemout", "4"), SP_E_USAGE);
	assert_non_null(strstr(f->err.text, "--tiemout"));
	assert_int_equal(PARSE(f, "check", "--timeout", "soon"), SP_E_USAGE);
	assert_int_equal(PARSE(f, "check", "--timeout"), SP_E_USAGE);
	assert_int_equal(PARSE(f, "check", "-o", "yaml"), SP_E_USAGE);
	assert_non_null(strstr(f->err.text, "ndjson"));
	assert_int_equal(PARSE(f, "check", "--device", "; rm -rf /"), SP_E_USAGE);
	assert_int_equal(PARSE(f, "check", "-4", "-6"), SP_E_USAGE);
}

static void settings_survive_text(void **state)
{
	struct fixture *f = *state;
	assert_int_equal(PARSE(f, "check", "--only", "dns,udp5684.hello", "-4", "--kind", "photon"), 0);
	struct settings again;
	settings_defaults(f->run->arena, &again);
	for (size_t i = 0; i < n_setting_defs; i++) {
		const struct setting_def *d = &setting_defs[i];
		const char *text = setting_get(f->run->arena, &f->settings, d);
		assert_int_equal(setting_set(f->run->arena, &again, d, text, NULL), 0);
		assert_string_equal(setting_get(f->run->arena, &again, d), text);
	}
}

static void required_follows_the_kinds(void **state)
{
	struct fixture *f = *state;
	assert_int_equal(PARSE(f, "check"), 0);
	assert_int_equal(plan_make(f->run, &f->err), 0);
	assert_true(run_check(f->run, "udp5684.hello", NULL)->required);
	assert_true(run_check(f->run, "dns.name", "e00fce68000000000000a001.v6.udp.particle.io")->required);
	assert_false(run_check(f->run, "udp5684.echo", NULL)->required);
	assert_false(run_check(f->run, "tcp5683", NULL)->required);
	assert_false(run_check(f->run, "ntp", NULL)->required);
	assert_false(run_check(f->run, "tcp443", "api.particle.io")->required);
	assert_int_equal(run_check(f->run, "udp5684.hello", NULL)->packets, 6);
	assert_non_null(run_check(f->run, "portal", "http://detectportal.firefox.com/success.txt"));
	assert_non_null(run_check(f->run, "path", NULL));

	assert_int_equal(PARSE(f, "check", "--kind", "photon"), 0);
	assert_int_equal(plan_make(f->run, &f->err), 0);
	assert_false(run_check(f->run, "udp5684.hello", NULL)->required);
	assert_true(run_check(f->run, "tcp5683", NULL)->required);
}

static void only_and_skip_choose(void **state)
{
	struct fixture *f = *state;
	assert_int_equal(PARSE(f, "check", "--only", "udp5684,link", "--skip", "udp5684.echo"), 0);
	assert_int_equal(plan_make(f->run, &f->err), 0);
	assert_true(run_check(f->run, "udp5684.hello", NULL)->chosen);
	assert_true(run_check(f->run, "link", NULL)->chosen);
	assert_false(run_check(f->run, "udp5684.echo", NULL)->chosen);
	assert_false(run_check(f->run, "ntp", NULL)->chosen);
	assert_int_equal(PARSE(f, "check", "--only", "udp568"), 0);
	assert_int_equal(plan_make(f->run, &f->err), SP_E_UNKNOWN);
	assert_int_equal(PARSE(f, "check", "--kind", "toaster"), 0);
	assert_int_equal(plan_make(f->run, &f->err), SP_E_UNKNOWN);
	assert_non_null(strstr(f->err.text, "toaster"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(flags_beat_environment_beats_default, setup, teardown),
		cmocka_unit_test_setup_teardown(bad_usage_is_named, setup, teardown),
		cmocka_unit_test_setup_teardown(settings_survive_text, setup, teardown),
		cmocka_unit_test_setup_teardown(required_follows_the_kinds, setup, teardown),
		cmocka_unit_test_setup_teardown(only_and_skip_choose, setup, teardown),
	};
	return cmocka_run_group_tests_name("plan", tests, NULL, NULL);
}
