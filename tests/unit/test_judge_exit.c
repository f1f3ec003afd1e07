/* What the verdicts mean for each device kind, and the exit code: 0, 1, 2 or 3. */
#include "judge_case.h"

#define CLOUD "cloud-udp"

static enum kind_state kind_is(const struct judge_case *c, const char *id)
{
	for (size_t i = 0; i < c->run->n_kinds; i++)
		if (strcmp(c->run->profile->kinds[c->run->kinds[i].kind_index].id, id) == 0)
			return c->run->kinds[i].state;
	fail_msg("no kind %s", id);
	return KIND_UNKNOWN;
}

static bool is_left_out(const struct judge_case *c, const char *what)
{
	for (size_t i = 0; i < c->run->n_not_tested; i++)
		if (strncmp(c->run->not_tested[i].what, what, strlen(what)) == 0 &&
		    strcmp(c->run->not_tested[i].why, "left out by choice") == 0)
			return true;
	return false;
}

static int judged(struct judge_case *c)
{
	judge_run(c->run);
	return c->run->exit;
}

static void all_is_well(void **state)
{
	static const char *const always[] = {"another MAC", "joining the Wi-Fi", "DHCP"};
	struct judge_case c;
	(void)state;
	case_open(&c, NULL);
	case_rest(&c, (const char *const[]){NULL});
	assert_int_equal(judged(&c), SP_EXIT_WORKS);
	assert_int_equal(c.run->n_verdicts, 0);
	for (size_t i = 0; i < c.run->n_kinds; i++)
		assert_int_equal(c.run->kinds[i].state, KIND_YES);
	for (size_t i = 0; i < 3; i++) /* what no run from a host can show */
		assert_non_null(strstr(c.run->not_tested[i].what, always[i]));
	case_close(&c);
}

/* Nothing is wrong, but something that a kind needs was not shown either. */
static void what_was_not_shown_is_not_fine(void **state)
{
	struct judge_case c;
	(void)state;
	case_open(&c, NULL); /* nothing ran */
	assert_int_equal(judged(&c), SP_EXIT_UNKNOWN);
	case_close(&c);
	case_open(&c, NULL); /* the handshake never began */
	CASE_REST(&c, CLOUD);
	assert_int_equal(judged(&c), SP_EXIT_UNKNOWN);
	assert_int_equal(kind_is(&c, "argon"), KIND_UNKNOWN);
	assert_int_equal(kind_is(&c, "photon"), KIND_YES);
	case_close(&c);
	case_open(&c, NULL); /* the port is open, but the identity was not asked for */
	CASE_REST(&c, CLOUD);
	case_hello(&c, CLOUD, 1, 0.01);
	assert_int_equal(judged(&c), SP_EXIT_UNKNOWN);
	case_close(&c);
	case_open(&c, NULL); /* the name was not looked up */
	case_local(&c);
	case_names_but(&c, (const char *const[]){case_host(&c, CLOUD), NULL});
	case_targets_but(&c, (const char *const[]){NULL});
	assert_int_equal(judged(&c), SP_EXIT_UNKNOWN);
	case_close(&c);
}

static void each_kind_by_its_own_needs(void **state)
{
	static const struct {
		const char *kind;
		int udp_blocked, tcp_blocked;
	} cases[] = {
		{NULL, SP_EXIT_BLOCKED, SP_EXIT_WORKS},
		{"argon", SP_EXIT_BLOCKED, SP_EXIT_WORKS},
		{"photon", SP_EXIT_WORKS, SP_EXIT_BLOCKED},
	};
	(void)state;
	for (size_t i = 0; i < 3; i++)
		for (int tcp = 0; tcp < 2; tcp++) {
			struct judge_case c;
			const char *section = tcp ? "cloud-tcp" : CLOUD;
			case_open(&c, cases[i].kind);
			CASE_REST(&c, section);
			case_icmp(&c, section, OUTCOME_REJECTED, 13, "203.0.113.1");
			assert_int_equal(judged(&c),
					 tcp ? cases[i].tcp_blocked : cases[i].udp_blocked);
			assert_int_equal(kind_is(&c, "p2"), tcp ? KIND_YES : KIND_NO);
			assert_int_equal(kind_is(&c, "core"), tcp ? KIND_NO : KIND_YES);
			case_close(&c);
		}
}

