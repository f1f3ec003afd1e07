#include "parts.h"

#include <string.h>

#include "sallyport/clock.h"
#include "sallyport/judge.h"
#include "sallyport/netinfo.h"
#include "sallyport/profile.h"

const struct verdict *parts_verdict(const struct run *r, const struct kind_verdict *k)
{
	for (size_t i = 0; k->because && i < r->n_verdicts; i++) {
		const struct verdict *v = &r->verdicts[i];
		bool about = !v->kinds || (v->kinds >> k->kind_index & 1);
		if (!v->hidden && about && strcmp(v->fault->slug, k->because) == 0)
			return v;
	}
	return NULL;
}

const struct verdict *parts_fault(const struct run *r, const char *slug)
{
	for (size_t i = 0; i < r->n_verdicts; i++)
		if (!r->verdicts[i].hidden && strcmp(r->verdicts[i].fault->slug, slug) == 0)
			return &r->verdicts[i];
	return NULL;
}

static bool same_answer(const struct kind_verdict *a, const struct kind_verdict *b)
{
	bool because = a->because && b->because ? strcmp(a->because, b->because) == 0
						: a->because == b->because;
	return a->state == b->state && a->counts == b->counts && because;
}

const char *parts_kind_group(struct doc *d, size_t i)
{
	const struct run *r = d->run;
	const char *names = "";
	for (size_t k = 0; k < r->n_kinds; k++) {
		if (!same_answer(&r->kinds[k], &r->kinds[i]))
			continue;
		if (k < i)
			return NULL;
		names = doc_join(d, names, r->profile->kinds[r->kinds[k].kind_index].title);
	}
	return names;
}

static const char *addresses(struct doc *d)
{
	const struct host_facts *h = d->run->host;
	char text[ADDR_STRLEN];
	const char *list = "";
	for (size_t i = 0; i < h->n_addrs; i++)
		if (addr_kind(&h->addrs[i].addr) != ADDR_LINK_LOCAL || h->n_addrs == 1)
			list = doc_join(d, list, doc_printf(d, "%s/%u", addr_format(&h->addrs[i].addr, text),
							    h->addrs[i].prefix));
	return *list ? list : "no address";
}

static const char *resolvers(struct doc *d)
{
	const struct host_facts *h = d->run->host;
	char text[ADDR_STRLEN];
	const char *list = "";
	for (size_t i = 0; i < h->n_resolvers; i++)
		list = doc_join(d, list, doc_printf(d, "%s", addr_format(&h->resolvers[i], text)));
	if (!*list)
		return "no resolver";
	return doc_printf(d, "resolver%s %s", h->n_resolvers > 1 ? "s" : "", list);
}

/* ", in a virtual machine (KVM)": what is outside of it, such as the real link, was not seen. */
static const char *environment(struct doc *d)
{
	static const struct {
		const char *word, *text;
	} words[] = { { "vm", "a virtual machine" }, { "container", "a container" }, { "wsl", "Windows" } };
	const struct host_facts *h = d->run->host;
	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		if (strcmp(h->environment, words[i].word) == 0)
			return doc_printf(d, ", in %s%s%s%s", words[i].text,
					  h->environment_name[0] ? " (" : "", h->environment_name,
					  h->environment_name[0] ? ")" : "");
	return "";
}

static const char *security(struct doc *d, const struct wifi_offer *o)
{
	const char *s = "";
	for (int i = 0; i < WIFI_WAYS; i++)
		if (o->traits & WIFI_BIT(i))
			s = doc_printf(d, "%s%s%s", s, *s ? "/" : "", wifi_trait_titles[i]);
	return s;
}

static const char *radio(struct doc *d)
{
	const struct wifi_facts *w = &d->run->host->wifi;
	const struct wifi_offer *o = wifi_offer_in_use(w);
	const char *s = "";
	if (w->state == WIFI_UNREAD)
		return ", its network not told by the kernel";
	if (w->ssid[0])
		s = doc_printf(d, ", SSID \"%s\"", d->options->redact ? "own-ssid" : w->ssid);
	if (w->band)
		s = doc_printf(d, "%s, %s GHz channel %u", s, wifi_band_names[w->band], w->channel);
	if (o)
		s = doc_printf(d, "%s, %s", s, security(d, o));
	return w->signal_dbm ? doc_printf(d, "%s, %d dBm", s, w->signal_dbm) : s;
}

static const char *own_mac(struct doc *d)
{
	static const struct mac none;
	const struct host_facts *h = d->run->host;
	char mac[MAC_STRLEN];
	if (memcmp(&h->mac, &none, sizeof(none)) == 0)
		return "";
	return doc_printf(d, ", MAC %s%s", mac_format(&h->mac, mac), h->mac_randomised ? " (randomised)" : "");
}

const char *parts_vantage(struct doc *d)
{
	const struct host_facts *h = d->run->host;
	const struct addr *gw = h->gateway4.family ? &h->gateway4 : &h->gateway6;
	char text[ADDR_STRLEN];
	if (!h->ifname[0])
		return "no network interface";
	return doc_printf(d, "%s (%s%s%s%s)%s, %s, %s%s, %s", h->ifname, h->medium,
			  h->virtual_ ? ", virtual" : "", environment(d), radio(d), own_mac(d), addresses(d),
			  gw->family ? "gateway " : "no gateway",
			  gw->family ? addr_format(gw, text) : "", resolvers(d));
}

static const char *client_address(struct doc *d)
{
	const struct host_facts *h = d->run->host;
	const struct as_client_facts *c = &h->as_client;
	struct addr own = host_source(h, 4);
	char text[ADDR_STRLEN], server[ADDR_STRLEN];
	if (!own.family)
		return strcmp(c->dhcp, "no-offer") == 0 ? "no address: nobody answered DHCP"
		       : strcmp(c->dhcp, "no-ack") == 0 ? "no address: DHCP offered one, then fell silent"
							: "no address: DHCP refused what it had offered";
	addr_format(&own, text);
	if (!c->dhcp[0])
		return doc_printf(d, "%s as given", text);
	return doc_printf(d, "%s by DHCP from %s", text, addr_format(&c->server, server));
}

const char *parts_client(struct doc *d)
{
	const struct host_facts *h = d->run->host;
	const struct as_client_facts *c = &h->as_client;
	char mac[MAC_STRLEN];
	if (!c->name[0])
		return NULL;
	return doc_printf(d, "Tested as a client of %s (own MAC %s, %s).", c->name,
			  mac_format(&h->mac, mac), client_address(d));
}

const char *parts_started(struct doc *d)
{
	char text[CLOCK_STRLEN];
	clock_format_utc(d->run->started_us, text);
	if (strlen(text) < 20)
		return "an unknown time";
	return doc_printf(d, "%.10s %.8s UTC", text, text + 11);
}

bool parts_is_partial(const struct run *r)
{
	for (size_t i = 0; i < r->n_checks; i++)
		if (!r->checks[i].chosen)
			return true;
	return false;
}
