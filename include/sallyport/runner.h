/*
 * The runner: starts what the plan holds, all at once on one loop, spaced per destination, within
 * the packet and time budget, and ends it in order.
 */
#ifndef SALLYPORT_RUNNER_H
#define SALLYPORT_RUNNER_H

#include "sallyport/loop.h"
#include "sallyport/model.h"

enum { RUNNER_MAX_PACKETS = 500, RUNNER_MAX_BYTES = 150000 }; /* of one run */

struct runner_hooks {
	/* After every appended observation; journal and progress hang here. */
	void (*observed)(void *ctx, const struct observation *o);
	void *ctx;
	/* Set by a hook, or NULL: nobody listens any more, end as if interrupted. */
	const bool *stop;
};

/* Runs all checks of r (whose facts and plan are set). Returns when everything has ended, on
 * SIGINT, SIGTERM or SIGHUP (r->ended = END_INTERRUPTED) or at the budget. 0 or a negative code when the loop
 * could not be made. Fills r->ended and r->duration_us. */
int runner_run(struct run *r, const struct runner_hooks *hooks);

#endif
