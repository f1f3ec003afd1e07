#include "doc.h"

#include <errno.h>
#include <stdarg.h>
#include <string.h>

#include "redact.h"

enum { MIN_WIDTH = 40, MAX_WIDTH = 200 };

void doc_open(struct doc *d, const struct run *r, const struct report_options *o, FILE *out)
{
	unsigned width = o->width ? o->width : 80;
	width = width < MIN_WIDTH ? MIN_WIDTH : width > MAX_WIDTH ? MAX_WIDTH : width;
	*d = (struct doc){ .out = out, .run = r, .options = o, .arena = arena_new(), .width = width };
}

int doc_close(struct doc *d)
{
	arena_free(d->arena);
	errno = 0;
	if (fflush(d->out) || ferror(d->out))
		return -(errno ? errno : EIO);
	return 0;
}

static void new_line(struct doc *d)
{
	putc('\n', d->out);
	d->lines++;
}

static bool full(const struct doc *d)
{
	return d->max_lines && d->lines >= d->max_lines;
}

void doc_blank(struct doc *d)
{
	if (!full(d))
		new_line(d);
}

static void put_styled(struct doc *d, enum style style, const char *text)
{
	static const char *const sgr[STYLE_COUNT] = { "", "1", "32", "33", "1;31", "2" };
	if (d->options->color && style != STYLE_PLAIN && *text)
		fprintf(d->out, "\033[%sm%s\033[0m", sgr[style], text);
	else
		fputs(text, d->out);
}

/* Printable whatever came in, and redacted. */
static const char *clean(struct doc *d, const char *text)
{
	size_t cap = strlen(text) * 4 + 8;
	char *safe = arena_alloc(d->arena, cap);
	text_printable(safe, cap, wire_text_str(text));
	return d->options->redact ? redact_text(d->arena, d->run, safe) : safe;
}

void doc_heading(struct doc *d, const char *title)
{
	doc_blank(d);
	if (full(d))
		return;
	put_styled(d, STYLE_BOLD, title);
	new_line(d);
}

/* Characters of s that go on a line of at most n columns; breaks at a blank where there is one. */
static size_t line_length(const char *s, size_t n)
{
	size_t len = strlen(s);
	if (len <= n)
		return len;
	for (size_t i = n; i > 0; i--)
		if (s[i] == ' ')
			return i;
	return n;
}

/* The first n characters of s; of a text that has to be cut as many as leave room for "...". */
static void put_line(struct doc *d, const char *s, size_t n, size_t room, bool cut)
{
	size_t keep = !cut || n + 3 <= room ? n : room - 3;
	fprintf(d->out, "%.*s%s", (int)keep, s, cut ? "..." : "");
	new_line(d);
}

void doc_part(struct doc *d, const struct doc_part *part, const char *text)
{
	if (full(d))
		return;
	const char *prefix = part->prefix ? clean(d, part->prefix) : "", *s = clean(d, text);
	const char *lead = part->lead ? clean(d, part->lead) : "";
	size_t room = d->width - part->indent, used = strlen(prefix) + strlen(lead);
	put_styled(d, part->style, prefix);
	fputs(lead, d->out);
	if (used > part->indent) { /* a long prefix has a line of its own */
		new_line(d);
		used = 0;
	}
	for (unsigned line = 1;; line++) {
		size_t n = line_length(s, room);
		bool more = s[n] != '\0', last = line == part->max || d->lines + 1 == d->max_lines;
		fprintf(d->out, "%*s", (int)(part->indent - used), "");
		put_line(d, s, n, room, more && last);
		s += n;
		s += strspn(s, " ");
		if (!*s || last)
			return;
		used = 0;
	}
}

void doc_text(struct doc *d, const char *text)
{
	doc_part(d, &(struct doc_part){ 0 }, text);
}

const char *doc_tail(struct doc *d, const char *s, unsigned n)
{
	s = clean(d, s);
	size_t len = strlen(s);
	const char *tail = len <= n ? s : s + len - (n - 3);
	return len <= n ? s : arena_printf(d->arena, "...%s", tail + (*tail == '.')); /* not four dots */
}

const char *doc_printf(struct doc *d, const char *fmt, ...)
{
	char text[4096];
	va_list ap;
	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	return arena_strdup(d->arena, text);
}

const char *doc_join(struct doc *d, const char *list, const char *item)
{
	return *list ? arena_printf(d->arena, "%s, %s", list, item) : item;
}

const char *doc_count(struct doc *d, uint64_t n, const char *noun)
{
	return arena_printf(d->arena, "%llu %s%s", (unsigned long long)n, noun, n == 1 ? "" : "s");
}
