#include "sallyport/wire/proxy.h"

#include <string.h>

#include "sallyport/err.h"

/* 1 to 65535; 0 when it is no port. */
static uint16_t port_of(struct wire_text t)
{
	uint32_t v = 0;
	if (!t.n || t.n > 5)
		return 0;
	for (size_t i = 0; i < t.n; i++) {
		if (t.p[i] < '0' || t.p[i] > '9')
			return 0;
		v = v * 10 + (uint32_t)(t.p[i] - '0');
	}
	return v <= 65535 ? (uint16_t)v : 0;
}

static struct wire_text after(struct wire_text t, size_t n)
{
	return wire_text_of(t.p + n, t.n - n);
}

static bool starts(struct wire_text t, const char *word)
{
	return t.n >= strlen(word) && memcmp(t.p, word, strlen(word)) == 0;
}

int proxy_parse(struct wire_text value, struct proxy_address *out)
{
	struct proxy_address a = { .port = 80 };
	if (starts(value, "https://"))
		a.port = 443;
	if (starts(value, "http://") || starts(value, "https://"))
		value = after(value, a.port == 443 ? 8 : 7);
	const uint8_t *end = value.n ? memchr(value.p, '/', value.n) : NULL;
	value.n = end ? (size_t)(end - value.p) : value.n;
	for (size_t i = value.n; i > 0; i--) /* a password may hold '@' */
		if (value.p[i - 1] == '@') {
			value = after(value, i);
			break;
		}
	const uint8_t *colon = value.n ? memchr(value.p, ':', value.n) : NULL;
	struct wire_text host = { value.p, colon ? (size_t)(colon - value.p) : value.n };
	if (colon)
		a.port = port_of(after(value, host.n + 1));
	if (!host.n || hostname_parse(host, &a.host) || !a.port)
		return SP_E_SYNTAX;
	*out = a;
	return 0;
}

static bool is_end(uint8_t c)
{
	return c == ';' || c == '"' || c == '\'' || c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

int pac_find_proxy(struct bytes script, struct proxy_address *out)
{
	struct wire_text t = wire_text_of(script.p, script.n);
	for (; t.n > 6; t = after(t, 1)) {
		if (!starts(t, "PROXY ") && !starts(t, "HTTPS "))
			continue;
		struct wire_text value = after(t, 6);
		size_t n = 0;
		while (n < value.n && !is_end(value.p[n]))
			n++;
		value.n = n;
		if (proxy_parse(value, out) == 0)
			return 0;
	}
	return SP_E_MISSING;
}

static void put(struct writer *w, const char *s)
{
	wr_bytes(w, s, strlen(s));
}

static void put_port(struct writer *w, uint16_t port)
{
	char digits[6] = { 0 };
	size_t at = sizeof(digits) - 1;
	for (; port; port = (uint16_t)(port / 10))
		digits[--at] = (char)('0' + port % 10);
	put(w, digits + at);
}

int proxy_connect_build(const char *host, uint16_t port, uint8_t *out, size_t cap)
{
	struct writer w = wr_of(out, cap);
	for (int i = 0; i < 2; i++) { /* the request line, then the Host field */
		put(&w, i ? "Host: " : "CONNECT ");
		put(&w, host);
		put(&w, ":");
		put_port(&w, port);
		put(&w, i ? "\r\nUser-Agent: sallyport\r\n\r\n" : " HTTP/1.1\r\n");
	}
	return wr_ok(&w) ? (int)w.at : SP_E_LIMIT;
}
