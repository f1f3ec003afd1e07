/* TLS on TCP 443 and the like: S1 (a private CA), S3 (a filter on the name), S5 (this host's
 * clock), and certificates that are wrong for another reason. */
#include "faults.h"
#include "tcp_read.h"

#include <string.h>

#include "sallyport/clock.h"

/* The handshakes with the real name that brought a certificate. */
static const struct observation *certificate(const struct judge_view *v, size_t i)
{
	const struct flow *f = target_is(view_target(v, i), "tls") ? view_flow(v, i) : NULL;
	if (!f || f->answered)
		return NULL;
	struct pick p = {.check = f->check->id,
			 .target = f->check->target,
			 .role = ROLE_OWN,
			 .outcomes = OUTCOME_BIT(OUTCOME_ANSWERED),
			 .key = A_SNI,
			 .text = "real"};
	const struct observation *o;
	for (size_t at = 0; (o = view_next(v, &p, &at));)
		if (obs_text_is(o, A_PHASE, "tls") && obs_has(o, A_ISSUER))
			return o;
	return NULL;
}

static const char *issuer_of(const struct observation *o)
{
	const char *s = obs_get_text(o, A_ISSUER, "");
	return *s ? s : "(no name)";
}

static struct draft *tls_verdict(struct judge_view *v, const struct fault *f, enum confidence c,
				 uint64_t mask, size_t first)
{
	struct draft *d = view_verdict(v, f, c, mask);
	d->v.subject = view_subject(v, view_target(v, first));
	d->v.confirm = view_confirm(v, view_flow(v, first)->check->id);
	draft_cite_targets(v, d, mask);
	return d;
}

/* ---- S1 ---- */
static bool is_untrusted(const struct observation *o)
{
	return o && obs_has(o, A_CHAIN_OK) && !obs_get_bool(o, A_CHAIN_OK, false) &&
	       !obs_get_bool(o, A_CHAIN_OK_UNDATED, false) && obs_get_bool(o, A_NAME_OK, false);
}

/* Hosts whose certificates come from the issuer of target i's; nothing when told already. */
static uint64_t same_issuer(const struct judge_view *v, size_t i)
{
	const char *issuer = issuer_of(certificate(v, i));
	uint64_t mask = 0;
	for (size_t k = 0; k < v->run->profile->n_targets; k++) {
		const struct observation *o = certificate(v, k);
		if (!is_untrusted(o) || strcmp(issuer_of(o), issuer))
			continue;
		if (k < i)
			return 0;
		mask |= TARGET_BIT(k);
	}
	return mask;
}

static void private_ca(struct judge_view *v, const struct fault *f)
{
	for (size_t i = 0; i < v->run->profile->n_targets; i++) {
		const struct observation *o = certificate(v, i);
		uint64_t mask = is_untrusted(o) ? same_issuer(v, i) : 0;
		struct tcp_steps s;
		if (!mask)
			continue;
		tcp_steps(v, i, &s);
		bool early = s.early && s.syn_ack, several = mask != TARGET_BIT(i);
		enum confidence c = early ? CONF_PROVEN : several ? CONF_LIKELY : CONF_UNDETERMINED;
		struct draft *d = tls_verdict(v, f, c, mask, i);
		const char *issuer = issuer_of(o);
		d->v.summary = view_say(v, "%s by \"%s\"",
					early ? "TLS is opened" : "TLS looks opened", issuer);
		d->v.seen = view_say(
			v,
			"the certificate for %s is issued by \"%s\", which this host does not "
			"trust (%s)",
			view_stem_targets(v, mask), issuer,
			obs_get_text(o, A_VERIFY, "unknown issuer"));
		d->v.who = view_say(
			v, "whoever holds the CA \"%s\"%s", issuer,
			early ? view_say(v, ": %s", hop_box_text(v, s.early)) : "");
		d->v.remedy = view_say(v, "exempt %s from the TLS inspection of \"%s\"",
				       view_stem_targets(v, mask), issuer);
		d->v.decide = "the same certificate seen from another network; or who runs that CA";
		d->v.ask = view_say(v, "Please %s.", d->v.remedy);
		if (early)
			hop_cite(v, d, view_target(v, i));
	}
}

