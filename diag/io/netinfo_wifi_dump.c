/* nl80211 replies to Wi-Fi facts: attributes as in linux/nl80211.h, elements by ieee80211.c. */
#include "sallyport/netinfo_wifi.h"

#include <limits.h>
#include <string.h>

#include <linux/nl80211.h>
#include <netlink/attr.h>
#include <netlink/genl/genl.h>
#include <netlink/msg.h>

#include "sallyport/wire/ieee80211.h"

enum { MAX_CHANNEL = 255, MBM_PER_DBM = 100 };

struct dump {
	unsigned ifindex;
	struct wifi_facts facts;
	bool found;    /* a reply about the interface was there */
	bool has_ssid;
	uint8_t ssid[WIFI_SSID_MAX];
	size_t ssid_len;
	uint8_t channels[WIFI_BAND_COUNT][MAX_CHANNEL / 8 + 1]; /* heard: one bit each */
};

struct bss { /* one scan result */
	struct ieee80211_bss elements;
	uint32_t freq_mhz;
	int32_t signal_dbm;
	bool in_use, readable;
};

static struct nla_policy policy[NL80211_ATTR_MAX + 1] = {
	[NL80211_ATTR_IFINDEX] = { .type = NLA_U32 },
	[NL80211_ATTR_WIPHY_FREQ] = { .type = NLA_U32 },
	[NL80211_ATTR_STA_INFO] = { .type = NLA_NESTED },
	[NL80211_ATTR_BSS] = { .type = NLA_NESTED },
};
static struct nla_policy sta_policy[NL80211_STA_INFO_MAX + 1] = {
	[NL80211_STA_INFO_SIGNAL] = { .type = NLA_U8 },
};
static struct nla_policy bss_policy[NL80211_BSS_MAX + 1] = {
	[NL80211_BSS_FREQUENCY] = { .type = NLA_U32 },
	[NL80211_BSS_CAPABILITY] = { .type = NLA_U16 },
	[NL80211_BSS_SIGNAL_MBM] = { .type = NLA_U32 },
	[NL80211_BSS_STATUS] = { .type = NLA_U32 },
};

static void set_ssid(struct dump *d, const uint8_t *p, size_t n)
{
	d->has_ssid = n > 0 && n <= WIFI_SSID_MAX;
	d->ssid_len = d->has_ssid ? n : 0;
	if (d->has_ssid)
		memcpy(d->ssid, p, n);
}

static void set_frequency(struct wifi_facts *w, uint32_t mhz)
{
	w->freq_mhz = mhz;
	w->band = ieee80211_band(mhz);
	w->channel = ieee80211_channel(mhz);
}

static void on_interface(struct dump *d, struct nlattr **a)
{
	d->found = true;
	if (a[NL80211_ATTR_SSID])
		set_ssid(d, nla_data(a[NL80211_ATTR_SSID]), (size_t)nla_len(a[NL80211_ATTR_SSID]));
	if (a[NL80211_ATTR_WIPHY_FREQ])
		set_frequency(&d->facts, nla_get_u32(a[NL80211_ATTR_WIPHY_FREQ]));
}

/* The station a client knows is its access point; the value is a signed octet in dBm. */
static void on_station(struct dump *d, struct nlattr **a)
{
	struct nlattr *s[NL80211_STA_INFO_MAX + 1];
	if (a[NL80211_ATTR_STA_INFO] &&
	    nla_parse_nested(s, NL80211_STA_INFO_MAX, a[NL80211_ATTR_STA_INFO], sta_policy) == 0 &&
	    s[NL80211_STA_INFO_SIGNAL])
		d->facts.signal_dbm = (int8_t)nla_get_u8(s[NL80211_STA_INFO_SIGNAL]);
}

static bool read_bss(struct nlattr **a, struct bss *out)
{
	struct nlattr *b[NL80211_BSS_MAX + 1];
	struct bss bss = { 0 };
	if (!a[NL80211_ATTR_BSS] ||
	    nla_parse_nested(b, NL80211_BSS_MAX, a[NL80211_ATTR_BSS], bss_policy) < 0 ||
	    !b[NL80211_BSS_FREQUENCY])
		return false;
	struct nlattr *ies = b[NL80211_BSS_INFORMATION_ELEMENTS] ? b[NL80211_BSS_INFORMATION_ELEMENTS]
								 : b[NL80211_BSS_BEACON_IES];
	uint16_t capability = b[NL80211_BSS_CAPABILITY] ? nla_get_u16(b[NL80211_BSS_CAPABILITY]) : 0;
	bss.readable = ies && b[NL80211_BSS_CAPABILITY];
	if (ies)
		ieee80211_elements(nla_data(ies), (size_t)nla_len(ies), capability, &bss.elements);
	bss.freq_mhz = nla_get_u32(b[NL80211_BSS_FREQUENCY]);
	if (b[NL80211_BSS_SIGNAL_MBM])
		bss.signal_dbm = (int32_t)nla_get_u32(b[NL80211_BSS_SIGNAL_MBM]) / MBM_PER_DBM;
	uint32_t status = b[NL80211_BSS_STATUS] ? nla_get_u32(b[NL80211_BSS_STATUS]) : UINT32_MAX;
	bss.in_use = status == NL80211_BSS_STATUS_ASSOCIATED || status == NL80211_BSS_STATUS_IBSS_JOINED;
	*out = bss;
	return true;
}

