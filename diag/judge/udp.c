/* The devices' DTLS flow: U1 U2 U3 U4 U5 U11 and U21. */
#include "faults.h"
#include "udp_read.h"

#include <string.h>

static struct draft *udp_verdict(struct judge_view *v, const struct fault *f, enum confidence c,
				 uint64_t mask, size_t first)
{
	const struct profile_target *t = view_target(v, first);
	const struct flow *g = view_flow(v, first);
	struct draft *d = view_verdict(v, f, c, mask);
	d->v.subject = view_subject(v, t);
	d->v.seen = view_say(v, "%s to %s: %s", d->v.subject, view_stem_targets(v, mask),
			     flow_counts(v, g));
	d->v.confirm = view_confirm(v, t->check);
	draft_cite_targets(v, d, mask);
	return d;
}

static void say_allow(struct judge_view *v, struct draft *d, size_t first)
{
	d->v.remedy = view_allow(v, view_target(v, first));
	d->v.ask = view_say(v, "Please %s.", d->v.remedy);
}

static enum hop_result hops_of(struct judge_view *v, size_t i, struct hop_finding *out)
{
	hop_differential(v, view_target(v, i), out);
	return out->result;
}

static void say_clear(struct judge_view *v, struct draft *d, size_t i)
{
	d->v.seen = view_say(v, "%s; the routers on the way let the packet through", d->v.seen);
	hop_cite(v, d, view_target(v, i));
}

/* Who drops it, as far as the hop differential shows. */
static void say_dropper(struct judge_view *v, struct draft *d, size_t first)
{
	struct hop_finding hop;
	enum hop_result r = hops_of(v, first, &hop);
	d->v.who = "not shown: this site or its provider";
	d->v.decide = "the routers on the way answering stepped packets, a control server on the same port, "
		      "or the same check from another network";
	if (r == HOP_CLEAR) {
		d->v.who = "not shown: a box right before the server, the server itself, or a drop of its answers "
			   "on the way back";
		d->v.decide = "the same check from another network, or other operators on the same port "
			      "(--controls)";
		say_clear(v, d, first);
	}
	if (r != HOP_PROVEN && r != HOP_LIKELY)
		return;
	d->v.who = view_say(v, "%s %s", r == HOP_PROVEN ? "the box" : "looks like the box", hop.where);
	d->v.seen = view_say(v, "%s; %s", d->v.seen, hop.counts);
	hop_cite(v, d, view_target(v, first));
}

/* ---- U1 ---- */
/* Every UDP service beyond the site that was asked; the number of ports among them. */
static uint64_t silent_udp(const struct judge_view *v, unsigned *ports, bool *strict)
{
	uint64_t mask = 0;
	uint16_t last = 0;
	*ports = 0;
	*strict = true;
	for (size_t i = 0; i < v->run->profile->n_targets; i++) {
		const struct profile_target *t = view_target(v, i);
		const struct flow *f = view_flow(v, i);
		if (t->transport != TRANSPORT_UDP || !f || !f->sent || f->on_link)
			continue;
		if (!flow_hinted(f) || (target_is(t, "dtls-device") && udp_read(v, i) != UDP_SILENT)) {
			*ports = 0;
			return 0;
		}
		*strict &= flow_silent(f);
		*ports += t->port != last;
		last = t->port;
		mask |= TARGET_BIT(i);
	}
	return mask;
}

static bool all_udp_silent(const struct judge_view *v, uint64_t *mask, bool *strict)
{
	unsigned ports;
	*mask = silent_udp(v, &ports, strict);
	return *mask && (ports >= 2 || v->nothing_out) && !udp_leaves(v);
}

/* Neither UDP nor TCP: one root cause for everything. */
static void say_nothing_out(struct judge_view *v, struct draft *d)
{
	d->v.subject = "all traffic";
	d->v.summary = "Nothing from this host gets out of this network";
	d->v.seen = view_say(v, "UDP and TCP to %s: no answer of any kind, while the local network works",
			     view_stem_targets(v, v->all_targets));
	d->v.who = "looks like a firewall that denies everything, network access control on this MAC, or "
		   "a dead uplink";
	d->v.remedy = "put the devices on a network with Internet access (register their MACs where that "
		      "is asked for), then allow what devices need, as listed";
	d->v.decide = "the same run from another MAC or port of this network: if that passes, it is access "
		      "control on the MAC; if not, the uplink or its firewall";
	d->v.ask = "Please let the devices out to the Internet as listed: from here nothing gets out.";
	draft_cite_targets(v, d, v->all_targets);
}

