/*
 * How long the NAT remembers: U12, U13 and U14 for UDP, C11 for TCP. The devices work behind such a
 * NAT, but between two pings the cloud cannot reach them. A row names the kinds it touches, each by
 * its own default, and leaves the others alone.
 */
#include "faults.h"
#include "nat_read.h"

#include <string.h>

/* An answered flow that is gone at the youngest ages a probe tries (3 to 5 s) was closed by the
 * answer: no box keeps so short a timer for a flow that works (RFC 4787 REQ-5: 2 min). */
#define ONE_REPLY_S 5.0

static const char *join(struct judge_view *v, const char *list, const char *word)
{
	return *list ? view_say(v, "%s, %s", list, word) : word;
}

/* "every 25 s", "every 23 min" */
static const char *every(struct judge_view *v, double s)
{
	bool minutes = s >= 120 && (long)s % 60 == 0;
	return view_say(v, "every %.6g %s", minutes ? s / 60 : s, minutes ? "min" : "s");
}

static const char *interface_title(const char *interface)
{
	return strcmp(interface, "ethernet") == 0 ? "Ethernet" : strcmp(interface, "wifi") == 0 ? "Wi-Fi" :
													interface;
}

/* The kinds that a row is about: those of one fit and one transport, as they are here. */
struct touched {
	uint64_t kinds;
	size_t target;            /* of the first */
	double worst_unreachable; /* share of the time */
	/* of those that count, else of all: "Argon, P2 on Wi-Fi (every 25 s)", "every 25 s" */
	const char *text, *intervals;
};

static double unreachable(const struct judge_view *v, const struct nat_device *k)
{
	struct keepalive_path path;
	struct keepalive_ping ping;
	struct keepalive_expected e;
	const struct profile_target *t = view_target(v, (size_t)k->target_index);
	if (!nat_path(v->run->nat, t->transport, &path))
		return 0;
	nat_ping(v, t, &ping);
	keepalive_expect(&ping, &path, k->default_s, &e);
	return e.unreachable;
}

static bool same_way(const struct nat_device *a, const struct nat_device *b)
{
	return a->default_s == b->default_s && strcmp(a->interface, b->interface) == 0;
}

/* One entry for each interface and default. */
static void name_kinds(struct judge_view *v, const struct nat_device *k, size_t n, struct touched *out)
{
	out->text = out->intervals = "";
	for (size_t i = 0; i < n; i++) {
		const char *names = "", *how = every(v, k[i].default_s);
		bool first = true;
		for (size_t j = 0; j < i; j++)
			first &= !same_way(&k[j], &k[i]);
		for (size_t j = i; first && j < n; j++)
			if (same_way(&k[j], &k[i]))
				names = join(v, names, v->run->profile->kinds[k[j].kind_index].title);
		if (!first)
			continue;
		out->text = join(v, out->text, view_say(v, "%s on %s (%s)", names,
							interface_title(k[i].interface), how));
		if (!strstr(out->intervals, how))
			out->intervals = join(v, out->intervals, how);
	}
}

static bool find(struct judge_view *v, enum transport transport, enum nat_fit fit, struct touched *out)
{
	struct nat_device all[NAT_MAX_DEVICES], named[NAT_MAX_DEVICES];
	size_t n = nat_devices(v, all), n_named = 0, n_counting = 0;
	*out = (struct touched){ .kinds = 0 };
	for (int counting = 1; counting >= 0; counting--)
		for (size_t i = 0; i < n; i++) {
			const struct nat_device *k = &all[i];
			if (!k->here || k->fit != fit || plan_kind_counts(v->run, k->kind_index) != counting ||
			    view_target(v, (size_t)k->target_index)->transport != transport)
				continue;
			out->kinds |= KIND_BIT(k->kind_index);
			named[n_named++] = *k;
			n_counting += (size_t)counting;
		}
	n_named = n_counting ? n_counting : n_named;
	for (size_t i = 0; i < n_named; i++) {
		double share = unreachable(v, &named[i]);
		out->worst_unreachable = share > out->worst_unreachable ? share : out->worst_unreachable;
	}
	out->target = n_named ? (size_t)named[0].target_index : 0;
	name_kinds(v, named, n_named, out);
	return out->kinds != 0;
}

