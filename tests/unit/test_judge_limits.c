/* What a made-up file may grow: the judge keeps its lists short and its sums right. */
#include "judge_case.h"

enum { FAR_ENDS = 900, PLACES = 512, MANY_ADDRESSES = 200, LISTED = 64 };

static const char *made_up(unsigned i, char out[ADDR_STRLEN])
{
	snprintf(out, ADDR_STRLEN, "198.51.%u.%u", 100 + i / 250, 1 + i % 250);
	return out;
}

static void far_ends_have_a_limit_and_no_packet_is_lost(void **state)
{
	struct judge_case c;
	char address[ADDR_STRLEN];
	uint64_t packets = 0;
	(void)state;
	case_open(&c, NULL);
	const struct check *ntp = case_check(&c, "ntp", "");
	for (unsigned i = 0; i < FAR_ENDS; i++) {
		case_begin(&c, ntp, 1, OUTCOME_SILENT, i);
		case_flow(&c, "udp", made_up(i, address), 123);
		case_end(&c);
	}
	judge_run(c.run);
	assert_int_equal(c.run->n_contacted, PLACES);
	for (size_t i = 0; i < c.run->n_contacted; i++)
		packets += c.run->contacted[i].packets;
	assert_int_equal(packets, FAR_ENDS);
	assert_string_equal(c.run->contacted[PLACES - 1].address, "-");
	assert_int_equal(c.run->contacted[PLACES - 1].packets, FAR_ENDS - (PLACES - 1));
	case_close(&c);
}

static void answer(struct judge_case *c, const struct check *name, unsigned i)
{
	char address[ADDR_STRLEN];
	case_begin(c, name, 1, OUTCOME_ANSWERED, i);
	case_flow(c, "udp", "192.168.77.1", 53);
	obs_text(&c->next, A_NAME, name->target);
	obs_text(&c->next, A_RESOLVER, "192.168.77.1");
	obs_text(&c->next, A_QTYPE, "A");
	obs_int(&c->next, A_RCODE, 0);
	obs_text(&c->next, A_ANSWERS, made_up(i, address));
	case_end(c);
}

static void addresses_of_a_need_have_a_limit_for_every_device(void **state)
{
	struct judge_case c;
	unsigned seen = 0;
	(void)state;
	case_open(&c, NULL);
	struct device two[] = { { .mac = "02:00:00:00:00:01" }, { .mac = "02:00:00:00:00:02" } };
	memcpy(c.settings.devices, two, sizeof(two));
	c.settings.n_devices = 2;
	const struct check *name = run_check(c.run, "dns.name", case_check(&c, "cloud-udp", ".hello")->target);
	for (unsigned i = 0; i < 2 * MANY_ADDRESSES; i++)
		answer(&c, name, i % MANY_ADDRESSES); /* each twice */
	judge_run(c.run);
	for (size_t i = 0; i < c.run->n_needs; i++) {
		const struct need *n = &c.run->needs[i];
		if (n->port != 5684)
			continue;
		assert_string_equal(n->from, two[seen++].mac);
		assert_int_equal(n->n_addresses, LISTED);
	}
	assert_int_equal(seen, 2);
	case_close(&c);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(far_ends_have_a_limit_and_no_packet_is_lost),
		cmocka_unit_test(addresses_of_a_need_have_a_limit_for_every_device),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
