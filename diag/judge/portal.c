/* What stands before the Internet and answers in its name: P1 (captive portal) and P5 (a proxy that
 * accepts every connection). */
#include "faults.h"
#include "tcp_read.h"

#include <string.h>

/* ---- P1 ---- */
/* Another page than the known one, from this check; NULL when the page is right or was not seen. */
static const struct observation *wrong_page(const struct judge_view *v, size_t i)
{
	const struct flow *f = target_is(view_target(v, i), "http") ? view_flow(v, i) : NULL;
	if (!f || f->answered)
		return NULL;
	struct pick p = {.check = f->check->id,
			 .target = f->check->target,
			 .role = ROLE_OWN,
			 .outcomes = OUTCOME_BIT(OUTCOME_MISMATCH)};
	size_t at = 0;
	return view_next(v, &p, &at);
}

/* Scheme and host of a URL: what differs between the redirects of one portal comes after them. */
static size_t origin_length(const char *url)
{
	const char *host = strstr(url, "://");
	host = host ? host + 3 : url;
	return (size_t)(host - url) + strcspn(host, "/?#");
}

/* Wrong in the same way: the same status, and the same place to go to, or none. */
static bool same_page(const struct observation *a, const struct observation *b)
{
	const char *x = obs_get_text(a, A_LOCATION, ""), *y = obs_get_text(b, A_LOCATION, "");
	size_t n = origin_length(x);
	return obs_get_int(a, A_STATUS, 0) == obs_get_int(b, A_STATUS, 0) &&
	       n == origin_length(y) && strncmp(x, y, n) == 0;
}

static bool same_origin(const struct judge_view *v, size_t a, size_t b)
{
	const char *x = view_target_name(v, a), *y = view_target_name(v, b);
	size_t n = origin_length(x);
	return n == origin_length(y) && strncmp(x, y, n) == 0;
}

/* Every page that is wrong in the same way as target i's. */
static uint64_t wrong_alike(const struct judge_view *v, size_t i, unsigned *origins)
{
	const struct observation *first = wrong_page(v, i), *o;
	uint64_t mask = 0;
	*origins = 0;
	for (size_t k = 0; first && k < v->run->profile->n_targets; k++) {
		o = wrong_page(v, k);
		if (!o || !same_page(first, o))
			continue;
		bool seen = false;
		for (size_t j = 0; j < k; j++)
			seen |= (mask & TARGET_BIT(j)) && same_origin(v, j, k);
		*origins += !seen;
		mask |= TARGET_BIT(k);
	}
	return mask;
}

static const char *page_text(struct judge_view *v, const struct observation *o)
{
	const char *to = obs_get_text(o, A_LOCATION, NULL),
		   *server = obs_get_text(o, A_SERVER, NULL);
	const char *s = view_say(v, "HTTP status %lld", (long long)obs_get_int(o, A_STATUS, 0));
	if (to)
		s = view_say(v, "%s, a redirect to %s", s, to);
	return server ? view_say(v, "%s, server \"%s\"", s, server) : s;
}

/* Devices that nothing else reaches stand behind the portal as well. */
static void say_captive(struct judge_view *v, const struct fault *f, uint64_t pages, size_t first,
			unsigned origins)
{
	bool closed = !v->udp_out && !v->tcp_out;
	const char *api = v->run->host->portal_api; /* DHCP says itself that there is one */
	const struct observation *o = wrong_page(v, first);
	struct draft *d = view_verdict(v, f, *api && closed ? CONF_PROVEN : CONF_LIKELY,
				       closed ? v->all_targets : pages);
	d->v.subject = "HTTP";
	d->v.summary =
		closed ? "Looks like a captive portal before the Internet; devices cannot log in"
		       : "Looks like something on the way changes plain HTTP pages";
	d->v.seen = view_say(v, "%u known pages on %u hosts answered in the same wrong way: %s%s",
			     (unsigned)__builtin_popcountll(pages), origins, page_text(v, o),
			     closed ? "; nothing else gets out" : "; other services work");
	if (*api)
		d->v.seen = view_say(v, "%s; DHCP names its interface %s (option 114, RFC 8910)", d->v.seen, api);
	d->v.who = closed ? "looks like the login page of this network"
			  : "looks like a portal or web filter";
	d->v.remedy = closed ? "let the devices' MACs past the portal, or use another network"
			     : "exempt plain HTTP from the portal or filter where tools need it";
	d->v.decide = "a login at the portal from this host, then the same run; or DHCP option 114";
	d->v.confirm = view_confirm(v, "portal");
	d->v.ask = "Please let the devices' MACs past the captive portal.";
	draft_cite_targets(v, d, closed ? v->all_targets : pages);
}

