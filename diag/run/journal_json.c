/* One shape for what stands both in the journal and in the JSON report. */
#include "sallyport/run_json.h"

#include <errno.h>
#include <jansson.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "sallyport/judge.h"
#include "sallyport/profile.h"
#include "sallyport/text.h"

/* 15 significant digits: every decimal of that length survives the way to a double and back, and
 * 0.1 is printed as 0.1. */
enum { DIGITS = 15 };

double run_json_seconds(uint64_t us)
{
	return (double)us / 1e6;
}

static double rounded(double v)
{
	return round(v * 1000) / 1000;
}

json_t *run_json_object(const char *type)
{
	json_t *o = json_object();
	if (type)
		run_json_text(o, "type", type);
	return o;
}

void run_json_text(json_t *object, const char *key, const char *text)
{
	json_t *value = NULL;
	if (text) {
		/* Texts of a run are printable already; those of the judge and the host can be longer
		 * than an observation's and pass here once more. */
		size_t cap = strlen(text) * 4 + 8;
		char *safe = xcalloc(1, cap);
		text_printable(safe, cap, wire_text_str(text));
		value = json_string(safe);
		free(safe);
	}
	json_object_set_new(object, key, value ? value : json_null());
}

void run_json_real(json_t *object, const char *key, double v, bool known)
{
	json_object_set_new(object, key, known && isfinite(v) ? json_real(rounded(v)) : json_null());
}

json_t *run_json_texts(const char *const *v, size_t n)
{
	json_t *array = json_array();
	for (size_t i = 0; i < n; i++)
		json_array_append_new(array, json_string(v[i]));
	return array;
}

static json_t *numbers(const uint32_t *v, size_t n)
{
	json_t *array = json_array();
	for (size_t i = 0; i < n; i++)
		json_array_append_new(array, json_integer(v[i]));
	return array;
}

static void set_attr(json_t *o, const struct attr_value *v)
{
	const struct attr_def *d = &attr_defs[v->key];
	switch (d->type) {
	case ATTR_INT: json_object_set_new(o, d->name, json_integer(v->i)); break;
	case ATTR_REAL: run_json_real(o, d->name, v->d, true); break;
	case ATTR_BOOL: json_object_set_new(o, d->name, json_boolean(v->b)); break;
	case ATTR_TEXT: run_json_text(o, d->name, v->s ? v->s : ""); break;
	}
}

json_t *run_json_observation(const char *type, const struct observation *o)
{
	json_t *j = run_json_object(type);
	json_object_set_new(j, "n", json_integer(o->n));
	json_object_set_new(j, "t", json_real(run_json_seconds(o->t_us)));
	run_json_text(j, "check", o->check);
	run_json_text(j, "target", o->target);
	json_object_set_new(j, "attempt", json_integer(o->attempt));
	run_json_text(j, "outcome", outcome_names[o->outcome]);
	for (unsigned i = 0; i < o->n_attrs; i++)
		set_attr(j, &o->attrs[i]);
	return j;
}

json_t *run_json_check(const char *type, const struct check *c)
{
	json_t *j = run_json_object(type);
	run_json_text(j, "id", c->id);
	run_json_text(j, "state", state_names[c->state]);
	run_json_text(j, "target", c->target);
	json_object_set_new(j, "required", json_boolean(c->required));
	json_object_set_new(j, "attempts", json_integer(c->attempts));
	json_object_set_new(j, "answered", json_integer(c->answered));
	run_json_real(j, "rtt_ms", c->rtt_ms, c->rtt_ms >= 0);
	if (c->because)
		run_json_text(j, "because", c->because);
	json_object_set_new(j, "evidence", numbers(c->evidence, c->n_evidence));
	return j;
}

static const char *const effect_names[EFFECT_COUNT] = {
	[EFFECT_NOTE] = "note",
	[EFFECT_FRAGILE] = "fragile",
	[EFFECT_BLOCKS] = "blocks",
	[EFFECT_DOUBT] = "doubt",
};

json_t *run_json_verdict(const char *type, const struct verdict *v)
{
	json_t *j = run_json_object(type);
	run_json_text(j, "fault", v->fault->slug);
	run_json_text(j, "code", v->fault->code);
	run_json_text(j, "subject", v->subject);
	run_json_text(j, "state", state_names[v->state]);
	run_json_text(j, "confidence", confidence_names[v->confidence]);
	run_json_text(j, "effect", effect_names[v->effect]);
	run_json_text(j, "scope", v->scope);
	run_json_text(j, "impact", v->impact);
	run_json_text(j, "summary", v->summary);
	run_json_text(j, "seen", v->seen);
	run_json_text(j, "who", v->who);
	run_json_text(j, "remedy", v->remedy);
	run_json_text(j, "confirm", v->confirm);
	run_json_text(j, "decide", v->decide);
	run_json_text(j, "ask", v->ask);
	json_object_set_new(j, "log", run_json_texts(v->log, v->n_log));
	json_object_set_new(j, "evidence", numbers(v->evidence, v->n_evidence));
	json_object_set_new(j, "hides", run_json_texts(v->hides, v->n_hides));
	json_object_set_new(j, "hidden", json_boolean(v->hidden));
	return j;
}

