/* The settings table, and the one way a value gets into a setting, wherever it comes from. */
#include "sallyport/settings.h"

#include <ctype.h>
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "devices.h"
#include "sallyport/nearest.h"
#include "sallyport/text.h"

#define S(name, letter, type, member, fallback, arg, judged, help) \
	{ name, letter, type, offsetof(struct settings, member), fallback, 0, 0, NULL, arg, help, judged }

const struct setting_def setting_defs[] = {
	S("profile", 'p', SET_TEXT, profile, "particle-wifi", "NAME",
	  true, "cloud and device kinds to test for; a path when it holds a '/'"),
	S("kind", 'k', SET_LIST, kinds, "", "NAME,..", true, "device kinds the exit code speaks for"),
	S("only", 0, SET_LIST, only, "", "ID,..", true, "run only these checks"),
	S("skip", 0, SET_LIST, skip, "", "ID,..", true, "leave these checks out"),
	S("interface", 'i', SET_TEXT, interface, "", "IF", true, "uplink to test"),
	S("as-client", 0, SET_TEXT, as_client, "", "BRIDGE|IF", true,
	  "test as a new device on that LAN, from a namespace of its own (root)"),
	S("client-address", 0, SET_TEXT, client_address, "", "ADDR/N[,GW[,DNS..]]", true,
	  "with --as-client: this address, not one by DHCP"),
	{ "format", 'o', SET_CHOICE, offsetof(struct settings, format), "text", 0, 0,
	  "text|ask|json|ndjson", "FORMAT", "text, ask (a ticket), json or ndjson (a stream)", false },
	S("output", 0, SET_TEXT, output, "", "FILE", false, "write the document to FILE, not stdout"),
	S("device", 'd', SET_DEVICE, devices, "", "MAC[,IP][,NAME]", false,
	  "a device the allow-list is for; may be given several times"),
	S("devices", 0, SET_TEXT, devices_file, "", "FILE", false,
	  "the same from a file, one MAC[,IP][,NAME] a line"),
	S("for", 0, SET_TEXT, dialect, "", "DIALECT", false,
	  "firewall that `rules` writes for (`sallyport list` names them)"),
	S("identity-key", 0, SET_TEXT, identity_key, "", "FILE", false,
	  "public key (PEM or DER) that replaces the profile's server key"),
	S("controls", 0, SET_BOOL, controls, "no", NULL, true,
	  "may also ask other operators' servers and addresses that must never answer"),
	S("ipv4", '4', SET_BOOL, ipv4, "no", NULL, true, "IPv4 only"),
	S("ipv6", '6', SET_BOOL, ipv6, "no", NULL, true, "IPv6 only"),
	S("dry-run", 0, SET_BOOL, dry_run, "no", NULL, false, "list what would be sent, send nothing"),
	{ "timeout", 't', SET_REAL, offsetof(struct settings, timeout_s), "2", 0.1, 60, NULL, "SECONDS",
	  "how long one try waits for its answer", true },
	{ "budget-s", 0, SET_REAL, offsetof(struct settings, budget_s), "15", 1, 3600, NULL, "SECONDS",
	  "how long the whole run may take", true },
	S("listen", 0, SET_LIST, listen, "", "ADDR,..", false,
	  "addresses the reflector answers on; may be given several times, none: all"),
	S("port", 0, SET_LIST, ports, "3478,5684", "N,..", false, "its ports, UDP and TCP; likewise"),
	S("rfc5780", 0, SET_BOOL, rfc5780, "no", NULL, false,
	  "also the NAT behaviour tests of RFC 5780 and RFC 3489 (two addresses, two ports)"),
	{ "stun-rate", 0, SET_REAL, offsetof(struct settings, stun_rate), "50", 1, 1e6, NULL, "N",
	  "STUN answers per second and client address", false },
	S("shared-key", 0, SET_TEXT, shared_key, "", "FILE", false,
	  "the reflector's own protocol is for those who hold this key"),
	S("secret", 0, SET_TEXT, secret, "", "FILE", false,
	  "the reflector's tokens come from this secret, and outlive a restart"),
	S("redact", 0, SET_BOOL, redact, "no", NULL, false, "hide this host's own names and addresses"),
	S("ascii", 0, SET_BOOL, ascii, "no", NULL, false, "no character outside ASCII"),
	S("no-color", 0, SET_BOOL, no_color, "no", NULL, false, "no colours (also NO_COLOR)"),
	S("verbose", 'v', SET_BOOL, verbose, "no", NULL, false, "show the observations too"),
	S("quiet", 'q', SET_BOOL, quiet, "no", NULL, false, "no progress, only the verdict"),
};
const size_t n_setting_defs = sizeof(setting_defs) / sizeof(setting_defs[0]);
_Static_assert(sizeof(setting_defs) / sizeof(setting_defs[0]) <= SETTINGS_MAX, "origins");

