/* When the DTLS and NTP probes send what, and what they make of losses: eleven seconds of silence
 * on a network of virtual time. The schedule is faults.md's proof rule 1 and holds the device's own
 * DTLS timers (0, 3 and 9 s). */
#include "virtual_run.h"

#include "sallyport/wire/dtls.h"
#include "sallyport/wire/ntp.h"

#define NAME "aa.cloud.example"
#define FIRST ((struct endpoint){ addr_v4(198, 51, 100, 10), 5684 })
#define SECOND ((struct endpoint){ addr_v4(198, 51, 100, 12), 5684 })
#define POOL ((struct endpoint){ addr_v4(198, 51, 100, 30), 123 })
#define OTHER ((struct endpoint){ addr_v4(198, 51, 100, 31), 123 })

enum { DELAY_MS = 10, MAX_SEEN = 32 };

static const uint64_t schedule_ms[] = { 0, 500, 1500, 3000, 6000, 9000 };
static const uint8_t cookie[] = "twelve bytes";

/* What a host saw of the client. */
static struct seen {
	unsigned n;
	struct {
		uint64_t at_ns;
		uint16_t message_seq, port;
		uint64_t record_seq;
		size_t cookie_n;
	} packets[MAX_SEEN];
	unsigned answer_from; /* the first datagram that is answered, from 1; 0: none */
	unsigned late_ms;
	bool unreachable;     /* every datagram draws a port unreachable of the host itself */
} first, second;

static void note(struct seen *s, const struct fake_packet *in)
{
	assert_true(s->n < MAX_SEEN);
	s->packets[s->n].at_ns = in->at_ns;
	s->packets[s->n++].port = sock_local(in->sock).port;
}

static void serve_dtls(void *ctx, const struct fake_packet *in)
{
	struct seen *s = ctx;
	struct reader r = rd_of(in->data.p, in->data.n);
	struct dtls_record rec;
	struct dtls_fragment f = { 0 };
	struct dtls_client_hello hello = { 0 };
	uint8_t body[64], out[128];
	note(s, in);
	assert_int_equal(dtls_next_record(&r, 0, &rec), 1);
	struct reader b = rd_of(rec.body.p, rec.body.n);
	s->packets[s->n - 1].record_seq = rec.seq;
	if (s->unreachable)
		fake_icmp(in, 3, 3, in->to.addr);
	if (rec.type != DTLS_HANDSHAKE)
		return;
	assert_int_equal(dtls_next_fragment(&b, &f), 1);
	assert_int_equal(dtls_parse_client_hello(f.body.p, f.body.n, &hello), 0);
	s->packets[s->n - 1].message_seq = f.message_seq;
	s->packets[s->n - 1].cookie_n = hello.cookie.n;
	if (hello.cookie.n || !s->answer_from || s->n < s->answer_from)
		return; /* the server's flight never comes in this file */
	size_t n = dtls_build_hello_verify(body, sizeof(body),
					   (struct bytes){ cookie, sizeof(cookie) });
	f = (struct dtls_fragment){ .type = DTLS_HELLO_VERIFY_REQUEST, .length = (uint32_t)n,
				    .body = { body, n } };
	n = dtls_build_handshake(out, sizeof(out), DTLS_VERSION_10, 0, &f);
	fake_reply(in, out, n, s->late_ms);
}

static void plan_dtls(struct virtual_run *v)
{
	memset(&first, 0, sizeof(first));
	memset(&second, 0, sizeof(second));
	fake_net_reset(1, DELAY_MS, 0, 0);
	fake_net_host(FIRST, serve_dtls, &first);
	fake_net_host(SECOND, serve_dtls, &second);
	fake_net_name(NAME, FIRST.addr);
	v->profile.n_targets = 1;
	v->profile.targets[0] = (struct profile_target){
		.section = "cloud", .check = "udp5684", .probe = "dtls-device",
		.name = "{id}.cloud.example", .families = FAMILY_4, .port = FIRST.port,
		.transport = TRANSPORT_UDP };
	vr_plan(v, "udp5684.hello", NAME, "dtls-device", 0);
}

/* Milliseconds between two datagrams of a host. */
static uint64_t after_ms(const struct seen *s, unsigned from, unsigned to)
{
	return (s->packets[to].at_ns - s->packets[from].at_ns) / NS_PER_MS;
}

static void silence_takes_six_tries(void **state)
{
	struct virtual_run *v = *state;
	unsigned k = 0;
	plan_dtls(v);
	vr_go(v);
	assert_int_equal(first.n, 6);
	for (unsigned i = 0; i < 6; i++) {
		assert_in_range(after_ms(&first, 0, i), schedule_ms[i], schedule_ms[i] + 1);
		assert_int_equal(first.packets[i].message_seq, 0); /* RFC 6347 section 4.2.4 */
		assert_int_equal(first.packets[i].record_seq, i);
		assert_int_equal(first.packets[i].port, first.packets[0].port);
	}
	assert_int_equal(vr_count(v, "udp5684.hello", OUTCOME_SILENT), 6);
	for (size_t i = 0; i < v->run->n_obs; i++) {
		const struct observation *o = v->run->obs[i];
		if (o->outcome != OUTCOME_SILENT)
			continue;
		assert_int_equal(o->attempt, ++k); /* each once, in order, after its own two seconds */
		assert_true(obs_get_real(o, A_WAITED_MS, 0) >= 1999 &&
			    obs_get_real(o, A_WAITED_MS, 0) <= 2001);
	}
	assert_true(vr_seconds(v) >= 11 && vr_seconds(v) < 11.2);
}

