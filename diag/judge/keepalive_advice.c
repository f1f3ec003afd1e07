/*
 * The keep-alive that this run can answer for: what the NAT's lifetimes mean for the devices, three
 * settings to choose from, and the two levers, of which one is enough. Where no lifetime was
 * measured it says so and leaves the devices alone.
 */
#include <math.h>
#include <string.h>

#include "nat_read.h"

enum { MAX_NOTES = 12, SURE_TRIALS = 10 };
#define NOTABLE_SPREAD_S 2.0

static const struct profile_kind *kind_of(const struct judge_view *v, int index)
{
	return &v->run->profile->kinds[index];
}

/* An address from the carriers' range on the uplink itself: a second NAT whose timer rules too. */
static bool behind_cgnat(const struct judge_view *v)
{
	const struct host_facts *h = v->run->host;
	for (size_t i = 0; i < h->n_addrs; i++)
		if (addr_kind(&h->addrs[i].addr) == ADDR_CGNAT && strcmp(h->medium, "tunnel"))
			return true;
	return false;
}

/* ---- without a measurement ---- */
/* The shortest default among the kinds that count: every device then keeps its mapping. */
static int shortest(const struct judge_view *v, double *out_s)
{
	int best = -1;
	for (size_t i = 0; i < v->run->n_kinds; i++) {
		int k = v->run->kinds[i].kind_index;
		double s = nat_default_s(v, k);
		if (!v->run->kinds[i].counts || s <= 0 || (best >= 0 && s >= *out_s))
			continue;
		best = k;
		*out_s = s;
	}
	return best;
}

/* Devices whose interval is fixed, behind a box whose timer is known. */
static const char *fixed_text(struct judge_view *v, int kind, double s)
{
	const struct nat_lifetime *l = &v->run->nat->tcp;
	int t = kind_of(v, kind)->needs.n ?
			profile_target_by_section(v->run->profile, kind_of(v, kind)->needs.v[0]) : -1;
	if (!l->known || t < 0 || view_target(v, (size_t)t)->transport != TRANSPORT_TCP)
		return NULL;
	return view_say(v, "The devices ping every %.0f s, which is fixed. The network remembers an idle TCP "
			"connection for %s.", s, nat_bracket(v, l));
}

static void advise_nothing(struct judge_view *v, struct keepalive *out)
{
	double s = 0;
	int k = shortest(v, &s);
	*out = (struct keepalive){ .profile_default_s = s, .recommended_s = s, .reachability = "balanced" };
	if (k < 0)
		return;
	const char *since = kind_of(v, k)->keepalive_since;
	out->bytes_per_month = nat_ping_bytes(v, k) * KEEPALIVE_MONTH_S / s;
	out->text = fixed_text(v, k, s);
	out->known = out->text != NULL;
	if (out->known)
		return;
	out->text = view_say(v, "Leave the devices at their default of %.0f s%s%s. How long this network's NAT "
			     "remembers an idle flow was not measured%s.", s, since ? ", which holds from " : "",
			     since ? since : "",
			     behind_cgnat(v) ? "; this host's address is from the carriers' range "
					       "(100.64.0.0/10), so a second NAT with a timer of its own "
					       "is in the path" : "");
}

/* ---- the settings ---- */
/* A data plan pays for the device's own modem only. */
static double plan_share(const struct judge_view *v, const char *interface, double bytes)
{
	const struct profile *p = v->run->profile;
	if (strcmp(interface, "cellular") || p->plan_bytes_per_month <= 0)
		return -1;
	return bytes * fmax(p->plan_devices, 1) / p->plan_bytes_per_month;
}

static struct keepalive_row row(struct judge_view *v, const struct nat_levers *l, const char *name,
				const struct keepalive_setting *s)
{
	bool set = strcmp(name, "shipped") != 0;
	return (struct keepalive_row){
		.name = name,
		.call = set ? nat_call(v, l->kind.kind_index, s->interval_s) : NULL,
		.interval_s = s->interval_s,
		.met = s->met,
		.unreachable_s_per_day = s->unreachable_s,
		.gaps_per_month = s->gaps_per_month,
		.bytes_per_month = s->bytes_per_month,
		.plan_share = plan_share(v, l->kind.interface, s->bytes_per_month),
		.losses = s->losses,
	};
}

