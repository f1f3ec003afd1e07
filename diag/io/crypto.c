/* libcrypto behind a few calls. */
#include "sallyport/crypto.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/x509.h>

enum { KEY_FILE_MAX = 8192 };

static bool is_p256(const EVP_PKEY *key)
{
	char group[32];
	size_t n;
	return EVP_PKEY_is_a(key, "EC") && EVP_PKEY_get_group_name(key, group, sizeof(group), &n) == 1 &&
	       strcmp(group, SN_X9_62_prime256v1) == 0;
}

static EVP_PKEY *load_p256(struct bytes spki)
{
	const unsigned char *p = spki.p;
	EVP_PKEY *key = d2i_PUBKEY(NULL, &p, (long)spki.n);
	if (key && !is_p256(key)) {
		EVP_PKEY_free(key);
		key = NULL;
	}
	return key;
}

int crypto_verify(struct bytes spki, const struct bytes *parts, size_t n, struct bytes signature)
{
	EVP_PKEY *key = load_p256(spki);
	EVP_MD_CTX *md = EVP_MD_CTX_new();
	int result = SP_E_CRYPTO;
	if (key && md && EVP_DigestVerifyInit(md, NULL, EVP_sha256(), NULL, key) == 1) {
		result = 1;
		for (size_t i = 0; i < n; i++)
			if (EVP_DigestVerifyUpdate(md, parts[i].p, parts[i].n) != 1)
				result = SP_E_CRYPTO;
		if (result == 1)
			result = EVP_DigestVerifyFinal(md, signature.p, signature.n) == 1;
	}
	EVP_MD_CTX_free(md);
	EVP_PKEY_free(key);
	ERR_clear_error();
	return result;
}

int crypto_random(void *out, size_t n)
{
	return RAND_bytes(out, (int)n) == 1 ? 0 : SP_E_CRYPTO;
}

int crypto_sha256(struct bytes in, uint8_t out[32])
{
	return EVP_Digest(in.p, in.n, out, NULL, EVP_sha256(), NULL) == 1 ? 0 : SP_E_CRYPTO;
}

int crypto_hmac_sha256(struct bytes key, struct bytes in, uint8_t out[32])
{
	return HMAC(EVP_sha256(), key.p, (int)key.n, in.p, in.n, out, NULL) ? 0 : SP_E_CRYPTO;
}

bool crypto_equal(const void *a, const void *b, size_t n)
{
	return CRYPTO_memcmp(a, b, n) == 0;
}

static EVP_PKEY *parse_public(const uint8_t *text, size_t n)
{
	BIO *bio = BIO_new_mem_buf(text, (int)n);
	EVP_PKEY *key = bio ? PEM_read_bio_PUBKEY(bio, NULL, NULL, NULL) : NULL;
	const unsigned char *p = text;
	BIO_free(bio);
	if (!key)
		key = d2i_PUBKEY(NULL, &p, (long)n);
	if (key && p != text && p != text + n) { /* DER, and more behind it */
		EVP_PKEY_free(key);
		key = NULL;
	}
	ERR_clear_error();
	return key;
}

/* What to do about a file that is no public key, as far as its PEM label tells. */
static const char *why_no_key(const uint8_t *text, size_t n)
{
	static const struct {
		const char *label, *text;
	} rows[] = {
		{ "PRIVATE KEY-----", "holds a private key; give its public half (openssl pkey -pubout)" },
		{ "CERTIFICATE-----", "holds a certificate; give its public key (openssl x509 -pubkey -noout)" },
		{ "RSA PUBLIC KEY-----", "is an RSA key; the server key must be ECDSA P-256" },
	};
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		if (memmem(text, n, rows[i].label, strlen(rows[i].label)))
			return rows[i].text;
	return "is no public key (SubjectPublicKeyInfo, PEM or DER)";
}

static int export_spki(const EVP_PKEY *key, uint8_t *out, size_t cap)
{
	int n = i2d_PUBKEY(key, NULL);
	unsigned char *p = out;
	if (n <= 0 || (size_t)n > cap)
		return SP_E_CRYPTO;
	return i2d_PUBKEY(key, &p);
}

static int read_file(const char *path, uint8_t *out, size_t cap, size_t *out_n, struct sp_error *err)
{
	FILE *f = fopen(path, "re");
	if (!f)
		return sp_error_at(err, -errno, path, 0, 0, "%s", strerror(errno));
	size_t n = fread(out, 1, cap, f);
	int bad = ferror(f) ? errno : 0;
	fclose(f);
	if (bad)
		return sp_error_at(err, -bad, path, 0, 0, "%s", strerror(bad));
	*out_n = n;
	return 0;
}

