/* The fault rows that this version can judge. Each is pure and short; the words follow faults.md. */
#include <string.h>

#include "judge_view.h"

#define EACH_CHECK(v, c) \
	for (const struct check *c = (v)->run->checks; c < (v)->run->checks + (v)->run->n_checks; c++)

static const char *flow_name(struct judge_view *v, const struct check *c)
{
	const struct profile_target *t = &v->run->profile->targets[c->target_index];
	return arena_printf(v->run->arena, "%s %u", t->transport == TRANSPORT_UDP ? "UDP" : "TCP", t->port);
}

static const char *allow_rule(struct judge_view *v, const struct check *c)
{
	const struct profile_target *t = &v->run->profile->targets[c->target_index];
	return arena_printf(v->run->arena, "allow outbound %s to %s, with replies", flow_name(v, c),
			    t->allow ? t->allow : c->target);
}

static bool is_hello(const struct check *c)
{
	const char *dot = strrchr(c->id, '.');
	return c->chosen && dot && strcmp(dot, ".hello") == 0;
}

static void no_address(struct judge_view *v, const struct fault *f)
{
	EACH_CHECK(v, c) {
		const struct observation *o = view_first(v, c, OUTCOME_UNREACHABLE);
		if (strcmp(c->id, "link") || !o)
			continue;
		const char *reason = obs_get_text(o, A_REASON, "");
		struct verdict *d = view_add(v, f, c, CONF_PROVEN, EFFECT_BLOCKS);
		if (!d)
			return;
		d->targets = UINT64_MAX;
		d->impact = "This host has no usable connection to the network.";
		d->summary = arena_printf(v->run->arena, "%s: %s", c->target, reason);
		d->seen = arena_printf(v->run->arena, "interface %s is %s, addresses: %s", c->target,
				       obs_get_text(o, A_OPERSTATE, "unknown"), obs_get_text(o, A_ADDRESSES, "none"));
		d->who = "The link, the VLAN or its DHCP server.";
		d->remedy = "Check cable, port, VLAN and DHCP scope.";
	}
}

static void own_firewall(struct judge_view *v, const struct fault *f)
{
	EACH_CHECK(v, c) {
		unsigned n = view_count(v, c, OUTCOME_DENIED_LOCALLY);
		struct verdict *d = n && !c->answered ? view_add(v, f, c, CONF_PROVEN, EFFECT_BLOCKS) : NULL;
		if (!d)
			continue;
		d->impact = "Says nothing yet about the devices: the packets never left this host.";
		d->summary = arena_printf(v->run->arena, "this host's own rules drop %s",
					  c->target_index >= 0 ? flow_name(v, c) : c->id);
		d->seen = arena_printf(v->run->arena, "%u of %u sends refused by this host (EPERM)", n, c->attempts);
		d->who = "This host's own firewall.";
		d->remedy = "Remove the local output rule, then run again.";
	}
}

static void resolver_down(struct judge_view *v, const struct fault *f)
{
	EACH_CHECK(v, c) {
		unsigned silent = view_count(v, c, OUTCOME_SILENT);
		bool name = strcmp(c->id, "dns.name") == 0;
		if (!name || !c->required || silent < 5 || view_has(v, c, OUTCOME_ANSWERED))
			continue;
		struct verdict *d = view_add(v, f, c, CONF_LIKELY, EFFECT_BLOCKS);
		if (!d)
			return;
		d->impact = "Devices cannot find their cloud: its name does not resolve.";
		d->summary = "no configured resolver answers";
		d->seen = arena_printf(v->run->arena, "%u queries for %s unanswered over UDP and TCP", silent, c->target);
		d->who = "The resolver, or something that drops port 53 on the way to it.";
		d->remedy = "Name a resolver that works in DHCP, or allow UDP and TCP 53 to this one.";
		d->decide = "asking the same resolver from another host";
	}
}

static bool answered_by(const struct judge_view *v, const struct check *c, const char *proto)
{
	for (size_t i = 0; i < v->run->n_obs; i++) {
		const struct observation *o = v->run->obs[i];
		if (!strcmp(o->check, c->id) && !strcmp(o->target, c->target) &&
		    o->outcome == OUTCOME_ANSWERED && obs_text_is(o, A_PROTO, proto))
			return true;
	}
	return false;
}

