/* The NAT model: what the Linux kernel was measured to do, and what sets the other kinds apart. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "diag/lab/nat_model.h"
#include "sallyport/clock.h"

#define S(x) ((uint64_t)((x) * 1000 + 0.5) * NS_PER_MS)

static struct nat_model box; /* large: not on the stack */
static const struct addr wan = { 4, { 203, 0, 113, 1 } };
static const struct endpoint device = { { 4, { 192, 168, 1, 2 } }, 5684 };
static const struct endpoint neighbour = { { 4, { 192, 168, 1, 3 } }, 5684 };
static const struct endpoint server = { { 4, { 198, 51, 100, 10 } }, 5684 };
static const struct endpoint same_host = { { 4, { 198, 51, 100, 10 } }, 3478 };
static const struct endpoint other_host = { { 4, { 198, 51, 100, 11 } }, 5684 };

static void start(const char *name)
{
	const struct nat_kind *k = nat_kind_by_name(name);
	assert_non_null(k);
	nat_model_init(&box, k, &wan, 1);
}

/* The public port that a packet leaves with; 0: it does not leave. */
static uint16_t out(double t, const struct endpoint *from, const struct endpoint *to)
{
	struct nat_packet p = { *from, *to, 64 };
	if (nat_model_out(&box, S(t), &p) != NAT_PASS)
		return 0;
	assert_true(addr_equal(&p.src.addr, &wan));
	assert_true(endpoint_equal(&p.dst, to));
	assert_int_equal(p.ttl, 63);
	return p.src.port;
}

static bool in(double t, const struct endpoint *from, uint16_t port, const struct endpoint *to)
{
	struct nat_packet p = { *from, { wan, port }, 64 };
	return nat_model_in(&box, S(t), &p) == NAT_PASS && endpoint_equal(&p.dst, to) &&
	       endpoint_equal(&p.src, from);
}

static bool error_in(double t, uint16_t port)
{
	struct nat_packet quoted = { { wan, port }, server, 63 };
	return nat_model_error_in(&box, S(t), &quoted) == NAT_PASS &&
	       endpoint_equal(&quoted.src, &device);
}

struct event {
	char way; /* '>' out, '<' in */
	double t;
};

struct history {
	const char *what;
	struct event events[6];
	uint32_t timer_s;
};

/* Play the events and say how long the mapping lives after the last of them. */
static uint32_t lifetime_s(const struct history *h, double *last)
{
	uint16_t port = 0;
	for (const struct event *e = h->events; e->way; e++) {
		*last = e->t;
		if (e->way == '>')
			port = out(e->t, &device, &server);
		else
			assert_true(in(e->t, &server, port, &device));
		assert_int_not_equal(port, 0);
	}
	return (uint32_t)(nat_model_left_ns(&box, S(*last), &device, &server) / NS_PER_S);
}

/* Measured on Linux 6.18 with the timers set to 20 s and 50 s. */
static const struct history kernel[] = {
	{ "new", { { '>', 0 } }, 20 },
	{ "no reply ever", { { '>', 0 }, { '>', 2.5 } }, 20 },
	{ "replied", { { '>', 0 }, { '<', 0.01 } }, 20 },
	{ "inbound restarts", { { '>', 0 }, { '<', 0.01 }, { '<', 1 } }, 20 },
	{ "1.9 s", { { '>', 0 }, { '<', 0.01 }, { '>', 1.9 } }, 20 },
	{ "1.99 s", { { '>', 0 }, { '<', 0.01 }, { '>', 1.99 } }, 20 },
	{ "2.01 s", { { '>', 0 }, { '<', 0.01 }, { '>', 2.01 } }, 50 },
	{ "2.1 s", { { '>', 0 }, { '<', 0.01 }, { '>', 2.1 } }, 50 },
	{ "inbound alone", { { '>', 0 }, { '<', 0.01 }, { '<', 2.1 } }, 50 },
	{ "late reply, then out", { { '>', 0 }, { '<', 1.5 }, { '>', 2.5 } }, 50 },
	{ "late reply, then in", { { '>', 0 }, { '<', 1.5 }, { '<', 2.5 } }, 50 },
	{ "first reply at 2.5 s", { { '>', 0 }, { '<', 2.5 } }, 20 },
	{ "first reply at 6 s", { { '>', 0 }, { '<', 6 } }, 20 },
	{ "in after a late reply", { { '>', 0 }, { '<', 2.5 }, { '<', 2.6 } }, 50 },
	{ "out after a late reply", { { '>', 0 }, { '<', 2.5 }, { '>', 2.6 } }, 50 },
	{ "reply to the second", { { '>', 0 }, { '>', 2.5 }, { '<', 2.6 } }, 20 },
	{ "and one more", { { '>', 0 }, { '>', 2.5 }, { '<', 2.6 }, { '>', 2.7 } }, 50 },
	{ "established, in", { { '>', 0 }, { '<', 0.01 }, { '>', 2.1 }, { '<', 6 } }, 50 },
	{ "established, out", { { '>', 0 }, { '<', 0.01 }, { '>', 2.1 }, { '>', 6 } }, 50 },
};

