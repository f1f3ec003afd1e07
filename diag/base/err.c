#include "sallyport/err.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* The one place where the C library matters: glibc's text without the locale, else the standard's. */
static const char *errno_text(int e)
{
#ifdef __GLIBC__
	return strerrordesc_np(e);
#else
	return strerror(e);
#endif
}

const char *sp_strerror(int code)
{
	switch (code) {
	case SP_E_MALFORMED: return "malformed";
	case SP_E_TRUNCATED: return "ends too early";
	case SP_E_RANGE: return "out of range";
	case SP_E_SYNTAX: return "does not parse";
	case SP_E_UNKNOWN: return "unknown name";
	case SP_E_LIMIT: return "limit reached";
	case SP_E_CRYPTO: return "crypto library error";
	case SP_E_MISSING: return "not found";
	case SP_E_USAGE: return "bad usage";
	case SP_E_DENIED: return "permission missing";
	case SP_E_LIBRARY: return "library error";
	default: break;
	}
	const char *text = code < 0 && code > -1000 ? errno_text(-code) : NULL;
	return text ? text : "unknown error";
}

__attribute__((format(printf, 2, 0)))
static void set_text(struct sp_error *e, const char *fmt, va_list ap)
{
	vsnprintf(e->text, sizeof(e->text), fmt, ap);
}

int sp_error_set(struct sp_error *e, int code, const char *fmt, ...)
{
	if (!e)
		return code;
	va_list ap;
	va_start(ap, fmt);
	e->file[0] = '\0';
	e->line = e->column = 0;
	set_text(e, fmt, ap);
	va_end(ap);
	return code;
}

int sp_error_at(struct sp_error *e, int code, const char *file, unsigned line, unsigned column,
		const char *fmt, ...)
{
	if (!e)
		return code;
	va_list ap;
	va_start(ap, fmt);
	snprintf(e->file, sizeof(e->file), "%s", file);
	e->line = line;
	e->column = column;
	set_text(e, fmt, ap);
	va_end(ap);
	return code;
}

const char *sp_error_format(const struct sp_error *e, char *out, unsigned cap)
{
	if (e->file[0] && e->line && !e->column)
		snprintf(out, cap, "%s:%u: %s", e->file, e->line, e->text);
	else if (e->file[0] && e->line)
		snprintf(out, cap, "%s:%u:%u: %s", e->file, e->line, e->column, e->text);
	else if (e->file[0])
		snprintf(out, cap, "%s: %s", e->file, e->text);
	else
		snprintf(out, cap, "%s", e->text);
	return out;
}
