/*
 * nl80211 replies to Wi-Fi facts. There was no radio to record from: the messages are built here
 * with libnl, attribute by attribute in the layout of linux/nl80211.h, and the same bytes lie as
 * seeds in tests/fuzz/corpus/wifi_dump (byte order of a little-endian machine). `test_wifi_dump
 * --write DIR` writes them again. A radio, where there is one, is read at the end.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include <linux/nl80211.h>
#include <net/if.h>
#include <netlink/attr.h>
#include <netlink/genl/genl.h>
#include <netlink/msg.h>

#include "sallyport/err.h"
#include "sallyport/netinfo_wifi.h"
#include "sallyport/text.h"

enum { FAMILY = 0x1c, IFINDEX = 7, CAP = 64 * 1024, PRIVACY = 0x0411, OPEN = 0x0401 };

struct dump {
	uint8_t *p;
	size_t n;
};

/* The elements behind the SSID. */
#define RATES "010882848b960c121824"
#define PSK RATES "30140100000fac040100000fac040100000fac020000"
#define PSK_SAE RATES "30180100000fac040100000fac040200000fac02000fac088000"
#define SAE RATES "30140100000fac040100000fac040100000fac08c000"
#define EAP RATES "30140100000fac040100000fac040100000fac010000"
#define N_ONLY "010482848bff" "30140100000fac040100000fac040100000fac020000"

static void open_dump(struct dump *d)
{
	*d = (struct dump){ .p = calloc(1, CAP) };
	assert_non_null(d->p);
}

static struct nl_msg *begin(uint8_t command)
{
	struct nl_msg *m = nlmsg_alloc();
	assert_non_null(genlmsg_put(m, 1, 1, FAMILY, 0, NLM_F_MULTI, command, 1));
	nla_put_u32(m, NL80211_ATTR_IFINDEX, IFINDEX);
	return m;
}

static void end(struct dump *d, struct nl_msg *m)
{
	struct nlmsghdr *h = nlmsg_hdr(m);
	assert_true(d->n + NLMSG_ALIGN(h->nlmsg_len) <= CAP);
	memcpy(d->p + d->n, h, h->nlmsg_len);
	d->n += NLMSG_ALIGN(h->nlmsg_len);
	nlmsg_free(m);
}

/* GET_INTERFACE as net/wireless/nl80211.c nl80211_send_iface() fills it; freq 0: several links. */
static void put_interface(struct dump *d, const char *ssid, uint32_t freq)
{
	struct nl_msg *m = begin(NL80211_CMD_NEW_INTERFACE);
	nla_put_string(m, NL80211_ATTR_IFNAME, "wlan0");
	nla_put_u32(m, NL80211_ATTR_WIPHY, 0);
	nla_put_u32(m, NL80211_ATTR_IFTYPE, NL80211_IFTYPE_STATION);
	nla_put(m, NL80211_ATTR_MAC, 6, "\x02\x00\x00\x00\x00\x0a");
	if (ssid)
		nla_put(m, NL80211_ATTR_SSID, (int)strlen(ssid), ssid);
	if (freq) {
		nla_put_u32(m, NL80211_ATTR_WIPHY_FREQ, freq);
		nla_put_u32(m, NL80211_ATTR_CHANNEL_WIDTH, NL80211_CHAN_WIDTH_20);
	}
	end(d, m);
}

/* nl80211_send_station() */
static void put_station(struct dump *d, int8_t dbm)
{
	struct nl_msg *m = begin(NL80211_CMD_NEW_STATION);
	nla_put(m, NL80211_ATTR_MAC, 6, "\x02\x00\x00\x00\x01\x01");
	struct nlattr *info = nla_nest_start(m, NL80211_ATTR_STA_INFO);
	nla_put_u32(m, NL80211_STA_INFO_INACTIVE_TIME, 20);
	nla_put_u8(m, NL80211_STA_INFO_SIGNAL, (uint8_t)dbm);
	nla_nest_end(m, info);
	end(d, m);
}

struct result {
	const char *ssid; /* NULL: no elements at all */
	uint32_t freq;
	int dbm;
	const char *elements;
	uint16_t capability;
	bool in_use;
};

