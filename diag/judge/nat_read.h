/*
 * The reading of the NAT that the rows (nat.c) and the keep-alive advice share.
 *
 * Promises: both speak of the same lifetimes and of the same default of each kind, so that the
 * advice never contradicts a verdict.
 */
#ifndef SALLYPORT_JUDGE_NAT_READ_H
#define SALLYPORT_JUDGE_NAT_READ_H

#include "sallyport/nat.h"
#include "view.h"

void nat_read(const struct judge_view *v, struct nat_facts *out);
/* Cites the series of one transport, of one state (NULL: of all). */
void nat_cite(struct judge_view *v, struct draft *d, const char *proto, const char *state);

#endif
