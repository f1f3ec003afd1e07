/*
 * The lab's certificates: a CA of its own (the one SSL_CERT_FILE names inside the lab), a CA that
 * nobody trusts and that inspects ("Example Corp Inspection CA"), and server certificates for the
 * names the profile asks of TLS.
 *
 * Promises: everything is made anew for each lab and written as PEM into its private folder; keys
 * are P-256 and never leave that folder.
 */
#ifndef SALLYPORT_LAB_PKI_H
#define SALLYPORT_LAB_PKI_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <openssl/types.h>

#include "sallyport/lab.h"

#define LAB_CA_FILE "ca.pem"

/* The server certificates; each is one PEM file (key, leaf) in the lab's folder. */
enum lab_cert {
	LAB_CERT_SITE,       /* every name of the profile's tls targets, from the lab's CA */
	LAB_CERT_OTHER,      /* the profile's control names, from the lab's CA */
	LAB_CERT_INSPECTED,  /* as SITE and OTHER together, from the inspection CA */
	LAB_CERT_EXPIRED,    /* as SITE, over since yesterday */
	LAB_CERT_WRONG_NAME, /* from the lab's CA, for a name nobody asks for */
	LAB_CERT_FORGED,     /* self-signed, for a name nobody asks for */
	LAB_CERT_COUNT
};

/* Writes all files; dates follow the servers' clock (knobs.clock_offset_s). 0 or negative. */
int lab_pki_make(const struct lab_world *w, struct sp_error *err);

/* Path of the CA that the device trusts, and of a server certificate. */
const char *lab_pki_ca_path(const struct lab_world *w, char *out, size_t cap);
const char *lab_pki_cert_path(const struct lab_world *w, enum lab_cert c, char *out, size_t cap);

/* One certificate. Subject is CN=cn,O=org; names become subjectAltName DNS entries. issuer NULL:
 * self-signed. NULL when libcrypto refuses; the caller frees it. */
struct pki_spec {
	const char *cn, *org;
	const char *const *names;
	size_t n_names;
	int64_t not_before_us, not_after_us; /* wall clock */
	bool ca;
};
X509 *pki_issue(const struct pki_spec *s, EVP_PKEY *key, X509 *issuer, EVP_PKEY *issuer_key);

#endif
