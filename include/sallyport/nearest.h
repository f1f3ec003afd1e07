/*
 * "Did you mean": the known name that a mistyped word is nearest to.
 *
 * Promises: pure; a name is offered only when few letters differ, so a wild guess gets no answer.
 */
#ifndef SALLYPORT_NEAREST_H
#define SALLYPORT_NEAREST_H

#include "sallyport/arena.h"

struct nearest {
	const char *word, *best; /* best: NULL until a name is near enough */
	unsigned distance;
};

void nearest_offer(struct nearest *n, const char *name);
/* "; did you mean 'NAME'?" or "": the end of an error line. */
const char *nearest_text(struct arena *a, const struct nearest *n);

#endif
