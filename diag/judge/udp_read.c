#include "udp_read.h"

#include <string.h>

const struct flow *udp_identity(const struct judge_view *v, size_t i)
{
	const struct profile_target *t = view_target(v, i);
	return target_is(t, "dtls-device") ?
		       view_flow_id(v, t->check, ".identity", view_target_name(v, i)) : NULL;
}

/* What came after the first ClientHello was answered. */
static enum udp_reading read_opened(const struct judge_view *v, size_t i, const struct flow *hello,
				    const struct flow *identity)
{
	if (identity && identity->answered)
		return UDP_GENUINE;
	if (hello->answered && !view_target(v, i)->key_len)
		return UDP_GENUINE;
	if (identity && (identity->mismatch || identity->garbled))
		return UDP_STRANGER;
	if (hello->answered)
		return UDP_STALLED;
	if (hello->mismatch || hello->garbled)
		return UDP_STRANGER;
	return hello->alert ? UDP_ALERT : hello->provisional ? UDP_STALLED : UDP_NOTHING;
}

enum udp_reading udp_read(const struct judge_view *v, size_t i)
{
	const struct profile_target *t = view_target(v, i);
	const struct flow *f = target_is(t, "dtls-device") ? view_flow(v, i) : NULL;
	if (!f)
		return UDP_NOTHING;
	enum udp_reading opened = read_opened(v, i, f, udp_identity(v, i));
	if (opened != UDP_NOTHING)
		return opened;
	if (f->denied || f->icmp_self || f->nowhere)
		return UDP_OTHER;
	if (f->rejected)
		return UDP_REJECTED;
	if (f->refused)
		return UDP_REFUSED;
	if (f->unreachable)
		return UDP_OTHER;
	const struct flow *echo = view_flow_id(v, t->check, ".echo", view_target_name(v, i));
	if (echo && echo->answered)
		return f->silent ? UDP_STALLED : UDP_NOTHING;
	return !flow_hinted(f) ? UDP_NOTHING : f->on_link ? UDP_OTHER : UDP_SILENT;
}

const struct observation *udp_same_port(const struct judge_view *v, size_t i)
{
	struct pick p = { .role = ROLE_CONTROL, .outcomes = OUTCOME_BIT(OUTCOME_ANSWERED),
			  .key = A_PROTO, .text = "udp" };
	const struct profile_target *t = view_target(v, i);
	const struct observation *o;
	for (size_t at = 0; (o = view_next(v, &p, &at));)
		if (strcmp(o->check, "path") && strncmp(o->check, "dns.", 4) &&
		    obs_get_int(o, A_PORT, 0) == t->port)
			return o;
	return NULL;
}

/* A resolver outside the site answered: port 53 at least gets out. */
static bool outside_resolver(const struct observation *o)
{
	struct addr a;
	return strncmp(o->check, "dns.", 4) == 0 && addr_parse(dns_resolver_of(o), &a) == 0 &&
	       addr_is_public(&a);
}

bool udp_leaves(const struct judge_view *v)
{
	struct pick p = { .outcomes = OUTCOME_BIT(OUTCOME_ANSWERED), .key = A_PROTO, .text = "udp" };
	const struct observation *o;
	if (v->udp_out)
		return true;
	for (size_t at = 0; (o = view_next(v, &p, &at));) {
		bool step = strcmp(o->check, "path") == 0;
		if ((step && obs_get_int(o, A_IP_TTL, 0) >= 2) || (!step && outside_resolver(o)))
			return true;
	}
	return false;
}
