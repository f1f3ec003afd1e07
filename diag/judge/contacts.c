/* Whom this run spoke to, and what a run from this host cannot show. */
#include "view.h"

#include <string.h>

/* What every run from a host says it has not seen (design section 8, vantage). */
static const struct not_tested always[] = {
	{ "another MAC address, VLAN or SSID", "rules may differ for the devices' own" },
	{ "joining the Wi-Fi, 802.1X", "this host is already on the network" },
	{ "how long the NAT remembers an idle flow", "not part of this run" },
};
enum { ALWAYS = sizeof(always) / sizeof(always[0]), CONTROLS = 2, CLIENT = 1 };

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
	return strncmp(o->check, "dns.", 4) == 0;
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

static void contacted(struct judge_view *v)
{
	struct run *r = v->run;
	r->n_contacted = 0;
	r->contacted = arena_alloc(r->arena, (v->n_obs + 1) * sizeof(*r->contacted));
	for (size_t i = 0; i < v->n_obs; i++) {
		const struct observation *o = v->obs[i];
		const char *address = obs_get_text(o, A_ADDRESS, NULL), *proto = obs_get_text(o, A_PROTO, "");
		uint16_t port = (uint16_t)obs_get_int(o, A_PORT, 0);
		if (!address || !obs_has(o, A_PACKETS))
			continue;
		struct contact *c = find(r, address, proto, port);
		if (!c) {
			c = &r->contacted[r->n_contacted++];
			*c = (struct contact){ .address = address, .proto = proto, .port = port };
			describe(v, o, c);
		}
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

static void not_tested(struct judge_view *v)
{
	struct run *r = v->run;
	r->n_not_tested = 0;
	r->not_tested = arena_alloc(r->arena, (ALWAYS + CLIENT + CONTROLS + r->n_checks) * sizeof(*r->not_tested));
	for (size_t i = 0; i < ALWAYS; i++)
		add(r, always[i].what, always[i].why);
	client(v);
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
