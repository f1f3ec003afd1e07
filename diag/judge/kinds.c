/*
 * Can the devices live here? Per device kind from what its targets' checks and the verdicts say,
 * then the exit code for the kinds that count.
 *
 * A kind works only when everything it needs was tried and passed. It cannot when a verdict says
 * so, or when its flow clearly fails whatever the cause: doubt about the cause is no doubt about
 * the effect.
 */
#include "view.h"

#include <string.h>

#include "sallyport/err.h"

static bool id_ends(const struct check *c, const char *end)
{
	size_t n = strlen(c->id), m = strlen(end);
	return n >= m && strcmp(c->id + n - m, end) == 0;
}

static const struct verdict *verdict_on(const struct run *r, size_t target, enum effect effect,
					bool sure)
{
	for (size_t i = 0; i < r->n_verdicts; i++) {
		const struct verdict *d = &r->verdicts[i];
		if (d->effect == effect && !d->hidden && (d->targets & TARGET_BIT(target)) &&
		    (d->confidence != CONF_UNDETERMINED || !sure))
			return d;
	}
	return NULL;
}

/* The flow itself fails, or its name leads nowhere. */
static bool clearly_fails(const struct judge_view *v, size_t target)
{
	const struct flow *f = view_flow(v, target);
	const struct check *name = run_check(v->run, "dns.name", view_target_name(v, target));
	return (f && f->check->chosen && f->check->state == STATE_FAIL) ||
	       (name && name->chosen && name->state == STATE_FAIL);
}

/* The port is open, but who answers is not shown: an alert or silence after the cookie. */
static bool identity_unknown(const struct judge_view *v, size_t target)
{
	const struct flow *f = view_flow(v, target);
	const struct check *id = NULL;
	for (size_t i = 0; i < v->run->n_checks; i++)
		if (v->run->checks[i].target_index == (int)target && id_ends(&v->run->checks[i], ".identity"))
			id = &v->run->checks[i];
	bool open = f && (f->check->state == STATE_PASS || f->check->state == STATE_WARN);
	return open && id && id->chosen && id->state == STATE_UNKNOWN &&
	       id->n_evidence;
}

static enum kind_state target_state(const struct judge_view *v, size_t target, const char **because)
{
	const struct verdict *d = verdict_on(v->run, target, EFFECT_BLOCKS, true);
	if (!d && clearly_fails(v, target))
		d = verdict_on(v->run, target, EFFECT_BLOCKS, false);
	*because = d ? d->fault->slug : NULL;
	if (d)
		return KIND_NO;
	d = verdict_on(v->run, target, EFFECT_DOUBT, false);
	*because = d ? d->fault->slug : NULL;
	if (d)
		return KIND_UNKNOWN;
	d = verdict_on(v->run, target, EFFECT_FRAGILE, false);
	*because = d ? d->fault->slug : NULL;
	if (identity_unknown(v, target))
		return KIND_FRAGILE;
	if (!view_target_works(v, target))
		return KIND_UNKNOWN;
	const struct flow *f = view_flow(v, target);
	bool warned = f && f->check->state == STATE_WARN;
	d = verdict_on(v->run, target, EFFECT_FRAGILE, true);
	return d || warned ? KIND_FRAGILE : KIND_YES;
}

static void worsen(struct kind_verdict *out, enum kind_state s, const char *because)
{
	static const int rank[] = { [KIND_YES] = 0, [KIND_FRAGILE] = 1, [KIND_UNKNOWN] = 2, [KIND_NO] = 3 };
	if (rank[s] <= rank[out->state])
		return;
	out->state = s;
	out->because = because;
}

/* What a verdict about kinds means for one of them. */
static enum kind_state own_state(const struct verdict *d)
{
	if (d->effect == EFFECT_NOTE)
		return KIND_YES;
	if (d->confidence == CONF_UNDETERMINED)
		return KIND_UNKNOWN;
	return d->effect == EFFECT_BLOCKS ? KIND_NO : KIND_FRAGILE;
}

static void judge_kind(const struct judge_view *v, struct kind_verdict *out)
{
	const struct profile *p = v->run->profile;
	const struct profile_kind *k = &p->kinds[out->kind_index];
	out->state = k->needs.n ? KIND_YES : KIND_UNKNOWN;
	for (size_t i = 0; i < k->needs.n; i++) {
		int t = profile_target_by_section(p, k->needs.v[i]);
		const char *because;
		if (t < 0 || !p->targets[t].required)
			continue;
		enum kind_state s = target_state(v, (size_t)t, &because);
		worsen(out, s, because);
	}
	for (size_t i = 0; i < v->run->n_verdicts; i++)
		if (v->run->verdicts[i].kinds & KIND_BIT(out->kind_index))
			worsen(out, own_state(&v->run->verdicts[i]), v->run->verdicts[i].fault->slug);
}

