/*
 * What became of a check's packets. One try can leave several observations (it connected, then it
 * stayed mute; it was silent, then a late answer came): the try counts under the best of them,
 * because an authentic answer beats any number of losses (proof rule 2).
 */
#include "view.h"

#include <string.h>

/* Results of a try, best first. */
enum result {
	R_ANSWERED,
	R_MISMATCH,
	R_GARBLED,
	R_RESET,
	R_MUTE,
	R_PROVISIONAL,
	R_REFUSED,
	R_REJECTED,
	R_UNREACHABLE,
	R_DENIED,
	R_SILENT,
	R_ABORTED,
	R_NOTHING,
};

static const enum result results[OUTCOME_COUNT] = {
	[OUTCOME_ANSWERED] = R_PROVISIONAL,     [OUTCOME_SILENT] = R_SILENT,
	[OUTCOME_REFUSED] = R_REFUSED,          [OUTCOME_RESET] = R_RESET,
	[OUTCOME_REJECTED] = R_REJECTED,        [OUTCOME_UNREACHABLE] = R_UNREACHABLE,
	[OUTCOME_DENIED_LOCALLY] = R_DENIED,    [OUTCOME_GARBLED] = R_GARBLED,
	[OUTCOME_MISMATCH] = R_MISMATCH,        [OUTCOME_ABORTED] = R_ABORTED,
	[OUTCOME_NOT_RUN] = R_NOTHING,
};

struct try {
	uint32_t attempt;
	const char *address;
	enum result best;
};

static bool ends_in(const char *s, const char *end)
{
	size_t n = strlen(s), m = strlen(end);
	return n >= m && strcmp(s + n - m, end) == 0;
}

static bool tls_authentic(const struct observation *o)
{
	return obs_text_is(o, A_PHASE, "tls") && !obs_text_is(o, A_SNI, "other") &&
	       !obs_text_is(o, A_SNI, "none") && obs_get_bool(o, A_CHAIN_OK, false) &&
	       obs_get_bool(o, A_NAME_OK, false);
}

static bool ntp_authentic(const struct observation *o)
{
	int64_t stratum = obs_get_int(o, A_STRATUM, 0);
	return obs_get_bool(o, A_ORIGIN_OK, false) && stratum > 0 && stratum < 16 &&
	       obs_get_int(o, A_LEAP, 0) != 3;
}

bool obs_authentic(const struct check *c, const struct observation *o)
{
	if (o->outcome != OUTCOME_ANSWERED)
		return false;
	if (ends_in(c->id, ".hello"))
		return obs_text_is(o, A_DTLS, "hello-verify-request");
	if (ends_in(c->id, ".identity"))
		return obs_text_is(o, A_IDENTITY, "verified");
	if (strcmp(c->probe, "tcp-greeting") == 0)
		return obs_text_is(o, A_GREETING, "nonce");
	if (strcmp(c->probe, "tls") == 0)
		return tls_authentic(o);
	if (strcmp(c->probe, "http") == 0)
		return obs_get_bool(o, A_BODY_OK, false);
	if (strcmp(c->probe, "ntp") == 0)
		return ntp_authentic(o);
	return true;
}

/* The second and third TLS tries, with another name, tell why the first failed; no more. */
static bool is_side_try(const struct observation *o)
{
	return obs_text_is(o, A_SNI, "other") || obs_text_is(o, A_SNI, "none");
}

/* The target's own address says that nobody is there, in whatever words: no router's verdict. */
static bool is_from_target(const struct observation *o)
{
	return obs_has(o, A_ICMP_FROM) && obs_text_is(o, A_ADDRESS, obs_get_text(o, A_ICMP_FROM, ""));
}

static enum result result_of(const struct check *c, const struct observation *o)
{
	const char *phase = obs_get_text(o, A_PHASE, "connect");
	if (obs_authentic(c, o))
		return R_ANSWERED;
	if (o->outcome == OUTCOME_SILENT && obs_text_is(o, A_PROTO, "tcp") && strcmp(phase, "connect"))
		return R_MUTE;
	if (o->outcome == OUTCOME_UNREACHABLE && is_from_target(o))
		return R_REFUSED;
	return results[o->outcome];
}

/* What the kernel sends to itself when address resolution fails: ICMP 3/1 (RFC 1122 section
 * 3.2.2.1), ICMPv6 1/3 (RFC 4861 section 7.2.2). Its filters say something else. */
static bool is_host_unreachable(const struct observation *o)
{
	int64_t type = obs_get_int(o, A_ICMP_TYPE, 0), code = obs_get_int(o, A_ICMP_CODE, -1);
	return (type == 3 && code == 1) || (type == 1 && code == 3);
}

/* The readings take a rejection before a refusal before an unreachable: so does the name. */
static void note_icmp(const struct check *c, const struct observation *o, struct flow *f)
{
	enum result r = result_of(c, o);
	int weight = r == R_REJECTED ? 3 : r == R_REFUSED ? 2 : 1;
	bool self = obs_get_bool(o, A_FROM_SELF, false), nobody = self && is_host_unreachable(o);
	f->icmp = true;
	f->no_neighbour |= nobody;
	f->icmp_self |= self && !nobody;
	if (weight <= f->icmp_weight)
		return;
	f->icmp_weight = weight;
	f->icmp_from = obs_get_text(o, A_ICMP_FROM, NULL);
}

