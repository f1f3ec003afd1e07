#include "sallyport/text.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "sallyport/err.h"

struct wire_text wire_text_of(const void *p, size_t n)
{
	return (struct wire_text){ p, n };
}

struct wire_text wire_text_str(const char *s)
{
	return wire_text_of(s, strlen(s));
}

size_t text_printable(char *out, size_t cap, struct wire_text in)
{
	static const char hex[] = "0123456789abcdef";
	size_t at = 0, safe = 0; /* safe: where "..." still fits */
	for (size_t i = 0; i < in.n; i++) {
		uint8_t c = in.p[i];
		size_t need = c >= 0x20 && c < 0x7f ? 1 : 4;
		if (at + need >= cap) {
			memcpy(out + safe, "...", 4);
			return safe + 3;
		}
		if (need == 1) {
			out[at++] = (char)c;
		} else {
			out[at++] = '\\';
			out[at++] = 'x';
			out[at++] = hex[c >> 4];
			out[at++] = hex[c & 15];
		}
		if (at + 4 <= cap)
			safe = at;
	}
	out[at] = '\0';
	return at;
}

size_t text_hex(char *out, size_t cap, const void *p, size_t n)
{
	const uint8_t *b = p;
	size_t at = 0;
	for (size_t i = 0; i < n && at + 3 <= cap; i++, at += 2)
		snprintf(out + at, cap - at, "%02x", b[i]);
	out[at] = '\0';
	return at;
}

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

int text_unhex(const char *s, uint8_t *out, size_t n)
{
	if (strlen(s) != 2 * n)
		return SP_E_SYNTAX;
	for (size_t i = 0; i < n; i++) {
		int hi = hex_digit(s[2 * i]), lo = hex_digit(s[2 * i + 1]);
		if (hi < 0 || lo < 0)
			return SP_E_SYNTAX;
		out[i] = (uint8_t)(hi << 4 | lo);
	}
	return 0;
}

static bool label_char(uint8_t c)
{
	return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '_';
}

int hostname_parse(struct wire_text in, struct hostname *out)
{
	struct hostname h;
	if (in.n && in.p[in.n - 1] == '.')
		in.n--;
	if (!in.n || in.n > HOSTNAME_MAX)
		return SP_E_SYNTAX;
	size_t label = 0;
	for (size_t i = 0; i < in.n; i++) {
		uint8_t c = in.p[i];
		if (c >= 'A' && c <= 'Z')
			c = (uint8_t)(c - 'A' + 'a');
		if (c == '.' ? !label : !label_char(c) || label == 63)
			return SP_E_SYNTAX;
		label = c == '.' ? 0 : label + 1;
		h.s[i] = (char)c;
	}
	if (!label)
		return SP_E_SYNTAX;
	h.s[in.n] = '\0';
	*out = h;
	return 0;
}

bool text_equal_nocase(const char *a, const char *b)
{
	return strcasecmp(a, b) == 0;
}

void text_copy(char *out, size_t cap, const char *s)
{
	snprintf(out, cap, "%s", s);
}
