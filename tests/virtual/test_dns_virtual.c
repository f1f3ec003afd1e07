/* The DNS probes on a network of virtual time: retries, late and second answers, controls. */
#include "virtual_run.h"

#include <stdio.h>
#include <time.h>

#include "sallyport/wire/dns.h"

#define OWN ((struct endpoint){ addr_v4(10, 0, 0, 1), 53 })
#define NINE ((struct endpoint){ addr_v4(9, 9, 9, 9), 53 })
#define ONE ((struct endpoint){ addr_v4(1, 1, 1, 1), 53 })

struct server {
	struct addr addr;
	uint16_t rcode;
	unsigned silent;   /* the first datagrams are lost */
	unsigned extra_ms; /* delay of the answer */
	struct addr second; /* family 0: no second answer */
	bool garbage, other_question;
};

static void serve(void *ctx, const struct fake_packet *in)
{
	const struct server *s = ctx;
	struct dns_message q;
	uint8_t out[512];
	assert_int_equal(dns_parse(in->data.p, in->data.n, &q), 0);
	struct dns_reply r = { .rcode = s->rcode, .ede = -1, .ttl = 60, .addrs = &s->addr };
	r.n_addrs = !s->rcode && q.qtype == DNS_A && s->addr.family;
	if (in->nth <= s->silent)
		return;
	if (s->garbage) {
		fake_reply(in, "no DNS", 6, 0);
		return;
	}
	size_t n = dns_build_reply(out, sizeof(out), in->data.p, in->data.n, &r);
	if (s->other_question)
		out[13] ^= 1; /* first letter of the name */
	fake_reply(in, out, n, s->extra_ms);
	if (s->second.family && q.qtype == DNS_A) {
		r.addrs = &s->second;
		n = dns_build_reply(out, sizeof(out), in->data.p, in->data.n, &r);
		fake_reply(in, out, n, s->extra_ms + 20);
	}
}

static struct server own, nine, one;

static void network(struct virtual_run *v, unsigned delay_ms)
{
	own = (struct server){ .addr = addr_v4(198, 51, 100, 10) };
	nine = one = own;
	fake_net_reset(1, delay_ms, 0, 0);
	fake_net_host(OWN, serve, &own);
	fake_net_host(NINE, serve, &nine);
	fake_net_host(ONE, serve, &one);
	v->profile.n_targets = 1;
	v->profile.targets[0] = (struct profile_target){ .section = "cloud", .check = "udp5684",
		.name = "{id}.cloud.example", .families = FAMILY_4, .port = 5684 };
	vr_plan(v, "dns.name", "aa.cloud.example", "dns.name", 0);
}

static unsigned controls(const struct virtual_run *v)
{
	unsigned n = 0;
	for (size_t i = 0; i < v->run->n_obs; i++)
		n += obs_text_is(v->run->obs[i], A_ROLE, "control");
	return n;
}

static void a_clean_answer_needs_no_control(void **state)
{
	struct virtual_run *v = *state;
	network(v, 10);
	vr_go(v);
	assert_int_equal(vr_count(v, "dns.name", OUTCOME_ANSWERED), 2); /* A and AAAA */
	const struct observation *o = vr_first(v, "dns.name", OUTCOME_ANSWERED);
	assert_true(obs_text_is(o, A_ANSWERS, "198.51.100.10"));
	assert_true(obs_get_real(o, A_RTT_MS, 0) == 20);
	assert_int_equal(controls(v), 0);
	assert_int_equal(fake_net_sent(NINE) + fake_net_sent(ONE), 0);
	assert_true(vr_seconds(v) <= 0.5);
}

static void a_denied_name_is_asked_elsewhere(void **state)
{
	struct virtual_run *v = *state;
	network(v, 10);
	own.rcode = DNS_NXDOMAIN;
	vr_go(v);
	assert_int_equal(fake_net_sent(NINE), 1);
	assert_int_equal(fake_net_sent(ONE), 1);
	assert_int_equal(fake_net_sent(OWN), 4); /* A, AAAA, and two other ids */
	assert_int_equal(controls(v), 4);
	assert_true(vr_seconds(v) < 1);
}

static void what_looks_wrong_is_asked_elsewhere(void **state)
{
	static const struct {
		uint16_t rcode;
		struct addr addr;
	} wrong[] = {
		{ DNS_SERVFAIL, { 0 } }, { DNS_REFUSED, { 0 } }, { 0, { 0 } }, { 0, { 4, { 0 } } },
		{ 0, { 4, { 127, 0, 0, 1 } } }, { 0, { 4, { 192, 168, 1, 1 } } },
	};
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		void *each;
		(void)state;
		vr_setup(&each);
		network(each, 10);
		own.rcode = wrong[i].rcode;
		own.addr = wrong[i].addr;
		vr_go(each);
		assert_int_equal(fake_net_sent(NINE), 1);
		assert_int_equal(controls(each), 2);
		vr_teardown(&each);
	}
}

static void silence_takes_the_whole_schedule(void **state)
{
	struct virtual_run *v = *state;
	network(v, 10);
	own.silent = 1000;
	vr_go(v);
	unsigned a = 0;
	for (size_t i = 0; i < v->run->n_obs; i++) {
		const struct observation *o = v->run->obs[i];
		a += o->outcome == OUTCOME_SILENT && obs_text_is(o, A_QTYPE, "A") &&
		     obs_text_is(o, A_RESOLVER, "10.0.0.1") && obs_text_is(o, A_PROTO, "udp");
	}
	assert_int_equal(a, 6);
	assert_int_equal(fake_net_sent(NINE), 1); /* answered at once: no repeat */
	assert_true(vr_seconds(v) >= 11 && vr_seconds(v) < 11.1);
}

