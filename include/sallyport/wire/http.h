/*
 * HTTP/1.x, as little as a captive-portal check needs: one GET out, one response in (RFC 9112).
 *
 * Promises: pure, no allocation; out is untouched on failure; slices point into the input; at most
 * HTTP_MAX_HEADERS header lines are looked at. Chunked bodies are told, not decoded.
 */
#ifndef SALLYPORT_WIRE_HTTP_H
#define SALLYPORT_WIRE_HTTP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "sallyport/bytes.h"
#include "sallyport/text.h"

enum { HTTP_MAX_HEADERS = 64, HTTP_PATH_MAX = 512 };

struct http_response {
	unsigned status;                   /* 100 to 599 */
	struct wire_text location, server; /* p NULL when absent */
	bool has_date;
	int64_t date_us;        /* Date as wall microseconds */
	int64_t content_length; /* -1 when absent */
	bool chunked;
	struct bytes body; /* what has arrived of it, at most content_length */
	bool complete; /* the body is whole; false as well when only the end of the stream ends it
			*/
};

/* 0; SP_E_TRUNCATED while the empty line after the headers has not come; SP_E_MALFORMED. */
int http_response_parse(const uint8_t *p, size_t n, struct http_response *out);

struct http_request {
	struct wire_text method, path, host; /* host p NULL when absent */
};
int http_request_parse(const uint8_t *p, size_t n, struct http_request *out);

/* An http:// URL taken apart. 0 or SP_E_SYNTAX; literal IPv6 hosts are not supported. */
struct http_url {
	struct hostname host;
	uint16_t port; /* 80 when not given */
	char path[HTTP_PATH_MAX];
};
int http_url_parse(const char *url, struct http_url *out);

/* A GET that asks for the connection to be closed. Returns its length or SP_E_LIMIT. */
int http_get_build(const struct http_url *url, uint8_t *out, size_t cap);

/* IMF-fixdate ("Sun, 06 Nov 1994 08:49:37 GMT", RFC 9110 section 5.6.7); 0 or SP_E_SYNTAX. */
int http_date_parse(struct wire_text t, int64_t *out_us);

#endif
