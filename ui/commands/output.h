/*
 * The one document of a command: to standard output or to --output FILE.
 *
 * Promises: FILE is either as it was or whole; whoever fails has said so in one line (exit code 74).
 */
#ifndef SALLYPORT_OUTPUT_H
#define SALLYPORT_OUTPUT_H

#include <stdio.h>

#include "commands.h"

struct output {
	FILE *out;
	const char *path; /* NULL: standard output */
	const char *part; /* what is written until it is whole; NULL: `path` itself */
};

/* Before anything is measured. 0, or the exit code. */
int output_open(const struct command_ctx *c, struct output *o);
/* The same for a document that is opened later: nothing is left of it. */
int output_check(const struct command_ctx *c);
/* 0 or -errno. */
int output_write(const struct output *o, const struct document *d);
/* e: what writing returned. `code`, or 74 when the document did not get there whole. */
int output_close(const struct command_ctx *c, struct output *o, const struct document *d, int e,
		 int code);
/* Leaves no trace of it. */
void output_drop(struct output *o);

#endif
