/* W1 W2 W3 by kind: on their evidence, on that of their look-alikes, and on a clean network. */
#include "judge_case.h"

#include "sallyport/wifi.h"

static void open_wifi(struct judge_case *c, const char *kind)
{
	case_open(c, kind);
	strcpy(c->host.ifname, "wlan0");
	strcpy(c->host.medium, "wifi");
	c->host.wifi = (struct wifi_facts){.state = WIFI_READ, .ssid = "Guest", .signal_dbm = -61};
	case_rest(c, (const char *const[]){NULL});
}

static void offer(struct judge_case *c, enum wifi_band band, uint32_t traits)
{
	bool in_use = c->host.wifi.n_offers == 0;
	if (in_use)
		c->host.wifi.band = band;
	assert_true(wifi_add_offer(&c->host.wifi, &(struct wifi_offer){.band = band,
								       .traits = traits,
								       .count = 1,
								       .in_use = in_use}));
	c->host.wifi.heard[band].channels++;
}

/* Others that the radio heard, each on a channel of its own. */
static void others(struct judge_case *c, enum wifi_band band, uint32_t n, uint32_t hidden)
{
	struct wifi_heard *h = &c->host.wifi.heard[band];
	h->networks += n;
	h->hidden += hidden;
	h->channels += n;
}

static const struct kind_verdict *kind_of(struct judge_case *c, const char *id)
{
	for (size_t i = 0; i < c->run->n_kinds; i++)
		if (strcmp(c->run->profile->kinds[c->run->kinds[i].kind_index].id, id) == 0)
			return &c->run->kinds[i];
	fail_msg("no kind %s", id);
	return NULL;
}

static void expect_kind(struct judge_case *c, const char *id, enum kind_state state,
			const char *because)
{
	const struct kind_verdict *k = kind_of(c, id);
	if (k->state != state || (because ? !k->because || strcmp(k->because, because) : !!k->because))
		fail_msg("%s: %s because %s", id, kind_state_names[k->state], k->because);
}

/* The verdict of that slug which is about this kind. */
static const struct verdict *about(struct judge_case *c, const char *slug, const char *id)
{
	int k = profile_kind_by_id(c->run->profile, id);
	for (size_t i = 0; i < c->run->n_verdicts; i++) {
		const struct verdict *d = &c->run->verdicts[i];
		if (strcmp(d->fault->slug, slug) == 0 && (d->kinds >> k & 1))
			return d;
	}
	fail_msg("no %s about %s", slug, id);
	return NULL;
}

static void expect_nothing(struct judge_case *c)
{
	case_absent(c, "wifi-band");
	case_absent(c, "wifi-security");
	case_absent(c, "wifi-mode");
}

static bool not_tested(const struct judge_case *c, const char *what)
{
	for (size_t i = 0; i < c->run->n_not_tested; i++)
		if (strstr(c->run->not_tested[i].what, what))
			return true;
	return false;
}

#define WPA2 WIFI_BIT(WIFI_WPA2)
#define WPA3 WIFI_BIT(WIFI_WPA3)
#define EAP WIFI_BIT(WIFI_WPA2_EAP)
#define PMF WIFI_BIT(WIFI_PMF)

static void clean_says_nothing(void **state)
{
	struct judge_case c;
	(void)state;
	open_wifi(&c, NULL);
	offer(&c, WIFI_BAND_24, WPA2);
	offer(&c, WIFI_BAND_5, WPA2);
	others(&c, WIFI_BAND_24, 5, 0);
	expect_nothing(&c);
	assert_int_equal(c.run->exit, SP_EXIT_WORKS);
	expect_kind(&c, "core", KIND_YES, NULL);
	assert_false(not_tested(&c, "this Wi-Fi network on"));
	case_close(&c);
}

