/* Finds the command, reads its flags, runs it. */
#include <errno.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "sallyport/command.h"

int command_fail(int code, const char *fmt, ...)
{
	va_list ap;
	va_start(ap, fmt);
	fputs("sallyport: ", stderr);
	vfprintf(stderr, fmt, ap);
	fputc('\n', stderr);
	va_end(ap);
	return code;
}

static void usage(void)
{
	puts("usage: sallyport [COMMAND] [flags] [operands]\n\n"
	     "Tells whether a device cloud's devices can live behind this network, and why not.\n");
	for (size_t i = 0; i < n_command_table; i++)
		printf("  %-10s %s\n", command_table[i]->name, command_table[i]->summary);
	puts("\n`sallyport COMMAND --help` lists the flags. Without a command: check.\n"
	     "Exit codes: 0 works, 1 fragile, 2 cannot work, 3 could not tell; 64 usage, 65 damaged\n"
	     "input, 69 missing resource, 74 output could not be written, 77 permission, 78 configuration.");
}

static void command_help(const struct command *c)
{
	printf("usage: sallyport %s [flags]%s%s\n\n%s\n\n", c->name, *c->operands ? " " : "", c->operands,
	       c->summary);
	for (size_t i = 0; i < n_setting_defs; i++) {
		const struct setting_def *d = &setting_defs[i];
		char flag[64], letter[8] = "    ";
		if (d->letter)
			snprintf(letter, sizeof(letter), "-%c, ", d->letter);
		snprintf(flag, sizeof(flag), "--%s%s%s", d->name, d->arg ? " " : "", d->arg ? d->arg : "");
		printf("  %s%-28s %s%s%s%s\n", letter, flag, d->help, *d->fallback && d->arg ? " [" : "",
		       d->arg ? d->fallback : "", *d->fallback && d->arg ? "]" : "");
	}
	if (c->help)
		printf("\n%s\n", c->help);
}

static const struct command *command_by_name(const char *name)
{
	for (size_t i = 0; i < n_command_table; i++)
		if (strcmp(command_table[i]->name, name) == 0)
			return command_table[i];
	return NULL;
}

static bool wants(int argc, char **argv, const char *flag)
{
	for (int i = 1; i < argc; i++)
		if (strcmp(argv[i], flag) == 0)
			return true;
	return false;
}

/* An exit code for an error that kept a command from starting. */
static int exit_of(int e)
{
	return e == SP_E_MISSING ? SP_EXIT_MISSING : SP_EXIT_USAGE;
}

static int run(const struct command *c, int argc, char **argv, int from)
{
	struct command_ctx ctx = { .arena = arena_new(), .argc = argc, .argv = argv, .after_dashes = argc };
	struct sp_error err = { 0 };
	char line[1024];
	for (int i = from; i < argc && ctx.after_dashes == argc; i++)
		if (strcmp(argv[i], "--") == 0)
			ctx.after_dashes = i + 1;
	int flags_end = ctx.after_dashes < argc || (argc && strcmp(argv[argc - 1], "--") == 0)
				? ctx.after_dashes - 1 : argc;
	int e = settings_parse(ctx.arena, flags_end, argv, from, &ctx.settings, ctx.operands,
			       sizeof(ctx.operands) / sizeof(ctx.operands[0]), &ctx.n_operands, &err);
	int code = e ? command_fail(exit_of(e), "%s (`sallyport %s --help` lists the flags)",
				    sp_error_format(&err, line, sizeof(line)), c->name)
		     : c->run(&ctx);
	arena_free(ctx.arena);
	return code;
}

/* A full disk or a closed pipe shows only when the last bytes leave. */
static int flushed(int code)
{
	if (fflush(stdout) == 0 && !ferror(stdout))
		return code;
	return command_fail(SP_EXIT_IO, "standard output could not be written: %s", strerror(errno));
}

int main(int argc, char **argv)
{
	bool named = argc > 1 && argv[1][0] != '-';
	const struct command *c = command_by_name(named ? argv[1] : "check");
	signal(SIGPIPE, SIG_IGN);
	int words = argc;
	for (int i = 1; i < argc; i++)
		if (strcmp(argv[i], "--") == 0)
			words = words == argc ? i : words;
	if (!named && (wants(words, argv, "--help") || wants(words, argv, "-h"))) {
		usage();
		return flushed(0);
	}
	if (!named && wants(words, argv, "--version")) {
		puts("sallyport " SP_VERSION);
		return flushed(0);
	}
	if (!c)
		return command_fail(SP_EXIT_USAGE, "no command '%s' (`sallyport --help` lists them)",
				    named ? argv[1] : "check");
	if (wants(words, argv, "--help")) {
		command_help(c);
		return flushed(0);
	}
	return flushed(run(c, argc, argv, named ? 2 : 1));
}
