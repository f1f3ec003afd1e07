/* Whom this run spoke to, and what a run from this host cannot show. */
#include "view.h"

#include <string.h>

#include "sallyport/nat.h"

/* What every run from a host says it has not seen (design section 8, vantage). */
static const struct not_tested always[] = {
	{ "another MAC address, VLAN or SSID", "rules may differ for the devices' own" },
	{ "joining the Wi-Fi, 802.1X", "this host is already on the network" },
};
enum {
	ALWAYS = sizeof(always) / sizeof(always[0]),
	SOMETIMES = 10, /* what only some runs have to say */
	MAX_CONTACTS = 512, /* a run sends at most 500 packets (design section 9) */
};

static struct contact *find(struct run *r, const char *address, const char *proto, uint16_t port)
{
	for (size_t i = 0; i < r->n_contacted; i++) {
		struct contact *c = &r->contacted[i];
		if (c->port == port && !strcmp(c->address, address) && !strcmp(c->proto, proto))
			return c;
	}
	return NULL;
}

static bool is_dns(const struct observation *o)
{
	return strncmp(o->check, "dns.", 4) == 0 || strcmp(o->check, "names") == 0;
}

static void describe(struct judge_view *v, const struct observation *o, struct contact *c)
{
	const struct check *k = run_check(v->run, o->check, o->target);
	const struct profile_target *t = k && k->target_index >= 0 && !is_dns(o) ?
						 view_target(v, (size_t)k->target_index) : NULL;
	const char *operator = obs_get_text(o, A_OPERATOR, NULL);
	bool local = !is_dns(o) || dns_is_host_resolver(v, c->address);
	c->name = t ? view_target_name(v, (size_t)k->target_index) : "";
	c->operator = operator ? operator : t ? t->operator : local ? "this network" : "an outside resolver";
	c->why = t ? t->why : is_dns(o) ? "DNS" : "the link itself";
	if (obs_role(o) != ROLE_OWN)
		c->name = obs_get_text(o, A_NAME, c->name);
}

/* The last row stands for all that find no row of their own: only a made-up file needs it. */
static struct contact *row_of(struct judge_view *v, const struct observation *o)
{
	static const struct contact rest = { .name = "", .address = "-", .proto = "",
					     .operator = "others", .why = "more than a run can contact" };
	const char *address = obs_get_text(o, A_ADDRESS, ""), *proto = obs_get_text(o, A_PROTO, "");
	uint16_t port = (uint16_t)obs_get_int(o, A_PORT, 0);
	struct run *r = v->run;
	struct contact *c = find(r, address, proto, port);
	if (c || r->n_contacted == MAX_CONTACTS)
		return c ? c : &r->contacted[MAX_CONTACTS - 1];
	c = &r->contacted[r->n_contacted++];
	*c = (struct contact){ .address = address, .proto = proto, .port = port };
	if (r->n_contacted == MAX_CONTACTS)
		*c = rest;
	else
		describe(v, o, c);
	return c;
}

static void contacted(struct judge_view *v)
{
	struct run *r = v->run;
	r->n_contacted = 0;
	r->contacted = arena_alloc(r->arena, MAX_CONTACTS * sizeof(*r->contacted));
	for (size_t i = 0; i < v->n_obs; i++) {
		const struct observation *o = v->obs[i];
		if (!obs_has(o, A_ADDRESS) || !obs_has(o, A_PACKETS) || o->outcome == OUTCOME_DENIED_LOCALLY)
			continue; /* the last never left this host */
		struct contact *c = row_of(v, o);
		c->packets += (uint64_t)obs_get_int(o, A_PACKETS, 0);
		c->bytes += (uint64_t)obs_get_int(o, A_BYTES, 0);
	}
}

static void add(struct run *r, const char *what, const char *why)
{
	r->not_tested[r->n_not_tested++] = (struct not_tested){ what, why };
}

static void controls(struct judge_view *v)
{
	struct run *r = v->run;
	if (r->settings->controls)
		return;
	if (r->profile->n_same_port)
		add(r, "other operators on the same port, as a control", "only with --controls");
	if (r->profile->never.n)
		add(r, "an address that must never answer, as a control", "only with --controls");
}

/* A client of our own gets its address as a device does, but speaks IPv4 alone. */
static void client(struct judge_view *v)
{
	const struct as_client_facts *c = &v->run->host->as_client;
	if (!c->name[0])
		add(v->run, "DHCP for a new client", "this host already has its address");
	else if (!c->dhcp[0])
		add(v->run, "DHCP for a new client", "the client's address was given");
	else
		add(v->run, "IPv6 for a new client", "the client asks for IPv4 only");
}

static bool portal_clean(const struct judge_view *v)
{
	bool any = false;
	for (size_t i = 0; i < v->run->n_checks; i++) {
		const struct check *c = &v->run->checks[i];
		if (strcmp(c->probe, "http") || !c->chosen)
			continue;
		if (c->state != STATE_PASS)
			return false;
		any = true;
	}
	return any;
}

/* How far the scan results reach: see the band rows in wifi.c. */
static void wifi(struct judge_view *v)
{
	const struct wifi_facts *w = &v->run->host->wifi;
	if (w->state == WIFI_UNREAD)
		add(v->run, "the Wi-Fi network and what it asks of a radio", "the kernel's nl80211 did not tell");
	if (w->state != WIFI_READ || !w->n_offers)
		return;
	for (unsigned b = WIFI_BAND_24; b <= WIFI_BAND_5; b++)
		if (!w->heard[b].channels)
			add(v->run, view_say(v, "this Wi-Fi network on %s GHz", wifi_band_names[b]),
			    "the radio heard nothing there lately, and no scan was started");
}

static void not_tested(struct judge_view *v)
{
	struct run *r = v->run;
	r->n_not_tested = 0;
	r->not_tested = arena_alloc(r->arena, (ALWAYS + SOMETIMES + r->n_checks) * sizeof(*r->not_tested));
	for (size_t i = 0; i < ALWAYS; i++)
		add(r, always[i].what, always[i].why);
	client(v);
	if (!nat_has_udp(r->nat))
		add(r, "how long the NAT remembers an idle flow", "not part of this run");
	if (portal_clean(v))
		add(r, "a captive portal that this host has already passed",
		    "none was seen from this MAC; one already passed cannot be seen");
	if (r->host->virtual_)
		add(r, "the real link, its MAC address and any NAT outside of this host",
		    "the uplink is virtual");
	if (r->host->n_others)
		add(r, "other default routes of this host", "one uplink is tested at a time (-i)");
	wifi(v);
	controls(v);
	for (size_t i = 0; i < r->n_checks; i++) {
		const struct check *c = &r->checks[i];
		if (!c->chosen)
			add(r, view_say(v, "%s %s", c->id, c->target), "left out by choice");
		else if (c->state == STATE_UNKNOWN && !c->n_evidence)
			add(r, view_say(v, "%s %s", c->id, c->target), "the run ended before it");
	}
}

void judge_contacts(struct judge_view *v)
{
	contacted(v);
	not_tested(v);
}
