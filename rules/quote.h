/*
 * Values on their way into a rule: each is checked and put into its one canonical form, or refused.
 *
 * Promises: nothing is escaped, and what is refused leaves the output untouched. Each returns 0, or
 * SP_E_SYNTAX or SP_E_RANGE with *err filled (NULL is allowed; its text is printable).
 */
#ifndef SALLYPORT_RULES_QUOTE_H
#define SALLYPORT_RULES_QUOTE_H

#include "sallyport/addr.h"
#include "sallyport/err.h"
#include "sallyport/text.h"

/* Six hex pairs of one interface: not zero, no group; lower case, joined by ':'. */
int quote_mac(const char *s, char out[MAC_STRLEN], struct sp_error *err);
/* One host's address: no octal, short or decimal form, no prefix, no zone, no group. */
int quote_addr(const char *s, struct addr *out, struct sp_error *err);
/* 1 to 65535. */
int quote_port(unsigned port, struct sp_error *err);
/* A host name, or "*." before one; *out has what stands behind it. At least two labels of letters,
 * digits and inner hyphens, the last one begins with a letter; lower case, no trailing dot. */
int quote_name(const char *s, bool *out_wildcard, struct hostname *out, struct sp_error *err);
/* sp_ and 1 to 24 of a-z, 0-9, _: the shortest that every firewall here allows. */
int quote_identifier(const char *s, struct sp_error *err);
/* For a comment inside a rule: at most 64 of letters, digits, blank and . _ : = / @ + - */
int quote_comment(const char *s, struct sp_error *err);
/* For a comment line of a file: the same and , ( ) up to 120. */
int quote_prose(const char *s, struct sp_error *err);

#endif