static void dns_udp_only(struct judge_view *v, const struct fault *f)
{
	EACH_CHECK(v, c) {
		if (strcmp(c->id, "dns.name") || !c->required || answered_by(v, c, "udp") ||
		    !answered_by(v, c, "tcp") || view_count(v, c, OUTCOME_SILENT) < 5)
			continue;
		struct verdict *d = view_add(v, f, c, CONF_PROVEN, EFFECT_BLOCKS);
		if (!d)
			return;
		d->impact = "Small devices ask over UDP only: they cannot find their cloud.";
		d->summary = "DNS over UDP is lost, over TCP it works";
		d->seen = arena_printf(v->run->arena, "%u UDP queries unanswered, the same question over TCP answered",
				       view_count(v, c, OUTCOME_SILENT));
		d->who = "Something between this host and its resolver.";
		d->remedy = "Allow UDP 53 to the resolver.";
	}
}

static void udp_port_blocked(struct judge_view *v, const struct fault *f)
{
	EACH_CHECK(v, c) {
		unsigned silent = view_count(v, c, OUTCOME_SILENT);
		if (!is_hello(c) || c->answered || silent < 3 || silent != c->attempts)
			continue;
		struct verdict *d = view_add(v, f, c, CONF_LIKELY, EFFECT_BLOCKS);
		if (!d)
			return;
		d->subject = flow_name(v, c);
		d->impact = arena_printf(v->run->arena, "Devices on %s cannot reach their cloud from here.", d->subject);
		d->summary = arena_printf(v->run->arena, "%s looks dropped on the way", d->subject);
		d->seen = arena_printf(v->run->arena, "0 of %u DTLS hellos to %s answered; the name resolves",
				       c->attempts, c->target);
		d->who = "Not shown: this network, its provider, or the cloud itself being down.";
		d->remedy = arena_printf(v->run->arena, "Firewall: %s.", allow_rule(v, c));
		d->decide = "the same check from another network: if it passes there, this network drops it";
		d->ask = arena_printf(v->run->arena, "Please %s.", allow_rule(v, c));
	}
}

static void udp_rejected(struct judge_view *v, const struct fault *f)
{
	EACH_CHECK(v, c) {
		const struct observation *o = view_first(v, c, OUTCOME_REJECTED);
		if (!is_hello(c) || c->answered || !o)
			continue;
		struct verdict *d = view_add(v, f, c, CONF_PROVEN, EFFECT_BLOCKS);
		if (!d)
			return;
		d->subject = flow_name(v, c);
		d->impact = arena_printf(v->run->arena, "Devices on %s cannot reach their cloud from here.", d->subject);
		d->summary = arena_printf(v->run->arena, "%s rejects %s", obs_get_text(o, A_ICMP_FROM, "a box"), d->subject);
		d->seen = arena_printf(v->run->arena, "%u of %u hellos answered by ICMP type %lld code %lld",
				       view_count(v, c, OUTCOME_REJECTED), c->attempts,
				       (long long)obs_get_int(o, A_ICMP_TYPE, 0), (long long)obs_get_int(o, A_ICMP_CODE, 0));
		d->who = arena_printf(v->run->arena, "The box with address %s.", obs_get_text(o, A_ICMP_FROM, "?"));
		d->remedy = arena_printf(v->run->arena, "On that box: %s.", allow_rule(v, c));
		d->ask = arena_printf(v->run->arena, "Please %s.", allow_rule(v, c));
	}
}

static void server_down(struct judge_view *v, const struct fault *f)
{
	EACH_CHECK(v, c) {
		if (!is_hello(c) || c->answered || !view_has(v, c, OUTCOME_REFUSED))
			continue;
		struct verdict *d = view_add(v, f, c, CONF_LIKELY, EFFECT_BLOCKS);
		if (!d)
			return;
		d->subject = flow_name(v, c);
		d->impact = "Devices cannot reach their cloud now, from anywhere.";
		d->summary = arena_printf(v->run->arena, "the cloud's own address says that %s is closed", d->subject);
		d->seen = arena_printf(v->run->arena, "ICMP port unreachable from %s itself", c->target);
		d->who = "The far end; this network let the packets through.";
		d->remedy = "See the cloud's status page and wait.";
		d->decide = "the same check from another network";
	}
}

static void identity_unknown(struct judge_view *v, const struct fault *f)
{
	EACH_CHECK(v, c) {
		const struct check *hello = view_sibling(v, c, ".hello");
		if (!strstr(c->id, ".identity") || !c->chosen || c->answered || !hello || !hello->answered ||
		    view_has(v, c, OUTCOME_MISMATCH))
			continue;
		const struct observation *o = view_first(v, c, OUTCOME_RESET);
		struct verdict *d = view_add(v, f, c, CONF_UNDETERMINED, EFFECT_FRAGILE);
		if (!d)
			return;
		d->impact = "The path is open, but the far end did not show that it is the cloud.";
		d->summary = o ? "the far end ended the handshake with an alert" : "the handshake stalls after the cookie";
		d->seen = "an authentic HelloVerifyRequest, then no signed key exchange";
		d->who = "Not shown: the server, or something that drops its larger packets.";
		d->remedy = "Watch one real device connect; if it does, nothing is wrong.";
		d->decide = "a device's own connection, or the same check from another network";
	}
}