static void udp_all_blocked(struct judge_view *v, const struct fault *f)
{
	uint64_t mask;
	bool strict;
	if (!all_udp_silent(v, &mask, &strict))
		return;
	size_t first = (size_t)__builtin_ctzll(mask);
	bool control = v->tcp_out || v->nothing_out;
	struct draft *d = udp_verdict(v, f, strict && control ? CONF_LIKELY : CONF_UNDETERMINED,
				      v->nothing_out ? v->all_targets : mask, first);
	if (v->nothing_out) {
		say_nothing_out(v, d);
		return;
	}
	d->v.subject = "UDP";
	d->v.summary = "Looks like no UDP leaves this network";
	d->v.seen = view_say(v, "UDP to %s: no answer of any kind%s", view_stem_targets(v, mask),
			     v->tcp_out ? ", while TCP connections work" : "");
	d->v.who = "not shown: this site or its provider";
	d->v.decide = "a control server that answers on several UDP ports, or the same check from another "
		      "network";
	say_allow(v, d, first);
}

const struct fault fault_udp_all_blocked = {
	"udp-all-blocked", "U1", "udp", "No UDP gets out", udp_all_blocked,
	"udp-port-blocked server-down udp-dest-block ntp-blocked port-drop dest-drop captive-http",
	"Every UDP packet to the outside stays unanswered, whatever its port; often nothing gets out at all.",
	"At least two UDP services on different ports silent, five tries over eight seconds each, and no sign "
	"of UDP beyond the first router: likely. Only a control server can prove it.",
	"One dropped port (U2) beside a dead time server; network access control on this MAC.",
	"Allow UDP 5684 with replies.",
};

/* ---- U2 ---- */
static enum confidence port_blocked_sure(struct judge_view *v, size_t i)
{
	struct hop_finding hop;
	uint64_t mask;
	bool strict;
	if (udp_read(v, i) != UDP_SILENT || udp_same_port(v, i) || all_udp_silent(v, &mask, &strict))
		return CONF_COUNT;
	bool silent = flow_silent(view_flow(v, i));
	switch (hops_of(v, i, &hop)) {
	case HOP_PROVEN:
		return silent ? CONF_PROVEN : CONF_LIKELY;
	case HOP_CLEAR:
		return CONF_UNDETERMINED; /* the last box before the server, or the server: U4 as well */
	default:
		return silent && (udp_leaves(v) || v->tcp_out) ? CONF_LIKELY : CONF_UNDETERMINED;
	}
}

static void udp_port_blocked(struct judge_view *v, const struct fault *f)
{
	for (size_t i = 0; i < v->run->profile->n_targets; i++) {
		enum confidence c = port_blocked_sure(v, i);
		if (c == CONF_COUNT)
			continue;
		struct draft *d = udp_verdict(v, f, c, TARGET_BIT(i), i);
		struct hop_finding hop;
		d->v.summary = view_say(v, "The network %s outbound %s",
					c == CONF_PROVEN ? "drops" : "looks like it drops", d->v.subject);
		if (hops_of(v, i, &hop) == HOP_CLEAR)
			d->v.summary = view_say(v, "%s or its answers are dropped near the server, or it is "
						"silent", d->v.subject);
		if (v->udp_out || v->tcp_out)
			d->v.seen = view_say(v, "%s; other %s works", d->v.seen,
					     v->udp_out && v->tcp_out ? "UDP and TCP" : v->udp_out ? "UDP" : "TCP");
		say_dropper(v, d, i);
		say_allow(v, d, i);
	}
}

const struct fault fault_udp_port_blocked = {
	"udp-port-blocked", "U2", "udp", "The devices' UDP port is dropped", udp_port_blocked, NULL,
	"The devices' handshake on this UDP port stays unanswered while other traffic works.",
	"Five hellos over eight seconds unanswered while other traffic passes: likely. Proven only when the "
	"same packet with stepped TTL stops at a hop that lets it pass to another port.",
	"A server that is down (U4): then the routers on the way let the packet through; no UDP at all (U1); a "
	"DNS answer that leads elsewhere (D7, D10).",
	"Allow the port outbound with replies.",
};

/* ---- U3 ---- */
/* Port unreachable in the server's name, but for a packet that died before the server. */
static bool refused_early(struct judge_view *v, size_t i, struct hop_answer *out)
{
	if (udp_read(v, i) != UDP_REFUSED)
		return false;
	hop_early_answer(v, view_target(v, i), out);
	return out->found;
}

