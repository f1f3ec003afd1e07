#include "replay_line.h"

#include <math.h>
#include <string.h>

#include "journal_host.h"
#include "sallyport/clock.h"
#include "sallyport/plan.h"
#include "sallyport/profile.h"
#include "sallyport/settings.h"

/* Beyond every honest value, and small enough that sums over a whole run cannot overflow. */
#define NUMBER_MAX 1e12
#define SECONDS_MAX (10 * 366 * 86400.0)
enum { ATTEMPT_MAX = 1000000, UTC_OFFSET_MAX = 50400 /* 14 h: Kiribati */ };

const char *replay_text(struct arena *a, const json_t *object, const char *key)
{
	const char *s = json_string_value(json_object_get(object, key));
	if (!s)
		return NULL;
	char out[OBS_TEXT_MAX];
	text_printable(out, sizeof(out), wire_text_str(s));
	return arena_strdup(a, out);
}

bool replay_time(const json_t *v, uint64_t *out_us)
{
	double t = json_number_value(v);
	if (!json_is_number(v) || !(t >= 0 && t <= SECONDS_MAX))
		return false;
	*out_us = (uint64_t)llround(t * 1e6);
	return true;
}

int replay_word(const json_t *object, const char *key, const char *const *names, int n)
{
	const char *s = json_string_value(json_object_get(object, key));
	for (int i = 0; s && i < n; i++)
		if (strcmp(names[i], s) == 0)
			return i;
	return -1;
}

static int damaged(struct sp_error *err, const char *member)
{
	return sp_error_set(err, SP_E_SYNTAX, "member '%s' is missing or damaged", member);
}

/* ---- run_start ---------------------------------------------------------------------------- */

static int read_profile(const json_t *line, struct run *r, struct sp_error *err)
{
	const json_t *text = json_object_get(json_object_get(line, "profile"), "text");
	struct sp_error why = { 0 };
	if (!json_is_string(text))
		return damaged(err, "profile");
	if (profile_parse(r->arena, "profile", json_string_value(text), json_string_length(text),
			  &r->profile, &why) == 0)
		return 0;
	return sp_error_set(err, SP_E_SYNTAX, "recorded profile, line %u: %s", why.line, why.text);
}

static int read_setting(struct run *r, struct settings *s, const char *name, const json_t *value,
			struct sp_error *err)
{
	const struct setting_def *d = setting_by_name(name);
	struct sp_error why = { 0 };
	if (!d || !d->judged)
		return 0;
	if (!json_is_string(value))
		return damaged(err, name);
	if (setting_set(r->arena, s, d, json_string_value(value), &why))
		return sp_error_set(err, SP_E_SYNTAX, "setting %s: %s", name, why.text);
	s->origins[d - setting_defs] = "file";
	return 0;
}

static int read_settings(const json_t *line, struct run *r, struct sp_error *err)
{
	json_t *all = json_object_get(line, "settings"), *value;
	struct settings *s = arena_alloc(r->arena, sizeof(*s));
	const char *name;
	settings_defaults(r->arena, s);
	r->settings = s;
	if (!json_is_object(all))
		return damaged(err, "settings");
	json_object_foreach(all, name, value)
	{
		int e = read_setting(r, s, name, value, err);
		if (e)
			return e;
	}
	const json_t *devices = json_object_get(line, "devices");
	for (size_t i = 0; i < json_array_size(devices); i++) {
		const json_t *d = json_array_get(devices, i);
		const char *const parts[] = { replay_text(r->arena, d, "mac"),
					      replay_text(r->arena, d, "ip"),
					      replay_text(r->arena, d, "name") };
		const char *text = arena_printf(r->arena, "%s,%s,%s", parts[0] ? parts[0] : "",
						parts[1] ? parts[1] : "", parts[2] ? parts[2] : "");
		/* The flag's own parser decides what a device may be: it ends up in a rule. */
		if (setting_set(r->arena, s, setting_by_name("device"), text, NULL))
			return damaged(err, "devices");
	}
	return 0;
}

