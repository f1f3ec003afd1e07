/* The run, indexed: observations in time order, flows by check, what passes at all. */
#include "view.h"

#include <stdlib.h>
#include <string.h>

uint64_t obs_sent_us(const struct observation *o)
{
	double waited = obs_get_real(o, A_WAITED_MS, 0);
	if (waited <= 0)
		waited = obs_get_real(o, A_RTT_MS, 0);
	uint64_t us = waited > 0 ? (uint64_t)(waited * 1000) : 0;
	return us < o->t_us ? o->t_us - us : 0;
}

enum role obs_role(const struct observation *o)
{
	const char *role = obs_get_text(o, A_ROLE, "target");
	if (strcmp(role, "control") == 0)
		return ROLE_CONTROL;
	return strcmp(role, "never") == 0 ? ROLE_NEVER : ROLE_OWN;
}

static int by_time(const void *a, const void *b)
{
	const struct observation *x = *(const struct observation *const *)a;
	const struct observation *y = *(const struct observation *const *)b;
	if (x->t_us != y->t_us)
		return x->t_us < y->t_us ? -1 : 1;
	return x->n < y->n ? -1 : x->n > y->n;
}

const struct observation *view_next(const struct judge_view *v, const struct pick *p, size_t *at)
{
	while (*at < v->n_obs) {
		const struct observation *o = v->obs[(*at)++];
		if ((p->check && strcmp(p->check, o->check)) ||
		    (p->target && strcmp(p->target, o->target)) ||
		    (p->role != ROLE_ANY && p->role != obs_role(o)) ||
		    (p->outcomes && !(p->outcomes & OUTCOME_BIT(o->outcome))) ||
		    (p->text && !obs_text_is(o, p->key, p->text)))
			continue;
		return o;
	}
	return NULL;
}

size_t view_count(const struct judge_view *v, const struct pick *p)
{
	size_t at = 0, n = 0;
	while (view_next(v, p, &at))
		n++;
	return n;
}

bool view_on_link(const struct judge_view *v, const struct addr *a)
{
	const struct host_facts *h = v->run->host;
	if (!addr_is_routable(a))
		return true;
	for (size_t i = 0; i < h->n_addrs; i++)
		if (addr_in_prefix(a, &h->addrs[i].addr, h->addrs[i].prefix))
			return true;
	return false;
}

const struct profile_target *view_target(const struct judge_view *v, size_t i)
{
	return &v->run->profile->targets[i];
}

bool target_is(const struct profile_target *t, const char *probe)
{
	return strcmp(t->probe, probe) == 0;
}

const char *proto_name(const struct profile_target *t)
{
	return t->transport == TRANSPORT_UDP ? "udp" : "tcp";
}

/* The check that shows whether a target can be reached: for DTLS the hello. */
static const struct check *main_check(const struct judge_view *v, size_t target)
{
	const struct run *r = v->run;
	for (size_t i = 0; i < r->n_checks; i++) {
		const struct check *c = &r->checks[i];
		size_t n = strlen(c->id);
		if (c->target_index != (int)target || strcmp(c->id, "path") == 0 ||
		    strncmp(c->id, "dns.", 4) == 0)
			continue;
		if (!target_is(view_target(v, target), "dtls-device") ||
		    (n > 6 && strcmp(c->id + n - 6, ".hello") == 0))
			return c;
	}
	return NULL;
}

const struct flow *view_flow(const struct judge_view *v, size_t target)
{
	const struct check *c = main_check(v, target);
	return c ? &v->flows[c - v->run->checks] : NULL;
}

const struct flow *view_flow_id(const struct judge_view *v, const char *stem, const char *suffix,
				const char *target)
{
	size_t n = strlen(stem);
	for (size_t i = 0; i < v->run->n_checks; i++) {
		const struct check *c = &v->run->checks[i];
		if (strncmp(c->id, stem, n) == 0 && strcmp(c->id + n, suffix) == 0 &&
		    (!target || strcmp(c->target, target) == 0))
			return &v->flows[i];
	}
	return NULL;
}

const char *view_target_name(const struct judge_view *v, size_t i)
{
	const struct check *c = main_check(v, i);
	return c ? c->target : view_target(v, i)->title;
}

uint64_t view_mask_of_name(const struct judge_view *v, const char *name)
{
	uint64_t mask = 0;
	for (size_t i = 0; i < v->run->profile->n_targets; i++)
		if (strcmp(view_target_name(v, i), name) == 0)
			mask |= TARGET_BIT(i);
	return mask;
}

static bool kind_needs(const struct profile_kind *k, const struct profile_target *t)
{
	for (size_t i = 0; i < k->needs.n; i++)
		if (strcmp(k->needs.v[i], t->section) == 0)
			return true;
	return false;
}

bool view_mask_required(const struct judge_view *v, uint64_t mask)
{
	for (size_t i = 0; i < v->run->profile->n_targets; i++)
		if ((mask & TARGET_BIT(i)) && plan_target_required(v->run, (int)i))
			return true;
	return false;
}

