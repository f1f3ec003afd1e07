/* TCP connections that do not come about, or not with the cloud: C1 C2 C3 C4 C5 C9 and C14. */
#include "faults.h"
#include "tcp_read.h"

#include <string.h>

/* How sure a row is about target i; CONF_COUNT: the row does not hold. */
typedef enum confidence sure_fn(struct judge_view *v, size_t i);

/* The targets for which a row holds as it does for i: same port, same confidence. Nothing when a
 * target before i stands for them already. */
static uint64_t alike(struct judge_view *v, size_t i, sure_fn *sure, enum confidence *c)
{
	uint64_t mask = 0;
	*c = sure(v, i);
	for (size_t k = 0; *c != CONF_COUNT && k < v->run->profile->n_targets; k++) {
		if (view_target(v, k)->port != view_target(v, i)->port || sure(v, k) != *c)
			continue;
		if (k < i)
			return 0;
		mask |= TARGET_BIT(k);
	}
	return mask;
}

/* What all rows of this file say in the same words. */
static struct draft *tcp_verdict(struct judge_view *v, const struct fault *f, enum confidence c,
				 uint64_t mask, size_t first)
{
	const struct profile_target *t = view_target(v, first);
	struct draft *d = view_verdict(v, f, c, mask);
	d->v.subject = view_subject(v, t);
	d->v.seen = view_say(v, "%s to %s: %s", d->v.subject, view_stem_targets(v, mask),
			     flow_counts(v, view_flow(v, first)));
	d->v.confirm = view_confirm(v, view_flow(v, first)->check->id);
	draft_cite_targets(v, d, mask);
	hop_cite(v, d, t);
	return d;
}

static void say_allow(struct judge_view *v, struct draft *d, size_t first)
{
	d->v.remedy = view_allow(v, view_target(v, first));
	d->v.ask = view_say(v, "Please %s.", d->v.remedy);
}

/* ---- C1, C2: silence ---- */
/* Another target on the same port that can be reached: the port is not what is dropped. */
static const struct flow *same_port_elsewhere(const struct judge_view *v, size_t i)
{
	for (size_t k = 0; k < v->run->profile->n_targets; k++) {
		const struct flow *f = view_flow(v, k);
		bool tcp = view_target(v, k)->transport == TRANSPORT_TCP;
		if (k != i && f && tcp && view_target(v, k)->port == view_target(v, i)->port &&
		    (f->answered || f->accepted))
			return f;
	}
	return NULL;
}

/* A target on the same port that a box rejects by name. */
static const struct flow *rejected_beside(const struct judge_view *v, size_t i)
{
	for (size_t k = 0; k < v->run->profile->n_targets; k++)
		if (view_target(v, k)->port == view_target(v, i)->port &&
		    tcp_read(v, k) == TCP_REJECTED && view_flow(v, k)->icmp_from)
			return view_flow(v, k);
	return NULL;
}

/* Where not even the first router answers, the drop may be in this host's own output rules: they
 * stop a SYN without a word (rule 8b), so that nothing is proven about the network. */
static enum hop_result hops_of(struct judge_view *v, size_t i, struct hop_finding *out)
{
	*out = (struct hop_finding){0};
	hop_differential(v, view_target(v, i), out);
	if (out->result == HOP_PROVEN && !out->last_ttl)
		out->result = HOP_LIKELY;
	return out->result;
}

/* Other connections are the control: TCP on other ports, or at least UDP. */
static enum confidence port_drop_sure(struct judge_view *v, size_t i)
{
	struct hop_finding hop;
	if (tcp_read(v, i) != TCP_SILENT || same_port_elsewhere(v, i) || rejected_beside(v, i) ||
	    v->nothing_out)
		return CONF_COUNT;
	enum hop_result r = hops_of(v, i, &hop);
	bool silent = flow_silent(view_flow(v, i));
	if (r == HOP_CLEAR) /* the last box, the way back, or the server: C4 as well */
		return CONF_UNDETERMINED;
	if (r == HOP_PROVEN)
		return silent ? CONF_PROVEN : CONF_LIKELY;
	return silent && (v->tcp_out || v->udp_out) ? CONF_LIKELY : CONF_UNDETERMINED;
}