static void without_wifi_nothing_is_said(void **state)
{
	struct judge_case c;
	(void)state;
	case_open(&c, NULL);
	case_rest(&c, (const char *const[]){NULL});
	expect_nothing(&c);
	assert_int_equal(c.run->exit, SP_EXIT_WORKS);
	assert_true(not_tested(&c, "joining the Wi-Fi"));
	/* Wi-Fi, but no nl80211: said once, and nothing is concluded */
	strcpy(c.host.medium, "wifi");
	c.host.wifi.state = WIFI_UNREAD;
	expect_nothing(&c);
	assert_int_equal(c.run->exit, SP_EXIT_WORKS);
	assert_true(not_tested(&c, "what it asks of a radio"));
	case_close(&c);
}

static void five_ghz_alone(void **state)
{
	struct judge_case c;
	(void)state;
	open_wifi(&c, NULL);
	offer(&c, WIFI_BAND_5, WPA2);
	others(&c, WIFI_BAND_24, 4, 0);
	const struct verdict *d = case_expect(&c, "wifi-band", CONF_LIKELY, EFFECT_BLOCKS);
	assert_non_null(strstr(d->summary, "Cannot join this Wi-Fi network: it was heard on 5 GHz only"));
	assert_non_null(strstr(d->seen, "heard 4 of other networks on 2.4 GHz, on 4 channels"));
	assert_non_null(strstr(d->remedy, "2.4 GHz too"));
	assert_non_null(strstr(d->impact, "Argon cannot join this Wi-Fi network; by Ethernet"));
	assert_non_null(d->ask);
	assert_int_equal(c.run->exit, SP_EXIT_BLOCKED);
	expect_kind(&c, "argon", KIND_NO, "wifi-band");
	expect_kind(&c, "photon", KIND_NO, "wifi-band");
	expect_kind(&c, "p2", KIND_YES, NULL);
	expect_kind(&c, "photon2", KIND_YES, NULL);
	case_close(&c);
	/* who only asks about a P2 is not told of the Argon's trouble as his own */
	open_wifi(&c, "p2");
	offer(&c, WIFI_BAND_5, WPA2);
	others(&c, WIFI_BAND_24, 4, 0);
	judge_run(c.run);
	assert_int_equal(c.run->exit, SP_EXIT_WORKS);
	assert_null(about(&c, "wifi-band", "argon")->ask);
	case_close(&c);
}

/* The kernel forgets what it heard after half a minute: only the access point in use is left. */
static void old_scan_results_prove_nothing(void **state)
{
	struct judge_case c;
	(void)state;
	open_wifi(&c, NULL);
	offer(&c, WIFI_BAND_5, WPA2);
	expect_nothing(&c);
	assert_int_equal(c.run->exit, SP_EXIT_WORKS);
	assert_true(not_tested(&c, "this Wi-Fi network on 2.4 GHz"));
	case_close(&c);
}

/* A radio that looked at some channels only, or a hidden network that may be this one. */
static void half_a_scan_is_undetermined(void **state)
{
	static const struct {
		uint32_t networks, hidden;
		bool cut;
	} rows[] = {{1, 0, false}, {2, 0, false}, {6, 1, false}, {6, 0, true}};
	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct judge_case c;
		open_wifi(&c, NULL);
		offer(&c, WIFI_BAND_5, WPA2);
		others(&c, WIFI_BAND_24, rows[i].networks, rows[i].hidden);
		c.host.wifi.cut = rows[i].cut;
		const struct verdict *d =
			case_expect(&c, "wifi-band", CONF_UNDETERMINED, EFFECT_FRAGILE);
		assert_null(d->ask);
		assert_int_equal(c.run->exit, SP_EXIT_UNKNOWN);
		expect_kind(&c, "argon", KIND_UNKNOWN, "wifi-band");
		expect_kind(&c, "p2", KIND_YES, NULL);
		case_close(&c);
	}
}

static void one_access_point_on_the_band_is_enough(void **state)
{
	struct judge_case c;
	(void)state;
	open_wifi(&c, NULL);
	offer(&c, WIFI_BAND_5, WPA2);
	others(&c, WIFI_BAND_24, 9, 2);
	offer(&c, WIFI_BAND_24, WPA2);
	expect_nothing(&c);
	assert_int_equal(c.run->exit, SP_EXIT_WORKS);
	case_close(&c);
}

