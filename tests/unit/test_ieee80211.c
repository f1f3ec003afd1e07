/* Beacons byte by byte: the bytes were written by hand after the standard, not recorded. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "sallyport/err.h"
#include "sallyport/text.h"
#include "sallyport/wire/ieee80211.h"

/* Elements as hex: id, length, body. */
#define SSID_GUEST "00054775657374"
#define RATES_BG "010882848b960c121824"
#define EXT_RATES "32043048606c"
#define DS_6 "030106"
#define HT_CAPS "2d1a" "ef1117ffff0000000000000000000000000000000000000000" "00"
#define HT_OP_36 "3d16" "24" "000000000000000000000000000000000000000000"
#define VHT_CAPS "bf0c" "b2014033eaff0000eaff0000"
#define HE_CAPS "ff1023" "000000000000000000000000000000"
#define EHT_CAPS "ff036c" "0000"
/* version, group, pairwise count and suites, key management count and suites, capabilities */
#define RSN_PSK "30140100000fac040100000fac040100000fac020000"
#define RSN_PSK_SAE "30180100000fac040100000fac040200000fac02000fac088000"
#define RSN_SAE "30140100000fac040100000fac040100000fac08c000"
#define RSN_EAP "30140100000fac040100000fac040100000fac010000"
#define WPA_TKIP_PSK "dd160050f20101000050f20201000050f20201000050f202"

struct buffer {
	uint8_t b[512];
	size_t n;
};

static struct buffer unhex(const char *hex)
{
	struct buffer out = { .n = strlen(hex) / 2 };
	assert_true(out.n <= sizeof(out.b));
	assert_int_equal(text_unhex(hex, out.b, out.n), 0);
	return out;
}

static struct ieee80211_bss parse(const char *hex, uint16_t capability)
{
	static struct buffer kept; /* the SSID is a slice of it */
	struct ieee80211_bss b;
	kept = unhex(hex);
	ieee80211_elements(kept.b, kept.n, capability, &b);
	return b;
}

static void a_plain_wpa2_network(void **state)
{
	struct ieee80211_bss b = parse(SSID_GUEST RATES_BG DS_6 EXT_RATES HT_CAPS RSN_PSK, 0x0431);
	(void)state;
	assert_true(b.has_ssid && !b.cut && !ieee80211_is_hidden(&b));
	assert_int_equal(b.ssid.n, 5);
	assert_memory_equal(b.ssid.p, "Guest", 5);
	assert_int_equal(b.n_rates, 12);
	assert_int_equal(b.rates[0], IEEE80211_BASIC | 2); /* 1 Mb/s */
	assert_int_equal(b.rates[11], 0x6c);               /* 54 Mb/s */
	assert_int_equal(b.channel, 6);
	assert_true(b.ht && !b.vht && !b.he && !b.eht && !b.ht_only);
	assert_true(b.rsn.present && !b.rsn.malformed && !b.wpa.present);
	assert_int_equal(b.rsn.group, IEEE80211_SUITE(IEEE80211_CIPHER_CCMP));
	assert_int_equal(b.rsn.pairwise, IEEE80211_SUITE(IEEE80211_CIPHER_CCMP));
	assert_int_equal(b.rsn.akm, IEEE80211_SUITE(IEEE80211_AKM_PSK));
	assert_false(b.rsn.pmf_capable || b.rsn.pmf_required);
	assert_int_equal(ieee80211_traits(&b), WIFI_BIT(WIFI_WPA2));
}

static void capabilities_of_each_generation(void **state)
{
	struct ieee80211_bss b = parse(SSID_GUEST HT_CAPS HT_OP_36 VHT_CAPS HE_CAPS EHT_CAPS, 0);
	(void)state;
	assert_true(b.ht && b.vht && b.he && b.eht && !b.cut);
	assert_int_equal(b.channel, 36);
	/* The first of both channels counts. */
	b = parse(DS_6 HT_OP_36, 0);
	assert_int_equal(b.channel, 6);
}

