/* HTTP/1.x messages, bounded; see RFC 9112 for the framing and RFC 9110 for the fields. */
#include "sallyport/wire/http.h"

#include <string.h>
#include <strings.h>

#include "sallyport/err.h"

static bool is_digit(uint8_t c)
{
	return c >= '0' && c <= '9';
}

/* The next line without its CRLF (a bare LF is taken too, RFC 9112 section 2.2). False, and r
 * unchanged, when no line end has come. */
static bool line_read(struct reader *r, struct wire_text *out)
{
	struct reader try = *r;
	struct bytes rest = rd_take(&try, rd_left(&try));
	const uint8_t *end = rest.n ? memchr(rest.p, '\n', rest.n) : NULL;
	if (!end)
		return false;
	size_t n = (size_t)(end - rest.p);
	rd_skip(r, n + 1);
	*out = wire_text_of(rest.p, n && rest.p[n - 1] == '\r' ? n - 1 : n);
	return true;
}

/* The part of *t up to the first c; *t becomes what follows it. Whole *t when c is not in it. */
static struct wire_text split_at(struct wire_text *t, char c)
{
	const uint8_t *end = t->n ? memchr(t->p, c, t->n) : NULL;
	struct wire_text head = *t;
	if (!end) {
		t->n = 0;
		return head;
	}
	head.n = (size_t)(end - t->p);
	*t = wire_text_of(end + 1, t->n - head.n - 1);
	return head;
}

static struct wire_text trim(struct wire_text t)
{
	while (t.n && (*t.p == ' ' || *t.p == '\t'))
		t = wire_text_of(t.p + 1, t.n - 1);
	while (t.n && (t.p[t.n - 1] == ' ' || t.p[t.n - 1] == '\t'))
		t.n--;
	return t;
}

static bool equal_nocase(struct wire_text t, const char *s)
{
	return t.n == strlen(s) && strncasecmp((const char *)t.p, s, t.n) == 0;
}

/* Decimal number of 1 to `digits` digits; -1 when it is none. */
static int64_t number(struct wire_text t, size_t digits)
{
	int64_t v = 0;
	if (!t.n || t.n > digits)
		return -1;
	for (size_t i = 0; i < t.n; i++) {
		if (!is_digit(t.p[i]))
			return -1;
		v = v * 10 + (t.p[i] - '0');
	}
	return v;
}

/* "HTTP/1.1 204 No Content". */
static int status_line(struct wire_text line, struct http_response *h)
{
	struct wire_text version = split_at(&line, ' ');
	if (version.n != 8 || memcmp(version.p, "HTTP/1.", 7) != 0 || !is_digit(version.p[7]))
		return SP_E_MALFORMED;
	struct wire_text code = split_at(&line, ' ');
	int64_t status = code.n == 3 ? number(code, 3) : -1;
	if (status < 100 || status > 599)
		return SP_E_MALFORMED;
	h->status = (unsigned)status;
	return 0;
}

static void header(struct wire_text name, struct wire_text value, struct http_response *h)
{
	if (equal_nocase(name, "location") && !h->location.p)
		h->location = value;
	else if (equal_nocase(name, "server") && !h->server.p)
		h->server = value;
	else if (equal_nocase(name, "date") && !h->has_date)
		h->has_date = http_date_parse(value, &h->date_us) == 0;
	else if (equal_nocase(name, "content-length") && h->content_length < 0)
		h->content_length = number(value, 18);
	else if (equal_nocase(name, "transfer-encoding") && value.n >= 7)
		h->chunked = equal_nocase(wire_text_of(value.p + value.n - 7, 7), "chunked");
}

/* What belongs to the body: RFC 9112 section 6.3. */
static void body(struct reader *r, struct http_response *h)
{
	size_t n = rd_left(r);
	bool none = h->status == 204 || h->status == 304 || h->status < 200;
	bool counted = !h->chunked && h->content_length >= 0;
	if (none)
		n = 0;
	else if (counted && (uint64_t)h->content_length < n)
		n = (size_t)h->content_length;
	h->body = rd_take(r, n);
	h->complete = none || (counted && n == (uint64_t)h->content_length);
}

int http_response_parse(const uint8_t *p, size_t n, struct http_response *out)
{
	struct reader r = rd_of(p, n);
	struct http_response h = {.content_length = -1};
	struct wire_text line;
	if (!line_read(&r, &line))
		return SP_E_TRUNCATED;
	int e = status_line(line, &h);
	for (unsigned i = 0; !e; i++) {
		if (!line_read(&r, &line))
			return SP_E_TRUNCATED;
		if (!line.n)
			break;
		struct wire_text name = split_at(&line, ':');
		if (!name.n || i == HTTP_MAX_HEADERS)
			return SP_E_MALFORMED;
		header(name, trim(line), &h);
	}
	if (e)
		return e;
	body(&r, &h);
	*out = h;
	return 0;
}