/* nl80211_send_bss() */
static void put_bss(struct dump *d, const struct result *r)
{
	struct nl_msg *m = begin(NL80211_CMD_NEW_SCAN_RESULTS);
	struct nlattr *bss = nla_nest_start(m, NL80211_ATTR_BSS);
	nla_put(m, NL80211_BSS_BSSID, 6, "\x02\x00\x00\x00\x01\x01");
	if (r->ssid) {
		uint8_t ies[256] = { 0, (uint8_t)strlen(r->ssid) };
		size_t n = strlen(r->ssid), more = strlen(r->elements) / 2;
		memcpy(ies + 2, r->ssid, n);
		assert_int_equal(text_unhex(r->elements, ies + 2 + n, more), 0);
		nla_put(m, NL80211_BSS_INFORMATION_ELEMENTS, (int)(2 + n + more), ies);
	}
	nla_put_u16(m, NL80211_BSS_BEACON_INTERVAL, 100);
	nla_put_u16(m, NL80211_BSS_CAPABILITY, r->capability);
	nla_put_u32(m, NL80211_BSS_FREQUENCY, r->freq);
	nla_put_u32(m, NL80211_BSS_SEEN_MS_AGO, 1200);
	nla_put_u32(m, NL80211_BSS_SIGNAL_MBM, (uint32_t)(r->dbm * 100));
	if (r->in_use)
		nla_put_u32(m, NL80211_BSS_STATUS, NL80211_BSS_STATUS_ASSOCIATED);
	nla_nest_end(m, bss);
	end(d, m);
}

static void put_done(struct dump *d)
{
	struct nl_msg *m = nlmsg_alloc_simple(NLMSG_DONE, NLM_F_MULTI);
	end(d, m);
}

/* ---- the networks of the tests, and seeds of the fuzzer ---- */

/* A guest network on 5 GHz only, in a house where 2.4 GHz is in use. */
static void five_only(struct dump *d)
{
	static const struct result rows[] = {
		{ "Guest", 5180, -61, PSK, PRIVACY, true },     { "Guest", 5500, -70, PSK, PRIVACY, false },
		{ "office", 2412, -55, EAP, PRIVACY, false },   { "printer", 2437, -80, PSK, PRIVACY, false },
		{ "neighbour", 2462, -85, PSK, PRIVACY, false },
	};
	put_interface(d, "Guest", 5180);
	put_done(d);
	put_station(d, -61);
	put_done(d);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		put_bss(d, &rows[i]);
	put_done(d);
}

static void both_bands(struct dump *d)
{
	static const struct result rows[] = {
		{ "Guest", 2412, -50, PSK_SAE, PRIVACY, true }, { "Guest", 5180, -61, SAE, PRIVACY, false },
		{ "Guest", 2462, -75, PSK_SAE, PRIVACY, false }, { "", 2437, -80, PSK, PRIVACY, false },
		{ "open", 2437, -80, RATES, OPEN, false },
	};
	put_interface(d, "Guest", 2412);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		put_bss(d, &rows[i]);
}

/* The cache has grown old: only the access point in use is left. No name and no frequency in
 * GET_INTERFACE, as with several links at once. */
static void stale(struct dump *d)
{
	put_interface(d, NULL, 0);
	put_bss(d, &(struct result){ "\x1b]0;x\x07\"\\\xff", 5955, -48, SAE, PRIVACY, true });
}

static void n_only(struct dump *d)
{
	put_interface(d, "Lab", 2437);
	put_station(d, -40);
	put_bss(d, &(struct result){ "Lab", 2437, -40, N_ONLY, PRIVACY, true });
	put_bss(d, &(struct result){ "Lab", 5180, -40, RATES, PRIVACY, false }); /* WEP */
}

static const struct seed {
	const char *name;
	void (*build)(struct dump *d);
} seeds[] = {
	{ "five-only", five_only }, { "both-bands", both_bands }, { "stale", stale }, { "n-only", n_only },
};
enum { SEEDS = sizeof(seeds) / sizeof(seeds[0]) };

static struct wifi_facts facts_of(void (*build)(struct dump *d))
{
	struct dump d;
	struct wifi_facts w;
	open_dump(&d);
	build(&d);
	assert_int_equal(wifi_from_dump(d.p, d.n, IFINDEX, &w), 0);
	assert_int_equal(w.state, WIFI_READ);
	free(d.p);
	return w;
}

static void assert_offer(const struct wifi_offer *o, enum wifi_band band, uint32_t traits,
			 unsigned count, int dbm, bool in_use)
{
	assert_int_equal(o->band, band);
	assert_int_equal(o->traits, traits);
	assert_int_equal(o->count, count);
	assert_int_equal(o->signal_dbm, dbm);
	assert_int_equal(o->in_use, in_use);
}

