/* Finds the command, reads its flags, runs it. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "sallyport/command.h"
#include "sallyport/nearest.h"
#include "sallyport/text.h"

int command_fail(int code, const char *fmt, ...)
{
	char text[1024], line[1024];
	va_list ap;
	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	text_printable(line, sizeof(line), wire_text_str(text));
	fprintf(stderr, "sallyport: %s\n", line);
	return code;
}

int command_exit_of(int e)
{
	switch (e) {
	case SP_E_USAGE:
	case SP_E_UNKNOWN: return SP_EXIT_USAGE;
	case SP_E_MALFORMED:
	case SP_E_TRUNCATED: return SP_EXIT_DAMAGED;
	case SP_E_SYNTAX:
	case SP_E_RANGE:
	case SP_E_LIMIT:
	case -EISDIR: return SP_EXIT_CONFIG;
	case SP_E_DENIED:
	case -EACCES:
	case -EPERM: return SP_EXIT_DENIED;
	case -EINTR: return SP_EXIT_UNKNOWN;
	default: return SP_EXIT_MISSING;
	}
}

int command_error(int e, const struct sp_error *err)
{
	char line[800];
	return command_fail(command_exit_of(e), "%s", sp_error_format(err, line, sizeof(line)));
}

int command_operands(const struct command_ctx *c, size_t min, size_t max)
{
	const char *name = c->command->name;
	if (c->n_operands > max)
		return command_fail(SP_EXIT_USAGE, "%s takes no operand '%s' (`sallyport %s --help`)",
				    name, c->operands[max], name);
	if (c->n_operands < min)
		return command_fail(SP_EXIT_USAGE, "%s needs %s (`sallyport %s --help`)", name,
				    c->command->operands, name);
	return 0;
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

/* True where the flag means something to the command. */
static bool has_flag(const struct command *c, const char *name)
{
	size_t n = strlen(name);
	bool but = c->flags && c->flags[0] == '-';
	for (const char *s = c->flags ? c->flags + but : ""; *s; s += strcspn(s, ","), s += *s == ',')
		if (strcspn(s, ",") == n && strncmp(s, name, n) == 0)
			return !but;
	return !c->flags || but;
}

static void command_help(const struct command *c)
{
	printf("usage: sallyport %s [flags]%s%s\n\n%s\n\n", c->name, *c->operands ? " " : "", c->operands,
	       c->summary);
	for (size_t i = 0; i < n_setting_defs; i++) {
		const struct setting_def *d = &setting_defs[i];
		char flag[64], letter[8] = "    ";
		if (!has_flag(c, d->name))
			continue;
		if (d->letter)
			snprintf(letter, sizeof(letter), "-%c, ", d->letter);
		snprintf(flag, sizeof(flag), "--%s%s%s", d->name, d->arg ? " " : "", d->arg ? d->arg : "");
		printf("  %s%-28s %s%s%s%s\n", letter, flag, d->help, *d->fallback && d->arg ? " [" : "",
		       d->arg ? d->fallback : "", *d->fallback && d->arg ? "]" : "");
	}
	printf("  -h, %-28s %s\n", "--help", "this text");
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

/* The index of a word among argv[from..n), or n. */
static int find_word(int n, char **argv, int from, const char *word)
{
	int i = from;
	while (i < n && strcmp(argv[i], word))
		i++;
	return i;
}

static bool wants_help(int n, char **argv)
{
	return find_word(n, argv, 1, "--help") < n || find_word(n, argv, 1, "-h") < n;
}

/* Flags that would change nothing: whoever gives one expects something of it. */
static int refuse_foreign(const struct command_ctx *ctx)
{
	for (size_t i = 0; i < n_setting_defs; i++)
		if (strcmp(ctx->settings.origins[i], "flag") == 0 &&
		    !has_flag(ctx->command, setting_defs[i].name))
			return command_fail(SP_EXIT_USAGE, "--%s means nothing to %s (`sallyport %s --help` "
					    "lists its flags)", setting_defs[i].name, ctx->command->name,
					    ctx->command->name);
	return 0;
}

/* The own flag is a word without effect: it goes before the flags are read. */
static int drop_own_flag(const struct command *c, int n, char **argv, int from)
{
	int at = c->own_flag ? find_word(n, argv, from, c->own_flag) : n;
	if (at == n)
		return n;
	memmove(&argv[at], &argv[at + 1], (size_t)(n - at - 1) * sizeof(*argv));
	return n - 1;
}

static int run(const struct command *c, int argc, char **argv, int from)
{
	struct command_ctx ctx = { .command = c, .arena = arena_new(), .argc = argc, .argv = argv };
	struct sp_error err = { 0 };
	char line[800];
	int dashes = find_word(argc, argv, from, "--"), flags_end = dashes;
	ctx.after_dashes = dashes < argc ? dashes + 1 : argc;
	flags_end = drop_own_flag(c, flags_end, argv, from);
	int e = settings_parse(ctx.arena, flags_end, argv, from, &ctx.settings, ctx.operands,
			       sizeof(ctx.operands) / sizeof(ctx.operands[0]), &ctx.n_operands, &err);
	int code;
	if (e == SP_E_USAGE)
		code = command_fail(SP_EXIT_USAGE, "%s (`sallyport %s --help` lists the flags)",
				    sp_error_format(&err, line, sizeof(line)), c->name);
	else if (e)
		code = command_error(e, &err);
	else if (ctx.after_dashes < argc && !c->takes_command)
		code = command_fail(SP_EXIT_USAGE, "%s takes no command behind --: '%s'", c->name,
				    argv[ctx.after_dashes]);
	else
		code = refuse_foreign(&ctx);
	code = code ? code : c->run(&ctx);
	arena_free(ctx.arena);
	return code;
}

static int no_command(const char *name)
{
	struct arena *a = arena_new();
	struct nearest near = { .word = name };
	for (size_t i = 0; i < n_command_table; i++)
		nearest_offer(&near, command_table[i]->name);
	command_fail(SP_EXIT_USAGE, "no command '%s'%s (`sallyport --help` lists them)", name,
		     nearest_text(a, &near));
	arena_free(a);
	return SP_EXIT_USAGE;
}

/* A full disk or a closed pipe shows only when the last bytes leave. */
static int flushed(int code)
{
	if (code == SP_EXIT_IO || (fflush(stdout) == 0 && !ferror(stdout)))
		return code; /* what was said of it once is enough */
	return command_fail(SP_EXIT_IO, "standard output could not be written: %s", strerror(errno));
}

/* A descriptor below 3 that is closed would be given to the next socket, and then be written as if
 * it were the output. Now it is open, but for the wrong direction: using it fails, as it should. */
static void guard_standard_streams(void)
{
	static const int modes[] = { O_WRONLY, O_RDONLY, O_WRONLY };
	for (int fd = 0; fd < 3; fd++)
		if (fcntl(fd, F_GETFD) < 0 && open("/dev/null", modes[fd]) != fd)
			return;
}

int main(int argc, char **argv)
{
	guard_standard_streams();
	bool named = argc > 1 && argv[1][0] != '-';
	const struct command *c = command_by_name(named ? argv[1] : "check");
	signal(SIGPIPE, SIG_IGN);
	int words = find_word(argc, argv, 1, "--");
	if (!c)
		return no_command(argv[1]);
	if (!named && wants_help(words, argv))
		usage();
	else if (!named && find_word(words, argv, 1, "--version") < words)
		puts("sallyport " SP_VERSION);
	else if (wants_help(words, argv))
		command_help(c);
	else
		return flushed(run(c, argc, argv, named ? 2 : 1));
	return flushed(0);
}
