/*
 * Parts of a run as JSON values, for the two documents that hold them: journal lines and the JSON
 * report.
 *
 * Promises: key order is fixed, reals are rounded to 0.001 (times to 0.000001), texts are printable
 * ASCII, so the same run gives the same bytes and a value read back is the value written. Every
 * function returns a new reference; `type`, when not NULL, becomes the first member.
 */
#ifndef SALLYPORT_RUN_JSON_H
#define SALLYPORT_RUN_JSON_H

#include <stdio.h>

#include "sallyport/as_client.h"
#include "sallyport/model.h"

struct json_t; /* jansson's */
struct wifi_facts;

/* Microseconds to seconds. */
double run_json_seconds(uint64_t us);
struct json_t *run_json_object(const char *type);
/* Adds a text; NULL becomes null. */
void run_json_text(struct json_t *object, const char *key, const char *text);
/* Adds a number rounded to 0.001; null where it is not finite or `known` is false. */
void run_json_real(struct json_t *object, const char *key, double v, bool known);
struct json_t *run_json_texts(const char *const *v, size_t n);
struct json_t *run_json_observation(const char *type, const struct observation *o);
struct json_t *run_json_check(const char *type, const struct check *c);
struct json_t *run_json_verdict(const char *type, const struct verdict *v);
struct json_t *run_json_kinds(const struct run *r);
struct json_t *run_json_keepalive(const struct run *r);
struct json_t *run_json_nat(const struct nat_facts *n); /* journal_nat.c; NULL: nothing is known */
struct json_t *run_json_needs(const struct run *r);
/* null where the run was the host's own. */
struct json_t *run_json_client(const struct as_client_facts *c);
struct json_t *run_json_wifi(const struct wifi_facts *w); /* journal_wifi.c */
/* Writes one line without its newline and drops the reference; 0 or -errno. */
int run_json_write(struct json_t *value, FILE *out);

#endif
