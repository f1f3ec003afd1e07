/*
 * TLS on TCP, as far as it is readable without keys: records, hellos, alerts, and what the first
 * bytes of any TCP peer look like.
 *
 * Promises: pure and without allocation; out is untouched on failure; slices point into the input
 * and die with it; no length on the wire is trusted. TLS 1.0 to 1.3 (RFC 5246, RFC 8446).
 */
#ifndef SALLYPORT_WIRE_TLS_H
#define SALLYPORT_WIRE_TLS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "sallyport/bytes.h"
#include "sallyport/text.h"

enum {
	TLS_CHANGE_CIPHER_SPEC = 20,
	TLS_ALERT = 21,
	TLS_HANDSHAKE = 22,
	TLS_APPLICATION = 23,
	TLS_RECORD_HEADER = 5,
	TLS_RECORD_MAX = 16384 + 256, /* RFC 8446 section 5.2 */
	TLS_CLIENT_HELLO = 1,
	TLS_SERVER_HELLO = 2,
	TLS_MAX_EXTENSIONS = 64, /* above what any known client sends */
};

struct tls_record {
	uint8_t type;
	uint16_t version; /* of the record layer; 0x0301 in many hellos */
	struct bytes body;
};

/* The next record. 0; SP_E_TRUNCATED when more bytes could complete it (r is not moved);
 * SP_E_MALFORMED when no TLS record starts here. */
int tls_record_read(struct reader *r, struct tls_record *out);

/* One handshake message, header stripped. */
struct tls_message {
	uint8_t type;
	struct bytes body;
};

/* Joins the handshake records at the start of p[0..n) in buf until the first message is whole
 * (RFC 8446 section 5.1 lets it span records). 0; SP_E_TRUNCATED when more bytes are needed;
 * SP_E_MALFORMED; SP_E_LIMIT when it does not fit buf. *out points into buf. */
int tls_first_message(const uint8_t *p, size_t n, uint8_t *buf, size_t cap,
		      struct tls_message *out);

struct tls_client_hello {
	uint16_t version;        /* legacy_version */
	struct bytes random;     /* 32 bytes */
	struct bytes session_id; /* at most 32 */
	struct bytes suites;     /* 2 bytes each */
	struct wire_text sni;    /* first host_name (RFC 6066 section 3); p NULL when absent */
	struct bytes alpn;       /* ProtocolNameList, each with a length byte; p NULL when absent */
};

/* Body of a ClientHello message. 0, SP_E_TRUNCATED or SP_E_MALFORMED. */
int tls_client_hello_parse(const uint8_t *p, size_t n, struct tls_client_hello *out);
/* A ClientHello as one record (or several, when record_max > 0 limits their bodies). Random must
 * have 32 bytes. Returns its length, or SP_E_LIMIT when cap is too small. */
int tls_client_hello_build(const struct tls_client_hello *h, size_t record_max, uint8_t *out,
			   size_t cap);

struct tls_server_hello {
	uint16_t
		version; /* negotiated: supported_versions where present (RFC 8446 section 4.2.1) */
	struct bytes random;
	uint16_t suite;
	bool retry_request; /* HelloRetryRequest (RFC 8446 section 4.1.3) */
};
int tls_server_hello_parse(const uint8_t *p, size_t n, struct tls_server_hello *out);

struct tls_alert {
	uint8_t level, description;
};
/* Body of an alert record in clear. 0 or SP_E_MALFORMED. */
int tls_alert_parse(const uint8_t *p, size_t n, struct tls_alert *out);

/* What the first bytes from a peer look like. */
enum tls_sniff {
	SNIFF_NOTHING, /* no bytes */
	SNIFF_TLS,     /* a TLS record header with possible values */
	SNIFF_HTTP,    /* an HTTP/1 response or request line */
	SNIFF_TEXT,    /* only printable ASCII, tab, CR, LF */
	SNIFF_BINARY,
};
enum tls_sniff tls_sniff(const uint8_t *p, size_t n);

#endif