static enum confidence dest_drop_sure(struct judge_view *v, size_t i)
{
	struct hop_finding hop;
	if (tcp_read(v, i) != TCP_SILENT || !same_port_elsewhere(v, i))
		return CONF_COUNT;
	enum hop_result r = hops_of(v, i, &hop);
	return r == HOP_PROVEN ? CONF_PROVEN : r == HOP_CLEAR ? CONF_COUNT : CONF_UNDETERMINED;
}

static const char not_shown[] = "not shown: a box right before the server, the server itself, or a drop "
				"of its answers on the way back";

/* Who drops it, as far as the hop differential shows. */
static void say_dropper(struct judge_view *v, struct draft *d, size_t first)
{
	struct hop_finding hop;
	enum hop_result r = hops_of(v, first, &hop);
	d->v.decide = "the same check from another network, or a control server on the same port";
	d->v.who = "not shown: this site, its provider, or the server itself being silent";
	if (r == HOP_CLEAR)
		d->v.who = not_shown;
	if (r != HOP_PROVEN && r != HOP_LIKELY)
		return;
	if (hop.last_ttl)
		d->v.who = view_say(v, "%s %s",
				    r == HOP_PROVEN ? "the network" : "looks like the network",
				    hop.where);
	else
		d->v.who = "this host's own output rules, or the first box on the way";
	if (hop.counts)
		d->v.seen = view_say(v, "%s; %s", d->v.seen, hop.counts);
}

static void port_drop(struct judge_view *v, const struct fault *f)
{
	for (size_t i = 0; i < v->run->profile->n_targets; i++) {
		enum confidence c;
		uint64_t mask = alike(v, i, port_drop_sure, &c);
		if (!mask)
			continue;
		struct draft *d = tcp_verdict(v, f, c, mask, i);
		static const char *const words[CONF_COUNT] = {
			[CONF_PROVEN] = "The network drops",
			[CONF_LIKELY] = "It looks like the network drops",
			[CONF_UNDETERMINED] = "Nothing answers on"};
		struct hop_finding hop;
		d->v.summary = view_say(v, "%s %s", words[c], d->v.subject);
		if (hops_of(v, i, &hop) == HOP_CLEAR)
			d->v.summary = view_say(v, "%s or its answers are dropped near the server, or it "
						"is silent", d->v.subject);
		if (v->tcp_out)
			d->v.seen = view_say(v, "%s; other TCP connections work", d->v.seen);
		say_dropper(v, d, i);
		say_allow(v, d, i);
	}
}

const struct fault fault_port_drop = {
	"port-drop",
	"C1",
	"tcp",
	"A TCP port is dropped",
	port_drop,
	NULL,
	"Connections to this port stay unanswered while others work.",
	"Five SYNs over eight seconds unanswered while other TCP passes: likely. Proven only when "
	"SYNs "
	"with stepped TTL stop at a hop that lets the same SYN to another port pass.",
	"A server that is silent itself; a drop in this host's own output rules, which TCP does "
	"not show "
	"without privilege; one destination alone (C2).",
	"Allow the port outbound.",
};

static void dest_drop(struct judge_view *v, const struct fault *f)
{
	for (size_t i = 0; i < v->run->profile->n_targets; i++) {
		enum confidence c;
		uint64_t mask = alike(v, i, dest_drop_sure, &c);
		if (!mask)
			continue;
		struct draft *d = tcp_verdict(v, f, c, mask, i);
		const struct flow *other = same_port_elsewhere(v, i);
		d->v.summary = view_say(v, "%s %s",
					c == CONF_PROVEN ? "The network drops" : "No connection to",
					view_stem_targets(v, mask));
		d->v.seen = view_say(v, "%s; %s on the same port can be reached", d->v.seen,
				     other->check->target);
		draft_cite_flow(v, d, other);
		say_dropper(v, d, i);
		say_allow(v, d, i);
	}
}

