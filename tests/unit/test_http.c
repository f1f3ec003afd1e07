/* HTTP responses from honest and hostile peers, URLs, dates. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "sallyport/err.h"
#include "sallyport/wire/http.h"

static int parse(const char *s, struct http_response *out)
{
	return http_response_parse((const uint8_t *)s, strlen(s), out);
}

static void honest_responses(void **state)
{
	(void)state;
	struct http_response h;
	assert_int_equal(parse("HTTP/1.1 204 No Content\r\nContent-Length: 0\r\n\r\n", &h), 0);
	assert_int_equal(h.status, 204);
	assert_true(h.complete);
	assert_int_equal(h.body.n, 0);

	assert_int_equal(
		parse("HTTP/1.0 200 OK\r\nserver:nginx \r\nDate: Sun, 06 Nov 1994 08:49:37 GMT"
		      "\r\nCONTENT-LENGTH: 8\r\n\r\nsuccess\nmore",
		      &h),
		0);
	assert_int_equal(h.body.n, 8);
	assert_memory_equal(h.body.p, "success\n", 8);
	assert_true(h.complete);
	assert_int_equal(h.server.n, 5);
	assert_memory_equal(h.server.p, "nginx", 5);
	assert_true(h.has_date);
	assert_true(h.date_us == INT64_C(784111777) * 1000000);

	assert_int_equal(parse("HTTP/1.1 302 Found\nLocation: http://p.example/login\n\n", &h), 0);
	assert_int_equal(h.status, 302);
	assert_memory_equal(h.location.p, "http://p.example/login", h.location.n);
	assert_false(h.complete); /* only the end of the stream would say so */

	assert_int_equal(
		parse("HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n", &h), 0);
	assert_true(h.chunked);
	assert_int_equal(h.content_length, -1);
}

static void cut_short(void **state)
{
	(void)state;
	static const char whole[] =
		"HTTP/1.1 200 OK\r\nContent-Length: 4\r\nLocation: /x\r\n\r\nabcd";
	struct http_response h = {.status = 7};
	size_t head = strlen(whole) - 4;
	for (size_t i = 0; i < head; i++)
		assert_int_equal(http_response_parse((const uint8_t *)whole, i, &h),
				 SP_E_TRUNCATED);
	assert_int_equal(h.status, 7); /* untouched */
	for (size_t i = head; i < head + 4; i++) {
		assert_int_equal(http_response_parse((const uint8_t *)whole, i, &h), 0);
		assert_false(h.complete);
		assert_int_equal(h.body.n, i - head);
	}
}

static void hostile_responses(void **state)
{
	(void)state;
	static const char *const bad[] = {
		"\r\n\r\n",
		"220 mail.example ESMTP\r\n\r\n",
		"HTTP/2.0 200 OK\r\n\r\n",
		"HTTP/1.x 200 OK\r\n\r\n",
		"HTTP/1.1 2000 OK\r\n\r\n",
		"HTTP/1.1 -12 OK\r\n\r\n",
		"HTTP/1.1 099 OK\r\n\r\n",
		"HTTP/1.1 600 OK\r\n\r\n",
		"HTTP/1.1\r\n\r\n",
		"HTTP/1.1 200 OK\r\n: empty name\r\n\r\n",
	};
	struct http_response h;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		if (parse(bad[i], &h) != SP_E_MALFORMED)
			fail_msg("accepted: %s", bad[i]);
	char many[4096] = "HTTP/1.1 200 OK\r\n";
	for (unsigned i = 0; i <= HTTP_MAX_HEADERS; i++)
		strncat(many, "a: b\r\n", sizeof(many) - strlen(many) - 1);
	strncat(many, "\r\n", sizeof(many) - strlen(many) - 1);
	assert_int_equal(parse(many, &h), SP_E_MALFORMED);
}

static void hostile_lengths(void **state)
{
	(void)state;
	static const char *const values[] = {"-1", "99999999999999999999999", "4x", "", "0x10"};
	for (size_t i = 0; i < sizeof(values) / sizeof(values[0]); i++) {
		char text[128];
		struct http_response h;
		snprintf(text, sizeof(text), "HTTP/1.1 200 OK\r\nContent-Length: %s\r\n\r\nabc",
			 values[i]);
		assert_int_equal(parse(text, &h), 0);
		assert_int_equal(h.content_length, -1);
		assert_int_equal(h.body.n, 3);
		assert_false(h.complete);
	}
}

