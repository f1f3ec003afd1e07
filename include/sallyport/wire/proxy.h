/*
 * Web proxies, as far as naming one takes: the value of http_proxy, a PAC file, and the answer to
 * CONNECT (RFC 9110 section 9.3.6).
 *
 * Promises: pure, no allocation; out is untouched on failure; user names and passwords in a value
 * are dropped, never copied; a PAC file is searched, not run.
 */
#ifndef SALLYPORT_WIRE_PROXY_H
#define SALLYPORT_WIRE_PROXY_H

#include <stddef.h>
#include <stdint.h>

#include "sallyport/bytes.h"
#include "sallyport/text.h"

struct proxy_address {
	struct hostname host; /* a name or an IPv4 address */
	uint16_t port;
};

/* "http://user:word@proxy.example:3128/", "proxy.example:3128"; port 80, or 443 with https://, when
 * none is given. 0 or SP_E_SYNTAX. */
int proxy_parse(struct wire_text value, struct proxy_address *out);
/* The first "PROXY host:port" or "HTTPS host:port" of a PAC file. 0 or SP_E_MISSING. */
int pac_find_proxy(struct bytes script, struct proxy_address *out);
/* A CONNECT to host:port that asks for the connection to be closed. Length or SP_E_LIMIT. */
int proxy_connect_build(const char *host, uint16_t port, uint8_t *out, size_t cap);

#endif
