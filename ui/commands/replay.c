/* `replay FILE`: the report of a recorded run, judged again. */
#include <errno.h>
#include <string.h>

#include "commands.h"
#include "sallyport/journal.h"

static int finish(struct command_ctx *c, struct run *r, const struct replay_notes *n, const char *label,
		  bool stream)
{
	for (size_t i = 0; i < n->differing; i++)
		fprintf(stderr, "sallyport: %s was recorded by %s; now: %s\n", label, n->recorded_version,
			n->differences[i]);
	if (n->damaged_line)
		fprintf(stderr, "sallyport: %s: line %zu is damaged; what stands before it is reported\n",
			label, n->damaged_line);
	int code = n->damaged_line ? SP_EXIT_DAMAGED : r->exit;
	return stream ? code : write_report(c, r, code);
}

static int run(struct command_ctx *c)
{
	struct run *r = NULL;
	struct replay_notes notes = { 0 };
	struct sp_error err = { 0 };
	char line[1024];
	if (c->n_operands != 1)
		return command_fail(SP_EXIT_USAGE, "replay takes one file (or - for standard input)");
	const char *label = c->operands[0];
	bool is_stdin = strcmp(label, "-") == 0;
	FILE *in = is_stdin ? stdin : fopen(label, "re");
	if (!in)
		return command_fail(SP_EXIT_MISSING, "%s: %s", label, strerror(errno));
	bool stream = strcmp(c->settings.format, "ndjson") == 0 && !*c->settings.output;
	int e = replay_read(in, label, stream ? stdout : NULL, &r, &notes, &err);
	if (!is_stdin)
		fclose(in);
	int code = e ? command_fail(SP_EXIT_DAMAGED, "%s", sp_error_format(&err, line, sizeof(line)))
		     : finish(c, r, &notes, label, stream);
	run_free(r);
	return code;
}

const struct command replay_command = {
	.name = "replay",
	.operands = "FILE",
	.summary = "the report of a recorded run (-o ndjson), judged again",
	.run = run,
};