static void say_refused_early(struct judge_view *v, const struct fault *f, size_t i, unsigned ttl)
{
	struct draft *d = udp_verdict(v, f, CONF_PROVEN, TARGET_BIT(i), i);
	d->v.summary = view_say(v, "A box before the server refuses %s", d->v.subject);
	d->v.seen = view_say(v, "%s; \"port unreachable\" in the server's name came also for a packet that dies "
			     "after %u hop%s, before the server", d->v.seen, ttl, ttl == 1 ? "" : "s");
	d->v.who = view_say(v, "%s; it speaks in the server's name", hop_box_text(v, ttl));
	say_allow(v, d, i);
	hop_cite(v, d, view_target(v, i));
}

static void udp_rejected(struct judge_view *v, const struct fault *f)
{
	struct hop_answer early;
	for (size_t i = 0; i < v->run->profile->n_targets; i++)
		if (refused_early(v, i, &early))
			say_refused_early(v, f, i, early.ttl);
	for (size_t i = 0; i < v->run->profile->n_targets; i++) {
		const struct flow *g = view_flow(v, i);
		if (udp_read(v, i) != UDP_REJECTED || !g->icmp_from)
			continue;
		struct draft *d = udp_verdict(v, f, CONF_PROVEN, TARGET_BIT(i), i);
		const char *rule = view_allow(v, view_target(v, i));
		d->v.summary = view_say(v, "%s rejects outbound %s", g->icmp_from, d->v.subject);
		d->v.who = view_say(v, "%s, which names itself as the sender of the ICMP errors", g->icmp_from);
		d->v.remedy = view_say(v, "on %s: %s", g->icmp_from, rule);
		d->v.ask = view_say(v, "Please %s (%s rejects it).", rule, g->icmp_from);
	}
}

const struct fault fault_udp_rejected = {
	"udp-rejected", "U3", "udp", "A box rejects the devices' UDP port", udp_rejected, NULL,
	"A firewall or router says by ICMP that the packet is not allowed.",
	"ICMP 3/9, 3/10, 3/13, or 3/3 from another than the target: it names its sender. Or 3/3 in the "
	"target's name for a packet whose TTL ended before the target.",
	"Port unreachable from the target itself (U4); no route (C6); this host's own rules (L4).",
	"A rule on the box that is named.",
};

/* ---- U4, U5 ---- */
static void say_server(struct judge_view *v, struct draft *d, size_t i)
{
	d->v.summary = view_say(v, "%s does not answer on %s; this network seems to let it through",
				view_target_name(v, i), d->v.subject);
	d->v.who = view_say(v, "looks like the server %s itself", view_target_name(v, i));
	d->v.remedy = "see the cloud's status page, or ask its operator; nothing to change here";
	d->v.decide = "the same check from another network";
}

static void say_other_operator(struct judge_view *v, struct draft *d, const struct observation *o)
{
	d->v.seen = view_say(v, "%s; %s answers on the same port", d->v.seen,
			     obs_get_text(o, A_NAME, obs_get_text(o, A_ADDRESS, "another server")));
	draft_cite(d, o);
}

/* The refusals come from as far away as the target is seen to be, as far as that is known. */
static bool refused_afar(struct judge_view *v, size_t i)
{
	struct hop_reach reach;
	hop_reach(v, view_target(v, i), &reach);
	return udp_read(v, i) == UDP_REFUSED && (!reach.control || !reach.own || reach.control <= reach.own);
}

static void server_down(struct judge_view *v, const struct fault *f)
{
	for (size_t i = 0; i < v->run->profile->n_targets; i++) {
		struct hop_finding hop = { 0 };
		struct hop_answer early;
		enum udp_reading r = udp_read(v, i);
		const struct observation *other = udp_same_port(v, i);
		if ((r != UDP_REFUSED && r != UDP_SILENT) || refused_early(v, i, &early))
			continue;
		bool clear = r == UDP_SILENT && hops_of(v, i, &hop) == HOP_CLEAR;
		if (r == UDP_SILENT && (hop.result == HOP_PROVEN || (!clear && !other)))
			continue;
		bool sure = refused_afar(v, i) || (clear && other && flow_silent(view_flow(v, i)));
		struct draft *d = udp_verdict(v, f, sure ? CONF_LIKELY : CONF_UNDETERMINED, TARGET_BIT(i), i);
		say_server(v, d, i);
		if (!sure && r == UDP_REFUSED) {
			d->v.summary = view_say(v, "%s is refused by the server, or by a box in its name",
						d->v.subject);
			d->v.who = "not shown: the server itself (U4) or a box nearer than the server (U3)";
		} else if (!sure) {
			d->v.summary = view_say(v, "%s does not answer on %s, or is blocked on its own",
						view_target_name(v, i), d->v.subject);
			d->v.who = other ? "not shown: the server itself (U4) or a rule against this destination (U5)" :
					   "not shown: the server itself (U4), a box right before it (U2), or a drop of "
					   "its answers on the way back";
		}
		if (r == UDP_REFUSED)
			d->v.seen = view_say(v, "%s; the ICMP errors come from the server's own address", d->v.seen);
		if (clear)
			say_clear(v, d, i);
		if (other)
			say_other_operator(v, d, other);
	}
}

