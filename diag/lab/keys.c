/* The keys of one lab; they live as long as its processes and its memory file system. */
#include <stdio.h>

#include "diag/lab/inside.h"
#include "diag/lab/pki.h"
#include "sallyport/crypto.h"

int lab_keys_make(struct lab_world *w, struct sp_error *err)
{
	char path[128];
	snprintf(path, sizeof(path), "%s/identity.pem", w->dir);
	struct crypto_key *identity = crypto_key_new(), *wrong = crypto_key_new();
	w->identity_key = identity;
	w->wrong_key = wrong;
	int n = identity && wrong ? crypto_key_spki(identity, w->spki, sizeof(w->spki))
				  : SP_E_CRYPTO;
	int e = n < 0 ? n : crypto_key_write_spki_pem(identity, path);
	if (e)
		return sp_error_set(err, e, "cannot make %s: %s", path, sp_strerror(e));
	w->spki_len = (size_t)n;
	return lab_pki_make(w, err);
}
