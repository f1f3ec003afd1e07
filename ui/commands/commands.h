/*
 * The commands' rows, one per file.
 */
#ifndef SALLYPORT_COMMANDS_H
#define SALLYPORT_COMMANDS_H

#include "sallyport/command.h"

extern const struct command check_command, replay_command, report_command, list_command;
extern const struct command explain_command, config_command, lab_command;
extern const struct command reflector_command, rules_command;

/* Flags of the far side alone. */
#define COMMAND_REFLECTOR_FLAGS "listen,port,rfc5780,stun-rate,shared-key,secret"
/* Flags of how to write and how much to say: every command takes them. */
#define COMMAND_TALK_FLAGS "redact,ascii,no-color,verbose,quiet"

struct run;
typedef int run_fn(struct command_ctx *c, struct run *r); /* the exit code */

/* Plans a run as the flags say and hands it to fn; with --dry-run it says instead what would be
 * sent. The exit code. */
int check_with_plan(struct command_ctx *c, run_fn *fn);
/* The plan, as packets (--dry-run). The exit code. */
int dry_run(const struct command_ctx *c, struct run *r);
/* Measures what is planned, with progress on a terminal's stderr, and judges it. 0, or the exit
 * code of what kept it from running, which has then been said. */
int check_measure(struct command_ctx *c, struct run *r);
/* Reads a recorded stream (a file, or - for stdin), judges it and hands it to fn; nothing is sent.
 * fn's exit code, or that of a stream that is missing or damaged (fn still gets what is left). */
int replay_with_run(struct command_ctx *c, const char *path, run_fn *fn);

/* What a command prints: a report, an allow-list. */
struct document {
	int (*write)(const struct document *d, FILE *out, bool terminal); /* 0 or -errno */
	const struct command_ctx *command;
	const void *of;
};
/* To stdout, or to --output (a file in one piece or not at all); code, or that of a failed write. */
int write_document(const struct command_ctx *c, const struct document *d, int code);
/* The judged run in the format asked for. */
struct document report_document(const struct command_ctx *c, const struct run *r);

#endif
