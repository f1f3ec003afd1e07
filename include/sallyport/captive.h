/*
 * The captive-portal API of a network (RFC 8908): what its JSON says, read with jansson.
 *
 * Promises: pure; anything that is not the document of the RFC is refused and nothing kept.
 */
#ifndef SALLYPORT_CAPTIVE_H
#define SALLYPORT_CAPTIVE_H

#include <stdbool.h>

#include "sallyport/bytes.h"

/* 0 and *captive (section 5: whether this client has to do something before it gets out), or
 * SP_E_MALFORMED. */
int captive_parse(struct bytes body, bool *captive);

#endif
