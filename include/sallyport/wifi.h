/*
 * Wi-Fi: what a network asks of a radio, and the facts about the network this host is on.
 *
 * Promises: plain data without pointers. An SSID is 32 arbitrary bytes on the air and unambiguous
 * printable ASCII here. Access points that ask the same share one place, and other networks are
 * only counted: no neighbour is named.
 */
#ifndef SALLYPORT_WIFI_H
#define SALLYPORT_WIFI_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum wifi_band { WIFI_BAND_NONE, WIFI_BAND_24, WIFI_BAND_5, WIFI_BAND_6, WIFI_BAND_COUNT };
extern const char *const wifi_band_names[WIFI_BAND_COUNT]; /* "", "2.4", "5", "6": GHz */
enum wifi_band wifi_band_by_name(const char *name);        /* WIFI_BAND_NONE when unknown */

/*
 * What a network can ask of a station: X(id, word of profiles and JSON, words for people).
 * First the ways to join, of which one must fit; behind WIFI_WAYS what must fit besides.
 */
#define WIFI_TRAITS(X)                                                                             \
	X(OPEN, "open", "open")                                                                    \
	X(OWE, "owe", "Enhanced Open (OWE)")                                                       \
	X(WEP, "wep", "WEP")                                                                       \
	X(WPA, "wpa", "WPA")                                                                       \
	X(WPA_EAP, "wpa-enterprise", "WPA-Enterprise")                                             \
	X(WPA2, "wpa2", "WPA2")                                                                    \
	X(WPA2_EAP, "wpa2-enterprise", "WPA2-Enterprise")                                          \
	X(WPA3, "wpa3", "WPA3")                                                                    \
	X(WPA3_EAP, "wpa3-enterprise", "WPA3-Enterprise")                                          \
	X(OTHER, "other", "an unusual key management")                                             \
	X(PMF, "pmf", "protected management frames")                                               \
	X(N_ONLY, "n-only", "802.11n")                                                             \
	X(AC_ONLY, "ac-only", "802.11ac")                                                          \
	X(AX_ONLY, "ax-only", "802.11ax")

enum wifi_trait {
#define X(id, word, title) WIFI_##id,
	WIFI_TRAITS(X)
#undef X
	WIFI_TRAIT_COUNT,
	WIFI_WAYS = WIFI_PMF,
};
#define WIFI_BIT(trait) (UINT32_C(1) << (trait))
enum {
	WIFI_WAYS_MASK = (1 << WIFI_WAYS) - 1,
	/* protected management frames are part of these, and an extra for the others */
	WIFI_WITH_PMF = 1 << WIFI_WPA3 | 1 << WIFI_WPA3_EAP | 1 << WIFI_OWE,
};
extern const char *const wifi_trait_words[WIFI_TRAIT_COUNT];
extern const char *const wifi_trait_titles[WIFI_TRAIT_COUNT];
int wifi_trait_by_word(const char *word); /* index or -1 */

enum {
	WIFI_SSID_MAX = 32,                         /* IEEE 802.11-2020 section 9.4.2.2 */
	WIFI_SSID_TEXT = WIFI_SSID_MAX * 4 + 1,     /* every byte as \xNN */
	WIFI_MAX_OFFERS = 16,
};

/* Access points of one network that ask the same of a station. */
struct wifi_offer {
	enum wifi_band band;
	uint32_t traits; /* WIFI_BIT() of each: any of the ways, all of the rest */
	uint32_t count;
	int32_t signal_dbm; /* of the strongest; 0: not said */
	bool in_use;        /* this host is joined to one of them */
};

/* Other networks in the scan results: they show where the radio has listened. */
struct wifi_heard {
	uint32_t networks; /* access points of other or hidden networks */
	uint32_t hidden;   /* of these, without a name */
	uint32_t channels; /* on so many channels, this network's own included */
};

enum wifi_state {
	WIFI_NONE,   /* the uplink is not Wi-Fi */
	WIFI_READ,   /* the kernel told */
	WIFI_UNREAD, /* it is Wi-Fi, but the kernel would not tell (no nl80211) */
	WIFI_STATE_COUNT
};
extern const char *const wifi_state_names[WIFI_STATE_COUNT];

struct wifi_facts {
	enum wifi_state state;
	char ssid[WIFI_SSID_TEXT]; /* empty: not joined, or not said */
	enum wifi_band band;
	uint32_t channel, freq_mhz; /* 0: not said */
	int32_t signal_dbm;         /* of what this host hears; 0: not said */
	struct wifi_offer offers[WIFI_MAX_OFFERS];
	size_t n_offers;
	struct wifi_heard heard[WIFI_BAND_COUNT];
	bool cut; /* a limit was reached: there were more offers */
};

/* Printable ASCII; bytes outside, quotation marks and backslashes stand as \xNN, so that two SSIDs
 * never read the same and none can end the quotation marks around it. At most 32 bytes are used. */
void wifi_ssid_text(char out[WIFI_SSID_TEXT], const uint8_t *p, size_t n);
/* The offer this host uses, or NULL. */
const struct wifi_offer *wifi_offer_in_use(const struct wifi_facts *w);
/* Adds n access points to the offer like this one, or a new offer; false when there is no room. */
bool wifi_add_offer(struct wifi_facts *w, const struct wifi_offer *like);

#endif
