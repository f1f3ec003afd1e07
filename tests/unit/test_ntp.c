/* NTP packets, and offsets that hold across the era change. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "probes/core/sntp.h"
#include "sallyport/err.h"
#include "sallyport/wire/ntp.h"

static void round_trip(void **state)
{
	(void)state;
	uint8_t wire[NTP_BYTES + 20] = { 0 };
	struct ntp_packet out, in = {
		.leap = 3, .version = 4, .mode = NTP_CLIENT, .stratum = 16, .poll = -6, .precision = -20,
		.root_delay = 1, .root_dispersion = 2, .refid = 0x52415445, .reference = 3,
		.origin = UINT64_MAX, .receive = 5, .transmit = 0x0123456789abcdef,
	};
	assert_int_equal(ntp_build(wire, NTP_BYTES - 1, &in), 0);
	assert_int_equal(ntp_build(wire, NTP_BYTES, &in), NTP_BYTES);
	assert_int_equal(wire[0], 0xe3);
	assert_int_equal(ntp_parse(wire, sizeof(wire), &out), 0); /* a MAC may follow */
	assert_int_equal(out.leap, 3);
	assert_int_equal(out.version, 4);
	assert_int_equal(out.mode, NTP_CLIENT);
	assert_int_equal(out.stratum, 16);
	assert_int_equal(out.poll, -6);
	assert_int_equal(out.precision, -20);
	assert_int_equal(out.refid, 0x52415445);
	assert_true(out.origin == UINT64_MAX && out.transmit == in.transmit && out.receive == 5);
}

static void refuses_damage(void **state)
{
	(void)state;
	uint8_t wire[NTP_BYTES] = { 0x24 };
	struct ntp_packet out = { .stratum = 77 };
	for (size_t n = 0; n < NTP_BYTES; n++)
		assert_int_equal(ntp_parse(wire, n, &out), SP_E_TRUNCATED);
	wire[0] = 0x04; /* version 0 */
	assert_int_equal(ntp_parse(wire, sizeof(wire), &out), SP_E_MALFORMED);
	wire[0] = 0x3c; /* version 7 */
	assert_int_equal(ntp_parse(wire, sizeof(wire), &out), SP_E_MALFORMED);
	assert_int_equal(out.stratum, 77);
}

static void offset_and_delay(void **state)
{
	(void)state;
	uint64_t s = UINT64_C(1) << 32, t1 = UINT64_MAX - s + 1; /* one second before 2036's wrap */
	uint64_t t2 = t1 + 11 * s, t3 = t1 + 12 * s, t4 = t1 + 3 * s; /* ten ahead, one each way */
	assert_float_equal((float)ntp_offset_s(t1, t2, t3, t4), 10.0F, 1e-6F);
	assert_float_equal((float)ntp_delay_s(t1, t2, t3, t4), 2.0F, 1e-6F);
	assert_true(ntp_from_unix_us(0) >> 32 == 2208988800U);
	assert_true((uint32_t)ntp_from_unix_us(500000) == 0x80000000U);
}

static void reply_is_judged(void **state)
{
	(void)state;
	static const struct {
		uint64_t origin;
		uint8_t stratum;
		uint32_t refid;
		enum outcome outcome;
		bool stop, clock_known;
	} rows[] = {
		{ 222, 1, 0x47505300, OUTCOME_ANSWERED, false, true },
		{ 223, 1, 0x47505300, OUTCOME_MISMATCH, false, false },
		{ 222, 0, 0x52415445, OUTCOME_ANSWERED, true, false }, /* RATE */
		{ 222, 16, 0, OUTCOME_ANSWERED, false, false },
	};
	static const struct sntp_try tries[] = { { 111, 1000000 }, { 222, 2000000 } };
	static const int64_t age_us[] = { 1200000, 200000 };
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		uint64_t at = ntp_from_unix_us(2000000 + 100000 + 5000000); /* five ahead, midway */
		struct ntp_packet p = { .version = 4, .mode = NTP_SERVER, .stratum = rows[i].stratum,
					.refid = rows[i].refid, .origin = rows[i].origin,
					.receive = at, .transmit = at };
		uint8_t wire[NTP_BYTES];
		struct sntp_reply r;
		sntp_read(tries, age_us, 2, wire, ntp_build(wire, sizeof(wire), &p), &r);
		assert_int_equal(r.outcome, rows[i].outcome);
		assert_int_equal(r.stop, rows[i].stop);
		assert_int_equal(r.clock_known, rows[i].clock_known);
		assert_int_equal(r.attempt, rows[i].origin == 222 ? 2 : 0);
		if (r.clock_known)
			assert_float_equal((float)r.offset_ms, 5000.0F, 0.1F);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(round_trip),
		cmocka_unit_test(refuses_damage),
		cmocka_unit_test(offset_and_delay),
		cmocka_unit_test(reply_is_judged),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