static struct draft *nat_verdict(struct judge_view *v, const struct fault *f, enum confidence c,
				 const struct touched *t)
{
	struct draft *d = view_verdict(v, f, c, 0);
	d->v.effect = t->kinds ? EFFECT_FRAGILE : EFFECT_NOTE;
	d->v.kinds = t->kinds;
	d->v.subject = view_subject(v, view_target(v, t->target));
	d->v.who = v->run->nat->forgets_first ?
			   view_say(v, "the NAT at %s", v->run->nat->forgets_first) :
			   "not shown: this site's gateway, or a NAT of its provider";
	d->v.confirm = "sallyport nat";
	d->v.decide = "a second mapping that dies at the same age while a younger one lives (sallyport nat "
		      "with a reflector)";
	return d;
}

static void say_deaf(struct judge_view *v, struct draft *d, const struct touched *t)
{
	double percent = t->worst_unreachable * 100;
	const char *share = percent < 1 ? "now and then" :
			    view_say(v, "for about %.0f %% of the time", percent);
	d->v.impact = view_say(v, "%s: they reach the cloud, but %s the cloud cannot reach them, so functions, "
			       "variables and updates time out.", t->text, share);
}

/* "answered once 29.6 to 30.4 s (poke; 10 of 10 alive at 29.6 s)" */
static const char *seen_state(struct judge_view *v, const char *s, const char *what,
			      const struct nat_lifetime *l)
{
	if (!l->known)
		return s;
	const char *trials = l->trials ? view_say(v, "; %u of %u alive at %.4g s", l->trials, l->trials,
						  l->lower_s) : "";
	const char *how = l->method ? view_say(v, " (%s%s)", l->method, trials) : "";
	return join(v, s, view_say(v, "%s %s%s", what, nat_bracket(v, l), how));
}

static const char *seen_udp(struct judge_view *v)
{
	const struct nat_facts *n = v->run->nat;
	struct nat_lifetime young = nat_young(n);
	const char *s = seen_state(v, "", "unanswered", &n->udp[NAT_NEW]);
	s = seen_state(v, s, "answered once", &young);
	return view_say(v, "idle flows lived: %s", seen_state(v, s, "in use", &n->udp[NAT_ESTABLISHED]));
}

/* Both levers, the nearer one first. */
static void say_levers(struct judge_view *v, struct draft *d, const struct touched *t)
{
	struct nat_levers l;
	const struct profile_target *target = view_target(v, t->target);
	nat_levers(v, &l);
	const char *device = !l.known || !l.in_time ? "" :
			     view_say(v, "let the devices ping %s (%s)", every(v, l.device.interval_s),
				      nat_call(v, l.kind.kind_index, l.device.interval_s));
	d->v.remedy = device;
	if (l.known && l.timer_s <= 0)
		return; /* long enough: it is for the devices to change */
	const char *timer = view_say(v, "raise the idle timer of UDP flows to port %u to %.0f s or more",
				     target->port, l.known ? l.timer_s : NAT_TIMER_S);
	d->v.ask = view_say(v, "Please %s for the devices (RFC 4787 REQ-5 wants 120 s at least, 300 s "
			    "recommended).", timer);
	d->v.remedy = *device ? view_say(v, "%s, or %s", device, timer) : timer;
}

static bool one_reply_only(const struct nat_facts *n)
{
	const struct nat_lifetime *fresh = &n->udp[NAT_NEW], *answered = &n->udp[NAT_REPLIED];
	return fresh->known && answered->known && answered->upper_s > 0 &&
	       answered->upper_s <= ONE_REPLY_S && fresh->lower_s >= answered->upper_s;
}