/* Each history twice: an answer 20 ms before its timer ends passes, one at its end does not. */
static void linux_is_the_kernel_and_dies_sharply(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(kernel) / sizeof(kernel[0]); i++)
		for (int late = 0; late <= 1; late++) {
			double last = 0;
			start("linux");
			box.kind.timer_s[NAT_TIMER_FIRST] = box.kind.timer_s[NAT_TIMER_SINGLE] = 20;
			box.kind.timer_s[NAT_TIMER_STREAM] = 50;
			if (lifetime_s(&kernel[i], &last) != kernel[i].timer_s)
				fail_msg("%s: not %u s", kernel[i].what, kernel[i].timer_s);
			double at = last + kernel[i].timer_s - (late ? 0 : 0.02);
			if (in(at, &server, device.port, &device) == late)
				fail_msg("%s: wrong at %f s", kernel[i].what, at);
		}
}

/* One packet out; a retransmission; one exchange; out, in, out; two exchanges; one packet each way
 * and another after 2 s. */
static const struct history stimuli[] = {
	{ "A", { { '>', 0 } }, 0 },
	{ "A2", { { '>', 0 }, { '>', 1 } }, 0 },
	{ "B", { { '>', 0 }, { '<', 0.1 } }, 0 },
	{ "C", { { '>', 0 }, { '<', 0.1 }, { '>', 1 } }, 0 },
	{ "D", { { '>', 0 }, { '<', 0.1 }, { '>', 1 }, { '<', 1.1 } }, 0 },
	{ "E", { { '>', 0 }, { '<', 0.1 }, { '>', 3 }, { '<', 3.1 } }, 0 },
};
enum { STIMULI = sizeof(stimuli) / sizeof(stimuli[0]) };

static void every_kind_has_its_own_states(void **state)
{
	static const struct {
		const char *kind;
		uint32_t timer_s[STIMULI];
	} rows[] = {
		{ "linux", { 30, 30, 30, 30, 30, 120 } },
		{ "linux-old", { 30, 30, 30, 180, 180, 180 } },
		{ "openwrt", { 60, 60, 60, 60, 60, 180 } },
		{ "pf", { 60, 30, 30, 60, 60, 60 } },
		{ "nsx", { 30, 30, 30, 30, 30, 30 } },
		{ "ec2", { 30, 30, 30, 30, 180, 180 } },
		{ "mikrotik", { 10, 10, 180, 180, 180, 180 } },
		{ "fortigate", { 180, 180, 180, 180, 180, 180 } },
		{ "symmetric", { 30, 30, 30, 30, 30, 120 } },
	};
	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		for (size_t j = 0; j < STIMULI; j++) {
			double last = 0;
			start(rows[i].kind);
			box.kind.grain_ms = 0; /* whole seconds are another test */
			uint32_t got = lifetime_s(&stimuli[j], &last);
			if (got != rows[i].timer_s[j])
				fail_msg("%s %s: %u s, not %u s", rows[i].kind, stimuli[j].what, got,
					 rows[i].timer_s[j]);
		}
}

/* A packet halfway through the timer, then an answer after the first timer would have ended. */
static void the_direction_decides_what_refreshes(void **state)
{
	static const struct {
		const char *kind;
		bool by_in, by_out;
	} rows[] = {
		{ "fortigate", true, true },
		{ "fortigate-outgoing", false, true },
		{ "fortigate-incoming", true, false },
		{ "winnat", false, true },
	};
	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		double timer = nat_kind_by_name(rows[i].kind)->timer_s[NAT_TIMER_FIRST];
		start(rows[i].kind);
		uint16_t port = out(0, &device, &server);
		assert_true(in(timer / 2, &server, port, &device));
		assert_int_equal(in(timer + 1, &server, port, &device), rows[i].by_in);
		start(rows[i].kind);
		port = out(0, &device, &server);
		assert_int_equal(out(timer / 2, &device, &server), port);
		assert_int_equal(in(timer + 1, &server, port, &device), rows[i].by_out);
	}
}