const struct fault fault_dest_drop = {
	"dest-drop",
	"C2",
	"tcp",
	"A destination is dropped",
	dest_drop,
	NULL,
	"Connections to this server stay unanswered while the same port works elsewhere.",
	"SYNs to the target unanswered, the same port answered by another server; proven only by "
	"stepped "
	"TTL. Without a second place to ask from it stays undetermined.",
	"A server that is down.",
	"Allow the destination.",
};

/* ---- C3, C4: RST to the SYN ---- */
static enum confidence fw_reset_sure(struct judge_view *v, size_t i)
{
	struct tcp_steps s;
	if (tcp_read(v, i) != TCP_REFUSED || view_flow(v, i)->icmp)
		return CONF_COUNT;
	tcp_steps(v, i, &s);
	return s.early ? CONF_PROVEN : s.as_far ? CONF_COUNT : CONF_UNDETERMINED;
}

static enum confidence server_closed_sure(struct judge_view *v, size_t i)
{
	enum tcp_reading r = tcp_read(v, i);
	struct hop_finding hop;
	struct tcp_steps s;
	if (r != TCP_SILENT && r != TCP_REFUSED)
		return CONF_COUNT;
	tcp_steps(v, i, &s);
	if (r == TCP_SILENT)
		return !s.answered && hops_of(v, i, &hop) == HOP_CLEAR ? CONF_UNDETERMINED
								       : CONF_COUNT;
	if (s.early)
		return CONF_COUNT;
	return s.as_far || view_flow(v, i)->icmp ? CONF_LIKELY : CONF_UNDETERMINED;
}

static const char either_reset[] = "SYNs with stepped TTL: an RST to one that ends before the "
				   "server is made by a box on the way; "
				   "or the same check from another network";

static void fw_reset(struct judge_view *v, const struct fault *f)
{
	for (size_t i = 0; i < v->run->profile->n_targets; i++) {
		enum confidence c;
		struct tcp_steps s;
		uint64_t mask = alike(v, i, fw_reset_sure, &c);
		if (!mask)
			continue;
		struct draft *d = tcp_verdict(v, f, c, mask, i);
		tcp_steps(v, i, &s);
		if (c == CONF_PROVEN) {
			d->v.summary = view_say(v, "A box before the server resets %s", d->v.subject);
			d->v.seen = view_say(v,
					     "%s; an RST also came to a SYN that dies after %s, "
					     "before the server",
					     d->v.seen, tcp_hops_text(v, s.early));
			d->v.who = view_say(v, "%s; it speaks in the server's name",
					    hop_box_text(v, s.early));
		} else {
			d->v.summary =
				view_say(v, "%s is reset by a box in the network or by the server",
					 d->v.subject);
			d->v.who = "not shown: a box on the way (C3) or the server itself (C4)";
			d->v.decide = either_reset;
		}
		say_allow(v, d, i);
	}
}

const struct fault fault_fw_reset = {
	"fw-reset",
	"C3",
	"tcp",
	"A box resets the connection",
	fw_reset,
	NULL,
	"Something before the server answers the SYN with an RST.",
	"An RST to a SYN whose TTL ends before the server: only a box on the way can have made it.",
	"A server that has closed the port (C4): its RST comes from where the server stands.",
	"Allow the port outbound.",
};

static void say_closed(struct judge_view *v, struct draft *d, size_t i)
{
	const struct flow *f = view_flow(v, i);
	struct tcp_steps s;
	tcp_steps(v, i, &s);
	d->v.summary = view_say(v, "The server does not serve %s; this network seems to let it through",
				d->v.subject);
	d->v.who = view_say(v, "looks like the server %s itself", view_target_name(v, i));
	d->v.remedy = "see the cloud's status page, or ask its operator";
	d->v.decide = "the same check from another network";
	if (f->icmp)
		d->v.seen = view_say(
			v,
			"%s; the \"port unreachable\" messages come from %s, the server's own "
			"address",
			d->v.seen, f->icmp_from ? f->icmp_from : "the target");
	else if (s.passed)
		d->v.seen = view_say(v, "%s; the routers of hops 1 to %u let the SYN through",
				     d->v.seen, s.passed);
}