static void fill_rows(struct judge_view *v, const struct nat_levers *l, struct keepalive *out)
{
	struct keepalive_setting s;
	keepalive_assess(&l->ping, &l->path, l->kind.default_s, &s);
	s.met = l->kind.fit == NAT_FIT_YES;
	out->rows[out->n_rows++] = row(v, l, "shipped", &s);
	for (int aim = 0; aim < KEEPALIVE_AIM_COUNT; aim++) {
		keepalive_set(&l->ping, &l->path, (enum keepalive_aim)aim, &s);
		out->rows[out->n_rows++] = row(v, l, keepalive_aim_names[aim], &s);
	}
	if (l->in_time)
		out->device = row(v, l, keepalive_aim_names[KEEPALIVE_ALWAYS], &l->device);
	out->timer_s = l->timer_s;
	if (l->timer_s > 0)
		out->firewall = row(v, l, keepalive_aim_names[KEEPALIVE_ALWAYS], &l->firewall);
}

/* What the default reaches, if it fits: no better setting is worth touching a device for. */
static const char *reached_by_default(const struct keepalive_row *shipped)
{
	if (!shipped->met)
		return NULL;
	return shipped->gaps_per_month <= keepalive_gaps_allowed(KEEPALIVE_ALWAYS) ? "always" :
	       shipped->gaps_per_month <= keepalive_gaps_allowed(KEEPALIVE_BALANCED) ? "balanced" : NULL;
}

/* The first that can be met and paid for. Pinging less is no answer to a NAT that no interval suits:
 * there it is the shortest one if that comes in time at all, else the devices stay as they are. */
static const struct keepalive_row *better_row(const struct keepalive *k)
{
	for (size_t i = 1; i < k->n_rows; i++) {
		bool saver = strcmp(k->rows[i].name, keepalive_aim_names[KEEPALIVE_SAVER]) == 0;
		if (k->rows[i].met && k->rows[i].plan_share <= 1 && (!saver || k->device.met))
			return &k->rows[i];
	}
	return k->device.name ? &k->device : &k->rows[0];
}

static void recommend(struct keepalive *out)
{
	const char *reached = reached_by_default(&out->rows[0]);
	const struct keepalive_row *best = reached ? &out->rows[0] : better_row(out);
	const char *poorly = best == &out->rows[0] ? "data-saver" : "balanced";
	out->reachability = reached ? reached : best->met ? best->name : poorly;
	out->recommended_s = best->interval_s;
	out->bytes_per_month = best->bytes_per_month;
}

/* ---- words ---- */
static const char *lifetimes_text(struct judge_view *v)
{
	const struct nat_facts *n = v->run->nat;
	struct nat_lifetime young = nat_young(n), old = n->udp[NAT_ESTABLISHED];
	const char *brackets[2] = { nat_bracket(v, &young), nat_bracket(v, &old) };
	if (young.known && old.known && strcmp(brackets[0], brackets[1]))
		return view_say(v, "The NAT remembers an idle UDP flow for %s when new, for %s once it is in use.",
				brackets[0], brackets[1]);
	return view_say(v, "The NAT remembers an idle UDP flow%s for %s.", old.known ? "" : " that is new",
			brackets[old.known]);
}