static bool is_asked_by(const struct judge_view *v, const struct observation *o, const char *probe)
{
	const struct check *c = run_check(v->run, o->check, o->target);
	return c && strcmp(c->probe, probe) == 0;
}

/* The portal's own word about this host (RFC 8908); NULL when it was not asked or did not say. */
static const struct observation *portal_word(const struct judge_view *v)
{
	const struct observation *o;
	struct pick p = {.check = "portal", .outcomes = OUTCOME_BIT(OUTCOME_ANSWERED)};
	for (size_t at = 0; (o = view_next(v, &p, &at));)
		if (obs_has(o, A_CAPTIVE) && is_asked_by(v, o, "portal-api"))
			return o;
	return NULL;
}

static void say_by_word(struct judge_view *v, const struct fault *f, const struct observation *o)
{
	struct draft *d = view_verdict(v, f, CONF_PROVEN, v->all_targets);
	d->v.subject = obs_get_text(o, A_URL, "");
	d->v.summary = "A captive portal holds this host; devices cannot log in";
	d->v.seen = view_say(v, "the portal's own interface %s says so (RFC 8908); nothing else gets out",
			     d->v.subject);
	d->v.who = "the login page of this network";
	d->v.remedy = "let the devices' MACs past the portal, or use another network";
	d->v.confirm = view_confirm(v, "portal");
	d->v.ask = "Please let the devices' MACs past the captive portal.";
	draft_cite_targets(v, d, v->all_targets);
	draft_cite(d, o);
}

static void captive_http(struct judge_view *v, const struct fault *f)
{
	const struct observation *word = portal_word(v);
	for (size_t i = 0; i < v->run->profile->n_targets; i++) {
		unsigned origins;
		uint64_t pages = wrong_alike(v, i, &origins);
		if (origins < 2)
			continue;
		say_captive(v, f, pages, i, origins);
		return;
	}
	if (word && obs_get_bool(word, A_CAPTIVE, false) && !v->udp_out && !v->tcp_out)
		say_by_word(v, f, word);
}

const struct fault fault_captive_http = {
	"captive-http",
	"P1",
	"portal",
	"Captive portal",
	captive_http,
	"*",
	"Plain HTTP pages are answered by something else, usually a login page, before the "
	"Internet is "
	"reached. Devices without a browser never get past it.",
	"Two known pages of different operators both wrong in the same way. Likely at most without "
	"a "
	"control server.",
	"A web filter that only changes HTTP while everything else passes; one page that has "
	"changed at its "
	"operator.",
	"MAC bypass, another SSID.",
};

/* ---- H7 ---- */
static void portal_passed(struct judge_view *v, const struct fault *f)
{
	const struct observation *word = portal_word(v);
	if (!word || obs_get_bool(word, A_CAPTIVE, true))
		return;
	struct draft *d = view_verdict(v, f, CONF_LIKELY, v->all_targets);
	if (d->v.effect == EFFECT_BLOCKS)
		d->v.effect = EFFECT_DOUBT;
	d->v.subject = obs_get_text(word, A_URL, "");
	d->v.summary = "This network has a captive portal that this host has passed; devices cannot log in";
	d->v.impact = "What this run saw does not show what devices on this network would see.";
	d->v.seen = view_say(v, "DHCP names the portal's interface (option 114), and that says this host is "
				"let through");
	d->v.who = "the login page of this network";
	d->v.remedy = "let the devices' MACs past the portal, or use another network";
	d->v.confirm = view_confirm(v, "portal");
	d->v.decide = "whether the portal lets the devices' MACs through without a login: its operator knows";
	draft_cite(d, word);
}

const struct fault fault_portal_passed = {
	"portal-passed",
	"H7",
	"vantage",
	"A portal that this host has passed",
	portal_passed,
	NULL,
	"A captive portal stands before the Internet here; this host is let through, a device with "
	"another MAC may not be.",
	"DHCP option 114 (RFC 8910) names the portal, and its API says that this host is not captive "
	"(RFC 8908).",
	"A network without a portal: DHCP names none. A portal that no longer holds anyone.",
	"Ask the portal's operator to let the devices' MACs through.",
};