/* The device's next timer would be 3 s; the early tries are there before. */
static void two_losses_cost_a_second_and_a_half(void **state)
{
	struct virtual_run *v = *state;
	plan_dtls(v);
	first.answer_from = 3;
	vr_go(v);
	const struct observation *o = vr_first(v, "udp5684.hello", OUTCOME_ANSWERED);
	assert_non_null(o);
	assert_int_equal(o->attempt, 3);
	assert_true(obs_get_real(o, A_RTT_MS, 0) >= 20 && obs_get_real(o, A_RTT_MS, 0) < 21);
	assert_true(o->t_us < 1600000);
	assert_int_equal(vr_count(v, "udp5684.hello", OUTCOME_SILENT), 0);
}

/* The answer comes after its try was noted as silent: it counts all the same. */
static void an_answer_that_is_late(void **state)
{
	struct virtual_run *v = *state;
	plan_dtls(v);
	first.answer_from = 1;
	first.late_ms = 2500;
	vr_go(v);
	assert_int_equal(vr_count(v, "udp5684.hello", OUTCOME_ANSWERED), 1);
	assert_int_equal(vr_count(v, "udp5684.hello", OUTCOME_SILENT), 2);
	assert_non_null(vr_first(v, "udp5684.identity", OUTCOME_SILENT));
}

/* The cookie comes, the flight does not: the second hello is repeated, then an alert ends it. */
static void the_second_hello_is_repeated(void **state)
{
	static const uint64_t repeats_ms[] = { 0, 500, 1500, 3000 };
	struct virtual_run *v = *state;
	plan_dtls(v);
	first.answer_from = 1;
	vr_go(v);
	assert_int_equal(first.n, 5);
	assert_int_equal(fake_net_sent(FIRST), 6); /* the alert that ends it was still on its way */
	assert_int_equal(first.packets[0].cookie_n, 0);
	for (unsigned i = 1; i < 5; i++) {
		assert_int_equal(first.packets[i].cookie_n, sizeof(cookie));
		assert_int_equal(first.packets[i].message_seq, 1);
		assert_int_equal(first.packets[i].record_seq, i);
		assert_in_range(after_ms(&first, 1, i), repeats_ms[i - 1], repeats_ms[i - 1] + 1);
	}
	const struct observation *o = vr_first(v, "udp5684.identity", OUTCOME_SILENT);
	assert_non_null(o);
	assert_string_equal(obs_get_text(o, A_IDENTITY, ""), "stalled");
	assert_int_equal(obs_get_int(o, A_COOKIE_BYTES, 0), sizeof(cookie));
	assert_int_equal(vr_count(v, "udp5684.hello", OUTCOME_ANSWERED), 1);
}

/* A box said no: three tries are enough to know that it means it. */
static void a_refusal_ends_after_the_early_tries(void **state)
{
	struct virtual_run *v = *state;
	plan_dtls(v);
	first.unreachable = true;
	vr_go(v);
	assert_int_equal(first.n, 3);
	assert_int_equal(vr_count(v, "udp5684.hello", OUTCOME_REFUSED), 3);
	assert_true(vr_seconds(v) < 2);
}

/* Three tries to a silent address, then the name's next one; each observation names the address and
 * the port that its own packet used, which is what the firewall's log will show. */
static void the_next_address_after_three(void **state)
{
	struct virtual_run *v = *state;
	plan_dtls(v);
	fake_net_name(NAME, SECOND.addr);
	vr_go(v);
	assert_int_equal(first.n, 3);
	assert_int_equal(second.n, 3);
	assert_int_equal(vr_count(v, "udp5684.hello", OUTCOME_SILENT), 6);
	for (size_t i = 0; i < v->run->n_obs; i++) {
		const struct observation *o = v->run->obs[i];
		if (strcmp(o->check, "udp5684.hello"))
			continue;
		bool early = o->attempt <= 3;
		assert_string_equal(obs_get_text(o, A_ADDRESS, ""),
				    early ? "198.51.100.10" : "198.51.100.12");
		assert_int_equal(obs_get_int(o, A_SRC_PORT, 0),
				 (early ? &first : &second)->packets[0].port);
	}
}

static void the_next_address_answers(void **state)
{
	struct virtual_run *v = *state;
	plan_dtls(v);
	fake_net_name(NAME, SECOND.addr);
	second.answer_from = 1;
	vr_go(v);
	const struct observation *o = vr_first(v, "udp5684.hello", OUTCOME_ANSWERED);
	assert_non_null(o);
	assert_string_equal(obs_get_text(o, A_ADDRESS, ""), "198.51.100.12");
	assert_int_equal(o->attempt, 4);
}