static void requests(void **state)
{
	(void)state;
	struct http_url u;
	uint8_t b[512];
	struct http_request q;
	assert_int_equal(http_url_parse("http://Portal.example:8080/generate_204", &u), 0);
	int n = http_get_build(&u, b, sizeof(b));
	assert_true(n > 0);
	assert_int_equal(http_request_parse(b, (size_t)n, &q), 0);
	assert_memory_equal(q.method.p, "GET", q.method.n);
	assert_int_equal(q.path.n, strlen("/generate_204"));
	assert_memory_equal(q.path.p, "/generate_204", q.path.n);
	assert_int_equal(q.host.n, strlen("portal.example:8080"));
	assert_memory_equal(q.host.p, "portal.example:8080", q.host.n);
	for (int i = 0; i < n; i++)
		assert_int_equal(http_request_parse(b, (size_t)i, &q), SP_E_TRUNCATED);
	assert_int_equal(http_request_parse((const uint8_t *)"GET /\r\n\r\n", 9, &q),
			 SP_E_MALFORMED);
	assert_int_equal(http_get_build(&u, b, 20), SP_E_LIMIT);
}

static void urls(void **state)
{
	(void)state;
	struct http_url u;
	assert_int_equal(http_url_parse("http://a.example", &u), 0);
	assert_string_equal(u.host.s, "a.example");
	assert_string_equal(u.path, "/");
	assert_int_equal(u.port, 80);
	assert_int_equal(http_url_parse("http://192.0.2.7/x?y=1", &u), 0);
	assert_string_equal(u.host.s, "192.0.2.7");
	assert_string_equal(u.path, "/x?y=1");
	static const char *const bad[] = {"https://a.example/",
					  "http://",
					  "http:///x",
					  "http://a b/",
					  "http://a.example:0/",
					  "http://a.example:65536/",
					  "http://a.example:/",
					  "http://a.example:8x/",
					  "http://a.example/a b",
					  "http://a.example/\r\nX: y",
					  "http://user@a.example/",
					  "http://[::1]/"};
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		if (http_url_parse(bad[i], &u) != SP_E_SYNTAX)
			fail_msg("accepted: %s", bad[i]);
	char longest[700] = "http://a.example/";
	memset(longest + strlen(longest), 'x', 600);
	assert_int_equal(http_url_parse(longest, &u), SP_E_SYNTAX);
}

static void dates(void **state)
{
	(void)state;
	static const struct {
		const char *text;
		int64_t seconds;
	} good[] = {
		{"Thu, 01 Jan 1970 00:00:00 GMT", 0},
		{"Tue, 29 Feb 2000 23:59:59 GMT", 951868799},
		{"Tue, 24 Nov 2026 00:03:06 GMT", 1795478586},
		{"Mon, 01 Mar 2100 00:00:00 GMT", 4107542400},
	};
	int64_t us;
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		assert_int_equal(http_date_parse(wire_text_str(good[i].text), &us), 0);
		assert_true(us == good[i].seconds * 1000000);
	}
	static const char *const bad[] = {
		"",
		"Sunday, 06-Nov-94 08:49:37 GMT",
		"Sun Nov  6 08:49:37 1994",
		"Sun, 06 Nov 1994 08:49:37 UTC",
		"Sun, 06 Xxx 1994 08:49:37 GMT",
		"Sun, 32 Nov 1994 08:49:37 GMT",
		"Sun, 06 Nov 1994 24:49:37 GMT",
		"Sun, 06 Nov 1994 08:60:37 GMT",
		"Sun, 06 Nov 1900 08:49:37 GMT",
		"Sun, +6 Nov 1994 08:49:37 GMT",
	};
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		if (http_date_parse(wire_text_str(bad[i]), &us) != SP_E_SYNTAX)
			fail_msg("accepted: %s", bad[i]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(honest_responses),
		cmocka_unit_test(cut_short),
		cmocka_unit_test(hostile_responses),
		cmocka_unit_test(hostile_lengths),
		cmocka_unit_test(requests),
		cmocka_unit_test(urls),
		cmocka_unit_test(dates),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
