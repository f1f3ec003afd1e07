/* The lab's CAs and certificates, written as PEM. */
#include "diag/lab/pki.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/bn.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "sallyport/clock.h"

#define DAY_US (INT64_C(86400) * 1000000)

enum { MAX_NAMES = PROFILE_MAX_TARGETS + PROFILE_MAX_LIST, PATH_CAP = 160 };

static const char *const cert_files[LAB_CERT_COUNT] = {
	[LAB_CERT_SITE] = "site.pem",           [LAB_CERT_OTHER] = "other.pem",
	[LAB_CERT_INSPECTED] = "inspected.pem", [LAB_CERT_EXPIRED] = "expired.pem",
	[LAB_CERT_WRONG_NAME] = "wrong.pem",    [LAB_CERT_FORGED] = "forged.pem",
};

struct authority {
	EVP_PKEY *key;
	X509 *cert;
};

static const char *path_of(const struct lab_world *w, const char *file, char *out, size_t cap)
{
	snprintf(out, cap, "%s/%s", w->dir, file);
	return out;
}

const char *lab_pki_ca_path(const struct lab_world *w, char *out, size_t cap)
{
	return path_of(w, LAB_CA_FILE, out, cap);
}

const char *lab_pki_cert_path(const struct lab_world *w, enum lab_cert c, char *out, size_t cap)
{
	return path_of(w, cert_files[c], out, cap);
}

static bool set_serial(X509 *x)
{
	BIGNUM *bn = BN_new();
	bool ok = bn && BN_rand(bn, 64, BN_RAND_TOP_ONE, BN_RAND_BOTTOM_ANY) &&
		  BN_to_ASN1_INTEGER(bn, X509_get_serialNumber(x));
	BN_free(bn);
	return ok;
}

static bool set_subject(X509 *x, const struct pki_spec *s)
{
	X509_NAME *n = X509_get_subject_name(x);
	return X509_NAME_add_entry_by_txt(n, "O", MBSTRING_ASC, (const unsigned char *)s->org, -1,
					  -1, 0) &&
	       X509_NAME_add_entry_by_txt(n, "CN", MBSTRING_ASC, (const unsigned char *)s->cn, -1,
					  -1, 0);
}

static bool add_extension(X509 *x, X509 *issuer, int nid, const char *value)
{
	X509V3_CTX ctx;
	X509V3_set_ctx(&ctx, issuer, x, NULL, NULL, 0);
	X509_EXTENSION *e = X509V3_EXT_conf_nid(NULL, &ctx, nid, value);
	bool ok = e && X509_add_ext(x, e, -1);
	X509_EXTENSION_free(e);
	return ok;
}

static bool add_names(X509 *x, const struct pki_spec *s)
{
	GENERAL_NAMES *names = sk_GENERAL_NAME_new_null();
	bool ok = names != NULL;
	for (size_t i = 0; ok && i < s->n_names; i++) {
		GENERAL_NAME *g = GENERAL_NAME_new();
		ASN1_IA5STRING *t = ASN1_IA5STRING_new();
		ok = g && t && ASN1_STRING_set(t, s->names[i], -1) &&
		     sk_GENERAL_NAME_push(names, g);
		if (ok) {
			GENERAL_NAME_set0_value(g, GEN_DNS, t);
		} else {
			GENERAL_NAME_free(g);
			ASN1_IA5STRING_free(t);
		}
	}
	ok = ok && (!s->n_names || X509_add1_ext_i2d(x, NID_subject_alt_name, names, 0, 0));
	GENERAL_NAMES_free(names);
	return ok;
}

static bool add_extensions(X509 *x, const struct pki_spec *s, X509 *issuer)
{
	return add_extension(x, issuer, NID_subject_key_identifier, "hash") &&
	       add_extension(x, issuer, NID_authority_key_identifier, "keyid") &&
	       add_extension(x, issuer, NID_basic_constraints,
			     s->ca ? "critical,CA:TRUE" : "critical,CA:FALSE") &&
	       add_extension(x, issuer, NID_key_usage,
			     s->ca ? "critical,keyCertSign,cRLSign"
				   : "critical,digitalSignature") &&
	       (s->ca || add_extension(x, issuer, NID_ext_key_usage, "serverAuth")) &&
	       add_names(x, s);
}

X509 *pki_issue(const struct pki_spec *s, EVP_PKEY *key, X509 *issuer, EVP_PKEY *issuer_key)
{
	X509 *x = X509_new();
	if (x && X509_set_version(x, 2) /* v3 */ && set_serial(x) && set_subject(x, s) &&
	    ASN1_TIME_set(X509_getm_notBefore(x), (time_t)(s->not_before_us / 1000000)) &&
	    ASN1_TIME_set(X509_getm_notAfter(x), (time_t)(s->not_after_us / 1000000)) &&
	    X509_set_pubkey(x, key) &&
	    X509_set_issuer_name(x, X509_get_subject_name(issuer ? issuer : x)) &&
	    add_extensions(x, s, issuer ? issuer : x) &&
	    X509_sign(x, issuer_key ? issuer_key : key, EVP_sha256()))
		return x;
	X509_free(x);
	return NULL;
}

