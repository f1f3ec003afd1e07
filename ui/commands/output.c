/*
 * Where a document goes: standard output, or --output FILE. A plain file is written under another
 * name beside it and renamed when it is whole, so FILE never holds half a report; what is no plain
 * file (a device, a pipe) is written in place. A place that cannot be written is found out before
 * anything is measured, and what was measured goes to standard output when the file fails later.
 */
#include "output.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "commands.h"
#include "sallyport/report.h"

static int refuse(const struct command_ctx *c, const char *path, int error)
{
	return command_fail(SP_EXIT_IO, "%s: %s: %s", setting_label(c->arena, &c->settings, "output"),
			    path, strerror(error));
}

/* The file that is written first; it takes over the rights of the one that it replaces. */
static int open_part(struct output *o, const char *path, const struct stat *old)
{
	int fd = old && access(path, W_OK) ? -1
		 : open(o->part, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
	if (fd < 0)
		return errno;
	if (old && (fchmod(fd, old->st_mode & 07777) || fchown(fd, old->st_uid, old->st_gid)))
		errno = 0; /* not ours to keep: the report matters more */
	o->out = fdopen(fd, "w");
	return 0;
}

/* /dev/stderr, /dev/fd/3, a terminal, a named pipe: nothing to be replaced. */
static int open_in_place(const struct command_ctx *c, struct output *o)
{
	int fd = open(o->path, O_WRONLY | O_APPEND | O_CLOEXEC);
	o->out = fd < 0 ? NULL : fdopen(fd, "w");
	return o->out ? 0 : refuse(c, o->path, errno);
}

static int open_file(const struct command_ctx *c, struct output *o)
{
	struct stat st;
	char *real = NULL;
	bool exists = stat(c->settings.output, &st) == 0;
	o->path = c->settings.output;
	if (exists && (!S_ISREG(st.st_mode) || strncmp(o->path, "/dev/", 5) == 0))
		return open_in_place(c, o);
	if (exists && (real = realpath(o->path, NULL))) /* a link stays, its target is replaced */
		o->path = arena_strdup(c->arena, real);
	free(real);
	o->part = arena_printf(c->arena, "%s.part-%ld", o->path, (long)getpid());
	int e = open_part(o, o->path, exists ? &st : NULL);
	return e ? refuse(c, c->settings.output, e) : 0;
}

int output_open(const struct command_ctx *c, struct output *o)
{
	const char *path = c->settings.output;
	*o = (struct output){ .out = stdout };
	if (*path && strcmp(path, "-") && strcmp(path, "/dev/stdout"))
		return open_file(c, o);
	int flags = fcntl(STDOUT_FILENO, F_GETFL);
	if (flags < 0 || (flags & O_ACCMODE) == O_RDONLY)
		return command_fail(SP_EXIT_IO, "standard output is closed: nothing was done");
	return 0;
}

void output_drop(struct output *o)
{
	if (!o->path)
		return;
	fclose(o->out);
	if (o->part)
		unlink(o->part);
}

/* e: 0 or the errno value of writing; what it comes to. */
static int finish_file(struct output *o, int e)
{
	if (!e && fflush(o->out))
		e = errno;
	if (!e && o->part && fsync(fileno(o->out)))
		e = errno;
	if (fclose(o->out) && !e)
		e = errno;
	if (!e && o->part && rename(o->part, o->path))
		e = errno;
	if (e && o->part)
		unlink(o->part);
	return e;
}

int output_write(const struct output *o, const struct document *d)
{
	char *text = NULL;
	size_t n = 0;
	/* Through memory, so that the first write that fails is the one whose errno is seen. */
	FILE *memory = open_memstream(&text, &n);
	int e = memory ? d->write(d, memory, o->out == stdout && isatty(STDOUT_FILENO)) : -errno;
	if (memory)
		fclose(memory);
	errno = 0;
	if (!e && (fwrite(text, 1, n, o->out) != n || fflush(o->out)))
		e = -(errno ? errno : EIO);
	free(text);
	return e;
}

int output_close(const struct command_ctx *c, struct output *o, const struct document *d, int e,
		 int code)
{
	int failed = o->path ? finish_file(o, -e) : -e;
	if (!failed)
		return code;
	if (!o->path)
		return command_fail(SP_EXIT_IO, "standard output could not be written: %s (the exit code would "
				    "have been %d)", strerror(failed), code);
	command_fail(SP_EXIT_IO, "%s: %s: %s; written to standard output instead (the exit code would have "
		     "been %d)", setting_label(c->arena, &c->settings, "output"), o->path, strerror(failed),
		     code);
	struct output instead = { .out = stdout };
	(void)output_write(&instead, d);
	return SP_EXIT_IO;
}

int output_check(const struct command_ctx *c)
{
	struct output o;
	int wrong = output_open(c, &o);
	if (!wrong)
		output_drop(&o);
	return wrong;
}

int write_document(const struct command_ctx *c, const struct document *d, int code)
{
	struct output o;
	int wrong = output_open(c, &o);
	return wrong ? wrong : output_close(c, &o, d, output_write(&o, d), code);
}

static int write_run(const struct document *d, FILE *out, bool terminal)
{
	const struct settings *s = &d->command->settings;
	const struct report_def *def = report_by_name(s->format);
	struct report_options how = { .color = terminal && !s->no_color, .ascii = s->ascii,
				      .redact = s->redact, .verbose = s->verbose, .quiet = s->quiet,
				      .width = 80 };
	return def ? def->write(d->of, &how, out) : -EINVAL;
}

struct document report_document(const struct command_ctx *c, const struct run *r)
{
	return (struct document){ .write = write_run, .command = c, .of = r };
}
