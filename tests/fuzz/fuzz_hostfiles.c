/* Lease and resolver files of other programs; the first byte chooses the format. */
#include <stdlib.h>
#include <string.h>

#include "sallyport/wire/hostfiles.h"

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n);

static void must_be_printable(const char *s, size_t cap)
{
	if (!memchr(s, 0, cap))
		abort();
	for (; *s; s++)
		if (*s < 0x20 || *s > 0x7e)
			abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	struct hostfile f = { 0 };
	if (!n)
		return 0;
	hostfile_read((enum hostfile_format)(p[0] % 3), "eth0", (struct bytes){ p + 1, n - 1 }, &f);
	if (f.n_resolvers > HOSTFILE_MAX_RESOLVERS)
		abort();
	must_be_printable(f.wpad_url, sizeof(f.wpad_url));
	must_be_printable(f.portal_api, sizeof(f.portal_api));
	must_be_printable(f.domain.s, sizeof(f.domain.s));
	return 0;
}
