#include "quote.h"

#include <string.h>

enum { SHOWN_MAX = 96, IDENTIFIER_MAX = 24, COMMENT_MAX = 64, PROSE_MAX = 120 };

#define LOWER "abcdefghijklmnopqrstuvwxyz"
#define DIGITS "0123456789"
#define PLAIN LOWER "ABCDEFGHIJKLMNOPQRSTUVWXYZ" DIGITS " ._:=/@+-"

static int refuse(struct sp_error *err, const char *what, const char *s)
{
	char shown[SHOWN_MAX];
	text_printable(shown, sizeof(shown), wire_text_str(s));
	return sp_error_set(err, SP_E_SYNTAX, "'%s' cannot stand in a rule: %s", shown, what);
}

int quote_mac(const char *s, char out[MAC_STRLEN], struct sp_error *err)
{
	struct mac m;
	if (mac_parse(s, &m) || !mac_is_unicast(&m))
		return refuse(err, "no device's MAC address", s);
	mac_format(&m, out);
	return 0;
}

int quote_addr(const char *s, struct addr *out, struct sp_error *err)
{
	struct addr a;
	if (addr_parse(s, &a) || !addr_is_host(&a))
		return refuse(err, "no host's address", s);
	*out = a;
	return 0;
}

int quote_port(unsigned port, struct sp_error *err)
{
	if (port >= 1 && port <= 65535)
		return 0;
	return sp_error_set(err, SP_E_RANGE, "port %u cannot stand in a rule", port);
}

/* RFC 1123 section 2.1; hostname_parse() also lets '_' and outer hyphens pass. */
static bool strict_labels(const char *s)
{
	const char *last = s;
	unsigned labels = 0;
	for (const char *at = s; *at; labels++) {
		size_t n = strcspn(at, ".");
		if (at[0] == '-' || at[n - 1] == '-' || memchr(at, '_', n))
			return false;
		last = at;
		at += n + (at[n] == '.');
	}
	return labels >= 2 && strspn(last, LOWER) >= 1;
}

int quote_name(const char *s, bool *out_wildcard, struct hostname *out, struct sp_error *err)
{
	bool wildcard = strncmp(s, "*.", 2) == 0;
	struct hostname h;
	if (hostname_parse(wire_text_str(wildcard ? s + 2 : s), &h) || !strict_labels(h.s))
		return refuse(err, "no host name", s);
	*out_wildcard = wildcard;
	*out = h;
	return 0;
}

int quote_identifier(const char *s, struct sp_error *err)
{
	size_t n = strlen(s);
	if (strncmp(s, "sp_", 3) || n < 4 || n - 3 > IDENTIFIER_MAX || strspn(s, LOWER DIGITS "_") != n)
		return refuse(err, "no identifier", s);
	return 0;
}

static int plain(const char *s, const char *allowed, size_t max, struct sp_error *err)
{
	size_t n = strlen(s);
	if (n > max || strspn(s, allowed) != n)
		return refuse(err, "no plain text", s);
	return 0;
}

int quote_comment(const char *s, struct sp_error *err)
{
	return plain(s, PLAIN, COMMENT_MAX, err);
}

int quote_prose(const char *s, struct sp_error *err)
{
	return plain(s, PLAIN ",()", PROSE_MAX, err);
}
