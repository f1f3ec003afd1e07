/* DTLS 1.2 builders: the device's own messages, and the server's for the lab. */
#include "sallyport/wire/dtls.h"

static size_t begin_record(struct writer *w, uint8_t type, uint16_t version, uint64_t seq)
{
	wr_u8(w, type);
	wr_be16(w, version);
	wr_be16(w, 0); /* epoch: nothing here is encrypted */
	wr_be48(w, seq);
	return wr_len_begin(w, 2);
}

static size_t finish(struct writer *w, size_t length_place)
{
	wr_len_end(w, length_place, 2);
	return wr_ok(w) ? w->at : 0;
}

size_t dtls_build_handshake(uint8_t *out, size_t cap, uint16_t version, uint64_t record_seq,
			    const struct dtls_fragment *f)
{
	struct writer w = wr_of(out, cap);
	size_t record = begin_record(&w, DTLS_HANDSHAKE, version, record_seq);
	wr_u8(&w, f->type);
	wr_be24(&w, f->length);
	wr_be16(&w, f->message_seq);
	wr_be24(&w, f->offset);
	wr_be24(&w, (uint32_t)f->body.n);
	wr_bytes(&w, f->body.p, f->body.n);
	return finish(&w, record);
}

/* The extensions of Device OS in their order; sources: device HAL's mbedTLS configuration,
 * communication/src/dtls_message_channel.cpp. */
static const uint8_t ext_before_cid[] = {
	0x00, 0x0d, 0x00, 0x0a, 0x00, 0x08, 0x04, 0x03, 0x04, 0x01, 0x03, 0x03, 0x03, 0x01, /* signatures */
	0x00, 0x0a, 0x00, 0x04, 0x00, 0x02, 0x00, 0x17, /* groups: secp256r1 */
	0x00, 0x0b, 0x00, 0x02, 0x01, 0x00,             /* point formats: uncompressed */
};
static const uint8_t ext_after_cid[] = {
	0x00, 0x13, 0x00, 0x02, 0x01, 0x02, /* client certificate type: raw public key */
	0x00, 0x14, 0x00, 0x02, 0x01, 0x02, /* server certificate type: raw public key */
};

static void hello_body(struct writer *w, const struct dtls_hello_params *h)
{
	wr_be16(w, DTLS_VERSION_12);
	wr_bytes(w, h->random, DTLS_RANDOM_BYTES);
	wr_u8(w, 0); /* session id */
	wr_u8(w, (uint8_t)h->cookie.n);
	wr_bytes(w, h->cookie.p, h->cookie.n);
	wr_be16(w, 4);
	wr_be16(w, DTLS_SUITE_ECDHE_ECDSA_AES_128_CCM_8);
	wr_be16(w, DTLS_RENEGOTIATION_SCSV);
	wr_be16(w, 0x0100); /* one compression method: null */
	size_t extensions = wr_len_begin(w, 2);
	wr_bytes(w, ext_before_cid, sizeof(ext_before_cid));
	if (h->cid_ext) { /* an empty connection id: the server's records stay plain */
		wr_be16(w, (uint16_t)h->cid_ext);
		wr_be16(w, 1);
		wr_u8(w, 0);
	}
	wr_bytes(w, ext_after_cid, sizeof(ext_after_cid));
	wr_len_end(w, extensions, 2);
}

size_t dtls_build_client_hello(uint8_t *out, size_t cap, const struct dtls_hello_params *h)
{
	uint8_t body[DTLS_HELLO_MAX];
	struct writer w = wr_of(body, sizeof(body));
	if (h->cookie.n > 255)
		return 0;
	hello_body(&w, h);
	struct dtls_fragment f = { .type = DTLS_CLIENT_HELLO, .length = (uint32_t)w.at,
				   .message_seq = h->message_seq, .body = { body, w.at } };
	return wr_ok(&w) ? dtls_build_handshake(out, cap, DTLS_VERSION_12, h->record_seq, &f) : 0;
}

size_t dtls_build_alert(uint8_t *out, size_t cap, uint64_t record_seq, uint8_t level,
			uint8_t description)
{
	struct writer w = wr_of(out, cap);
	size_t record = begin_record(&w, DTLS_ALERT, DTLS_VERSION_12, record_seq);
	wr_u8(&w, level);
	wr_u8(&w, description);
	return finish(&w, record);
}

size_t dtls_build_hello_verify(uint8_t *out, size_t cap, struct bytes cookie)
{
	struct writer w = wr_of(out, cap);
	wr_be16(&w, DTLS_VERSION_12);
	size_t at = wr_len_begin(&w, 1);
	wr_bytes(&w, cookie.p, cookie.n);
	wr_len_end(&w, at, 1);
	return wr_ok(&w) ? w.at : 0;
}

size_t dtls_build_server_hello(uint8_t *out, size_t cap, const uint8_t random[32],
			       const uint8_t session_id[32], uint16_t suite)
{
	/* Renegotiation info, point formats, and raw public keys both ways: 23 bytes, which makes
	 * the record the 118 bytes seen from the real service. */
	static const uint8_t ext[] = { 0xff, 0x01, 0x00, 0x01, 0x00, 0x00, 0x13, 0x00, 0x01, 0x02,
				       0x00, 0x14, 0x00, 0x01, 0x02, 0x00, 0x0b, 0x00, 0x02, 0x01, 0x00 };
	struct writer w = wr_of(out, cap);
	wr_be16(&w, DTLS_VERSION_12);
	wr_bytes(&w, random, DTLS_RANDOM_BYTES);
	wr_u8(&w, 32);
	wr_bytes(&w, session_id, 32);
	wr_be16(&w, suite);
	wr_u8(&w, 0);
	size_t at = wr_len_begin(&w, 2);
	wr_bytes(&w, ext, sizeof(ext));
	wr_len_end(&w, at, 2);
	return wr_ok(&w) ? w.at : 0;
}

size_t dtls_build_params(uint8_t *out, size_t cap, const uint8_t point[DTLS_POINT_BYTES])
{
	struct writer w = wr_of(out, cap);
	wr_u8(&w, 3); /* named curve */
	wr_be16(&w, DTLS_GROUP_SECP256R1);
	wr_u8(&w, DTLS_POINT_BYTES);
	wr_bytes(&w, point, DTLS_POINT_BYTES);
	return wr_ok(&w) ? w.at : 0;
}

size_t dtls_build_key_exchange(uint8_t *out, size_t cap, struct bytes params, struct bytes signature)
{
	struct writer w = wr_of(out, cap);
	wr_bytes(&w, params.p, params.n);
	wr_be16(&w, DTLS_SIG_ECDSA_SHA256);
	size_t at = wr_len_begin(&w, 2);
	wr_bytes(&w, signature.p, signature.n);
	wr_len_end(&w, at, 2);
	return wr_ok(&w) ? w.at : 0;
}
