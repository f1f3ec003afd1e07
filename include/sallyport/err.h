/*
 * Error codes and located errors.
 *
 * Promises: every function of sallyport that can fail returns 0 (or a count) on success and a
 * negative code on failure: -errno for a failed system call, or one of the SP_E values below.
 * What a network does (silence, refusal, ICMP, a bad certificate) is never an error: it is an
 * observation (model.h).
 */
#ifndef SALLYPORT_ERR_H
#define SALLYPORT_ERR_H

enum sp_err {
	SP_E_MALFORMED = -1000, /* bytes that break their protocol's rules */
	SP_E_TRUNCATED = -1001, /* bytes that end too early */
	SP_E_RANGE = -1002,     /* a number outside what is allowed */
	SP_E_SYNTAX = -1003,    /* text that does not parse */
	SP_E_UNKNOWN = -1004,   /* a name that nobody knows */
	SP_E_LIMIT = -1005,     /* a documented limit was reached */
	SP_E_CRYPTO = -1006,    /* the crypto library refused */
	SP_E_MISSING = -1007,   /* a resource (file, tool, interface) is not there */
	SP_E_USAGE = -1008,     /* bad command line */
	SP_E_DENIED = -1009,    /* a privilege is missing */
	SP_E_LIBRARY = -1010,   /* another library failed without an errno */
};

/* Process exit codes (the contract; 0 to 3 are also the monitoring-plugins codes). */
enum sp_exit {
	SP_EXIT_WORKS = 0,
	SP_EXIT_FRAGILE = 1,
	SP_EXIT_BLOCKED = 2,
	SP_EXIT_UNKNOWN = 3,
	SP_EXIT_USAGE = 64,
	SP_EXIT_DAMAGED = 65,
	SP_EXIT_MISSING = 69,
	SP_EXIT_INTERNAL = 70,
	SP_EXIT_IO = 74, /* stdout or --output could not be written (disk full) */
	SP_EXIT_DENIED = 77,
	SP_EXIT_CONFIG = 78,
};

/* One line that tells a person where and what; file is empty and line 0 where there is none. */
struct sp_error {
	char file[256];
	unsigned line, column;
	char text[384];
};

/* Static text for any negative code, errno values included; never NULL. */
const char *sp_strerror(int code);

/* Fills e (NULL is allowed) and returns code, so that `return sp_error_set(...)` reads well. */
int sp_error_set(struct sp_error *e, int code, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
int sp_error_at(struct sp_error *e, int code, const char *file, unsigned line, unsigned column,
		const char *fmt, ...) __attribute__((format(printf, 6, 7)));

/* Writes "file:line:column: text", "file:line: text", "file: text" or "text"; returns out. */
const char *sp_error_format(const struct sp_error *e, char *out, unsigned cap);

#endif
