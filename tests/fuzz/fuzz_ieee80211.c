/* Beacons and bare elements: slices must lie inside the input, counts within their arrays. */
#include <stdint.h>
#include <stdlib.h>

#include "sallyport/wire/ieee80211.h"

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n);

static void check(const uint8_t *p, size_t n, const struct ieee80211_bss *b)
{
	if (b->ssid.n && (b->ssid.p < p || b->ssid.n > n || (size_t)(b->ssid.p - p) > n - b->ssid.n))
		abort();
	if (b->ssid.n > WIFI_SSID_MAX || b->n_rates > IEEE80211_MAX_RATES)
		abort();
	uint32_t traits = ieee80211_traits(b);
	if (!(traits & WIFI_WAYS_MASK) || traits >> WIFI_TRAIT_COUNT)
		abort();
	char text[WIFI_SSID_TEXT];
	wifi_ssid_text(text, b->ssid.p, b->ssid.n);
	for (const char *s = text; *s; s++)
		if (*s < 0x20 || *s > 0x7e || *s == '"')
			abort();
	if (!b->ssid.n && !ieee80211_is_hidden(b))
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	struct ieee80211_bss b;
	if (ieee80211_beacon(p, n, &b) == 0)
		check(p, n, &b);
	uint16_t capability = (uint16_t)(n ? p[0] << 4 : 0);
	ieee80211_elements(p, n, capability, &b);
	check(p, n, &b);
	return 0;
}