const struct setting_def *setting_by_name(const char *name)
{
	for (size_t i = 0; i < n_setting_defs; i++)
		if (strcmp(setting_defs[i].name, name) == 0)
			return &setting_defs[i];
	return NULL;
}

static int set_list(struct arena *a, struct text_list *out, const char *value, struct sp_error *err)
{
	struct text_list list = { 0 };
	for (const char *s = value; *s;) {
		s += strspn(s, " \t");
		size_t item = strcspn(s, ","), n = item;
		while (n && (s[n - 1] == ' ' || s[n - 1] == '\t'))
			n--;
		if (n && list.n == PROFILE_MAX_LIST)
			return sp_error_set(err, SP_E_USAGE, "more than %d items in '%s'",
					    PROFILE_MAX_LIST, value);
		if (n)
			list.v[list.n++] = arena_printf(a, "%.*s", (int)n, s);
		s += item + (s[item] == ',');
	}
	if (*value && !list.n)
		return sp_error_set(err, SP_E_USAGE, "'%s' names nothing", value);
	*out = list;
	return 0;
}

static int set_bool(bool *out, const char *value, struct sp_error *err)
{
	static const char *const words[] = { "no", "yes", "0", "1", "false", "true" };
	for (unsigned i = 0; i < 6; i++)
		if (strcmp(value, words[i]) == 0) {
			*out = i & 1;
			return 0;
		}
	return sp_error_set(err, SP_E_USAGE, "'%s' is neither yes nor no", value);
}

static int set_choice(struct arena *a, const char **out, const struct setting_def *d,
		      const char *value, struct sp_error *err)
{
	size_t n = strlen(value);
	for (const char *c = d->choices; c; c = strchr(c, '|') ? strchr(c, '|') + 1 : NULL)
		if (strcspn(c, "|") == n && strncmp(c, value, n) == 0) {
			*out = arena_strdup(a, value);
			return 0;
		}
	return sp_error_set(err, SP_E_USAGE, "'%s' is not one of %s", value, d->choices);
}

static int set_real(double *out, const struct setting_def *d, const char *value, struct sp_error *err)
{
	char *end;
	double v = strtod(value, &end);
	bool plain = value[strspn(value, "0123456789.")] == '\0'; /* no 0x10, no 1e1, no blank */
	if (end == value || *end || !plain || !(v >= d->min && v <= d->max))
		return sp_error_set(err, SP_E_USAGE, "'%s' is not a number from %g to %g", value, d->min,
				    d->max);
	*out = v;
	return 0;
}

int setting_set(struct arena *a, struct settings *s, const struct setting_def *d, const char *value,
		struct sp_error *err)
{
	void *at = (char *)s + d->offset;
	switch (d->type) {
	case SET_TEXT: *(const char **)at = arena_strdup(a, value); return 0;
	case SET_LIST: return set_list(a, at, value, err);
	case SET_BOOL: return set_bool(at, value, err);
	case SET_REAL: return set_real(at, d, value, err);
	case SET_CHOICE: return set_choice(a, at, d, value, err);
	case SET_DEVICE: return *value ? devices_add(s, value, err) : 0;
	}
	return SP_E_UNKNOWN;
}

