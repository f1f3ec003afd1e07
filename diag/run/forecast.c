/* The plan, seen as packets: each probe's row says what it sends (probe_def.contacts). */
#include "sallyport/forecast.h"

#include <string.h>

#include "sallyport/probe.h"
#include "sallyport/profile.h"

/* A probe that sends to its own target and to nobody else. */
static void add_target(struct forecast *f, const struct check *c)
{
	const struct profile_target *t = &f->run->profile->targets[c->target_index];
	struct forecast_row row = { .host = c->target, .port = t->port, .packets = c->packets,
				    .bytes = c->bytes, .why = t->why,
				    .proto = t->transport == TRANSPORT_UDP ? "udp" : "tcp" };
	forecast_add(f, &row);
	forecast_name(f, c->target);
}

static bool measured_with_the_last(const struct run *r, size_t i)
{
	const struct check *c = &r->checks[i], *last = i ? &r->checks[i - 1] : NULL;
	return last && last->chosen && strcmp(c->probe, last->probe) == 0 &&
	       strcmp(c->target, last->target) == 0 && c->target_index == last->target_index;
}

void forecast_make(struct run *r, struct forecast *f)
{
	*f = (struct forecast){ .run = r };
	f->rows = arena_alloc(r->arena, FORECAST_MAX_ROWS * sizeof(*f->rows));
	for (size_t i = 0; i < r->n_checks; i++) {
		const struct check *c = &r->checks[i];
		const struct probe_def *def = c->chosen ? probe_by_name(c->probe) : NULL;
		if (!def || measured_with_the_last(r, i))
			continue;
		if (def->contacts)
			def->contacts(f, c);
		else if (c->target_index >= 0)
			add_target(f, c);
	}
}
