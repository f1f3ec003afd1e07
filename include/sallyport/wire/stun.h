/*
 * STUN messages: RFC 8489, the NAT behaviour attributes of RFC 5780, and the form of RFC 3489 that
 * has no magic cookie ("classic").
 *
 * Promises: the parser reads only inside (p, n), allocates nothing and leaves `out` alone when it
 * fails; slices point into p. The builder writes every byte of what it returns, padding included.
 * parse(build(m)) says the same as m. Nothing here knows what a server should answer.
 *
 *   0                   1                   2                   3
 *   0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
 *  +---+---------------------------+-------------------------------+
 *  |0 0|  method and class (14)    |   length, without this header |
 *  +---+---------------------------+-------------------------------+
 *  |     magic cookie 0x2112A442; any value in the classic form    |
 *  +---------------------------------------------------------------+
 *  |                    transaction id (96 bits)                   |
 *  +---------------------------------------------------------------+
 *  |   attributes: type (16), length before padding (16), value    |
 *  +---------------------------------------------------------------+
 */
#ifndef SALLYPORT_WIRE_STUN_H
#define SALLYPORT_WIRE_STUN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "sallyport/addr.h"
#include "sallyport/text.h"

enum {
	STUN_HEADER = 20,
	STUN_ID = 16, /* cookie and transaction id */
	STUN_BINDING = 1,
	STUN_MAX_UNKNOWN = 4, /* listed; more would make an error answer larger than a good one */
	STUN_MAX_TEXT = 763,  /* bytes of SOFTWARE and of a reason (RFC 8489 sections 14.8, 14.14) */
};

enum stun_class { STUN_REQUEST, STUN_INDICATION, STUN_SUCCESS, STUN_ERROR };

enum stun_attr {
	STUN_MAPPED_ADDRESS = 0x0001,
	STUN_RESPONSE_ADDRESS = 0x0002, /* RFC 3489; reserved since, never obeyed */
	STUN_CHANGE_REQUEST = 0x0003,
	STUN_SOURCE_ADDRESS = 0x0004,   /* RFC 3489 */
	STUN_CHANGED_ADDRESS = 0x0005,  /* RFC 3489 */
	STUN_USERNAME = 0x0006,
	STUN_MESSAGE_INTEGRITY = 0x0008,
	STUN_ERROR_CODE = 0x0009,
	STUN_UNKNOWN_ATTRIBUTES = 0x000a,
	STUN_REALM = 0x0014,
	STUN_NONCE = 0x0015,
	STUN_MESSAGE_INTEGRITY_SHA256 = 0x001c,
	STUN_PASSWORD_ALGORITHM = 0x001d,
	STUN_USERHASH = 0x001e,
	STUN_XOR_MAPPED_ADDRESS = 0x0020,
	STUN_PADDING = 0x0026,
	STUN_RESPONSE_PORT = 0x0027,
	STUN_SOFTWARE = 0x8022,
	STUN_FINGERPRINT = 0x8028,
	STUN_RESPONSE_ORIGIN = 0x802b,
	STUN_OTHER_ADDRESS = 0x802c, /* RFC 5780 section 7.4 calls it CHANGED-ADDRESS's number: it is not */
};

enum stun_fingerprint { STUN_FP_NONE, STUN_FP_GOOD, STUN_FP_BAD };

struct stun_message {
	enum stun_class class;
	uint16_t method;     /* 12 bits */
	bool classic;        /* no magic cookie: all 16 bytes of id are the transaction id */
	uint8_t id[STUN_ID]; /* as on the wire, the cookie included; copied into an answer */
	/* addresses; family 0: absent */
	struct endpoint mapped, xor_mapped;             /* xor_mapped: already decoded */
	struct endpoint response_origin, other_address; /* RFC 5780 */
	struct endpoint source_address, changed_address; /* RFC 3489 */
	bool has_change_request, change_ip, change_port;
	bool has_response_port, has_padding;
	uint16_t response_port;
	uint16_t padding;    /* bytes of PADDING's value */
	uint16_t error_code; /* 300 to 699; 0: absent */
	struct wire_text reason, software; /* p NULL: absent */
	enum stun_fingerprint fingerprint; /* build: anything but NONE adds one */
	/* UNKNOWN-ATTRIBUTES, as far as listed; count is the true number */
	uint16_t unknown[STUN_MAX_UNKNOWN];
	unsigned n_unknown;
	/* parse only: attributes that must be understood (below 0x8000) and that nobody here knows */
	uint16_t foreign[STUN_MAX_UNKNOWN];
	unsigned n_foreign;
};

/* 0; SP_E_UNKNOWN when it is no STUN (first bits, or a length that is not the datagram's);
 * SP_E_MALFORMED when an attribute breaks its rules. A wrong FINGERPRINT is told, not judged. Of
 * an attribute given twice the first counts; what follows MESSAGE-INTEGRITY does not, except
 * FINGERPRINT. USERNAME, MESSAGE-INTEGRITY and their like are known and skipped. */
int stun_parse(const uint8_t *p, size_t n, struct stun_message *out);

/* Bytes written, 0 when cap is too small or a value has no wire form. */
size_t stun_build(uint8_t *out, size_t cap, const struct stun_message *in);

/* A Binding request: the cookie and 12 bytes of id from txid. */
struct stun_message stun_binding_request(const uint8_t txid[12]);
/* The head of an answer to `request`: same method, id and form. */
struct stun_message stun_answer_to(const struct stun_message *request, enum stun_class class);

#endif
