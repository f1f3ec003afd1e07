/*
 * The commands' rows, one per file.
 */
#ifndef SALLYPORT_COMMANDS_H
#define SALLYPORT_COMMANDS_H

#include "sallyport/command.h"

extern const struct command check_command, replay_command, report_command, list_command;
extern const struct command explain_command, config_command, lab_command;

/* Flags of how to write and how much to say: every command takes them. */
#define COMMAND_TALK_FLAGS "redact,ascii,no-color,verbose,quiet"

struct run;
/* Judged run to stdout or --output in the format asked for; the exit code to end with. */
int write_report(const struct command_ctx *c, const struct run *r, int code);

#endif
