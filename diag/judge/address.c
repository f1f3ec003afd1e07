/* Names with several addresses: D13, of which some stay silent while others answer. */
#include "faults.h"

static void say_dead(struct judge_view *v, const struct fault *f, size_t i)
{
	const struct flow *g = view_flow(v, i);
	struct draft *d = view_verdict(v, f, CONF_UNDETERMINED, TARGET_BIT(i));
	d->v.effect = EFFECT_FRAGILE;
	d->v.subject = view_subject(v, view_target(v, i));
	d->v.summary = view_say(v, "One of the addresses of %s does not answer on %s",
				view_target_name(v, i), d->v.subject);
	d->v.impact = "Devices that are given this address first connect late or not at all.";
	d->v.seen = view_say(v, "%s is silent while another address of the name answers: %s", g->dead,
			     flow_counts(v, g));
	d->v.who = "not shown: a rule that lists only some of the addresses, or a server that is gone";
	d->v.remedy = view_say(v, "%s; name the host in the rule, not its addresses",
			       view_allow(v, view_target(v, i)));
	d->v.decide = "the same address asked from another network";
	d->v.confirm = view_confirm(v, g->check->id);
	d->v.ask = view_say(v, "Please %s.", d->v.remedy);
	draft_cite_flow(v, d, g);
}

static void stale_allowlist(struct judge_view *v, const struct fault *f)
{
	for (size_t i = 0; i < v->run->profile->n_targets; i++)
		if (view_flow(v, i) && view_flow(v, i)->check->state == STATE_WARN)
			say_dead(v, f, i);
}

const struct fault fault_stale_allowlist = {
	"stale-allowlist", "D13", "dns", "Some of the cloud's addresses do not answer", stale_allowlist,
	NULL,
	"The name has several addresses, and only some of them can be reached, often because a rule lists "
	"the addresses of another day.",
	"Two tries to one address unanswered, another address of the same name answers.",
	"A server that is gone while DNS still names it; loss that hit the same address twice.",
	"A rule by name, or one that is refreshed.",
};
