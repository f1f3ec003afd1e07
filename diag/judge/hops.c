/* The hop differential, asked for a target: its suspects are the steps to the addresses that the
 * target's own check went to. */
#include "view.h"

#include <stdio.h>
#include <string.h>

#include "hopdiff.h"

/* What one address's steps show. */
struct stretch {
	struct hop_stretch s;
	struct addr address;
	const char *text;
	struct hop_record records[HOP_MAX_RECORDS];
	size_t n;
};

static bool is_own_port(const struct profile_target *t, const struct observation *o)
{
	return strcmp(o->check, "path") == 0 && obs_text_is(o, A_PROTO, proto_name(t)) &&
	       obs_get_int(o, A_PORT, 0) == t->port;
}

static bool is_suspect(const struct profile_target *t, const struct observation *o)
{
	return is_own_port(t, o) && obs_text_is(o, A_ROLE, "suspect");
}

enum { MAX_ADDRESSES = 8 };

static bool listed(const char *const *list, size_t n, const char *s)
{
	for (size_t i = 0; i < n; i++)
		if (strcmp(list[i], s) == 0)
			return true;
	return false;
}

/* The addresses of the target that were stepped, in order of time. */
static size_t stepped(const struct judge_view *v, const struct profile_target *t,
		      const char *out[MAX_ADDRESSES])
{
	size_t n = 0;
	const struct observation *o;
	const struct flow *f = view_flow(v, (size_t)(t - v->run->profile->targets));
	struct pick p = { .check = "path", .key = A_ROLE, .text = "suspect" };
	for (size_t at = 0; (o = view_next(v, &p, &at));) {
		const char *address = obs_get_text(o, A_ADDRESS, "");
		if (n < MAX_ADDRESSES && is_suspect(t, o) && f && flow_went_to(f, address) &&
		    !listed(out, n, address))
			out[n++] = address;
	}
	return n;
}

static bool read_stretch(const struct judge_view *v, const struct profile_target *t,
			 const char *address, struct stretch *out)
{
	if (addr_parse(address, &out->address))
		return false;
	out->text = address;
	out->n = hops_collect(v->run, proto_name(t), address, t->port, out->records, HOP_MAX_RECORDS);
	return true;
}

static const char *hop_text(struct judge_view *v, unsigned ttl, const struct addr *router)
{
	char text[ADDR_STRLEN];
	return router->family ? view_say(v, "hop %u (%s)", ttl, addr_format(router, text)) :
				view_say(v, "hop %u", ttl);
}

/* A box that drops while forwarding still answers for packets that die at it: it is the last hop
 * that answers. One that filters what comes in, before it looks at the TTL, is the next; and one
 * that is no router may stand between them. */
static void describe(struct judge_view *v, const struct hop_stretch *s, struct hop_finding *out)
{
	char text[ADDR_STRLEN];
	out->last_ttl = s->after_ttl;
	if (s->after.family)
		out->last = view_say(v, "%s", addr_format(&s->after, text));
	out->where = s->after_ttl ?
			     view_say(v, "at %s, at the entry of %s, or between them",
				      hop_text(v, s->after_ttl, &s->after),
				      hop_text(v, s->until_ttl, &s->until)) :
			     view_say(v, "between this host and the entry of %s",
				      hop_text(v, s->until_ttl, &s->until));
	out->counts = view_say(v, "made to end beyond hop %u (by their TTL), none of %u packets like it was "
			       "answered by a router there, but %u packets to another port were, sent in turn "
			       "with them in %u rounds", s->after_ttl, s->missing, s->answered, s->rounds);
}

/* The suspect dies no earlier than any control, and the routers before the target all let it by. */
static bool is_clear(const struct hop_stretch *s)
{
	bool far = s->suspect_top >= 2 && s->suspect_top >= s->control_top;
	bool known = s->target_ttl && s->suspect_top + 1 >= s->target_ttl;
	return strcmp(s->why, "suspect-answered") == 0 || (!s->shown && far && known);
}

void hop_differential(struct judge_view *v, const struct profile_target *t, struct hop_finding *out)
{
	struct stretch one;
	const char *addresses[MAX_ADDRESSES];
	size_t n = stepped(v, t, addresses);
	*out = (struct hop_finding){ .result = HOP_NONE };
	for (size_t i = 0; i < n; i++) {
		if (!read_stretch(v, t, addresses[i], &one))
			continue;
		hops_compare(one.records, one.n, &one.address, &one.s);
		enum hop_result r = one.s.proven ? HOP_PROVEN : one.s.shown ? HOP_LIKELY :
				    is_clear(&one.s) ? HOP_CLEAR : HOP_NONE;
		if (r <= out->result)
			continue;
		out->result = r;
		if (one.s.shown)
			describe(v, &one.s, out);
	}
}

