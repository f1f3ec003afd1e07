#include "redact.h"

#include <ctype.h>
#include <string.h>

#include "sallyport/netinfo.h"

/* Could c be part of the same address? '.' and ':' only count when more of it follows. */
static bool joins(char c, char beyond)
{
	if (isalnum((unsigned char)c))
		return true;
	return (c == '.' || c == ':') && isxdigit((unsigned char)beyond);
}

/* An IPv4 address is often followed by ":port", an IPv6 one never without brackets. */
static bool whole_word(const char *start, const char *at, size_t n, bool v4)
{
	char before = at > start ? at[-1] : ' ', before2 = at > start + 1 ? at[-2] : ' ';
	char after = at[n], after2 = after ? at[n + 1] : '\0';
	if (v4 && after == ':')
		return !joins(before, before2);
	return !joins(before, before2) && !joins(after, after2);
}

static const char *replace(struct arena *a, const char *s, const char *secret, const char *with)
{
	size_t n = strlen(secret);
	bool v4 = strchr(secret, ':') == NULL;
	const char *from = s;
	for (const char *at; (at = strstr(from, secret));) {
		if (!whole_word(s, at, n, v4)) {
			from = at + 1;
			continue;
		}
		size_t done = (size_t)(at - s) + strlen(with);
		s = arena_printf(a, "%.*s%s%s", (int)(at - s), s, with, at + n);
		from = s + done;
	}
	return s;
}

const char *redact_text(struct arena *a, const struct run *r, const char *s)
{
	const struct host_facts *h = r->host;
	char secret[ADDR_STRLEN], mac[MAC_STRLEN], with[32] = "own-address-";
	static const struct mac none;
	for (size_t i = 0; i < h->n_addrs; i++) {
		addr_format(&h->addrs[i].addr, secret);
		text_copy(with + 12, sizeof(with) - 12, arena_printf(a, "%zu", i + 1));
		s = replace(a, s, secret, with);
	}
	if (memcmp(&h->mac, &none, sizeof(none)))
		s = replace(a, s, mac_format(&h->mac, mac), "own-mac");
	return s;
}

const char *redact_host_name(const struct run *r, bool redact)
{
	return redact ? "this-host" : r->host_name;
}
