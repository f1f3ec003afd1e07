/*
 * Devices behind the NAT: what each kind does by its own default on each of its interfaces, whether
 * the NAT remembers it for so long, and what could be changed.
 */
#include "nat_read.h"

#include <math.h>
#include <string.h>

enum {
	TIMER_MOST_S = 600, /* more than this costs a busy firewall state that nobody needs */
};
/* A timer that is nearly as long as the one to ask for was measured as a little less. */
#define LONG_ENOUGH 0.95
/* Loss that was not measured, or of which none was seen in so few packets. */
#define LOSS_LEAST 0.001
/* Jitter that was not measured. */
#define JITTER_S 0.1
/* Crystals of such devices keep 50 ppm; two of them are involved. */
#define DRIFT 1e-4

const char *const nat_fit_names[NAT_FIT_COUNT] = {
	[NAT_FIT_UNKNOWN] = "unknown",
	[NAT_FIT_YES] = "fits",
	[NAT_FIT_EDGE] = "edge",
	[NAT_FIT_YOUNG] = "short-when-new",
	[NAT_FIT_NO] = "short",
};

struct nat_lifetime nat_young(const struct nat_facts *n)
{
	struct nat_lifetime a = n->udp[NAT_REPLIED], b = n->udp[NAT_BURST];
	if (!a.known || !b.known)
		return a.known ? a : b;
	bool b_dies_first = b.upper_s > 0 && (a.upper_s <= 0 || b.upper_s < a.upper_s);
	struct nat_lifetime out = b_dies_first ? b : a;
	const struct nat_lifetime *weaker = b.lower_s < a.lower_s ? &b : &a;
	out.lower_s = weaker->lower_s;
	out.trials = weaker->trials;
	return out;
}

bool nat_path(const struct nat_facts *n, enum transport transport, struct keepalive_path *out)
{
	bool udp = transport == TRANSPORT_UDP;
	struct nat_lifetime old = udp ? n->udp[NAT_ESTABLISHED] : n->tcp;
	struct nat_lifetime young = udp ? nat_young(n) : n->tcp;
	if (!old.known && !young.known)
		return false;
	*out = (struct keepalive_path){ .replied_s = young.known ? young.lower_s : old.lower_s,
					.established_s = old.known ? old.lower_s : young.lower_s,
					.loss = fmax(n->loss, LOSS_LEAST),
					.jitter_s = n->jitter_s >= 0 ? n->jitter_s : JITTER_S,
					.drift = DRIFT };
	return true;
}

void nat_ping(const struct judge_view *v, const struct profile_target *t, struct keepalive_ping *out)
{
	const struct nat_facts *n = v->run->nat;
	double bytes = t->ping_bytes_cid > 0 ? t->ping_bytes_cid : t->ping_bytes;
	*out = (struct keepalive_ping){ .ack_timeout_s = t->ack_timeout_s,
					.ack_random_factor = t->ack_random_factor,
					.max_retransmit = t->max_retransmit,
					.answer_s = t->ping_answer_s,
					.reconnect_s = t->ping_reconnect_s,
					.rebinds = t->ping_bytes_cid > 0 || n->port_preserving == NAT_YES,
					.bytes = bytes > 0 ? bytes : v->run->profile->keepalive_bytes,
					.max_s = t->ping_max_s };
}

const char *nat_bracket(struct judge_view *v, const struct nat_lifetime *l)
{
	if (l->upper_s <= 0)
		return view_say(v, "at least %.4g s", l->lower_s);
	if (l->lower_s <= 0)
		return view_say(v, "less than %.4g s", l->upper_s);
	return view_say(v, "%.4g to %.4g s", l->lower_s, l->upper_s);
}

/* ---- defaults ---- */
static double margin_of(const struct nat_facts *n, double lifetime_s)
{
	struct keepalive_path p = { .jitter_s = n->jitter_s >= 0 ? n->jitter_s : JITTER_S,
				    .drift = DRIFT };
	return lifetime_s - keepalive_window_s(&p, lifetime_s);
}

