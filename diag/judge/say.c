/* Builders for verdicts: sentences, evidence, log lines; and what happens to them at the end. */
#include "view.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sallyport/clock.h"

const char *view_say(struct judge_view *v, const char *fmt, ...)
{
	va_list ap, again;
	va_start(ap, fmt);
	va_copy(again, ap);
	int n = vsnprintf(NULL, 0, fmt, ap);
	va_end(ap);
	char *s = arena_alloc(v->run->arena, (size_t)(n < 0 ? 0 : n) + 1);
	if (n > 0)
		vsnprintf(s, (size_t)n + 1, fmt, again);
	va_end(again);
	return s;
}

static size_t row_of(const struct fault *f)
{
	size_t i = 0;
	while (i < n_fault_table && fault_table[i] != f)
		i++;
	return i;
}

struct draft *view_verdict(struct judge_view *v, const struct fault *f, enum confidence c,
			   uint64_t targets)
{
	struct draft *d = xcalloc(1, sizeof(*d));
	enum effect effect = view_effect(v, targets);
	d->v = (struct verdict){ .fault = f, .confidence = c, .effect = effect, .targets = targets,
				 .scope = "host", .subject = "", .who = "" };
	d->row = row_of(f);
	v->drafts = xrealloc(v->drafts, (v->n_drafts + 1) * sizeof(*v->drafts));
	v->drafts[v->n_drafts++] = d;
	return d;
}

void draft_cite(struct draft *d, const struct observation *o)
{
	if (d->n_nums == d->cap_nums) {
		d->cap_nums = d->cap_nums ? 2 * d->cap_nums : 16;
		d->nums = xrealloc(d->nums, d->cap_nums * sizeof(*d->nums));
	}
	d->nums[d->n_nums++] = o->n;
}

void draft_cite_pick(struct judge_view *v, struct draft *d, const struct pick *p)
{
	const struct observation *o;
	for (size_t at = 0; (o = view_next(v, p, &at));)
		draft_cite(d, o);
}

/* ---- log lines: what the admin looks for in the firewall's log ---- */
struct burst {
	const struct observation *first;
	int64_t packets;
	uint64_t from_us, to_us;
};

static bool is_failed(const struct observation *o)
{
	static const uint32_t good = OUTCOME_BIT(OUTCOME_ANSWERED) | OUTCOME_BIT(OUTCOME_NOT_RUN) |
				     OUTCOME_BIT(OUTCOME_ABORTED);
	return !(OUTCOME_BIT(o->outcome) & good) && obs_has(o, A_ADDRESS) && obs_has(o, A_PROTO);
}

static bool same_text(const struct observation *a, const struct observation *b, enum attr key)
{
	return strcmp(obs_get_text(a, key, ""), obs_get_text(b, key, "")) == 0;
}

static bool same_tuple(const struct observation *a, const struct observation *b)
{
	return same_text(a, b, A_PROTO) && same_text(a, b, A_SRC) && same_text(a, b, A_ADDRESS) &&
	       obs_get_int(a, A_SRC_PORT, 0) == obs_get_int(b, A_SRC_PORT, 0) &&
	       obs_get_int(a, A_PORT, 0) == obs_get_int(b, A_PORT, 0);
}

static void put_endpoint(char *out, size_t cap, const struct observation *o, enum attr address,
			 enum attr port)
{
	const char *a = obs_get_text(o, address, "");
	long long p = (long long)obs_get_int(o, port, 0);
	const char *open = strchr(a, ':') ? "[" : "", *close = strchr(a, ':') ? "]" : "";
	if (p)
		snprintf(out, cap, "%s%.45s%s:%lld", open, a, close, p);
	else
		snprintf(out, cap, "%.45s", *a ? a : "this host");
}

static const char *burst_line(struct judge_view *v, const struct burst *b)
{
	char src[64], dst[64], t[4][CLOCK_STRLEN];
	const struct run *r = v->run;
	int64_t from = r->started_us + (int64_t)b->from_us, to = r->started_us + (int64_t)b->to_us;
	put_endpoint(src, sizeof(src), b->first, A_SRC, A_SRC_PORT);
	put_endpoint(dst, sizeof(dst), b->first, A_ADDRESS, A_PORT);
	return view_say(v, "%s %s -> %s, %lld packet%s, %s-%s UTC (%s-%s local)",
			obs_get_text(b->first, A_PROTO, "ip"), src, dst, (long long)b->packets,
			b->packets == 1 ? "" : "s", clock_format_time(from, 0, t[0]),
			clock_format_time(to, 0, t[1]), clock_format_time(from, r->utc_offset_s, t[2]),
			clock_format_time(to, r->utc_offset_s, t[3]));
}

static bool has_line(const struct draft *d, const char *line)
{
	for (size_t i = 0; i < d->n_log; i++)
		if (strcmp(d->log[i], line) == 0)
			return true;
	return false;
}

static void log_bursts(struct judge_view *v, struct draft *d, const struct burst *b, size_t n)
{
	for (size_t i = 0; i < n && d->n_log < DRAFT_MAX_LOG; i++) {
		const char *line = burst_line(v, &b[i]);
		if (!has_line(d, line))
			d->log[d->n_log++] = line;
	}
}

static struct burst *burst_of(struct burst *b, size_t *n, const struct observation *o)
{
	for (size_t i = 0; i < *n; i++)
		if (same_tuple(b[i].first, o))
			return &b[i];
	if (*n == DRAFT_MAX_LOG)
		return NULL;
	b[*n] = (struct burst){ .first = o, .from_us = obs_sent_us(o), .to_us = obs_sent_us(o) };
	return &b[(*n)++];
}

