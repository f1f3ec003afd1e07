/*
 * The hop differential. Each condition below made a false result when it was left out: routers
 * answer about one Time Exceeded per second, flows are balanced over several routers, and a drop
 * at the target's own edge looks like a target that does not answer.
 *
 * Words of `why`: ok, no-steps, suspect-answered, rejected, no-control (no control answered beyond
 * the last hop of the suspect), few-steps, load-balanced, other-way (nobody saw suspect and control
 * pass the same router before the stretch), few-rounds, target-near (the stretch ends less than two
 * hops before the target), target-unknown, behind-target, no-answer.
 */
#include "diag/judge/hopdiff.h"

#include <string.h>

enum {
	ROUNDS_FOR_PROOF = 3,
	STEPS_FOR_PROOF = 3, /* missing, and answered controls, beyond the last common hop */
	STEPS_TO_SHOW = 2,
	HOPS_BEFORE_TARGET = 2,
};

/* What all steps of one TTL say. */
struct rung {
	bool mixed; /* more than one router answered */
	struct addr router;
	uint32_t suspect_sent, suspect_te, control_te;
	uint32_t last_control; /* order of the last control that was answered */
};

struct ladder {
	struct rung at[HOP_MAX_TTL + 1];
	unsigned suspect_top, control_top; /* highest TTL with Time Exceeded; control: any other too */
	unsigned target_ttl, rounds;
	bool suspect_answered, suspect_refused;
};

static bool usable(const struct hop_record *h)
{
	return h->ttl >= 1 && h->ttl <= HOP_MAX_TTL;
}

/* The target itself spoke: it is not further away than this. */
static bool from_target(const struct hop_record *h, const struct addr *target)
{
	return h->got == HOP_ANSWER || (h->got != HOP_NOTHING && addr_equal(&h->from, target));
}

static unsigned lower(unsigned have, unsigned ttl)
{
	return have && have < ttl ? have : ttl;
}

static unsigned higher(unsigned have, unsigned ttl)
{
	return have > ttl ? have : ttl;
}

static void note_router(struct rung *g, const struct hop_record *h)
{
	if (!g->router.family)
		g->router = h->from;
	else if (!addr_equal(&g->router, &h->from))
		g->mixed = true;
}

static void climb_one(struct ladder *l, const struct hop_record *h, const struct addr *target)
{
	struct rung *g = &l->at[h->ttl];
	bool te = h->got == HOP_ROUTER && !addr_equal(&h->from, target);
	if (from_target(h, target))
		l->target_ttl = lower(l->target_ttl, h->ttl);
	if (h->role == HOP_SUSPECT) {
		l->rounds = higher(l->rounds, h->round);
		l->suspect_answered |= from_target(h, target);
		l->suspect_refused |= h->got == HOP_REFUSAL;
		g->suspect_sent++;
		g->suspect_te += te;
		if (te)
			l->suspect_top = higher(l->suspect_top, h->ttl);
	} else if (te) {
		l->control_top = higher(l->control_top, h->ttl);
		g->control_te += h->role == HOP_CONTROL;
		if (h->role == HOP_CONTROL && h->order > g->last_control)
			g->last_control = h->order;
	}
	if (te && h->role != HOP_OTHER)
		note_router(g, h);
}

static void climb(struct ladder *l, const struct hop_record *v, size_t n, const struct addr *target)
{
	memset(l, 0, sizeof(*l));
	for (size_t i = 0; i < n; i++)
		if (usable(&v[i]))
			climb_one(l, &v[i], target);
}

/* The first hop beyond the suspect's last that a control did reach and that is one router. */
static unsigned first_missing(const struct ladder *l)
{
	for (unsigned t = l->suspect_top + 1; t <= HOP_MAX_TTL; t++)
		if (l->at[t].control_te && l->at[t].suspect_sent && !l->at[t].mixed)
			return t;
	return 0;
}

static bool mixed_up_to(const struct ladder *l, unsigned ttl)
{
	for (unsigned t = 1; t <= ttl; t++)
		if (l->at[t].mixed)
			return true;
	return false;
}