static void note(const struct check *c, const struct observation *o, struct flow *f)
{
	bool tcp_connect = obs_text_is(o, A_PHASE, "connect") && o->outcome == OUTCOME_ANSWERED;
	f->until_us = o->t_us > f->until_us ? o->t_us : f->until_us;
	f->alert |= obs_has(o, A_ALERT) || obs_text_is(o, A_DTLS, "alert") ||
		    obs_text_is(o, A_IDENTITY, "alert");
	if (o->outcome == OUTCOME_NOT_RUN) {
		f->not_run++;
		f->reason = obs_get_text(o, A_REASON, f->reason);
	}
	if (obs_has(o, A_ICMP_TYPE))
		note_icmp(c, o, f);
	if (tcp_connect)
		f->accepted++;
	double rtt = obs_get_real(o, A_RTT_MS, -1);
	if (obs_authentic(c, o) && rtt >= 0 && (f->rtt_ms < 0 || rtt < f->rtt_ms))
		f->rtt_ms = rtt;
}

static void note_span(const struct observation *o, struct flow *f)
{
	uint64_t sent = obs_sent_us(o);
	if (!f->sent || sent < f->first_us)
		f->first_us = sent;
	if (sent > f->last_us)
		f->last_us = sent;
}

/* 0.0.0.0 is this host itself, and a multicast group answers nobody: what such an address does not
 * say is nothing about the network. */
static void note_address(const struct observation *o, struct flow *f, bool *somewhere)
{
	const char *address = obs_get_text(o, A_ADDRESS, NULL);
	struct addr a;
	if (!address)
		return;
	if (f->n_addresses < FLOW_MAX_ADDRESSES && !flow_went_to(f, address))
		f->addresses[f->n_addresses++] = address;
	if (addr_parse(address, &a))
		return;
	*somewhere |= addr_is_routable(&a);
	f->nowhere = !*somewhere;
}

static struct try *try_of(struct try *tries, unsigned *n, const struct observation *o)
{
	const char *address = obs_get_text(o, A_ADDRESS, "");
	for (unsigned i = 0; i < *n; i++)
		if (tries[i].attempt == o->attempt && strcmp(tries[i].address, address) == 0)
			return &tries[i];
	if (*n == FLOW_MAX_TRIES)
		return NULL;
	tries[*n] = (struct try){ o->attempt, address, R_NOTHING };
	return &tries[(*n)++];
}

static unsigned *counter(struct flow *f, enum result r)
{
	unsigned *const counters[] = {
		[R_ANSWERED] = &f->answered, [R_MISMATCH] = &f->mismatch,
		[R_GARBLED] = &f->garbled,   [R_RESET] = &f->reset,
		[R_MUTE] = &f->mute,         [R_PROVISIONAL] = &f->provisional,
		[R_REFUSED] = &f->refused,   [R_REJECTED] = &f->rejected,
		[R_UNREACHABLE] = &f->unreachable, [R_DENIED] = &f->denied,
		[R_SILENT] = &f->silent,     [R_ABORTED] = &f->aborted,
	};
	return counters[r];
}

/* Two tries unanswered, none answered: devices are given this address as well. */
static const char *dead_address(const struct try *tries, unsigned n)
{
	enum { TRIES = 2 };
	for (unsigned i = 0; i < n; i++) {
		unsigned silent = 0, other = 0;
		for (unsigned k = 0; k < n; k++)
			if (strcmp(tries[k].address, tries[i].address) == 0) {
				silent += tries[k].best == R_SILENT;
				other += tries[k].best < R_SILENT;
			}
		if (silent >= TRIES && !other)
			return tries[i].address;
	}
	return NULL;
}

static bool all_on_link(const struct judge_view *v, const struct flow *f)
{
	struct addr a;
	for (unsigned i = 0; i < f->n_addresses; i++)
		if (addr_parse(f->addresses[i], &a) || !view_on_link(v, &a))
			return false;
	return f->n_addresses > 0;
}

void flow_read(const struct judge_view *v, const struct check *c, struct flow *out)
{
	struct try tries[FLOW_MAX_TRIES];
	unsigned n = 0;
	bool somewhere = false;
	struct pick p = { .check = c->id, .target = c->target, .role = ROLE_OWN };
	const struct observation *o;
	*out = (struct flow){ .check = c, .rtt_ms = -1 };
	for (size_t at = 0; (o = view_next(v, &p, &at));) {
		if (is_side_try(o))
			continue;
		note(c, o, out);
		note_address(o, out, &somewhere);
		enum result r = result_of(c, o);
		struct try *t = r < R_NOTHING ? try_of(tries, &n, o) : NULL;
		if (!t)
			continue;
		note_span(o, out);
		out->sent = n;
		t->best = r < t->best ? r : t->best;
	}
	for (unsigned i = 0; i < n; i++)
		++*counter(out, tries[i].best);
	out->dead = out->answered ? dead_address(tries, n) : NULL;
	out->on_link = all_on_link(v, out);
}

bool flow_went_to(const struct flow *f, const char *address)
{
	for (unsigned i = 0; i < f->n_addresses; i++)
		if (strcmp(f->addresses[i], address) == 0)
			return true;
	return false;
}

bool flow_replied(const struct flow *f)
{
	return f->answered || f->accepted || f->provisional || f->mismatch || f->garbled || f->reset ||
	       f->refused || f->rejected || f->unreachable;
}

bool flow_hinted(const struct flow *f)
{
	return !flow_replied(f) && !f->denied && !f->mute && !f->nowhere && f->silent >= HINT_TRIES;
}

bool flow_silent(const struct flow *f)
{
	return flow_hinted(f) && f->silent >= SILENCE_TRIES && f->until_us - f->first_us >= SILENCE_US;
}

bool flow_spread(const struct flow *f)
{
	return f->sent >= SILENCE_TRIES && f->last_us - f->first_us >= SILENCE_US;
}

bool flow_icmp(const struct flow *f)
{
	return !f->answered && !f->accepted && !f->mismatch && !f->garbled &&
	       (f->rejected || f->unreachable || (f->refused && f->icmp));
}
