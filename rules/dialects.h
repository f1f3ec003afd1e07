/*
 * What the dialects share: their writers, one file each, and the head every file begins with.
 *
 * Promises: as dialect.write says in rules.h; they only print what ruleset_make() has checked.
 */
#ifndef SALLYPORT_RULES_DIALECTS_H
#define SALLYPORT_RULES_DIALECTS_H

#include "sallyport/rules.h"

int nftables_write(const struct ruleset *s, FILE *out);

/* What, when, by which profile, for whom, until when; every line begins with `mark`. */
void preamble_write(const struct ruleset *s, const char *dialect, const char *mark, FILE *out);
/* "*.udp.example.net" or an address. */
const char *peer_text(const struct rule_peer *p, char out[HOSTNAME_MAX + 3]);

#endif