/* Suspect and control passed the same router at this hop. Where they do not, policy may send the two
 * ports along different ways, whose lengths and silences say nothing about each other. */
static bool side_by_side(const struct ladder *l, unsigned ttl)
{
	return !ttl || (l->at[ttl].suspect_te && l->at[ttl].control_te && !l->at[ttl].mixed);
}

/* A missing answer counts only if the same hop answered a control sent after it. */
static void count_beyond(const struct ladder *l, const struct hop_record *v, size_t n,
			 struct hop_stretch *out)
{
	for (size_t i = 0; i < n; i++) {
		const struct hop_record *h = &v[i];
		if (!usable(h) || h->ttl < out->until_ttl || l->at[h->ttl].mixed)
			continue;
		if (h->role == HOP_SUSPECT && h->got == HOP_NOTHING)
			out->missing += h->order < l->at[h->ttl].last_control;
		else if (h->role == HOP_CONTROL && h->got == HOP_ROUTER)
			out->answered++;
	}
}

static void set_stretch(const struct ladder *l, unsigned after, unsigned until,
			struct hop_stretch *out)
{
	out->after_ttl = after;
	out->until_ttl = until;
	if (after && !l->at[after].mixed)
		out->after = l->at[after].router;
	if (until && !l->at[until].mixed)
		out->until = l->at[until].router;
}

static void start(const struct ladder *l, struct hop_stretch *out)
{
	*out = (struct hop_stretch){ .why = "ok", .target_ttl = l->target_ttl, .rounds = l->rounds,
				     .suspect_top = l->suspect_top, .control_top = l->control_top };
}

/* Why the differential falls short of proof; NULL when it does not. */
static const char *short_of_proof(const struct ladder *l, const struct hop_stretch *f)
{
	if (mixed_up_to(l, f->until_ttl))
		return "load-balanced";
	if (!side_by_side(l, f->after_ttl))
		return "other-way";
	if (f->rounds < ROUNDS_FOR_PROOF)
		return "few-rounds";
	if (f->missing < STEPS_FOR_PROOF || f->answered < STEPS_FOR_PROOF)
		return "few-steps";
	if (!f->target_ttl)
		return "target-unknown";
	return f->after_ttl + HOPS_BEFORE_TARGET > f->target_ttl ? "target-near" : NULL;
}

void hops_compare(const struct hop_record *v, size_t n, const struct addr *target,
		  struct hop_stretch *out)
{
	struct ladder l;
	climb(&l, v, n, target);
	start(&l, out);
	unsigned until = first_missing(&l);
	if (!l.rounds)
		out->why = "no-steps";
	else if (l.suspect_answered)
		out->why = "suspect-answered";
	else if (l.suspect_refused)
		out->why = "rejected";
	else if (!until)
		out->why = "no-control";
	if (strcmp(out->why, "ok") != 0)
		return;
	set_stretch(&l, l.suspect_top, until, out);
	count_beyond(&l, v, n, out);
	if (out->missing < STEPS_TO_SHOW || out->answered < STEPS_TO_SHOW) {
		out->why = "few-steps";
		return;
	}
	out->shown = true;
	const char *lacks = short_of_proof(&l, out);
	out->proven = !lacks;
	out->why = lacks ? lacks : "ok";
}

/* An answer in the target's name to whatever came to its port: a refusal bears the name itself. */
static bool claims_target(const struct hop_record *h, const struct addr *target)
{
	return (h->role == HOP_SUSPECT || h->own_port) &&
	       (h->got == HOP_ANSWER || (h->got == HOP_REFUSAL && addr_equal(&h->from, target)));
}

/* Only a router that lets a control die at the same TTL or later shows that the target is further
 * away: a control whose answer is missing may just be lost. */
