/* DNS messages: names stay printable, counts within their arrays, and a reply to a query parses. */
#include <stdlib.h>
#include <string.h>

#include "sallyport/wire/dns.h"

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n);

static void must_be_printable(const struct dns_name *name)
{
	size_t len = strnlen(name->text, sizeof(name->text));
	if (len == sizeof(name->text))
		abort();
	for (size_t i = 0; i < len; i++)
		if (name->text[i] < 0x20 || name->text[i] > 0x7e)
			abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	static struct dns_message m, again;
	static uint8_t out[1024];
	struct addr a = addr_v4(192, 0, 2, 1);
	struct dns_reply reply = { .ede = 15, .addrs = &a, .n_addrs = 1, .ttl = 60 };
	if (dns_parse(p, n, &m))
		return 0;
	must_be_printable(&m.question);
	must_be_printable(&m.cname);
	if (m.n_addrs > DNS_MAX_ANSWERS)
		abort();
	size_t len = dns_build_reply(out, sizeof(out), p, n, &reply);
	if (!len || dns_parse(out, len, &again) || again.id != m.id ||
	    strcmp(again.question.text, m.question.text) != 0)
		abort();
	return 0;
}