/* ---- P4 ---- */
/* Targets that nothing but a proxy could reach: their own packets stay unanswered. */
static uint64_t unreached(const struct judge_view *v, bool people)
{
	uint64_t mask = 0;
	for (size_t i = 0; i < v->run->profile->n_targets; i++) {
		const struct profile_target *t = view_target(v, i);
		const struct flow *f = view_flow(v, i);
		if (f && !f->accepted && !flow_replied(f) && flow_hinted(f) &&
		    (!people || (t->people && t->transport == TRANSPORT_TCP && !target_is(t, "http"))))
			mask |= TARGET_BIT(i);
	}
	return mask;
}

/* What the proxy itself, or the script that names it, said; NULL when neither was reached. */
static const struct observation *proxy_says(const struct judge_view *v, const char *phase)
{
	struct pick p = {.check = "portal", .outcomes = OUTCOME_BIT(OUTCOME_ANSWERED), .key = A_PHASE,
			 .text = phase};
	size_t at = 0;
	return view_next(v, &p, &at);
}

/* It was asked and did not answer as a proxy does: a setting left over from elsewhere. */
static bool proxy_failed(const struct judge_view *v)
{
	for (size_t i = 0; i < v->run->n_checks; i++)
		if (strcmp(v->run->checks[i].probe, "proxy") == 0 && v->flows[i].sent &&
		    !proxy_says(v, "proxy"))
			return true;
	return false;
}

static const char *proxy_named(const struct judge_view *v, const struct observation *o)
{
	const struct host_facts *h = v->run->host;
	const struct observation *script = proxy_says(v, "script");
	if (o || script)
		return obs_get_text(o ? o : script, A_PROXY, "");
	return h->proxy[0] ? h->proxy : h->wpad_url[0] ? h->wpad_url : NULL;
}

static void proxy_required(struct judge_view *v, const struct fault *f)
{
	const struct observation *o = proxy_says(v, "proxy");
	int64_t status = o ? obs_get_int(o, A_STATUS, 0) : 0;
	bool works = (status >= 200 && status < 300) || status == 407;
	const char *proxy = proxy_named(v, o);
	if (!proxy || proxy_failed(v) || !unreached(v, true) || v->tcp_out)
		return;
	uint64_t mask = unreached(v, false);
	struct draft *d = view_verdict(v, f, works ? CONF_PROVEN : CONF_LIKELY, mask);
	d->v.subject = proxy;
	d->v.summary = view_say(v, "People use the proxy %s; devices cannot", proxy);
	d->v.seen = view_say(v, "direct connections to %s stay unanswered%s", view_stem_targets(v, mask),
			     works ? view_say(v, ", while the proxy answers CONNECT with status %lld",
					      (long long)status) : "; this network names a web proxy");
	d->v.who = view_say(v, "the rule that lets only %s out", proxy);
	d->v.remedy = "let the devices out directly to what they need, as listed: CoAP does not pass a web proxy";
	d->v.confirm = view_confirm(v, "portal");
	d->v.decide = "the proxy's answer to CONNECT";
	d->v.ask = "Please let the devices out directly, as listed: they cannot use a web proxy.";
	draft_cite_targets(v, d, mask);
	if (o)
		draft_cite(d, o);
}

const struct fault fault_proxy_required = {
	"proxy-required",
	"P4",
	"portal",
	"Only the web proxy may go out",
	proxy_required,
	"udp-all-blocked udp-port-blocked port-drop dest-drop ntp-blocked",
	"Direct connections to the Internet are dropped; people's programs go through a web proxy that "
	"this host or the network names. Devices have no proxy setting, and CoAP passes none.",
	"Direct TCP 443 silent while the proxy answers CONNECT (or asks for a login, 407): proven. A "
	"proxy that is only named: likely.",
	"A network without any way out; a proxy variable left over from another network.",
	"A direct rule for the devices.",
};

/* ---- P5 ---- */
bool tcp_all_mute(const struct judge_view *v)
{
	uint16_t port = 0;
	bool several = false;
	for (size_t i = 0; i < v->run->profile->n_targets; i++) {
		const struct flow *f = view_flow(v, i);
		enum tcp_reading r = tcp_read(v, i);
		if ((r == TCP_NOTHING || r == TCP_OTHER) && (!f || !f->accepted))
			continue;
		if (r != TCP_MUTE)
			return false;
		several |= port && port != view_target(v, i)->port;
		port = view_target(v, i)->port;
	}
	return several;
}

