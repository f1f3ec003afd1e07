/*
 * The plan: profile + settings + host facts -> checks. Pure and deterministic, so that replay makes
 * the same plan from run_start.
 */
#ifndef SALLYPORT_PLAN_H
#define SALLYPORT_PLAN_H

#include "sallyport/err.h"
#include "sallyport/model.h"

/* Fills r->checks. 0, or SP_E_UNKNOWN with *err where --only, --skip or --kind name nothing. */
int plan_make(struct run *r, struct sp_error *err);
/* True where the kind counts for the exit code (named by --kind, or current by the profile). */
bool plan_kind_counts(const struct run *r, int kind_index);
/* True where a kind that counts needs this target. */
bool plan_target_required(const struct run *r, int target_index);

#endif
