/*
 * The state of every check: what its own packets show, then what that means beside other checks.
 * Silence fails a check only when it was watched for long enough (proof rule 1); before that the
 * state is unknown.
 */
#include "view.h"

#include <stdlib.h>
#include <string.h>

#include "tcp_read.h"

static bool id_ends(const struct check *c, const char *end)
{
	size_t n = strlen(c->id), m = strlen(end);
	return n >= m && strcmp(c->id + n - m, end) == 0;
}

static bool id_is(const struct check *c, const char *id)
{
	return strcmp(c->id, id) == 0;
}

static int by_number(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
	return x < y ? -1 : x > y;
}

static void count(struct judge_view *v, struct check *c, const struct flow *f)
{
	struct pick p = { .check = c->id, .target = c->target };
	const struct observation *o;
	size_t n = view_count(v, &p);
	c->attempts = f->sent;
	c->answered = f->answered;
	c->rtt_ms = f->rtt_ms;
	c->because = NULL;
	c->evidence = n ? arena_alloc(v->run->arena, n * sizeof(*c->evidence)) : NULL;
	c->n_evidence = 0;
	for (size_t at = 0; (o = view_next(v, &p, &at));)
		c->evidence[c->n_evidence++] = o->n;
	if (n)
		qsort(c->evidence, n, sizeof(*c->evidence), by_number);
}

/* Something came back that is not what a working service sends. */
static bool answered_wrongly(const struct flow *f)
{
	return f->mismatch || f->garbled || f->reset || f->mute || f->refused || f->rejected ||
	       f->unreachable || f->denied;
}

static enum state flow_state(struct judge_view *v, const struct flow *f)
{
	int target = f->check->target_index;
	bool needed = target >= 0 && view_mask_needed(v, TARGET_BIT(target));
	if (f->answered)
		return f->dead && needed ? STATE_WARN : STATE_PASS;
	if (answered_wrongly(f) || flow_silent(f))
		return STATE_FAIL;
	return target >= 0 && tls_certificate_fails(v, (size_t)target) ? STATE_FAIL : STATE_UNKNOWN;
}

/* ---- DNS ---- */
/* A resolver works when it gives any name an address over UDP, as devices ask. */
static enum state resolver_state(const struct judge_view *v, const struct check *c)
{
	const struct observation *o;
	bool tcp = false, asked = false;
	unsigned silent = 0;
	for (size_t at = 0; (o = view_next(v, &(struct pick){ 0 }, &at));) {
		if (strncmp(o->check, "dns.", 4) || strcmp(dns_resolver_of(o), c->target))
			continue;
		enum dns_class k = dns_classify(o);
		asked |= k < DNS_SILENT;
		silent += k == DNS_SILENT;
		if (k < DNS_REFUSED && !dns_over_tcp(o))
			return STATE_PASS;
		tcp |= k < DNS_REFUSED;
	}
	return tcp || asked || silent >= SILENCE_TRIES ? STATE_FAIL : STATE_UNKNOWN;
}

/* What lives at a private address is the cloud only where its identity says so. */
static bool genuine_behind(const struct judge_view *v, const char *name)
{
	uint64_t mask = view_mask_of_name(v, name);
	for (size_t i = 0; i < v->run->profile->n_targets; i++)
		if ((mask & TARGET_BIT(i)) && view_target_genuine(v, i))
			return true;
	return false;
}

static enum state name_state(const struct judge_view *v, const struct check *c, const struct flow *f)
{
	enum dns_class k = dns_class_of(v, c->target, NULL);
	if (k == DNS_PUBLIC || (k == DNS_PRIVATE && genuine_behind(v, c->target)))
		return STATE_PASS;
	if (k < DNS_SILENT)
		return STATE_FAIL;
	return k == DNS_SILENT && (f->silent >= SILENCE_TRIES || answered_wrongly(f)) ? STATE_FAIL :
										      STATE_UNKNOWN;
}

/* ---- DTLS ---- */
static enum state identity_state(const struct flow *f)
{
	if (f->answered)
		return STATE_PASS;
	return f->mismatch || f->garbled ? STATE_FAIL : STATE_UNKNOWN; /* silence is no wrong key */
}

/* Without a key in the profile there is nothing to verify. */
static bool has_no_key(const struct judge_view *v, const struct check *c)
{
	return c->target_index >= 0 && !view_target(v, (size_t)c->target_index)->key_len;
}

/* What the network says of itself: asked, never needed. */
static bool is_side_question(const struct check *c)
{
	return strcmp(c->probe, "proxy") == 0 || strcmp(c->probe, "portal-api") == 0;
}

