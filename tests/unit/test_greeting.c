/* The pure state machines of the greeting and the portal check, with time as a number. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "probes/core/greeting.h"
#include "probes/core/portal.h"

#define MS UINT64_C(1000000)
#define END (5000 * MS)

static const uint8_t nonce[64] = {0x9f, 0x02, 0x00, 0xff, 0x41};

static struct greeting fresh(void)
{
	struct greeting g;
	greeting_init(&g, 40, 0, END);
	return g;
}

static void whole_nonce(void **state)
{
	(void)state;
	struct greeting g = fresh();
	assert_true(greeting_deadline(&g) == END);
	assert_int_equal(greeting_data(&g, nonce, 40, 10 * MS), GREETING_PENDING);
	assert_true(greeting_deadline(&g) == 310 * MS);
	assert_int_equal(greeting_tick(&g, 309 * MS), GREETING_PENDING);
	assert_int_equal(greeting_tick(&g, 310 * MS), GREETING_NONCE);
}

/* Byte by byte, slowly: the quiet time counts from the last byte. */
static void nonce_in_pieces(void **state)
{
	(void)state;
	struct greeting g = fresh();
	for (unsigned i = 0; i < 40; i++) {
		assert_int_equal(greeting_tick(&g, i * 100 * MS), GREETING_PENDING);
		assert_int_equal(greeting_data(&g, nonce + i, 1, i * 100 * MS), GREETING_PENDING);
	}
	assert_memory_equal(g.head, nonce, 40);
	assert_int_equal(greeting_tick(&g, 3900 * MS + 300 * MS), GREETING_NONCE);
}

static void impostors(void **state)
{
	static const struct {
		const char *bytes;
		size_t n;
		enum greeting_verdict now, at_end, closed;
	} rows[] = {
		{"", 0, GREETING_PENDING, GREETING_SILENT, GREETING_CLOSED},
		{"HTTP/1.1 400 Bad Request\r\n", 26, GREETING_HTTP, GREETING_HTTP, GREETING_HTTP},
		{"\x15\x03\x03\x00\x02\x02\x28", 7, GREETING_TLS, GREETING_TLS, GREETING_TLS},
		{"220 mail.example ESMTP\r\n", 24, GREETING_PENDING, GREETING_TEXT, GREETING_TEXT},
		{"exactly forty characters of plain text..", 40, GREETING_PENDING, GREETING_TEXT,
		 GREETING_TEXT},
		{"text that is longer than the forty bytes of a nonce", 51, GREETING_TEXT,
		 GREETING_TEXT, GREETING_TEXT},
		{"\x9f\x00\x01", 3, GREETING_PENDING, GREETING_SHORT, GREETING_SHORT},
	};
	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct greeting g = fresh();
		assert_int_equal(greeting_data(&g, (const uint8_t *)rows[i].bytes, rows[i].n, MS),
				 rows[i].now);
		assert_int_equal(greeting_closed(&g), rows[i].closed);
		assert_int_equal(greeting_tick(&g, END), rows[i].at_end);
	}
}

static void too_long(void **state)
{
	(void)state;
	struct greeting g = fresh();
	assert_int_equal(greeting_data(&g, nonce, 41, MS), GREETING_LONG);
	g = fresh();
	assert_int_equal(greeting_data(&g, nonce, 40, MS), GREETING_PENDING);
	assert_int_equal(greeting_data(&g, nonce, 1, 2 * MS), GREETING_LONG);
	/* a flood does not grow anything */
	static const uint8_t flood[100000] = {0xff};
	for (unsigned i = 0; i < 3; i++)
		assert_int_equal(greeting_data(&g, flood, sizeof(flood), 3 * MS), GREETING_LONG);
	assert_int_equal(g.n, 300041);
	assert_memory_equal(g.head, nonce, 40);
}

static void closed_after_nonce(void **state)
{
	(void)state;
	struct greeting g = fresh();
	(void)greeting_data(&g, nonce, 40, MS);
	assert_int_equal(greeting_closed(&g), GREETING_CLOSED);
}

