/*
 * Text that came from outside, and the escapers it must pass on its way out.
 *
 * Promises: after text_printable() a string holds only printable ASCII (0x20 to 0x7e), whatever
 * came in; other bytes stand as \xNN. The escaper is idempotent. A struct hostname holds only
 * letters, digits, hyphen, underscore and dots, so that it may enter a rule or a command.
 */
#ifndef SALLYPORT_TEXT_H
#define SALLYPORT_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct wire_text {
	const uint8_t *p;
	size_t n;
};

struct wire_text wire_text_of(const void *p, size_t n);
struct wire_text wire_text_str(const char *s);

/* Writes at most cap - 1 characters and a NUL; ends in "..." when it had to be cut. Returns the
 * length written. cap must be at least 8. */
size_t text_printable(char *out, size_t cap, struct wire_text in);

/* Lower-case hex, two characters per byte, cut at cap - 1; returns the length written. */
size_t text_hex(char *out, size_t cap, const void *p, size_t n);
/* Reads exactly n bytes of hex (either case); 0 or SP_E_SYNTAX. */
int text_unhex(const char *s, uint8_t *out, size_t n);

#define HOSTNAME_MAX 253 /* RFC 1035 section 2.3.4, without the trailing dot */
struct hostname {
	char s[HOSTNAME_MAX + 1];
};

/* Lower-cases and checks labels (1 to 63 of letters, digits, '-', '_'; RFC 1123 section 2.1).
 * 0 or SP_E_SYNTAX; out untouched on failure. A trailing dot is dropped. */
int hostname_parse(struct wire_text in, struct hostname *out);

bool text_equal_nocase(const char *a, const char *b);
/* Copies s into out (cap bytes), cut when it is too long; always terminated. */
void text_copy(char *out, size_t cap, const char *s);

#endif