static void say_undecided(struct judge_view *v, struct draft *d, size_t i)
{
	if (tcp_read(v, i) == TCP_SILENT) {
		d->v.summary = view_say(v, "%s does not answer on %s, or is blocked close to it",
					view_target_name(v, i), d->v.subject);
		d->v.who = not_shown;
		d->v.remedy = "see the cloud's status page, or ask its operator";
		d->v.decide = "the same check from another network";
		return;
	}
	d->v.summary = view_say(v, "%s is closed by the server or reset on the way", d->v.subject);
	d->v.who = "not shown: the server itself (C4) or a box on the way (C3)";
	d->v.remedy = "see the cloud's status page; or look for a rule that resets the connection";
	d->v.decide = either_reset;
}

static void server_closed(struct judge_view *v, const struct fault *f)
{
	for (size_t i = 0; i < v->run->profile->n_targets; i++) {
		enum confidence c;
		uint64_t mask = alike(v, i, server_closed_sure, &c);
		if (!mask)
			continue;
		struct draft *d = tcp_verdict(v, f, c, mask, i);
		if (c == CONF_LIKELY) {
			say_closed(v, d, i);
			continue;
		}
		say_undecided(v, d, i);
	}
}

const struct fault fault_server_closed = {
	"server-closed",
	"C4",
	"tcp",
	"The server has closed the port",
	server_closed,
	NULL,
	"The server itself refuses the connection, or stays silent although the network lets it "
	"through.",
	"An RST that no nearer hop gives, while every router seen on the way lets the SYN through: "
	"likely at most without a control server. Silence behind clear routers: undetermined.",
	"A box on the way that resets in the server's name (C3), or one right before the server.",
	"The operator of the cloud.",
};

/* ---- C5 ---- */
/* Targets that the sender of target i's ICMP messages rejects; nothing when told already. */
static uint64_t rejected_by_same(const struct judge_view *v, size_t i)
{
	uint64_t mask = 0;
	for (size_t k = 0; k < v->run->profile->n_targets; k++) {
		const struct flow *f = view_flow(v, k);
		if (tcp_read(v, k) != TCP_REJECTED || !f->icmp_from ||
		    strcmp(f->icmp_from, view_flow(v, i)->icmp_from))
			continue;
		if (k < i)
			return 0;
		mask |= TARGET_BIT(k);
	}
	return mask;
}

static const char *subjects_of(struct judge_view *v, uint64_t mask)
{
	const char *s = "";
	for (size_t i = 0; i < v->run->profile->n_targets; i++) {
		const char *one = (mask & TARGET_BIT(i)) ? view_subject(v, view_target(v, i)) : "";
		if (!strstr(s, one))
			s = view_say(v, "%s%s%s", s, *s ? ", " : "", one);
	}
	return s;
}

static const char *icmp_text(struct judge_view *v, const struct flow *f)
{
	struct pick p = {.check = f->check->id,
			 .target = f->check->target,
			 .role = ROLE_OWN,
			 .outcomes = OUTCOME_BIT(OUTCOME_REJECTED)};
	size_t at = 0;
	const struct observation *o = view_next(v, &p, &at);
	return o ? view_say(v, "ICMP type %lld code %lld",
			    (long long)obs_get_int(o, A_ICMP_TYPE, 0),
			    (long long)obs_get_int(o, A_ICMP_CODE, 0))
		 : "ICMP";
}

