/* What follows from the verdicts: keep-alive from the profile, needs, who was contacted, and what a
 * run from this host cannot show. */
#include <string.h>

#include "judge_view.h"

#define DEVICE_PLACEHOLDER "DEVICE-MAC" /* never this host, never the LAN */

static void keepalive(struct run *r)
{
	double s = 0;
	for (size_t i = 0; i < r->n_kinds; i++) {
		double k = r->profile->kinds[r->kinds[i].kind_index].keepalive_s;
		if (r->kinds[i].counts && k > 0 && (s == 0 || k < s))
			s = k;
	}
	r->keepalive = (struct keepalive){ .profile_default_s = s, .recommended_s = s, .reachability = "balanced" };
	if (s <= 0)
		return;
	r->keepalive.bytes_per_month = r->profile->keepalive_bytes * (30 * 86400 / s);
	r->keepalive.text = arena_printf(r->arena, "Devices ping every %.0f s by default. How long this network's "
					 "NAT remembers an idle flow was not measured.", s);
}

static void needs(struct run *r)
{
	const struct profile *p = r->profile;
	r->needs = arena_alloc(r->arena, p->n_targets * sizeof(struct need));
	r->n_needs = 0;
	for (size_t i = 0; i < p->n_targets; i++) {
		const struct profile_target *t = &p->targets[i];
		if (!t->name || !(plan_target_required(r, (int)i) || !t->required))
			continue;
		const struct device *d = r->settings->n_devices ? &r->settings->devices[0] : NULL;
		r->needs[r->n_needs++] = (struct need){
			.from = d ? (d->mac[0] ? d->mac : d->ip) : DEVICE_PLACEHOLDER,
			.to = t->allow ? t->allow : t->name,
			.proto = t->transport == TRANSPORT_UDP ? "udp" : "tcp",
			.port = t->port, .direction = "out", .required = plan_target_required(r, (int)i),
			.why = t->why, .target_index = (int)i };
	}
}

static struct contact *contact_of(struct run *r, const struct observation *o)
{
	const char *address = obs_get_text(o, A_ADDRESS, NULL), *proto = obs_get_text(o, A_PROTO, "");
	uint16_t port = (uint16_t)obs_get_int(o, A_PORT, 0);
	if (!address || !obs_has(o, A_PACKETS))
		return NULL;
	for (size_t i = 0; i < r->n_contacted; i++) {
		struct contact *c = &r->contacted[i];
		if (c->port == port && !strcmp(c->address, address) && !strcmp(c->proto, proto))
			return c;
	}
	struct contact *c = &r->contacted[r->n_contacted++];
	const struct check *k = run_check(r, o->check, o->target);
	const struct profile_target *t = k && k->target_index >= 0 && strcmp(k->id, "dns.name")
						 ? &r->profile->targets[k->target_index] : NULL;
	*c = (struct contact){ .name = t ? o->target : "", .address = address, .proto = proto, .port = port,
			       .operator = t ? t->operator : "this network", .why = t ? t->why : "resolver of this network" };
	return c;
}

static void contacted(struct run *r)
{
	r->contacted = arena_alloc(r->arena, (r->n_obs + 1) * sizeof(struct contact));
	r->n_contacted = 0;
	for (size_t i = 0; i < r->n_obs; i++) {
		struct contact *c = contact_of(r, r->obs[i]);
		if (!c)
			continue;
		c->packets += (uint64_t)obs_get_int(r->obs[i], A_PACKETS, 0);
		c->bytes += (uint64_t)obs_get_int(r->obs[i], A_BYTES, 0);
	}
}

static void not_tested(struct run *r)
{
	static const struct not_tested always[] = {
		{ "another MAC address, VLAN or SSID", "rules may differ for the devices' own" },
		{ "joining the Wi-Fi, 802.1X", "this host is already on the network" },
		{ "DHCP for a new client", "this host already has its address" },
		{ "how long the NAT remembers an idle flow", "this version does not measure it" },
	};
	enum { ALWAYS = sizeof(always) / sizeof(always[0]) };
	r->not_tested = arena_alloc(r->arena, (ALWAYS + r->n_checks) * sizeof(struct not_tested));
	memcpy(r->not_tested, always, sizeof(always));
	r->n_not_tested = ALWAYS;
	for (size_t i = 0; i < r->n_checks; i++) {
		const struct check *c = &r->checks[i];
		if (!c->chosen || (c->state == STATE_UNKNOWN && !c->n_evidence))
			r->not_tested[r->n_not_tested++] = (struct not_tested){
				arena_printf(r->arena, "%s %s", c->id, c->target),
				c->chosen ? "this version has no probe for it" : "left out by choice" };
	}
}

void judge_follow_up(struct run *r)
{
	keepalive(r);
	needs(r);
	contacted(r);
	not_tested(r);
}
