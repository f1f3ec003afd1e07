/*
 * The one document of a command: to standard output or to --output FILE.
 *
 * Promises: FILE is either as it was or whole; whoever fails has said so in one line (exit code 74).
 */
#ifndef SALLYPORT_OUTPUT_H
#define SALLYPORT_OUTPUT_H

#include <stdio.h>

#include "commands.h"
#include "sallyport/report.h"

struct output {
	FILE *out;
	const char *path; /* NULL: standard output */
	const char *part; /* what is written until it is whole; NULL: `path` itself */
};

struct document {
	document_fn *write;
	void *ctx;
};

/* Before anything is measured. 0, or the exit code. */
int output_open(const struct command_ctx *c, struct output *o);
/* The same for a document that is opened later: nothing is left of it. */
int output_check(const struct command_ctx *c);
int output_put(const struct output *o, const struct document *d); /* 0 or -errno */
/* e: what writing returned. `code`, or 74 when the document did not get there whole; what was meant
 * for a file is then written to standard output. */
int output_close(const struct command_ctx *c, struct output *o, const struct document *d, int e, int code);
/* Leaves no trace of it. */
void output_drop(struct output *o);

/* A judged run in the format that the flags ask for. */
struct report_job {
	const struct report_def *def;
	const struct run *run;
	struct report_options options;
};
struct report_job report_job_of(const struct command_ctx *c, const struct run *r);
int report_job_write(void *job, FILE *out); /* a document_fn */

#endif