static const char *device_text(struct arena *a, const struct device *d)
{
	const char *const parts[] = { d->mac, d->ip, d->name };
	const char *s = "";
	for (unsigned i = 0; i < 3; i++)
		if (parts[i][0])
			s = arena_printf(a, "%s%s%s", s, *s ? "," : "", parts[i]);
	return s;
}

const char *setting_get(struct arena *a, const struct settings *s, const struct setting_def *d)
{
	const void *at = (const char *)s + d->offset;
	const char *text = "";
	switch (d->type) {
	case SET_TEXT:
	case SET_CHOICE: return *(const char *const *)at;
	case SET_BOOL: return *(const bool *)at ? "yes" : "no";
	case SET_REAL: return arena_printf(a, "%.10g", *(const double *)at);
	case SET_LIST: {
		const struct text_list *l = at;
		for (size_t i = 0; i < l->n; i++)
			text = arena_printf(a, "%s%s%s", text, i ? "," : "", l->v[i]);
		return text;
	}
	case SET_DEVICE:
		for (size_t i = 0; i < s->n_devices; i++)
			text = arena_printf(a, "%s%s%s", text, i ? " " : "", device_text(a, &s->devices[i]));
		return text;
	}
	return text;
}

void settings_defaults(struct arena *a, struct settings *out)
{
	memset(out, 0, sizeof(*out));
	for (size_t i = 0; i < n_setting_defs; i++) {
		(void)setting_set(a, out, &setting_defs[i], setting_defs[i].fallback, NULL);
		out->origins[i] = "default";
	}
}

/* Sets a value and says which flag or variable was wrong. */
static int set_from(struct arena *a, struct settings *s, size_t i, const char *value,
		    const char *origin, const char *label, struct sp_error *err)
{
	struct sp_error why = { 0 };
	const struct setting_def *d = &setting_defs[i];
	if (d->type == SET_LIST && *value && strcmp(s->origins[i], origin) == 0) /* given again: more of it */
		value = arena_printf(a, "%s,%s", setting_get(a, s, d), value);
	int e = setting_set(a, s, d, value, &why);
	if (e)
		return sp_error_set(err, SP_E_USAGE, "%s: %s", label, why.text);
	s->origins[i] = origin;
	return 0;
}

static const char *variable_of(struct arena *a, const struct setting_def *d)
{
	char *name = arena_printf(a, "SALLYPORT_%s", d->name);
	for (char *c = name; *c; c++)
		*c = *c == '-' ? '_' : (char)toupper((unsigned char)*c);
	return name;
}

const char *setting_label(struct arena *a, const struct settings *s, const char *name)
{
	const struct setting_def *d = setting_by_name(name);
	const char *origin = d ? s->origins[d - setting_defs] : NULL;
	return origin && strcmp(origin, "environment") == 0 ? variable_of(a, d)
							    : arena_printf(a, "--%s", name);
}

static int from_environment(struct arena *a, struct settings *s, struct sp_error *err)
{
	for (size_t i = 0; i < n_setting_defs; i++) {
		const char *name = variable_of(a, &setting_defs[i]), *value = getenv(name);
		int e = value && *value ? set_from(a, s, i, value, "environment", name, err) : 0;
		if (e)
			return e;
	}
	const char *no_color = getenv("NO_COLOR");
	if (no_color && *no_color)
		s->no_color = true;
	return 0;
}

static void getopt_tables(struct option *longs, char *shorts)
{
	size_t at = 0;
	shorts[at++] = ':';
	for (size_t i = 0; i < n_setting_defs; i++) {
		bool arg = setting_defs[i].type != SET_BOOL;
		longs[i] = (struct option){ setting_defs[i].name, arg ? required_argument : no_argument,
					    NULL, 256 + (int)i };
		if (setting_defs[i].letter) {
			shorts[at++] = setting_defs[i].letter;
			if (arg)
				shorts[at++] = ':';
		}
	}
	shorts[at] = '\0';
}