static const char *advice_text(struct judge_view *v, const struct nat_levers *l,
			       const struct keepalive *k)
{
	const char *seen = lifetimes_text(v), *timer = l->timer_s > 0 ? ", or get a longer timer" : "";
	if (k->recommended_s == l->kind.default_s && k->rows[0].met)
		return view_say(v, "%s The default of %.6g s fits: leave the devices as they are.", seen,
				l->kind.default_s);
	if (k->recommended_s != l->kind.default_s && !l->device.met)
		return view_say(v, "%s No interval of %d s or more leaves room for a lost packet: let the devices "
				"ping every %.6g s, or better, get a longer timer.", seen, KEEPALIVE_FLOOR_S,
				k->recommended_s);
	if (k->recommended_s != l->kind.default_s)
		return view_say(v, "%s The default of %.6g s %s: let the devices ping every %.6g s%s.", seen,
				l->kind.default_s,
				k->rows[0].met ? "leaves no room for a lost packet" :
				l->kind.fit >= NAT_FIT_YOUNG ? "comes too late" : "is not shown to fit",
				k->recommended_s, timer);
	return view_say(v, "%s No interval of %d s or more comes in time, and pinging more often is bad manners "
			"(RFC 8085 section 3.5): get a longer timer.", seen, KEEPALIVE_FLOOR_S);
}

static void note(struct keepalive *out, const char *text)
{
	if (text && out->n_notes < MAX_NOTES)
		out->notes[out->n_notes++] = text;
}

/* 0.05^(1/n): if fewer lived that long, n of n would be seen in less than one run of twenty. */
static const char *trials_note(struct judge_view *v, const struct nat_lifetime *l)
{
	if (!l->known || !l->trials || l->lower_s <= 0)
		return NULL;
	return view_say(v, "%u of %u flows lived %.4g s: with 95 %% certainty at least %.0f %% of all do%s.",
			l->trials, l->trials, l->lower_s, floor(100 * pow(0.05, 1.0 / l->trials)),
			l->trials < SURE_TRIALS ? ", which is not much to build on" : "");
}

static const char *spread_note(struct judge_view *v)
{
	const struct nat_facts *n = v->run->nat;
	double spread = fmax(fmax(n->udp[NAT_REPLIED].spread_s, n->udp[NAT_BURST].spread_s),
			     n->udp[NAT_ESTABLISHED].spread_s);
	return spread <= NOTABLE_SPREAD_S ? NULL :
	       view_say(v, "Repeats differed by up to %.4g s; the shortest counts.", spread);
}

static const char *state_note(const struct nat_facts *n)
{
	if (!nat_young(n).known)
		return "How long a flow lives right after a connect was not measured; Linux boxes forget it "
		       "sooner than one in use (30 s against 120 s).";
	return n->udp[NAT_ESTABLISHED].known ? NULL :
	       "How long a flow in use lives was not measured; it is taken for a new one's lifetime.";
}

/* What a second packet after each connect would allow: the timer of a flow in use from the start. */
static const char *early_note(struct judge_view *v, const struct nat_levers *l)
{
	struct keepalive_path old = l->path;
	struct keepalive_setting s;
	old.replied_s = old.established_s;
	keepalive_set(&l->ping, &old, KEEPALIVE_ALWAYS, &s);
	if (l->path.replied_s >= l->path.established_s || !s.met || s.interval_s <= l->device.interval_s)
		return NULL;
	return view_say(v, "If the devices also send once 3 to 5 s after every connect, their flow is one in use "
			"from then on, and %.6g s are enough.", s.interval_s);
}

static const char *port_note(struct judge_view *v, const struct nat_levers *l)
{
	uint16_t device = view_target(v, (size_t)l->kind.target_index)->port;
	struct nat_lifetime young = nat_young(v->run->nat);
	uint16_t port = v->run->nat->udp[NAT_ESTABLISHED].known ? v->run->nat->udp[NAT_ESTABLISHED].port :
								  young.port;
	return !port || port == device ? NULL :
	       view_say(v, "Measured on port %u; a box can keep another timer for port %u.", port, device);
}

static const char *model_note(struct judge_view *v, const struct nat_levers *l)
{
	const struct nat_facts *n = v->run->nat;
	return view_say(v, "Reckoned with %.2g %% loss each way (%s) and %.0f ms of jitter (%s).",
			l->path.loss * 100, n->loss >= l->path.loss ? "measured" : "assumed",
			l->path.jitter_s * 1000, n->jitter_s >= 0 ? "measured" : "assumed");
}

static const char *since_note(struct judge_view *v, const struct nat_levers *l)
{
	const char *since = kind_of(v, l->kind.kind_index)->keepalive_since;
	return since ? view_say(v, "The default of %.6g s holds from %s.", l->kind.default_s, since) : NULL;
}

