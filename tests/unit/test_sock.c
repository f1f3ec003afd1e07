/* Sockets on loopback: who rejected and how, whose clock times come from, how connections end, and
 * that a callback may close its own socket whatever it was told. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <errno.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "sallyport/clock.h"
#include "sallyport/sock.h"

enum { MAX_EVENTS = 8 };

static struct loop *l;
static struct sock *client;
static int server = -1; /* a plain socket of the test's own */
static struct endpoint peer;

static struct {
	struct sock_event events[MAX_EVENTS];
	uint8_t data[MAX_EVENTS][64];
	size_t n, enough; /* the loop stops there */
	bool close_in_callback;
} seen;

static void on_event(void *ctx, const struct sock_event *ev)
{
	(void)ctx;
	assert_true(seen.n < MAX_EVENTS && ev->data.n <= sizeof(seen.data[0]));
	seen.events[seen.n] = *ev;
	if (ev->data.n)
		memcpy(seen.data[seen.n], ev->data.p, ev->data.n);
	seen.n++;
	if (seen.close_in_callback) {
		sock_close(client);
		client = NULL;
	}
	if (seen.n >= seen.enough)
		loop_stop(l);
}

static int setup(void **state)
{
	(void)state;
	memset(&seen, 0, sizeof(seen));
	seen.enough = 1;
	l = loop_new();
	return l ? 0 : -1;
}

static int teardown(void **state)
{
	(void)state;
	sock_close(client);
	client = NULL;
	if (server >= 0)
		close(server);
	server = -1;
	assert_int_equal(loop_free(l), 0);
	return 0;
}

static void on_too_late(void *ctx)
{
	(void)ctx;
	loop_stop(l);
}

/* Until there are `enough` events, or for two seconds. */
static void wait_for(size_t enough)
{
	struct loop_timer *t = loop_timer_add(l, loop_now_ns(l) + 2 * NS_PER_S, on_too_late, NULL);
	seen.enough = enough;
	if (seen.n < enough)
		loop_run(l);
	loop_timer_del(t);
	assert_int_equal(seen.n, enough);
}

static struct addr loopback(uint8_t family)
{
	struct addr a = addr_v4(127, 0, 0, 1);
	return family == 4 ? a : (struct addr){.family = 6, .b = {[15] = 1}};
}

/* Bound, and listening where it is TCP; peer is its address. False: no such family here. */
static bool open_server(uint8_t family, int type)
{
	struct sockaddr_storage ss;
	peer = (struct endpoint){loopback(family), 0};
	socklen_t n = (socklen_t)endpoint_to_sockaddr(&peer, &ss);
	server = socket(family == 4 ? AF_INET : AF_INET6, type | SOCK_CLOEXEC, 0);
	if (server < 0 || bind(server, (struct sockaddr *)&ss, n))
		return false;
	if (type == SOCK_STREAM)
		assert_int_equal(listen(server, 4), 0);
	assert_int_equal(getsockname(server, (struct sockaddr *)&ss, &n), 0);
	assert_int_equal(endpoint_from_sockaddr(&ss, &peer), 0);
	return true;
}

/* A port that nobody has: it was somebody's a moment ago. */
static bool choose_closed_port(uint8_t family, int type)
{
	bool ok = open_server(family, type);
	close(server);
	server = -1;
	return ok;
}

static void connect_udp(const struct sock_opts *o)
{
	assert_int_equal(sock_udp(l, &peer, o, on_event, NULL, &client), 0);
}

static void connect_tcp(void)
{
	assert_int_equal(sock_tcp(l, &peer, &(struct sock_opts){0}, on_event, NULL, &client), 0);
	assert_int_equal(seen.n, 0); /* never from inside */
}

/* ---- ICMP ---- */
static void expect_port_unreachable(uint8_t family)
{
	static const struct {
		uint8_t type, code;
	} word[] = {[4] = {3, 3}, [6] = {1, 4}};
	struct addr from = loopback(family);
	if (!choose_closed_port(family, SOCK_DGRAM))
		skip();
	connect_udp(&(struct sock_opts){0});
	for (size_t i = 0; i < 3; i++) { /* and the socket stays open */
		assert_int_equal(sock_send(client, "hello", 5, NULL), 0);
		wait_for(i + 1);
		const struct sock_event *ev = &seen.events[i];
		assert_int_equal(ev->type, SOCK_ICMP);
		assert_int_equal(ev->icmp_type, word[family].type);
		assert_int_equal(ev->icmp_code, word[family].code);
		assert_true(addr_equal(&ev->icmp_from, &from));
		assert_int_equal(ev->err, ECONNREFUSED);
		assert_memory_equal(seen.data[i], "hello", ev->data.n);
	}
}

