/*
 * What the fault rows share: counts over the run's observations, and how a verdict is written.
 */
#ifndef SALLYPORT_JUDGE_VIEW_H
#define SALLYPORT_JUDGE_VIEW_H

#include "sallyport/err.h"
#include "sallyport/judge.h"
#include "sallyport/netinfo.h"
#include "sallyport/plan.h"
#include "sallyport/profile.h"
#include "sallyport/settings.h"

enum { JUDGE_MAX_VERDICTS = 64 };

struct judge_view {
	struct run *run;
};

/* An authentic positive: the answer that the check is there to see. */
bool view_positive(const struct observation *o);
unsigned view_count(const struct judge_view *v, const struct check *c, enum outcome outcome);
bool view_has(const struct judge_view *v, const struct check *c, enum outcome outcome);
const struct observation *view_first(const struct judge_view *v, const struct check *c,
				     enum outcome outcome);
/* The check of the same target whose id ends in `suffix`; NULL when there is none. */
const struct check *view_sibling(const struct judge_view *v, const struct check *c, const char *suffix);
/* A new verdict about a check: evidence and log lines of its failed packets are filled in, targets
 * too; NULL when there are JUDGE_MAX_VERDICTS. */
struct verdict *view_add(struct judge_view *v, const struct fault *f, const struct check *c,
			 enum confidence confidence, enum effect effect);

/* keep-alive, needs, contacted, not tested (follow_up.c). */
void judge_follow_up(struct run *r);

#endif
