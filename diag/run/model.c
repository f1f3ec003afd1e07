/* The run: its tables of names, observation builders and readers, append. */
#include "sallyport/model.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

const char *const outcome_names[OUTCOME_COUNT] = {
	[OUTCOME_ANSWERED] = "answered",       [OUTCOME_SILENT] = "silent",
	[OUTCOME_REFUSED] = "refused",         [OUTCOME_RESET] = "reset",
	[OUTCOME_REJECTED] = "rejected",       [OUTCOME_UNREACHABLE] = "unreachable",
	[OUTCOME_DENIED_LOCALLY] = "denied-locally", [OUTCOME_GARBLED] = "garbled",
	[OUTCOME_MISMATCH] = "mismatch",       [OUTCOME_ABORTED] = "aborted",
	[OUTCOME_NOT_RUN] = "not-run",
};

const char *const state_names[STATE_COUNT] = {
	[STATE_PASS] = "pass",       [STATE_WARN] = "warn",       [STATE_FAIL] = "fail",
	[STATE_UNKNOWN] = "unknown", [STATE_SKIPPED] = "skipped", [STATE_NA] = "na",
};

const char *const confidence_names[CONF_COUNT] = {
	[CONF_PROVEN] = "proven",
	[CONF_LIKELY] = "likely",
	[CONF_UNDETERMINED] = "undetermined",
};

const char *const kind_state_names[KIND_STATE_COUNT] = {
	[KIND_YES] = "yes",
	[KIND_FRAGILE] = "fragile",
	[KIND_NO] = "no",
	[KIND_UNKNOWN] = "unknown",
};

const char *const end_reason_names[END_COUNT] = {
	[END_COMPLETE] = "complete",
	[END_INTERRUPTED] = "interrupted",
	[END_ERROR] = "error",
};

const struct attr_def attr_defs[ATTR_COUNT] = {
#define X(id, name, type, unit, help) [A_##id] = { name, ATTR_##type, unit, help },
	ATTR_LIST(X)
#undef X
};

int attr_by_name(const char *name)
{
	for (int i = 0; i < ATTR_COUNT; i++)
		if (strcmp(attr_defs[i].name, name) == 0)
			return i;
	return -1;
}

void obs_begin(struct observation *o, const char *check, const char *target, uint32_t attempt,
	       enum outcome outcome)
{
	memset(o, 0, sizeof(*o));
	o->check = check;
	o->target = target;
	o->attempt = attempt;
	o->outcome = outcome;
}

static const struct attr_value *find(const struct observation *o, enum attr key)
{
	for (unsigned i = 0; i < o->n_attrs; i++)
		if (o->attrs[i].key == key)
			return &o->attrs[i];
	return NULL;
}

/* The slot for a key: the one it has, else a new one, else the last (a programming error that
 * the tests of the probes would show: OBS_MAX_ATTRS is above what any of them sets). */
static struct attr_value *slot(struct observation *o, enum attr key)
{
	unsigned i = 0;
	while (i < o->n_attrs && o->attrs[i].key != key)
		i++;
	if (i == OBS_MAX_ATTRS)
		i = OBS_MAX_ATTRS - 1;
	if (i == o->n_attrs)
		o->n_attrs++;
	o->attrs[i].key = key;
	return &o->attrs[i];
}

void obs_int(struct observation *o, enum attr key, int64_t v)
{
	slot(o, key)->i = v;
}

void obs_real(struct observation *o, enum attr key, double v)
{
	slot(o, key)->d = isfinite(v) ? round(v * 1000) / 1000 : 0;
}

void obs_bool(struct observation *o, enum attr key, bool v)
{
	slot(o, key)->b = v;
}

void obs_text(struct observation *o, enum attr key, const char *s)
{
	slot(o, key)->s = s;
}

void obs_wire(struct run *r, struct observation *o, enum attr key, struct wire_text t)
{
	char out[OBS_TEXT_MAX];
	text_printable(out, sizeof(out), t);
	obs_text(o, key, arena_strdup(r->arena, out));
}

void obs_addr(struct run *r, struct observation *o, enum attr key, const struct addr *a)
{
	char out[ADDR_STRLEN];
	if (a->family)
		obs_text(o, key, arena_strdup(r->arena, addr_format(a, out)));
}

void obs_flow(struct run *r, struct observation *o, const char *proto, const struct endpoint *src,
	      const struct endpoint *dst)
{
	if (proto)
		obs_text(o, A_PROTO, proto);
	if (src && src->addr.family)
		obs_addr(r, o, A_SRC, &src->addr);
	if (src && src->port)
		obs_int(o, A_SRC_PORT, src->port);
	if (dst && dst->addr.family)
		obs_addr(r, o, A_ADDRESS, &dst->addr);
	if (dst && dst->port)
		obs_int(o, A_PORT, dst->port);
}

bool obs_has(const struct observation *o, enum attr key)
{
	return find(o, key) != NULL;
}

int64_t obs_get_int(const struct observation *o, enum attr key, int64_t or)
{
	const struct attr_value *v = find(o, key);
	return v ? v->i : or;
}

double obs_get_real(const struct observation *o, enum attr key, double or)
{
	const struct attr_value *v = find(o, key);
	return v ? v->d : or;
}

bool obs_get_bool(const struct observation *o, enum attr key, bool or)
{
	const struct attr_value *v = find(o, key);
	return v ? v->b : or;
}

const char *obs_get_text(const struct observation *o, enum attr key, const char *or)
{
	const struct attr_value *v = find(o, key);
	return v ? v->s : or;
}

bool obs_text_is(const struct observation *o, enum attr key, const char *s)
{
	const char *have = obs_get_text(o, key, NULL);
	return have && strcmp(have, s) == 0;
}

struct run *run_new(void)
{
	struct run *r = xcalloc(1, sizeof(*r));
	r->arena = arena_new();
	return r;
}

void run_free(struct run *r)
{
	if (!r)
		return;
	free(r->obs);
	arena_free(r->arena);
	free(r);
}

static char *copy_printable(struct arena *a, const char *s)
{
	char out[OBS_TEXT_MAX];
	text_printable(out, sizeof(out), wire_text_str(s ? s : ""));
	return arena_strdup(a, out);
}

const struct observation *run_append(struct run *r, const struct observation *o)
{
	if (r->n_obs >= RUN_MAX_OBSERVATIONS)
		return NULL;
	if (r->n_obs == r->cap_obs) {
		r->cap_obs = r->cap_obs ? r->cap_obs * 2 : 64;
		r->obs = xrealloc(r->obs, r->cap_obs * sizeof(struct observation *));
	}
	struct observation *c = arena_memdup(r->arena, o, sizeof(*o));
	c->n = (uint32_t)r->n_obs + 1;
	c->check = copy_printable(r->arena, o->check);
	c->target = copy_printable(r->arena, o->target);
	for (unsigned i = 0; i < c->n_attrs; i++)
		if (attr_defs[c->attrs[i].key].type == ATTR_TEXT)
			c->attrs[i].s = copy_printable(r->arena, c->attrs[i].s);
	if (c->n == RUN_MAX_OBSERVATIONS)
		obs_text(c, A_LIMIT, "observations");
	r->obs[r->n_obs++] = c;
	return c;
}

const struct check *run_check(const struct run *r, const char *id, const char *target)
{
	for (size_t i = 0; i < r->n_checks; i++)
		if (strcmp(r->checks[i].id, id) == 0 &&
		    (!target || strcmp(r->checks[i].target, target) == 0))
			return &r->checks[i];
	return NULL;
}