/* pf looks up what its sweep has not met yet: the end lies in [T, T + 10 s], by place in the table. */
static void pf_forgets_late_and_not_all_at_once(void **state)
{
	uint32_t at_end = 0;
	(void)state;
	for (uint16_t i = 0; i < 200; i++) {
		struct endpoint from = { device.addr, (uint16_t)(20000 + i) };
		start("pf");
		uint16_t port = out(0, &from, &server);
		assert_true(in(59.9, &server, port, &from));
		start("pf");
		port = out(0, &from, &server);
		at_end += in(65, &server, port, &from);
		start("pf");
		port = out(0, &from, &server);
		assert_false(in(70, &server, port, &from));
	}
	assert_in_range(at_end, 60, 140);
	start("pf"); /* and its times are whole seconds */
	assert_int_not_equal(out(0.9, &device, &server), 0);
	assert_int_equal(nat_model_left_ns(&box, S(0.9), &device, &server), S(59.1));
}

/* Does the same inside port look the same to another host; who may answer; who keeps the port. */
static void mapping_and_filtering_are_data(void **state)
{
	static const struct {
		const char *kind;
		bool keeps_port, port_for_same_host, port_for_other_host;
		bool same_host_answers, other_host_answers;
	} rows[] = {
		{ "linux", true, true, true, false, false }, /* by its number, not by one mapping */
		{ "pf", false, false, false, false, false },
		{ "symmetric", false, false, false, false, false },
		{ "address-dependent", false, true, false, true, false },
		{ "winnat", true, true, true, true, false },
		{ "full-cone", true, true, true, true, true },
	};
	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		start(rows[i].kind);
		uint16_t port = out(0, &device, &server);
		assert_int_equal(port == device.port, rows[i].keeps_port);
		assert_true(in(0.1, &server, port, &device));
		assert_int_equal(in(0.2, &same_host, port, &device), rows[i].same_host_answers);
		assert_int_equal(in(0.3, &other_host, port, &device), rows[i].other_host_answers);
		assert_int_equal(out(1, &device, &same_host) == port, rows[i].port_for_same_host);
		assert_int_equal(out(1, &device, &other_host) == port, rows[i].port_for_other_host);
		assert_int_equal(out(2, &device, &server), port);
	}
}

/* One mapping for all, though only a host that was spoken to may answer. */
static void mapping_does_not_follow_filtering(void **state)
{
	(void)state;
	start("winnat");
	box.kind.ports = NAT_PORTS_RANDOM;
	uint16_t port = out(0, &device, &server);
	assert_false(in(1, &other_host, port, &device));
	assert_int_equal(out(2, &device, &other_host), port);
	assert_true(in(3, &other_host, port, &device));
}

static void a_taken_port_is_given_twice_only_by_overload(void **state)
{
	(void)state;
	start("linux");
	uint16_t port = out(0, &device, &server), theirs = out(0, &neighbour, &server);
	assert_int_equal(port, device.port);
	assert_int_not_equal(theirs, port);
	assert_true(in(1, &server, port, &device));
	assert_true(in(1, &server, theirs, &neighbour));
	start("overload");
	assert_int_equal(out(0, &device, &server), device.port);
	assert_int_equal(out(0, &neighbour, &server), device.port);
	assert_false(in(1, &server, device.port, &device)); /* the last one gets it all */
}

/* Without a firewall on the WAN side a late answer takes the port for the short timer. */
static void a_late_answer_changes_the_next_port(void **state)
{
	(void)state;
	start("linux-open");
	assert_int_equal(out(0, &device, &server), device.port);
	assert_false(in(31, &server, device.port, &device));
	assert_int_not_equal(out(32, &device, &server), device.port);
	start("linux");
	assert_int_equal(out(0, &device, &server), device.port);
	assert_false(in(31, &server, device.port, &device));
	assert_int_equal(out(32, &device, &server), device.port);
}

static void an_icmp_error_refreshes_nothing(void **state)
{
	(void)state;
	start("linux");
	uint16_t port = out(0, &device, &server);
	for (double t = 0.25; t < 30; t += 0.25)
		assert_true(error_in(t, port));
	assert_false(error_in(30, port));
	start("icmp-forgets");
	port = out(0, &device, &server);
	assert_true(error_in(1, port));
	assert_false(in(2, &server, port, &device));
}

/* A packet that dies at the box restarts a timer on Linux, not on pf, and opens nothing on either. */
static void a_ttl_that_ends_here_refreshes_linux_only(void **state)
{
	static const struct {
		const char *kind;
		double first_s;
		bool refreshed;
	} rows[] = { { "linux", 30, true }, { "pf", 60, false } };
	(void)state;
	for (size_t i = 0; i < 2; i++) {
		struct nat_packet p = { device, server, 1 };
		start(rows[i].kind);
		assert_int_equal(nat_model_out(&box, 0, &p), NAT_TTL);
		assert_int_equal(nat_model_left_ns(&box, 0, &device, &server), 0);
		assert_int_not_equal(out(0, &device, &server), 0);
		assert_int_equal(nat_model_out(&box, S(20), &p), NAT_TTL);
		assert_true(endpoint_equal(&p.src, &device));
		uint64_t left = nat_model_left_ns(&box, S(20), &device, &server);
		assert_int_equal(left, S(rows[i].refreshed ? rows[i].first_s : rows[i].first_s - 20));
		p = (struct nat_packet){ server, { wan, out(21, &device, &server) }, 1 };
		assert_int_equal(nat_model_in(&box, S(21), &p), NAT_TTL);
	}
}

