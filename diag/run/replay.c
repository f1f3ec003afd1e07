/* Reads a recorded stream and does again what the live run did with it. Verdicts in the file are
 * kept only to say where they differ from the ones made now. */
#include "sallyport/journal.h"

#include <errno.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "replay_line.h"
#include "sallyport/judge.h"

enum {
	LINE_MAX_BYTES = 64 * 1024,
	/* run_start holds the profile (64 KiB at most, quoted) and up to 256 devices. */
	START_MAX_BYTES = 256 * 1024,
	MAX_RECORDED = 512,
};

struct recorded { /* a final verdict line of the file */
	const char *fault, *subject, *state, *confidence;
	bool matched;
};

struct replay {
	struct run *run;
	struct journal *journal; /* NULL when no stream is wanted */
	FILE *copy;
	struct replay_notes *notes;
	struct recorded recorded[MAX_RECORDED];
	size_t n_recorded;
	int recorded_exit; /* -1: none */
	bool started;      /* run_start was read in full */
};

/* One line without its newline. Length, 0 at the end, or SP_E_LIMIT / SP_E_MALFORMED / -errno. */
static int read_line(FILE *in, char *buf, int cap)
{
	int n = 0, c;
	while ((c = getc(in)) != EOF && c != '\n') {
		if (n == cap)
			return SP_E_LIMIT;
		buf[n++] = (char)c;
	}
	if (ferror(in))
		return -(errno ? errno : EIO);
	return c == EOF || n ? n : SP_E_MALFORMED;
}

static int on_start(struct replay *rp, json_t *line, struct sp_error *err)
{
	if (rp->started)
		return sp_error_set(err, SP_E_SYNTAX, "a second run_start");
	int e = replay_start(line, rp->run, err);
	rp->started = !e;
	if (!e && rp->copy)
		rp->journal = journal_open(rp->run, rp->copy);
	return e;
}

static int on_observation(struct replay *rp, json_t *line, struct sp_error *err)
{
	struct observation o;
	int e = replay_observation(line, rp->run, &o, err);
	if (e)
		return e;
	const struct observation *added = run_append(rp->run, &o);
	if (added && rp->journal)
		journal_observation(rp->journal, added);
	return 0;
}

static int on_verdict(struct replay *rp, json_t *line, struct sp_error *err)
{
	(void)err; /* nothing in such a line can be wrong: it is not believed */
	struct arena *a = rp->run->arena;
	if (rp->n_recorded == MAX_RECORDED || !json_is_false(json_object_get(line, "preliminary")))
		return 0;
	const char *const keys[] = { "fault", "subject", "state", "confidence" };
	const char *v[4];
	for (unsigned i = 0; i < 4; i++) {
		v[i] = replay_text(a, line, keys[i]);
		if (!v[i])
			v[i] = "";
	}
	rp->recorded[rp->n_recorded++] = (struct recorded){ v[0], v[1], v[2], v[3], false };
	return 0;
}

static int on_end(struct replay *rp, json_t *line, struct sp_error *err)
{
	struct run *r = rp->run;
	int reason = replay_word(line, "reason", end_reason_names, END_COUNT);
	const json_t *code = json_object_get(line, "exit");
	if (reason < 0 || !replay_time(json_object_get(line, "t"), &r->duration_us))
		return sp_error_set(err, SP_E_SYNTAX, "run_end is damaged");
	r->ended = (enum end_reason)reason;
	rp->recorded_exit = json_is_integer(code) ? (int)(json_integer_value(code) & 0xff) : -1;
	rp->notes->ended = true;
	return 0;
}

static const struct line_type {
	const char *name;
	int (*on)(struct replay *rp, json_t *line, struct sp_error *err);
} line_types[] = {
	{ "run_start", on_start },
	{ "observation", on_observation },
	{ "verdict", on_verdict },
	{ "run_end", on_end },
};

static int on_line(struct replay *rp, const char *text, size_t n, struct sp_error *err)
{
	json_error_t where;
	json_t *line = json_loadb(text, n, JSON_REJECT_DUPLICATES, &where);
	if (!line) {
		char why[JSON_ERROR_TEXT_LENGTH];
		text_printable(why, sizeof(why), wire_text_str(where.text));
		return sp_error_set(err, SP_E_SYNTAX, "%s", why);
	}
	const char *type = json_string_value(json_object_get(line, "type"));
	int e = 0;
	if (!type)
		e = sp_error_set(err, SP_E_SYNTAX, "not an object with a type");
	else if (rp->notes->ended)
		e = sp_error_set(err, SP_E_SYNTAX, "more lines after run_end");
	else if (!rp->started && strcmp(type, "run_start"))
		e = sp_error_set(err, SP_E_SYNTAX, "the stream does not begin with run_start");
	for (unsigned i = 0; !e && i < sizeof(line_types) / sizeof(line_types[0]); i++)
		if (strcmp(type, line_types[i].name) == 0)
			e = line_types[i].on(rp, line, err);
	json_decref(line);
	return e;
}