const struct fault fault_server_down = {
	"server-down", "U4", "udp", "The cloud does not answer", server_down, NULL,
	"The network lets the packet through, but the server refuses it or stays silent.",
	"ICMP port unreachable from the target's own address; or silence although every router on the way "
	"lets the packet through as far as any other; or another operator that answers on the same port.",
	"A drop right at the server's edge, which looks the same; a rule against this destination (U5).",
	"Wait; the operator of the cloud.",
};

static void udp_dest_block(struct judge_view *v, const struct fault *f)
{
	for (size_t i = 0; i < v->run->profile->n_targets; i++) {
		struct hop_finding hop;
		const struct observation *other = udp_same_port(v, i);
		if (udp_read(v, i) != UDP_SILENT || !other || hops_of(v, i, &hop) != HOP_PROVEN)
			continue;
		struct draft *d = udp_verdict(v, f, CONF_PROVEN, TARGET_BIT(i), i);
		d->v.summary = view_say(v, "The network drops %s to %s, not the port as such", d->v.subject,
					view_target_name(v, i));
		say_other_operator(v, d, other);
		say_dropper(v, d, i);
		say_allow(v, d, i);
	}
}

const struct fault fault_udp_dest_block = {
	"udp-dest-block", "U5", "udp", "The devices' destination is dropped", udp_dest_block, NULL,
	"The port works elsewhere, but packets to this destination are dropped on the way.",
	"Another operator answers on the same port, and the packet with stepped TTL stops before the target.",
	"A server that is down (U4).",
	"Allow the destination.",
};

/* ---- U11 ---- */
/* The last thing that came. */
/* "a,b" as a reader wants it: "a, b". */
static const char *spaced(struct judge_view *v, const char *list)
{
	const char *text = "";
	for (size_t n; *list; list += n + (list[n] == ',')) {
		n = strcspn(list, ",");
		text = view_say(v, "%s%s%.*s", text, *text ? ", " : "", (int)n, list);
	}
	return text;
}

static const char *stall_text(struct judge_view *v, size_t i)
{
	const struct flow *f = view_flow(v, i), *id = udp_identity(v, i);
	if (!f->answered && !f->provisional)
		return "the echo test is answered, the first hello is not";
	if (id && id->alert)
		return "the cookie exchange works, then an alert comes instead of the server's flight";
	const struct observation *o, *last = NULL;
	struct pick p = { .check = id ? id->check->id : "", .role = ROLE_OWN };
	for (size_t at = 0; (o = view_next(v, &p, &at));)
		last = obs_has(o, A_FLIGHT) ? o : last;
	if (last && obs_text_is(last, A_FLIGHT, "hello-verify-request"))
		return "the server asks for its cookie again and again, and never goes on";
	return last ? view_say(v, "the cookie exchange works; of the server's flight only %s came",
			       spaced(v, obs_get_text(last, A_FLIGHT, ""))) :
		      "the cookie exchange works, then nothing of the server's flight comes";
}

