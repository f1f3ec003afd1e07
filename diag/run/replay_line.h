/*
 * Lines of a recorded stream to structs: run_start and observations.
 *
 * Promises: a stream is as hostile as the network. Every member is checked for type and range,
 * every text is made printable; members nobody knows are skipped (additive changes).
 */
#ifndef SALLYPORT_REPLAY_LINE_H
#define SALLYPORT_REPLAY_LINE_H

#include <jansson.h>

#include "sallyport/err.h"
#include "sallyport/model.h"

/* A printable copy of a text member; NULL when it is missing or no text. */
const char *replay_text(struct arena *a, const json_t *object, const char *key);
/* Fills facts, settings, host and plan of a new run; 0 or SP_E_SYNTAX with *err. */
int replay_start(const json_t *line, struct run *r, struct sp_error *err);
/* Fills *out (texts live in the run's arena); 0 or SP_E_SYNTAX with *err. */
int replay_observation(json_t *line, struct run *r, struct observation *out,
		       struct sp_error *err);
/* Seconds as a number from 0 to ten years to microseconds. */
bool replay_time(const json_t *v, uint64_t *out_us);
/* The index of a text member among names; -1 when it is none of them. */
int replay_word(const json_t *object, const char *key, const char *const *names, int n);

#endif
