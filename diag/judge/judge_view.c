#include "judge_view.h"

#include <string.h>

#include "sallyport/clock.h"

static bool same(const struct observation *o, const struct check *c)
{
	return strcmp(o->check, c->id) == 0 && strcmp(o->target, c->target) == 0;
}

/* An address that a public server could have, among the answers of a name. */
static bool has_public_answer(const struct observation *o)
{
	char text[OBS_TEXT_MAX];
	text_copy(text, sizeof(text), obs_get_text(o, A_ANSWERS, ""));
	for (char *save = NULL, *w = strtok_r(text, " ", &save); w; w = strtok_r(NULL, " ", &save)) {
		struct addr a;
		if (addr_parse(w, &a) == 0 && addr_is_public(&a))
			return true;
	}
	return false;
}

bool view_positive(const struct observation *o)
{
	if (o->outcome != OUTCOME_ANSWERED)
		return false;
	if (strcmp(o->check, "dns.name") == 0)
		return has_public_answer(o);
	if (obs_has(o, A_GREETING))
		return obs_text_is(o, A_GREETING, "nonce");
	if (obs_has(o, A_CHAIN_OK)) /* control handshakes under another name prove nothing */
		return obs_get_bool(o, A_CHAIN_OK, false) && obs_get_bool(o, A_NAME_OK, false) &&
		       obs_text_is(o, A_SNI, "real");
	if (obs_has(o, A_URL))
		return obs_get_bool(o, A_BODY_OK, false);
	return !obs_text_is(o, A_PHASE, "connect") && !obs_text_is(o, A_PHASE, "tls");
}

unsigned view_count(const struct judge_view *v, const struct check *c, enum outcome outcome)
{
	unsigned n = 0;
	for (size_t i = 0; i < v->run->n_obs; i++)
		n += same(v->run->obs[i], c) && v->run->obs[i]->outcome == outcome;
	return n;
}

bool view_has(const struct judge_view *v, const struct check *c, enum outcome outcome)
{
	return view_count(v, c, outcome) > 0;
}

const struct observation *view_first(const struct judge_view *v, const struct check *c,
				     enum outcome outcome)
{
	for (size_t i = 0; i < v->run->n_obs; i++)
		if (same(v->run->obs[i], c) && v->run->obs[i]->outcome == outcome)
			return v->run->obs[i];
	return NULL;
}

const struct check *view_sibling(const struct judge_view *v, const struct check *c, const char *suffix)
{
	for (size_t i = 0; i < v->run->n_checks; i++) {
		const struct check *other = &v->run->checks[i];
		size_t n = strlen(other->id), s = strlen(suffix);
		if (other->target_index == c->target_index && n > s && !strcmp(other->id + n - s, suffix))
			return other;
	}
	return NULL;
}

/* The five-tuple and the UTC and local window of what failed, as a firewall's log would show it. */
static const char *log_line(struct judge_view *v, const struct check *c)
{
	const struct run *r = v->run;
	const struct observation *first = NULL;
	int64_t from = 0, to = 0;
	unsigned packets = 0;
	for (size_t i = 0; i < r->n_obs; i++) {
		const struct observation *o = r->obs[i];
		if (!same(o, c) || view_positive(o) || !obs_has(o, A_PACKETS))
			continue;
		int64_t sent = r->started_us + (int64_t)o->t_us -
			       (int64_t)(obs_get_real(o, A_WAITED_MS, 0) * 1000);
		from = !first || sent < from ? sent : from;
		to = !first || sent > to ? sent : to;
		first = first ? first : o;
		packets += (unsigned)obs_get_int(o, A_PACKETS, 0);
	}
	if (!first)
		return NULL;
	char a[CLOCK_STRLEN], b[CLOCK_STRLEN], la[CLOCK_STRLEN], lb[CLOCK_STRLEN];
	return arena_printf(r->arena, "%s %s:%lld -> %s:%lld, %u packet%s, %s to %s UTC (%s to %s local)",
			    obs_get_text(first, A_PROTO, "?"), obs_get_text(first, A_SRC, "?"),
			    (long long)obs_get_int(first, A_SRC_PORT, 0), obs_get_text(first, A_ADDRESS, "?"),
			    (long long)obs_get_int(first, A_PORT, 0), packets, packets == 1 ? "" : "s",
			    clock_format_time(from, 0, a), clock_format_time(to, 0, b),
			    clock_format_time(from, r->utc_offset_s, la),
			    clock_format_time(to, r->utc_offset_s, lb));
}

/* Every target that has this host name is affected when its name is. */
static uint64_t affected(const struct judge_view *v, const struct check *c)
{
	uint64_t bits = c->target_index >= 0 ? UINT64_C(1) << c->target_index : 0;
	for (size_t i = 0; i < v->run->n_checks; i++)
		if (v->run->checks[i].target_index >= 0 && strcmp(v->run->checks[i].target, c->target) == 0)
			bits |= UINT64_C(1) << v->run->checks[i].target_index;
	return c->target_index < 0 && !bits ? UINT64_MAX : bits;
}

struct verdict *view_add(struct judge_view *v, const struct fault *f, const struct check *c,
			 enum confidence confidence, enum effect effect)
{
	struct run *r = v->run;
	if (r->n_verdicts == JUDGE_MAX_VERDICTS)
		return NULL;
	struct verdict *d = &r->verdicts[r->n_verdicts++];
	if (effect == EFFECT_BLOCKS && !c->required && c->target_index >= 0 &&
	    !r->profile->targets[c->target_index].required)
		effect = EFFECT_NOTE; /* nobody's devices need it */
	*d = (struct verdict){ .fault = f, .confidence = confidence, .effect = effect, .scope = "host",
			       .subject = c->target, .evidence = c->evidence, .n_evidence = c->n_evidence,
			       .targets = affected(v, c) };
	d->state = effect == EFFECT_BLOCKS ? STATE_FAIL : effect == EFFECT_FRAGILE ? STATE_WARN : STATE_PASS;
	const char *line = log_line(v, c);
	if (line) {
		d->log = arena_alloc(r->arena, sizeof(*d->log));
		d->log[0] = line;
		d->n_log = 1;
	}
	d->confirm = arena_printf(r->arena, "sallyport check --only %s", c->id);
	return d;
}
