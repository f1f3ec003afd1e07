/* TLS records and hellos; an accepted ClientHello survives build and parse. */
#include <stdlib.h>
#include <string.h>

#include "sallyport/wire/tls.h"

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n);

static void round_trip(const struct tls_client_hello *h)
{
	static uint8_t wire[4096], buf[4096];
	struct tls_message m;
	struct tls_client_hello again;
	int n = tls_client_hello_build(h, 100, wire, sizeof(wire));
	if (n < 0)
		return; /* larger than what is ever built */
	if (tls_first_message(wire, (size_t)n, buf, sizeof(buf), &m) ||
	    tls_client_hello_parse(m.body.p, m.body.n, &again) || again.sni.n != h->sni.n ||
	    again.suites.n != h->suites.n || again.alpn.n != h->alpn.n ||
	    (h->sni.n && memcmp(again.sni.p, h->sni.p, h->sni.n) != 0))
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	static uint8_t buf[4096];
	struct reader r = rd_of(p, n);
	struct tls_record rec;
	while (tls_record_read(&r, &rec) == 0) {
		struct tls_alert a;
		(void)tls_alert_parse(rec.body.p, rec.body.n, &a);
	}
	struct tls_message m;
	struct tls_client_hello ch;
	struct tls_server_hello sh;
	if (tls_first_message(p, n, buf, sizeof(buf), &m) == 0) {
		if (tls_client_hello_parse(m.body.p, m.body.n, &ch) == 0)
			round_trip(&ch);
		(void)tls_server_hello_parse(m.body.p, m.body.n, &sh);
	}
	if (tls_client_hello_parse(p, n, &ch) == 0)
		round_trip(&ch);
	(void)tls_server_hello_parse(p, n, &sh);
	(void)tls_sniff(p, n);
	return 0;
}
