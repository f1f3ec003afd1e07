/*
 * Settings: one table is the master copy of every option (flag, environment variable, type, range,
 * default, help). Parser, --help, `config --show`, error texts and run_start come from it.
 *
 * Promises: after settings_parse() every value is within its range and its origin is known.
 */
#ifndef SALLYPORT_SETTINGS_H
#define SALLYPORT_SETTINGS_H

#include <stdbool.h>
#include <stddef.h>

#include "sallyport/arena.h"
#include "sallyport/err.h"
#include "sallyport/profile.h"

enum { SETTINGS_MAX_DEVICES = 256, SETTINGS_MAX = 40 };

/* A device the answer is for (--device MAC[,IP][,NAME], --devices FILE.csv). */
struct device {
	char mac[MAC_STRLEN];   /* empty when not given */
	char ip[ADDR_STRLEN];   /* empty when not given */
	char name[64];          /* empty when not given */
};

struct settings {
	const char *profile, *format, *output, *interface, *identity_key, *devices_file, *dialect;
	const char *as_client, *client_address;
	struct text_list only, skip, kinds;
	const char *shared_key, *secret;
	struct text_list listen, ports;
	bool rfc5780;
	double stun_rate; /* answers per second and client */
	bool ipv4, ipv6;
	bool dry_run, controls, redact, ascii, no_color, verbose, quiet;
	double timeout_s; /* of one attempt's answer */
	double budget_s;  /* of the whole run */
	struct device devices[SETTINGS_MAX_DEVICES];
	size_t n_devices;
	const char *origins[SETTINGS_MAX]; /* per row: default, environment, flag or file */
};

enum setting_type { SET_TEXT, SET_LIST, SET_BOOL, SET_REAL, SET_CHOICE, SET_DEVICE };

struct setting_def {
	const char *name; /* long flag without the dashes; SALLYPORT_NAME in the environment */
	char letter;      /* short flag, 0 for none */
	enum setting_type type;
	size_t offset; /* into struct settings */
	const char *fallback; /* default, as text */
	double min, max;      /* SET_REAL */
	const char *choices;  /* SET_CHOICE: separated by '|' */
	const char *arg, *help;
	bool judged; /* belongs to the judge's inputs: travels in run_start */
};
extern const struct setting_def setting_defs[];
extern const size_t n_setting_defs;

/* Fills out from defaults, then the environment, then argv[from..argc). Operands are left in
 * operands[] (at most max) and counted. 0, or negative with *err filled: SP_E_USAGE, -errno or
 * SP_E_MALFORMED of a device file. */
int settings_parse(struct arena *a, int argc, char **argv, int from, struct settings *out,
		   const char **operands, size_t max, size_t *n_operands, struct sp_error *err);
/* The value as text ("yes", "0.5", "a,b"); for run_start, config --show and replay. */
const char *setting_get(struct arena *a, const struct settings *s, const struct setting_def *d);
int setting_set(struct arena *a, struct settings *s, const struct setting_def *d, const char *value,
		struct sp_error *err);
const struct setting_def *setting_by_name(const char *name);
/* Who set it, for an error text: "--only", or "SALLYPORT_ONLY" where the environment did. */
const char *setting_label(struct arena *a, const struct settings *s, const char *name);
void settings_defaults(struct arena *a, struct settings *out);

#endif
