/* Lookups through c-ares against a resolver of the test's own on loopback: what each answer
 * becomes, that callbacks come from the loop only, and that nothing is left of what was given up. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "sallyport/clock.h"
#include "sallyport/err.h"
#include "sallyport/names.h"
#include "sallyport/wire/dns.h"

enum { RCODE_SERVFAIL = 2, RCODE_NXDOMAIN = 3, RCODE_REFUSED = 5 };

static struct loop *l;
static struct names *names;
static int server = -1;
static struct loop_io *server_io;
static unsigned asked, told;
static struct names_result last;

static const struct zone {
	const char *name;
	uint16_t rcode;
	unsigned n_addrs;
	bool mute;
} zones[] = {
	{"one.example", 0, 1, false},
	{"many.example", 0, 12, false},
	{"none.example", 0, 0, false},
	{"gone.example", RCODE_NXDOMAIN, 0, false},
	{"ill.example", RCODE_SERVFAIL, 0, false},
	{"not.example", RCODE_REFUSED, 0, false},
	{"mute.example", 0, 0, true},
};

static size_t build(const struct zone *z, const uint8_t *q, size_t n, uint8_t *out, size_t cap)
{
	struct addr addrs[12];
	for (unsigned i = 0; i < 12; i++)
		addrs[i] = addr_v4(192, 0, 2, (uint8_t)(i + 1));
	struct dns_reply r = {.rcode = z->rcode, .addrs = addrs, .n_addrs = z->n_addrs, .ttl = 60,
			      .ede = -1};
	size_t len = dns_build_reply(out, cap, q, n, &r);
	assert_true(len > 12);
	return len;
}

static void on_question(void *ctx, unsigned events)
{
	uint8_t in[512], out[1024];
	struct sockaddr_storage from;
	socklen_t from_n = sizeof(from);
	struct dns_message m;
	(void)ctx, (void)events;
	ssize_t n = recvfrom(server, in, sizeof(in), 0, (struct sockaddr *)&from, &from_n);
	assert_true(n > 0);
	assert_int_equal(dns_parse(in, (size_t)n, &m), 0);
	asked++;
	for (size_t i = 0; i < sizeof(zones) / sizeof(zones[0]); i++) {
		if (strcmp(m.question.text, zones[i].name) || zones[i].mute)
			continue;
		size_t len = build(&zones[i], in, (size_t)n, out, sizeof(out));
		assert_int_equal(sendto(server, out, len, 0, (struct sockaddr *)&from, from_n), len);
	}
}

static int setup(void **state)
{
	struct endpoint at = {addr_v4(127, 0, 0, 77), 53};
	struct sockaddr_storage ss;
	socklen_t n = (socklen_t)endpoint_to_sockaddr(&at, &ss);
	(void)state;
	asked = told = 0;
	last = (struct names_result){0};
	l = loop_new();
	server = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (server < 0 || bind(server, (struct sockaddr *)&ss, n)) /* port 53 is for root alone */
		return 0;
	int e = loop_io_add(l, server, LOOP_READ, on_question, NULL, &server_io);
	return e ? e : names_new(l, &at.addr, 1, "lo", &names);
}

static int teardown(void **state)
{
	(void)state;
	names_free(names);
	loop_io_del(server_io);
	names = NULL, server_io = NULL;
	if (server >= 0)
		close(server);
	server = -1;
	assert_int_equal(loop_free(l), 0);
	return 0;
}

static void on_result(void *ctx, const struct names_result *r)
{
	(void)ctx;
	last = *r;
	told++;
	loop_stop(l);
}

static struct names_lookup *ask(const char *name, uint8_t family)
{
	struct names_lookup *lookup;
	unsigned before = told;
	if (!names)
		skip();
	assert_int_equal(names_lookup(names, name, family, on_result, NULL, &lookup), 0);
	assert_int_equal(told, before); /* never from inside */
	return lookup;
}