static bool fits(const struct nat_facts *n, const struct nat_lifetime *l, double s)
{
	return !l->known || s <= l->lower_s - margin_of(n, l->lower_s);
}

static bool dies(const struct nat_lifetime *l, double s)
{
	return l->known && l->upper_s > 0 && s >= l->upper_s;
}

static bool on_edge(const struct nat_facts *n, const struct nat_lifetime *l, double s)
{
	return l->known && l->upper_s > 0 && s >= l->upper_s - margin_of(n, l->upper_s);
}

static enum nat_fit fit_of(const struct nat_facts *n, enum transport transport, double s)
{
	bool udp = transport == TRANSPORT_UDP;
	struct nat_lifetime old = udp ? n->udp[NAT_ESTABLISHED] : n->tcp;
	struct nat_lifetime young = udp ? nat_young(n) : n->tcp;
	if (!old.known && !young.known)
		return NAT_FIT_UNKNOWN;
	if (dies(&old, s) || (!old.known && dies(&young, s)))
		return NAT_FIT_NO;
	if (dies(&young, s))
		return NAT_FIT_YOUNG;
	if (fits(n, &old, s) && fits(n, &young, s))
		return NAT_FIT_YES;
	return on_edge(n, &old, s) || on_edge(n, &young, s) ? NAT_FIT_EDGE : NAT_FIT_UNKNOWN;
}

static double default_on(const struct profile_kind *k, const char *interface)
{
	if (strcmp(interface, "ethernet") == 0 && k->keepalive_ethernet_s > 0)
		return k->keepalive_ethernet_s;
	return strcmp(interface, "wifi") == 0 && k->keepalive_wifi_s > 0 ? k->keepalive_wifi_s :
									   k->keepalive_s;
}

/* What a device's interface is called where this host's is the other end of it. */
static const char *medium_of(const struct judge_view *v)
{
	const char *m = v->run->host->medium;
	return strcmp(m, "ppp") == 0 || strcmp(m, "other") == 0 ? "cellular" : m;
}

static bool is_lan(const char *interface)
{
	return strcmp(interface, "ethernet") == 0 || strcmp(interface, "wifi") == 0;
}

static bool has_interface(const struct profile_kind *k, const char *interface)
{
	for (size_t i = 0; i < k->interfaces.n; i++)
		if (strcmp(k->interfaces.v[i], interface) == 0)
			return true;
	return false;
}

/* This network is reached by Ethernet or Wi-Fi, whichever this host itself uses; a device's own
 * modem is another network, unless this host sits behind a modem too. */
static bool leads_here(const struct judge_view *v, const char *interface)
{
	return is_lan(interface) ? strcmp(medium_of(v), "cellular") != 0 :
				   strcmp(medium_of(v), interface) == 0;
}

/* The interface that a verdict speaks of: the one this host has, else the kind's first. */
static const char *interface_here(const struct judge_view *v, const struct profile_kind *k)
{
	if (!k->interfaces.n || has_interface(k, medium_of(v)))
		return medium_of(v);
	for (size_t i = 0; i < k->interfaces.n; i++)
		if (leads_here(v, k->interfaces.v[i]))
			return k->interfaces.v[i];
	return NULL;
}

static int target_of(const struct judge_view *v, const struct profile_kind *k)
{
	for (size_t i = 0; i < k->needs.n; i++) {
		int t = profile_target_by_section(v->run->profile, k->needs.v[i]);
		if (t >= 0 && view_target(v, (size_t)t)->required)
			return t;
	}
	return -1;
}

double nat_default_s(const struct judge_view *v, int kind_index)
{
	const struct profile_kind *k = &v->run->profile->kinds[kind_index];
	const char *here = interface_here(v, k);
	return default_on(k, here ? here : "");
}

double nat_ping_bytes(const struct judge_view *v, int kind_index)
{
	struct keepalive_ping ping = { .bytes = v->run->profile->keepalive_bytes };
	int t = target_of(v, &v->run->profile->kinds[kind_index]);
	if (t >= 0)
		nat_ping(v, view_target(v, (size_t)t), &ping);
	return ping.bytes;
}

