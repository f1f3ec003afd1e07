/* The hop differential on records made by hand: ways that differ by port. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "diag/judge/hopdiff.h"

static const struct addr target_addr = { 4, { 198, 51, 100, 10 } };

struct way { /* hops 1 to n answer, except one that is silent; then the target, where it speaks */
	enum hop_role role;
	unsigned shared, silent_to, target_at;
	uint8_t network;
};

/* Ports may be sent along different ways. */
static size_t log_way(const struct way *w, struct hop_record *log)
{
	size_t n = 0;
	for (unsigned round = 1; round <= 3; round++)
		for (unsigned ttl = 1; ttl <= 8; ttl++) {
			bool there = ttl >= w->target_at;
			struct hop_record h = { .role = w->role, .ttl = ttl, .round = round,
						.order = 2 * round + (w->role == HOP_CONTROL) };
			h.got = there ? HOP_ANSWER : ttl > w->shared && ttl <= w->silent_to ? HOP_NOTHING :
							     HOP_ROUTER;
			h.from = there ? target_addr :
				 addr_v4(10, (uint8_t)ttl, ttl <= w->shared ? 0 : w->network, 1);
			log[n++] = h;
		}
	return n;
}

/* The suspect reaches the server in five hops, the control in seven: no box answers early. */
static void a_shorter_way_is_no_box(void **state)
{
	static const struct way ways[] = {
		{ .role = HOP_SUSPECT, .shared = 2, .silent_to = 4, .target_at = 5, .network = 1 },
		{ .role = HOP_CONTROL, .shared = 2, .silent_to = 2, .target_at = 7, .network = 2 },
	};
	struct hop_record log[64];
	struct hop_stretch f;
	(void)state;
	size_t n = log_way(&ways[0], log);
	n += log_way(&ways[1], log + n);
	hops_impostor(log, n, &target_addr, &f);
	assert_false(f.proven);
	assert_string_equal(f.why, "other-way");
}

/* The suspect's way is silent from the second hop on, and the server is down. Where nobody saw both
 * pass one router, the control's way says nothing about it. */
static void a_silent_way_is_no_drop(void **state)
{
	static const struct way ways[] = {
		{ .role = HOP_SUSPECT, .shared = 1, .silent_to = 8, .target_at = 9, .network = 1 },
		{ .role = HOP_CONTROL, .shared = 0, .silent_to = 1, .target_at = 5, .network = 2 },
	};
	struct hop_record log[64];
	struct hop_stretch f;
	(void)state;
	size_t n = log_way(&ways[0], log);
	n += log_way(&ways[1], log + n);
	hops_compare(log, n, &target_addr, &f);
	assert_false(f.proven);
	assert_string_equal(f.why, "other-way");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_shorter_way_is_no_box),
		cmocka_unit_test(a_silent_way_is_no_drop),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