int http_request_parse(const uint8_t *p, size_t n, struct http_request *out)
{
	struct reader r = rd_of(p, n);
	struct wire_text line;
	if (!line_read(&r, &line))
		return SP_E_TRUNCATED;
	struct http_request q = {.method = split_at(&line, ' '), .path = split_at(&line, ' ')};
	if (!q.method.n || !q.path.n || line.n < 7 || memcmp(line.p, "HTTP/1.", 7) != 0)
		return SP_E_MALFORMED;
	for (unsigned i = 0;; i++) {
		if (!line_read(&r, &line))
			return SP_E_TRUNCATED;
		if (!line.n)
			break;
		struct wire_text name = split_at(&line, ':');
		if (!name.n || i == HTTP_MAX_HEADERS)
			return SP_E_MALFORMED;
		if (equal_nocase(name, "host") && !q.host.p)
			q.host = trim(line);
	}
	*out = q;
	return 0;
}

static int port_parse(struct wire_text t, uint16_t *out)
{
	int64_t port = number(t, 5);
	if (port < 1 || port > 65535)
		return SP_E_SYNTAX;
	*out = (uint16_t)port;
	return 0;
}

int http_url_parse(const char *url, struct http_url *out)
{
	static const char scheme[] = "http://";
	size_t n = strlen(url);
	if (n < sizeof(scheme) || strncmp(url, scheme, sizeof(scheme) - 1) != 0)
		return SP_E_SYNTAX;
	struct wire_text path = wire_text_str(url + sizeof(scheme) - 1);
	struct wire_text authority = split_at(&path, '/');
	bool slash = authority.n < n - (sizeof(scheme) - 1);
	struct http_url u = {.port = 80};
	bool colon = authority.n && memchr(authority.p, ':', authority.n);
	struct wire_text host = split_at(&authority, ':');
	if (hostname_parse(host, &u.host) || (colon && port_parse(authority, &u.port)))
		return SP_E_SYNTAX;
	struct writer w = wr_of(u.path, sizeof(u.path) - 1); /* the rest stays NUL */
	wr_u8(&w, '/');
	for (size_t i = 0; slash && i < path.n; i++) {
		if (path.p[i] <= 0x20 || path.p[i] > 0x7e)
			return SP_E_SYNTAX;
		wr_u8(&w, path.p[i]);
	}
	if (!wr_ok(&w))
		return SP_E_SYNTAX;
	*out = u;
	return 0;
}

static void put(struct writer *w, const char *s)
{
	wr_bytes(w, s, strlen(s));
}

static void put_port(struct writer *w, uint16_t port)
{
	uint8_t digits[6];
	size_t n = 0;
	for (; port; port = (uint16_t)(port / 10))
		digits[sizeof(digits) - ++n] = (uint8_t)('0' + port % 10);
	wr_bytes(w, digits + sizeof(digits) - n, n);
}

int http_get_build(const struct http_url *url, uint8_t *out, size_t cap)
{
	struct writer w = wr_of(out, cap);
	put(&w, "GET ");
	put(&w, url->path);
	put(&w, " HTTP/1.1\r\nHost: ");
	put(&w, url->host.s);
	if (url->port != 80) {
		put(&w, ":");
		put_port(&w, url->port);
	}
	put(&w, "\r\nUser-Agent: sallyport\r\nAccept: */*\r\nCache-Control: no-cache\r\n"
		"Connection: close\r\n\r\n");
	return wr_ok(&w) ? (int)w.at : SP_E_LIMIT;
}

/* Days from 1970-01-01 to a date of the Gregorian calendar; month 1 to 12. Counts years from
 * March, so that the leap day is the last of a year. */
static int64_t days_from_civil(int64_t year, int64_t month, int64_t day)
{
	int64_t y = month <= 2 ? year - 1 : year;
	int64_t from_march = month > 2 ? month - 3 : month + 9;
	return y * 365 + y / 4 - y / 100 + y / 400 + (153 * from_march + 2) / 5 + day - 1 - 719468;
}

static int month_number(struct wire_text t)
{
	static const char names[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
	for (int i = 0; t.n == 3 && i < 12; i++)
		if (memcmp(t.p, names + (size_t)i * 3, 3) == 0)
			return i + 1;
	return 0;
}

static struct wire_text slice(struct wire_text t, size_t at, size_t n)
{
	return wire_text_of(t.p + at, n);
}

int http_date_parse(struct wire_text t, int64_t *out_us)
{
	/*             0         1         2
	 *             01234567890123456789012345678
	 *             Sun, 06 Nov 1994 08:49:37 GMT */
	static const char shape[] = "aaa, dd aaa dddd dd:dd:dd GMT";
	if (t.n != sizeof(shape) - 1)
		return SP_E_SYNTAX;
	for (size_t i = 0; i < t.n; i++)
		if (shape[i] != 'a' && (shape[i] == 'd' ? !is_digit(t.p[i]) : t.p[i] != shape[i]))
			return SP_E_SYNTAX;
	int64_t day = number(slice(t, 5, 2), 2), year = number(slice(t, 12, 4), 4);
	int64_t hour = number(slice(t, 17, 2), 2), minute = number(slice(t, 20, 2), 2);
	int64_t second = number(slice(t, 23, 2), 2);
	int month = month_number(slice(t, 8, 3));
	if (!month || day < 1 || day > 31 || year < 1970 || hour > 23 || minute > 59 || second > 60)
		return SP_E_SYNTAX;
	int64_t days = days_from_civil(year, month, day);
	*out_us = (((days * 24 + hour) * 60 + minute) * 60 + second) * 1000000;
	return 0;
}
