#include "evidence.h"

#include <string.h>

#include "sallyport/profile.h"

/* Devices ask over UDP; an answer without an address says less than one with it. */
static unsigned dns_rank(const struct observation *o, unsigned plain)
{
	bool answered = o->outcome == OUTCOME_ANSWERED;
	if (obs_text_is(o, A_PROTO, "tcp"))
		return answered ? plain - 2 : 2;
	return answered && !obs_get_int(o, A_RCODE, 0) && !*obs_get_text(o, A_ANSWERS, "") ? plain - 1 : plain;
}

/* The observation that says most: an authentic answer, else anything that came back, else what was
 * lost, else that a connection opened. The last of its rank: later ones know more. */
static unsigned rank(const struct observation *o)
{
	static const uint8_t ranks[OUTCOME_COUNT] = {
		[OUTCOME_ANSWERED] = 9, [OUTCOME_MISMATCH] = 8,       [OUTCOME_GARBLED] = 8,
		[OUTCOME_REJECTED] = 7, [OUTCOME_DENIED_LOCALLY] = 7, [OUTCOME_REFUSED] = 7,
		[OUTCOME_RESET] = 7,    [OUTCOME_UNREACHABLE] = 6,    [OUTCOME_SILENT] = 5,
		[OUTCOME_ABORTED] = 4,  [OUTCOME_NOT_RUN] = 1,
	};
	bool table = strcmp(o->check, "link") == 0; /* the kernel's: the later one holds */
	if (table)
		return ranks[OUTCOME_ANSWERED];
	bool answered = o->outcome == OUTCOME_ANSWERED;
	if (strncmp(o->check, "dns.", 4) == 0)
		return dns_rank(o, ranks[o->outcome]);
	if (answered && obs_text_is(o, A_PHASE, "connect"))
		return 3; /* what came of the connection says more */
	if (answered && obs_text_is(o, A_REPLY, "time-exceeded"))
		return ranks[OUTCOME_ANSWERED] + (unsigned)obs_get_int(o, A_IP_TTL, 0); /* the farthest */
	return ranks[o->outcome];
}

static bool is_control(const struct observation *o)
{
	const char *role = obs_get_text(o, A_ROLE, "target");
	return strcmp(role, "control") == 0 || strcmp(role, "never") == 0;
}

/* TLS with another name or none tells why the real one failed; it is no result of its own. */
static bool is_side_try(const struct observation *o)
{
	return obs_text_is(o, A_SNI, "other") || obs_text_is(o, A_SNI, "none");
}

static bool belongs(const struct observation *o, const struct check *c)
{
	return strcmp(o->check, c->id) == 0 && strcmp(o->target, c->target) == 0 && !is_control(o) &&
	       !is_side_try(o);
}

static const struct observation *best(const struct run *r, const struct check *c)
{
	const struct observation *found = NULL;
	for (size_t i = 0; i < r->n_obs; i++)
		if (belongs(r->obs[i], c) && (!found || rank(r->obs[i]) >= rank(found)))
			found = r->obs[i];
	return found;
}

static const char *milliseconds(struct arena *a, double ms)
{
	return ms < 0.05 ? "under 0.1 ms" : arena_printf(a, ms < 9.95 ? "%.1f ms" : "%.0f ms", ms);
}

static const char *took(struct arena *a, const struct observation *o)
{
	double rtt = obs_get_real(o, A_RTT_MS, -1);
	return rtt < 0 ? "" : arena_printf(a, " in %s", milliseconds(a, rtt));
}

/* ---- what an answer says, by probe -------------------------------------------------------- */

static const char *link_text(struct arena *a, const struct observation *o)
{
	return arena_printf(a, "%s, %s, MTU %lld", obs_get_text(o, A_OPERSTATE, "state unknown"),
			    obs_get_text(o, A_ADDRESSES, "no address"),
			    (long long)obs_get_int(o, A_MTU, 0));
}

static const char *gateway_text(struct arena *a, const struct observation *o)
{
	bool through = obs_text_is(o, A_REPLY, "data"); /* shown by what came back through it */
	return arena_printf(a, "%s%s%s", through ? "forwards for this host" : "answers",
			    obs_has(o, A_MAC) ? " as " : "", obs_get_text(o, A_MAC, ""));
}

static const char *name_text(struct arena *a, const struct observation *o)
{
	static const char *const rcodes[] = { NULL, "FORMERR", "SERVFAIL", "NXDOMAIN", "NOTIMP", "REFUSED" };
	int64_t rcode = obs_get_int(o, A_RCODE, 0);
	if (rcode > 0 && rcode < 6)
		return arena_printf(a, "the resolver says %s", rcodes[rcode]);
	if (rcode)
		return arena_printf(a, "the resolver says code %lld", (long long)rcode);
	const char *answers = obs_get_text(o, A_ANSWERS, "");
	return *answers ? arena_printf(a, "%s%s", answers, took(a, o)) : "an empty answer";
}