/* WPA3 is all there may be on 6 GHz: it says nothing about the devices' bands. */
static void six_ghz_alone(void **state)
{
	struct judge_case c;
	(void)state;
	open_wifi(&c, NULL);
	offer(&c, WIFI_BAND_6, WPA3);
	expect_nothing(&c);
	others(&c, WIFI_BAND_24, 3, 0);
	others(&c, WIFI_BAND_5, 3, 0);
	const struct verdict *d = case_expect(&c, "wifi-band", CONF_LIKELY, EFFECT_BLOCKS);
	assert_non_null(strstr(d->summary, "it was heard on 6 GHz only"));
	case_close(&c);
}

static void wpa3_alone(void **state)
{
	struct judge_case c;
	(void)state;
	open_wifi(&c, NULL);
	offer(&c, WIFI_BAND_24, WPA3);
	case_expect(&c, "wifi-security", CONF_LIKELY, EFFECT_BLOCKS);
	const struct verdict *d = about(&c, "wifi-security", "argon");
	assert_non_null(strstr(d->summary, "it takes WPA3"));
	assert_non_null(strstr(d->remedy, "WPA2 with a pre-shared key"));
	expect_kind(&c, "argon", KIND_NO, "wifi-security");
	d = about(&c, "wifi-security", "p2");
	assert_int_equal(d->effect, EFFECT_FRAGILE);
	assert_int_equal(d->confidence, CONF_LIKELY);
	assert_non_null(strstr(d->impact, "experimental, from Device OS 5.5.0"));
	expect_kind(&c, "p2", KIND_FRAGILE, "wifi-security");
	assert_int_equal(c.run->exit, SP_EXIT_BLOCKED);
	assert_int_equal(case_count(&c, "wifi-security"), 2);
	case_close(&c);
}

static void wpa3_beside_wpa2_is_fine(void **state)
{
	struct judge_case c;
	(void)state;
	open_wifi(&c, NULL);
	offer(&c, WIFI_BAND_24, WPA2 | WPA3);
	offer(&c, WIFI_BAND_5, WPA3);
	expect_nothing(&c);
	assert_int_equal(c.run->exit, SP_EXIT_WORKS);
	case_close(&c);
}

static void protection_that_nobody_documented(void **state)
{
	struct judge_case c;
	(void)state;
	open_wifi(&c, "argon");
	offer(&c, WIFI_BAND_24, WPA2 | PMF);
	const struct verdict *d =
		case_expect(&c, "wifi-security", CONF_UNDETERMINED, EFFECT_FRAGILE);
	assert_non_null(strstr(d->remedy, "make protected management frames optional"));
	assert_int_equal(c.run->exit, SP_EXIT_UNKNOWN);
	expect_kind(&c, "argon", KIND_UNKNOWN, "wifi-security");
	case_close(&c);
}

static void enterprise(void **state)
{
	struct judge_case c;
	(void)state;
	open_wifi(&c, "photon");
	offer(&c, WIFI_BAND_24, EAP);
	judge_run(c.run);
	expect_kind(&c, "argon", KIND_NO, "wifi-security");
	expect_kind(&c, "photon", KIND_FRAGILE, "wifi-security");
	expect_kind(&c, "core", KIND_NO, "wifi-security");
	assert_non_null(strstr(about(&c, "wifi-security", "photon")->impact,
			       "EAP tls or peap-mschapv2 over TLS 1.0 or 1.1"));
	assert_int_equal(c.run->exit, SP_EXIT_FRAGILE);
	case_close(&c);
	/* on 5 GHz with nothing else heard: the keys will not differ on 2.4 GHz */
	open_wifi(&c, "argon");
	offer(&c, WIFI_BAND_5, EAP);
	case_expect(&c, "wifi-security", CONF_LIKELY, EFFECT_BLOCKS);
	expect_kind(&c, "argon", KIND_NO, "wifi-security");
	case_close(&c);
}

