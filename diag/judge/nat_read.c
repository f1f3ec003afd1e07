/*
 * What the observations of checks nat.* say about the NAT, put together. Series of one state that
 * agree narrow each other's bracket only where one was cut short; where lifetimes differ, the
 * shorter one rules and the difference is the spread: a device meets the worst of them.
 */
#include "nat_read.h"

#include <math.h>
#include <string.h>

const char *const nat_state_names[NAT_STATE_COUNT] = {
	[NAT_NEW] = "new",
	[NAT_REPLIED] = "replied",
	[NAT_BURST] = "burst",
	[NAT_ESTABLISHED] = "established",
};

/* Longer than any timer a box can be set to: Linux, Cisco and pf take at most weeks. */
#define LIFETIME_MAX_S (100 * 86400.0)

static bool is_nat(const struct observation *o)
{
	static const uint32_t with_bounds = OUTCOME_BIT(OUTCOME_ANSWERED) | OUTCOME_BIT(OUTCOME_SILENT) |
					    OUTCOME_BIT(OUTCOME_ABORTED);
	return strncmp(o->check, "nat.", 4) == 0 && obs_role(o) == ROLE_OWN &&
	       (OUTCOME_BIT(o->outcome) & with_bounds);
}

static double number_in(const struct observation *o, enum attr key, double max, double or)
{
	double d = obs_get_real(o, key, or);
	return d >= 0 && d <= max ? d : or;
}

/* False where the observation gives no bound, or bounds that cannot both hold. */
static bool read_series(const struct observation *o, struct nat_lifetime *out)
{
	int64_t port = obs_get_int(o, A_PORT, 0), trials = obs_get_int(o, A_TRIALS, 0);
	*out = (struct nat_lifetime){ .lower_s = number_in(o, A_LOWER_S, LIFETIME_MAX_S, 0),
				      .upper_s = number_in(o, A_UPPER_S, LIFETIME_MAX_S, 0),
				      .spread_s = number_in(o, A_SPREAD_S, LIFETIME_MAX_S, 0),
				      .method = obs_get_text(o, A_METHOD, NULL) };
	out->port = port > 0 && port <= UINT16_MAX ? (uint16_t)port : 0;
	out->trials = trials > 0 && trials <= RUN_MAX_OBSERVATIONS ? (unsigned)trials : 0;
	out->confirmed = out->upper_s > 0 && obs_get_bool(o, A_CONFIRMED, false);
	out->known = out->upper_s > 0 ? out->lower_s < out->upper_s : out->lower_s > 0;
	return out->known;
}

/* Both saw a death. The bounds come from the shorter-lived series, each with its own witness. */
static void fold_complete(struct nat_lifetime *all, const struct nat_lifetime *one)
{
	double lower = fmin(all->lower_s, one->lower_s);
	double apart = fmax(all->lower_s, one->lower_s) - fmin(all->upper_s, one->upper_s);
	double spread = fmax(fmax(all->spread_s, one->spread_s), fmax(apart, 0));
	if (one->lower_s < all->lower_s)
		all->trials = one->trials;
	if (one->upper_s < all->upper_s || (one->upper_s == all->upper_s && one->confirmed)) {
		all->upper_s = one->upper_s;
		all->confirmed = one->confirmed;
		all->method = one->method;
	}
	all->lower_s = lower;
	all->spread_s = spread;
}

/* One was cut short: it says nothing unless it outlived what the other saw die. */
static void fold_cut(struct nat_lifetime *all, const struct nat_lifetime *whole,
		     const struct nat_lifetime *cut)
{
	double apart = cut->lower_s - whole->upper_s;
	struct nat_lifetime out = *whole;
	out.spread_s = fmax(fmax(whole->spread_s, cut->spread_s), fmax(apart, 0));
	*all = out;
}