/* ---- U12 ---- */
/* Proven only for the flow in use, on the devices' own port, with a confirmed death. */
static enum confidence short_sure(const struct judge_view *v, const struct touched *t)
{
	const struct nat_lifetime *old = &v->run->nat->udp[NAT_ESTABLISHED];
	return old->known && old->confirmed && old->port == view_target(v, t->target)->port ? CONF_PROVEN :
											     CONF_LIKELY;
}

static struct draft *say_short(struct judge_view *v, const struct fault *f, enum confidence c,
			       const struct touched *t)
{
	struct nat_lifetime l = v->run->nat->udp[NAT_ESTABLISHED], young = nat_young(v->run->nat);
	struct draft *d = nat_verdict(v, f, c, t);
	d->v.summary = view_say(v, "The NAT forgets an idle UDP flow after %s; devices ping %s",
				nat_bracket(v, l.known ? &l : &young), t->intervals);
	d->v.seen = seen_udp(v);
	say_deaf(v, d, t);
	say_levers(v, d, t);
	nat_cite(v, d, "udp", NULL);
	return d;
}

static void nat_short(struct judge_view *v, const struct fault *f)
{
	struct touched t;
	if (one_reply_only(v->run->nat))
		return;
	if (find(v, TRANSPORT_UDP, NAT_FIT_NO, &t))
		say_short(v, f, short_sure(v, &t), &t);
	if (!find(v, TRANSPORT_UDP, NAT_FIT_EDGE, &t))
		return;
	struct draft *d = say_short(v, f, CONF_LIKELY, &t);
	d->v.subject = view_say(v, "%s, at the edge", d->v.subject);
	d->v.summary = view_say(v, "%s, at the edge of that", d->v.summary);
	d->v.decide = "a narrower bracket (sallyport nat with a reflector), or a longer timer";
}

const struct fault fault_nat_short = {
	"nat-short", "U12", "nat", "The NAT forgets devices between their pings", nat_short, NULL,
	"The NAT forgets an idle UDP flow before the device pings again, so that the cloud cannot reach it "
	"until it does.",
	"A flow in use, on the devices' port, alive at one idle time and dead at a longer one that is still "
	"shorter than the device's interval; proven when two mappings died while a younger one lived. "
	"Within the margin of the interval: likely.",
	"A lost test packet; a NAT that was flushed or rebooted, where flows of all ages die at once; an "
	"address that changed.",
	"A shorter interval on the device, or a longer UDP idle timer on the NAT.",
};

/* ---- U13 ---- */
static void nat_new_vs_established(struct judge_view *v, const struct fault *f)
{
	const struct nat_facts *n = v->run->nat;
	const struct nat_lifetime *old = &n->udp[NAT_ESTABLISHED];
	struct nat_lifetime young = nat_young(n);
	struct touched t;
	if (!old->known || young.upper_s <= 0 || old->lower_s < young.upper_s || one_reply_only(n))
		return;
	bool any = find(v, TRANSPORT_UDP, NAT_FIT_YOUNG, &t);
	for (size_t i = 0; !any && i < v->run->profile->n_targets; i++)
		if (view_target(v, i)->transport == TRANSPORT_UDP && view_target(v, i)->required)
			t.target = i;
	struct draft *d = nat_verdict(v, f, young.confirmed && !any ? CONF_PROVEN : CONF_LIKELY, &t);
	d->v.summary = view_say(v, "The NAT forgets a new UDP flow after %s, one in use after %s",
				nat_bracket(v, &young), nat_bracket(v, old));
	d->v.seen = seen_udp(v);
	d->v.remedy = "nothing to change";
	if (any) {
		say_deaf(v, d, &t);
		say_levers(v, d, &t);
		d->v.remedy = view_say(v, "let the devices send once more 3 to 5 s after every connect, which "
				       "makes the flow one in use; or %s", d->v.remedy);
		d->v.decide = "a capture of a device: whether it sends again before its new flow is forgotten";
	}
	nat_cite(v, d, "udp", NULL);
}

