/* diag/lab, its pure parts: fault lists, topology text, names of the world, the link's schedule. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "diag/lab/inside.h"
#include "diag/lab/link_sched.h"
#include "sallyport/clock.h"

static struct arena *arena;

static int set_up(void **state)
{
	(void)state;
	arena = arena_new();
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	arena_free(arena);
	return 0;
}

static struct lab_order order_of(const char *text)
{
	struct lab_order o;
	struct sp_error err = {0};
	if (lab_order_parse(arena, text, &o, &err))
		fail_msg("%s: %s", text, err.text);
	return o;
}

static void table_is_sound(void **state)
{
	(void)state;
	for (size_t i = 0; i < n_lab_fault_table; i++) {
		const struct lab_fault *f = &lab_fault_table[i];
		assert_true(f->name && f->summary && *f->summary);
		assert_true(f->exit >= 0 && f->exit <= 3);
		assert_null(strpbrk(f->name, "=,\t \n"));
		for (size_t k = 0; k < i; k++)
			assert_string_not_equal(f->name, lab_fault_table[k].name);
		for (size_t k = 0; k < LAB_CHANGES_MAX && f->changes[k].kind; k++) {
			assert_non_null(f->changes[k].text);
			assert_true(lab_node_exists(f->changes[k].node, f->shape));
		}
		struct lab_order o = order_of(f->name);
		assert_int_equal(o.n_faults, 1);
		assert_memory_equal(&o.knobs, &f->knobs, sizeof(o.knobs));
	}
}

static void orders_add_up(void **state)
{
	(void)state;
	struct lab_order o = order_of("udp-port-blocked,ntp-blocked,delay=50,loss=0.25,seed=7");
	assert_int_equal(o.n_faults, 2);
	assert_true(o.seeded && o.seed == 7);
	assert_true(o.knobs.delay_ms == 50 && o.knobs.loss == 0.25);
	assert_int_equal(o.shape, LAB_RELAY);
	assert_string_equal(lab_order_changes(arena, &o, LAB_GATEWAY, LAB_FORWARD),
			    "udp dport $UDP drop\nudp dport $NTP drop\n");
	assert_null(lab_order_changes(arena, &o, LAB_R2, LAB_FORWARD));
	assert_int_equal(order_of("clean").shape, 0);
	o = order_of("dns-empty,tls-hang,without=ntp+dtls");
	assert_int_equal(o.knobs.dns, LAB_DNS_EMPTY);
	assert_int_equal(o.knobs.tls, LAB_TLS_HANG);
	assert_true(lab_order_without(&o, "ntp") && lab_order_without(&o, "dtls"));
	assert_false(lab_order_without(&o, "dns"));
}

static void bad_orders(void **state)
{
	(void)state;
	static const char *const bad[] = {
		"",         "nonesuch",  "clean,,clean", "delay=",  "delay=-1",
		"delay=x",  "loss=1.5",  "loss=nan",     "seed=-1", "seed=1x",
		"colour=1", "without=x", "without=",     "=1",      "dns-empty,dns-ede",
	};
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct lab_order o = {.seed = 99};
		struct sp_error err = {0};
		if (lab_order_parse(arena, bad[i], &o, &err) != SP_E_USAGE)
			fail_msg("'%s' was taken", bad[i]);
		assert_true(*err.text && o.seed == 99);
	}
}

static void shapes_change_the_topology(void **state)
{
	(void)state;
	static const char *const shapes[] = {"clean", "double-nat", "delay=1", "double-nat,delay=1",
					     "routers-load-balanced", "gateway-host"};
	static const size_t n_links[] = {5, 6, 6, 7, 7, 5};
	int fds[LAB_NODE_COUNT] = {0};
	for (size_t i = 0; i < sizeof(shapes) / sizeof(shapes[0]); i++) {
		struct lab_order o = order_of(shapes[i]);
		size_t n = 0;
		for (const char *t = lab_links_text(arena, o.shape, fds); (t = strchr(t, '\n'));
		     t++)
			n++;
		assert_int_equal(n, n_links[i]);
		/* Every node that forwards has exactly one default route, and the device one. */
		for (unsigned k = 0; k < LAB_LINK; k++) {
			const char *text = lab_node_text(arena, &o, k);
			const char *first = strstr(text, "route add default");
			if (!lab_node_exists(k, o.shape))
				assert_null(first);
			else
				assert_true(first && !strstr(first + 1, "route add default"));
		}
	}
}

