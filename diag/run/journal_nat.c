/* What is known of the NAT as a JSON value: every member is there, null where it is unknown. */
#include <jansson.h>

#include "sallyport/nat.h"
#include "sallyport/run_json.h"

static json_t *lifetime(const struct nat_lifetime *l)
{
	if (!l->known)
		return json_null();
	json_t *j = json_object();
	run_json_real(j, "lower_s", l->lower_s, true);
	run_json_real(j, "upper_s", l->upper_s, l->upper_s > 0);
	run_json_real(j, "spread_s", l->spread_s, true);
	json_object_set_new(j, "trials", l->trials ? json_integer(l->trials) : json_null());
	json_object_set_new(j, "confirmed", json_boolean(l->confirmed));
	run_json_text(j, "method", l->method);
	json_object_set_new(j, "port", l->port ? json_integer(l->port) : json_null());
	return j;
}

static json_t *answer(enum nat_answer a)
{
	return a == NAT_UNKNOWN ? json_null() : json_boolean(a == NAT_YES);
}

static json_t *udp(const struct nat_facts *n)
{
	json_t *j = json_object(), *refresh = json_object();
	for (int i = 0; i < NAT_STATE_COUNT; i++)
		json_object_set_new(j, nat_state_names[i], lifetime(&n->udp[i]));
	json_object_set_new(refresh, "inbound", answer(n->refresh_in));
	json_object_set_new(refresh, "outbound", answer(n->refresh_out));
	json_object_set_new(j, "refresh", refresh);
	return j;
}

static json_t *tcp(const struct nat_facts *n)
{
	json_t *j = lifetime(&n->tcp);
	if (n->tcp.known)
		run_json_text(j, "expiry", n->tcp_expiry);
	return j;
}

json_t *run_json_nat(const struct nat_facts *n)
{
	static const struct nat_facts nothing = { .layers = -1, .loss = -1, .jitter_s = -1 };
	n = n ? n : &nothing;
	bool any = nat_has_udp(n) || n->refresh_in || n->refresh_out;
	json_t *j = json_object();
	json_object_set_new(j, "udp", any ? udp(n) : json_null());
	json_object_set_new(j, "tcp", tcp(n));
	run_json_text(j, "forgets_first", n->forgets_first);
	run_json_text(j, "mapping", n->mapping);
	run_json_text(j, "filtering", n->filtering);
	json_object_set_new(j, "hairpin", answer(n->hairpin));
	json_object_set_new(j, "port_preserving", answer(n->port_preserving));
	json_object_set_new(j, "layers", n->layers < 0 ? json_null() : json_integer(n->layers));
	run_json_real(j, "loss", n->loss, n->loss >= 0);
	run_json_real(j, "jitter_s", n->jitter_s, n->jitter_s >= 0);
	return j;
}
