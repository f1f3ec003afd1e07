/* HTTP responses, requests, URLs and dates; slices must stay inside the input. */
#include <stdlib.h>
#include <string.h>

#include "sallyport/wire/http.h"

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n);

static void inside(const uint8_t *p, size_t n, const uint8_t *s, size_t len)
{
	if (s && (s < p || s + len > p + n))
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	struct http_response h;
	struct http_request q;
	struct http_url u;
	int64_t us;
	if (http_response_parse(p, n, &h) == 0) {
		inside(p, n, h.location.p, h.location.n);
		inside(p, n, h.server.p, h.server.n);
		inside(p, n, h.body.p, h.body.n);
	}
	if (http_request_parse(p, n, &q) == 0) {
		inside(p, n, q.path.p, q.path.n);
		inside(p, n, q.host.p, q.host.n);
	}
	(void)http_date_parse(wire_text_of(p, n), &us);
	char text[1024];
	size_t len = n < sizeof(text) - 1 ? n : sizeof(text) - 1;
	memcpy(text, p, len);
	text[len] = '\0';
	uint8_t get[2048];
	if (http_url_parse(text, &u) == 0) {
		int m = http_get_build(&u, get, sizeof(get));
		if (m < 0 || http_request_parse(get, (size_t)m, &q))
			abort();
	}
	return 0;
}