bool view_mask_needed(const struct judge_view *v, uint64_t mask)
{
	const struct profile *p = v->run->profile;
	for (size_t i = 0; i < p->n_targets; i++)
		for (size_t k = 0; k < p->n_kinds; k++)
			if ((mask & TARGET_BIT(i)) && p->targets[i].required &&
			    kind_needs(&p->kinds[k], &p->targets[i]))
				return true;
	return false;
}

bool view_counts(const struct judge_view *v, const struct verdict *d)
{
	for (size_t k = 0; d->kinds && k < v->run->profile->n_kinds; k++)
		if ((d->kinds & KIND_BIT(k)) && plan_kind_counts(v->run, (int)k))
			return true;
	return view_mask_required(v, d->targets);
}

enum effect view_effect(const struct judge_view *v, uint64_t mask)
{
	return view_mask_needed(v, mask) ? EFFECT_BLOCKS : EFFECT_NOTE;
}

const struct flow *view_proof(const struct judge_view *v, size_t target)
{
	const struct profile_target *t = view_target(v, target);
	return target_is(t, "dtls-device") && t->key_len ?
		       view_flow_id(v, t->check, ".identity", view_target_name(v, target)) :
		       view_flow(v, target);
}

bool view_target_genuine(const struct judge_view *v, size_t i)
{
	const struct flow *f = view_proof(v, i);
	return f && f->answered;
}

/* Checks that say whether a device could use target i: its own and that of its name. The path and
 * the echo test decide nothing. */
static bool belongs_to(const struct judge_view *v, const struct check *c, size_t i)
{
	size_t n = strlen(c->id);
	if (!c->chosen || strcmp(c->id, "path") == 0 ||
	    (n > 5 && strcmp(c->id + n - 5, ".echo") == 0))
		return false;
	if (strcmp(c->id, "dns.name") == 0)
		return strcmp(c->target, view_target_name(v, i)) == 0;
	return c->target_index == (int)i;
}

bool view_target_works(const struct judge_view *v, size_t i)
{
	unsigned passed = 0;
	for (size_t k = 0; k < v->run->n_checks; k++) {
		const struct check *c = &v->run->checks[k];
		if (!belongs_to(v, c, i))
			continue;
		bool no_key = c->state == STATE_NA && !view_target(v, i)->key_len;
		if (c->state != STATE_PASS && c->state != STATE_WARN && !no_key)
			return false;
		passed += strcmp(c->id, "dns.name") != 0;
	}
	return passed > 0;
}

/* A peer on the far side spoke over UDP in a way that only an answer to us can. */
static bool udp_shown(const struct judge_view *v)
{
	struct pick p = { .outcomes = OUTCOME_BIT(OUTCOME_ANSWERED) };
	const struct observation *o;
	for (size_t at = 0; (o = view_next(v, &p, &at));) {
		if (obs_text_is(o, A_DTLS, "hello-verify-request"))
			return true;
		if (strcmp(o->check, "ntp") == 0 && obs_get_bool(o, A_ORIGIN_OK, false))
			return true;
	}
	return false;
}

/* A router beyond the gateway let a stepped packet die: something does leave the site. */
static bool step_left(const struct judge_view *v)
{
	struct pick p = { .check = "path", .key = A_REPLY, .text = "time-exceeded" };
	const struct observation *o;
	for (size_t at = 0; (o = view_next(v, &p, &at));)
		if (obs_get_int(o, A_IP_TTL, 0) >= 2)
			return true;
	return false;
}

static void read_world(struct judge_view *v)
{
	const struct profile *p = v->run->profile;
	bool udp_silent = false, tcp_silent = false, tcp_open = false;
	v->udp_out = udp_shown(v);
	for (size_t i = 0; i < p->n_targets; i++) {
		const struct flow *f = view_flow(v, i);
		bool udp = p->targets[i].transport == TRANSPORT_UDP;
		v->all_targets |= TARGET_BIT(i);
		if (!f)
			continue;
		v->tcp_out |= !udp && f->answered;
		v->any_reply |= !f->no_neighbour && (flow_replied(f) || f->denied || f->icmp);
		tcp_open |= !udp && f->accepted;
		udp_silent |= udp && !f->on_link && flow_silent(f);
		tcp_silent |= !udp && !f->on_link && flow_silent(f);
	}
	v->nothing_out = udp_silent && tcp_silent && !tcp_open && !v->any_reply && !v->udp_out &&
			 !step_left(v);
}

void view_open(struct judge_view *v, struct run *r)
{
	*v = (struct judge_view){ .run = r, .n_obs = r->n_obs };
	v->obs = xcalloc(r->n_obs, sizeof(*v->obs));
	for (size_t i = 0; i < r->n_obs; i++)
		v->obs[i] = r->obs[i];
	if (r->n_obs)
		qsort(v->obs, v->n_obs, sizeof(*v->obs), by_time);
	v->flows = xcalloc(r->n_checks, sizeof(*v->flows));
	for (size_t i = 0; i < r->n_checks; i++)
		flow_read(v, &r->checks[i], &v->flows[i]);
	read_world(v);
}

void view_close(struct judge_view *v)
{
	for (size_t i = 0; i < v->n_drafts; i++) {
		free(v->drafts[i]->nums);
		free(v->drafts[i]->hides);
		free(v->drafts[i]);
	}
	free(v->drafts);
	free(v->flows);
	free(v->obs);
}