const struct fault fault_tls_private_ca = {
	"tls-private-ca",
	"S1",
	"tls",
	"TLS is opened by a private CA",
	private_ca,
	NULL,
	"The server's certificate is for the right name but from an issuer that this host does not "
	"trust, as "
	"TLS inspection makes them.",
	"An untrusted chain with the right name from one issuer for several hosts; the issuer is "
	"always "
	"named. Proven when the connection is also accepted before the server.",
	"A trust store that lacks a public CA; a server with a private CA of its own.",
	"Exempt the host from inspection.",
};

/* ---- S3 ---- */
struct name_tries {
	unsigned real_failed, real_hello, control_hello, control_failed;
	int64_t alert;
};

static void read_names(const struct judge_view *v, const struct flow *f, struct name_tries *out)
{
	struct pick p = {.check = f->check->id,
			 .target = f->check->target,
			 .role = ROLE_OWN,
			 .key = A_PHASE,
			 .text = "tls"};
	const struct observation *o;
	*out = (struct name_tries){.alert = -1};
	for (size_t at = 0; (o = view_next(v, &p, &at));) {
		bool hello = o->outcome == OUTCOME_ANSWERED;
		bool failed = o->outcome == OUTCOME_RESET || o->outcome == OUTCOME_SILENT;
		if (!obs_text_is(o, A_SNI, "real")) {
			out->control_hello += hello;
			out->control_failed += failed;
			continue;
		}
		out->real_hello += hello;
		out->real_failed += failed;
		out->alert = obs_get_int(o, A_ALERT, out->alert);
	}
}

bool tls_name_filtered(const struct judge_view *v, size_t i)
{
	const struct flow *f = target_is(view_target(v, i), "tls") ? view_flow(v, i) : NULL;
	struct name_tries n;
	if (!f)
		return false;
	read_names(v, f, &n);
	return n.real_failed > 1 && !n.real_hello && n.control_hello;
}

/* unrecognized_name (RFC 6066 section 3) is what a server says that does not know the name. Where
 * one of the controls fails as well, the name may be innocent: another certificate is shorter, and
 * only packets over some size are lost. */
static enum confidence name_filter_sure(const struct judge_view *v, size_t i)
{
	enum { UNRECOGNIZED_NAME = 112 };
	struct name_tries n;
	if (!tls_name_filtered(v, i))
		return CONF_COUNT;
	read_names(v, view_flow(v, i), &n);
	bool doubt = n.alert == UNRECOGNIZED_NAME || n.control_failed;
	return doubt ? CONF_UNDETERMINED : CONF_LIKELY;
}

static void name_filter_of(struct judge_view *v, const struct fault *f, enum confidence c)
{
	uint64_t mask = 0;
	size_t first = 0;
	for (size_t i = v->run->profile->n_targets; i-- > 0;)
		if (name_filter_sure(v, i) == c) {
			mask |= TARGET_BIT(i);
			first = i;
		}
	if (!mask)
		return;
	struct draft *d = tls_verdict(v, f, c, mask, first);
	const char *names = view_stem_targets(v, mask);
	struct name_tries n;
	read_names(v, view_flow(v, first), &n);
	d->v.summary = view_say(v, "Looks like a filter on the name in TLS blocks %s", names);
	d->v.seen = view_say(
		v,
		"%u of %u handshakes with the name %s cut or unanswered; %u with another name "
		"or none, to the same address, got a ServerHello",
		n.real_failed, n.real_failed, view_target_name(v, first), n.control_hello);
	d->v.who = "a filter on the way that reads the name, as it looks; not shown where";
	if (n.control_failed) {
		d->v.summary = view_say(v, "TLS to %s stalls: by its name, or by the size of the answer",
					names);
		d->v.seen = view_say(v, "%s, %u did not", d->v.seen, n.control_failed);
		d->v.who = "not shown: a filter that reads the name, or larger packets lost on the way";
	}
	d->v.remedy = view_say(v, "allow %s in the web or URL filter", names);
	d->v.decide =
		"the same name sent to another server's address, or the check from another network";
	d->v.ask = view_say(v, "Please %s.", d->v.remedy);
}

static void sni_filter(struct judge_view *v, const struct fault *f)
{
	name_filter_of(v, f, CONF_LIKELY);
	name_filter_of(v, f, CONF_UNDETERMINED);
}

const struct fault fault_sni_filter = {
	"sni-filter",
	"S3",
	"tls",
	"Blocked by the name in TLS",
	sni_filter,
	NULL,
	"A box reads the server name in the TLS hello and cuts the connection.",
	"The same address: two handshakes with the real name fail, another name and none get a "
	"ServerHello. "
	"Likely at most without a control server; undetermined where only one of the two gets it.",
	"A server that refuses its own name (it says so by alert 112); larger packets that are lost, "
	"where another name has a shorter certificate.",
	"URL filter entry.",
};

