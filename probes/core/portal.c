#include "portal.h"

#include <string.h>

#include "sallyport/err.h"

void portal_init(struct portal *s, unsigned expect_status, const char *expect_body)
{
	memset(s, 0, sizeof(*s));
	s->expect_status = expect_status;
	s->expect_body = expect_body;
}

static struct bytes skip_space(struct bytes b)
{
	while (b.n && (*b.p == ' ' || *b.p == '\t' || *b.p == '\r' || *b.p == '\n'))
		b = (struct bytes){b.p + 1, b.n - 1};
	return b;
}

/* -1: another body, 0: too little of it yet, 1: as expected. A login page may well hold a short
 * word such as "success" somewhere, therefore only the beginning counts. */
static int compare_body(const struct portal *s)
{
	if (!s->expect_body)
		return 1;
	struct bytes b = skip_space(s->response.body);
	size_t want = strlen(s->expect_body), n = b.n < want ? b.n : want;
	if (n && memcmp(b.p, s->expect_body, n) != 0)
		return -1;
	return n == want ? 1 : 0;
}

/* `whole`: no more bytes will come, or are wanted. */
static enum portal_verdict judge(struct portal *s, bool whole)
{
	int e = http_response_parse(s->buf, s->n, &s->response);
	if (e == SP_E_TRUNCATED && !whole)
		return PORTAL_PENDING;
	if (e)
		return s->n ? PORTAL_GARBLED : PORTAL_CLOSED;
	if (s->response.status != s->expect_status)
		return PORTAL_OTHER;
	int body = compare_body(s);
	if (body)
		return body > 0 ? PORTAL_EXPECTED : PORTAL_OTHER;
	return whole || s->response.complete ? PORTAL_OTHER : PORTAL_PENDING;
}

enum portal_verdict portal_data(struct portal *s, const uint8_t *p, size_t n)
{
	size_t room = PORTAL_MAX - s->n;
	if (n)
		memcpy(s->buf + s->n, p, n < room ? n : room);
	s->n += n < room ? n : room;
	return judge(s, s->n == PORTAL_MAX);
}

enum portal_verdict portal_end(struct portal *s)
{
	return judge(s, true);
}
