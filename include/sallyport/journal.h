/*
 * The journal: a run as NDJSON, and back.
 *
 * Promises: every stream ends with run_end, also on SIGINT. run_start carries the resolved profile,
 * settings, host facts and version, so that replay needs nothing else. Replay ignores check,
 * verdict and recommendation lines and recomputes them.
 */
#ifndef SALLYPORT_JOURNAL_H
#define SALLYPORT_JOURNAL_H

#include <stdio.h>

#include "sallyport/err.h"
#include "sallyport/model.h"

struct journal; /* one open stream */

/* Writes run_start. `out` stays the caller's. */
struct journal *journal_open(struct run *r, FILE *out);
/* Writes the observation, judges what there is so far and writes a verdict line (with
 * "preliminary": true) for each verdict that is new or has changed its confidence. */
void journal_observation(struct journal *j, const struct observation *o);
int journal_error(const struct journal *j); /* 0 or -errno of the first failed write so far */
/* After the last judge_run(): check, verdict and recommendation lines, then run_end. */
int journal_close(struct journal *j); /* 0 or -errno of the first failed write */

struct replay_notes {
	const char *recorded_version; /* of the file, lives in the run's arena */
	size_t differing;             /* verdicts that differ from the recorded ones */
	const char **differences;     /* one line each */
	size_t damaged_line;          /* 0: none; else the first line that could not be read */
	size_t lines;                 /* that could be read */
	bool ended;                   /* run_end was there */
};
/* Reads a stream and rebuilds the run (facts, plan, observations), then judges it. When `copy` is
 * not NULL an NDJSON stream is written there as if live. Observations up to a damaged line are
 * kept. 0, or SP_E_SYNTAX / SP_E_MISSING with *err. */
int replay_read(FILE *in, const char *label, FILE *copy, struct run **out,
		struct replay_notes *notes, struct sp_error *err);

#endif