static void what_a_network_asks(void **state)
{
	static const struct {
		const char *elements;
		uint16_t capability;
		uint32_t traits;
	} rows[] = {
		{ SSID_GUEST, 0x0401, WIFI_BIT(WIFI_OPEN) },
		{ SSID_GUEST, 0x0411, WIFI_BIT(WIFI_WEP) },
		{ WPA_TKIP_PSK, 0x0411, WIFI_BIT(WIFI_WPA) },
		{ RSN_PSK WPA_TKIP_PSK, 0x0411, WIFI_BIT(WIFI_WPA) | WIFI_BIT(WIFI_WPA2) },
		{ "dd160050f20101000050f20201000050f20201000050f201", 0x11, WIFI_BIT(WIFI_WPA_EAP) },
		{ RSN_PSK_SAE, 0x11, WIFI_BIT(WIFI_WPA2) | WIFI_BIT(WIFI_WPA3) },
		{ RSN_SAE, 0x11, WIFI_BIT(WIFI_WPA3) }, /* which includes protected management frames */
		{ RSN_EAP, 0x11, WIFI_BIT(WIFI_WPA2_EAP) },
		{ "30180100000fac040100000fac040200000fac02000fac08c000", 0x11,
		  WIFI_BIT(WIFI_WPA2) | WIFI_BIT(WIFI_WPA3) | WIFI_BIT(WIFI_PMF) },
		/* WPA2-PSK, but management frames must be protected */
		{ "30140100000fac040100000fac040100000fac02c000", 0x11,
		  WIFI_BIT(WIFI_WPA2) | WIFI_BIT(WIFI_PMF) },
		/* 802.1X with SHA-256 and PMF: WPA3-Enterprise; with Suite B 192 and GCMP-256 likewise */
		{ "30140100000fac040100000fac040100000fac05c000", 0x11,
		  WIFI_BIT(WIFI_WPA3_EAP) },
		{ "30140100000fac090100000fac090100000fac0cc000", 0x11,
		  WIFI_BIT(WIFI_WPA3_EAP) },
		{ "30140100000fac040100000fac040100000fac12c000", 0x11,
		  WIFI_BIT(WIFI_OWE) },
		/* PSK, but with GCMP-256 alone; fast transition alone; DPP (another OUI) */
		{ "30140100000fac090100000fac090100000fac020000", 0x11, WIFI_BIT(WIFI_OTHER) },
		{ "30140100000fac040100000fac040100000fac040000", 0x11, WIFI_BIT(WIFI_OTHER) },
		{ "30140100000fac040100000fac040100506f9a020000", 0x11, WIFI_BIT(WIFI_OTHER) },
		/* an empty RSN element means CCMP and 802.1X */
		{ "30020100", 0x11, WIFI_BIT(WIFI_WPA2_EAP) },
		/* 802.11n, ac and ax as a condition: selectors among the rates */
		{ "010482848bff", 0x01, WIFI_BIT(WIFI_OPEN) | WIFI_BIT(WIFI_N_ONLY) },
		{ "01018c3202fffe", 0x01, WIFI_BIT(WIFI_OPEN) | WIFI_BIT(WIFI_AC_ONLY) },
		{ "01028cfa", 0x01, WIFI_BIT(WIFI_OPEN) | WIFI_BIT(WIFI_AX_ONLY) },
		/* 63.5 Mb/s without the flag is a rate, if a strange one */
		{ "010482848b7f", 0x01, WIFI_BIT(WIFI_OPEN) },
	};
	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct ieee80211_bss b = parse(rows[i].elements, rows[i].capability);
		if (ieee80211_traits(&b) != rows[i].traits || b.cut)
			fail_msg("row %zu: traits %#x, not %#x", i, ieee80211_traits(&b), rows[i].traits);
	}
}

static void ssids_are_any_bytes(void **state)
{
	struct ieee80211_bss b;
	char text[WIFI_SSID_TEXT];
	(void)state;
	b = parse("0000", 0);
	assert_true(b.has_ssid && b.ssid.n == 0 && ieee80211_is_hidden(&b));
	b = parse("0003000000", 0);
	assert_true(ieee80211_is_hidden(&b));
	b = parse("0020" "ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff", 0);
	assert_int_equal(b.ssid.n, 32);
	wifi_ssid_text(text, b.ssid.p, b.ssid.n);
	assert_int_equal(strlen(text), WIFI_SSID_TEXT - 1);
	/* 33 bytes are no SSID, and what follows is still read */
	b = parse("0021" "ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff" RSN_PSK, 0);
	assert_true(!b.has_ssid && b.rsn.present);
	/* the first one counts */
	b = parse("000141" "000142", 0);
	assert_memory_equal(b.ssid.p, "A", 1);
	b = parse("000a1b5b326a0d0a225c4179", 0);
	wifi_ssid_text(text, b.ssid.p, b.ssid.n);
	assert_string_equal(text, "\\x1b[2j\\x0d\\x0a\\x22\\x5cAy");
	wifi_ssid_text(text, NULL, 0);
	assert_string_equal(text, "");
}

static void lies_lose_one_element(void **state)
{
	struct ieee80211_bss b;
	(void)state;
	/* cut in every place: never more than before, and whole elements stay */
	struct buffer all = unhex(SSID_GUEST RATES_BG DS_6 RSN_PSK_SAE);
	for (size_t n = 0; n < all.n; n++) {
		uint8_t *tight = malloc(n + 1);
		memcpy(tight, all.b, n);
		ieee80211_elements(tight, n, 0x11, &b);
		assert_int_equal(b.has_ssid, n >= 7);
		assert_false(b.rsn.present); /* the last one is not whole before the end */
		assert_int_equal(b.cut, n != 0 && n != 7 && n != 17 && n != 20);
		free(tight);
	}
	/* an RSN element whose lists run out of it is not believed */
	b = parse("300e0100000fac040900000fac040100" SSID_GUEST, 0x11);
	assert_true(b.rsn.present && b.rsn.malformed && b.has_ssid);
	assert_int_equal(ieee80211_traits(&b), WIFI_BIT(WIFI_OTHER));
	b = parse("30140200000fac040100000fac040100000fac020000", 0x11); /* version 2 */
	assert_true(b.rsn.malformed);
	b = parse("3000", 0x11);
	assert_true(b.rsn.malformed);
	b = parse("dd030050f2" "dd00" "ff00", 0x11);
	assert_false(b.wpa.present || b.he || b.cut);
}