int crypto_load_secret(const char *path, size_t min, uint8_t *out, size_t cap, size_t *out_n,
		       struct sp_error *err)
{
	uint8_t text[CRYPTO_SECRET_MAX + 1];
	size_t n;
	int e = read_file(path, text, sizeof(text), &n, err);
	if (e)
		return e;
	if (n > CRYPTO_SECRET_MAX || n > cap)
		return sp_error_at(err, SP_E_LIMIT, path, 0, 0, "larger than %d bytes: no secret", CRYPTO_SECRET_MAX);
	while (n && (text[n - 1] == '\n' || text[n - 1] == '\r'))
		n--;
	if (n < min)
		return sp_error_at(err, SP_E_RANGE, path, 0, 0, "a secret has at least %zu bytes, not %zu",
				   min, n);
	memcpy(out, text, n);
	OPENSSL_cleanse(text, sizeof(text));
	*out_n = n;
	return 0;
}

int crypto_load_spki(const char *path, uint8_t *out, size_t cap, size_t *out_n, struct sp_error *err)
{
	uint8_t text[KEY_FILE_MAX + 1];
	size_t n;
	int bad = read_file(path, text, sizeof(text), &n, err);
	if (bad)
		return bad;
	if (n > KEY_FILE_MAX)
		return sp_error_at(err, SP_E_LIMIT, path, 0, 0, "larger than %d bytes: no public key",
				   KEY_FILE_MAX);
	EVP_PKEY *key = parse_public(text, n);
	bool right = key && is_p256(key);
	int done = right ? export_spki(key, out, cap) : SP_E_SYNTAX;
	const char *type = key ? EVP_PKEY_get0_type_name(key) : "";
	if (key && !right)
		sp_error_at(err, SP_E_SYNTAX, path, 0, 0, "is a key of type %s; the server key must be "
			    "ECDSA P-256", type);
	else if (done < 0)
		sp_error_at(err, SP_E_SYNTAX, path, 0, 0, "%s", why_no_key(text, n));
	EVP_PKEY_free(key);
	*out_n = done > 0 ? (size_t)done : 0;
	return done > 0 ? 0 : SP_E_SYNTAX;
}

/* struct crypto_key is never defined: it is an EVP_PKEY under a name of ours. */
static EVP_PKEY *evp(const struct crypto_key *k)
{
	union {
		const struct crypto_key *in;
		EVP_PKEY *out;
	} u = { k };
	return u.out;
}

struct crypto_key *crypto_key_new(void)
{
	return (struct crypto_key *)EVP_EC_gen("P-256");
}

void crypto_key_free(struct crypto_key *k)
{
	EVP_PKEY_free(evp(k));
}

int crypto_key_spki(const struct crypto_key *k, uint8_t *out, size_t cap)
{
	return export_spki(evp(k), out, cap);
}

int crypto_key_write_spki_pem(const struct crypto_key *k, const char *path)
{
	FILE *f = fopen(path, "we");
	if (!f)
		return -errno;
	int ok = PEM_write_PUBKEY(f, evp(k));
	return fclose(f) == 0 && ok == 1 ? 0 : SP_E_CRYPTO;
}

int crypto_key_point(const struct crypto_key *k, uint8_t out[65])
{
	size_t n = 0;
	return EVP_PKEY_get_octet_string_param(evp(k), OSSL_PKEY_PARAM_PUB_KEY, out, 65, &n) == 1 &&
	       n == 65 ? 0 : SP_E_CRYPTO;
}

int crypto_sign(struct crypto_key *k, const struct bytes *parts, size_t n, uint8_t *out, size_t cap)
{
	EVP_MD_CTX *md = EVP_MD_CTX_new();
	size_t len = cap;
	int ok = md && EVP_DigestSignInit(md, NULL, EVP_sha256(), NULL, evp(k)) == 1;
	for (size_t i = 0; ok && i < n; i++)
		ok = EVP_DigestSignUpdate(md, parts[i].p, parts[i].n) == 1;
	ok = ok && EVP_DigestSignFinal(md, out, &len) == 1;
	EVP_MD_CTX_free(md);
	return ok ? (int)len : SP_E_CRYPTO;
}
