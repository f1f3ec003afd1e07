/*
 * The end of judging: what works is no longer called blocked, consequences are hidden under their
 * root cause, root causes come first, and the drafts become the run's verdicts.
 */
#include "view.h"

#include <stdlib.h>
#include <string.h>

/* Proof rule 2: an authentic answer beats whatever a row made of the losses beside it. */
static void believe_answers(struct judge_view *v, struct draft *d)
{
	uint64_t open = 0;
	for (size_t i = 0; i < v->run->profile->n_targets; i++)
		if ((d->v.targets & TARGET_BIT(i)) && !view_target_works(v, i))
			open |= TARGET_BIT(i);
	if (d->v.effect == EFFECT_BLOCKS && !d->v.kinds && !view_mask_needed(v, open))
		d->v.effect = EFFECT_NOTE;
}

static void complete(struct judge_view *v, struct draft *d)
{
	static const enum state states[EFFECT_COUNT] = { [EFFECT_NOTE] = STATE_PASS,
							 [EFFECT_FRAGILE] = STATE_WARN,
							 [EFFECT_BLOCKS] = STATE_FAIL,
							 [EFFECT_DOUBT] = STATE_UNKNOWN };
	believe_answers(v, d);
	d->v.state = states[d->v.effect];
	if (!d->v.impact)
		draft_impact(v, d);
	if (d->v.effect == EFFECT_NOTE || !view_counts(v, &d->v))
		d->v.ask = NULL; /* nobody is asked to change what no device needs */
	if (d->v.confidence == CONF_PROVEN)
		d->v.decide = NULL;
}

/* A word of the list, or for "*" anything. */
static bool listed(const char *list, const char *slug)
{
	size_t n = strlen(slug);
	for (const char *p = list; p && (p = strstr(p, slug)); p += n)
		if ((p == list || p[-1] == ' ') && (p[n] == ' ' || p[n] == '\0'))
			return true;
	return list && strcmp(list, "*") == 0;
}

static bool explains(const struct draft *root, const struct draft *d)
{
	return root != d && root->v.fault != d->v.fault && !root->v.hidden && !d->v.hidden &&
	       !d->v.kinds && /* what a kind lacks follows from nothing else */
	       listed(root->v.fault->hides, d->v.fault->slug) &&
	       root->v.confidence != CONF_UNDETERMINED && root->v.confidence <= d->v.confidence &&
	       root->v.effect >= d->v.effect && !(d->v.targets & ~root->v.targets);
}

static void hide(struct draft *root, struct draft *d)
{
	d->v.hidden = true;
	d->v.ask = NULL;
	for (size_t i = 0; i < root->n_hides; i++)
		if (strcmp(root->hides[i], d->v.fault->slug) == 0)
			return;
	root->hides = xrealloc(root->hides, (root->n_hides + 1) * sizeof(*root->hides));
	root->hides[root->n_hides++] = d->v.fault->slug;
}

/* The table stands in the order of the device's path, so an earlier row is nearer the root. */
static int by_row(const void *a, const void *b)
{
	const struct draft *x = *(struct draft *const *)a, *y = *(struct draft *const *)b;
	if (x->row != y->row)
		return x->row < y->row ? -1 : 1;
	if (x->v.confidence != y->v.confidence)
		return x->v.confidence < y->v.confidence ? -1 : 1;
	if (x->v.targets != y->v.targets)
		return x->v.targets < y->v.targets ? -1 : 1;
	return strcmp(x->v.subject, y->v.subject);
}

static void hide_consequences(struct judge_view *v)
{
	for (size_t i = 0; i < v->n_drafts; i++)
		for (size_t k = 0; k < v->n_drafts; k++)
			if (explains(v->drafts[i], v->drafts[k]))
				hide(v->drafts[i], v->drafts[k]);
}

/* Hidden last; among the others what stops a device that counts, then by effect. */
static int rank(const struct judge_view *v, const struct draft *d)
{
	if (d->v.hidden)
		return 100;
	int effect = EFFECT_COUNT - 1 - (int)d->v.effect;
	bool counts = d->v.effect != EFFECT_NOTE && view_counts(v, &d->v);
	return (counts ? 0 : 10) + effect;
}

static int by_number(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
	return x < y ? -1 : x > y;
}

static void settle(struct judge_view *v, struct draft *d, struct verdict *out)
{
	struct arena *a = v->run->arena;
	size_t n = 0;
	if (d->n_nums)
		qsort(d->nums, d->n_nums, sizeof(*d->nums), by_number);
	for (size_t i = 0; i < d->n_nums; i++)
		if (!n || d->nums[n - 1] != d->nums[i])
			d->nums[n++] = d->nums[i];
	*out = d->v;
	out->n_evidence = n;
	out->evidence = n ? arena_memdup(a, d->nums, n * sizeof(*d->nums)) : NULL;
	out->n_log = d->n_log;
	out->log = d->n_log ? arena_memdup(a, d->log, d->n_log * sizeof(*d->log)) : NULL;
	out->n_hides = d->n_hides;
	out->hides = d->n_hides ? arena_memdup(a, d->hides, d->n_hides * sizeof(*d->hides)) : NULL;
}

void view_finish(struct judge_view *v)
{
	struct run *r = v->run;
	if (v->n_drafts)
		qsort(v->drafts, v->n_drafts, sizeof(*v->drafts), by_row);
	for (size_t i = 0; i < v->n_drafts; i++)
		complete(v, v->drafts[i]);
	hide_consequences(v);
	r->n_verdicts = 0;
	r->verdicts = v->n_drafts ? arena_alloc(r->arena, v->n_drafts * sizeof(*r->verdicts)) : NULL;
	for (int want = 0; want <= 100; want++)
		for (size_t i = 0; i < v->n_drafts; i++)
			if (rank(v, v->drafts[i]) == want)
				settle(v, v->drafts[i], &r->verdicts[r->n_verdicts++]);
}