static void one_band(void **state)
{
	struct wifi_facts w = facts_of(five_only);
	(void)state;
	assert_string_equal(w.ssid, "Guest");
	assert_int_equal(w.band, WIFI_BAND_5);
	assert_int_equal(w.channel, 36);
	assert_int_equal(w.freq_mhz, 5180);
	assert_int_equal(w.signal_dbm, -61);
	assert_int_equal(w.n_offers, 1);
	assert_offer(&w.offers[0], WIFI_BAND_5, WIFI_BIT(WIFI_WPA2), 2, -61, true);
	assert_ptr_equal(wifi_offer_in_use(&w), &w.offers[0]);
	assert_int_equal(w.heard[WIFI_BAND_24].networks, 3);
	assert_int_equal(w.heard[WIFI_BAND_24].channels, 3);
	assert_int_equal(w.heard[WIFI_BAND_24].hidden, 0);
	assert_int_equal(w.heard[WIFI_BAND_5].networks, 0);
	assert_int_equal(w.heard[WIFI_BAND_5].channels, 2);
	assert_false(w.cut);
}

static void two_bands_ask_different_things(void **state)
{
	struct wifi_facts w = facts_of(both_bands);
	(void)state;
	assert_int_equal(w.n_offers, 2);
	assert_offer(&w.offers[0], WIFI_BAND_24, WIFI_BIT(WIFI_WPA2) | WIFI_BIT(WIFI_WPA3), 2, -50, true);
	assert_offer(&w.offers[1], WIFI_BAND_5, WIFI_BIT(WIFI_WPA3), 1, -61, false);
	assert_int_equal(w.heard[WIFI_BAND_24].networks, 2);
	assert_int_equal(w.heard[WIFI_BAND_24].hidden, 1);
	assert_int_equal(w.heard[WIFI_BAND_24].channels, 3);
	assert_int_equal(w.signal_dbm, -50); /* no station reply: the scan result's */
}

static void the_bss_in_use_fills_gaps(void **state)
{
	struct wifi_facts w = facts_of(stale);
	(void)state;
	assert_string_equal(w.ssid, "\\x1b]0;x\\x07\\x22\\x5c\\xff");
	assert_int_equal(w.band, WIFI_BAND_6);
	assert_int_equal(w.channel, 1);
	assert_int_equal(w.n_offers, 1);
	assert_int_equal(w.heard[WIFI_BAND_24].channels + w.heard[WIFI_BAND_5].channels, 0);
}

static void what_is_demanded(void **state)
{
	struct wifi_facts w = facts_of(n_only);
	(void)state;
	assert_int_equal(w.n_offers, 2);
	assert_int_equal(w.offers[0].traits, WIFI_BIT(WIFI_WPA2) | WIFI_BIT(WIFI_N_ONLY));
	assert_int_equal(w.offers[1].traits, WIFI_BIT(WIFI_WEP));
}

static void not_joined(void **state)
{
	struct dump d;
	struct wifi_facts w;
	(void)state;
	open_dump(&d);
	put_interface(&d, NULL, 0);
	put_bss(&d, &(struct result){ "", 2412, -50, PSK, PRIVACY, false });
	put_bss(&d, &(struct result){ "other", 2412, -50, PSK, PRIVACY, false });
	assert_int_equal(wifi_from_dump(d.p, d.n, IFINDEX, &w), 0);
	assert_string_equal(w.ssid, "");
	assert_int_equal(w.n_offers, 0); /* no name is not the name of a hidden network */
	assert_int_equal(w.heard[WIFI_BAND_24].networks, 2);
	free(d.p);
}

static void a_bss_without_elements_says_nothing(void **state)
{
	struct dump d;
	struct wifi_facts w;
	(void)state;
	open_dump(&d);
	put_interface(&d, "Guest", 2412);
	put_bss(&d, &(struct result){ NULL, 2412, -50, "", OPEN, true });
	assert_int_equal(wifi_from_dump(d.p, d.n, IFINDEX, &w), 0);
	assert_int_equal(w.n_offers, 0); /* above all, not "open" */
	free(d.p);
}

static void limits_are_said(void **state)
{
	struct dump d;
	struct wifi_facts w;
	(void)state;
	open_dump(&d);
	put_interface(&d, "Guest", 2412);
	/* every mixture of key managements PSK, 802.1X, SAE, OWE, SHA-256 is an offer of its own */
	for (unsigned mix = 1; mix < 32; mix++) {
		static const char *const suites[] = { "000fac02", "000fac01", "000fac08", "000fac12",
						      "000fac05" };
		char list[64] = "", elements[128];
		unsigned n = 0;
		for (unsigned i = 0; i < 5; i++)
			if (mix >> i & 1)
				strncat(list, suites[i], sizeof(list) - 1 - 8 * n++);
		snprintf(elements, sizeof(elements), "30%02x0100000fac040100000fac04%02x00%s", 14 + 4 * n, n,
			 list);
		put_bss(&d, &(struct result){ "Guest", 2412, -50, elements, PRIVACY, mix == 1 });
	}
	assert_int_equal(wifi_from_dump(d.p, d.n, IFINDEX, &w), 0);
	assert_int_equal(w.n_offers, WIFI_MAX_OFFERS);
	assert_true(w.cut && wifi_offer_in_use(&w));
	free(d.p);
}