static void several_kinds_take_the_worst(void **state)
{
	struct judge_case c;
	(void)state;
	case_open(&c, "photon");
	c.settings.kinds = (struct text_list){{"argon", "photon"}, 2};
	case_replan(&c);
	CASE_REST(&c, CLOUD, "cloud-tcp");
	assert_int_equal(judged(&c), SP_EXIT_UNKNOWN);
	case_icmp(&c, "cloud-tcp", OUTCOME_REJECTED, 13, "203.0.113.1");
	assert_int_equal(judged(&c), SP_EXIT_BLOCKED); /* that is known already */
	assert_int_equal(kind_is(&c, "argon"), KIND_UNKNOWN);
	assert_int_equal(kind_is(&c, "photon"), KIND_NO);
	case_close(&c);
}

/* ---- identity and echo ---- */
static void who_answers(void **state)
{
	static const struct {
		enum outcome outcome;
		const char *word;
		int exit;
	} cases[] = {
		{OUTCOME_ANSWERED, "verified", SP_EXIT_WORKS},
		{OUTCOME_RESET, "alert", SP_EXIT_FRAGILE},
		{OUTCOME_SILENT, "stalled", SP_EXIT_FRAGILE},
		{OUTCOME_SILENT, "partial", SP_EXIT_FRAGILE},
		{OUTCOME_MISMATCH, "wrong-signature", SP_EXIT_BLOCKED},
		{OUTCOME_MISMATCH, "wrong-suite", SP_EXIT_BLOCKED},
	};
	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		for (int only = 0; only < 2; only++) { /* the chosen check says the same */
			struct judge_case c;
			case_open(&c, NULL);
			if (only)
				c.settings.only = (struct text_list){{"udp5684"}, 1};
			case_replan(&c);
			CASE_REST(&c, CLOUD);
			case_hello(&c, CLOUD, 1, 0.01);
			case_identity(&c, CLOUD, cases[i].outcome, cases[i].word);
			assert_int_equal(judged(&c), cases[i].exit);
			case_close(&c);
		}
}

static void a_silent_echo_means_nothing(void **state)
{
	static const enum outcome outcomes[] = {OUTCOME_SILENT, OUTCOME_MISMATCH};
	(void)state;
	for (size_t i = 0; i < 2; i++) {
		struct judge_case c;
		case_open(&c, NULL);
		case_rest(&c, (const char *const[]){NULL});
		obs_int(case_own(&c, CLOUD, ".echo", 10, outcomes[i], 5), A_PACKETS, 10);
		case_end(&c);
		assert_int_equal(judged(&c), SP_EXIT_WORKS);
		assert_int_equal(c.run->n_verdicts, 0);
		assert_int_equal(case_check(&c, CLOUD, ".echo")->state, STATE_NA);
		case_close(&c);
	}
}

/* An echo alone shows that something returns bytes, not that devices can live here. */
static void an_echo_alone_is_not_enough(void **state)
{
	struct judge_case c;
	(void)state;
	case_open(&c, NULL);
	CASE_REST(&c, CLOUD);
	case_own(&c, CLOUD, ".echo", 1, OUTCOME_ANSWERED, 0.1);
	case_end(&c);
	assert_int_equal(judged(&c), SP_EXIT_UNKNOWN);
	case_close(&c);
}

/* ---- what no device needs ---- */
static void optional_needs_are_notes(void **state)
{
	struct judge_case c;
	(void)state;
	case_open(&c, NULL);
	CASE_REST(&c, "ntp", "api", "console", "portal-a");
	case_icmp(&c, "ntp", OUTCOME_REJECTED, 13, "203.0.113.1");
	case_silent(&c, "api", CASE_TRIES);
	case_certificate(&c, "console", "self-signed", "CN=Inspection");
	case_page(&c, "portal-a", 403, NULL, false, 0);
	assert_int_equal(judged(&c), SP_EXIT_WORKS);
	assert_true(c.run->n_verdicts >= 3);
	for (size_t i = 0; i < c.run->n_verdicts; i++) {
		assert_int_equal(c.run->verdicts[i].effect, EFFECT_NOTE);
		assert_null(c.run->verdicts[i].ask);
		assert_int_equal(c.run->verdicts[i].state, STATE_PASS);
	}
	case_close(&c);
}