/* What came back in the target's name to a packet to its port with this TTL, or NULL. */
static const struct observation *reply_at(const struct judge_view *v, const struct profile_target *t,
					  const char *address, unsigned ttl)
{
	struct pick p = { .check = "path", .outcomes = OUTCOME_BIT(OUTCOME_ANSWERED), .key = A_ADDRESS,
			  .text = address };
	const struct observation *o;
	for (size_t at = 0; (o = view_next(v, &p, &at));) {
		if (!is_own_port(t, o) || obs_get_int(o, A_IP_TTL, 0) != ttl ||
		    obs_text_is(o, A_REPLY, "time-exceeded"))
			continue;
		if (!obs_text_is(o, A_REPLY, "icmp") || obs_text_is(o, A_ICMP_FROM, address))
			return o;
	}
	return NULL;
}

/* Packets are seen to die at the first router. Some give every packet a new TTL, and then even one
 * that left with a TTL of 1 reaches the server. */
static bool first_hop_counts(const struct judge_view *v)
{
	struct pick p = { .check = "path", .key = A_REPLY, .text = "time-exceeded" };
	const struct observation *o;
	for (size_t at = 0; (o = view_next(v, &p, &at));)
		if (obs_get_int(o, A_IP_TTL, 0) == 1 && !obs_get_bool(o, A_FROM_SELF, false))
			return true;
	return false;
}

void hop_early_answer(struct judge_view *v, const struct profile_target *t, struct hop_answer *out)
{
	struct stretch one;
	const char *addresses[MAX_ADDRESSES];
	size_t n = stepped(v, t, addresses);
	*out = (struct hop_answer){ .reply = "" };
	for (size_t i = 0; i < n && !out->found; i++) {
		if (!read_stretch(v, t, addresses[i], &one))
			continue;
		/* the first router is no server, whatever the control shows */
		bool first = !view_on_link(v, &one.address) && first_hop_counts(v) &&
			     reply_at(v, t, one.text, 1);
		hops_impostor(one.records, one.n, &one.address, &one.s);
		unsigned ttl = first ? 1 : one.s.proven ? one.s.until_ttl : 0;
		const struct observation *o = ttl ? reply_at(v, t, one.text, ttl) : NULL;
		if (o)
			*out = (struct hop_answer){ true, ttl, obs_get_text(o, A_REPLY, "") };
	}
}

static unsigned nearer(unsigned have, const struct observation *o)
{
	unsigned ttl = (unsigned)obs_get_int(o, A_IP_TTL, 0);
	return have && have < ttl ? have : ttl;
}

void hop_reach(const struct judge_view *v, const struct profile_target *t, struct hop_reach *out)
{
	const struct observation *o;
	struct pick p = { .check = "path", .outcomes = OUTCOME_BIT(OUTCOME_ANSWERED) };
	char series[16]; /* "udp:65535" */
	const struct flow *f = view_flow(v, (size_t)(t - v->run->profile->targets));
	snprintf(series, sizeof(series), "%s:%u", proto_name(t), t->port);
	*out = (struct hop_reach){ 0 };
	for (size_t at = 0; (o = view_next(v, &p, &at));) {
		const char *address = obs_get_text(o, A_ADDRESS, "");
		if (!f || !flow_went_to(f, address) || obs_text_is(o, A_REPLY, "time-exceeded") ||
		    (obs_text_is(o, A_REPLY, "icmp") && !obs_text_is(o, A_ICMP_FROM, address)))
			continue;
		if (is_own_port(t, o))
			out->own = nearer(out->own, o);
		else if (obs_text_is(o, A_CONTROL_OF, series))
			out->control = nearer(out->control, o);
	}
}

const char *hop_box_text(struct judge_view *v, unsigned ttl)
{
	return ttl == 1 ? "a box at most 1 hop away, or this host's own rules"
			: view_say(v, "a box at most %u hops away", ttl);
}

void hop_cite(struct judge_view *v, struct draft *d, const struct profile_target *t)
{
	const struct observation *o;
	struct pick p = { .check = "path" };
	const char *addresses[MAX_ADDRESSES], *series = view_say(v, "%s:%u", proto_name(t), t->port);
	size_t n = stepped(v, t, addresses);
	for (size_t at = 0; (o = view_next(v, &p, &at));)
		if (listed(addresses, n, obs_get_text(o, A_ADDRESS, "")) &&
		    (is_own_port(t, o) || obs_text_is(o, A_CONTROL_OF, series)))
			draft_cite(d, o);
}
