/*
 * The client of --as-client, read back from run_start.
 *
 * Promises: null and missing members keep their zero value, anything of the wrong type or out of
 * range is refused and leaves `out` alone; texts are printable. run_json_client() writes it.
 */
#ifndef SALLYPORT_JOURNAL_CLIENT_H
#define SALLYPORT_JOURNAL_CLIENT_H

#include <jansson.h>
#include <stdbool.h>

#include "sallyport/as_client.h"

bool client_from_json(const json_t *j, struct as_client_facts *out);

#endif
