/*
 * DTLS 1.2 records and handshake messages (RFC 6347, RFC 9146), as far as a device-shaped probe and
 * the lab's server need them.
 *
 * Promises: parsers read only inside (p, n), allocate nothing and return slices of the input; they
 * leave `out` alone when they fail. Record types that no RFC knows (252 to 254 are real here) are
 * kept as numbers. Negative codes are SP_E_TRUNCATED or SP_E_MALFORMED (err.h).
 */
#ifndef SALLYPORT_WIRE_DTLS_H
#define SALLYPORT_WIRE_DTLS_H

#include <stdbool.h>
#include <stdint.h>

#include "sallyport/bytes.h"

enum dtls_content {
	DTLS_CHANGE_CIPHER_SPEC = 20,
	DTLS_ALERT = 21,
	DTLS_HANDSHAKE = 22,
	DTLS_APPLICATION = 23,
	DTLS_CID = 25,         /* RFC 9146 section 4 */
	DTLS_ECHO = 252,       /* device cloud echo test */
	DTLS_MOVE_CID = 253,   /* CID record that moves the session */
	DTLS_MOVE = 254,
};

enum dtls_message {
	DTLS_CLIENT_HELLO = 1,
	DTLS_SERVER_HELLO = 2,
	DTLS_HELLO_VERIFY_REQUEST = 3,
	DTLS_CERTIFICATE = 11,
	DTLS_SERVER_KEY_EXCHANGE = 12,
	DTLS_CERTIFICATE_REQUEST = 13,
	DTLS_SERVER_HELLO_DONE = 14,
};

enum {
	DTLS_VERSION_10 = 0xfeff,
	DTLS_VERSION_12 = 0xfefd,
	DTLS_SUITE_ECDHE_ECDSA_AES_128_CCM_8 = 0xc0ae,
	DTLS_RENEGOTIATION_SCSV = 0x00ff,
	DTLS_GROUP_SECP256R1 = 23,
	DTLS_SIG_ECDSA_SHA256 = 0x0403,
	DTLS_POINT_BYTES = 65,   /* uncompressed P-256 point */
	DTLS_PARAMS_BYTES = 69,  /* curve type, curve, length, point: what is signed */
	DTLS_RECORD_HEADER = 13,
	DTLS_HANDSHAKE_HEADER = 12,
	DTLS_RANDOM_BYTES = 32,
	DTLS_HELLO_MAX = 13 + 12 + 86 + 255 + 5, /* a device's ClientHello with the longest cookie */
	DTLS_MESSAGE_MAX = 4096,  /* longest handshake message put together from fragments */
};

struct dtls_record {
	uint8_t type;
	uint16_t version, epoch;
	uint64_t seq;
	struct bytes cid; /* types 25 and 253 only */
	struct bytes body;
};

/* The next record of a datagram; cid_len is how long a connection id in types 25 and 253 is.
 * 1 and *out, 0 at the end, or negative. */
int dtls_next_record(struct reader *r, size_t cid_len, struct dtls_record *out);

struct dtls_fragment {
	uint8_t type; /* enum dtls_message */
	uint32_t length; /* of the whole message */
	uint16_t message_seq;
	uint32_t offset;
	struct bytes body;
};
/* The next handshake fragment of a record's body; as above. */
int dtls_next_fragment(struct reader *r, struct dtls_fragment *out);

/* One handshake message put together from fragments in any order, twice or overlapping. */
struct dtls_reassembly {
	bool active;
	uint8_t type;
	uint16_t message_seq;
	uint32_t length, received;
	uint8_t have[DTLS_MESSAGE_MAX / 8];
	uint8_t bytes[DTLS_MESSAGE_MAX];
};
/* 1 when the message is whole (bytes, length), 0 when more is to come, negative when the fragment
 * cannot belong to it (other length or sequence, too long); then nothing changes. */
int dtls_reassemble(struct dtls_reassembly *a, const struct dtls_fragment *f);

struct dtls_client_hello {
	uint16_t version;
	struct bytes random, session_id, cookie, suites;
	bool offers_suite;   /* the device's one suite */
	bool offers_p256;    /* groups extension absent or naming it */
	bool offers_raw_key; /* raw public keys both ways, RFC 7250 section 3 */
	unsigned cid_ext;    /* 0, 53, 54 or 254: extension that offers a connection id */
};
int dtls_parse_client_hello(const uint8_t *p, size_t n, struct dtls_client_hello *out);

struct dtls_hello_verify {
	uint16_t version;
	struct bytes cookie;
};
int dtls_parse_hello_verify(const uint8_t *p, size_t n, struct dtls_hello_verify *out);

struct dtls_server_hello {
	uint16_t version, suite;
	struct bytes random, session_id;
};
int dtls_parse_server_hello(const uint8_t *p, size_t n, struct dtls_server_hello *out);

struct dtls_key_exchange { /* ECDHE with a named curve, RFC 8422 section 5.4 */
	struct bytes params, point, signature;
	uint16_t group, sig_alg;
};
int dtls_parse_key_exchange(const uint8_t *p, size_t n, struct dtls_key_exchange *out);

struct dtls_alert {
	uint8_t level, description;
};
int dtls_parse_alert(const uint8_t *p, size_t n, struct dtls_alert *out);

/* Name of a handshake message type ("server-hello"), "message-N" is the caller's business: NULL. */
const char *dtls_message_name(uint8_t type);

/* ---- builders; each returns the bytes written, 0 when cap is too small ------------------------ */

struct dtls_hello_params {
	const uint8_t *random; /* 32 bytes */
	struct bytes cookie;
	unsigned cid_ext; /* 0: none; 254 (Device OS 3.1 to 5.7, 6.0) or 54 (RFC 9146) */
	uint16_t message_seq;
	uint64_t record_seq;
};
/* One record with the ClientHello of a device, byte for byte. */
size_t dtls_build_client_hello(uint8_t *out, size_t cap, const struct dtls_hello_params *h);
/* One record with an alert, epoch 0. */
size_t dtls_build_alert(uint8_t *out, size_t cap, uint64_t record_seq, uint8_t level,
			uint8_t description);
/* One record with one whole handshake message (or a fragment of it). */
size_t dtls_build_handshake(uint8_t *out, size_t cap, uint16_t version, uint64_t record_seq,
			    const struct dtls_fragment *f);
/* Bodies of handshake messages, for the lab's server. */
size_t dtls_build_hello_verify(uint8_t *out, size_t cap, struct bytes cookie);
size_t dtls_build_server_hello(uint8_t *out, size_t cap, const uint8_t random[32],
			       const uint8_t session_id[32], uint16_t suite);
/* The 69 signed bytes. */
size_t dtls_build_params(uint8_t *out, size_t cap, const uint8_t point[DTLS_POINT_BYTES]);
size_t dtls_build_key_exchange(uint8_t *out, size_t cap, struct bytes params, struct bytes signature);

#endif
