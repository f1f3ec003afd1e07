/*
 * What a check saw, in a few plain words, from its observations.
 *
 * Promises: counts carry what they are counts of; no protocol jargon where a plain word exists.
 */
#ifndef SALLYPORT_UI_EVIDENCE_H
#define SALLYPORT_UI_EVIDENCE_H

#include "sallyport/model.h"

/* One phrase; lives in the arena. */
const char *evidence_text(struct arena *a, const struct run *r, const struct check *c);
/* The same for n checks of one id that all passed. */
const char *evidence_group(struct arena *a, const struct check *const *checks, size_t n);

#endif
