/*
 * Could the devices' radios join the Wi-Fi network this host is on? W1, W2, W3, per kind of device,
 * from the scan results the kernel had: never more than likely, since a radio may have missed an
 * access point. A kind that has another way to the cloud by itself (cellular) is left alone.
 */
#include "faults.h"

#include <string.h>

#include "sallyport/wifi.h"

enum {
	/* Access points stand on 2.4 GHz channels 1, 6 and 11, which do not overlap: a radio that heard
	 * others on three channels has listened across the band, one that heard fewer may not have. */
	LISTENED_CHANNELS = 3,
};

enum join { JOIN_YES, JOIN_MAYBE, JOIN_UNKNOWN, JOIN_NO, JOIN_COUNT }; /* best first */
enum limit { LIMIT_NONE, LIMIT_BAND, LIMIT_SECURITY, LIMIT_MODE };

struct fit {
	enum join join;
	enum limit limit; /* what stands in the way */
};

static enum join worse(enum join a, enum join b)
{
	return a > b ? a : b;
}

static bool lists(const struct text_list *l, const char *word)
{
	for (size_t i = 0; i < l->n; i++)
		if (strcmp(l->v[i], word) == 0)
			return true;
	return false;
}

static enum join join_trait(const struct profile_kind *k, int trait)
{
	if (k->wifi_yes & WIFI_BIT(trait))
		return JOIN_YES;
	if (k->wifi_maybe & WIFI_BIT(trait))
		return JOIN_MAYBE;
	return k->wifi_no & WIFI_BIT(trait) ? JOIN_NO : JOIN_UNKNOWN;
}

/* The best of the ways. */
static enum join join_security(const struct profile_kind *k, uint32_t traits)
{
	enum join best = JOIN_NO;
	for (int i = 0; i < WIFI_WAYS; i++) {
		if (!(traits & WIFI_BIT(i)))
			continue;
		enum join j = join_trait(k, i);
		if ((traits & WIFI_BIT(WIFI_PMF)) && !(WIFI_WITH_PMF & WIFI_BIT(i)))
			j = worse(j, join_trait(k, WIFI_PMF));
		best = j < best ? j : best;
	}
	return best;
}

static enum join join_mode(const struct profile_kind *k, uint32_t traits)
{
	enum join j = JOIN_YES;
	for (int i = WIFI_N_ONLY; i <= WIFI_AX_ONLY; i++)
		if (traits & WIFI_BIT(i))
			j = worse(j, join_trait(k, i));
	return j;
}

static unsigned bands_of(const struct profile_kind *k)
{
	unsigned bands = 0;
	for (size_t i = 0; i < k->radios.n; i++)
		bands |= 1U << wifi_band_by_name(k->radios.v[i]);
	return bands;
}

/* This network was heard on none of the kind's bands: was it looked for there? */
static struct fit fit_band(const struct wifi_facts *w, unsigned bands)
{
	uint32_t channels = 0, hidden = 0;
	for (unsigned b = WIFI_BAND_24; b < WIFI_BAND_COUNT; b++) {
		channels += bands >> b & 1 ? w->heard[b].channels : 0;
		hidden += bands >> b & 1 ? w->heard[b].hidden : 0;
	}
	if (!channels)
		return (struct fit){ JOIN_YES, LIMIT_NONE }; /* nobody listened: not_tested says so */
	bool sure = channels >= LISTENED_CHANNELS && !hidden && !w->cut;
	return (struct fit){ sure ? JOIN_NO : JOIN_UNKNOWN, LIMIT_BAND };
}

/* The easiest of the access points on these bands; none: false. */
static bool fit_offers(const struct profile_kind *k, const struct wifi_facts *w, unsigned bands,
		       bool mode_counts, struct fit *out)
{
	bool any = false;
	for (size_t i = 0; i < w->n_offers; i++) {
		const struct wifi_offer *o = &w->offers[i];
		if (!(bands >> o->band & 1))
			continue;
		enum join security = join_security(k, o->traits);
		enum join mode = mode_counts ? join_mode(k, o->traits) : JOIN_YES;
		struct fit f = { worse(security, mode), mode > security ? LIMIT_MODE : LIMIT_SECURITY };
		if (!any || f.join < out->join)
			*out = f;
		any = true;
	}
	return any;
}

