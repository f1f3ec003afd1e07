/* resolv.conf as anybody could write it: only addresses come out, and they come out again when
 * they are written as such a file. */
#include <stdlib.h>
#include <string.h>

#include "sallyport/netinfo.h"

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n);

static size_t read_text(const void *p, size_t n, struct addr out[HOST_MAX_RESOLVERS])
{
	FILE *f = fmemopen((void *)(uintptr_t)p, n, "r");
	if (!f)
		abort();
	size_t found = netinfo_resolvers(f, out, HOST_MAX_RESOLVERS);
	fclose(f);
	return found;
}

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	struct addr first[HOST_MAX_RESOLVERS], again[HOST_MAX_RESOLVERS];
	char text[HOST_MAX_RESOLVERS * (ADDR_STRLEN + 16)] = "", one[ADDR_STRLEN];
	if (!n)
		return 0;
	size_t found = read_text(p, n, first), at = 0;
	if (found > HOST_MAX_RESOLVERS)
		abort();
	for (size_t i = 0; i < found; i++)
		at += (size_t)snprintf(text + at, sizeof(text) - at, "nameserver\t%s\n",
				       addr_format(&first[i], one));
	if (!found)
		return 0;
	if (read_text(text, at, again) != found)
		abort();
	for (size_t i = 0; i < found; i++)
		if (!addr_equal(&first[i], &again[i]))
			abort();
	return 0;
}
