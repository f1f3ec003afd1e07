/*
 * Commands: one row and one file in ui/commands each.
 */
#ifndef SALLYPORT_COMMAND_H
#define SALLYPORT_COMMAND_H

#include <stdio.h>

#include "sallyport/arena.h"
#include "sallyport/settings.h"

struct command_ctx {
	struct arena *arena;
	struct settings settings;
	const char *operands[64];
	size_t n_operands;
	int argc; /* the whole line, for commands that take another one behind "--" */
	char **argv;
	int after_dashes; /* index of the first word behind "--", or argc */
};

struct command {
	const char *name, *operands, *summary;
	const char *help;               /* paragraphs after the option list, or NULL */
	int (*run)(struct command_ctx *c); /* the exit code */
};
extern const struct command *const command_table[];
extern const size_t n_command_table;

/* One clear line on stderr: "sallyport: ..."; returns code. */
int command_fail(int code, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

#endif