static void say_rejects(struct judge_view *v, struct draft *d, const struct flow *rejected,
			size_t i)
{
	const char *what = subjects_of(v, d->v.targets), *box = rejected->icmp_from;
	const char *allow = view_allow(v, view_target(v, i));
	bool proven = d->v.confidence == CONF_PROVEN;
	d->v.subject = what;
	d->v.summary = view_say(
		v, proven ? "%s rejects %s by policy" : "%s looks like it rejects %s as well", box,
		what);
	d->v.seen = view_say(
		v, "%s; %s from %s%s", d->v.seen, icmp_text(v, rejected), box,
		proven ? "" : " for others on this port, and routers send such messages sparingly");
	d->v.who = view_say(v, "%s, which names itself as the sender", box);
	d->v.remedy = view_say(v, "on %s: %s", box, allow);
	d->v.decide = "the same check alone (--only), so that no message is saved";
	d->v.ask = view_say(v, "Please %s (%s rejects it).", allow, box);
}

static enum confidence rejected_too_sure(struct judge_view *v, size_t i)
{
	return tcp_read(v, i) == TCP_SILENT && rejected_beside(v, i) ? CONF_LIKELY : CONF_COUNT;
}

static void admin_prohibited(struct judge_view *v, const struct fault *f)
{
	for (size_t i = 0; i < v->run->profile->n_targets; i++) {
		const struct flow *own = view_flow(v, i);
		bool named = tcp_read(v, i) == TCP_REJECTED && own->icmp_from;
		enum confidence c;
		uint64_t mask = named ? rejected_by_same(v, i) : 0;
		if (mask)
			say_rejects(v, tcp_verdict(v, f, CONF_PROVEN, mask, i), own, i);
		mask = alike(v, i, rejected_too_sure, &c);
		if (!mask)
			continue;
		struct draft *d = tcp_verdict(v, f, c, mask, i);
		const struct flow *beside = rejected_beside(v, i);
		say_rejects(v, d, beside, i);
		draft_cite_flow(v, d, beside);
	}
}

const struct fault fault_admin_prohibited = {
	"admin-prohibited",
	"C5",
	"tcp",
	"A box rejects the connection by policy",
	admin_prohibited,
	NULL,
	"A firewall or router says by ICMP that the connection is not allowed.",
	"ICMP \"prohibited\" (3/9, 3/10, 3/13, or 3/3 from another than the target): it names its "
	"sender.",
	"Port unreachable from the target itself (C4); no route (C6).",
	"A rule on the box that is named.",
};

/* ---- C9 ---- */
static enum confidence mute_sure(struct judge_view *v, size_t i)
{
	if (tcp_read(v, i) != TCP_MUTE || tcp_accepted_by_proxy(v, i))
		return CONF_COUNT;
	return view_flow(v, i)->mute > 1 ? CONF_LIKELY : CONF_UNDETERMINED;
}

static void mute_after_accept(struct judge_view *v, const struct fault *f)
{
	for (size_t i = 0; i < v->run->profile->n_targets; i++) {
		enum confidence c;
		uint64_t mask = alike(v, i, mute_sure, &c);
		if (!mask)
			continue;
		struct draft *d = tcp_verdict(v, f, c, mask, i);
		d->v.summary = view_say(v, "%s opens, then nothing comes", d->v.subject);
		d->v.who = "not shown: looks like something that accepts but does not forward, or "
			   "the server "
			   "itself";
		d->v.remedy = view_say(v, "take %s to %s out of any proxy or inspection",
				       d->v.subject, view_stem_targets(v, mask));
		d->v.decide =
			"the same check from another network, or an address that must never answer "
			"(--controls)";
		d->v.ask = view_say(v, "Please %s.", d->v.remedy);
	}
}

const struct fault fault_mute_after_accept = {
	"mute-after-accept",
	"C9",
	"tcp",
	"The connection opens and stays mute",
	mute_after_accept,
	NULL,
	"The connection is accepted, but the service behind it never says what it should.",
	"Two connections that open and stay silent for five seconds each.",
	"A proxy that accepts everything (P5); a filter on the name in TLS (S3); a server that "
	"hangs.",
	"Exempt the connection from the proxy.",
};