static void needs_are_the_devices_alone(void **state)
{
	struct judge_case c;
	bool cloud = false, dns = false;
	(void)state;
	case_open(&c, NULL);
	case_rest(&c, (const char *const[]){NULL});
	judge_run(c.run);
	for (size_t i = 0; i < c.run->n_needs; i++) {
		const struct need *n = &c.run->needs[i];
		assert_string_not_equal(n->from, "192.168.77.10"); /* never this host */
		assert_true(n->port == 5684 || n->port == 53 || n->port == 123);
		assert_int_equal(n->required, n->port != 123);
		cloud |= n->port == 5684;
		dns |= n->port == 53;
	}
	assert_true(cloud && dns);
	case_close(&c);
}

/* ---- --only and --skip ---- */
static void only_speaks_for_the_chosen(void **state)
{
	static const struct {
		const char *only;
		int exit;
	} cases[] = {
		{"udp5684", SP_EXIT_WORKS},    {"udp5684.hello", SP_EXIT_WORKS},
		{"tcp5683", SP_EXIT_BLOCKED},  {"ntp", SP_EXIT_BLOCKED},
		{"dns", SP_EXIT_WORKS},	       {"path", SP_EXIT_UNKNOWN},
		{"tcp443", SP_EXIT_UNKNOWN},   {"udp5684.echo", SP_EXIT_UNKNOWN},
	};
	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct judge_case c;
		case_open(&c, NULL);
		c.settings.only = (struct text_list){{cases[i].only}, 1};
		case_replan(&c);
		CASE_REST(&c, "cloud-tcp", "ntp", "api");
		case_icmp(&c, "cloud-tcp", OUTCOME_REJECTED, 13, "203.0.113.1");
		case_icmp(&c, "ntp", OUTCOME_REJECTED, 13, "203.0.113.1");
		assert_int_equal(judged(&c), cases[i].exit);
		assert_int_equal(is_left_out(&c, "tcp5683"), strcmp(cases[i].only, "tcp5683") != 0);
		case_close(&c);
	}
}

static void skip_speaks_for_the_rest(void **state)
{
	static const struct {
		const char *skip;
		int exit;
	} cases[] = {
		{"dns", SP_EXIT_BLOCKED},
		{"ntp", SP_EXIT_BLOCKED},
		{"udp5684", SP_EXIT_WORKS},
		{"tcp5683", SP_EXIT_BLOCKED},
	};
	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct judge_case c;
		case_open(&c, NULL);
		c.settings.skip = (struct text_list){{cases[i].skip}, 1};
		case_replan(&c);
		CASE_REST(&c, CLOUD, "cloud-tcp");
		case_icmp(&c, CLOUD, OUTCOME_REJECTED, 13, "203.0.113.1");
		case_icmp(&c, "cloud-tcp", OUTCOME_REJECTED, 13, "203.0.113.1");
		assert_int_equal(judged(&c), cases[i].exit);
		assert_true(is_left_out(&c, cases[i].skip));
		case_close(&c);
	}
}

/* ---- an aborted run ---- */
static void interrupted(void **state)
{
	static const enum end_reason ends[] = {END_INTERRUPTED, END_ERROR};
	static const struct {
		int silent, icmp, exit;
	} cases[] = {
		{0, 0, SP_EXIT_UNKNOWN},	  /* all well so far */
		{CASE_TRIES, 0, SP_EXIT_UNKNOWN}, /* only likely */
		{0, 1, SP_EXIT_BLOCKED},	  /* proven already */
	};
	(void)state;
	for (size_t e = 0; e < 2; e++)
		for (size_t i = 0; i < 3; i++) {
			struct judge_case c;
			case_open(&c, NULL);
			if (cases[i].silent || cases[i].icmp)
				CASE_REST(&c, CLOUD);
			else
				case_rest(&c, (const char *const[]){NULL});
			case_silent(&c, CLOUD, (unsigned)cases[i].silent);
			if (cases[i].icmp)
				case_icmp(&c, CLOUD, OUTCOME_REJECTED, 13, "203.0.113.1");
			c.run->ended = ends[e];
			assert_int_equal(judged(&c), cases[i].exit);
			case_close(&c);
		}
}

/* A proven block of what does not count is no reason to say that it is known. */
static void interrupted_with_another_kinds_proof(void **state)
{
	struct judge_case c;
	(void)state;
	case_open(&c, NULL);
	CASE_REST(&c, CLOUD, "cloud-tcp");
	case_icmp(&c, "cloud-tcp", OUTCOME_REJECTED, 13, "203.0.113.1");
	case_silent(&c, CLOUD, CASE_TRIES);
	c.run->ended = END_INTERRUPTED;
	assert_int_equal(judged(&c), SP_EXIT_UNKNOWN);
	case_close(&c);
}

