/*
 * The judge: check states, then the fault rows, then kinds, advice and exit. Silence alone is never
 * `proven` (faults.md proof rule 1); a packet that names its sender, this host's own EPERM and a
 * wrong signature are.
 */
#include "judge_view.h"

#include <string.h>

static void check_state(struct judge_view *v, struct check *c)
{
	bool aborted = false, failed = false;
	c->attempts = c->answered = 0;
	c->rtt_ms = -1;
	c->because = NULL;
	c->evidence = arena_alloc(v->run->arena, (v->run->n_obs + 1) * sizeof(uint32_t));
	c->n_evidence = 0;
	for (size_t i = 0; i < v->run->n_obs; i++) {
		const struct observation *o = v->run->obs[i];
		if (strcmp(o->check, c->id) || strcmp(o->target, c->target))
			continue;
		c->evidence[c->n_evidence++] = o->n;
		aborted |= o->outcome == OUTCOME_NOT_RUN || o->outcome == OUTCOME_ABORTED;
		if (o->outcome == OUTCOME_NOT_RUN || o->outcome == OUTCOME_ABORTED)
			continue;
		c->attempts++;
		bool good = view_positive(o);
		c->answered += good;
		failed |= !good;
		double rtt = obs_get_real(o, A_RTT_MS, -1);
		if (good && rtt >= 0 && (c->rtt_ms < 0 || rtt < c->rtt_ms))
			c->rtt_ms = rtt;
	}
	c->state = c->answered ? STATE_PASS : failed ? STATE_FAIL : STATE_UNKNOWN;
	if (!c->chosen) {
		c->state = STATE_SKIPPED;
		c->because = "not chosen";
	} else if (aborted && c->state == STATE_UNKNOWN) {
		c->because = "not run";
	}
}

/* A check that had no address to go to is skipped because of the name; an identity that never
 * began because of the hello; a flight that stayed away says nothing about the key. */
static void check_dependencies(struct judge_view *v, struct check *c)
{
	const char *dot = strrchr(c->id, '.');
	if (!c->chosen || c->state == STATE_PASS)
		return;
	if (dot && strcmp(dot, ".identity") == 0) {
		const struct check *hello = view_sibling(v, c, ".hello");
		if (!view_has(v, c, OUTCOME_MISMATCH))
			c->state = STATE_UNKNOWN;
		if (hello && hello->state != STATE_PASS) {
			c->state = STATE_SKIPPED;
			c->because = hello->id;
		}
	}
	const struct check *name = run_check(v->run, "dns.name", c->target);
	if (c->state == STATE_UNKNOWN && name && name != c && view_has(v, c, OUTCOME_NOT_RUN) &&
	    name->chosen && name->state != STATE_PASS) {
		c->state = STATE_SKIPPED;
		c->because = name->id;
	}
}

static enum kind_state target_state(struct judge_view *v, int target)
{
	enum kind_state worst = KIND_YES;
	bool any = false;
	for (size_t i = 0; i < v->run->n_checks; i++) {
		const struct check *c = &v->run->checks[i];
		if (c->target_index != target || !c->chosen || strstr(c->id, ".echo") ||
		    strcmp(c->id, "path") == 0) /* they explain, they do not decide */
			continue;
		any = true;
		bool identity = strstr(c->id, ".identity") != NULL;
		enum kind_state s = c->state == STATE_PASS ? KIND_YES
				    : identity && c->state == STATE_UNKNOWN ? KIND_FRAGILE : KIND_UNKNOWN;
		if (s == KIND_UNKNOWN || (s == KIND_FRAGILE && worst == KIND_YES))
			worst = s;
	}
	return any ? worst : KIND_UNKNOWN;
}

static const struct verdict *blocking(const struct run *r, int target, enum effect effect)
{
	for (size_t i = 0; i < r->n_verdicts; i++)
		if (r->verdicts[i].effect == effect && r->verdicts[i].confidence != CONF_UNDETERMINED &&
		    r->verdicts[i].targets >> target & 1)
			return &r->verdicts[i];
	return NULL;
}