/* What GET_INTERFACE leaves out (older kernels, several links at once), the BSS in use tells. */
static void on_bss_in_use(struct dump *d, struct nlattr **a)
{
	struct bss b;
	if (!read_bss(a, &b) || !b.in_use)
		return;
	if (!d->has_ssid && !ieee80211_is_hidden(&b.elements))
		set_ssid(d, b.elements.ssid.p, b.elements.ssid.n);
	if (!d->facts.freq_mhz)
		set_frequency(&d->facts, b.freq_mhz);
	if (!d->facts.signal_dbm)
		d->facts.signal_dbm = b.signal_dbm;
}

static void hear(struct dump *d, enum wifi_band band, unsigned channel)
{
	uint8_t *byte = &d->channels[band][channel / 8], bit = (uint8_t)(1U << channel % 8);
	if (!(*byte & bit))
		d->facts.heard[band].channels++;
	*byte |= bit;
}

static void on_bss(struct dump *d, struct nlattr **a)
{
	struct bss b;
	if (!read_bss(a, &b))
		return;
	enum wifi_band band = ieee80211_band(b.freq_mhz);
	const struct bytes *ssid = &b.elements.ssid;
	bool ours = b.in_use || (d->has_ssid && ssid->n == d->ssid_len &&
				 memcmp(ssid->p, d->ssid, d->ssid_len) == 0);
	hear(d, band, ieee80211_channel(b.freq_mhz));
	if (ours && b.readable) {
		struct wifi_offer o = { .band = band, .traits = ieee80211_traits(&b.elements), .count = 1,
					.signal_dbm = b.signal_dbm, .in_use = b.in_use };
		d->facts.cut |= !wifi_add_offer(&d->facts, &o);
	} else if (!ours) {
		d->facts.heard[band].networks++;
		d->facts.heard[band].hidden += ieee80211_is_hidden(&b.elements);
	}
}

static void on_message(struct dump *d, struct nlmsghdr *nlh, bool second_pass)
{
	struct nlattr *a[NL80211_ATTR_MAX + 1];
	if (nlh->nlmsg_type < NLMSG_MIN_TYPE || !genlmsg_valid_hdr(nlh, 0))
		return;
	struct genlmsghdr *g = genlmsg_hdr(nlh);
	if (nla_parse(a, NL80211_ATTR_MAX, genlmsg_attrdata(g, 0), genlmsg_attrlen(g, 0), policy) < 0 ||
	    !a[NL80211_ATTR_IFINDEX] || nla_get_u32(a[NL80211_ATTR_IFINDEX]) != d->ifindex)
		return;
	if (g->cmd == NL80211_CMD_NEW_INTERFACE && !second_pass)
		on_interface(d, a);
	else if (g->cmd == NL80211_CMD_NEW_STATION && !second_pass)
		on_station(d, a);
	else if (g->cmd == NL80211_CMD_NEW_SCAN_RESULTS)
		(second_pass ? on_bss : on_bss_in_use)(d, a);
}

int wifi_from_dump(const void *p, size_t n, unsigned ifindex, struct wifi_facts *out)
{
	struct dump d = { .ifindex = ifindex };
	for (int pass = 0; pass < 2; pass++) {
		/* libnl's walkers take what they never change as not const */
		struct nlmsghdr *nlh = (struct nlmsghdr *)(uintptr_t)p;
		int left = n > INT_MAX ? INT_MAX : (int)n;
		for (; nlmsg_ok(nlh, left); nlh = nlmsg_next(nlh, &left))
			on_message(&d, nlh, pass);
	}
	if (!d.found)
		return SP_E_MISSING;
	d.facts.state = WIFI_READ;
	wifi_ssid_text(d.facts.ssid, d.ssid, d.ssid_len);
	*out = d.facts;
	return 0;
}