static const char *cid_note(struct judge_view *v, const struct keepalive *k)
{
	return k->bytes_per_ping_cid <= 0 ? NULL :
	       view_say(v, "A ping with its answer takes %.0f bytes, %.0f with a connection id (RFC 9146). The id "
			"lets a session go on from a new port without a handshake; it does not make a device "
			"reachable while the NAT has forgotten it.", k->bytes_per_ping, k->bytes_per_ping_cid);
}

static void fill_notes(struct judge_view *v, const struct nat_levers *l, struct keepalive *out)
{
	const struct nat_facts *n = v->run->nat;
	struct nat_lifetime young = nat_young(n);
	out->notes = arena_alloc(v->run->arena, MAX_NOTES * sizeof(*out->notes));
	if (n->refresh_out == NAT_NO)
		note(out, "Here packets from inside do not restart the timer, against RFC 4787 REQ-6: no "
			  "keep-alive keeps a flow open.");
	note(out, early_note(v, l));
	note(out, state_note(n));
	note(out, port_note(v, l));
	note(out, spread_note(v));
	note(out, trials_note(v, n->udp[NAT_ESTABLISHED].known ? &n->udp[NAT_ESTABLISHED] : &young));
	note(out, model_note(v, l));
	note(out, since_note(v, l));
	note(out, cid_note(v, out));
	if (behind_cgnat(v))
		note(out, "This host's address is from the carriers' range (100.64.0.0/10): a second NAT with a "
			  "timer of its own is in the path.");
	note(out, "Timers change with load and with a box's settings: measure again after a change.");
}

/* ---- defaults ---- */
static void fill_kinds(struct judge_view *v, struct keepalive *out)
{
	struct nat_device all[NAT_MAX_DEVICES];
	size_t n = nat_devices(v, all);
	out->kinds = arena_alloc(v->run->arena, n * sizeof(*out->kinds) + 1);
	for (size_t i = 0; i < n; i++) {
		struct keepalive_path path;
		const struct profile_target *t = view_target(v, (size_t)all[i].target_index);
		if (!nat_path(v->run->nat, t->transport, &path))
			continue; /* its transport was not measured */
		out->kinds[out->n_kinds++] = (struct keepalive_kind){
			.kind_index = all[i].kind_index,
			.interface = all[i].interface,
			.firmware = all[i].older ? kind_of(v, all[i].kind_index)->keepalive_since : NULL,
			.default_s = all[i].default_s,
			.fit = nat_fit_names[all[i].fit],
		};
	}
}

static void fill_reasons(struct judge_view *v, struct keepalive *out)
{
	const struct run *r = v->run;
	out->reasons = arena_alloc(r->arena, r->n_verdicts * sizeof(*out->reasons) + 1);
	for (size_t i = 0; i < r->n_verdicts; i++)
		if (strcmp(r->verdicts[i].fault->family, "nat") == 0 &&
		    r->verdicts[i].effect == EFFECT_FRAGILE)
			out->reasons[out->n_reasons++] = r->verdicts[i].fault->slug;
}

static void advise(struct judge_view *v, const struct nat_levers *l, struct keepalive *out)
{
	const struct profile_target *t = view_target(v, (size_t)l->kind.target_index);
	*out = (struct keepalive){ .profile_default_s = l->kind.default_s, .known = true, .port = t->port,
				   .bytes_per_ping = t->ping_bytes > 0 ? t->ping_bytes : l->ping.bytes,
				   .bytes_per_ping_cid = t->ping_bytes_cid };
	fill_rows(v, l, out);
	recommend(out);
	out->text = advice_text(v, l, out);
	fill_notes(v, l, out);
}

void judge_keepalive(struct judge_view *v)
{
	struct nat_levers l;
	struct keepalive *out = &v->run->keepalive;
	nat_levers(v, &l);
	if (l.known)
		advise(v, &l, out);
	else
		advise_nothing(v, out);
	fill_kinds(v, out);
	fill_reasons(v, out);
}