/* The end of the time budget counts as the end of the wait. */
static void short_of_time(void **state)
{
	(void)state;
	struct greeting g;
	greeting_init(&g, 40, 0, 200 * MS);
	(void)greeting_data(&g, nonce, 40, 100 * MS);
	assert_true(greeting_deadline(&g) == 200 * MS);
	assert_int_equal(greeting_tick(&g, 200 * MS), GREETING_NONCE);
}

static enum portal_verdict feed(struct portal *s, unsigned status, const char *body,
				const char *text)
{
	portal_init(s, status, body);
	return portal_data(s, (const uint8_t *)text, strlen(text));
}

static void pages(void **state)
{
	static const struct {
		unsigned status;
		const char *body, *text;
		enum portal_verdict now, at_end;
	} rows[] = {
		{204, NULL, "HTTP/1.1 204 No Content\r\n\r\n", PORTAL_EXPECTED, PORTAL_EXPECTED},
		{204, NULL, "HTTP/1.1 200 OK\r\n\r\n<html>", PORTAL_OTHER, PORTAL_OTHER},
		{204, NULL, "HTTP/1.1 302 Found\r\nLocation: http://p.example/\r\n\r\n",
		 PORTAL_OTHER, PORTAL_OTHER},
		{200, "success", "HTTP/1.1 200 OK\r\nContent-Length: 8\r\n\r\nsuccess\n",
		 PORTAL_EXPECTED, PORTAL_EXPECTED},
		{200, "success", "HTTP/1.1 200 OK\r\n\r\nsucc", PORTAL_PENDING, PORTAL_OTHER},
		{200, "success", "HTTP/1.1 200 OK\r\n\r\n<html>var success", PORTAL_OTHER,
		 PORTAL_OTHER},
		{200, "success", "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", PORTAL_OTHER,
		 PORTAL_OTHER},
		{200, "success", "HTTP/1.1 200 OK\r\nServ", PORTAL_PENDING, PORTAL_GARBLED},
		{200, "success", "220 mail.example\r\n", PORTAL_GARBLED, PORTAL_GARBLED},
		{200, "success", "", PORTAL_PENDING, PORTAL_CLOSED},
	};
	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct portal s;
		if (feed(&s, rows[i].status, rows[i].body, rows[i].text) != rows[i].now)
			fail_msg("now: %s", rows[i].text);
		if (portal_end(&s) != rows[i].at_end)
			fail_msg("at end: %s", rows[i].text);
	}
}

static void page_in_pieces(void **state)
{
	static const char text[] = "HTTP/1.1 200 OK\r\nContent-Length: 8\r\n\r\nsuccess\n";
	struct portal s;
	(void)state;
	portal_init(&s, 200, "success");
	for (size_t i = 0; i < sizeof(text) - 3; i++)
		assert_int_equal(portal_data(&s, (const uint8_t *)text + i, 1), PORTAL_PENDING);
	assert_int_equal(portal_data(&s, (const uint8_t *)"s", 1), PORTAL_EXPECTED);
}

static void endless_head(void **state)
{
	struct portal s;
	(void)state;
	portal_init(&s, 204, NULL);
	enum portal_verdict v = portal_data(&s, (const uint8_t *)"HTTP/1.1 204 x\r\n", 16);
	for (unsigned i = 0; v == PORTAL_PENDING && i < 10000; i++)
		v = portal_data(&s, (const uint8_t *)"X: y\r\n", 6);
	assert_int_equal(v, PORTAL_GARBLED);
	assert_true(s.n <= PORTAL_MAX);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(whole_nonce),
		cmocka_unit_test(nonce_in_pieces),
		cmocka_unit_test(impostors),
		cmocka_unit_test(too_long),
		cmocka_unit_test(closed_after_nonce),
		cmocka_unit_test(short_of_time),
		cmocka_unit_test(pages),
		cmocka_unit_test(page_in_pieces),
		cmocka_unit_test(endless_head),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