void draft_cite_flow(struct judge_view *v, struct draft *d, const struct flow *f)
{
	struct burst bursts[DRAFT_MAX_LOG];
	size_t n = 0;
	const struct observation *o;
	struct pick p = { .check = f->check->id, .target = f->check->target, .role = ROLE_OWN };
	for (size_t at = 0; (o = view_next(v, &p, &at));) {
		draft_cite(d, o);
		struct burst *b = is_failed(o) ? burst_of(bursts, &n, o) : NULL;
		if (!b)
			continue;
		uint64_t sent = obs_sent_us(o);
		b->packets += obs_get_int(o, A_PACKETS, 0);
		b->from_us = sent < b->from_us ? sent : b->from_us;
		b->to_us = sent > b->to_us ? sent : b->to_us;
	}
	log_bursts(v, d, bursts, n);
}

void draft_cite_targets(struct judge_view *v, struct draft *d, uint64_t mask)
{
	for (size_t i = 0; i < v->run->profile->n_targets; i++) {
		const struct flow *f = (mask & TARGET_BIT(i)) ? view_flow(v, i) : NULL;
		if (f)
			draft_cite_flow(v, d, f);
	}
}

/* ---- sentences ---- */
const char *flow_counts(struct judge_view *v, const struct flow *f)
{
	struct {
		unsigned n;
		const char *word;
	} parts[] = { { f->silent, "unanswered" }, { f->rejected, "rejected by an ICMP message" },
		      { f->unreachable, "answered by \"unreachable\"" }, { f->refused, "refused" },
		      { f->denied, "stopped on this host itself" }, { f->reset, "cut" },
		      { f->mute, "accepted and then ignored" }, { f->garbled, "answered by garbage" },
		      { f->mismatch, "answered by something else" } };
	const char *s = view_say(v, "%u of %u tries answered", f->answered, f->sent);
	for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++)
		if (parts[i].n)
			s = view_say(v, "%s, %u %s", s, parts[i].n, parts[i].word);
	return s;
}

const char *view_subject(struct judge_view *v, const struct profile_target *t)
{
	return view_say(v, "%s %u", t->transport == TRANSPORT_UDP ? "UDP" : "TCP", t->port);
}

static bool kind_in(const struct judge_view *v, const struct profile_kind *k, uint64_t mask)
{
	for (size_t i = 0; i < k->needs.n; i++) {
		int t = profile_target_by_section(v->run->profile, k->needs.v[i]);
		if (t >= 0 && (mask & TARGET_BIT(t)) && view_target(v, (size_t)t)->required)
			return true;
	}
	return false;
}

const char *view_kinds_text(struct judge_view *v, uint64_t mask)
{
	const struct profile *p = v->run->profile;
	const char *s = NULL;
	bool counting = view_mask_required(v, mask);
	for (size_t k = 0; k < p->n_kinds; k++)
		if (kind_in(v, &p->kinds[k], mask) && plan_kind_counts(v->run, (int)k) == counting)
			s = s ? view_say(v, "%s, %s", s, p->kinds[k].title) : p->kinds[k].title;
	return s;
}

const char *view_stem_targets(struct judge_view *v, uint64_t mask)
{
	const char *s = "";
	unsigned n = 0;
	for (size_t i = 0; i < v->run->profile->n_targets; i++) {
		if (!(mask & TARGET_BIT(i)))
			continue;
		if (n++ < 3)
			s = view_say(v, "%s%s%s", s, *s ? ", " : "", view_target_name(v, i));
	}
	return n > 3 ? view_say(v, "%s and %u more", s, n - 3) : s;
}

static const char *note_text(struct judge_view *v, uint64_t mask)
{
	for (size_t i = 0; i < v->run->profile->n_targets; i++)
		if (mask & TARGET_BIT(i))
			return view_say(v, "The devices do not depend on this (%s: %s).",
					view_target(v, i)->title, view_target(v, i)->why);
	return "The devices do not depend on this.";
}

void draft_impact(struct judge_view *v, struct draft *d)
{
	static const char *const verbs[EFFECT_COUNT] = {
		[EFFECT_FRAGILE] = "reach the cloud from this network, but not reliably",
		[EFFECT_BLOCKS] = "cannot reach the cloud from this network",
	};
	const char *kinds = view_kinds_text(v, d->v.targets);
	bool maybe = d->v.confidence == CONF_UNDETERMINED && d->v.effect == EFFECT_BLOCKS;
	if (d->v.effect == EFFECT_NOTE || !kinds)
		d->v.impact = note_text(v, d->v.targets);
	else
		d->v.impact = view_say(v, "%s %s, as seen from this host; devices beside it probably "
				       "see the same.", kinds,
				       maybe ? "may not be able to reach the cloud from this network" :
					       verbs[d->v.effect]);
}

const char *view_allow(struct judge_view *v, const struct profile_target *t)
{
	return view_say(v, "allow outbound %s from the devices to %s, with replies%s",
			view_subject(v, t), t->allow ? t->allow : t->name,
			t->transport == TRANSPORT_UDP && t->required ? ", idle timeout 120 s or more" : "");
}

const char *view_confirm(struct judge_view *v, const char *check_id)
{
	const struct setting_def *def = setting_by_name("profile");
	const char *name = v->run->settings->profile;
	bool usual = !name || !def || strcmp(name, def->fallback) == 0;
	const char *lan = v->run->host->as_client.name;
	return view_say(v, "sallyport check%s%s%s%s --only %s", *lan ? " --as-client " : "", lan,
			usual ? "" : " --profile ", usual ? "" : name, check_id);
}
