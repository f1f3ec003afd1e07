/*
 * IEEE 802.11 beacons and probe responses: the elements that decide who can join.
 *
 * Promises: pure, no allocation; the SSID is a slice of the input, of 0 to 32 arbitrary bytes. Bytes
 * that end early or lie about their length lose the element they are in, never what stood before.
 * The first element of a kind counts, as it does for the stations of today.
 */
#ifndef SALLYPORT_WIRE_IEEE80211_H
#define SALLYPORT_WIRE_IEEE80211_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "sallyport/bytes.h"
#include "sallyport/wifi.h"

enum {
	IEEE80211_MAX_RATES = 32,
	IEEE80211_BASIC = 0x80, /* flag of a rate: every station must speak it */
	IEEE80211_PRIVACY = 0x10, /* of the capability information, section 9.4.1.4 */
};

/* BSS membership selectors: a feature that every station must have (Table 9-93 in section 9.4.2.3;
 * HE by IEEE 802.11ax-2021, EHT by IEEE 802.11be-2024). */
enum ieee80211_selector {
	IEEE80211_SELECTOR_HT = 127,
	IEEE80211_SELECTOR_VHT = 126,
	IEEE80211_SELECTOR_H2E = 123, /* SAE by hash-to-element only */
	IEEE80211_SELECTOR_HE = 122,
	IEEE80211_SELECTOR_EHT = 121,
};

/* Bits by suite type of the OUI of the element; everything else is one bit. */
#define IEEE80211_SUITE(type) (UINT32_C(1) << (type))
#define IEEE80211_SUITE_FOREIGN (UINT32_C(1) << 31)

enum ieee80211_cipher { /* section 9.4.2.24.2 */
	IEEE80211_CIPHER_GROUP = 0,
	IEEE80211_CIPHER_WEP40 = 1,
	IEEE80211_CIPHER_TKIP = 2,
	IEEE80211_CIPHER_CCMP = 4,
	IEEE80211_CIPHER_WEP104 = 5,
	IEEE80211_CIPHER_GCMP = 8,
	IEEE80211_CIPHER_GCMP256 = 9,
	IEEE80211_CIPHER_CCMP256 = 10,
};

enum ieee80211_akm { /* section 9.4.2.24.3 */
	IEEE80211_AKM_8021X = 1,
	IEEE80211_AKM_PSK = 2,
	IEEE80211_AKM_FT_8021X = 3,
	IEEE80211_AKM_FT_PSK = 4,
	IEEE80211_AKM_8021X_SHA256 = 5,
	IEEE80211_AKM_PSK_SHA256 = 6,
	IEEE80211_AKM_SAE = 8,
	IEEE80211_AKM_FT_SAE = 9,
	IEEE80211_AKM_SUITE_B = 11,
	IEEE80211_AKM_SUITE_B_192 = 12,
	IEEE80211_AKM_FT_8021X_SHA384 = 13,
	IEEE80211_AKM_OWE = 18,
	IEEE80211_AKM_SAE_EXT = 24, /* IEEE 802.11be-2024 */
};

struct ieee80211_rsn { /* RSN element, or the vendor element of WPA before it */
	bool present, malformed;
	uint32_t group, pairwise, akm; /* bits IEEE80211_SUITE() */
	bool pmf_capable, pmf_required;
};

struct ieee80211_bss {
	uint8_t bssid[6]; /* of a whole frame; zero when only elements were given */
	bool has_ssid;
	struct bytes ssid;
	uint8_t rates[IEEE80211_MAX_RATES]; /* in 500 kb/s, with IEEE80211_BASIC */
	size_t n_rates;
	bool ht_only, vht_only, he_only, eht_only, h2e_only; /* selectors */
	uint8_t channel; /* by the DSSS parameter set or HT operation; 0: not said */
	uint16_t capability;
	struct ieee80211_rsn rsn, wpa;
	bool ht, vht, he, eht; /* has such capabilities */
	bool cut; /* the last element reaches past the end */
};

/* Elements alone, as scan results give them; never fails. */
void ieee80211_elements(const uint8_t *p, size_t n, uint16_t capability, struct ieee80211_bss *out);
/* A whole beacon or probe response without radiotap header and FCS. 0, SP_E_TRUNCATED where the
 * fixed part ends early, or SP_E_UNKNOWN for another frame; out is written on success only. */
int ieee80211_beacon(const uint8_t *p, size_t n, struct ieee80211_bss *out);

/* Named nothing, or only zeros: the network hides its SSID. */
bool ieee80211_is_hidden(const struct ieee80211_bss *b);
/* Bits of enum wifi_trait: the ways to join, and what else is demanded. Never without a way. */
uint32_t ieee80211_traits(const struct ieee80211_bss *b);

/* Centre frequency of a 20 MHz channel. WIFI_BAND_NONE and 0 for what is no such channel. */
enum wifi_band ieee80211_band(uint32_t mhz);
unsigned ieee80211_channel(uint32_t mhz);
uint32_t ieee80211_mhz(enum wifi_band band, unsigned channel);

#endif