static const char *resolver_text(struct arena *a, const struct observation *o)
{
	return arena_printf(a, "answers over %s%s", obs_text_is(o, A_PROTO, "tcp") ? "TCP" : "UDP", took(a, o));
}

static const char *ntp_text(struct arena *a, const struct observation *o)
{
	double offset = obs_get_real(o, A_OFFSET_MS, 0);
	const char *side = offset < 0 ? "behind" : "ahead of";
	if (offset < 0)
		offset = -offset;
	if (obs_get_int(o, A_STRATUM, 1) == 0 && *obs_get_text(o, A_REFID, ""))
		return arena_printf(a, "refuses to serve (%s)", obs_get_text(o, A_REFID, ""));
	if (!obs_has(o, A_OFFSET_MS))
		return "answers, but has no time itself";
	if (offset < 1000)
		return arena_printf(a, "own clock right within %.0f ms%s%s", offset + 0.5, *took(a, o) ? ", answer" : "", took(a, o));
	return arena_printf(a, "its clock is %.1f s %s this host's", offset / 1000, side);
}

static const char *dtls_text(struct arena *a, const struct observation *o)
{
	if (obs_text_is(o, A_IDENTITY, "verified"))
		return arena_printf(a, "holds the cloud's private key%s", took(a, o));
	if (obs_text_is(o, A_IDENTITY, "wrong-signature"))
		return "does not hold the cloud's private key";
	if (obs_has(o, A_IDENTITY))
		return arena_printf(a, "identity: %s", obs_get_text(o, A_IDENTITY, ""));
	return arena_printf(a, "the cloud answers%s", took(a, o));
}

static const char *greeting_text(struct arena *a, const struct observation *o)
{
	return arena_printf(a, "greeted with %lld bytes%s", (long long)obs_get_int(o, A_GREETING_BYTES, 0),
			    took(a, o));
}

static const char *tls_text(struct arena *a, const struct observation *o)
{
	bool ok = obs_get_bool(o, A_CHAIN_OK, false) && obs_get_bool(o, A_NAME_OK, false);
	if (ok)
		return arena_printf(a, "%s, certificate verified%s",
				    obs_get_text(o, A_TLS_VERSION, "TLS"), took(a, o));
	return arena_printf(a, "certificate fails (%s), issued by %s", obs_get_text(o, A_VERIFY, "?"),
			    obs_get_text(o, A_ISSUER, "nobody named"));
}

static const char *http_text(struct arena *a, const struct observation *o)
{
	long long status = (long long)obs_get_int(o, A_STATUS, 0);
	if (obs_get_bool(o, A_BODY_OK, false))
		return arena_printf(a, "the operator's own page%s", took(a, o));
	if (obs_has(o, A_LOCATION))
		return arena_printf(a, "%lld to %s", status, obs_get_text(o, A_LOCATION, ""));
	return arena_printf(a, "%lld, not the operator's page", status);
}

static const char *path_text(struct arena *a, const struct observation *o)
{
	return arena_printf(a, "routers answered up to hop %lld", (long long)obs_get_int(o, A_IP_TTL, 0));
}

static const struct {
	const char *probe;
	const char *(*text)(struct arena *a, const struct observation *o);
} answers[] = {
	{ "link", link_text },         { "gateway", gateway_text }, { "dns.resolver", resolver_text },
	{ "dns.name", name_text },     { "ntp", ntp_text },         { "dtls-echo", dtls_text },
	{ "dtls-device", dtls_text },  { "tcp-greeting", greeting_text }, { "tls", tls_text },
	{ "http", http_text },         { "path", path_text },
};

/* ---- what any other outcome says ---------------------------------------------------------- */

static const char *of_tries(struct arena *a, const struct check *c)
{
	return c->attempts > 1 ? arena_printf(a, ", %u of %u tries answered", c->answered, c->attempts)
			       : "";
}

static const char *icmp_sender(const struct observation *o)
{
	return obs_get_bool(o, A_FROM_SELF, false) ? "this host" : obs_get_text(o, A_ICMP_FROM, "a router");
}

static const char *received(struct arena *a, const struct observation *o)
{
	static const char *const words[][2] = {
		{ "short", "too short" }, { "long", "too long" }, { "closed", "at once" },
		{ "text", "text" },	  { "http", "HTTP" },	  { "tls", "TLS" },
		{ "fin", "closed" },	  { "rst", "reset" },	  { "not-tls", "not TLS" },
	};
	const char *word = obs_get_text(o, A_GREETING, obs_get_text(o, A_REASON, NULL));
	for (size_t i = 0; word && i < sizeof(words) / sizeof(words[0]); i++)
		if (strcmp(words[i][0], word) == 0)
			return arena_printf(a, " (%s)", words[i][1]);
	return word ? arena_printf(a, " (%s)", word) : "";
}