static size_t kind_on(const struct judge_view *v, int kind, const char *interface,
		      struct nat_device *out)
{
	const struct profile_kind *k = &v->run->profile->kinds[kind];
	const char *here = interface_here(v, k);
	int target = target_of(v, k);
	double s = default_on(k, interface);
	if (target < 0 || s <= 0 || !leads_here(v, interface))
		return 0;
	size_t n = k->keepalive_before_s > 0 ? 2 : 1;
	for (size_t i = 0; i < n; i++) {
		out[i] = (struct nat_device){ .kind_index = kind, .target_index = target,
					    .interface = interface, .older = i == 1,
					    .here = i == 0 && here && strcmp(here, interface) == 0,
					    .default_s = i ? k->keepalive_before_s : s };
		out[i].fit = fit_of(v->run->nat, view_target(v, (size_t)target)->transport,
				    out[i].default_s);
	}
	return n;
}

size_t nat_devices(const struct judge_view *v, struct nat_device *out)
{
	size_t n = 0;
	for (size_t i = 0; i < v->run->profile->n_kinds; i++) {
		const struct profile_kind *k = &v->run->profile->kinds[i];
		if (!k->interfaces.n)
			n += kind_on(v, (int)i, medium_of(v), &out[n]);
		for (size_t f = 0; f < k->interfaces.n; f++)
			n += kind_on(v, (int)i, k->interfaces.v[f], &out[n]);
	}
	return n;
}

/* ---- what to change ---- */
static const struct nat_device *longest(const struct judge_view *v, const struct nat_device *all, size_t n)
{
	const struct nat_device *best = NULL;
	for (size_t i = 0; i < n; i++) {
		bool settable = v->run->profile->kinds[all[i].kind_index].keepalive_call != NULL &&
				view_target(v, (size_t)all[i].target_index)->transport == TRANSPORT_UDP;
		if (all[i].here && settable && plan_kind_counts(v->run, all[i].kind_index) &&
		    (!best || all[i].default_s > best->default_s))
			best = &all[i];
	}
	return best;
}

/* With the longer timer for every flow. */
static void behind_timer(const struct nat_levers *l, double timer_s, struct keepalive_setting *out)
{
	struct keepalive_path with = l->path;
	with.replied_s = with.established_s = timer_s;
	keepalive_set(&l->ping, &with, KEEPALIVE_ALWAYS, out);
}

/* The recommended timer, or the largest that may be asked for if only that keeps the default. */
static void ask_timer(struct nat_levers *l)
{
	struct keepalive_setting most;
	if (fmin(l->path.replied_s, l->path.established_s) >= LONG_ENOUGH * NAT_TIMER_S)
		return;
	l->timer_s = NAT_TIMER_S;
	behind_timer(l, NAT_TIMER_S, &l->firewall);
	behind_timer(l, TIMER_MOST_S, &most);
	if (l->firewall.interval_s < l->kind.default_s && most.interval_s >= l->kind.default_s) {
		l->timer_s = TIMER_MOST_S;
		l->firewall = most;
	}
}

void nat_levers(const struct judge_view *v, struct nat_levers *out)
{
	struct nat_device kinds[NAT_MAX_DEVICES];
	const struct nat_device *k = longest(v, kinds, nat_devices(v, kinds));
	*out = (struct nat_levers){ .known = false };
	if (!k || !nat_path(v->run->nat, TRANSPORT_UDP, &out->path))
		return;
	nat_ping(v, view_target(v, (size_t)k->target_index), &out->ping);
	out->known = true;
	out->kind = *k;
	keepalive_set(&out->ping, &out->path, KEEPALIVE_ALWAYS, &out->device);
	out->in_time = keepalive_transmissions(&out->ping, &out->path, out->device.interval_s) > 0;
	ask_timer(out);
}

const char *nat_call(struct judge_view *v, int kind_index, double interval_s)
{
	const char *call = v->run->profile->kinds[kind_index].keepalive_call;
	const char *hole = call ? strstr(call, "{s}") : NULL;
	return hole ? view_say(v, "%.*s%.0f%s", (int)(hole - call), call, interval_s, hole + 3) : call;
}
