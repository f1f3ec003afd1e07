/* The table of checks, what was contacted, and (-v) every observation. */
#include <string.h>

#include "evidence.h"
#include "parts.h"
#include "sallyport/profile.h"

static const struct {
	const char *word;
	enum style style;
} words[STATE_COUNT] = {
	[STATE_PASS] = { "OK", STYLE_GOOD },      [STATE_WARN] = { "WARN", STYLE_WARN },
	[STATE_FAIL] = { "FAIL", STYLE_BAD },     [STATE_UNKNOWN] = { "????", STYLE_WARN },
	[STATE_SKIPPED] = { "skip", STYLE_DIM },  [STATE_NA] = { "n/a", STYLE_DIM },
};

enum { ID_WIDTH = 17, TARGET_WIDTH = 20, EVIDENCE_AT = 7 + ID_WIDTH + TARGET_WIDTH + 1 };

static void row(struct doc *d, const struct check *c, const char *target, const char *evidence)
{
	struct doc_part part = {
		.prefix = doc_printf(d, "  %-4s ", words[c->state].word),
		.style = words[c->state].style,
		.lead = doc_printf(d, "%-*s%-*s ", ID_WIDTH, c->id, TARGET_WIDTH, target),
		.indent = EVIDENCE_AT,
	};
	doc_part(d, &part, evidence);
}

static void one(struct doc *d, const struct check *c)
{
	const char *target = doc_tail(d, c->target, TARGET_WIDTH);
	row(d, c, target, evidence_text(d->arena, d->run, c));
}

/* Checks of the same id that follow each other are one line, unless -v, when all of them passed or
 * the same is to be said of each. */
static size_t group(struct doc *d, size_t from)
{
	const struct run *r = d->run;
	const struct check *first = &r->checks[from], *members[128];
	bool passed = first->state == STATE_PASS;
	const char *evidence = evidence_text(d->arena, r, first);
	size_t n = 0;
	for (size_t i = from; i < r->n_checks && n < 128; i++) {
		const struct check *c = &r->checks[i];
		if (strcmp(c->id, first->id) || c->state != first->state || !c->chosen ||
		    (!passed && strcmp(evidence_text(d->arena, r, c), evidence)))
			break;
		members[n++] = c;
	}
	if (n < 2 || d->options->verbose)
		return 0;
	row(d, first, doc_count(d, n, "target"), passed ? evidence_group(d->arena, members, n) : evidence);
	return n;
}

void text_checks(struct doc *d)
{
	const struct run *r = d->run;
	doc_heading(d, "CHECKS");
	for (size_t i = 0; i < r->n_checks;) {
		size_t n = group(d, i);
		if (!n && r->checks[i].chosen)
			one(d, &r->checks[i]);
		i += n ? n : 1;
	}
}

/* ---- contacted ---------------------------------------------------------------------------- */

static bool same_operator(const struct contact *a, const struct contact *b)
{
	const char *x = a->operator ? a->operator : "", *y = b->operator ? b->operator : "";
	return strcmp(x, y) == 0;
}

static const char *contact_text(struct doc *d, const struct contact *c)
{
	bool named = c->name && *c->name && strcmp(c->name, c->address ? c->address : "");
	const char *where = c->address ? c->address : "?";
	if (!c->port)
		return doc_printf(d, "%s%s%s (%s)", named ? c->name : "", named ? " " : "", where, c->proto);
	return doc_printf(d, "%s%s%s %s %u", named ? c->name : "", named ? " " : "", where, c->proto,
			  c->port);
}

/* One paragraph for each operator, in the order of first contact. */
static void operator_text(struct doc *d, size_t from)
{
	const struct run *r = d->run;
	const struct contact *first = &r->contacted[from];
	uint64_t packets = 0, bytes = 0;
	const char *list = "";
	for (size_t i = 0; i < r->n_contacted; i++) {
		const struct contact *c = &r->contacted[i];
		if (!same_operator(c, first))
			continue;
		if (i < from)
			return;
		packets += c->packets;
		bytes += c->bytes;
		list = doc_join(d, list, contact_text(d, c));
	}
	const char *who = first->operator && *first->operator ? first->operator : "this network";
	doc_part(d, &(struct doc_part){ .prefix = "  ", .indent = 4 },
		 doc_printf(d, "%s, %s, %llu bytes: %s", who, doc_count(d, packets, "packet"),
			    (unsigned long long)bytes, list));
}

void text_contacted(struct doc *d)
{
	const struct run *r = d->run;
	uint64_t packets = 0, bytes = 0;
	for (size_t i = 0; i < r->n_contacted; i++) {
		packets += r->contacted[i].packets;
		bytes += r->contacted[i].bytes;
	}
	doc_heading(d, doc_printf(d, "CONTACTED (%s, %llu bytes sent)", doc_count(d, packets, "packet"),
				  (unsigned long long)bytes));
	for (size_t i = 0; i < r->n_contacted; i++)
		operator_text(d, i);
	if (!r->n_contacted)
		doc_part(d, &(struct doc_part){ .prefix = "  ", .indent = 2 }, "nobody");
}

/* ---- observations ------------------------------------------------------------------------- */

static const char *attr_text(struct doc *d, const struct attr_value *v)
{
	const struct attr_def *def = &attr_defs[v->key];
	switch (def->type) {
	case ATTR_INT: return doc_printf(d, "%s=%lld", def->name, (long long)v->i);
	case ATTR_REAL: return doc_printf(d, "%s=%.3f", def->name, v->d);
	case ATTR_BOOL: return doc_printf(d, "%s=%s", def->name, v->b ? "yes" : "no");
	case ATTR_TEXT: return doc_printf(d, "%s=%s", def->name, v->s);
	}
	return "";
}

void text_observations(struct doc *d)
{
	doc_heading(d, "OBSERVATIONS");
	for (size_t i = 0; i < d->run->n_obs; i++) {
		const struct observation *o = d->run->obs[i];
		const char *text = doc_printf(d, "%.3f s %s %s", (double)o->t_us / 1e6, o->check,
					      outcome_names[o->outcome]);
		for (unsigned k = 0; k < o->n_attrs; k++)
			text = doc_printf(d, "%s %s", text, attr_text(d, &o->attrs[k]));
		doc_part(d, &(struct doc_part){ .prefix = doc_printf(d, "  %u ", o->n), .indent = 8 }, text);
	}
}