static void whole_frames(void **state)
{
	struct buffer f = unhex("80000000ffffffffffff02000000000102000000000100a0"
				"00010203040506076400" "1104" SSID_GUEST DS_6 RSN_PSK);
	struct ieee80211_bss b, before;
	(void)state;
	assert_int_equal(ieee80211_beacon(f.b, f.n, &b), 0);
	assert_memory_equal(b.bssid, "\x02\x00\x00\x00\x00\x01", 6);
	assert_int_equal(b.capability, 0x0411);
	assert_int_equal(ieee80211_traits(&b), WIFI_BIT(WIFI_WPA2));
	f.b[0] = 0x50;
	assert_int_equal(ieee80211_beacon(f.b, f.n, &b), 0);
	before = b;
	f.b[0] = 0x40; /* a probe request */
	assert_int_equal(ieee80211_beacon(f.b, f.n, &b), SP_E_UNKNOWN);
	f.b[0] = 0x80;
	for (size_t n = 0; n < 36; n++)
		assert_int_equal(ieee80211_beacon(f.b, n, &b), SP_E_TRUNCATED);
	assert_memory_equal(&b, &before, sizeof(b));
	assert_int_equal(ieee80211_beacon(f.b, 36, &b), 0);
	assert_false(b.has_ssid || b.cut);
}

static void frequencies_and_channels(void **state)
{
	static const struct {
		uint32_t mhz;
		enum wifi_band band;
		unsigned channel;
	} rows[] = {
		{ 2412, WIFI_BAND_24, 1 },  { 2437, WIFI_BAND_24, 6 },  { 2472, WIFI_BAND_24, 13 },
		{ 2484, WIFI_BAND_24, 14 }, { 5160, WIFI_BAND_5, 32 },  { 5180, WIFI_BAND_5, 36 },
		{ 5825, WIFI_BAND_5, 165 }, { 5885, WIFI_BAND_5, 177 }, { 5935, WIFI_BAND_6, 2 },
		{ 5955, WIFI_BAND_6, 1 },   { 7115, WIFI_BAND_6, 233 },
	};
	static const uint32_t none[] = { 0, 1, 2407, 2413, 2477, 2483, 2500, 4920, 5000, 5181, 5900, 7120,
					 60480, UINT32_MAX };
	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		assert_int_equal(ieee80211_band(rows[i].mhz), rows[i].band);
		assert_int_equal(ieee80211_channel(rows[i].mhz), rows[i].channel);
		assert_int_equal(ieee80211_mhz(rows[i].band, rows[i].channel), rows[i].mhz);
	}
	for (size_t i = 0; i < sizeof(none) / sizeof(none[0]); i++)
		assert_int_equal(ieee80211_band(none[i]), WIFI_BAND_NONE);
	assert_int_equal(ieee80211_mhz(WIFI_BAND_24, 15), 0);
	assert_int_equal(ieee80211_mhz(WIFI_BAND_5, 6), 0);
	assert_int_equal(ieee80211_mhz(WIFI_BAND_NONE, 6), 0);
}

/* Any bytes: within bounds (under the sanitizers), and always some way to join. */
static void random_bytes(void **state)
{
	unsigned seed = (unsigned)time(NULL);
	(void)state;
	print_message("seed %u\n", seed);
	for (unsigned round = 0; round < 20000; round++) {
		size_t n = seed % 97;
		uint8_t *p = malloc(n + 1);
		for (size_t i = 0; i < n; i++) {
			seed = seed * 1664525 + 1013904223;
			/* short lengths and real ids, so that elements are met */
			static const uint8_t ids[] = { 0, 1, 3, 45, 48, 50, 61, 191, 221, 255 };
			p[i] = seed >> 30 ? (uint8_t)(seed >> 16) % 24 : ids[(seed >> 16) % sizeof(ids)];
		}
		seed = seed * 1664525 + 1013904223;
		struct ieee80211_bss b;
		ieee80211_elements(p, n, (uint16_t)seed, &b);
		assert_true(ieee80211_traits(&b) & WIFI_WAYS_MASK);
		assert_true(b.ssid.n <= WIFI_SSID_MAX && b.n_rates <= IEEE80211_MAX_RATES);
		free(p);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_plain_wpa2_network),
		cmocka_unit_test(capabilities_of_each_generation),
		cmocka_unit_test(what_a_network_asks),
		cmocka_unit_test(ssids_are_any_bytes),
		cmocka_unit_test(lies_lose_one_element),
		cmocka_unit_test(whole_frames),
		cmocka_unit_test(frequencies_and_channels),
		cmocka_unit_test(random_bytes),
	};
	return cmocka_run_group_tests_name("ieee80211", tests, NULL, NULL);
}
