/* Writes a run as NDJSON while it happens. Nothing here depends on a clock: replay calls the same
 * functions in the same order and gets the same bytes. */
#include "sallyport/journal.h"

#include <errno.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "journal_host.h"
#include "sallyport/clock.h"
#include "sallyport/judge.h"
#include "sallyport/run_json.h"
#include "sallyport/settings.h"

enum {
	MAX_ANNOUNCED = 512,
	/* Judging costs time in the number of observations: after each of the first, then when there
	 * is a quarter more of them, so that a long run (or a hostile file) stays linear. */
	JUDGE_EACH = 256,
	JUDGE_GROWTH = 4,
};

struct announced { /* a verdict line that was written */
	const struct fault *fault;
	char *subject;
	enum state state;
	enum confidence confidence;
};

struct journal {
	struct run *run;
	FILE *out;
	struct announced seen[MAX_ANNOUNCED];
	size_t n_seen;
	uint32_t judge_at; /* number of the observation after which to judge next */
	const struct observation *last;
	int error; /* of the first failed write */
};

static void put_line(struct journal *j, json_t *value)
{
	int e = run_json_write(value, j->out);
	if (!e && putc('\n', j->out) == EOF)
		e = -(errno ? errno : EIO);
	if (e && !j->error)
		j->error = e;
}

static json_t *judged_settings(const struct run *r)
{
	json_t *o = json_object();
	for (size_t i = 0; i < n_setting_defs; i++)
		if (setting_defs[i].judged)
			run_json_text(o, setting_defs[i].name,
				      setting_get(r->arena, r->settings, &setting_defs[i]));
	return o;
}

static json_t *device_list(const struct settings *s)
{
	json_t *array = json_array();
	for (size_t i = 0; i < s->n_devices; i++) {
		json_t *d = json_object();
		run_json_text(d, "mac", s->devices[i].mac);
		run_json_text(d, "ip", s->devices[i].ip);
		run_json_text(d, "name", s->devices[i].name);
		json_array_append_new(array, d);
	}
	return array;
}

static void put_start(struct journal *j)
{
	const struct run *r = j->run;
	char started[CLOCK_STRLEN];
	json_t *o = run_json_object("run_start"), *profile = json_object();
	run_json_text(o, "schema", "sallyport.journal/1");
	run_json_text(o, "id", r->id);
	run_json_text(o, "version", r->version);
	run_json_text(o, "started", clock_format_utc(r->started_us, started));
	json_object_set_new(o, "utc_offset_s", json_integer(r->utc_offset_s));
	run_json_text(o, "host_name", r->host_name);
	run_json_text(profile, "name", r->profile->name);
	/* Not through run_json_text(): the line breaks of an INI file must survive. */
	json_object_set_new(profile, "text", json_string(profile_format(r->arena, r->profile)));
	json_object_set_new(o, "profile", profile);
	json_object_set_new(o, "settings", judged_settings(r));
	json_object_set_new(o, "devices", device_list(r->settings));
	json_object_set_new(o, "host", host_to_json(r->host));
	put_line(j, o);
}

struct journal *journal_open(struct run *r, FILE *out)
{
	struct journal *j = xcalloc(1, sizeof(*j));
	j->run = r;
	j->out = out;
	put_start(j);
	return j;
}

/* True when the verdict says something that no line has said yet; remembers it. What is undetermined
 * while the run goes on is no news: the answer may be on its way. */
static bool is_news(struct journal *j, const struct verdict *v)
{
	if (v->confidence == CONF_UNDETERMINED)
		return false;
	const char *subject = v->subject ? v->subject : "";
	struct announced *a = NULL;
	for (size_t i = 0; i < j->n_seen && !a; i++)
		if (j->seen[i].fault == v->fault && strcmp(j->seen[i].subject, subject) == 0)
			a = &j->seen[i];
	if (a && a->state == v->state && a->confidence == v->confidence)
		return false;
	if (!a) {
		if (j->n_seen == MAX_ANNOUNCED)
			return false;
		a = &j->seen[j->n_seen++];
		a->fault = v->fault;
		a->subject = xstrdup(subject);
	}
	a->state = v->state;
	a->confidence = v->confidence;
	return true;
}

static void put_preliminary(struct journal *j, const struct verdict *v, uint64_t t_us)
{
	json_t *o = run_json_verdict("verdict", v);
	json_object_set_new(o, "preliminary", json_true());
	json_object_set_new(o, "t", json_real(run_json_seconds(t_us)));
	put_line(j, o);
}

static void on_verdict(void *ctx, const struct verdict *v)
{
	struct journal *j = ctx;
	if (is_news(j, v))
		put_preliminary(j, v, j->last->t_us);
}

void journal_observation(struct journal *j, const struct observation *o)
{
	put_line(j, run_json_observation("observation", o));
	if (o->n > JUDGE_EACH && o->n < j->judge_at)
		return;
	j->judge_at = o->n + o->n / JUDGE_GROWTH;
	j->last = o;
	judge_so_far(j->run, o->t_us, on_verdict, j);
}

static void put_recommendation(struct journal *j)
{
	json_t *o = run_json_object("recommendation");
	json_object_set_new(o, "keepalive", run_json_keepalive(j->run));
	json_object_set_new(o, "needs", run_json_needs(j->run));
	put_line(j, o);
}

static void put_end(struct journal *j)
{
	const struct run *r = j->run;
	json_t *o = run_json_object("run_end");
	json_object_set_new(o, "t", json_real(run_json_seconds(r->duration_us)));
	run_json_text(o, "reason", end_reason_names[r->ended]);
	json_object_set_new(o, "kinds", run_json_kinds(r));
	json_object_set_new(o, "exit", json_integer(r->exit));
	put_line(j, o);
}

int journal_error(const struct journal *j)
{
	return j->error;
}

int journal_close(struct journal *j)
{
	const struct run *r = j->run;
	for (size_t i = 0; i < r->n_checks; i++)
		put_line(j, run_json_check("check", &r->checks[i]));
	for (size_t i = 0; i < r->n_verdicts; i++) {
		json_t *o = run_json_verdict("verdict", &r->verdicts[i]);
		json_object_set_new(o, "preliminary", json_false());
		put_line(j, o);
	}
	put_recommendation(j);
	put_end(j);
	errno = 0;
	if (fflush(j->out) && !j->error)
		j->error = -(errno ? errno : EIO);
	int e = j->error;
	for (size_t i = 0; i < j->n_seen; i++)
		free(j->seen[i].subject);
	free(j);
	return e;
}