static const struct profile *default_profile(void)
{
	const struct profile *p;
	struct sp_error err = {0};
	if (profile_load(arena, "diag/profiles/particle-wifi.ini", &p, &err))
		fail_msg("%s", err.text);
	return p;
}

static void names_of_the_world(void **state)
{
	(void)state;
	static const struct {
		const char *name, *address;
	} rows[] = {
		{"e00fce68000000000000a001.v6.udp.particle.io", "198.51.100.10"},
		{"any-other-id.v6.udp.particle.io", "198.51.100.10"},
		{"device.spark.io", "198.51.100.11"},
		{"API.particle.io", "198.51.100.20"},
		{"pool.ntp.org", "198.51.100.30"},
		{"0.pool.ntp.org", "198.51.100.30"},
		{"connectivitycheck.gstatic.com", "198.51.100.40"},
		{"detectportal.firefox.com", "198.51.100.41"},
		{"example.com", "198.51.100.50"},
		{"coap.golioth.io", "198.51.100.50"},
		{"v6.udp.particle.io", NULL},
		{"notpool.ntp.org.example", NULL},
		{"xdevice.spark.io", NULL},
		{"particle.io", NULL},
		{"", NULL},
	};
	struct lab_world w;
	struct lab_knobs honest = {0};
	lab_world_init(&w, default_profile(), &honest, "/nowhere");
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct addr a = {0};
		char text[ADDR_STRLEN];
		bool known = lab_world_lookup(&w, rows[i].name, &a);
		if (known != (rows[i].address != NULL))
			fail_msg("'%s' is %sknown", rows[i].name, known ? "" : "not ");
		if (known)
			assert_string_equal(addr_format(&a, text), rows[i].address);
	}
}

/* What other servers read is what the lab's own resolver would have said. */
static void names_as_text(void **state)
{
	(void)state;
	struct lab_world w;
	struct lab_knobs honest = {0};
	lab_world_init(&w, default_profile(), &honest, "/nowhere");
	const char *text = lab_world_names(arena, &w);
	static const char *const lines[] = {
		"192.168.77.1 resolver .\n",
		"\n9.9.9.9 resolver-elsewhere .\n",
		"\n198.51.100.10 dtls-device v6.udp.particle.io\n", /* any id below it */
		"\n198.51.100.11 tcp-greeting device.spark.io\n",
		"\n198.51.100.20 tls console.particle.io\n",
		"\n198.51.100.30 ntp pool.ntp.org\n",
		"\n198.51.100.41 http detectportal.firefox.com\n",
		"\n198.51.100.50 control coap.golioth.io\n",
	};
	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++)
		if (!strstr(text, lines[i]))
			fail_msg("no line '%s' in\n%s", lines[i], text);
	assert_null(strstr(text, "{id}"));
}

static void rules_of_the_nodes(void **state)
{
	(void)state;
	struct lab_world w;
	struct lab_order o = order_of("udp-port-blocked-r2,udp-impostor-redirect");
	lab_world_init(&w, default_profile(), &o.knobs, "/nowhere");
	assert_null(lab_rules_text(arena, &o, &w, LAB_R1));
	assert_non_null(strstr(lab_rules_text(arena, &o, &w, LAB_R2), "udp dport $UDP drop"));
	const char *gateway = lab_rules_text(arena, &o, &w, LAB_GATEWAY);
	assert_non_null(strstr(gateway, "define UDP = 5684"));
	assert_non_null(strstr(gateway, "define FORGED = 203.0.113.66"));
	assert_non_null(strstr(gateway, "oifname \"wan0\" masquerade"));
}

/* ---- the user-space link, in virtual time ---- */

static struct link_sched *sched_of(const struct lab_knobs *k, uint64_t seed)
{
	struct link_sched *s = arena_alloc(arena, sizeof(*s));
	link_sched_init(s, k, seed);
	return s;
}

/* What leaves until now_ns, as the first bytes of the frames. */
static size_t take(struct link_sched *s, uint64_t now_ns, char *out)
{
	size_t n = 0;
	for (struct link_frame *f; (f = link_sched_pop(s, now_ns)); free(f))
		out[n++] = (char)f->bytes[0];
	out[n] = '\0';
	return n;
}

static void delay_holds_frames(void **state)
{
	(void)state;
	struct lab_knobs k = {.delay_ms = 50};
	struct link_sched *s = sched_of(&k, 1);
	char got[8];
	assert_true(link_sched_next_ns(s) == UINT64_MAX);
	link_sched_push(s, 1000, 0, "a", 1);
	link_sched_push(s, 1000, 1, "b", 1);
	link_sched_push(s, 2000, 0, "c", 1);
	assert_true(link_sched_next_ns(s) == 1000 + 50 * NS_PER_MS);
	assert_int_equal(take(s, 999 + 50 * NS_PER_MS, got), 0);
	assert_int_equal(take(s, 1000 + 50 * NS_PER_MS, got), 2);
	assert_string_equal(got, "ab");
	assert_int_equal(take(s, UINT64_MAX - 1, got), 1);
	assert_string_equal(got, "c");
}