static void state_of(struct judge_view *v, struct check *c)
{
	const struct flow *f = &v->flows[c - v->run->checks];
	count(v, c, f);
	if (!c->chosen) {
		c->state = STATE_SKIPPED;
		c->because = "not chosen";
	} else if (is_side_question(c) || (id_is(c, "dns.name") && c->target_index < 0)) {
		c->state = STATE_NA; /* it is asked, never needed */
	} else if (id_is(c, "link") && f->aborted) {
		c->state = STATE_UNKNOWN; /* it did not stay as it was */
	} else if (id_is(c, "dns.resolver")) {
		c->state = resolver_state(v, c);
	} else if (id_is(c, "dns.name")) {
		c->state = name_state(v, c, f);
	} else if (id_ends(c, ".identity")) {
		c->state = has_no_key(v, c) ? STATE_NA : identity_state(f);
	} else if (id_is(c, "gateway")) {
		c->state = f->answered ? STATE_PASS : f->silent ? STATE_FAIL : STATE_UNKNOWN;
	} else {
		c->state = flow_state(v, f);
	}
	if (c->state == STATE_UNKNOWN && f->reason && !f->sent)
		c->because = "not run";
}

static struct check *sibling(struct judge_view *v, const struct check *c, const char *end)
{
	for (size_t i = 0; i < v->run->n_checks; i++) {
		struct check *other = &v->run->checks[i];
		if (other->target_index == c->target_index && id_ends(other, end))
			return other;
	}
	return NULL;
}

static void skip(struct check *c, enum state state, const char *because)
{
	c->state = state;
	c->because = because;
}

static bool is_open(const struct check *hello)
{
	return hello->state == STATE_PASS || hello->state == STATE_WARN;
}

/* A verified identity is the end of a handshake: whatever came first, the port is open. */
static void join_handshake(struct judge_view *v, struct check *c)
{
	struct check *hello = id_ends(c, ".identity") ? sibling(v, c, ".hello") : NULL;
	if (!hello || !c->chosen)
		return;
	if (c->state == STATE_PASS && hello->chosen && hello->state != STATE_WARN)
		hello->state = STATE_PASS;
	else if (hello->chosen && !is_open(hello) && c->state == STATE_UNKNOWN)
		skip(c, STATE_SKIPPED, hello->id);
}

static void join_echo(struct judge_view *v, struct check *c)
{
	struct check *hello = id_ends(c, ".echo") ? sibling(v, c, ".hello") : NULL;
	if (hello && c->chosen && hello->chosen && is_open(hello) && c->state != STATE_PASS)
		skip(c, STATE_NA, hello->id); /* the handshake shows more than the echo could */
}

/* Without an address there was nowhere to go. */
static void join_name(struct judge_view *v, struct check *c)
{
	const struct check *name = run_check(v->run, "dns.name", c->target);
	const struct flow *f = &v->flows[c - v->run->checks];
	if (name && name != c && c->chosen && c->state == STATE_UNKNOWN && f->not_run && !f->sent &&
	    name->chosen && name->state != STATE_PASS)
		skip(c, STATE_SKIPPED, name->id);
}

/* A gateway that keeps silent towards us but forwards is no fault. */
static void join_gateway(struct judge_view *v, struct check *c)
{
	if (id_is(c, "gateway") && c->state == STATE_FAIL && (v->any_reply || v->udp_out || v->tcp_out))
		c->state = STATE_UNKNOWN;
}

void judge_checks(struct judge_view *v)
{
	static void (*const joins[])(struct judge_view *, struct check *) = {
		join_name, join_handshake, join_echo, join_gateway };
	for (size_t i = 0; i < v->run->n_checks; i++)
		state_of(v, &v->run->checks[i]);
	for (size_t k = 0; k < sizeof(joins) / sizeof(joins[0]); k++)
		for (size_t i = 0; i < v->run->n_checks; i++)
			joins[k](v, &v->run->checks[i]);
}

static bool cites(const struct verdict *d, const struct check *c)
{
	size_t k = 0;
	for (size_t i = 0; i < d->n_evidence; i++) {
		while (k < c->n_evidence && c->evidence[k] < d->evidence[i])
			k++;
		if (k < c->n_evidence && c->evidence[k] == d->evidence[i])
			return true;
	}
	return false;
}

/* The first verdict, root causes first, that speaks of the check's own packets. */
void judge_because(struct judge_view *v)
{
	struct run *r = v->run;
	for (size_t i = 0; i < r->n_checks; i++) {
		struct check *c = &r->checks[i];
		bool open = c->state == STATE_FAIL || (c->state == STATE_UNKNOWN && !c->because);
		for (size_t k = 0; open && k < r->n_verdicts; k++) {
			if (!cites(&r->verdicts[k], c))
				continue;
			c->because = r->verdicts[k].fault->slug;
			open = false;
		}
	}
}