/* Key (may be NULL) and certificate into one file; with a key only the owner reads it. */
static int write_pem(const struct lab_world *w, const char *file, EVP_PKEY *key, X509 *cert,
		     struct sp_error *err)
{
	char path[PATH_CAP];
	path_of(w, file, path, sizeof(path));
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, key ? 0600 : 0644);
	FILE *f = fd >= 0 ? fdopen(fd, "w") : NULL;
	if (!f)
		return sp_error_set(err, -errno, "%s: %s", path, strerror(errno));
	bool ok = (!key || PEM_write_PrivateKey(f, key, NULL, NULL, 0, NULL, NULL)) &&
		  PEM_write_X509(f, cert);
	ok = fclose(f) == 0 && ok;
	return ok ? 0 : sp_error_set(err, -EIO, "%s: could not be written", path);
}

static int authority_make(struct authority *a, const char *cn, const char *org, int64_t now_us)
{
	struct pki_spec s = {
		.cn = cn,
		.org = org,
		.not_before_us = now_us - 3650 * DAY_US, /* long enough for any clock fault */
		.not_after_us = now_us + 3650 * DAY_US,
		.ca = true,
	};
	a->key = EVP_EC_gen("P-256");
	a->cert = a->key ? pki_issue(&s, a->key, NULL, NULL) : NULL;
	return a->cert ? 0 : SP_E_CRYPTO;
}

static void authority_free(struct authority *a)
{
	X509_free(a->cert);
	EVP_PKEY_free(a->key);
}

static int server_make(const struct lab_world *w, enum lab_cert which, const struct pki_spec *s,
		       const struct authority *a, struct sp_error *err)
{
	EVP_PKEY *key = EVP_EC_gen("P-256");
	X509 *x = key ? pki_issue(s, key, a ? a->cert : NULL, a ? a->key : NULL) : NULL;
	int e = x ? write_pem(w, cert_files[which], key, x, err)
		  : sp_error_set(err, SP_E_CRYPTO, "libcrypto made no certificate for %s", s->cn);
	X509_free(x);
	EVP_PKEY_free(key);
	return e;
}

struct names {
	const char *v[MAX_NAMES];
	size_t n, n_site; /* the first n_site are the profile's own */
};

static void names_collect(const struct profile *p, struct names *out)
{
	for (size_t i = 0; i < p->n_targets; i++)
		if (strcmp(p->targets[i].probe, "tls") == 0)
			out->v[out->n++] = p->targets[i].name;
	out->n_site = out->n;
	for (size_t i = 0; i < p->control_names.n; i++)
		out->v[out->n++] = p->control_names.v[i];
}

static int servers_make(const struct lab_world *w, const struct authority *own,
			const struct authority *inspector, int64_t now_us, struct sp_error *err)
{
	static const char *const nobody[] = {"nobody.example"};
	struct names names = {.n = 0};
	names_collect(w->profile, &names);
	const struct pki_spec site = {
		.cn = names.n_site ? names.v[0] : nobody[0],
		.org = "Sallyport Lab",
		.names = names.v,
		.n_names = names.n_site,
		.not_before_us = now_us - DAY_US,
		.not_after_us = now_us + 90 * DAY_US,
	};
	struct pki_spec other = site, inspected = site, expired = site, wrong = site;
	other.cn = names.n > names.n_site ? names.v[names.n_site] : nobody[0];
	other.names = names.v + names.n_site;
	other.n_names = names.n - names.n_site;
	inspected.n_names = names.n;
	expired.not_before_us = now_us - 91 * DAY_US;
	expired.not_after_us = now_us - DAY_US;
	wrong.cn = nobody[0];
	wrong.names = nobody;
	wrong.n_names = 1;
	const struct {
		enum lab_cert which;
		const struct pki_spec *spec;
		const struct authority *by;
	} rows[] = {
		{LAB_CERT_SITE, &site, own},
		{LAB_CERT_OTHER, &other, own},
		{LAB_CERT_INSPECTED, &inspected, inspector},
		{LAB_CERT_EXPIRED, &expired, own},
		{LAB_CERT_WRONG_NAME, &wrong, own},
		{LAB_CERT_FORGED, &wrong, NULL},
	};
	int e = 0;
	for (size_t i = 0; !e && i < sizeof(rows) / sizeof(rows[0]); i++)
		e = server_make(w, rows[i].which, rows[i].spec, rows[i].by, err);
	return e;
}

int lab_pki_make(const struct lab_world *w, struct sp_error *err)
{
	struct authority own = {0}, inspector = {0};
	int64_t now = clock_wall_us() + (int64_t)(w->knobs.clock_offset_s * 1e6);
	int e = authority_make(&own, "Sallyport Lab Root CA", "Sallyport Lab", now);
	if (!e)
		e = authority_make(&inspector, "Example Corp Inspection CA", "Example Corp", now);
	if (e)
		sp_error_set(err, e, "libcrypto made no CA");
	else
		e = write_pem(w, LAB_CA_FILE, NULL, own.cert, err);
	if (!e)
		e = servers_make(w, &own, &inspector, now, err);
	authority_free(&own);
	authority_free(&inspector);
	return e;
}