static void judge_kind(struct judge_view *v, struct kind_verdict *k)
{
	static const int rank[] = { [KIND_YES] = 0, [KIND_FRAGILE] = 1, [KIND_UNKNOWN] = 2, [KIND_NO] = 3 };
	const struct profile_kind *kind = &v->run->profile->kinds[k->kind_index];
	k->state = KIND_YES;
	for (size_t i = 0; i < kind->needs.n; i++) {
		int t = profile_target_by_section(v->run->profile, kind->needs.v[i]);
		const struct verdict *block = blocking(v->run, t, EFFECT_BLOCKS);
		const struct verdict *frail = blocking(v->run, t, EFFECT_FRAGILE);
		enum kind_state s = block ? KIND_NO : target_state(v, t);
		if (s == KIND_YES && frail)
			s = KIND_FRAGILE;
		if (rank[s] > rank[k->state]) {
			k->state = s;
			k->because = block ? block->fault->slug : frail ? frail->fault->slug : NULL;
		}
	}
}

/* With --only or --skip the code speaks for the chosen checks. */
static int chosen_exit(const struct run *r)
{
	int code = SP_EXIT_WORKS;
	for (size_t i = 0; i < r->n_checks; i++) {
		const struct check *c = &r->checks[i];
		if (!c->chosen || c->state == STATE_PASS || c->state == STATE_NA)
			continue;
		if (c->state == STATE_FAIL)
			return SP_EXIT_BLOCKED;
		code = SP_EXIT_UNKNOWN;
	}
	return code;
}

static int exit_code(const struct run *r)
{
	static const int codes[] = { [KIND_YES] = SP_EXIT_WORKS, [KIND_FRAGILE] = SP_EXIT_FRAGILE,
				     [KIND_UNKNOWN] = SP_EXIT_UNKNOWN, [KIND_NO] = SP_EXIT_BLOCKED };
	static const int rank[] = { [SP_EXIT_WORKS] = 0, [SP_EXIT_FRAGILE] = 1, [SP_EXIT_UNKNOWN] = 2,
				    [SP_EXIT_BLOCKED] = 3 };
	int worst = SP_EXIT_WORKS;
	bool any = false;
	if (r->settings->only.n || r->settings->skip.n)
		worst = chosen_exit(r);
	for (size_t i = 0; i < r->n_kinds && !r->settings->only.n && !r->settings->skip.n; i++) {
		int code = codes[r->kinds[i].state];
		any |= r->kinds[i].counts;
		if (r->kinds[i].counts && rank[code] > rank[worst])
			worst = code;
	}
	if (!any && !r->settings->only.n && !r->settings->skip.n)
		worst = SP_EXIT_UNKNOWN;
	if (r->ended != END_COMPLETE && worst != SP_EXIT_BLOCKED)
		worst = SP_EXIT_UNKNOWN;
	return worst;
}

void judge_run(struct run *r)
{
	struct judge_view v = { .run = r };
	r->n_verdicts = 0;
	r->verdicts = arena_alloc(r->arena, JUDGE_MAX_VERDICTS * sizeof(struct verdict));
	for (size_t i = 0; i < r->n_checks; i++)
		check_state(&v, &r->checks[i]);
	for (size_t i = 0; i < r->n_checks; i++)
		check_dependencies(&v, &r->checks[i]);
	for (size_t i = 0; i < n_fault_table; i++)
		fault_table[i]->test(&v, fault_table[i]);
	r->n_kinds = r->profile->n_kinds;
	r->kinds = arena_alloc(r->arena, r->n_kinds * sizeof(struct kind_verdict));
	for (size_t i = 0; i < r->n_kinds; i++) {
		r->kinds[i] = (struct kind_verdict){ .kind_index = (int)i, .counts = plan_kind_counts(r, (int)i) };
		judge_kind(&v, &r->kinds[i]);
	}
	judge_follow_up(r);
	r->exit = exit_code(r);
}