/* ---- S5 and other bad certificates ---- */
static bool only_dates_fail(const struct observation *o)
{
	return o && obs_has(o, A_CHAIN_OK) && !obs_get_bool(o, A_CHAIN_OK, true) &&
	       obs_get_bool(o, A_CHAIN_OK_UNDATED, false) && obs_get_bool(o, A_NAME_OK, false);
}

/* The certificate is valid at the time that the other clocks show. */
static bool valid_then(const struct judge_view *v, const struct observation *o, double offset_s)
{
	int64_t from, to, now = v->run->started_us + (int64_t)o->t_us + (int64_t)(offset_s * 1e6);
	return !clock_parse_utc(obs_get_text(o, A_NOT_BEFORE, ""), &from) &&
	       !clock_parse_utc(obs_get_text(o, A_NOT_AFTER, ""), &to) && from <= now && now <= to;
}

/* No other clock spoke, or they contradict each other: nobody can tell S5 from a bad certificate.
 */
static bool clock_unsure(struct judge_view *v, const struct observation *o)
{
	struct clock_sources s;
	if (!only_dates_fail(o))
		return false;
	clock_read(v, &s);
	return s.ntp && s.http ? !s.agree : !s.ntp && !s.http;
}

/* The clock explains it: CONF_PROVEN by two sources, CONF_LIKELY by one. */
static enum confidence clock_sure(struct judge_view *v, const struct observation *o)
{
	struct clock_sources s;
	if (!only_dates_fail(o) || clock_unsure(v, o))
		return CONF_COUNT;
	clock_read(v, &s);
	bool ntp = s.ntp && valid_then(v, o, s.ntp_s), http = s.http && valid_then(v, o, s.http_s);
	return ntp && http ? CONF_PROVEN : ntp || http ? CONF_LIKELY : CONF_COUNT;
}

static const char *off_text(struct judge_view *v, double s)
{
	double a = s < 0 ? -s : s;
	const char *way = s < 0 ? "ahead" : "behind"; /* others minus ours */
	if (a >= 172800)
		return view_say(v, "%.0f days %s", a / 86400, way);
	return a >= 7200 ? view_say(v, "%.0f hours %s", a / 3600, way)
			 : view_say(v, "%.0f s %s", a, way);
}

static void clock_made(struct judge_view *v, const struct fault *f)
{
	uint64_t mask = 0;
	size_t first = 0;
	struct clock_sources s;
	enum confidence best = CONF_COUNT;
	for (size_t i = v->run->profile->n_targets; i-- > 0;) {
		enum confidence c = clock_sure(v, certificate(v, i));
		if (c == CONF_COUNT)
			continue;
		mask |= TARGET_BIT(i);
		first = i;
		best = c < best ? c : best;
	}
	if (!mask)
		return;
	clock_read(v, &s);
	struct draft *d = tls_verdict(v, f, best, mask, first);
	const struct observation *o = certificate(v, first);
	const char *off = off_text(v, s.ntp ? s.ntp_s : s.http_s);
	d->v.effect = EFFECT_NOTE;
	d->v.impact =
		"Devices do not use this host's clock; only this host's own connections fail.";
	d->v.subject = "this host's clock";
	d->v.summary = view_say(v, "The certificates are fine; this host's clock is %s", off);
	const char *says = s.ntp && s.http ? "NTP and HTTP pages say"
			   : s.ntp         ? "NTP says"
					   : "HTTP pages say";
	d->v.seen = view_say(
		v,
		"the certificate for %s fails only by its dates (%s, valid from %s to %s); %s "
		"that this clock is %s",
		view_target_name(v, first), obs_get_text(o, A_VERIFY, "dates"),
		obs_get_text(o, A_NOT_BEFORE, "-"), obs_get_text(o, A_NOT_AFTER, "-"), says, off);
	d->v.who = "this host's own clock";
	d->v.remedy = "set this host's clock, or let it reach a time server";
	d->v.decide = "a second, independent clock (NTP, HTTP Date)";
	clock_cite(v, d);
}