/* ---- C14 ---- */
static const struct observation *wrong_bytes(const struct judge_view *v, size_t i)
{
	static const uint32_t wrong = OUTCOME_BIT(OUTCOME_MISMATCH) | OUTCOME_BIT(OUTCOME_GARBLED) |
				      OUTCOME_BIT(OUTCOME_RESET);
	const struct check *c = view_flow(v, i)->check;
	struct pick p = {.check = c->id, .target = c->target, .role = ROLE_OWN, .outcomes = wrong};
	size_t at = 0;
	return view_next(v, &p, &at);
}

/* A greeting that is another protocol's, or an answer from before the server, leaves no doubt; a
 * nonce of another length, or none, may also be a server in trouble. */
static enum confidence impostor_sure(struct judge_view *v, size_t i)
{
	enum tcp_reading r = tcp_read(v, i);
	bool cut = r == TCP_CUT && target_is(view_target(v, i), "tcp-greeting");
	if (r != TCP_STRANGER && !cut)
		return CONF_COUNT;
	const struct observation *o = wrong_bytes(v, i);
	struct tcp_steps s;
	tcp_steps(v, i, &s);
	bool foreign =
		o && (obs_text_is(o, A_GREETING, "text") || obs_text_is(o, A_GREETING, "tls") ||
		      obs_text_is(o, A_GREETING, "http"));
	return (s.early && s.syn_ack) || foreign ? CONF_PROVEN : CONF_LIKELY;
}

static const char *wrong_text(struct judge_view *v, size_t i)
{
	static const struct {
		const char *greeting, *text;
	} words[] = {{"text", "text of another protocol"},
		     {"tls", "a TLS record"},
		     {"http", "HTTP"},
		     {"closed", "closed before a byte was sent"}};
	const struct observation *o = wrong_bytes(v, i);
	const char *greeting = o ? obs_get_text(o, A_GREETING, "") : "";
	for (size_t k = 0; k < sizeof(words) / sizeof(words[0]); k++)
		if (strcmp(greeting, words[k].greeting) == 0)
			return words[k].text;
	return *greeting ? view_say(v, "%lld bytes instead of the cloud's %u",
				    (long long)obs_get_int(o, A_GREETING_BYTES, 0),
				    view_target(v, i)->greeting_bytes)
			 : "bytes that are not this service's protocol";
}

static void tcp_impostor(struct judge_view *v, const struct fault *f)
{
	for (size_t i = 0; i < v->run->profile->n_targets; i++) {
		enum confidence c;
		struct tcp_steps s;
		uint64_t mask = alike(v, i, impostor_sure, &c);
		if (!mask)
			continue;
		struct draft *d = tcp_verdict(v, f, c, mask, i);
		tcp_steps(v, i, &s);
		d->v.summary = view_say(v, "%s on %s that is not the cloud",
					c == CONF_PROVEN ? "Something answers"
							 : "Looks like something answers",
					d->v.subject);
		d->v.seen = view_say(v, "%s; what came: %s", d->v.seen, wrong_text(v, i));
		d->v.who = "not shown: a proxy or redirect on the way, a wrong address, or the server";
		if (s.early && s.syn_ack)
			d->v.who = view_say(v, "%s; it accepts the connection in the server's name",
					    hop_box_text(v, s.early));
		d->v.remedy = view_say(
			v,
			"take %s out of any proxy or redirect, and check the DNS answer for "
			"%s",
			d->v.subject, view_target_name(v, i));
		d->v.decide = "the same check from another network";
		d->v.ask = view_say(v, "Please %s.", d->v.remedy);
	}
}

const struct fault fault_tcp_impostor = {
	"tcp-impostor",
	"C14",
	"tcp",
	"Not the cloud answers on TCP",
	tcp_impostor,
	NULL,
	"The connection opens, but what comes is not what the cloud's server sends.",
	"First bytes that are text, HTTP or TLS, or not as many as the cloud sends; or a SYN-ACK "
	"to a SYN "
	"whose TTL ends before the server.",
	"A wrong DNS answer (D7); a server in trouble that closes at once, therefore likely only.",
	"Exempt from proxy, check DNS.",
};