static void udp_impostor(struct judge_view *v, const struct fault *f)
{
	EACH_CHECK(v, c) {
		if (!strstr(c->id, ".identity") || c->answered || !view_has(v, c, OUTCOME_MISMATCH))
			continue;
		struct verdict *d = view_add(v, f, c, CONF_PROVEN, EFFECT_BLOCKS);
		if (!d)
			return;
		d->subject = flow_name(v, c);
		d->impact = "Devices will refuse this server and stay offline.";
		d->summary = arena_printf(v->run->arena, "something else answers on %s", d->subject);
		d->seen = "a complete handshake whose signature is not made with the cloud's key";
		d->who = "A redirect on the way, or a DNS answer that points to another machine.";
		d->remedy = arena_printf(v->run->arena, "Take %s out of any redirect or proxy and check the DNS answer.", d->subject);
		d->ask = arena_printf(v->run->arena, "Please exempt %s to %s from redirects.", d->subject, c->target);
	}
}

#define ROW(var, slug_, code_, family_, title_, fn, what_, evidence_, look_, remedy_)               \
	static const struct fault var = { .slug = slug_, .code = code_, .family = family_,          \
					  .title = title_, .test = fn, .hides = "", .what = what_,  \
					  .evidence = evidence_, .lookalikes = look_, .remedy = remedy_ }

ROW(l1, "no-address", "L1", "local", "no usable address or link", no_address,
    "The interface is down, has no address, or no way out.", "The kernel's own tables.",
    "A tunnel that is still coming up.", "Port, VLAN, DHCP scope.");
ROW(l4, "own-firewall", "L4", "local", "this host itself drops it", own_firewall,
    "The host's own output rules refuse the packet.", "send() fails with EPERM.",
    "A silent drop further out gives no error.", "The local rule.");
ROW(d1, "resolver-down", "D1", "dns", "resolver does not answer", resolver_down,
    "No configured resolver answers, neither over UDP nor over TCP.",
    "At least five unanswered queries and an unanswered one over TCP.",
    "UDP 53 alone blocked (D2): TCP answers.", "Another resolver by DHCP.");
ROW(d2, "dns-udp-only-blocked", "D2", "dns", "DNS over UDP is blocked", dns_udp_only,
    "The same resolver answers over TCP but not over UDP.", "Five silent UDP tries, one answer over TCP.",
    "A slow resolver: its late answers count.", "UDP 53 to the resolver.");
ROW(u3, "udp-rejected", "U3", "udp", "a box rejects the device's port", udp_rejected,
    "A box on the way answers with ICMP that it forbids the packet.", "The ICMP error names its sender.",
    "Port unreachable from the target itself is a closed server (U4).", "The rule on that box.");
ROW(u4, "server-down", "U4", "udp", "the cloud does not serve the port", server_down,
    "The target itself says that the port is closed.", "ICMP port unreachable from the target's address.",
    "A box that rejects with the target's address.", "Wait; status page.");
ROW(u2, "udp-port-blocked", "U2", "udp", "the device's UDP port is dropped", udp_port_blocked,
    "Device-shaped hellos stay unanswered.", "Several tries over some seconds, all silent.",
    "The cloud being down looks the same from one network.", "Allow the port outbound, with replies.");
ROW(u21, "udp-impostor", "U21", "udp", "not the cloud answers", udp_impostor,
    "The handshake works, but the signature is not made with the cloud's key.",
    "ServerKeyExchange fails under the profile's key.", "An alert instead of the flight proves nothing.",
    "Remove the redirect, check DNS.");
ROW(u11, "flight-stall", "U11", "udp", "the handshake stalls", identity_unknown,
    "The cookie exchange works, the signed flight does not arrive.", "An authentic HelloVerifyRequest.",
    "A server that does not like the hello ends with an alert.", "Per cause.");

const struct fault *const fault_table[] = { &l1, &l4, &d1, &d2, &u3, &u4, &u2, &u21, &u11 };
const size_t n_fault_table = sizeof(fault_table) / sizeof(fault_table[0]);

const struct fault *fault_by_name(const char *name)
{
	for (size_t i = 0; i < n_fault_table; i++)
		if (strcmp(fault_table[i]->slug, name) == 0 || text_equal_nocase(fault_table[i]->code, name))
			return fault_table[i];
	return NULL;
}
