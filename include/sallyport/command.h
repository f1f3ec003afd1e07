/*
 * Commands: one row and one file in ui/commands each.
 */
#ifndef SALLYPORT_COMMAND_H
#define SALLYPORT_COMMAND_H

#include <stdio.h>

#include "sallyport/arena.h"
#include "sallyport/settings.h"

struct command;
struct as_client;

struct command_ctx {
	const struct command *command;
	struct arena *arena;
	struct settings settings;
	const char *operands[64];
	size_t n_operands;
	int argc; /* the whole line, for commands that take another one behind "--" */
	char **argv;
	int after_dashes; /* index of the first word behind "--", or argc */
	struct as_client *client; /* whose place the run takes (--as-client), or NULL */
};

struct command {
	const char *name, *operands, *summary;
	const char *help;               /* paragraphs after the option list, or NULL */
	int (*run)(struct command_ctx *c); /* the exit code */
	/* The flags that mean something to it: "output,ascii"; all but these: "-for"; NULL: all. */
	const char *flags;
	const char *own_flag; /* "--show": a word it takes besides, and that changes nothing */
	bool takes_command;  /* words behind "--" are a command line for it */
};
extern const struct command *const command_table[];
extern const size_t n_command_table;

/* One clear line on stderr, printable whatever went in: "sallyport: ..."; returns code. */
int command_fail(int code, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* The exit code that a negative code of err.h stands for. */
int command_exit_of(int e);
/* Says *err; returns command_exit_of(e). */
int command_error(int e, const struct sp_error *err);
/* 0 when the number of operands is right, else what is missing or too many was said (64). */
int command_operands(const struct command_ctx *c, size_t min, size_t max);

#endif