/* The same row is proven for people's port, but only likely for the one that counts. */
static void interrupted_with_another_ports_proof(void **state)
{
	static const char *const people[] = {"api", "console", "docs", "build", "binaries"};
	static const struct case_walk walk = {
		.section = "api", .rounds = 3, .drop_after = 2, .distance = CASE_HOPS};
	struct judge_case c;
	(void)state;
	case_open(&c, "photon");
	CASE_REST(&c, "cloud-tcp", "api", "console", "docs", "build", "binaries");
	for (size_t i = 0; i < 5; i++)
		case_silent(&c, people[i], CASE_TRIES);
	case_silent(&c, "cloud-tcp", CASE_TRIES);
	case_walk(&c, &walk);
	assert_int_equal(judged(&c), SP_EXIT_BLOCKED);
	unsigned proven = 0;
	for (size_t i = 0; i < c.run->n_verdicts; i++)
		proven += strcmp(c.run->verdicts[i].fault->slug, "port-drop") == 0 &&
			  c.run->verdicts[i].confidence == CONF_PROVEN;
	assert_int_equal(proven, 1);
	c.run->ended = END_INTERRUPTED;
	assert_int_equal(judged(&c), SP_EXIT_UNKNOWN);
	case_close(&c);
}

static void tries_under_way_are_no_silence(void **state)
{
	struct judge_case c;
	(void)state;
	case_open(&c, NULL);
	CASE_REST(&c, CLOUD);
	case_silent(&c, CLOUD, 4);
	case_own(&c, CLOUD, ".hello", 5, OUTCOME_ABORTED, 9);
	case_end(&c);
	case_own(&c, CLOUD, ".hello", 6, OUTCOME_ABORTED, 9);
	case_end(&c);
	case_expect(&c, "udp-port-blocked", CONF_UNDETERMINED, EFFECT_BLOCKS);
	assert_int_equal(c.run->exit, SP_EXIT_UNKNOWN);
	case_close(&c);
}

/* ---- why ---- */
static void checks_say_why(void **state)
{
	struct judge_case c;
	(void)state;
	case_open(&c, NULL);
	case_local(&c);
	case_names_but(&c, (const char *const[]){case_host(&c, CLOUD), NULL});
	case_reply(&c, run_check(c.run, "dns.name", case_host(&c, CLOUD)), "192.168.77.1",
		   case_host(&c, CLOUD), 3, "");
	case_targets_but(&c, (const char *const[]){CLOUD, NULL});
	for (int i = 0; i < 2; i++) {
		case_own(&c, CLOUD, i ? ".identity" : ".hello", 0, OUTCOME_NOT_RUN, 1);
		obs_text(&c.next, A_REASON, "no address");
		case_end(&c);
	}
	assert_int_equal(judged(&c), SP_EXIT_BLOCKED);
	assert_string_equal(run_check(c.run, "dns.name", case_host(&c, CLOUD))->because,
			    "dns-policy-block");
	const struct check *hello = case_check(&c, CLOUD, ".hello");
	assert_int_equal(hello->state, STATE_SKIPPED);
	assert_string_equal(hello->because, "dns.name");
	for (size_t i = 0; i < c.run->n_kinds; i++)
		if (c.run->kinds[i].counts)
			assert_string_equal(c.run->kinds[i].because, "dns-policy-block");
	case_close(&c);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(all_is_well),
		cmocka_unit_test(what_was_not_shown_is_not_fine),
		cmocka_unit_test(each_kind_by_its_own_needs),
		cmocka_unit_test(several_kinds_take_the_worst),
		cmocka_unit_test(who_answers),
		cmocka_unit_test(a_silent_echo_means_nothing),
		cmocka_unit_test(an_echo_alone_is_not_enough),
		cmocka_unit_test(optional_needs_are_notes),
		cmocka_unit_test(needs_are_the_devices_alone),
		cmocka_unit_test(only_speaks_for_the_chosen),
		cmocka_unit_test(skip_speaks_for_the_rest),
		cmocka_unit_test(interrupted),
		cmocka_unit_test(interrupted_with_another_kinds_proof),
		cmocka_unit_test(interrupted_with_another_ports_proof),
		cmocka_unit_test(tries_under_way_are_no_silence),
		cmocka_unit_test(checks_say_why),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