static void what_answers_become(void **state)
{
	static const struct {
		const char *name;
		int status;
		const char *reason;
		size_t n_addrs;
	} rows[] = {
		{"one.example", 0, "ok", 1},
		{"many.example", 0, "ok", NAMES_MAX_ADDRS}, /* no more than there is room for */
		{"none.example", SP_E_MISSING, "nodata", 0},
		{"gone.example", SP_E_MISSING, "nxdomain", 0},
		{"192.0.2.99", 0, "ok", 1}, /* itself, and nobody is asked */
	};
	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		(void)ask(rows[i].name, 4);
		loop_run(l);
		assert_int_equal(told, i + 1);
		assert_int_equal(last.status, rows[i].status);
		assert_string_equal(last.reason, rows[i].reason);
		assert_int_equal(last.n_addrs, rows[i].n_addrs);
	}
	assert_int_equal(asked, 4);
	struct addr literal = addr_v4(192, 0, 2, 99);
	assert_true(addr_equal(&last.addrs[0], &literal));
}

/* Servers that are ill are asked again before they are believed. */
static void what_is_no_answer(void **state)
{
	static const char *const rows[] = {"ill.example", "not.example"};
	(void)state;
	for (size_t i = 0; i < 2; i++) {
		(void)ask(rows[i], 4);
		loop_run(l);
		assert_int_equal(told, i + 1);
		assert_true(last.status < 0);
		assert_int_equal(last.n_addrs, 0);
		assert_true(last.reason && *last.reason);
	}
}

static void a_literal_of_the_other_family(void **state)
{
	(void)state;
	(void)ask("192.0.2.99", 6);
	loop_run(l);
	assert_int_equal(last.status, SP_E_MISSING);
	assert_string_equal(last.reason, "nodata");
}

static void on_time(void *ctx)
{
	(void)ctx;
	loop_stop(l);
}

/* Whoever gave up is not called, whatever comes. */
static void what_was_cancelled_is_not_told(void **state)
{
	(void)state;
	names_cancel(ask("one.example", 4));
	names_cancel(ask("192.0.2.99", 4));
	names_cancel(NULL);
	struct loop_timer *t = loop_timer_add(l, loop_now_ns(l) + 50 * NS_PER_MS, on_time, NULL);
	loop_run(l);
	loop_timer_del(t);
	assert_int_equal(asked, 1);
	assert_int_equal(told, 0);
}

/* The teardown frees the resolver while three lookups are under way, one of them just answered. */
static void what_is_under_way_ends_with_the_resolver(void **state)
{
	(void)state;
	(void)ask("mute.example", 4);
	(void)ask("mute.example", 6);
	(void)ask("192.0.2.99", 4);
}

static void many_at_once(void **state)
{
	static const char *const list[] = {"one.example", "many.example", "gone.example"};
	(void)state;
	for (unsigned i = 0; i < 60; i++)
		(void)ask(list[i % 3], 4);
	while (told < 60)
		loop_run(l);
	assert_true(asked >= 60);
}

/* The first server does not exist; c-ares hears so at once and goes on to the next. */
static void the_next_server_is_asked(void **state)
{
	struct addr both[] = {addr_v4(127, 0, 0, 78), addr_v4(127, 0, 0, 77)};
	struct names *two;
	struct names_lookup *lookup;
	(void)state;
	if (!names)
		skip();
	assert_int_equal(names_new(l, both, 2, NULL, &two), 0);
	assert_int_equal(names_lookup(two, "one.example", 4, on_result, NULL, &lookup), 0);
	loop_run(l);
	assert_int_equal(last.status, 0);
	assert_int_equal(last.n_addrs, 1);
	names_free(two);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(what_answers_become),
		TEST(what_is_no_answer),
		TEST(a_literal_of_the_other_family),
		TEST(what_was_cancelled_is_not_told),
		TEST(what_is_under_way_ends_with_the_resolver),
		TEST(many_at_once),
		TEST(the_next_server_is_asked),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
