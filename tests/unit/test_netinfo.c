/* What the kernel's tables say, read in a network namespace of the test's own that nothing leaves. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "sallyport/netinfo.h"

static bool alone; /* this process has a network namespace of its own */

static void ip(const char *args)
{
	char line[200];
	snprintf(line, sizeof(line), "ip %s", args);
	if (system(line))
		fail_msg("%s", line);
}

/* Each test begins with nothing but a loopback interface. */
static int setup(void **state)
{
	(void)state;
	alone = unshare(CLONE_NEWNET) == 0;
	return 0;
}

static void uplink(const char *name, const char *address, const char *gateway, unsigned metric)
{
	char line[160];
	snprintf(line, sizeof(line), "link add %s type veth peer name %s-far", name, name);
	ip(line);
	snprintf(line, sizeof(line), "addr add %s dev %s", address, name);
	ip(line);
	snprintf(line, sizeof(line), "link set %s up", name);
	ip(line);
	snprintf(line, sizeof(line), "link set %s-far up", name);
	ip(line);
	if (!gateway)
		return;
	snprintf(line, sizeof(line), "route add default via %s dev %s metric %u", gateway, name,
		 metric);
	ip(line);
}

static void read_host(const char *interface, struct host_facts *h)
{
	struct sp_error err = {0};
	if (!alone)
		skip();
	if (netinfo_read(interface, h, &err))
		fail_msg("%s", err.text);
}

static bool has_address(const struct host_facts *h, struct addr a, unsigned prefix)
{
	for (size_t i = 0; i < h->n_addrs; i++)
		if (addr_equal(&h->addrs[i].addr, &a))
			return h->addrs[i].prefix == prefix;
	return false;
}

static void nothing_is_no_error(void **state)
{
	struct host_facts h;
	(void)state;
	read_host(NULL, &h);
	assert_false(h.route4 || h.route6);
	assert_int_equal(h.gateway4.family, 0);
	assert_int_equal(h.n_others, 0);
}

static void one_uplink(void **state)
{
	struct host_facts h;
	struct addr gateway = addr_v4(10, 9, 0, 1);
	(void)state;
	if (!alone)
		skip();
	uplink("up0", "10.9.0.2/24", "10.9.0.1", 50);
	ip("addr add 169.254.3.4/16 dev up0 scope link");
	ip("link set up0 mtu 1400 address 02:00:00:00:00:05");
	read_host(NULL, &h);
	assert_string_equal(h.ifname, "up0");
	assert_true(h.ifindex > 0 && h.carrier && h.virtual_ && h.route4 && !h.route6);
	assert_int_equal(h.mtu, 1400);
	assert_true(addr_equal(&h.gateway4, &gateway));
	assert_true(has_address(&h, addr_v4(10, 9, 0, 2), 24));
	assert_true(has_address(&h, addr_v4(169, 254, 3, 4), 16));
	assert_memory_equal(h.mac.b, "\x02\0\0\0\0\x05", 6);
	assert_string_equal(h.operstate, "up");
	assert_false(h.forwards);
}

static void the_lowest_metric_wins(void **state)
{
	struct host_facts h;
	(void)state;
	if (!alone)
		skip();
	uplink("up0", "10.9.0.2/24", "10.9.0.1", 200);
	uplink("up1", "10.8.0.2/24", "10.8.0.1", 100);
	uplink("up2", "10.7.0.2/24", NULL, 0);
	read_host(NULL, &h);
	assert_string_equal(h.ifname, "up1");
	assert_int_equal(h.n_others, 1);
	assert_string_equal(h.others[0].ifname, "up0");
	assert_int_equal(h.others[0].metric, 200);
	read_host("up0", &h); /* unless one is named */
	assert_string_equal(h.ifname, "up0");
	assert_true(has_address(&h, addr_v4(10, 9, 0, 2), 24));
	assert_false(has_address(&h, addr_v4(10, 8, 0, 2), 24));
	read_host("up2", &h);
	assert_false(h.route4);
}

static void an_interface_that_is_not_there(void **state)
{
	struct host_facts h;
	struct sp_error err = {0};
	(void)state;
	if (!alone)
		skip();
	assert_int_equal(netinfo_read("no-such-if", &h, &err), SP_E_MISSING);
	assert_non_null(strstr(err.text, "no-such-if"));
}

static void a_cable_that_is_out(void **state)
{
	struct host_facts h;
	(void)state;
	if (!alone)
		skip();
	uplink("up0", "10.9.0.2/24", NULL, 0);
	ip("link set up0-far down");
	read_host("up0", &h);
	assert_false(h.carrier);
	assert_string_not_equal(h.operstate, "up");
}

static void neighbours(void **state)
{
	struct host_facts h;
	struct neigh n = {0};
	struct addr known = addr_v4(10, 9, 0, 1), unknown = addr_v4(10, 9, 0, 7);
	(void)state;
	if (!alone)
		skip();
	uplink("up0", "10.9.0.2/24", "10.9.0.1", 50);
	ip("neigh add 10.9.0.1 lladdr 02:00:00:00:00:09 nud reachable dev up0");
	ip("neigh add 10.9.0.3 lladdr 02:00:00:00:00:0a nud reachable dev up0");
	ip("neigh add 10.9.0.4 nud failed dev up0");
	read_host(NULL, &h);
	assert_int_equal(netinfo_neigh(h.ifindex, &known, &n), 0);
	assert_int_equal(n.state, NEIGH_REACHABLE);
	assert_memory_equal(n.mac.b, "\x02\0\0\0\0\x09", 6);
	assert_int_equal(n.lan_peers, 1); /* the one that answers, not the one that does not */
	assert_int_equal(netinfo_neigh(h.ifindex, &unknown, &n), 0);
	assert_int_equal(n.state, NEIGH_NONE);
}

#define TEST(f) cmocka_unit_test_setup(f, setup)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(nothing_is_no_error),
		TEST(one_uplink),
		TEST(the_lowest_metric_wins),
		TEST(an_interface_that_is_not_there),
		TEST(a_cable_that_is_out),
		TEST(neighbours),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