const struct fault fault_clock_made = {
	"clock-made",
	"S5",
	"tls",
	"This host's clock is wrong",
	clock_made,
	"tls-bad-certificate",
	"Certificates fail by their dates because this host's clock is wrong. Devices do not use "
	"this clock.",
	"The chain verifies when the dates are left out, and at the time that NTP and HTTP Date "
	"headers show "
	"the certificate is valid.",
	"A certificate that really has expired: then the other clocks agree with ours.",
	"Fix NTP on this host.",
};

bool tls_certificate_fails(struct judge_view *v, size_t i)
{
	const struct observation *o = certificate(v, i);
	return o && obs_has(o, A_CHAIN_OK) && clock_sure(v, o) == CONF_COUNT && !clock_unsure(v, o);
}

/* Wrong for the name, expired, not trusted for the name: one word of the verifier. */
static const char *bad_word(struct judge_view *v, size_t i)
{
	const struct observation *o = certificate(v, i);
	if (!o || is_untrusted(o) || clock_sure(v, o) != CONF_COUNT)
		return NULL;
	return obs_get_text(o, A_VERIFY, "other");
}

static uint64_t same_word(struct judge_view *v, size_t i, const char *word)
{
	uint64_t mask = 0;
	for (size_t k = 0; k < v->run->profile->n_targets; k++) {
		const char *other = bad_word(v, k);
		if (!other || strcmp(other, word))
			continue;
		if (k < i)
			return 0;
		mask |= TARGET_BIT(k);
	}
	return mask;
}

static const char *word_text(const char *word)
{
	static const struct {
		const char *word, *text;
	} words[] = {{"expired", "has expired"},
		     {"not-yet-valid", "is not valid yet"},
		     {"name-mismatch", "is for another name"},
		     {"revoked", "is revoked"},
		     {"no-trust-store", "cannot be judged: this host has no trust store"}};
	for (size_t k = 0; k < sizeof(words) / sizeof(words[0]); k++)
		if (strcmp(word, words[k].word) == 0)
			return words[k].text;
	return "does not verify";
}

static void say_whose(struct judge_view *v, struct draft *d, const struct observation *o)
{
	d->v.who = view_say(v,
			    "not shown: the server, or whoever answers in its place; the "
			    "certificate names \"%s\"",
			    issuer_of(o));
	d->v.remedy = "ask the operator of the host; check the DNS answer for its name";
	d->v.decide = "the same certificate seen from another network";
	if (obs_text_is(o, A_VERIFY, "no-trust-store")) {
		d->v.who = "this host";
		d->v.remedy = "install the CA certificates on this host, or set SSL_CERT_FILE";
	} else if (clock_unsure(v, o)) {
		d->v.who = "not shown: the certificate, or this host's own clock (S5)";
		d->v.remedy = "compare this host's clock with another one";
		d->v.decide = "another clock beside it: the ntp and portal checks in the same run";
	}
}

static void bad_certificate(struct judge_view *v, const struct fault *f)
{
	for (size_t i = 0; i < v->run->profile->n_targets; i++) {
		const char *word = bad_word(v, i);
		uint64_t mask = word ? same_word(v, i, word) : 0;
		if (!mask)
			continue;
		const struct observation *o = certificate(v, i);
		bool unsure = clock_unsure(v, o) || !strcmp(word, "no-trust-store");
		struct draft *d =
			tls_verdict(v, f, unsure ? CONF_UNDETERMINED : CONF_LIKELY, mask, i);
		const char *names = view_stem_targets(v, mask);
		d->v.summary = view_say(v, "The certificate for %s %s", names, word_text(word));
		if (clock_unsure(v, o))
			d->v.summary =
				view_say(v, "%s, or this host's clock is wrong", d->v.summary);
		d->v.seen =
			view_say(v, "%s: subject \"%s\", issuer \"%s\", valid from %s to %s (%s)",
				 names, obs_get_text(o, A_SUBJECT, "-"), issuer_of(o),
				 obs_get_text(o, A_NOT_BEFORE, "-"),
				 obs_get_text(o, A_NOT_AFTER, "-"), word);
		say_whose(v, d, o);
	}
}

const struct fault fault_tls_bad_certificate = {
	"tls-bad-certificate",
	"S9",
	"tls",
	"The certificate is not good",
	bad_certificate,
	NULL,
	"The handshake works, but the certificate has expired, is for another name, or does not "
	"verify.",
	"The verifier's word for the certificate that the address presents. Where only the dates "
	"fail and no "
	"other clock was asked, it stays undetermined between this and the host's clock.",
	"A private CA (S1); this host's own clock (S5); a wrong DNS answer (D7).",
	"The operator of the host.",
};