static const int exit_rank[] = { [SP_EXIT_WORKS] = 0, [SP_EXIT_FRAGILE] = 1, [SP_EXIT_UNKNOWN] = 2,
				 [SP_EXIT_BLOCKED] = 3 };

static int worse(int a, int b)
{
	return exit_rank[b] > exit_rank[a] ? b : a;
}

static int exit_of_kinds(const struct run *r)
{
	static const int codes[] = { [KIND_YES] = SP_EXIT_WORKS, [KIND_FRAGILE] = SP_EXIT_FRAGILE,
				     [KIND_UNKNOWN] = SP_EXIT_UNKNOWN, [KIND_NO] = SP_EXIT_BLOCKED };
	int code = SP_EXIT_WORKS;
	bool any = false;
	for (size_t i = 0; i < r->n_kinds; i++) {
		if (!r->kinds[i].counts)
			continue;
		any = true;
		code = worse(code, codes[r->kinds[i].state]);
	}
	return any ? code : SP_EXIT_UNKNOWN;
}

/* Nothing is shown to block it, but what was seen from here is not what a device would see. */
static bool is_doubted(const struct judge_view *v, const struct check *c)
{
	const char *because;
	return c->target_index >= 0 && verdict_on(v->run, (size_t)c->target_index, EFFECT_DOUBT, false) &&
	       target_state(v, (size_t)c->target_index, &because) == KIND_UNKNOWN;
}

/* What a chosen check says about itself. */
static int exit_of_check(const struct judge_view *v, const struct check *c)
{
	if (is_doubted(v, c))
		return SP_EXIT_UNKNOWN;
	if (c->state == STATE_FAIL)
		return SP_EXIT_BLOCKED;
	if (c->state == STATE_PASS || c->state == STATE_NA)
		return SP_EXIT_WORKS;
	bool identity = id_ends(c, ".identity") && c->target_index >= 0 &&
			identity_unknown(v, (size_t)c->target_index);
	return c->state == STATE_WARN || identity ? SP_EXIT_FRAGILE : SP_EXIT_UNKNOWN;
}

/* With --only the code speaks for the checks that were named; with --skip for those that are left
 * and that a kind that counts needs. Checks that only explain (path, echo) never decide beside
 * others. */
static int exit_of_chosen(const struct judge_view *v)
{
	const struct run *r = v->run;
	bool only = r->settings->only.n > 0, any = false;
	int code = SP_EXIT_WORKS;
	for (int pass = 0; pass < 2 && !any; pass++)
		for (size_t i = 0; i < r->n_checks; i++) {
			const struct check *c = &r->checks[i];
			bool explains = strcmp(c->id, "path") == 0 || id_ends(c, ".echo");
			if (!c->chosen || (!only && !c->required) || (pass == 0 && explains))
				continue;
			any = true;
			code = worse(code, exit_of_check(v, c));
		}
	return any ? code : SP_EXIT_UNKNOWN;
}

/* A proven verdict stops what this kind needs. */
static bool kind_proven_blocked(const struct run *r, const struct profile_kind *k)
{
	for (size_t i = 0; i < k->needs.n; i++) {
		int t = profile_target_by_section(r->profile, k->needs.v[i]);
		for (size_t d = 0; t >= 0 && r->profile->targets[t].required && d < r->n_verdicts; d++)
			if (r->verdicts[d].confidence == CONF_PROVEN &&
			    r->verdicts[d].effect == EFFECT_BLOCKS &&
			    (r->verdicts[d].targets & TARGET_BIT(t)))
				return true;
	}
	return false;
}

static bool proven_blocked(const struct run *r)
{
	for (size_t i = 0; i < r->n_kinds; i++)
		if (r->kinds[i].counts &&
		    kind_proven_blocked(r, &r->profile->kinds[r->kinds[i].kind_index]))
			return true;
	return false;
}

void judge_kinds(struct judge_view *v)
{
	struct run *r = v->run;
	r->n_kinds = r->profile->n_kinds;
	r->kinds = arena_alloc(r->arena, r->n_kinds * sizeof(*r->kinds) + 1);
	for (size_t i = 0; i < r->n_kinds; i++) {
		r->kinds[i] = (struct kind_verdict){ .kind_index = (int)i,
						     .counts = plan_kind_counts(r, (int)i) };
		judge_kind(v, &r->kinds[i]);
	}
	r->exit = r->settings->only.n || r->settings->skip.n ? exit_of_chosen(v) : exit_of_kinds(r);
	if (r->ended != END_COMPLETE)
		r->exit = r->exit == SP_EXIT_BLOCKED && proven_blocked(r) ? SP_EXIT_BLOCKED : SP_EXIT_UNKNOWN;
}
