/* The devices an answer or an allow-list is for. They end up in firewall rules, so that what is not
 * plainly a device is refused here, where the line and column are still known. */
#include "devices.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "sallyport/text.h"

enum { FIELD_MAX = 128, LINE_MAX_BYTES = 1024 };

static int refuse(struct sp_error *err, const char *why, const char *part)
{
	char shown[FIELD_MAX];
	text_printable(shown, sizeof(shown), wire_text_str(part));
	return sp_error_set(err, SP_E_USAGE, "'%s' %s", shown, why);
}

/* What a slip of the finger makes of an address: digits and dots, pairs joined by '-'. */
static bool looks_like_address(const char *part)
{
	size_t n = strlen(part);
	return (strchr(part, '.') && strspn(part, "0123456789.") == n) ||
	       (strchr(part, '-') && strspn(part, "0123456789abcdefABCDEF-") == n);
}

static bool is_name(const char *part)
{
	for (const char *c = part; *c; c++)
		if (!isalnum((unsigned char)*c) && !strchr(" ._-", *c))
			return false;
	return isalnum((unsigned char)part[0]) && strlen(part) < sizeof(((struct device *)0)->name);
}

/* Which of the three it is shows from its form. */
static int set_part(struct device *dev, const char *part, struct sp_error *err)
{
	struct mac m;
	struct addr a;
	if (mac_parse(part, &m) == 0) {
		if (dev->mac[0])
			return refuse(err, "is a second MAC", part);
		if (!mac_is_unicast(&m))
			return refuse(err, "is no device's own MAC", part);
		mac_format(&m, dev->mac);
		return 0;
	}
	if (addr_parse(part, &a) == 0) {
		if (dev->ip[0])
			return refuse(err, "is a second address", part);
		if (!addr_is_host(&a))
			return refuse(err, "is no device's own address", part);
		addr_format(&a, dev->ip);
		return 0;
	}
	if (looks_like_address(part))
		return refuse(err, "looks like an address, but is none", part);
	if (dev->name[0] || !is_name(part) || (!dev->mac[0] && !dev->ip[0]))
		return refuse(err, "is no MAC, address or name (letters, digits, space . _ -)", part);
	text_copy(dev->name, sizeof(dev->name), part);
	return 0;
}

/* The field at s[0..n) without the blanks around it; what is too long is refused as it is cut. */
static const char *trimmed(char out[FIELD_MAX], const char *s, size_t n)
{
	while (n && isblank((unsigned char)s[n - 1]))
		n--;
	snprintf(out, FIELD_MAX, "%.*s", (int)n, s);
	return out;
}

int devices_add(struct settings *s, const char *value, struct sp_error *err)
{
	struct device dev = { 0 };
	char part[FIELD_MAX];
	if (s->n_devices == SETTINGS_MAX_DEVICES)
		return sp_error_set(err, SP_E_LIMIT, "more than %d devices", SETTINGS_MAX_DEVICES);
	for (const char *at = value; *at; at += *at == ',') {
		at += strspn(at, " \t");
		size_t n = strcspn(at, ",");
		int e = n ? set_part(&dev, trimmed(part, at, n), err) : 0;
		if (e && err)
			err->column = (unsigned)(at - value) + 1;
		if (e)
			return e;
		at += n;
	}
	if (!dev.mac[0] && !dev.ip[0])
		return refuse(err, "names neither a MAC nor an address", value);
	s->devices[s->n_devices++] = dev;
	return 0;
}

/* The next line without its end; 0 at the end of the file, 1 for a line. */
static int read_line(FILE *f, char out[LINE_MAX_BYTES], struct sp_error *err)
{
	size_t n = 0;
	int c;
	while ((c = getc(f)) != EOF && c != '\n') {
		if (n == LINE_MAX_BYTES - 1)
			return sp_error_set(err, SP_E_USAGE, "line is longer than %d bytes", LINE_MAX_BYTES);
		if (c == '\0')
			return sp_error_set(err, SP_E_USAGE, "line holds a NUL byte");
		out[n++] = (char)c;
	}
	n -= n && out[n - 1] == '\r';
	out[n] = '\0';
	out[strcspn(out, "#")] = '\0';
	return c != EOF || n > 0;
}

int devices_read(struct settings *s, const char *label, const char *path, struct sp_error *err)
{
	FILE *f = fopen(path, "re");
	if (!f)
		return sp_error_set(err, -errno, "%s: %s: %s", label, path, strerror(errno));
	char line[LINE_MAX_BYTES];
	int e = 1;
	for (unsigned number = 1; e > 0; number++) {
		struct sp_error why = { 0 };
		e = read_line(f, line, &why);
		int bad = e > 0 && line[strspn(line, " \t")] ? devices_add(s, line, &why) : 0;
		e = bad ? bad : e;
		if (e < 0)
			e = sp_error_at(err, SP_E_MALFORMED, path, number, why.column ? why.column : 1, "%s",
					why.text);
	}
	if (!e && ferror(f))
		e = sp_error_set(err, SP_E_MALFORMED, "%s: %s: %s", label, path, strerror(errno));
	fclose(f);
	return e;
}