static void fold(struct nat_lifetime *all, const struct nat_lifetime *one)
{
	if (!all->known)
		*all = *one;
	else if (all->upper_s > 0 && one->upper_s > 0)
		fold_complete(all, one);
	else if (all->upper_s > 0)
		fold_cut(all, all, one);
	else if (one->upper_s > 0)
		fold_cut(all, one, all);
	else if (one->lower_s > all->lower_s)
		*all = *one;
}

static bool is_device_port(const struct judge_view *v, const struct observation *o)
{
	int64_t port = obs_get_int(o, A_PORT, 0);
	for (size_t i = 0; i < v->run->profile->n_targets; i++) {
		const struct profile_target *t = view_target(v, i);
		if (t->port == port && t->required && obs_text_is(o, A_PROTO, proto_name(t)))
			return true;
	}
	return port == 0;
}

/* A box can keep other timers for other ports: those of the devices' own port come first. */
static void fold_series(const struct judge_view *v, const char *proto, const char *state,
			struct nat_lifetime *out)
{
	const struct observation *o;
	struct nat_lifetime one;
	for (int own = 1; own >= 0 && !out->known; own--)
		for (size_t at = 0; (o = view_next(v, &(struct pick){ 0 }, &at));)
			if (is_nat(o) && obs_text_is(o, A_PROTO, proto) &&
			    (!state || obs_text_is(o, A_STATE, state)) &&
			    is_device_port(v, o) == own && read_series(o, &one))
				fold(out, &one);
}

static void read_answer(const struct observation *o, enum attr key, enum nat_answer *out)
{
	if (obs_has(o, key))
		*out = obs_get_bool(o, key, false) ? NAT_YES : NAT_NO;
}

static void read_word(const struct observation *o, enum attr key, const char **out)
{
	*out = obs_get_text(o, key, *out);
}

/* The later answer stands; of loss and jitter the worst. */
static void read_behaviour(const struct observation *o, struct nat_facts *out)
{
	int64_t layers = obs_get_int(o, A_LAYERS, -1);
	read_answer(o, A_REFRESH_IN, &out->refresh_in);
	read_answer(o, A_REFRESH_OUT, &out->refresh_out);
	read_answer(o, A_HAIRPIN, &out->hairpin);
	read_answer(o, A_PORT_PRESERVING, &out->port_preserving);
	read_word(o, A_EXPIRY, &out->tcp_expiry);
	read_word(o, A_MAPPING, &out->mapping);
	read_word(o, A_FILTERING, &out->filtering);
	read_word(o, A_FORGETS_FIRST, &out->forgets_first);
	if (layers >= 0 && layers <= UINT8_MAX) /* a TTL has 8 bits */
		out->layers = (int)layers;
	out->loss = fmax(out->loss, number_in(o, A_LOSS, 1, -1));
	out->jitter_s = fmax(out->jitter_s, number_in(o, A_JITTER_MS, 60000, -1000) / 1000);
}

void nat_read(const struct judge_view *v, struct nat_facts *out)
{
	const struct observation *o;
	bool any = false;
	*out = (struct nat_facts){ .layers = -1, .loss = -1, .jitter_s = -1 };
	for (size_t at = 0; (o = view_next(v, &(struct pick){ 0 }, &at));)
		if (is_nat(o)) {
			read_behaviour(o, out);
			any = true;
		}
	if (!any)
		return;
	for (int i = 0; i < NAT_STATE_COUNT; i++)
		fold_series(v, "udp", nat_state_names[i], &out->udp[i]);
	fold_series(v, "tcp", NULL, &out->tcp);
}

void nat_cite(struct judge_view *v, struct draft *d, const char *proto, const char *state)
{
	const struct observation *o;
	struct nat_lifetime one;
	for (size_t at = 0; (o = view_next(v, &(struct pick){ 0 }, &at));)
		if (is_nat(o) && obs_text_is(o, A_PROTO, proto) &&
		    (!state || obs_text_is(o, A_STATE, state)) && read_series(o, &one))
			draft_cite(d, o);
}
