/* Proxy values and PAC files: what is accepted is a host name and a port, nothing else. */
#include <stdlib.h>

#include "sallyport/wire/proxy.h"

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n);

static void must_be_plain(const struct proxy_address *a)
{
	struct hostname again;
	if (!a->port || hostname_parse(wire_text_str(a->host.s), &again))
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	struct proxy_address a;
	if (proxy_parse(wire_text_of(p, n), &a) == 0)
		must_be_plain(&a);
	if (pac_find_proxy((struct bytes){ p, n }, &a) == 0)
		must_be_plain(&a);
	return 0;
}