static void flight_stall(struct judge_view *v, const struct fault *f)
{
	for (size_t i = 0; i < v->run->profile->n_targets; i++) {
		const struct flow *id = udp_identity(v, i);
		const struct flow *hello = view_flow(v, i);
		if (udp_read(v, i) != UDP_STALLED || (id && id->aborted && !id->silent && !id->alert))
			continue;
		struct draft *d = udp_verdict(v, f, CONF_UNDETERMINED, TARGET_BIT(i), i);
		bool open = hello->answered || hello->provisional;
		d->v.effect = open && d->v.effect == EFFECT_BLOCKS ? EFFECT_FRAGILE : d->v.effect;
		d->v.summary = view_say(v, "%s is open, but the handshake stalls: who answers is not shown",
					d->v.subject);
		d->v.impact = open ? "The port is open, but it is not shown that the cloud itself answers; devices "
				     "may fail to connect." : NULL;
		d->v.seen = stall_text(v, i);
		d->v.who = "not shown: larger packets lost on the way, a filter on the handshake, or the server";
		d->v.remedy = view_say(v, "let %s pass whole, with packets of up to 1,500 bytes and their replies",
				       d->v.subject);
		d->v.decide = "a control server that sends packets of the same size; or the same check from "
			      "another network";
		if (id)
			draft_cite_flow(v, d, id);
	}
}

const struct fault fault_flight_stall = {
	"flight-stall", "U11", "udp", "The handshake stalls", flight_stall, NULL,
	"The first exchange works, but the server's flight, which is larger, does not arrive whole.",
	"An authentic HelloVerifyRequest, then silence or an alert for several repeats of the second hello.",
	"Packets over a size lost (U9, U10); a server in trouble; a filter on the handshake.",
	"Per cause: MTU, fragments, application control.",
};

/* ---- U21 ---- */
/* One damaged datagram can happen to anyone; a wrong signature or suite cannot. */
static enum confidence impostor_sure(const struct judge_view *v, size_t i)
{
	const struct flow *f = view_flow(v, i), *id = udp_identity(v, i);
	if (id && id->mismatch)
		return CONF_PROVEN;
	unsigned strange = f->mismatch + f->garbled + (id ? id->garbled : 0);
	return strange >= 2 ? CONF_PROVEN : CONF_UNDETERMINED;
}

static const char *strange_text(struct judge_view *v, size_t i)
{
	static const struct {
		const char *word, *text;
	} words[] = { { "wrong-signature", "its signature does not verify under the cloud's key" },
		      { "wrong-suite", "it chose a cipher suite that was not offered" },
		      { "malformed-params", "its key exchange is malformed" } };
	const struct flow *id = udp_identity(v, i);
	struct pick p = { .check = id ? id->check->id : "", .outcomes = OUTCOME_BIT(OUTCOME_MISMATCH) };
	size_t at = 0;
	const struct observation *o = id ? view_next(v, &p, &at) : NULL;
	for (size_t k = 0; o && k < sizeof(words) / sizeof(words[0]); k++)
		if (obs_text_is(o, A_IDENTITY, words[k].word))
			return words[k].text;
	return "the bytes that come back are not DTLS";
}

static void udp_impostor(struct judge_view *v, const struct fault *f)
{
	for (size_t i = 0; i < v->run->profile->n_targets; i++) {
		if (udp_read(v, i) != UDP_STRANGER)
			continue;
		struct draft *d = udp_verdict(v, f, impostor_sure(v, i), TARGET_BIT(i), i);
		const struct profile_target *t = view_target(v, i);
		struct hop_answer early;
		const struct flow *id = udp_identity(v, i);
		hop_early_answer(v, t, &early);
		d->v.summary = view_say(v, "Something answers on %s that does not hold the cloud's key",
					d->v.subject);
		d->v.seen = view_say(v, "%s answers, but %s", view_target_name(v, i), strange_text(v, i));
		d->v.who = "not shown where: a redirection on the way, or the address that DNS gives";
		if (early.found) {
			d->v.who = view_say(v, "%s; it answers in the cloud's name",
					    hop_box_text(v, early.ttl));
			hop_cite(v, d, t);
		}
		d->v.remedy = view_say(v, "exempt %s from redirection and inspection; check the DNS answer for %s",
				       d->v.subject, view_target_name(v, i));
		d->v.decide = "a second try: one damaged answer can be chance";
		d->v.ask = view_say(v, "Please %s.", d->v.remedy);
		if (id)
			draft_cite_flow(v, d, id);
	}
}

const struct fault fault_udp_impostor = {
	"udp-impostor", "U21", "udp", "Something else answers in the cloud's place", udp_impostor, NULL,
	"The answers on the devices' port do not come from the cloud; a device refuses them.",
	"The server's signature fails under the profile's key, or it chooses what was not offered, or its "
	"bytes are no DTLS at all (twice).",
	"An alert, or silence, in place of the flight: that is no impostor, only unknown; a key that the "
	"profile has wrong (--identity-key).",
	"Exempt the port from redirection, check DNS.",
};