/* ---- NTP ---- */
static void serve_ntp(void *ctx, const struct fake_packet *in)
{
	struct seen *s = ctx;
	struct ntp_packet p;
	uint8_t out[NTP_BYTES];
	note(s, in);
	assert_int_equal(ntp_parse(in->data.p, in->data.n, &p), 0);
	assert_int_equal(p.mode, NTP_CLIENT);
	if (!s->answer_from || s->n < s->answer_from)
		return;
	p = (struct ntp_packet){ .version = p.version, .mode = NTP_SERVER, .stratum = 1,
				 .refid = 0x47505300, .origin = p.transmit,
				 .receive = ntp_from_unix_us(clock_wall_us()),
				 .transmit = ntp_from_unix_us(clock_wall_us()) };
	if (s->unreachable) { /* here: it wants to be left alone */
		p.stratum = 0;
		p.refid = 0x44454e59; /* DENY */
	}
	fake_reply(in, out, ntp_build(out, sizeof(out), &p), s->late_ms);
}

static void plan_ntp(struct virtual_run *v)
{
	memset(&first, 0, sizeof(first));
	memset(&second, 0, sizeof(second));
	fake_net_reset(1, DELAY_MS, 0, 0);
	fake_net_host(POOL, serve_ntp, &first);
	fake_net_host(OTHER, serve_ntp, &second);
	fake_net_name("pool.example", POOL.addr);
	v->profile.n_targets = 1;
	v->profile.targets[0] = (struct profile_target){ .section = "ntp", .check = "ntp",
		.probe = "ntp", .name = "pool.example", .families = FAMILY_4, .port = 123,
		.transport = TRANSPORT_UDP };
	vr_plan(v, "ntp", "pool.example", "ntp", 0);
}

/* Six tries from an ephemeral port, and one from port 123 beside the first. */
static void a_silent_time_server(void **state)
{
	struct virtual_run *v = *state;
	unsigned from_123 = 0, k = 0;
	plan_ntp(v);
	vr_go(v);
	assert_int_equal(first.n, 7);
	for (unsigned i = 0; i < first.n; i++) {
		bool ntp_port = first.packets[i].port == 123;
		from_123 += ntp_port;
		if (!ntp_port)
			assert_in_range(after_ms(&first, 0, i), schedule_ms[k], schedule_ms[k] + 1), k++;
	}
	assert_int_equal(from_123, 1);
	assert_int_equal(vr_count(v, "ntp", OUTCOME_SILENT), 7);
	assert_true(vr_seconds(v) >= 11 && vr_seconds(v) < 11.2);
}

static void one_server_of_two_is_enough(void **state)
{
	struct virtual_run *v = *state;
	plan_ntp(v);
	fake_net_name("pool.example", OTHER.addr);
	first.answer_from = 1;
	vr_go(v);
	assert_int_equal(vr_count(v, "ntp", OUTCOME_ANSWERED), 2); /* from both ports */
	assert_true(vr_count(v, "ntp", OUTCOME_SILENT) >= 1);
	assert_true(vr_seconds(v) < 0.7); /* the other one has half a second more */
	assert_true(second.n <= 2);
}

static void the_second_try_is_answered(void **state)
{
	struct virtual_run *v = *state;
	plan_ntp(v);
	first.answer_from = 3; /* the first from each port is lost */
	vr_go(v);
	const struct observation *o = vr_first(v, "ntp", OUTCOME_ANSWERED);
	assert_non_null(o);
	assert_int_equal(o->attempt, 2);
	assert_true(obs_get_real(o, A_RTT_MS, 0) >= 20 && obs_get_real(o, A_RTT_MS, 0) < 21);
	assert_true(obs_get_bool(o, A_ORIGIN_OK, false));
}

/* A kiss code asks for quiet from all of our ports (RFC 5905 section 7.4). */
static void a_kiss_code_is_obeyed(void **state)
{
	struct virtual_run *v = *state;
	plan_ntp(v);
	first.answer_from = 1;
	first.unreachable = true;
	first.late_ms = 600; /* the second try is on its way by then, the third never is */
	vr_go(v);
	assert_int_equal(first.n, 3);
	const struct observation *o = vr_first(v, "ntp", OUTCOME_ANSWERED);
	assert_non_null(o);
	assert_string_equal(obs_get_text(o, A_REFID, ""), "DENY");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, vr_setup, vr_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(silence_takes_six_tries),
		TEST(two_losses_cost_a_second_and_a_half),
		TEST(an_answer_that_is_late),
		TEST(the_second_hello_is_repeated),
		TEST(a_refusal_ends_after_the_early_tries),
		TEST(the_next_address_after_three),
		TEST(the_next_address_answers),
		TEST(a_silent_time_server),
		TEST(one_server_of_two_is_enough),
		TEST(the_second_try_is_answered),
		TEST(a_kiss_code_is_obeyed),
	};
	return cmocka_run_group_tests_name("schedule-virtual", tests, NULL, NULL);
}
