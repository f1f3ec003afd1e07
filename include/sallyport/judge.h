/*
 * The judge: observations in, verdicts out. Pure: no clock, no I/O, no other memory than the
 * run's arena; the same run always gives the same verdicts.
 *
 * Promises: every verdict names the observations it rests on and its confidence. `proven` is said
 * only under the proof rules (a matching control, or a packet that names its sender, or the hop
 * differential). Unknown is never false.
 */
#ifndef SALLYPORT_JUDGE_H
#define SALLYPORT_JUDGE_H

#include "sallyport/model.h"

struct judge_view; /* diag/judge/view.h: the run, indexed for the rows */

/* A row of the fault table. */
struct fault {
	const char *slug; /* stable id: udp-port-blocked */
	const char *code; /* short code: U2 */
	const char *family;
	const char *title;
	/* Appends zero or more verdicts. Pure. */
	void (*test)(struct judge_view *v, const struct fault *f);
	const char *hides; /* slugs that are only consequences when both hold, separated by spaces */
	/* one paragraph each for `explain`: what it is, the least evidence, look-alikes, remedy */
	const char *what, *evidence, *lookalikes, *remedy;
};
extern const struct fault *const fault_table[];
extern const size_t n_fault_table;
const struct fault *fault_by_name(const char *slug_or_code); /* NULL when unknown */

/* Fills the "what follows" part of the run: check states, verdicts (root causes first, consequences
 * hidden), kinds, keep-alive, needs, contacted, not_tested, exit. May be called again at any time,
 * also on a run that is still going; earlier results are replaced. */
void judge_run(struct run *r);
/* Judges a run that is still going, in memory of its own, as if it ended complete at t_us; hands
 * each verdict to fn and leaves the run as it was. The verdicts die with the call. */
typedef void judge_verdict_fn(void *ctx, const struct verdict *v);
void judge_so_far(struct run *r, uint64_t t_us, judge_verdict_fn *fn, void *ctx);

#endif
