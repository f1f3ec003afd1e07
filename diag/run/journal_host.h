/*
 * Host facts as a JSON object and back, for run_start.
 *
 * Promises: what was written is read back to the same struct; a member that is missing keeps its
 * zero value (older files), a member of the wrong type or out of range is an error.
 */
#ifndef SALLYPORT_JOURNAL_HOST_H
#define SALLYPORT_JOURNAL_HOST_H

#include <jansson.h>

#include "sallyport/err.h"
#include "sallyport/netinfo.h"

json_t *host_to_json(const struct host_facts *h);
/* 0 or SP_E_SYNTAX with *err naming the member. */
int host_from_json(const json_t *j, struct host_facts *out, struct sp_error *err);
/* Reads what run_json_wifi() wrote (journal_wifi.c). */
bool wifi_from_json(const json_t *j, struct wifi_facts *out);

#endif