static void port_unreachable_names_its_sender(void **state)
{
	(void)state;
	expect_port_unreachable(4);
}

static void port_unreachable_in_ipv6(void **state)
{
	(void)state;
	expect_port_unreachable(6);
}

static void closed_while_told_of_icmp(void **state)
{
	(void)state;
	assert_true(choose_closed_port(4, SOCK_DGRAM));
	connect_udp(&(struct sock_opts){0});
	seen.close_in_callback = true;
	assert_int_equal(sock_send(client, "a", 1, NULL), 0);
	(void)sock_send(client, "b", 1, NULL); /* its error is told to nobody */
	wait_for(1);
}

/* ---- datagrams ---- */
static void answer(const void *p, size_t n)
{
	struct sockaddr_storage ss;
	struct endpoint to = sock_local(client);
	socklen_t len = (socklen_t)endpoint_to_sockaddr(&to, &ss);
	assert_int_equal(sendto(server, p, n, 0, (struct sockaddr *)&ss, len), n);
}

/* The loop gets round to a datagram 50 ms after it came: the kernel knows better. When no socket of
 * the machine wanted times before, it begins to take them a moment later (net_enable_timestamp);
 * the first datagram may be without. */
static void times_are_the_kernels(void **state)
{
	uint64_t sent = 0;
	(void)state;
	assert_true(open_server(4, SOCK_DGRAM));
	connect_udp(&(struct sock_opts){0});
	for (size_t i = 0; i < 2; i++) {
		assert_int_equal(sock_send(client, "?", 1, &sent), 0);
		answer("!", 1);
		while (clock_mono_ns() < sent + 50 * NS_PER_MS)
			;
		wait_for(i + 1);
	}
	assert_int_equal(seen.events[1].type, SOCK_DATA);
	assert_true(seen.events[1].at_ns > sent);
	assert_true(seen.events[1].at_ns < sent + 40 * NS_PER_MS);
}

static void a_datagram_has_a_sender_and_a_ttl(void **state)
{
	int ttl = 33;
	(void)state;
	assert_true(open_server(4, SOCK_DGRAM));
	assert_int_equal(setsockopt(server, IPPROTO_IP, IP_TTL, &ttl, sizeof(ttl)), 0);
	connect_udp(&(struct sock_opts){0});
	answer("one", 3);
	answer("", 0); /* an empty datagram is data, not an end */
	answer("three", 5);
	wait_for(3);
	for (size_t i = 0; i < 3; i++) {
		assert_int_equal(seen.events[i].type, SOCK_DATA);
		assert_true(endpoint_equal(&seen.events[i].from, &peer));
		assert_int_equal(seen.events[i].ttl, ttl);
	}
	assert_int_equal(seen.events[1].data.n, 0);
	assert_memory_equal(seen.data[2], "three", 5);
}

static void a_ttl_and_a_port_of_our_own(void **state)
{
	int ttl = 0;
	uint8_t buf[8];
	char control[64];
	struct iovec iov = {buf, sizeof(buf)};
	struct msghdr m = {.msg_iov = &iov,
			   .msg_iovlen = 1,
			   .msg_control = control,
			   .msg_controllen = sizeof(control)};
	int on = 1;
	(void)state;
	assert_true(choose_closed_port(4, SOCK_DGRAM)); /* a free one, for us */
	uint16_t ours = peer.port;
	assert_true(open_server(4, SOCK_DGRAM));
	assert_int_equal(setsockopt(server, IPPROTO_IP, IP_RECVTTL, &on, sizeof(on)), 0);
	connect_udp(&(struct sock_opts){.ifname = "lo", .source_port = ours, .ttl = 7});
	assert_int_equal(sock_local(client).port, ours);
	for (int want = 7; want < 10; want += 2) {
		assert_int_equal(sock_set_ttl(client, want), 0);
		assert_int_equal(sock_send(client, "x", 1, NULL), 0);
		m.msg_controllen = sizeof(control);
		assert_int_equal(recvmsg(server, &m, 0), 1);
		memcpy(&ttl, CMSG_DATA(CMSG_FIRSTHDR(&m)), sizeof(ttl));
		assert_int_equal(ttl, want);
	}
}