/* What the kernel's tables lack, by the reason that `link` gives. */
static const char *link_lacks(const struct observation *o)
{
	static const struct {
		const char *reason, *text;
	} words[] = { { "no-interface", "no interface to use" },   { "down", "switched off" },
		      { "no-carrier", "no carrier" },		   { "no-address", "no address" },
		      { "link-local-only", "a self-made address only" },
		      { "no-route", "no default route by it" },	   { "no-ipv4", "IPv6 only, no IPv4" },
		      { "interface-gone", "went away during the run" },
		      { "address-changed", "changed its address or route during the run" } };
	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		if (obs_text_is(o, A_REASON, words[i].reason))
			return words[i].text;
	return NULL;
}

/* "no address for NAME (timeout)": the name is in the line already. */
static const char *why_not_run(struct arena *a, const struct check *c, const char *reason)
{
	static const char about[] = "no address for ";
	size_t skip = sizeof(about) - 1, n = 0;
	if (strncmp(reason, about, skip) == 0)
		n = strcspn(reason + skip, " ");
	if (!n || !strstr(c->target, arena_printf(a, "%.*s", (int)n, reason + skip)))
		return reason;
	return arena_printf(a, "no address%s", reason + skip + n);
}

static const char *other_text(struct arena *a, const struct check *c, const struct observation *o)
{
	const char *lacks = strcmp(o->check, "link") == 0 ? link_lacks(o) : NULL;
	if (lacks)
		return lacks;
	switch (o->outcome) {
	case OUTCOME_SILENT:
		return c->attempts > 1 ? arena_printf(a, "silent: %u of %u tries answered", c->answered,
						      c->attempts)
				       : "silent: no answer";
	case OUTCOME_REFUSED: return arena_printf(a, "refused in the target's name%s", of_tries(a, c));
	case OUTCOME_RESET: return arena_printf(a, "the connection was cut%s", received(a, o));
	case OUTCOME_REJECTED:
		return arena_printf(a, "rejected by %s (ICMP %lld/%lld)%s", icmp_sender(o),
				    (long long)obs_get_int(o, A_ICMP_TYPE, 3),
				    (long long)obs_get_int(o, A_ICMP_CODE, 0), of_tries(a, c));
	case OUTCOME_UNREACHABLE:
		return obs_has(o, A_ICMP_FROM)
			       ? arena_printf(a, "%s cannot reach it", icmp_sender(o))
			       : "this host has no route to it";
	case OUTCOME_DENIED_LOCALLY: return "this host's own rules refused to send it";
	case OUTCOME_GARBLED: return arena_printf(a, "something else answered%s", received(a, o));
	case OUTCOME_MISMATCH: return arena_printf(a, "not what the real one answers%s", received(a, o));
	case OUTCOME_ABORTED: return "stopped while under way";
	default: return why_not_run(a, c, obs_get_text(o, A_REASON, "not run"));
	}
}

const char *evidence_text(struct arena *a, const struct run *r, const struct check *c)
{
	const struct observation *o = best(r, c);
	if (!o)
		return c->because ? arena_printf(a, "not run: %s", c->because) : "not run";
	if (o->outcome != OUTCOME_ANSWERED && o->outcome != OUTCOME_MISMATCH)
		return other_text(a, c, o);
	for (size_t i = 0; i < sizeof(answers) / sizeof(answers[0]); i++)
		if (strcmp(answers[i].probe, c->probe) == 0 &&
		    (o->outcome == OUTCOME_ANSWERED || answers[i].text == tls_text ||
		     answers[i].text == http_text || obs_text_is(o, A_IDENTITY, "wrong-signature")))
			return answers[i].text(a, o);
	return o->outcome == OUTCOME_ANSWERED ? "answered" : other_text(a, c, o);
}

const char *evidence_group(struct arena *a, const struct check *const *checks, size_t n)
{
	double low = -1, high = -1;
	for (size_t i = 0; i < n; i++) {
		double rtt = checks[i]->rtt_ms;
		if (rtt < 0)
			continue;
		low = low < 0 || rtt < low ? rtt : low;
		high = rtt > high ? rtt : high;
	}
	if (low < 0)
		return arena_printf(a, "all %zu pass", n);
	const char *from = milliseconds(a, low), *to = milliseconds(a, high);
	if (strcmp(from, to) == 0)
		return arena_printf(a, "all %zu pass, in %s", n, from);
	return arena_printf(a, "all %zu pass, in %s to %s", n, from, to);
}
