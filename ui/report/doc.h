/*
 * Plain documents: wrapped paragraphs, labelled parts and headings on a fixed number of columns.
 *
 * Promises: no line is wider than the width, every byte is printable ASCII or a line break (colour
 * sequences apart, and only when asked for), own addresses are hidden when that was asked for.
 */
#ifndef SALLYPORT_UI_DOC_H
#define SALLYPORT_UI_DOC_H

#include <stdio.h>

#include "sallyport/report.h"

enum style { STYLE_PLAIN, STYLE_BOLD, STYLE_GOOD, STYLE_WARN, STYLE_BAD, STYLE_DIM, STYLE_COUNT };

struct doc {
	FILE *out;
	const struct run *run;
	const struct report_options *options;
	struct arena *arena; /* scratch, of the document */
	unsigned width, lines, max_lines; /* lines written; 0: no limit */
};

void doc_open(struct doc *d, const struct run *r, const struct report_options *o, FILE *out);
int doc_close(struct doc *d); /* 0 or -errno */

void doc_blank(struct doc *d);
void doc_heading(struct doc *d, const char *title);
/* Text behind a prefix of its own; further lines start `indent` columns in. At most `max` lines
 * (0: any number), the last then ends in "...". */
struct doc_part {
	const char *prefix; /* starts the first line, in this style */
	enum style style;
	const char *lead; /* more of the prefix, in no style */
	unsigned indent; /* columns where the text starts */
	unsigned max;
};
void doc_part(struct doc *d, const struct doc_part *part, const char *text);
void doc_text(struct doc *d, const char *text); /* a paragraph at column 0 */

/* Cuts in front ("...tail") to at most n columns. */
const char *doc_tail(struct doc *d, const char *s, unsigned n);
const char *doc_printf(struct doc *d, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* "a, b, c" */
const char *doc_join(struct doc *d, const char *list, const char *item);
/* "1 packet", "3 packets" */
const char *doc_count(struct doc *d, uint64_t n, const char *noun);

#endif
