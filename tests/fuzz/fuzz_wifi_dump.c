/* nl80211 replies: any bytes give facts within their limits, or none. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "sallyport/netinfo_wifi.h"

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n);

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	struct wifi_facts w;
	void *aligned = malloc(n ? n : 1);
	if (n)
		memcpy(aligned, p, n);
	int e = wifi_from_dump(aligned, n, 7, &w);
	free(aligned);
	if (e)
		return 0;
	if (w.state != WIFI_READ || w.n_offers > WIFI_MAX_OFFERS || strlen(w.ssid) >= WIFI_SSID_TEXT)
		abort();
	for (size_t i = 0; i < w.n_offers; i++)
		if (!(w.offers[i].traits & WIFI_WAYS_MASK) || !w.offers[i].count)
			abort();
	for (const char *s = w.ssid; *s; s++)
		if (*s < 0x20 || *s > 0x7e)
			abort();
	for (unsigned b = 0; b < WIFI_BAND_COUNT; b++)
		if (w.heard[b].hidden > w.heard[b].networks || w.heard[b].channels > 256)
			abort();
	return 0;
}