static struct fit fit_kind(const struct profile_kind *k, const struct wifi_facts *w)
{
	/* WPA2 is forbidden on 6 GHz, so what stands there says nothing about the other bands. */
	static const unsigned lower = 1U << WIFI_BAND_24 | 1U << WIFI_BAND_5;
	const struct fit fits = { JOIN_YES, LIMIT_NONE };
	struct fit f = fits;
	if (w->state != WIFI_READ || !lists(&k->interfaces, "wifi") || lists(&k->interfaces, "cellular"))
		return fits;
	unsigned bands = k->radios.n ? bands_of(k) : ~0U;
	if (w->n_offers && !fit_offers(k, w, bands, true, &f)) {
		f = fit_band(w, bands);
		if (f.limit == LIMIT_NONE) /* its keys are most likely the same on every band */
			fit_offers(k, w, lower, false, &f);
	}
	bool knows = k->wifi_yes | k->wifi_maybe | k->wifi_no;
	return knows || f.limit == LIMIT_BAND ? f : fits;
}

/* ---- sentences ---- */
static const char *join_words(struct judge_view *v, const char *list, const char *between,
			      const char *word)
{
	return *list ? view_say(v, "%s%s%s", list, between, word) : word;
}

static const char *ways_text(struct judge_view *v, uint32_t traits)
{
	const char *s = "";
	for (int i = 0; i < WIFI_WAYS; i++)
		if (traits & WIFI_BIT(i))
			s = join_words(v, s, "/", wifi_trait_titles[i]);
	return traits & WIFI_BIT(WIFI_PMF) ? view_say(v, "%s, %s required", s, wifi_trait_titles[WIFI_PMF]) : s;
}

static const char *modes_text(struct judge_view *v, uint32_t traits)
{
	const char *s = "";
	for (int i = WIFI_N_ONLY; i <= WIFI_AX_ONLY; i++)
		if (traits & WIFI_BIT(i))
			s = join_words(v, s, "/", wifi_trait_titles[i]);
	return s;
}

static const char *bands_text(struct judge_view *v, const struct wifi_facts *w)
{
	const char *s = "";
	for (unsigned b = WIFI_BAND_24; b < WIFI_BAND_COUNT; b++)
		for (size_t i = 0; i < w->n_offers; i++)
			if (w->offers[i].band == b) {
				s = join_words(v, s, " and ", wifi_band_names[b]);
				break;
			}
	return view_say(v, "%s GHz", s);
}

/* "2 access points on 5 GHz (WPA2), 1 on 6 GHz (WPA3)" */
static const char *offers_text(struct judge_view *v, const struct wifi_facts *w)
{
	const char *s = "";
	for (size_t i = 0; i < w->n_offers; i++) {
		const struct wifi_offer *o = &w->offers[i];
		const char *modes = modes_text(v, o->traits);
		s = join_words(v, s, ", ",
			       view_say(v, "%u%s on %s GHz (%s%s%s%s)", o->count,
					i ? "" : o->count == 1 ? " access point" : " access points",
					wifi_band_names[o->band], ways_text(v, o->traits), *modes ? ", " : "",
					modes, *modes ? " required" : ""));
	}
	return view_say(v, "this network has %s%s", s, w->cut ? ", and more that were not counted" : "");
}

static const char *heard_text(struct judge_view *v, const struct wifi_facts *w)
{
	const char *s = "";
	for (unsigned b = WIFI_BAND_24; b < WIFI_BAND_COUNT; b++) {
		const struct wifi_heard *h = &w->heard[b];
		if (h->networks)
			s = view_say(v, "%s; the radio heard %u of other networks%s on %s GHz, on %u channel%s", s,
				     h->networks, h->hidden ? view_say(v, " (%u without a name)", h->hidden) : "",
				     wifi_band_names[b], h->channels, h->channels == 1 ? "" : "s");
	}
	return s;
}

/* Those that count, or all of them when none does; as in every other sentence about kinds. */
static const char *kinds_text(struct judge_view *v, uint64_t kinds)
{
	const struct profile *p = v->run->profile;
	const char *s = "";
	for (int counting = 1; counting >= 0 && !*s; counting--)
		for (size_t k = 0; k < p->n_kinds; k++)
			if ((kinds & KIND_BIT(k)) && plan_kind_counts(v->run, (int)k) == counting)
				s = join_words(v, s, ", ", p->kinds[k].title);
	return s;
}

static uint32_t wanted_by_all(const struct judge_view *v, uint64_t kinds, unsigned *bands)
{
	uint32_t traits = WIFI_WAYS_MASK;
	*bands = ~0U;
	for (size_t k = 0; k < v->run->profile->n_kinds; k++)
		if (kinds & KIND_BIT(k)) {
			traits &= v->run->profile->kinds[k].wifi_yes;
			*bands &= bands_of(&v->run->profile->kinds[k]);
		}
	return traits;
}

static const char *first_band(unsigned bands)
{
	for (unsigned b = WIFI_BAND_24; b < WIFI_BAND_COUNT; b++)
		if (bands >> b & 1)
			return wifi_band_names[b];
	return NULL;
}

