/* Time servers: N1 (no answer), N5 (the wrong time), N6 (asked to be left alone), and what other
 * clocks say about this host's. */
#include "faults.h"
#include "udp_read.h"

#include <stdlib.h>
#include <string.h>

#include "sallyport/clock.h"

enum { MAX_VOICES = 16 };

/* HTTP dates have whole seconds and are some milliseconds old; clocks that differ by less agree. */
#define AGREE_S 2.0

static double distance(double a, double b)
{
	return a < b ? b - a : a - b;
}

/* One clock, as its offset from this host's: others minus ours, seconds. */
struct voice {
	double offset_s;
	const struct observation *o;
};

static bool ntp_has_time(const struct observation *o)
{
	int64_t stratum = obs_get_int(o, A_STRATUM, 0);
	return o->outcome == OUTCOME_ANSWERED && obs_get_bool(o, A_ORIGIN_OK, false) &&
	       stratum > 0 && stratum < 16 && obs_get_int(o, A_LEAP, 0) != 3 &&
	       obs_has(o, A_OFFSET_MS);
}

static bool has_address(const struct voice *v, size_t n, const struct observation *o)
{
	for (size_t i = 0; i < n; i++)
		if (strcmp(obs_get_text(v[i].o, A_ADDRESS, ""), obs_get_text(o, A_ADDRESS, "")) ==
		    0)
			return true;
	return false;
}

/* The first answer of every time server. */
static size_t ntp_voices(const struct judge_view *v, struct voice *out)
{
	const struct observation *o;
	size_t n = 0;
	for (size_t at = 0; (o = view_next(v, &(struct pick){.check = "ntp"}, &at));)
		if (n < MAX_VOICES && ntp_has_time(o) && !has_address(out, n, o))
			out[n++] = (struct voice){obs_get_real(o, A_OFFSET_MS, 0) / 1000, o};
	return n;
}

/* The Date header of every page that is the known one; cut to seconds, so half a second is added.
 * It was written about half the exchange before the answer was here. */
static size_t http_voices(const struct judge_view *v, struct voice *out)
{
	const struct observation *o;
	int64_t date;
	size_t n = 0;
	for (size_t at = 0; (o = view_next(v, &(struct pick){.role = ROLE_OWN}, &at));) {
		if (n == MAX_VOICES || !obs_get_bool(o, A_BODY_OK, false) ||
		    clock_parse_utc(obs_get_text(o, A_HTTP_DATE, ""), &date) ||
		    has_address(out, n, o))
			continue;
		int64_t ours = v->run->started_us + (int64_t)o->t_us -
			       (int64_t)(obs_get_real(o, A_WAITED_MS, 0) * 500);
		out[n++] = (struct voice){(double)(date - ours) / 1e6 + 0.5, o};
	}
	return n;
}

static int by_offset(const void *a, const void *b)
{
	const struct voice *x = a, *y = b;
	if (x->offset_s != y->offset_s)
		return x->offset_s < y->offset_s ? -1 : 1;
	return x->o->n < y->o->n ? -1 : x->o->n > y->o->n;
}

/* The middle voice, and how many agree with it. */
static double middle(struct voice *voices, size_t n, unsigned *agreeing)
{
	qsort(voices, n, sizeof(*voices), by_offset);
	double m = voices[(n - 1) / 2].offset_s;
	*agreeing = 0;
	for (size_t i = 0; i < n; i++)
		*agreeing += distance(voices[i].offset_s, m) <= AGREE_S;
	return m;
}

void clock_read(struct judge_view *v, struct clock_sources *out)
{
	struct voice voices[MAX_VOICES];
	unsigned agreeing;
	*out = (struct clock_sources){0};
	size_t n = ntp_voices(v, voices);
	if (n) {
		out->ntp_s = middle(voices, n, &agreeing);
		out->ntp = agreeing == n;
	}
	n = http_voices(v, voices);
	if (n) {
		out->http_s = middle(voices, n, &out->n_http);
		out->http = out->n_http * 2 > n;
	}
	out->agree = out->ntp && out->http && distance(out->ntp_s, out->http_s) <= AGREE_S;
}

void clock_cite(struct judge_view *v, struct draft *d)
{
	struct voice voices[MAX_VOICES];
	size_t n = ntp_voices(v, voices);
	for (size_t i = 0; i < n; i++)
		draft_cite(d, voices[i].o);
	n = http_voices(v, voices);
	for (size_t i = 0; i < n; i++)
		draft_cite(d, voices[i].o);
}

/* The time checks of the profile; SIZE_MAX at the end. */
static size_t next_ntp(const struct judge_view *v, size_t from)
{
	for (size_t i = from; i < v->run->profile->n_targets; i++)
		if (target_is(view_target(v, i), "ntp") && view_flow(v, i))
			return i;
	return SIZE_MAX;
}

static struct draft *time_verdict(struct judge_view *v, const struct fault *f, enum confidence c,
				  size_t i)
{
	struct draft *d = view_verdict(v, f, c, TARGET_BIT(i));
	d->v.subject = view_target_name(v, i);
	d->v.confirm = view_confirm(v, view_flow(v, i)->check->id);
	draft_cite_flow(v, d, view_flow(v, i));
	return d;
}