/* Stops at the end or at the first line that cannot be read; *err then has its text. */
static int read_lines(struct replay *rp, FILE *in, const char *label, struct sp_error *err)
{
	char *buf = xcalloc(1, START_MAX_BYTES);
	unsigned number = 0;
	int e = 0, n;
	do {
		n = read_line(in, buf, number++ ? LINE_MAX_BYTES : START_MAX_BYTES);
		struct sp_error why = { 0 };
		if (n > 0)
			e = on_line(rp, buf, (size_t)n, &why);
		else if (n < 0)
			e = sp_error_set(&why, n == SP_E_LIMIT ? SP_E_SYNTAX : n, "%s",
					 n == SP_E_LIMIT ? "line is too long" :
					 n == SP_E_MALFORMED ? "empty line" : sp_strerror(n));
		if (e)
			sp_error_at(err, e, label, number, 0, "%s", why.text);
	} while (!e && n > 0);
	rp->notes->damaged_line = e ? number : 0;
	rp->notes->lines = number ? number - 1 : 0;
	free(buf);
	return e;
}

static void note(struct replay *rp, const char *text)
{
	struct replay_notes *n = rp->notes;
	if (n->differing < 2 * MAX_RECORDED)
		n->differences[n->differing++] = text;
}

static void compare_one(struct replay *rp, const struct verdict *v)
{
	struct arena *a = rp->run->arena;
	const char *subject = v->subject ? v->subject : "";
	const char *state = state_names[v->state], *confidence = confidence_names[v->confidence];
	for (size_t i = 0; i < rp->n_recorded; i++) {
		struct recorded *was = &rp->recorded[i];
		if (was->matched || strcmp(was->fault, v->fault->slug) || strcmp(was->subject, subject))
			continue;
		was->matched = true;
		if (strcmp(was->state, state) || strcmp(was->confidence, confidence))
			note(rp, arena_printf(a, "%s (%s): recorded %s, %s; now %s, %s", v->fault->slug,
					      subject, was->state, was->confidence, state, confidence));
		return;
	}
	note(rp, arena_printf(a, "%s (%s): not recorded; now %s, %s", v->fault->slug, subject, state,
			      confidence));
}

static void compare(struct replay *rp)
{
	const struct run *r = rp->run;
	rp->notes->differences = arena_alloc(r->arena, (2 * MAX_RECORDED) * sizeof(char *));
	if (!rp->notes->ended)
		return; /* the recorded verdicts may be among what was lost */
	for (size_t i = 0; i < r->n_verdicts; i++)
		compare_one(rp, &r->verdicts[i]);
	for (size_t i = 0; i < rp->n_recorded; i++)
		if (!rp->recorded[i].matched)
			note(rp, arena_printf(r->arena, "%s (%s): recorded %s, %s; now absent",
					      rp->recorded[i].fault, rp->recorded[i].subject,
					      rp->recorded[i].state, rp->recorded[i].confidence));
	if (rp->recorded_exit >= 0 && rp->recorded_exit != r->exit)
		note(rp, arena_printf(r->arena, "exit code: recorded %d; now %d", rp->recorded_exit,
				      r->exit));
}

/* A failed write of the copy shows on its stream: whoever opened it closes and checks it. */
static void finish(struct replay *rp)
{
	struct run *r = rp->run;
	rp->notes->recorded_version = r->version;
	if (!rp->notes->ended) {
		r->ended = END_ERROR;
		r->duration_us = r->n_obs ? r->obs[r->n_obs - 1]->t_us : 0;
	}
	judge_run(r);
	compare(rp);
	if (rp->journal)
		(void)journal_close(rp->journal);
}

int replay_read(FILE *in, const char *label, FILE *copy, struct run **out,
		struct replay_notes *notes, struct sp_error *err)
{
	struct replay *rp = xcalloc(1, sizeof(*rp));
	*notes = (struct replay_notes){ 0 };
	rp->run = run_new();
	rp->copy = copy;
	rp->notes = notes;
	rp->recorded_exit = -1;
	int e = read_lines(rp, in, label, err);
	bool usable = rp->started;
	if (!usable && !e)
		e = sp_error_at(err, SP_E_SYNTAX, label, 0, 0, "holds no run");
	if (usable) {
		finish(rp);
		*out = rp->run;
	} else {
		run_free(rp->run);
	}
	free(rp);
	return usable ? 0 : e;
}