static void jitter_keeps_order_reorder_does_not(void **state)
{
	(void)state;
	enum { N = 200 };
	struct lab_knobs k = {.delay_ms = 20, .jitter_ms = 10};
	struct link_sched *s = sched_of(&k, 42);
	uint64_t previous = 0, early = UINT64_MAX, late = 0;
	for (uint8_t i = 0; i < N; i++)
		link_sched_push(s, i * 100 * NS_PER_MS, 0, &i, 1);
	for (unsigned i = 0; i < N; i++) {
		struct link_frame *f = link_sched_pop(s, UINT64_MAX - 1);
		assert_int_equal(f->bytes[0], i);
		assert_true(f->due_ns >= previous);
		uint64_t waited = f->due_ns - i * 100 * NS_PER_MS;
		early = waited < early ? waited : early;
		late = waited > late ? waited : late;
		previous = f->due_ns;
		free(f);
	}
	assert_in_range(early, 10 * NS_PER_MS, 12 * NS_PER_MS);
	assert_in_range(late, 28 * NS_PER_MS, 30 * NS_PER_MS);
	k.reorder = 0.5;
	s = sched_of(&k, 42);
	for (uint8_t i = 0; i < N; i++)
		link_sched_push(s, i * NS_PER_MS, 0, &i, 1);
	unsigned overtaken = 0;
	for (int i = 0, last = -1; i < N; i++) {
		struct link_frame *f = link_sched_pop(s, UINT64_MAX - 1);
		overtaken += f->bytes[0] < last;
		last = f->bytes[0];
		free(f);
	}
	assert_in_range(s->reordered, N / 3, 2 * N / 3);
	assert_in_range(overtaken, 10, N);
}

static void loss_is_seeded(void **state)
{
	(void)state;
	struct lab_knobs k = {.loss = 0.1};
	uint64_t lost[3];
	static const uint64_t seeds[3] = {5, 5, 6};
	for (unsigned r = 0; r < 3; r++) {
		struct link_sched *s = sched_of(&k, seeds[r]);
		uint64_t pattern = 0;
		for (unsigned i = 0; i < 10000; i++) {
			uint64_t before = s->lost;
			link_sched_push(s, i, 0, "x", 1);
			pattern = pattern * 31 + (s->lost - before);
			free(link_sched_pop(s, i));
		}
		assert_in_range(s->lost, 900, 1100);
		lost[r] = pattern;
	}
	assert_true(lost[0] == lost[1] && lost[0] != lost[2]);
}

static void the_queue_is_bounded(void **state)
{
	(void)state;
	struct lab_knobs k = {.delay_ms = 1};
	struct link_sched *s = sched_of(&k, 1);
	static const uint8_t giant[LINK_FRAME_MAX + 1];
	link_sched_push(s, 0, 0, giant, sizeof(giant));
	assert_int_equal(s->n, 0);
	for (unsigned i = 0; i < LINK_QUEUE_MAX + 5; i++)
		link_sched_push(s, LINK_QUEUE_MAX - i / 2, i & 1, giant, 60);
	assert_int_equal(s->n, LINK_QUEUE_MAX);
	assert_int_equal(s->overflowed, 5);
	uint64_t previous = 0;
	for (struct link_frame *f; (f = link_sched_pop(s, UINT64_MAX - 1)); free(f)) {
		assert_true(f->due_ns >= previous);
		previous = f->due_ns;
	}
	link_sched_push(s, 0, 0, giant, 60);
	link_sched_clear(s);
	assert_int_equal(s->n, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(table_is_sound),
		cmocka_unit_test(orders_add_up),
		cmocka_unit_test(bad_orders),
		cmocka_unit_test(shapes_change_the_topology),
		cmocka_unit_test(names_of_the_world),
		cmocka_unit_test(names_as_text),
		cmocka_unit_test(rules_of_the_nodes),
		cmocka_unit_test(delay_holds_frames),
		cmocka_unit_test(jitter_keeps_order_reorder_does_not),
		cmocka_unit_test(loss_is_seeded),
		cmocka_unit_test(the_queue_is_bounded),
	};
	return cmocka_run_group_tests(tests, set_up, tear_down);
}
