/* `replay FILE`: judges a recorded stream again and reports it; nothing is sent. */
#include <errno.h>
#include <string.h>

#include "commands.h"
#include "sallyport/journal.h"
#include "sallyport/model.h"

static void say_differences(const struct replay_notes *n)
{
	if (strcmp(n->recorded_version, SP_VERSION))
		command_fail(0, "recorded by version %s, judged by %s", n->recorded_version, SP_VERSION);
	for (size_t i = 0; i < n->differing; i++)
		command_fail(0, "%s", n->differences[i]);
}

static int use(struct command_ctx *c, FILE *in, const char *label, run_fn *fn)
{
	struct run *r = NULL;
	struct replay_notes notes;
	struct sp_error err = { 0 };
	char line[800];
	if (replay_read(in, label, NULL, &r, &notes, &err))
		return command_fail(SP_EXIT_DAMAGED, "%s", sp_error_format(&err, line, sizeof(line)));
	say_differences(&notes);
	int code = fn(c, r);
	if (code != SP_EXIT_IO && notes.damaged_line)
		code = command_fail(SP_EXIT_DAMAGED, "%s (the report rests on the lines before it)",
				    sp_error_format(&err, line, sizeof(line)));
	else if (code != SP_EXIT_IO && !notes.ended)
		code = command_fail(SP_EXIT_DAMAGED, "%s:%zu: the stream ends here, without run_end (the "
				    "report rests on what is there)", label, notes.lines);
	run_free(r);
	return code;
}

int replay_with_run(struct command_ctx *c, const char *path, run_fn *fn)
{
	if (strcmp(path, "-") == 0)
		return use(c, stdin, "stdin", fn);
	FILE *in = fopen(path, "re");
	if (!in)
		return command_fail(errno == EACCES ? SP_EXIT_DENIED : SP_EXIT_MISSING, "%s: %s", path,
				    strerror(errno));
	int code = use(c, in, path, fn);
	fclose(in);
	return code;
}

static int report(struct command_ctx *c, struct run *r)
{
	struct document d = report_document(c, r);
	return write_document(c, &d, r->exit);
}

static int run(struct command_ctx *c)
{
	int wrong = command_operands(c, 1, 1);
	return wrong ? wrong : replay_with_run(c, c->operands[0], report);
}

const struct command replay_command = {
	.name = "replay",
	.operands = "FILE|-",
	.summary = "judge a recorded stream (-o ndjson) again; the same report, nothing is sent",
	.run = run,
	.flags = "format,output," COMMAND_TALK_FLAGS,
};

const struct command report_command = {
	.name = "report",
	.operands = "RUN",
	.summary = "a recorded run in another format (--format)",
	.run = run,
	.flags = "format,output," COMMAND_TALK_FLAGS,
};