/* What there is to say about one answer. */
struct finding {
	enum limit limit;
	enum join join;
	uint64_t kinds;
	const char *names; /* of the kinds */
	uint32_t asks;     /* what the access points ask, put together */
};

/* What the network would have to offer besides, for the kinds that cannot join it now. */
static const char *change_text(struct judge_view *v, const struct finding *x)
{
	unsigned bands;
	uint32_t ways = wanted_by_all(v, x->kinds, &bands);
	if (x->limit == LIMIT_MODE)
		return view_say(v, "do not require %s of the stations of the devices' network",
				modes_text(v, x->asks));
	if (x->limit == LIMIT_BAND)
		return first_band(bands) ? view_say(v, "offer the devices' network on %s GHz too",
						    first_band(bands)) :
					   "offer the devices' network on a band that they have";
	if ((x->asks & ways) && (x->asks & WIFI_BIT(WIFI_PMF)))
		return view_say(v, "make %s optional on the devices' network", wifi_trait_titles[WIFI_PMF]);
	if (ways & WIFI_BIT(WIFI_WPA2))
		ways = WIFI_BIT(WIFI_WPA2); /* the best that all of them have */
	return ways ? view_say(v, "offer %s with a pre-shared key, here or on a network of the devices' own",
			       ways_text(v, ways)) :
		      "give the devices a network of their own that they can join";
}

static const char *note_text(struct judge_view *v, uint64_t kinds)
{
	const struct profile *p = v->run->profile;
	const char *s = "";
	for (size_t k = 0; k < p->n_kinds; k++)
		if ((kinds & KIND_BIT(k)) && p->kinds[k].wifi_note && !strstr(s, p->kinds[k].wifi_note))
			s = view_say(v, "%s %s.", s, p->kinds[k].wifi_note);
	return s;
}

/* Enterprise networks hang on the server behind them: which methods and TLS versions it must take. */
static const char *eap_text(struct judge_view *v, uint64_t kinds)
{
	const struct profile *p = v->run->profile;
	for (size_t k = 0; k < p->n_kinds; k++) {
		const struct profile_kind *kind = &p->kinds[k];
		const char *eap = "", *tls = "";
		if (!(kinds & KIND_BIT(k)) || !kind->wifi_eap.n || !kind->wifi_eap_tls.n)
			continue;
		for (size_t i = 0; i < kind->wifi_eap.n; i++)
			eap = join_words(v, eap, " or ", kind->wifi_eap.v[i]);
		for (size_t i = 0; i < kind->wifi_eap_tls.n; i++)
			tls = join_words(v, tls, " or ", kind->wifi_eap_tls.v[i]);
		return view_say(v, " Its RADIUS server must take EAP %s over TLS %s.", eap, tls);
	}
	return "";
}

static const char *impact_text(struct judge_view *v, const struct finding *x)
{
	static const char *const verbs[JOIN_COUNT] = {
		[JOIN_MAYBE] = "join this Wi-Fi network only with some firmware or set-up",
		[JOIN_UNKNOWN] = "may not be able to join this Wi-Fi network",
		[JOIN_NO] = "cannot join this Wi-Fi network",
	};
	static const uint32_t eap = WIFI_BIT(WIFI_WPA_EAP) | WIFI_BIT(WIFI_WPA2_EAP);
	const struct profile *p = v->run->profile;
	bool wired = false;
	for (size_t k = 0; k < p->n_kinds; k++)
		wired |= (x->kinds & KIND_BIT(k)) && lists(&p->kinds[k].interfaces, "ethernet");
	return view_say(v, "%s %s%s.%s%s", x->names, verbs[x->join],
			wired ? "; by Ethernet they are not concerned" : "",
			x->join == JOIN_MAYBE ? note_text(v, x->kinds) : "",
			x->join == JOIN_MAYBE && (x->asks & eap) ? eap_text(v, x->kinds) : "");
}

static const char *summary_text(struct judge_view *v, const struct finding *x)
{
	static const char *const verbs[JOIN_COUNT] = { [JOIN_MAYBE] = "May fail to join",
						       [JOIN_UNKNOWN] = "Perhaps cannot join",
						       [JOIN_NO] = "Cannot join" };
	const char *why = x->limit == LIMIT_BAND ?
				  view_say(v, "was heard on %s only", bands_text(v, &v->run->host->wifi)) :
			  x->limit == LIMIT_MODE ? view_say(v, "requires %s", modes_text(v, x->asks)) :
						   view_say(v, "takes %s", ways_text(v, x->asks));
	return view_say(v, "%s this Wi-Fi network: it %s", verbs[x->join], why);
}

