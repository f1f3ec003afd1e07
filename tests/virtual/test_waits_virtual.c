/* How long a probe waits for what may never come, on a network of virtual time. */
#include "virtual_run.h"

#include "sallyport/wire/dns.h"

#define GATEWAY addr_v4(10, 0, 0, 254)

static void resolve(void *ctx, const struct fake_packet *in)
{
	struct addr answer = addr_v4(198, 51, 100, 10);
	struct dns_reply r = { .ede = -1, .ttl = 60, .addrs = &answer, .n_addrs = 1 };
	uint8_t out[512];
	(void)ctx;
	fake_reply(in, out, dns_build_reply(out, sizeof(out), in->data.p, in->data.n, &r), 0);
}

/* A gateway that drops our datagram; the resolver is what the test looks at. */
static void behind_gateway(struct virtual_run *v, struct addr resolver)
{
	fake_net_reset(1, 10, 0, 0);
	fake_net_host((struct endpoint){ resolver, 53 }, resolve, NULL);
	v->host.gateway4 = GATEWAY;
	v->host.addrs[0] = (struct host_addr){ addr_v4(10, 0, 0, 7), 24 };
	v->host.resolvers[0] = resolver;
	vr_plan(v, "gateway", "10.0.0.254", "gateway", -1);
	vr_plan(v, "dns.resolver", "resolver", "dns.resolver", -1)->resolver_index = 0;
}

static void what_comes_back_through_the_gateway_shows_it(void **state)
{
	struct virtual_run *v = *state;
	behind_gateway(v, addr_v4(198, 51, 100, 53));
	vr_go(v);
	const struct observation *o = vr_first(v, "gateway", OUTCOME_ANSWERED);
	assert_non_null(o);
	assert_true(obs_text_is(o, A_REPLY, "data"));
	assert_true(o->t_us < 100000);
}

static void what_a_neighbour_says_shows_no_gateway(void **state)
{
	struct virtual_run *v = *state;
	behind_gateway(v, addr_v4(10, 0, 0, 53));
	vr_go(v);
	assert_null(vr_first(v, "gateway", OUTCOME_ANSWERED));
	assert_non_null(vr_first(v, "gateway", OUTCOME_SILENT));
	assert_true(vr_seconds(v) > 8);
}

static void mute(void *ctx, const struct fake_packet *in)
{
	(void)ctx;
	(void)in;
}

static void plan_echo(struct virtual_run *v)
{
	fake_net_reset(1, 10, 0, 0);
	fake_net_name("cloud.example", addr_v4(198, 51, 100, 10));
	fake_net_host((struct endpoint){ addr_v4(198, 51, 100, 10), 5684 }, mute, NULL);
	v->profile.n_targets = 1;
	v->profile.targets[0] = (struct profile_target){ .section = "cloud", .check = "udp5684",
		.name = "cloud.example", .families = FAMILY_4, .port = 5684 };
	vr_plan(v, "udp5684.echo", "cloud.example", "dtls-echo", 0);
}

static void a_silent_echo_is_not_waited_for_once_the_path_is_known(void **state)
{
	struct virtual_run *v = *state;
	struct observation o;
	plan_echo(v);
	obs_begin(&o, "udp5684.identity", "cloud.example", 1, OUTCOME_ANSWERED);
	run_append(v->run, &o);
	vr_go(v);
	assert_int_equal(vr_count(v, "udp5684.echo", OUTCOME_SILENT), 1);
	assert_true(vr_seconds(v) >= 0.5 && vr_seconds(v) < 0.6);
}

static void a_silent_echo_has_the_devices_time_otherwise(void **state)
{
	struct virtual_run *v = *state;
	plan_echo(v);
	vr_go(v);
	assert_int_equal(vr_count(v, "udp5684.echo", OUTCOME_SILENT), 1);
	assert_true(vr_seconds(v) >= 5 && vr_seconds(v) < 5.3);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, vr_setup, vr_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(what_comes_back_through_the_gateway_shows_it),
		TEST(what_a_neighbour_says_shows_no_gateway),
		TEST(a_silent_echo_is_not_waited_for_once_the_path_is_known),
		TEST(a_silent_echo_has_the_devices_time_otherwise),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
