/* Wi-Fi facts as a JSON object and back: in run_start, and in the report. */
#include "journal_host.h"

#include <string.h>

#include "sallyport/run_json.h"
#include "sallyport/text.h"

enum { FREQ_MAX_MHZ = 100000, CHANNEL_MAX = 255, COUNT_MAX = 1000000, DBM_MIN = -200, DBM_MAX = 100 };

static json_t *trait_words(uint32_t traits)
{
	json_t *list = json_array();
	for (int i = 0; i < WIFI_TRAIT_COUNT; i++)
		if (traits & WIFI_BIT(i))
			json_array_append_new(list, json_string(wifi_trait_words[i]));
	return list;
}

static void put_number(json_t *j, const char *key, json_int_t v)
{
	json_object_set_new(j, key, v ? json_integer(v) : json_null());
}

static void put_band(json_t *j, enum wifi_band band)
{
	run_json_text(j, "band", band ? wifi_band_names[band] : NULL);
}

static json_t *offer_json(const struct wifi_offer *o)
{
	json_t *j = json_object();
	put_band(j, o->band);
	json_object_set_new(j, "asks", trait_words(o->traits));
	json_object_set_new(j, "access_points", json_integer(o->count));
	put_number(j, "signal_dbm", o->signal_dbm);
	json_object_set_new(j, "in_use", json_boolean(o->in_use));
	return j;
}

static json_t *heard_json(enum wifi_band band, const struct wifi_heard *h)
{
	json_t *j = json_object();
	put_band(j, band);
	json_object_set_new(j, "networks", json_integer(h->networks));
	json_object_set_new(j, "hidden", json_integer(h->hidden));
	json_object_set_new(j, "channels", json_integer(h->channels));
	return j;
}

json_t *run_json_wifi(const struct wifi_facts *w)
{
	json_t *j = json_object(), *offers = json_array(), *heard = json_array();
	run_json_text(j, "state", wifi_state_names[w->state]);
	run_json_text(j, "ssid", w->ssid[0] ? w->ssid : NULL);
	put_band(j, w->band);
	put_number(j, "channel", w->channel);
	put_number(j, "freq_mhz", w->freq_mhz);
	put_number(j, "signal_dbm", w->signal_dbm);
	for (size_t i = 0; i < w->n_offers; i++)
		json_array_append_new(offers, offer_json(&w->offers[i]));
	json_object_set_new(j, "offers", offers);
	for (int b = 0; b < WIFI_BAND_COUNT; b++)
		if (w->heard[b].channels)
			json_array_append_new(heard, heard_json((enum wifi_band)b, &w->heard[b]));
	json_object_set_new(j, "heard", heard);
	json_object_set_new(j, "cut", json_boolean(w->cut));
	return j;
}

/* null, or a member that is missing, is 0. */
static bool read_number(const json_t *j, const char *key, json_int_t min, json_int_t max, json_int_t *out)
{
	const json_t *v = json_object_get(j, key);
	*out = json_integer_value(v);
	return !v || json_is_null(v) || (json_is_integer(v) && *out >= min && *out <= max);
}

static bool read_count(const json_t *j, const char *key, json_int_t max, uint32_t *out)
{
	json_int_t v;
	bool ok = read_number(j, key, 0, max, &v);
	*out = ok ? (uint32_t)v : 0;
	return ok;
}

static bool read_signal(const json_t *j, int32_t *out)
{
	json_int_t v;
	bool ok = read_number(j, "signal_dbm", DBM_MIN, DBM_MAX, &v);
	*out = ok ? (int32_t)v : 0;
	return ok;
}

static bool read_band(const json_t *j, enum wifi_band *out)
{
	const json_t *v = json_object_get(j, "band");
	*out = json_is_string(v) ? wifi_band_by_name(json_string_value(v)) : WIFI_BAND_NONE;
	return !v || json_is_null(v) || *out;
}

static bool read_flag(const json_t *j, const char *key, bool *out)
{
	const json_t *v = json_object_get(j, key);
	*out = json_is_true(v);
	return !v || json_is_boolean(v);
}

static bool read_traits(const json_t *list, uint32_t *out)
{
	*out = 0;
	for (size_t i = 0; i < json_array_size(list); i++) {
		const char *word = json_string_value(json_array_get(list, i));
		int trait = word ? wifi_trait_by_word(word) : -1;
		if (trait < 0)
			return false;
		*out |= WIFI_BIT(trait);
	}
	return *out & WIFI_WAYS_MASK;
}

static bool read_offer(const json_t *j, struct wifi_facts *w)
{
	struct wifi_offer o = { 0 };
	if (!read_band(j, &o.band) || !read_traits(json_object_get(j, "asks"), &o.traits) ||
	    !read_count(j, "access_points", COUNT_MAX, &o.count) || !read_signal(j, &o.signal_dbm) ||
	    !read_flag(j, "in_use", &o.in_use) || w->n_offers == WIFI_MAX_OFFERS)
		return false;
	w->offers[w->n_offers++] = o;
	return true;
}

static bool read_heard(const json_t *j, struct wifi_facts *w)
{
	enum wifi_band band;
	if (!read_band(j, &band))
		return false;
	struct wifi_heard *h = &w->heard[band];
	return read_count(j, "networks", COUNT_MAX, &h->networks) &&
	       read_count(j, "hidden", COUNT_MAX, &h->hidden) &&
	       read_count(j, "channels", COUNT_MAX, &h->channels);
}

static bool read_each(const json_t *array, bool (*read)(const json_t *, struct wifi_facts *),
		      struct wifi_facts *w)
{
	for (size_t i = 0; i < json_array_size(array); i++)
		if (!read(json_array_get(array, i), w))
			return false;
	return !array || json_is_array(array);
}

static bool read_state(const json_t *v, enum wifi_state *out)
{
	for (int i = 0; json_is_string(v) && i < WIFI_STATE_COUNT; i++)
		if (strcmp(json_string_value(v), wifi_state_names[i]) == 0) {
			*out = (enum wifi_state)i;
			return true;
		}
	return false;
}

/* Escaped once more: what a file says is as hostile as what the air said. */
static bool read_ssid(const json_t *v, char *out)
{
	char text[WIFI_SSID_TEXT];
	if (json_is_string(v)) {
		text_printable(text, sizeof(text), wire_text_str(json_string_value(v)));
		text_copy(out, WIFI_SSID_TEXT, text);
	}
	return !v || json_is_null(v) || json_is_string(v);
}

bool wifi_from_json(const json_t *j, struct wifi_facts *out)
{
	struct wifi_facts w = { 0 };
	bool ok = read_state(json_object_get(j, "state"), &w.state) &&
		  read_ssid(json_object_get(j, "ssid"), w.ssid) && read_band(j, &w.band) &&
		  read_count(j, "channel", CHANNEL_MAX, &w.channel) &&
		  read_count(j, "freq_mhz", FREQ_MAX_MHZ, &w.freq_mhz) && read_signal(j, &w.signal_dbm) &&
		  read_each(json_object_get(j, "offers"), read_offer, &w) &&
		  read_each(json_object_get(j, "heard"), read_heard, &w) && read_flag(j, "cut", &w.cut);
	if (ok)
		*out = w;
	return ok;
}