static void other_interfaces_are_not_ours(void **state)
{
	struct dump d;
	struct wifi_facts w, before;
	(void)state;
	open_dump(&d);
	five_only(&d);
	memset(&w, 0x5a, sizeof(w));
	before = w;
	assert_int_equal(wifi_from_dump(d.p, d.n, IFINDEX + 1, &w), SP_E_MISSING);
	assert_int_equal(wifi_from_dump(d.p, 0, IFINDEX, &w), SP_E_MISSING);
	assert_memory_equal(&w, &before, sizeof(w));
	free(d.p);
}

static void damage_is_survived(void **state)
{
	(void)state;
	for (size_t s = 0; s < SEEDS; s++) {
		struct dump d;
		struct wifi_facts w;
		open_dump(&d);
		seeds[s].build(&d);
		for (size_t n = 0; n < d.n; n++) {
			uint8_t *cut = malloc(n + 1);
			memcpy(cut, d.p, n);
			(void)wifi_from_dump(cut, n, IFINDEX, &w);
			if (n)
				cut[n / 2] ^= 0xff;
			(void)wifi_from_dump(cut, n, IFINDEX, &w);
			free(cut);
		}
		free(d.p);
	}
}

static void seeds_are_what_is_built(void **state)
{
	(void)state;
	if ((union { uint16_t n; uint8_t b; }){ 1 }.b != 1)
		skip();
	for (size_t s = 0; s < SEEDS; s++) {
		struct dump d;
		char path[128];
		static uint8_t file[CAP];
		open_dump(&d);
		seeds[s].build(&d);
		snprintf(path, sizeof(path), "tests/fuzz/corpus/wifi_dump/%s", seeds[s].name);
		FILE *f = fopen(path, "rb");
		assert_non_null(f);
		assert_int_equal(fread(file, 1, sizeof(file), f), d.n);
		assert_memory_equal(file, d.p, d.n);
		fclose(f);
		free(d.p);
	}
}

static void an_interface_without_a_radio(void **state)
{
	struct host_facts h = { .ifindex = if_nametoindex("lo"), .medium = "loopback" };
	(void)state;
	netinfo_wifi(&h);
	assert_int_equal(h.wifi.state, WIFI_NONE);
	assert_string_equal(h.medium, "loopback");
	text_copy(h.medium, sizeof(h.medium), "wifi"); /* /sys says so, the kernel's nl80211 does not */
	netinfo_wifi(&h);
	assert_int_equal(h.wifi.state, WIFI_UNREAD);
}

/* A radio of this machine, real or of mac80211_hwsim. */
static void a_radio(void **state)
{
	(void)state;
	FILE *f = popen("ls -d /sys/class/net/*/phy80211 2>/dev/null", "re");
	char line[128] = "", *name, *last;
	assert_non_null(f);
	bool found = fgets(line, sizeof(line), f) != NULL;
	pclose(f);
	if (!found) {
		print_message("no radio here: neither hardware nor mac80211_hwsim\n");
		skip();
	}
	last = strrchr(line, '/');
	*last = '\0';
	name = strrchr(line, '/') + 1;
	struct host_facts h = { .ifindex = if_nametoindex(name) };
	netinfo_wifi(&h);
	assert_int_equal(h.wifi.state, WIFI_READ);
	assert_string_equal(h.medium, "wifi");
}

static int write_seeds(const char *dir)
{
	for (size_t s = 0; s < SEEDS; s++) {
		struct dump d;
		char path[256];
		open_dump(&d);
		seeds[s].build(&d);
		snprintf(path, sizeof(path), "%s/%s", dir, seeds[s].name);
		FILE *f = fopen(path, "wb");
		if (!f || fwrite(d.p, 1, d.n, f) != d.n || fclose(f))
			return 1;
		free(d.p);
	}
	return 0;
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(one_band),
		cmocka_unit_test(two_bands_ask_different_things),
		cmocka_unit_test(the_bss_in_use_fills_gaps),
		cmocka_unit_test(what_is_demanded),
		cmocka_unit_test(not_joined),
		cmocka_unit_test(a_bss_without_elements_says_nothing),
		cmocka_unit_test(limits_are_said),
		cmocka_unit_test(other_interfaces_are_not_ours),
		cmocka_unit_test(damage_is_survived),
		cmocka_unit_test(seeds_are_what_is_built),
		cmocka_unit_test(an_interface_without_a_radio),
		cmocka_unit_test(a_radio),
	};
	if (argc == 3 && strcmp(argv[1], "--write") == 0)
		return write_seeds(argv[2]);
	return cmocka_run_group_tests_name("wifi_dump", tests, NULL, NULL);
}
