/*
 * Reports: a finished (judged) run to one document. Pure apart from writing to `out`.
 *
 * Promises: the same run gives the same bytes. Reports read the run and never measure or judge.
 */
#ifndef SALLYPORT_REPORT_H
#define SALLYPORT_REPORT_H

#include <stdio.h>

#include "sallyport/model.h"

struct report_options {
	bool color; /* ANSI colours */
	bool ascii; /* no character outside ASCII */
	bool redact;
	bool verbose; /* evidence numbers and every observation */
	bool quiet;   /* the answer for each kind only */
	unsigned width; /* columns; 80 when unknown */
};

struct report_def {
	const char *name; /* text, ask, json, ndjson */
	const char *media_type, *summary;
	int (*write)(const struct run *r, const struct report_options *o, FILE *out); /* 0 or -errno */
};
extern const struct report_def report_table[];
extern const size_t n_report_table;
const struct report_def *report_by_name(const char *name);

#endif
