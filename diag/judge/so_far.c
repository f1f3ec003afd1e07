/* A run judged before its end: for the stream's early verdicts and for the progress line. */
#include "sallyport/judge.h"

#include <stdlib.h>
#include <string.h>

#include "sallyport/err.h"

void judge_so_far(struct run *r, uint64_t t_us, judge_verdict_fn *fn, void *ctx)
{
	struct run saved = *r;
	struct check *checks = xcalloc(r->n_checks + 1, sizeof(*checks));
	if (r->n_checks)
		memcpy(checks, r->checks, r->n_checks * sizeof(*checks));
	r->arena = arena_new();
	r->ended = END_COMPLETE; /* an interrupt may be known to the runner, but not yet to a reader */
	r->duration_us = t_us;
	judge_run(r);
	for (size_t i = 0; i < r->n_verdicts; i++)
		fn(ctx, &r->verdicts[i]);
	arena_free(r->arena);
	*r = saved;
	if (r->n_checks)
		memcpy(r->checks, checks, r->n_checks * sizeof(*checks));
	free(checks);
}
