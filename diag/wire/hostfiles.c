/*
 * Three formats, one statement a line in each: resolv.conf(5), KEY=VALUE files, and the lease file
 * of ISC dhclient (dhclient.leases(5)).
 */
#include "sallyport/wire/hostfiles.h"

#include <string.h>

enum { WORD_MAX = 254 };

static bool line_next(struct bytes *text, struct bytes *line)
{
	if (!text->n)
		return false;
	const uint8_t *end = memchr(text->p, '\n', text->n);
	size_t n = end ? (size_t)(end - text->p) : text->n;
	*line = (struct bytes){ text->p, n };
	n += end != NULL;
	*text = (struct bytes){ text->p + n, text->n - n };
	return true;
}

static bool is_gap(uint8_t c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == ',' || c == ';' || c == '"' || c == '=' ||
	       c == '\'';
}

/* The next word of a line, without quotes and separators; empty at the end. Bytes that are not
 * printable end in a word that nothing below accepts. */
static const char *word_next(struct bytes *line, char out[WORD_MAX])
{
	size_t n = 0;
	while (line->n && is_gap(*line->p))
		*line = (struct bytes){ line->p + 1, line->n - 1 };
	while (n < line->n && !is_gap(line->p[n]))
		n++;
	bool plain = n < WORD_MAX && !memchr(line->p, 0, n);
	if (plain && n)
		memcpy(out, line->p, n);
	out[plain ? n : 0] = '\0';
	if (!plain)
		memcpy(out, "?", 2);
	*line = (struct bytes){ line->p + n, line->n - n };
	return out;
}

static void add_resolvers(struct bytes line, struct hostfile *out)
{
	char word[WORD_MAX];
	struct addr a;
	while (*word_next(&line, word) && out->n_resolvers < HOSTFILE_MAX_RESOLVERS) {
		char *extra = strpbrk(word, "%#"); /* a zone, or the server name of DNS over TLS */
		bool have = false;
		if (extra)
			*extra = '\0';
		if (addr_parse(word, &a))
			continue;
		for (size_t i = 0; i < out->n_resolvers; i++)
			have |= addr_equal(&a, &out->resolvers[i]);
		if (!have)
			out->resolvers[out->n_resolvers++] = a;
	}
}

static void set_domain(struct bytes line, struct hostfile *out)
{
	char word[WORD_MAX];
	const char *w = word_next(&line, word);
	(void)hostname_parse(wire_text_str(*w == '~' ? w + 1 : w), &out->domain);
}

/* dhclient writes a string option in quotes, or as hex bytes with colons when it does not know the
 * option's type. */
static void set_url(struct bytes line, char out[HOSTFILE_URL_MAX])
{
	char url[HOSTFILE_URL_MAX] = "", word[WORD_MAX];
	const char *w = word_next(&line, word);
	size_t n = 0;
	if (strncmp(w, "http", 4) == 0) {
		text_copy(url, sizeof(url), w);
	} else {
		for (; n + 1 < sizeof(url) && w[0] && w[1]; n++, w += w[2] == ':' ? 3 : 2) {
			char pair[3] = { w[0], w[1], '\0' };
			uint8_t byte;
			if (text_unhex(pair, &byte, 1) || (w[2] && w[2] != ':'))
				return;
			url[n] = (char)byte;
		}
		url[n] = '\0';
	}
	if (strncmp(url, "http://", 7) == 0 || strncmp(url, "https://", 8) == 0)
		text_printable(out, HOSTFILE_URL_MAX, wire_text_str(url));
}

static void set_address(struct bytes line, struct hostfile *out)
{
	char word[WORD_MAX];
	(void)addr_parse(word_next(&line, word), &out->address);
}

enum meaning { M_NONE, M_ADDRESS, M_RESOLVERS, M_DOMAIN, M_WPAD, M_PORTAL };

static enum meaning meaning_of(enum hostfile_format f, const char *word)
{
	static const struct {
		enum hostfile_format format;
		const char *word;
		enum meaning meaning;
	} words[] = {
		{ HOSTFILE_RESOLV_CONF, "nameserver", M_RESOLVERS },
		{ HOSTFILE_RESOLV_CONF, "search", M_DOMAIN },
		{ HOSTFILE_RESOLV_CONF, "domain", M_DOMAIN },
		{ HOSTFILE_KEYS, "ADDRESS", M_ADDRESS },
		{ HOSTFILE_KEYS, "DNS", M_RESOLVERS },
		{ HOSTFILE_KEYS, "SERVERS", M_RESOLVERS },
		{ HOSTFILE_KEYS, "DOMAINNAME", M_DOMAIN },
		{ HOSTFILE_KEYS, "DOMAINS", M_DOMAIN },
		{ HOSTFILE_KEYS, "CAPTIVE_PORTAL", M_PORTAL },
		{ HOSTFILE_KEYS, "OPTION_252", M_WPAD },
		{ HOSTFILE_DHCLIENT, "fixed-address", M_ADDRESS },
		{ HOSTFILE_DHCLIENT, "domain-name-servers", M_RESOLVERS },
		{ HOSTFILE_DHCLIENT, "domain-name", M_DOMAIN },
		{ HOSTFILE_DHCLIENT, "unknown-252", M_WPAD },
		{ HOSTFILE_DHCLIENT, "wpad", M_WPAD },
		{ HOSTFILE_DHCLIENT, "wpad-url", M_WPAD },
		{ HOSTFILE_DHCLIENT, "unknown-114", M_PORTAL },
		{ HOSTFILE_DHCLIENT, "v4-captive-portal", M_PORTAL },
	};
	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		if (words[i].format == f && strcmp(words[i].word, word) == 0)
			return words[i].meaning;
	return M_NONE;
}

static void take(enum meaning m, struct bytes rest, struct hostfile *out)
{
	switch (m) {
	case M_NONE: break;
	case M_ADDRESS: set_address(rest, out); break;
	case M_RESOLVERS: add_resolvers(rest, out); break;
	case M_DOMAIN: set_domain(rest, out); break;
	case M_WPAD: set_url(rest, out->wpad_url); break;
	case M_PORTAL: set_url(rest, out->portal_api); break;
	}
}

/* One statement; for dhclient "option" is passed over, and leases of other interfaces are. */
static void statement(enum hostfile_format f, const char *ifname, struct bytes line, bool *ours,
		      struct hostfile *out)
{
	char word[WORD_MAX];
	word_next(&line, word);
	if (f == HOSTFILE_DHCLIENT) {
		if (strcmp(word, "interface") == 0) {
			*ours = strcmp(word_next(&line, word), ifname) == 0;
			if (*ours)
				*out = (struct hostfile){ 0 };
			return;
		}
		bool option = strcmp(word, "option") == 0;
		if (!*ours || (!option && strcmp(word, "fixed-address") != 0))
			return;
		if (option)
			word_next(&line, word);
	}
	take(meaning_of(f, word), line, out);
}

void hostfile_read(enum hostfile_format f, const char *ifname, struct bytes text,
		   struct hostfile *out)
{
	struct bytes line;
	bool ours = false;
	while (line_next(&text, &line))
		statement(f, ifname, line, &ours, out);
}
