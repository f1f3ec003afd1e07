/* Section numbers are those of IEEE 802.11-2020 where nothing else is said. */
#include "sallyport/wire/ieee80211.h"

#include <string.h>

#include "sallyport/err.h"

/* Element ids, section 9.4.2.1 */
enum element_id {
	EL_SSID = 0,
	EL_RATES = 1,
	EL_DSSS = 3,
	EL_HT_CAPABILITIES = 45,
	EL_RSN = 48,
	EL_EXT_RATES = 50,
	EL_HT_OPERATION = 61,
	EL_VHT_CAPABILITIES = 191,
	EL_VENDOR = 221,
	EL_EXTENSION = 255,
};
enum {
	EXT_HE_CAPABILITIES = 35,   /* IEEE 802.11ax-2021 */
	EXT_EHT_CAPABILITIES = 108, /* IEEE 802.11be-2024 */
	OUI_IEEE = 0x000fac,
	OUI_MICROSOFT = 0x0050f2, /* type 1: WPA, the forerunner of the RSN element */
	RSN_VERSION = 1,
	SUITE_BITS = 31, /* a type beyond these counts as foreign */
	CAP_MFPR = 0x40, CAP_MFPC = 0x80, /* section 9.4.2.24.4 */
};

/* The fields of 802.11 are little-endian. */
static uint16_t rd_le16(struct reader *r)
{
	uint16_t v = rd_be16(r);
	return (uint16_t)(v << 8 | v >> 8);
}

static uint32_t suite(struct reader *r, uint32_t oui)
{
	uint32_t selector = rd_be32(r);
	if (!rd_ok(r))
		return 0;
	uint32_t type = selector & 0xff;
	return selector >> 8 == oui && type < SUITE_BITS ? IEEE80211_SUITE(type) : IEEE80211_SUITE_FOREIGN;
}

static uint32_t suite_list(struct reader *r, uint32_t oui)
{
	uint32_t bits = 0;
	for (unsigned n = rd_le16(r); n && rd_ok(r); n--)
		bits |= suite(r, oui);
	return bits;
}

/* Section 9.4.2.24.1: everything behind the version may be left out, and then has its default
 * (CCMP, and 802.1X for the key management). WPA's own element had TKIP there. */
static void parse_rsn(struct reader r, uint32_t oui, struct ieee80211_rsn *out)
{
	uint32_t cipher = IEEE80211_SUITE(oui == OUI_IEEE ? IEEE80211_CIPHER_CCMP : IEEE80211_CIPHER_TKIP);
	struct ieee80211_rsn rsn = { .present = true, .group = cipher, .pairwise = cipher,
				     .akm = IEEE80211_SUITE(IEEE80211_AKM_8021X) };
	uint16_t version = rd_le16(&r);
	if (rd_left(&r))
		rsn.group = suite(&r, oui);
	if (rd_left(&r))
		rsn.pairwise = suite_list(&r, oui);
	if (rd_left(&r))
		rsn.akm = suite_list(&r, oui);
	rsn.malformed = !rd_ok(&r) || version != RSN_VERSION;
	if (oui == OUI_IEEE && rd_left(&r) >= 2) {
		uint16_t caps = rd_le16(&r);
		rsn.pmf_required = caps & CAP_MFPR;
		rsn.pmf_capable = caps & CAP_MFPC;
	}
	*out = rsn;
}

static void add_rate(struct ieee80211_bss *b, uint8_t v)
{
	switch (v ^ IEEE80211_BASIC) { /* a selector always carries the flag */
	case IEEE80211_SELECTOR_HT: b->ht_only = true; return;
	case IEEE80211_SELECTOR_VHT: b->vht_only = true; return;
	case IEEE80211_SELECTOR_H2E: b->h2e_only = true; return;
	case IEEE80211_SELECTOR_HE: b->he_only = true; return;
	case IEEE80211_SELECTOR_EHT: b->eht_only = true; return;
	default: break;
	}
	if (b->n_rates < IEEE80211_MAX_RATES)
		b->rates[b->n_rates++] = v;
}

static void add_rates(struct ieee80211_bss *b, struct reader body)
{
	while (rd_left(&body))
		add_rate(b, rd_u8(&body));
}

/* Primary channel: first octet of both elements (sections 9.4.2.4 and 9.4.2.56). */
static void set_channel(struct ieee80211_bss *b, struct reader body)
{
	uint8_t channel = rd_u8(&body);
	if (!b->channel)
		b->channel = channel;
}

static void set_ssid(struct ieee80211_bss *b, struct reader body)
{
	if (b->has_ssid || rd_left(&body) > WIFI_SSID_MAX)
		return;
	b->has_ssid = true;
	b->ssid = rd_take(&body, rd_left(&body));
}