/* ---- N1 ---- */
static enum confidence blocked_sure(struct judge_view *v, size_t i, struct hop_finding *hop)
{
	const struct flow *f = view_flow(v, i);
	*hop = (struct hop_finding){0};
	if (flow_icmp(f) && f->rejected && f->icmp_from && !f->icmp_self)
		return CONF_PROVEN;
	if (!flow_hinted(f) || f->on_link || !udp_leaves(v))
		return CONF_COUNT;
	hop_differential(v, view_target(v, i), hop);
	if (hop->result == HOP_PROVEN)
		return flow_silent(f) ? CONF_PROVEN : CONF_LIKELY;
	return flow_silent(f) && hop->result != HOP_CLEAR ? CONF_LIKELY : CONF_UNDETERMINED;
}

static void ntp_blocked(struct judge_view *v, const struct fault *f)
{
	for (size_t i = next_ntp(v, 0); i != SIZE_MAX; i = next_ntp(v, i + 1)) {
		struct hop_finding hop;
		enum confidence c = blocked_sure(v, i, &hop);
		if (c == CONF_COUNT)
			continue;
		struct draft *d = time_verdict(v, f, c, i);
		const struct flow *g = view_flow(v, i);
		d->v.summary = g->rejected        ? view_say(v, "%s rejects NTP", g->icmp_from)
			       : c == CONF_PROVEN ? "The network drops NTP"
						  : "NTP looks dropped";
		d->v.seen = view_say(v, "NTP to %s: %s%s", d->v.subject, flow_counts(v, g),
				     v->udp_out ? "; other UDP works" : "; other UDP leaves this site");
		d->v.who = g->rejected ? view_say(v, "%s, which names itself as the sender",
						  g->icmp_from)
				       : "not shown: this network, its provider, or the server";
		if (hop.result == HOP_PROVEN || hop.result == HOP_LIKELY) {
			d->v.who = view_say(v, "%s %s",
					    c == CONF_PROVEN ? "the network"
							     : "looks like the network",
					    hop.where);
			hop_cite(v, d, view_target(v, i));
		}
		d->v.remedy = "allow outbound UDP 123, or name a time server by DHCP option 42";
		d->v.decide = "another time server, or the same check from another network";
		d->v.ask = view_say(v, "Please %s.", d->v.remedy);
	}
}

const struct fault fault_ntp_blocked = {
	"ntp-blocked",
	"N1",
	"time",
	"NTP is blocked",
	ntp_blocked,
	NULL,
	"Time servers cannot be asked. Where the profile does not need NTP this only affects logs.",
	"NTP unanswered while other UDP passes: likely. Proven by stepped TTL, or by an ICMP "
	"rejection that "
	"names its sender.",
	"No UDP at all (U1); a time server that asks to be left alone (N6).",
	"Allow UDP 123, or DHCP option 42.",
};

static bool is_kiss(const struct observation *o)
{
	/* RFC 5905 section 7.4: the codes that ask the client to stop */
	return o->outcome == OUTCOME_ANSWERED && obs_get_bool(o, A_ORIGIN_OK, false) &&
	       obs_get_int(o, A_STRATUM, 1) == 0 &&
	       (obs_text_is(o, A_REFID, "RATE") || obs_text_is(o, A_REFID, "DENY") ||
		obs_text_is(o, A_REFID, "RSTR"));
}

/* ---- N5 ---- */
/* On the wire stratum 16 is mostly written as 0 (RFC 5905 section 7.3). */
static bool says_no_time(const struct observation *o)
{
	int64_t stratum = obs_get_int(o, A_STRATUM, -1);
	return o->outcome == OUTCOME_ANSWERED && obs_get_bool(o, A_ORIGIN_OK, false) &&
	       stratum >= 0 && !is_kiss(o) &&
	       (stratum == 0 || stratum >= 16 || obs_get_int(o, A_LEAP, 0) == 3);
}

static void without_time(struct judge_view *v, const struct fault *f, size_t i)
{
	const struct observation *o;
	struct pick p = {.check = view_flow(v, i)->check->id,
			 .target = view_flow(v, i)->check->target};
	for (size_t at = 0; (o = view_next(v, &p, &at));) {
		if (!says_no_time(o) || view_flow(v, i)->answered)
			continue;
		struct draft *d = time_verdict(v, f, CONF_PROVEN, i);
		d->v.summary = view_say(v, "Time server %s has no time", d->v.subject);
		d->v.seen = view_say(
			v, "%s answers with stratum %lld, leap indicator %lld: not synchronised",
			obs_get_text(o, A_ADDRESS, "-"), (long long)obs_get_int(o, A_STRATUM, 0),
			(long long)obs_get_int(o, A_LEAP, 0));
		d->v.who = "the time server itself says so";
		d->v.remedy = "repair the time server's own source, or name another one";
		return;
	}
}