/* A connection to an address that nobody has, when such an address was asked (--controls). */
static const struct observation *nobody_answers(const struct judge_view *v)
{
	struct pick p = {.role = ROLE_NEVER,
			 .outcomes = OUTCOME_BIT(OUTCOME_ANSWERED),
			 .key = A_PROTO,
			 .text = "tcp"};
	size_t at = 0;
	return view_next(v, &p, &at);
}

bool tcp_accepted_by_proxy(struct judge_view *v, size_t i)
{
	struct tcp_steps s;
	if (tcp_read(v, i) != TCP_MUTE)
		return false;
	tcp_steps(v, i, &s);
	return (s.early && s.syn_ack) || nobody_answers(v) || tcp_all_mute(v);
}

/* The first target whose SYN was accepted by a box before the server; n_targets when none was. */
static size_t accepted_early(struct judge_view *v, uint64_t mask, struct tcp_steps *out)
{
	size_t n = v->run->profile->n_targets;
	for (size_t i = 0; i < n; i++) {
		if (!(mask & TARGET_BIT(i)))
			continue;
		tcp_steps(v, i, out);
		if (out->early && out->syn_ack)
			return i;
	}
	*out = (struct tcp_steps){0};
	return n;
}

static void say_proxy(struct judge_view *v, struct draft *d, const struct observation *nobody,
		      const struct tcp_steps *s)
{
	uint64_t mask = d->v.targets;
	const char *all = v->tcp_out ? "these TCP connections" : "every TCP connection";
	d->v.summary = view_say(v, "%s %s; \"open\" proves nothing here",
				d->v.confidence == CONF_PROVEN ? "A proxy accepts"
							       : "Looks like a proxy accepts",
				all);
	d->v.seen = view_say(v, "connections to %s open and stay mute", view_stem_targets(v, mask));
	if (nobody)
		d->v.seen =
			view_say(v, "%s; %s, an address that nobody has, accepts connections too",
				 d->v.seen, obs_get_text(nobody, A_ADDRESS, "-"));
	if (s->early)
		d->v.seen = view_say(v,
				     "%s; a SYN that dies after %s, before the server, is accepted "
				     "as well",
				     d->v.seen, tcp_hops_text(v, s->early));
	d->v.who = s->early ? hop_box_text(v, s->early) : "something on the way; not shown where";
	d->v.remedy =
		view_say(v, "let connections to %s bypass the proxy", view_stem_targets(v, mask));
	d->v.decide = "an address that must never answer (--controls), or SYNs with stepped TTL";
	d->v.ask = view_say(v, "Please %s.", d->v.remedy);
}

static void accept_all_tcp(struct judge_view *v, const struct fault *f)
{
	uint64_t mask = 0;
	size_t first = v->run->profile->n_targets;
	struct tcp_steps s;
	for (size_t i = v->run->profile->n_targets; i-- > 0;)
		if (tcp_accepted_by_proxy(v, i)) {
			mask |= TARGET_BIT(i);
			first = i;
		}
	if (!mask)
		return;
	size_t early = accepted_early(v, mask, &s);
	const struct observation *nobody = nobody_answers(v);
	bool proven = early < v->run->profile->n_targets || nobody;
	struct draft *d = view_verdict(v, f, proven ? CONF_PROVEN : CONF_LIKELY, mask);
	d->v.subject = "TCP";
	say_proxy(v, d, nobody, &s);
	d->v.confirm = view_confirm(v, view_flow(v, first)->check->id);
	draft_cite_targets(v, d, mask);
	if (nobody)
		draft_cite(d, nobody);
	if (s.early)
		hop_cite(v, d, view_target(v, early));
}

const struct fault fault_accept_all_tcp = {
	"accept-all-tcp",
	"P5",
	"portal",
	"A proxy accepts every connection",
	accept_all_tcp,
	"mute-after-accept",
	"Every TCP connection opens at once, whatever its destination, because a box on the way "
	"accepts it; "
	"the far end is never reached.",
	"A connection to an address that nobody has; or a SYN-ACK to a SYN whose TTL ends before "
	"the server: "
	"proven. Several unrelated services that open and stay mute: likely.",
	"One server that hangs (C9).",
	"Bypass for the cloud's address.",
};