void hops_impostor(const struct hop_record *v, size_t n, const struct addr *target,
		   struct hop_stretch *out)
{
	struct ladder l;
	climb(&l, v, n, target);
	start(&l, out);
	unsigned answer = 0, after = 0;
	for (size_t i = 0; i < n; i++)
		if (usable(&v[i]) && claims_target(&v[i], target))
			answer = lower(answer, v[i].ttl);
	for (unsigned t = 1; t < answer; t++)
		if (l.at[t].suspect_te)
			after = t;
	if (!answer) {
		out->why = l.rounds ? "no-answer" : "no-steps";
		return;
	}
	set_stretch(&l, after, answer, out);
	out->answered = 1;
	out->shown = l.control_top >= answer;
	bool mixed = mixed_up_to(&l, answer), beside = after + 1 == answer && side_by_side(&l, after);
	out->proven = out->shown && !mixed && beside;
	out->why = !out->shown ? "behind-target" : mixed ? "load-balanced" : beside ? "ok" : "other-way";
}

static enum hop_got got_of(const struct observation *o)
{
	static const struct {
		const char *reply;
		enum hop_got got;
	} words[] = {
		{ "time-exceeded", HOP_ROUTER }, { "data", HOP_ANSWER },  { "syn-ack", HOP_ANSWER },
		{ "rst", HOP_ANSWER },           { "icmp", HOP_REFUSAL },
	};
	const char *reply = obs_get_text(o, A_REPLY, "");
	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		if (strcmp(reply, words[i].reply) == 0)
			return words[i].got;
	return HOP_NOTHING;
}

/* A series is "udp:5684"; a control names the series it is the control of. */
static enum hop_role role_of(const struct observation *o, const char *proto, uint16_t port,
			     const char *series)
{
	if (obs_text_is(o, A_ROLE, "control") && obs_text_is(o, A_CONTROL_OF, series))
		return HOP_CONTROL;
	return obs_text_is(o, A_ROLE, "suspect") && obs_text_is(o, A_PROTO, proto) &&
			       obs_get_int(o, A_PORT, 0) == port ? HOP_SUSPECT : HOP_OTHER;
}

/* Steps that never left (denied here, no route) say nothing about the path. */
static bool is_step(const struct observation *o)
{
	return strcmp(o->check, "path") == 0 && obs_has(o, A_IP_TTL) &&
	       (o->outcome == OUTCOME_ANSWERED || o->outcome == OUTCOME_SILENT);
}

static const char *series_of(const struct run *r, const char *proto, const char *address,
			     uint16_t port)
{
	for (size_t i = 0; i < r->n_obs; i++) {
		const struct observation *o = r->obs[i];
		if (is_step(o) && obs_text_is(o, A_ROLE, "suspect") && obs_text_is(o, A_PROTO, proto) &&
		    obs_text_is(o, A_ADDRESS, address) && obs_get_int(o, A_PORT, 0) == port)
			return obs_get_text(o, A_SERIES, NULL);
	}
	return NULL;
}

size_t hops_collect(const struct run *r, const char *proto, const char *address, uint16_t port,
		    struct hop_record *out, size_t max)
{
	size_t n = 0;
	const char *series = series_of(r, proto, address, port);
	for (size_t i = 0; series && i < r->n_obs && n < max; i++) {
		const struct observation *o = r->obs[i];
		if (!is_step(o) || !obs_text_is(o, A_ADDRESS, address))
			continue;
		struct hop_record *h = &out[n++];
		*h = (struct hop_record){ .role = role_of(o, proto, port, series), .got = got_of(o),
					  .own_port = obs_text_is(o, A_PROTO, proto) &&
						      obs_get_int(o, A_PORT, 0) == port,
					  .ttl = (unsigned)obs_get_int(o, A_IP_TTL, 0),
					  .round = (unsigned)obs_get_int(o, A_ROUND, 0),
					  .order = (uint32_t)obs_get_int(o, A_ORDER, 0), .n = o->n };
		(void)addr_parse(obs_get_text(o, A_HOP, obs_get_text(o, A_ICMP_FROM, "")), &h->from);
	}
	return n;
}