static void a_hairpin_comes_from_the_public_side(void **state)
{
	struct nat_packet p = { neighbour, { wan, 0 }, 64 };
	(void)state;
	start("full-cone");
	p.dst.port = out(0, &device, &server);
	assert_int_equal(nat_model_out(&box, S(1), &p), NAT_HAIRPIN);
	assert_true(endpoint_equal(&p.dst, &device));
	assert_true(addr_equal(&p.src.addr, &wan));
	struct nat_packet back = { device, p.src, 64 };
	assert_int_equal(nat_model_out(&box, S(2), &back), NAT_HAIRPIN);
	assert_true(endpoint_equal(&back.dst, &neighbour));
	start("linux");
	p = (struct nat_packet){ neighbour, { wan, out(0, &device, &server) }, 64 };
	assert_int_equal(nat_model_out(&box, S(1), &p), NAT_DROP);
}

static void a_quota_and_a_full_table_refuse_new_flows_only(void **state)
{
	static const struct {
		const char *kind;
		unsigned room;
	} rows[] = { { "port-quota", 64 }, { "linux", NAT_ENTRIES_MAX } };
	(void)state;
	for (size_t i = 0; i < 2; i++) {
		struct endpoint from = device;
		start(rows[i].kind);
		for (unsigned n = 0; n < rows[i].room; n++) {
			from.port = (uint16_t)(20000 + n);
			assert_int_equal(out(0, &from, &server), from.port);
		}
		assert_int_equal(out(1, &device, &server), 0);
		assert_int_equal(box.refused, 1);
		assert_int_equal(out(1, &from, &server), from.port);
		assert_int_equal(out(30, &device, &server), device.port); /* the old ones ended */
	}
}

static void a_reboot_forgets_and_a_move_changes_the_address(void **state)
{
	const struct addr moved = { 4, { 203, 0, 113, 2 } };
	struct nat_packet p = { device, server, 64 };
	(void)state;
	start("linux");
	uint16_t port = out(0, &device, &server);
	nat_model_flush(&box);
	assert_false(in(1, &server, port, &device));
	assert_int_equal(out(2, &device, &server), port);
	nat_model_move(&box, &moved);
	assert_int_equal(nat_model_out(&box, S(3), &p), NAT_PASS);
	assert_true(addr_equal(&p.src.addr, &moved));
	assert_false(in(4, &server, port, &device)); /* to the old address */
}

/* Names are unique, every number has a source, and every kind carries an exchange both ways. */
static void every_row_is_complete(void **state)
{
	(void)state;
	for (size_t i = 0; i < n_nat_kinds; i++) {
		const struct nat_kind *k = &nat_kinds[i];
		assert_ptr_equal(nat_kind_by_name(k->name), k);
		assert_true(k->source && k->source[0]);
		for (int t = 0; t < NAT_TIMER_COUNT; t++)
			assert_int_not_equal(k->timer_s[t], 0);
		start(k->name);
		uint16_t port = out(0, &device, &server);
		assert_true(in(0.1, &server, port, &device));
	}
	assert_null(nat_kind_by_name("no-such-box"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(linux_is_the_kernel_and_dies_sharply),
		cmocka_unit_test(every_kind_has_its_own_states),
		cmocka_unit_test(the_direction_decides_what_refreshes),
		cmocka_unit_test(pf_forgets_late_and_not_all_at_once),
		cmocka_unit_test(mapping_and_filtering_are_data),
		cmocka_unit_test(mapping_does_not_follow_filtering),
		cmocka_unit_test(a_taken_port_is_given_twice_only_by_overload),
		cmocka_unit_test(a_late_answer_changes_the_next_port),
		cmocka_unit_test(an_icmp_error_refreshes_nothing),
		cmocka_unit_test(a_ttl_that_ends_here_refreshes_linux_only),
		cmocka_unit_test(a_hairpin_comes_from_the_public_side),
		cmocka_unit_test(a_quota_and_a_full_table_refuse_new_flows_only),
		cmocka_unit_test(a_reboot_forgets_and_a_move_changes_the_address),
		cmocka_unit_test(every_row_is_complete),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