int replay_start(const json_t *line, struct run *r, struct sp_error *err)
{
	const char *schema = json_string_value(json_object_get(line, "schema"));
	if (!schema || strcmp(schema, "sallyport.journal/1"))
		return sp_error_set(err, SP_E_SYNTAX, "not a sallyport.journal/1 stream");
	r->id = replay_text(r->arena, line, "id");
	r->version = replay_text(r->arena, line, "version");
	r->host_name = replay_text(r->arena, line, "host_name");
	if (!r->id || !r->version || !r->host_name)
		return damaged(err, !r->id ? "id" : !r->version ? "version" : "host_name");
	const char *started = json_string_value(json_object_get(line, "started"));
	if (!started || clock_parse_utc(started, &r->started_us))
		return damaged(err, "started");
	json_int_t offset = json_integer_value(json_object_get(line, "utc_offset_s"));
	if (offset < -UTC_OFFSET_MAX || offset > UTC_OFFSET_MAX)
		return damaged(err, "utc_offset_s");
	r->utc_offset_s = (int32_t)offset;
	int e = read_profile(line, r, err);
	if (!e)
		e = read_settings(line, r, err);
	struct host_facts *host = arena_alloc(r->arena, sizeof(*host));
	r->host = host;
	if (!e)
		e = host_from_json(json_object_get(line, "host"), host, err);
	struct sp_error why = { 0 };
	if (!e && plan_make(r, &why))
		e = sp_error_set(err, SP_E_SYNTAX, "no plan can be made: %s", why.text);
	return e;
}

/* ---- observation -------------------------------------------------------------------------- */

static bool read_attr(const json_t *v, enum attr key, struct run *r, struct observation *o)
{
	char text[OBS_TEXT_MAX];
	switch (attr_defs[key].type) {
	case ATTR_INT:
		if (!json_is_integer(v) || fabs((double)json_integer_value(v)) > NUMBER_MAX)
			return false;
		obs_int(o, key, json_integer_value(v));
		return true;
	case ATTR_REAL:
		if (!json_is_number(v) || fabs(json_number_value(v)) > NUMBER_MAX)
			return false;
		obs_real(o, key, json_number_value(v));
		return true;
	case ATTR_BOOL:
		if (!json_is_boolean(v))
			return false;
		obs_bool(o, key, json_is_true(v));
		return true;
	case ATTR_TEXT:
		if (!json_is_string(v))
			return false;
		text_printable(text, sizeof(text), wire_text_str(json_string_value(v)));
		obs_text(o, key, arena_strdup(r->arena, text));
		return true;
	}
	return false;
}

static bool is_integer_in(const json_t *v, json_int_t low, json_int_t high)
{
	return json_is_integer(v) && json_integer_value(v) >= low && json_integer_value(v) <= high;
}

int replay_observation(json_t *line, struct run *r, struct observation *out,
		       struct sp_error *err)
{
	const char *check = replay_text(r->arena, line, "check");
	const char *target = replay_text(r->arena, line, "target");
	const json_t *attempt = json_object_get(line, "attempt");
	int outcome = replay_word(line, "outcome", outcome_names, OUTCOME_COUNT);
	json_int_t n = (json_int_t)r->n_obs + 1;
	struct observation o;
	if (!check || !target || outcome < 0)
		return damaged(err, outcome < 0 ? "outcome" : check ? "target" : "check");
	if (!is_integer_in(attempt, 0, ATTEMPT_MAX))
		return damaged(err, "attempt");
	if (n > RUN_MAX_OBSERVATIONS || !is_integer_in(json_object_get(line, "n"), n, n))
		return damaged(err, "n");
	obs_begin(&o, check, target, (uint32_t)json_integer_value(attempt), (enum outcome)outcome);
	if (!replay_time(json_object_get(line, "t"), &o.t_us))
		return damaged(err, "t");
	/* In the order of the file, which is the order they are written in again. */
	const char *name;
	json_t *value;
	json_object_foreach(line, name, value)
	{
		int key = attr_by_name(name);
		if (key < 0)
			continue;
		if (o.n_attrs == OBS_MAX_ATTRS || !read_attr(value, (enum attr)key, r, &o))
			return damaged(err, name);
	}
	*out = o;
	return 0;
}