static void a_lost_try_is_no_trouble(void **state)
{
	struct virtual_run *v = *state;
	network(v, 10);
	own.silent = 2; /* A and AAAA */
	vr_go(v);
	const struct observation *o = vr_first(v, "dns.name", OUTCOME_ANSWERED);
	assert_int_equal(o->attempt, 2);
	assert_true(obs_get_real(o, A_RTT_MS, 0) == 20);
	assert_int_equal(controls(v), 0);
}

static void a_late_answer_names_its_try(void **state)
{
	struct virtual_run *v = *state;
	network(v, 0);
	own.extra_ms = 2200; /* after the first try's two seconds */
	vr_go(v);
	const struct observation *o = vr_first(v, "dns.name", OUTCOME_ANSWERED);
	assert_int_equal(o->attempt, 1);
	assert_true(obs_get_bool(o, A_LATE, false));
	assert_true(obs_get_real(o, A_RTT_MS, 0) == 2200);
	assert_false(obs_has(o, A_PACKETS)); /* its silence has counted them */
}

static void a_second_answer_is_noted(void **state)
{
	struct virtual_run *v = *state;
	network(v, 10);
	own.second = addr_v4(203, 0, 113, 66);
	vr_go(v);
	const struct observation *second = NULL;
	for (size_t i = 0; i < v->run->n_obs; i++)
		if (obs_has(v->run->obs[i], A_SECOND_ANSWERS))
			second = v->run->obs[i];
	assert_non_null(second);
	assert_true(obs_text_is(second, A_SECOND_ANSWERS, "203.0.113.66"));
	assert_int_equal(obs_get_int(second, A_EXTRA, 0), 1);
	assert_true(obs_text_is(vr_first(v, "dns.name", OUTCOME_ANSWERED), A_ANSWERS, "198.51.100.10"));
}

static void garbage_and_other_questions_are_no_answers(void **state)
{
	struct virtual_run *v = *state;
	network(v, 10);
	own.garbage = true;
	vr_go(v);
	assert_true(vr_count(v, "dns.name", OUTCOME_GARBLED) >= 6);
	assert_int_equal(fake_net_sent(NINE), 1);
	void *other;
	vr_setup(&other);
	network(other, 10);
	own.other_question = true;
	vr_go(other);
	assert_true(vr_count(other, "dns.name", OUTCOME_MISMATCH) >= 6);
	assert_true(controls(other) >= 2);
	vr_teardown(&other);
}

/* Whatever is lost or late: one answer per question at most is the answer, every try that left is
 * accounted for, and the time budget holds. */
static void lossy_networks(void **state)
{
	uint64_t seed = (uint64_t)time(NULL);
	(void)state;
	print_message("seed %llu\n", (unsigned long long)seed);
	for (unsigned round = 0; round < 300; round++) {
		void *each;
		vr_setup(&each);
		struct virtual_run *v = each;
		network(v, 10);
		fake_net_reset(seed + round, 20, 3000, 400);
		fake_net_host(OWN, serve, &own);
		fake_net_host(NINE, serve, &nine);
		vr_go(v);
		unsigned tries = 0, answers = 0;
		int64_t packets = 0;
		for (size_t i = 0; i < v->run->n_obs; i++) {
			const struct observation *o = v->run->obs[i];
			if (!obs_text_is(o, A_RESOLVER, "10.0.0.1") || !obs_text_is(o, A_QTYPE, "A") ||
			    !obs_text_is(o, A_PROTO, "udp") || obs_has(o, A_ROLE))
				continue;
			packets += obs_get_int(o, A_PACKETS, 0);
			answers += o->outcome == OUTCOME_ANSWERED && !obs_has(o, A_EXTRA);
			tries = o->attempt > tries ? o->attempt : tries;
		}
		assert_true(answers <= 1);
		assert_true(tries >= 1 && packets >= 1 && packets <= tries);
		assert_true(answers == 1 || tries == 6);
		assert_true(vr_seconds(v) < 11.6);
		vr_teardown(&each);
	}
}

static void a_resolver_is_asked_for_a_neutral_name(void **state)
{
	struct virtual_run *v = *state;
	network(v, 10);
	v->run->n_checks = 0;
	vr_plan(v, "dns.resolver", "10.0.0.1", "dns.resolver", -1)->resolver_index = 0;
	own.rcode = DNS_REFUSED;
	vr_go(v);
	assert_true(obs_text_is(vr_first(v, "dns.resolver", OUTCOME_ANSWERED), A_NAME, "example.com"));
	assert_int_equal(controls(v), 1); /* the second control name */
	assert_int_equal(fake_net_sent(NINE), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define T(fn) cmocka_unit_test_setup_teardown(fn, vr_setup, vr_teardown)
		T(a_clean_answer_needs_no_control),
		T(a_denied_name_is_asked_elsewhere),
		T(what_looks_wrong_is_asked_elsewhere),
		T(silence_takes_the_whole_schedule),
		T(a_lost_try_is_no_trouble),
		T(a_late_answer_names_its_try),
		T(a_second_answer_is_noted),
		T(garbage_and_other_questions_are_no_answers),
		T(lossy_networks),
		T(a_resolver_is_asked_for_a_neutral_name),
	};
	return cmocka_run_group_tests_name("dns-virtual", tests, NULL, NULL);
}