static void say(struct judge_view *v, const struct fault *f, const struct finding *x)
{
	const struct wifi_facts *w = &v->run->host->wifi;
	bool band = x->limit == LIMIT_BAND, told = x->join != JOIN_UNKNOWN;
	struct draft *d = view_verdict(v, f, told ? CONF_LIKELY : CONF_UNDETERMINED, 0);
	d->v.kinds = x->kinds;
	d->v.effect = x->join == JOIN_NO ? EFFECT_BLOCKS : EFFECT_FRAGILE;
	d->v.scope = "devices";
	d->v.subject = view_say(v, "Wi-Fi: %s", x->names);
	d->v.summary = summary_text(v, x);
	d->v.impact = impact_text(v, x);
	d->v.seen = view_say(v, "%s%s", offers_text(v, w), band ? heard_text(v, w) : "");
	d->v.who = "the access points say so in their beacons, as far as this host's radio heard them";
	d->v.remedy = change_text(v, x);
	d->v.confirm = view_confirm(v, "link");
	d->v.decide = band ? "a fresh scan beside the devices, or the settings of the access points" :
			     "one such device beside this host, or the settings of the access points";
	d->v.ask = told ? view_say(v, "Please %s.", d->v.remedy) : NULL;
	draft_cite_pick(v, d, &(struct pick){ .check = "link" });
}

/* All ways that any of them takes, but the protection only where each of them demands it. */
static uint32_t asks_of(const struct wifi_facts *w)
{
	uint32_t any = 0, all = UINT32_MAX;
	for (size_t i = 0; i < w->n_offers; i++) {
		any |= w->offers[i].traits;
		all &= w->offers[i].traits;
	}
	return any & (all | ~WIFI_BIT(WIFI_PMF));
}

/* One verdict for each answer, about all the kinds that share it. */
static void judge_limit(struct judge_view *v, const struct fault *f, enum limit limit)
{
	const struct profile *p = v->run->profile;
	const struct wifi_facts *w = &v->run->host->wifi;
	uint64_t kinds[JOIN_COUNT] = { 0 };
	for (size_t k = 0; k < p->n_kinds; k++) {
		struct fit fit = fit_kind(&p->kinds[k], w);
		if (fit.limit == limit)
			kinds[fit.join] |= KIND_BIT(k);
	}
	for (enum join j = JOIN_MAYBE; j < JOIN_COUNT; j++)
		if (kinds[j])
			say(v, f, &(struct finding){ limit, j, kinds[j], kinds_text(v, kinds[j]), asks_of(w) });
}

static void wifi_band(struct judge_view *v, const struct fault *f)
{
	judge_limit(v, f, LIMIT_BAND);
}

static void wifi_security(struct judge_view *v, const struct fault *f)
{
	judge_limit(v, f, LIMIT_SECURITY);
}

static void wifi_mode(struct judge_view *v, const struct fault *f)
{
	judge_limit(v, f, LIMIT_MODE);
}

const struct fault fault_wifi_band = {
	"wifi-band", "W1", "wifi", "Wi-Fi on another band", wifi_band, NULL,
	"The Wi-Fi network this host is on was heard on bands only that a kind of device has no radio for.",
	"Every access point of this network in the kernel's scan results is on such a band, while the "
	"same radio heard others on at least three channels of the device's band, all with a name.",
	"Old scan results that hold nothing but the access point in use; a hidden network that may be "
	"this one; an access point too far from this host, but near the device.",
	"Offer the network on 2.4 GHz too.",
};

const struct fault fault_wifi_security = {
	"wifi-security", "W2", "wifi", "Wi-Fi security", wifi_security, NULL,
	"The Wi-Fi network this host is on takes no key management that a kind of device has: WPA3 alone, "
	"802.1X, protected management frames, WEP.",
	"RSN and WPA elements of all its access points on the device's bands, and the profile's facts "
	"about the device. Where the profile knows nothing, the verdict is undetermined.",
	"WPA2/WPA3 mixed, which WPA2 devices join; another access point of the network that was not "
	"heard and takes more.",
	"WPA2 with a pre-shared key, or a network of the devices' own.",
};

const struct fault fault_wifi_mode = {
	"wifi-mode", "W3", "wifi", "Wi-Fi generation required", wifi_mode, NULL,
	"The Wi-Fi network this host is on admits only stations of 802.11n, ac or ax, and a kind of device "
	"is older.",
	"BSS membership selectors among the rates of all its access points on the device's bands.",
	"Access points that have 802.11n but do not require it.",
	"Admit 802.11b/g/n on 2.4 GHz.",
};