static void wep_and_open(void **state)
{
	struct judge_case c;
	(void)state;
	open_wifi(&c, "photon");
	offer(&c, WIFI_BAND_24, WIFI_BIT(WIFI_OPEN));
	judge_run(c.run);
	expect_kind(&c, "photon", KIND_YES, NULL);
	case_close(&c);
	open_wifi(&c, "photon");
	offer(&c, WIFI_BAND_24, WIFI_BIT(WIFI_WEP));
	judge_run(c.run);
	expect_kind(&c, "photon", KIND_FRAGILE, "wifi-security");
	expect_kind(&c, "core", KIND_YES, NULL);
	expect_kind(&c, "argon", KIND_UNKNOWN, "wifi-security");
	case_close(&c);
}

static void n_only(void **state)
{
	struct judge_case c;
	(void)state;
	open_wifi(&c, NULL);
	offer(&c, WIFI_BAND_24, WPA2 | WIFI_BIT(WIFI_N_ONLY));
	judge_run(c.run);
	expect_kind(&c, "argon", KIND_YES, NULL);
	expect_kind(&c, "photon", KIND_FRAGILE, "wifi-mode");
	expect_kind(&c, "core", KIND_NO, "wifi-mode");
	assert_non_null(strstr(about(&c, "wifi-mode", "core")->summary, "requires 802.11n"));
	assert_int_equal(c.run->exit, SP_EXIT_WORKS); /* none of the older kinds counts */
	case_close(&c);
}

static void kinds_with_another_way_are_left_alone(void **state)
{
	struct judge_case c;
	(void)state;
	case_open_profile(&c, "diag/profiles/particle-cellular.ini", NULL);
	case_rest(&c, (const char *const[]){NULL});
	c.host.wifi = (struct wifi_facts){.state = WIFI_READ, .ssid = "Guest"};
	offer(&c, WIFI_BAND_24, EAP);
	expect_nothing(&c); /* cellular only, and an M SoM, which has cellular too */
	case_close(&c);
}

/* A kind that cannot join stays so whatever else is wrong, and the other way round. */
static void beside_another_fault(void **state)
{
	struct judge_case c;
	(void)state;
	case_open(&c, NULL);
	c.host.wifi = (struct wifi_facts){.state = WIFI_READ, .ssid = "Guest"};
	offer(&c, WIFI_BAND_24, WPA3);
	CASE_REST(&c, "cloud-udp");
	case_silent(&c, "cloud-udp", CASE_TRIES);
	judge_run(c.run);
	assert_false(about(&c, "wifi-security", "argon")->hidden);
	assert_int_equal(c.run->exit, SP_EXIT_BLOCKED);
	assert_int_equal(kind_of(&c, "p2")->state, KIND_NO);
	assert_string_not_equal(kind_of(&c, "p2")->because, "wifi-security");
	case_close(&c);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(clean_says_nothing),
		cmocka_unit_test(without_wifi_nothing_is_said),
		cmocka_unit_test(five_ghz_alone),
		cmocka_unit_test(old_scan_results_prove_nothing),
		cmocka_unit_test(half_a_scan_is_undetermined),
		cmocka_unit_test(one_access_point_on_the_band_is_enough),
		cmocka_unit_test(six_ghz_alone),
		cmocka_unit_test(wpa3_alone),
		cmocka_unit_test(wpa3_beside_wpa2_is_fine),
		cmocka_unit_test(protection_that_nobody_documented),
		cmocka_unit_test(enterprise),
		cmocka_unit_test(wep_and_open),
		cmocka_unit_test(n_only),
		cmocka_unit_test(kinds_with_another_way_are_left_alone),
		cmocka_unit_test(beside_another_fault),
	};
	return cmocka_run_group_tests_name("judge_wifi", tests, NULL, NULL);
}
