/*
 * The far end of a rule, from the need that asks for it and what the run's DNS answers said.
 *
 * Promises: as rules.h; a name's addresses are public ones, of the families the devices use, and none
 * at all where a verdict says that something else answers in the cloud's place.
 */
#ifndef SALLYPORT_RULES_PEER_H
#define SALLYPORT_RULES_PEER_H

#include "sallyport/rules.h"

/* Kind, name, depth, and the address where the need gives one. 0 or as quote.h. */
int peer_of_need(struct arena *a, const struct run *r, const struct need *n, struct rule_peer *out,
		 struct sp_error *err);
/* Total order by what peer_of_need() fills in; needs towards equal peers are one. */
int peer_compare(const struct rule_peer *a, const struct rule_peer *b);
/* Adds families, addresses and doubts of one need; p->addrs has room for n->n_addresses + 1 more. */
int peer_add_addresses(const struct run *r, const struct need *n, struct rule_peer *p,
		       struct sp_error *err);
/* Sorts the addresses and leaves each once. */
void peer_settle(struct rule_peer *p);

#endif
