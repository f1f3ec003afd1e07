/*
 * Rules: the needs of a run as an allow-list in a firewall's own syntax.
 *
 * Promises: only parsed host names, addresses, MACs and numbers enter a rule. The probing host and
 * the whole LAN are never a subject; without a device the subject is a marked placeholder. Nothing
 * is ever applied by sallyport.
 */
#ifndef SALLYPORT_RULES_H
#define SALLYPORT_RULES_H

#include <stdio.h>

#include "sallyport/err.h"
#include "sallyport/model.h"

struct dialect {
	const char *name, *title;
	int (*write)(const struct run *r, FILE *out, struct sp_error *err); /* 0 or negative */
};
extern const struct dialect dialect_table[];
extern const size_t n_dialect_table;
const struct dialect *dialect_by_name(const char *name);

#endif