/* How sure it is that this server is wrong, by the pages' clocks and ours. Where ours agrees with
 * the server's it may have been set by it, or the pages come out of a cache. */
static enum confidence wrong_sure(const struct clock_sources *s, double server_s)
{
	if (!s->http)
		return distance(server_s, 0) > AGREE_S ? CONF_UNDETERMINED : CONF_COUNT;
	if (distance(server_s, s->http_s) <= AGREE_S)
		return CONF_COUNT;
	if (distance(server_s, 0) <= AGREE_S)
		return CONF_UNDETERMINED;
	return s->n_http > 1 && distance(0, s->http_s) <= AGREE_S ? CONF_PROVEN : CONF_LIKELY;
}

static void wrong_time(struct judge_view *v, const struct fault *f, size_t i)
{
	struct clock_sources s;
	struct voice voices[MAX_VOICES];
	size_t n = ntp_voices(v, voices);
	const struct check *check = view_flow(v, i)->check;
	clock_read(v, &s);
	for (size_t k = 0; k < n; k++) {
		double off = voices[k].offset_s;
		enum confidence c = wrong_sure(&s, off);
		if (c == CONF_COUNT || strcmp(voices[k].o->target, check->target))
			continue;
		struct draft *d = time_verdict(v, f, c, i);
		const char *address = obs_get_text(voices[k].o, A_ADDRESS, "-");
		d->v.subject = address;
		if (c == CONF_UNDETERMINED && s.http) {
			d->v.summary = view_say(v, "Time server %s and HTTP pages differ by %.0f s",
						address, distance(off, s.http_s));
			d->v.seen = view_say(
				v,
				"%s agrees with this host's clock, but %u HTTP page%s differ by "
				"%.0f s: a cache, or both clocks are wrong alike",
				address, s.n_http, s.n_http == 1 ? "" : "s",
				distance(off, s.http_s));
		} else if (c == CONF_UNDETERMINED) {
			d->v.summary = view_say(v, "Time server %s and this host differ by %.0f s",
						address, distance(off, 0));
			d->v.seen = view_say(
				v, "%s differs by %.0f s from this host; no third clock answered",
				address, distance(off, 0));
		} else {
			d->v.summary = view_say(v, "Time server %s %s %.0f s off", address,
						c == CONF_PROVEN ? "is" : "looks",
						distance(off, s.http_s));
			d->v.seen = view_say(
				v,
				"%s differs by %.0f s from %u HTTP page%s and by %.0f s from this "
				"host",
				address, distance(off, s.http_s), s.n_http,
				s.n_http == 1 ? "" : "s", distance(off, 0));
		}
		d->v.who = "the time server, or what answers in its place";
		d->v.remedy = "repair the time server's source, or name another one";
		d->v.decide = "a third clock: another time server, or HTTP Date headers";
		clock_cite(v, d);
	}
}

static void ntp_wrong(struct judge_view *v, const struct fault *f)
{
	for (size_t i = next_ntp(v, 0); i != SIZE_MAX; i = next_ntp(v, i + 1)) {
		without_time(v, f, i);
		wrong_time(v, f, i);
	}
}

const struct fault fault_ntp_wrong = {
	"ntp-wrong",
	"N5",
	"time",
	"The time server is wrong",
	ntp_wrong,
	NULL,
	"A time server answers, but with a time that other clocks contradict, or says that it has "
	"none.",
	"Its offset against the majority of HTTP Date headers and this host's clock; stratum 16 or "
	"leap "
	"indicator 3 in an answer to our own question.",
	"This host's own clock (S5): then NTP and HTTP agree with each other.",
	"Fix the source.",
};

/* ---- N6 ---- */
static void ntp_kod(struct judge_view *v, const struct fault *f)
{
	for (size_t i = next_ntp(v, 0); i != SIZE_MAX; i = next_ntp(v, i + 1)) {
		const struct observation *o = NULL;
		struct pick p = {.check = view_flow(v, i)->check->id,
				 .target = view_flow(v, i)->check->target};
		for (size_t at = 0; (o = view_next(v, &p, &at)) && !is_kiss(o);)
			;
		if (!o)
			continue;
		struct draft *d = time_verdict(v, f, CONF_PROVEN, i);
		const char *code = obs_get_text(o, A_REFID, "");
		d->v.summary =
			view_say(v, "Time server %s %s; nothing is blocked", d->v.subject,
				 strcmp(code, "RATE") ? "refuses us" : "asks for fewer questions");
		d->v.seen = view_say(v, "%s answers our own question with the kiss code %s",
				     obs_get_text(o, A_ADDRESS, "-"), code);
		d->v.who = "the time server itself says so";
		d->v.remedy = "use another pool, or a time server of this site";
	}
}

const struct fault fault_ntp_kod = {
	"ntp-kod",
	"N6",
	"time",
	"The time server refuses us",
	ntp_kod,
	NULL,
	"The time server answers with a kiss code instead of the time: RATE, DENY or RSTR.",
	"A stratum 0 answer that echoes our own question and carries one of the codes.",
	"NTP that is blocked (N1): then nothing comes.",
	"Another pool.",
};