const struct fault fault_nat_new_vs_established = {
	"nat-new-vs-established", "U13", "nat", "New flows are forgotten sooner", nat_new_vs_established, NULL,
	"The NAT has two timers: a short one until a flow was used for more than 2 s, then a longer one. A "
	"device whose first ping comes after the short one never gets the longer one.",
	"The lifetime after one exchange ends before that of a flow in use begins.",
	"A lifetime that differs from run to run; a probe whose first answer was lost.",
	"An early ping after every connect, or the longer timer for new flows too.",
};

/* ---- U14 ---- */
static void nat_one_reply_only(struct judge_view *v, const struct fault *f)
{
	const struct nat_facts *n = v->run->nat;
	const struct nat_lifetime *answered = &n->udp[NAT_REPLIED];
	struct touched t;
	if (!one_reply_only(n) || !(find(v, TRANSPORT_UDP, NAT_FIT_NO, &t) ||
				    find(v, TRANSPORT_UDP, NAT_FIT_YOUNG, &t)))
		return;
	bool sure = answered->confirmed && answered->port == view_target(v, t.target)->port;
	struct draft *d = nat_verdict(v, f, sure ? CONF_PROVEN : CONF_LIKELY, &t);
	d->v.summary = "The firewall closes a UDP flow after one reply";
	d->v.seen = seen_udp(v);
	say_deaf(v, d, &t);
	d->v.remedy = view_say(v, "treat %s as a stateful flow with an idle timer, not as one question and one "
			       "answer", d->v.subject);
	d->v.ask = view_say(v, "Please %s.", d->v.remedy);
	nat_cite(v, d, "udp", NULL);
}

const struct fault fault_one_reply_only = {
	"one-reply-only", "U14", "nat", "UDP flows are closed after one reply", nat_one_reply_only, NULL,
	"A firewall takes UDP for question and answer: the first reply passes, and closes the flow.",
	"A flow that was answered is gone within 5 s, while one that was not answered lives longer.",
	"A NAT with a short timer for all flows (U12).",
	"Treat the port as a stateful flow.",
};

/* ---- C11 ---- */
static void tcp_idle_cut(struct judge_view *v, const struct fault *f)
{
	const struct nat_lifetime *l = &v->run->nat->tcp;
	struct touched t;
	bool edge = false;
	if (!find(v, TRANSPORT_TCP, NAT_FIT_NO, &t) && !(edge = find(v, TRANSPORT_TCP, NAT_FIT_EDGE, &t)))
		return;
	bool sure = !edge && l->confirmed && l->port == view_target(v, t.target)->port;
	struct draft *d = nat_verdict(v, f, sure ? CONF_PROVEN : CONF_LIKELY, &t);
	d->v.summary = view_say(v, "An idle TCP connection is cut after %s; devices ping %s",
				nat_bracket(v, l), t.intervals);
	d->v.seen = view_say(v, "idle TCP connections lived %s%s%s", nat_bracket(v, l),
			     v->run->nat->tcp_expiry ? ", then: " : "",
			     v->run->nat->tcp_expiry ? v->run->nat->tcp_expiry : "");
	d->v.impact = view_say(v, "%s: they connect, lose the connection while it is idle and begin again, over "
			       "and over.", t.text);
	d->v.remedy = view_say(v, "raise the idle timer of TCP connections to port %u: RFC 5382 REQ-5 wants 2 h "
			       "4 min", view_target(v, t.target)->port);
	d->v.ask = view_say(v, "Please %s.", d->v.remedy);
	nat_cite(v, d, "tcp", NULL);
}

const struct fault fault_tcp_idle_cut = {
	"tcp-idle-cut", "C11", "nat", "Idle TCP connections are cut", tcp_idle_cut, NULL,
	"A box on the way forgets an idle TCP connection before the device pings again.",
	"Data pushed by the server into an idle connection arrives at one idle time and not at a longer one "
	"that is still shorter than the device's interval.",
	"A server that closes idle connections itself.",
	"A longer TCP idle timer.",
};