/* Section 9.4.2.25: three octets of OUI, then the vendor's type. */
static void vendor(struct ieee80211_bss *b, struct reader body)
{
	uint32_t type = rd_be32(&body);
	if (rd_ok(&body) && type == (OUI_MICROSOFT << 8 | 1) && !b->wpa.present)
		parse_rsn(body, OUI_MICROSOFT, &b->wpa);
}

static void extension(struct ieee80211_bss *b, struct reader body)
{
	uint8_t id = rd_u8(&body);
	b->he |= rd_ok(&body) && id == EXT_HE_CAPABILITIES;
	b->eht |= rd_ok(&body) && id == EXT_EHT_CAPABILITIES;
}

static void element(struct ieee80211_bss *b, uint8_t id, struct reader body)
{
	switch (id) {
	case EL_SSID: set_ssid(b, body); break;
	case EL_RATES:
	case EL_EXT_RATES: add_rates(b, body); break;
	case EL_DSSS:
	case EL_HT_OPERATION: set_channel(b, body); break;
	case EL_HT_CAPABILITIES: b->ht = true; break;
	case EL_VHT_CAPABILITIES: b->vht = true; break;
	case EL_RSN:
		if (!b->rsn.present)
			parse_rsn(body, OUI_IEEE, &b->rsn);
		break;
	case EL_VENDOR: vendor(b, body); break;
	case EL_EXTENSION: extension(b, body); break;
	default: break;
	}
}

void ieee80211_elements(const uint8_t *p, size_t n, uint16_t capability, struct ieee80211_bss *out)
{
	struct reader r = rd_of(p, n);
	struct ieee80211_bss b = { .capability = capability };
	while (rd_left(&r)) {
		uint8_t id = rd_u8(&r);
		struct reader body = rd_sub(&r, rd_u8(&r));
		if (rd_ok(&body))
			element(&b, id, body);
	}
	b.cut = !rd_ok(&r);
	*out = b;
}

/* Section 9.3.3.1: frame control, duration, three addresses, sequence control; then timestamp,
 * beacon interval and capability information (sections 9.3.3.2 and 9.3.3.10). */
int ieee80211_beacon(const uint8_t *p, size_t n, struct ieee80211_bss *out)
{
	enum { BEACON = 0x80, PROBE_RESPONSE = 0x50 };
	struct reader r = rd_of(p, n);
	struct ieee80211_bss b;
	uint8_t type = rd_u8(&r);
	if (!rd_ok(&r))
		return SP_E_TRUNCATED;
	if (type != BEACON && type != PROBE_RESPONSE)
		return SP_E_UNKNOWN;
	rd_skip(&r, 1 + 2 + 6 + 6);
	struct bytes bssid = rd_take(&r, 6);
	rd_skip(&r, 2 + 8 + 2);
	uint16_t capability = rd_le16(&r);
	if (!rd_ok(&r))
		return SP_E_TRUNCATED;
	struct bytes rest = rd_take(&r, rd_left(&r));
	ieee80211_elements(rest.p, rest.n, capability, &b);
	memcpy(b.bssid, bssid.p, sizeof(b.bssid));
	*out = b;
	return 0;
}

bool ieee80211_is_hidden(const struct ieee80211_bss *b)
{
	struct reader r = rd_of(b->ssid.p, b->ssid.n);
	while (rd_left(&r))
		if (rd_u8(&r))
			return false;
	return true;
}

static bool has(uint32_t bits, uint32_t any_of)
{
	return (bits & any_of) != 0;
}

/* By key management (section 9.4.2.24.3). Fast transition (FT) stands beside a plain suite that it
 * speeds up; alone it counts as OTHER, since few stations have it. */
static uint32_t ways_of_rsn(const struct ieee80211_rsn *rsn)
{
	static const uint32_t usual = IEEE80211_SUITE(IEEE80211_CIPHER_GROUP) |
				      IEEE80211_SUITE(IEEE80211_CIPHER_TKIP) |
				      IEEE80211_SUITE(IEEE80211_CIPHER_CCMP);
	static const struct {
		uint32_t akm;
		enum wifi_trait way;
		bool any_cipher;
	} rows[] = {
		{ IEEE80211_SUITE(IEEE80211_AKM_PSK), WIFI_WPA2, false },
		{ IEEE80211_SUITE(IEEE80211_AKM_8021X), WIFI_WPA2_EAP, false },
		{ IEEE80211_SUITE(IEEE80211_AKM_SAE) | IEEE80211_SUITE(IEEE80211_AKM_FT_SAE) |
		  IEEE80211_SUITE(IEEE80211_AKM_SAE_EXT), WIFI_WPA3, true },
		{ IEEE80211_SUITE(IEEE80211_AKM_8021X_SHA256) | IEEE80211_SUITE(IEEE80211_AKM_SUITE_B) |
		  IEEE80211_SUITE(IEEE80211_AKM_SUITE_B_192) |
		  IEEE80211_SUITE(IEEE80211_AKM_FT_8021X_SHA384), WIFI_WPA3_EAP, true },
		{ IEEE80211_SUITE(IEEE80211_AKM_OWE), WIFI_OWE, true },
	};
	uint32_t ways = 0;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]) && !rsn->malformed; i++)
		if (has(rsn->akm, rows[i].akm) && (rows[i].any_cipher || has(rsn->pairwise, usual)))
			ways |= WIFI_BIT(rows[i].way);
	return ways ? ways : WIFI_BIT(WIFI_OTHER);
}

