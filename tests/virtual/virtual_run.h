/*
 * A run with the checks that a test plans by hand, measured by the real probes on the fake network.
 */
#ifndef SALLYPORT_TESTS_VIRTUAL_RUN_H
#define SALLYPORT_TESTS_VIRTUAL_RUN_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "fake_net.h"
#include "sallyport/clock.h"
#include "sallyport/netinfo.h"
#include "sallyport/profile.h"
#include "sallyport/runner.h"
#include "sallyport/settings.h"

enum { VR_CHECKS = 16 };

struct virtual_run {
	struct run *run;
	struct settings settings;
	struct host_facts host;
	struct profile profile;
	struct check checks[VR_CHECKS];
};

static int vr_setup(void **state)
{
	struct virtual_run *v = calloc(1, sizeof(*v));
	v->run = run_new();
	v->settings.budget_s = 15;
	v->settings.timeout_s = 2;
	v->host = (struct host_facts){ .ifname = "eth9", .route4 = true, .n_addrs = 1,
				       .resolvers = { addr_v4(10, 0, 0, 1) }, .n_resolvers = 1 };
	v->profile.control_names = (struct text_list){ { "example.com", "example.net" }, 2 };
	v->profile.control_resolvers = (struct text_list){ { "9.9.9.9", "1.1.1.1" }, 2 };
	v->profile.probe_ids = (struct text_list){ { "aa", "bb", "cc" }, 3 };
	v->run->settings = &v->settings;
	v->run->host = &v->host;
	v->run->profile = &v->profile;
	v->run->checks = v->checks;
	*state = v;
	return 0;
}

static int vr_teardown(void **state)
{
	struct virtual_run *v = *state;
	run_free(v->run);
	free(v);
	return 0;
}

static struct check *vr_plan(struct virtual_run *v, const char *id, const char *target,
			     const char *probe, int target_index)
{
	struct check *c = &v->checks[v->run->n_checks++];
	*c = (struct check){ .id = id, .target = target, .probe = probe, .target_index = target_index,
			     .resolver_index = -1, .chosen = true };
	return c;
}

static void vr_go(struct virtual_run *v)
{
	assert_int_equal(runner_run(v->run, NULL), 0);
}

/* Observations of a check with this outcome. */
static unsigned vr_count(const struct virtual_run *v, const char *check, enum outcome outcome)
{
	unsigned n = 0;
	for (size_t i = 0; i < v->run->n_obs; i++)
		n += strcmp(v->run->obs[i]->check, check) == 0 && v->run->obs[i]->outcome == outcome;
	return n;
}

static const struct observation *vr_first(const struct virtual_run *v, const char *check,
					  enum outcome outcome)
{
	for (size_t i = 0; i < v->run->n_obs; i++)
		if (strcmp(v->run->obs[i]->check, check) == 0 && v->run->obs[i]->outcome == outcome)
			return v->run->obs[i];
	return NULL;
}

static inline double vr_seconds(const struct virtual_run *v)
{
	return (double)v->run->duration_us / 1e6;
}

#endif