static size_t row_of(int opt)
{
	if (opt >= 256)
		return (size_t)opt - 256;
	for (size_t i = 0; i < n_setting_defs; i++)
		if (setting_defs[i].letter == opt)
			return i;
	return n_setting_defs;
}

/* What getopt_long() did not like about the word it stopped at. */
static int bad_flag(struct arena *a, int opt, const char *word, struct sp_error *err)
{
	if (opt == ':')
		return sp_error_set(err, SP_E_USAGE, "flag '%s' needs a value", word);
	if (optopt >= 256)
		return sp_error_set(err, SP_E_USAGE, "flag '%s' takes no value", word);
	if (optopt) /* of several letters behind one dash */
		return sp_error_set(err, SP_E_USAGE, "unknown flag '-%c'", optopt);
	size_t n = strcspn(word, "=");
	struct nearest near = { .word = arena_printf(a, "%.*s", (int)n, word) };
	const char *could = "";
	for (size_t i = 0; i < n_setting_defs; i++) {
		const char *flag = arena_printf(a, "--%s", setting_defs[i].name);
		nearest_offer(&near, flag);
		if (strncmp(flag, word, n) == 0)
			could = arena_printf(a, "%s%s%s", could, *could ? ", " : "", flag);
	}
	if (*could)
		return sp_error_set(err, SP_E_USAGE, "flag '%s' could be %s", word, could);
	return sp_error_set(err, SP_E_USAGE, "unknown flag '%s'%s", word, nearest_text(a, &near));
}

static int from_flags(struct arena *a, int argc, char **argv, struct settings *s, struct sp_error *err)
{
	struct option longs[SETTINGS_MAX + 1] = { 0 };
	char shorts[2 * SETTINGS_MAX + 2];
	getopt_tables(longs, shorts);
	optind = 0; /* GNU: start afresh, also for a second command line */
	opterr = 0;
	for (int opt; (opt = getopt_long(argc, argv, shorts, longs, NULL)) != -1;) {
		if (opt == '?' || opt == ':')
			return bad_flag(a, opt, argv[optind - 1], err);
		size_t i = row_of(opt);
		char label[64];
		snprintf(label, sizeof(label), "--%s", setting_defs[i].name);
		int e = set_from(a, s, i, optarg ? optarg : "yes", "flag", label, err);
		if (e)
			return e;
	}
	return 0;
}

/* A client has one way out, gets its address by DHCP for IPv4, and needs a place. */
static int client_settings(const struct settings *s, struct sp_error *err)
{
	if (*s->as_client && *s->interface)
		return sp_error_set(err, SP_E_USAGE, "--as-client and --interface exclude each other");
	if (*s->as_client && s->ipv6)
		return sp_error_set(err, SP_E_USAGE, "--as-client tests IPv4 only");
	if (*s->client_address && !*s->as_client)
		return sp_error_set(err, SP_E_USAGE, "--client-address goes with --as-client");
	return 0;
}

int settings_parse(struct arena *a, int argc, char **argv, int from, struct settings *out,
		   const char **operands, size_t max, size_t *n_operands, struct sp_error *err)
{
	settings_defaults(a, out);
	int e = from_environment(a, out, err);
	if (!e)
		e = from_flags(a, argc - from + 1, argv + from - 1, out, err); /* argv[from-1]: the command */
	if (!e && *out->devices_file)
		e = devices_read(out, setting_label(a, out, "devices"), out->devices_file, err);
	if (!e && out->ipv4 && out->ipv6)
		e = sp_error_set(err, SP_E_USAGE, "-4 and -6 exclude each other");
	if (!e)
		e = client_settings(out, err);
	if (e)
		return e;
	size_t n = 0;
	for (int i = from - 1 + optind; i < argc; i++) {
		if (n == max)
			return sp_error_set(err, SP_E_USAGE, "more than %zu operands", max);
		operands[n++] = argv[i];
	}
	*n_operands = n;
	return 0;
}