static uint32_t ways_of_wpa(const struct ieee80211_rsn *wpa)
{
	uint32_t ways = 0;
	if (!wpa->malformed && has(wpa->akm, IEEE80211_SUITE(IEEE80211_AKM_PSK)))
		ways |= WIFI_BIT(WIFI_WPA);
	if (!wpa->malformed && has(wpa->akm, IEEE80211_SUITE(IEEE80211_AKM_8021X)))
		ways |= WIFI_BIT(WIFI_WPA_EAP);
	return ways ? ways : WIFI_BIT(WIFI_OTHER);
}

uint32_t ieee80211_traits(const struct ieee80211_bss *b)
{
	uint32_t traits = 0;
	if (b->rsn.present)
		traits |= ways_of_rsn(&b->rsn);
	if (b->wpa.present)
		traits |= ways_of_wpa(&b->wpa);
	if (!traits) /* section 9.4.1.4: privacy without either element is WEP */
		traits = WIFI_BIT(b->capability & IEEE80211_PRIVACY ? WIFI_WEP : WIFI_OPEN);
	if (b->rsn.pmf_required && (traits & ~(uint32_t)WIFI_WITH_PMF))
		traits |= WIFI_BIT(WIFI_PMF);
	if (b->he_only || b->eht_only)
		traits |= WIFI_BIT(WIFI_AX_ONLY);
	else if (b->vht_only)
		traits |= WIFI_BIT(WIFI_AC_ONLY);
	else if (b->ht_only)
		traits |= WIFI_BIT(WIFI_N_ONLY);
	return traits;
}

/*
 * Channel n lies 5n MHz above a start: 2407 (section 15.4.4.3; channel 14 is 2484), 5000 (section
 * 17.3.8.4.2) and 5950 MHz (IEEE 802.11ax-2021 section 27.3.23.2; channel 2 is 5935).
 */
static const struct plan {
	enum wifi_band band;
	uint32_t start;
	unsigned first, last;
} plans[] = {
	{ WIFI_BAND_24, 2407, 1, 13 },
	{ WIFI_BAND_5, 5000, 32, 177 },
	{ WIFI_BAND_6, 5950, 1, 233 },
};
static const struct {
	enum wifi_band band;
	uint32_t mhz;
	unsigned channel;
} odd[] = { { WIFI_BAND_24, 2484, 14 }, { WIFI_BAND_6, 5935, 2 } };
enum { STEP = 5, N_PLANS = sizeof(plans) / sizeof(plans[0]), N_ODD = sizeof(odd) / sizeof(odd[0]) };

static unsigned find(uint32_t mhz, enum wifi_band *band)
{
	for (unsigned i = 0; i < N_ODD; i++)
		if (odd[i].mhz == mhz) {
			*band = odd[i].band;
			return odd[i].channel;
		}
	for (unsigned i = 0; i < N_PLANS; i++) {
		const struct plan *p = &plans[i];
		uint32_t n = mhz > p->start ? (mhz - p->start) / STEP : 0;
		if (n < p->first || n > p->last || (mhz - p->start) % STEP)
			continue;
		*band = p->band;
		return n;
	}
	*band = WIFI_BAND_NONE;
	return 0;
}

enum wifi_band ieee80211_band(uint32_t mhz)
{
	enum wifi_band band;
	(void)find(mhz, &band);
	return band;
}

unsigned ieee80211_channel(uint32_t mhz)
{
	enum wifi_band band;
	return find(mhz, &band);
}

uint32_t ieee80211_mhz(enum wifi_band band, unsigned channel)
{
	for (unsigned i = 0; i < N_ODD; i++)
		if (odd[i].band == band && odd[i].channel == channel)
			return odd[i].mhz;
	for (unsigned i = 0; i < N_PLANS; i++)
		if (plans[i].band == band && channel >= plans[i].first && channel <= plans[i].last)
			return plans[i].start + STEP * channel;
	return 0;
}
