#include "sallyport/wifi.h"

#include <stdio.h>
#include <string.h>

const char *const wifi_band_names[WIFI_BAND_COUNT] = {
	[WIFI_BAND_NONE] = "", [WIFI_BAND_24] = "2.4", [WIFI_BAND_5] = "5", [WIFI_BAND_6] = "6",
};

const char *const wifi_state_names[WIFI_STATE_COUNT] = {
	[WIFI_NONE] = "none", [WIFI_READ] = "read", [WIFI_UNREAD] = "unread",
};

const char *const wifi_trait_words[WIFI_TRAIT_COUNT] = {
#define X(id, word, title) word,
	WIFI_TRAITS(X)
#undef X
};

const char *const wifi_trait_titles[WIFI_TRAIT_COUNT] = {
#define X(id, word, title) title,
	WIFI_TRAITS(X)
#undef X
};

enum wifi_band wifi_band_by_name(const char *name)
{
	for (int i = WIFI_BAND_24; i < WIFI_BAND_COUNT; i++)
		if (strcmp(wifi_band_names[i], name) == 0)
			return (enum wifi_band)i;
	return WIFI_BAND_NONE;
}

int wifi_trait_by_word(const char *word)
{
	for (int i = 0; i < WIFI_TRAIT_COUNT; i++)
		if (strcmp(wifi_trait_words[i], word) == 0)
			return i;
	return -1;
}

void wifi_ssid_text(char out[WIFI_SSID_TEXT], const uint8_t *p, size_t n)
{
	size_t at = 0;
	for (size_t i = 0; i < n && i < WIFI_SSID_MAX; i++) {
		bool plain = p[i] >= 0x20 && p[i] < 0x7f && p[i] != '"' && p[i] != '\\';
		int len = snprintf(out + at, WIFI_SSID_TEXT - at, plain ? "%c" : "\\x%02x", p[i]);
		at += (size_t)len;
	}
	out[at] = '\0';
}

const struct wifi_offer *wifi_offer_in_use(const struct wifi_facts *w)
{
	for (size_t i = 0; i < w->n_offers; i++)
		if (w->offers[i].in_use)
			return &w->offers[i];
	return NULL;
}

static bool is_stronger(int32_t a, int32_t b)
{
	return a && (!b || a > b);
}

bool wifi_add_offer(struct wifi_facts *w, const struct wifi_offer *like)
{
	for (size_t i = 0; i < w->n_offers; i++) {
		struct wifi_offer *o = &w->offers[i];
		if (o->band != like->band || o->traits != like->traits)
			continue;
		o->count += like->count;
		o->in_use |= like->in_use;
		if (is_stronger(like->signal_dbm, o->signal_dbm))
			o->signal_dbm = like->signal_dbm;
		return true;
	}
	if (w->n_offers == WIFI_MAX_OFFERS)
		return false;
	w->offers[w->n_offers++] = *like;
	return true;
}