json_t *run_json_kinds(const struct run *r)
{
	json_t *array = json_array();
	for (size_t i = 0; i < r->n_kinds; i++) {
		const struct kind_verdict *k = &r->kinds[i];
		json_t *j = json_object();
		run_json_text(j, "kind", r->profile->kinds[k->kind_index].id);
		run_json_text(j, "state", kind_state_names[k->state]);
		run_json_text(j, "because", k->because);
		json_object_set_new(j, "counts", json_boolean(k->counts));
		json_array_append_new(array, j);
	}
	return array;
}

/* null where there is nothing to set. */
static json_t *keepalive_row(const struct keepalive_row *r)
{
	if (!r->name)
		return json_null();
	json_t *j = json_object();
	run_json_text(j, "name", r->name);
	run_json_real(j, "interval_s", r->interval_s, true);
	run_json_text(j, "call", r->call);
	json_object_set_new(j, "met", json_boolean(r->met));
	run_json_real(j, "unreachable_s_per_day", r->unreachable_s_per_day, true);
	run_json_real(j, "gaps_per_month", r->gaps_per_month, true);
	run_json_real(j, "bytes_per_month", r->bytes_per_month, true);
	run_json_real(j, "plan_share", r->plan_share, r->plan_share >= 0);
	json_object_set_new(j, "survives_losses", json_integer(r->losses));
	return j;
}

static json_t *keepalive_levers(const struct keepalive *k)
{
	json_t *j = json_object(), *firewall = keepalive_row(&k->firewall);
	json_object_set_new(j, "device", keepalive_row(&k->device));
	if (k->firewall.name)
		run_json_real(firewall, "timer_s", k->timer_s, true);
	json_object_set_new(j, "firewall", firewall);
	return j;
}

static json_t *keepalive_kinds(const struct run *r)
{
	json_t *array = json_array();
	for (size_t i = 0; i < r->keepalive.n_kinds; i++) {
		const struct keepalive_kind *k = &r->keepalive.kinds[i];
		json_t *j = json_object();
		run_json_text(j, "kind", r->profile->kinds[k->kind_index].id);
		run_json_text(j, "interface", k->interface);
		run_json_text(j, "firmware_before", k->firmware);
		run_json_real(j, "default_s", k->default_s, true);
		run_json_text(j, "fit", k->fit);
		json_array_append_new(array, j);
	}
	return array;
}

json_t *run_json_keepalive(const struct run *r)
{
	const struct keepalive *k = &r->keepalive;
	json_t *j = json_object(), *settings = json_array();
	run_json_real(j, "profile_default_s", k->profile_default_s, k->profile_default_s > 0);
	run_json_real(j, "recommended_s", k->recommended_s, k->recommended_s > 0);
	run_json_text(j, "reachability", k->reachability);
	run_json_real(j, "bytes_per_month", k->bytes_per_month, k->bytes_per_month > 0);
	json_object_set_new(j, "reasons", run_json_texts(k->reasons, k->n_reasons));
	json_object_set_new(j, "measured", json_boolean(k->known));
	run_json_text(j, "text", k->text);
	for (size_t i = 0; i < k->n_rows; i++)
		json_array_append_new(settings, keepalive_row(&k->rows[i]));
	json_object_set_new(j, "settings", settings);
	json_object_set_new(j, "levers", keepalive_levers(k));
	json_object_set_new(j, "kinds", keepalive_kinds(r));
	run_json_real(j, "bytes_per_ping", k->bytes_per_ping, k->bytes_per_ping > 0);
	run_json_real(j, "bytes_per_ping_cid", k->bytes_per_ping_cid, k->bytes_per_ping_cid > 0);
	json_object_set_new(j, "notes", run_json_texts(k->notes, k->n_notes));
	return j;
}

json_t *run_json_needs(const struct run *r)
{
	json_t *array = json_array();
	for (size_t i = 0; i < r->n_needs; i++) {
		const struct need *n = &r->needs[i];
		json_t *j = json_object();
		run_json_text(j, "from", n->from);
		run_json_text(j, "to", n->to);
		run_json_text(j, "proto", n->proto);
		json_object_set_new(j, "port", json_integer(n->port));
		run_json_text(j, "direction", n->direction);
		json_object_set_new(j, "required", json_boolean(n->required));
		run_json_text(j, "why", n->why);
		if (n->expires)
			run_json_text(j, "expires", n->expires);
		json_object_set_new(j, "addresses", run_json_texts(n->addresses, n->n_addresses));
		json_array_append_new(array, j);
	}
	return array;
}

static int write_bytes(const char *p, size_t n, void *out)
{
	return fwrite(p, 1, n, out) == n ? 0 : -1;
}

int run_json_write(json_t *value, FILE *out)
{
	errno = 0;
	int e = json_dump_callback(value, write_bytes, out, JSON_COMPACT | JSON_REAL_PRECISION(DIGITS));
	int error = errno ? errno : EIO;
	json_decref(value);
	return e ? -error : 0;
}