static void an_interface_that_is_not_there(void **state)
{
	(void)state;
	assert_true(open_server(4, SOCK_DGRAM));
	struct sock_opts o = {.ifname = "no-such-if"};
	assert_true(sock_udp(l, &peer, &o, on_event, NULL, &client) < 0);
	assert_true(sock_tcp(l, &peer, &o, on_event, NULL, &client) < 0);
	peer.addr.family = 0;
	assert_int_equal(sock_udp(l, &peer, &(struct sock_opts){0}, on_event, NULL, &client),
			 -EAFNOSUPPORT);
	client = NULL;
}

/* ---- connections ---- */
static int accept_one(void)
{
	int fd = accept(server, NULL, NULL);
	assert_true(fd >= 0);
	return fd;
}

static void an_orderly_connection(void **state)
{
	(void)state;
	assert_true(open_server(4, SOCK_STREAM));
	connect_tcp();
	wait_for(1);
	assert_int_equal(seen.events[0].type, SOCK_CONNECTED);
	int fd = accept_one();
	assert_int_equal(write(fd, "greeting", 8), 8);
	close(fd);
	wait_for(3);
	assert_int_equal(seen.events[1].type, SOCK_DATA);
	assert_memory_equal(seen.data[1], "greeting", 8);
	assert_int_equal(seen.events[2].type, SOCK_CLOSED);
}

static void our_end_is_orderly_too(void **state)
{
	char c;
	(void)state;
	assert_true(open_server(4, SOCK_STREAM));
	connect_tcp();
	wait_for(1);
	int fd = accept_one();
	assert_int_equal(sock_send(client, "x", 1, NULL), 0);
	sock_close(client);
	client = NULL;
	assert_int_equal(read(fd, &c, 1), 1);
	assert_int_equal(read(fd, &c, 1), 0); /* FIN, not RST */
	close(fd);
}

static void a_reset_connection(void **state)
{
	struct linger hard = {1, 0};
	(void)state;
	assert_true(open_server(4, SOCK_STREAM));
	connect_tcp();
	wait_for(1);
	int fd = accept_one();
	assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_LINGER, &hard, sizeof(hard)), 0);
	close(fd);
	wait_for(2);
	assert_int_equal(seen.events[1].type, SOCK_RESET);
}

static void a_refused_connection(void **state)
{
	(void)state;
	for (int close_in_callback = 0; close_in_callback < 2; close_in_callback++) {
		assert_true(choose_closed_port(4, SOCK_STREAM));
		memset(&seen, 0, sizeof(seen));
		seen.close_in_callback = close_in_callback;
		connect_tcp();
		wait_for(1);
		assert_int_equal(seen.events[0].type, SOCK_REFUSED);
		assert_int_equal(seen.events[0].err, ECONNREFUSED);
		sock_close(client);
		client = NULL;
	}
}

static void closed_before_the_result(void **state)
{
	(void)state;
	assert_true(choose_closed_port(4, SOCK_STREAM));
	connect_tcp();
	sock_close(client);
	client = NULL;
	loop_run(l); /* nothing is left to wait for */
	assert_int_equal(seen.n, 0);
}

static void a_connection_is_given_away(void **state)
{
	char c = 0;
	(void)state;
	assert_true(open_server(4, SOCK_STREAM));
	connect_tcp();
	wait_for(1);
	int fd = sock_take_fd(client), far = accept_one();
	client = NULL;
	assert_true(fd >= 0);
	assert_int_equal(write(fd, "t", 1), 1);
	assert_int_equal(read(far, &c, 1), 1);
	close(fd), close(far);
	loop_run(l);
	assert_int_equal(seen.n, 1);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(port_unreachable_names_its_sender),
		TEST(port_unreachable_in_ipv6),
		TEST(closed_while_told_of_icmp),
		TEST(times_are_the_kernels),
		TEST(a_datagram_has_a_sender_and_a_ttl),
		TEST(a_ttl_and_a_port_of_our_own),
		TEST(an_interface_that_is_not_there),
		TEST(an_orderly_connection),
		TEST(our_end_is_orderly_too),
		TEST(a_reset_connection),
		TEST(a_refused_connection),
		TEST(closed_before_the_result),
		TEST(a_connection_is_given_away),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
