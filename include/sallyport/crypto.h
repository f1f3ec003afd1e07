/*
 * The few cryptographic operations that sallyport needs, over libcrypto.
 *
 * Promises: keys and signatures are plain bytes (DER); nothing of libcrypto leaks out except the
 * opaque key of the lab. Failure of the library is SP_E_CRYPTO.
 */
#ifndef SALLYPORT_CRYPTO_H
#define SALLYPORT_CRYPTO_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "sallyport/bytes.h"
#include "sallyport/err.h"

/* 1: the ECDSA P-256 / SHA-256 signature (DER) over the concatenation of n parts is good under the
 * SubjectPublicKeyInfo (DER); 0: it is not; negative: the key is no P-256 key. */
int crypto_verify(struct bytes spki, const struct bytes *parts, size_t n, struct bytes signature);

int crypto_random(void *out, size_t n);
int crypto_sha256(struct bytes in, uint8_t out[32]);
int crypto_hmac_sha256(struct bytes key, struct bytes in, uint8_t out[32]);
/* In a time that does not tell where they differ. */
bool crypto_equal(const void *a, const void *b, size_t n);

/* Reads a public key file (SubjectPublicKeyInfo, PEM or DER, at most 8 KiB) as DER. */
int crypto_load_spki(const char *path, uint8_t *out, size_t cap, size_t *out_n, struct sp_error *err);

enum { CRYPTO_SECRET_MAX = 1024 };
/* Reads a secret: the bytes of a file, at least `min` and at most CRYPTO_SECRET_MAX, without the
 * line end behind them. 0, or negative with *err. */
int crypto_load_secret(const char *path, size_t min, uint8_t *out, size_t cap, size_t *out_n,
		       struct sp_error *err);

/* ---- for the lab: a P-256 key pair ---- */
struct crypto_key; /* an EVP_PKEY */
struct crypto_key *crypto_key_new(void); /* NULL when the library fails */
void crypto_key_free(struct crypto_key *k);
/* DER of its SubjectPublicKeyInfo; bytes written or negative. */
int crypto_key_spki(const struct crypto_key *k, uint8_t *out, size_t cap);
int crypto_key_write_spki_pem(const struct crypto_key *k, const char *path);
/* Its uncompressed public point (65 bytes), for an ephemeral ECDHE share. */
int crypto_key_point(const struct crypto_key *k, uint8_t out[65]);
/* ECDSA over the concatenation of n parts; DER signature; bytes written or negative. */
int crypto_sign(struct crypto_key *k, const struct bytes *parts, size_t n, uint8_t *out, size_t cap);

#endif
