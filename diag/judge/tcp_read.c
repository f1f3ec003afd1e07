/* What the packets to a TCP service say, and what the stepped SYNs to it add. */
#include "tcp_read.h"

#include <string.h>

/* A handshake with the real name that ended in a certificate, good or bad. */
static bool has_certificate(const struct judge_view *v, const struct flow *f)
{
	struct pick p = {.check = f->check->id,
			 .target = f->check->target,
			 .role = ROLE_OWN,
			 .outcomes = OUTCOME_BIT(OUTCOME_ANSWERED),
			 .key = A_SNI,
			 .text = "real"};
	const struct observation *o;
	for (size_t at = 0; (o = view_next(v, &p, &at));)
		if (obs_text_is(o, A_PHASE, "tls"))
			return true;
	return false;
}

/* Something came after the connection opened, or stayed away. */
static enum tcp_reading read_opened(const struct judge_view *v, size_t i, const struct flow *f)
{
	const struct profile_target *t = view_target(v, i);
	if (f->mismatch || f->garbled)
		return target_is(t, "http") ? TCP_OTHER : TCP_STRANGER;
	if (target_is(t, "tls") && (has_certificate(v, f) || tls_name_filtered(v, i)))
		return TCP_OTHER;
	return f->reset ? TCP_CUT : f->mute ? TCP_MUTE : TCP_NOTHING;
}

enum tcp_reading tcp_read(const struct judge_view *v, size_t i)
{
	const struct flow *f = view_flow(v, i);
	if (!f || view_target(v, i)->transport != TRANSPORT_TCP)
		return TCP_NOTHING;
	if (f->answered)
		return TCP_GENUINE;
	if (f->nowhere)
		return TCP_OTHER;
	if (f->accepted || f->mismatch || f->garbled || f->reset || f->mute)
		return read_opened(v, i, f);
	if (f->denied || f->icmp_self)
		return TCP_OTHER;
	if (f->rejected)
		return TCP_REJECTED;
	if (f->refused)
		return TCP_REFUSED;
	if (f->unreachable)
		return TCP_OTHER;
	return !flow_hinted(f) ? TCP_NOTHING : f->on_link ? TCP_OTHER : TCP_SILENT;
}

/* ---- stepped SYNs ---- */
static bool is_suspect_step(const struct judge_view *v, size_t i, const struct observation *o)
{
	const struct flow *f = view_flow(v, i);
	return obs_text_is(o, A_ROLE, "suspect") && obs_text_is(o, A_PROTO, "tcp") &&
	       obs_get_int(o, A_PORT, 0) == view_target(v, i)->port &&
	       flow_went_to(f, obs_get_text(o, A_ADDRESS, ""));
}

void tcp_steps(struct judge_view *v, size_t i, struct tcp_steps *out)
{
	struct pick p = {.check = "path",
			 .outcomes = OUTCOME_BIT(OUTCOME_ANSWERED),
			 .key = A_REPLY,
			 .text = "time-exceeded"};
	struct hop_answer early = {0};
	struct hop_reach reach;
	const struct observation *o;
	unsigned routers = 0;
	*out = (struct tcp_steps){0};
	if (!view_flow(v, i))
		return;
	hop_early_answer(v, view_target(v, i), &early);
	hop_reach(v, view_target(v, i), &reach);
	out->early = early.found ? early.ttl : 0;
	out->syn_ack = early.found && strcmp(early.reply, "syn-ack") == 0;
	out->answered = reach.own > 0;
	for (size_t at = 0; (o = view_next(v, &p, &at));) {
		unsigned ttl = (unsigned)obs_get_int(o, A_IP_TTL, 0);
		routers = ttl > routers ? ttl : routers;
		if (ttl > out->passed && is_suspect_step(v, i, o))
			out->passed = ttl;
	}
	out->as_far = !out->early && out->passed + 1 == reach.own && reach.own > routers &&
		      reach.control && reach.control <= reach.own;
}

const char *tcp_hops_text(struct judge_view *v, unsigned n)
{
	return view_say(v, "%u hop%s", n, n == 1 ? "" : "s");
}
