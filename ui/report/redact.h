/*
 * Hides this host's own addresses and MAC in text that leaves the site.
 *
 * Promises: the same value gets the same placeholder everywhere in one report ("own-address-1",
 * "own-mac"); only whole addresses are replaced, never a part of a longer one.
 */
#ifndef SALLYPORT_UI_REDACT_H
#define SALLYPORT_UI_REDACT_H

#include "sallyport/model.h"

/* s itself when nothing is in it to hide, else a copy in the arena. */
const char *redact_text(struct arena *a, const struct run *r, const char *s);
/* The host's name, or its placeholder. */
const char *redact_host_name(const struct run *r, bool redact);

#endif
