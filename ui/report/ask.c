/* A ticket for the person who runs the firewall: at most 25 lines, each with something to do or to
 * check. Every part has its share of the lines, so that the sum holds whatever the texts are. */
#include <string.h>

#include "parts.h"
#include "sallyport/judge.h"
#include "sallyport/netinfo.h"
#include "sallyport/profile.h"
#include "writers.h"

enum { TICKET_LINES = 25, LABEL = 9, MAX_ASKS = 3, MAX_LOG = 3, MAX_RULES = 3 };

struct asks {
	const struct verdict *v[MAX_ASKS];
	size_t n, left_out;
};

static bool already(const struct asks *a, const char *text)
{
	for (size_t i = 0; i < a->n; i++)
		if (strcmp(a->v[i]->ask, text) == 0)
			return true;
	return false;
}

static void collect(const struct run *r, struct asks *a)
{
	for (size_t i = 0; i < r->n_verdicts; i++) {
		const struct verdict *v = &r->verdicts[i];
		if (v->hidden || !v->ask || already(a, v->ask))
			continue;
		if (a->n < MAX_ASKS)
			a->v[a->n++] = v;
		else
			a->left_out++;
	}
}

static void part(struct doc *d, const char *label, const char *text, unsigned max)
{
	if (text && *text)
		doc_part(d, &(struct doc_part){ .prefix = doc_printf(d, "%-9s", label), .indent = LABEL,
						.max = max }, text);
}

static const char *kinds_of(struct doc *d)
{
	const struct run *r = d->run;
	const char *names = "";
	for (size_t i = 0; i < r->n_kinds; i++)
		if (r->kinds[i].counts)
			names = doc_join(d, names, r->profile->kinds[r->kinds[i].kind_index].title);
	return *names ? names : r->profile->title;
}

static void who(struct doc *d)
{
	const struct host_facts *h = d->run->host;
	const struct addr *gw = h->gateway4.family ? &h->gateway4 : &h->gateway6;
	char text[ADDR_STRLEN];
	const char *at = gw->family ? doc_printf(d, " behind gateway %s", addr_format(gw, text)) : "";
	const char *from = h->as_client.name[0]
				   ? doc_printf(d, "a client of %s", h->as_client.name)
				   : doc_printf(d, "%s on %s", h->ifname[0] ? h->ifname : "no interface",
						h->medium[0] ? h->medium : "no link");
	part(d, "Who", doc_printf(d, "%s (%s)%s; seen from %s, %s", kinds_of(d), d->run->profile->cloud,
				  at, from, parts_started(d)), 2);
}

static void what(struct doc *d, const struct asks *a)
{
	unsigned share = 4 / (unsigned)a->n;
	for (size_t i = 0; i < a->n; i++)
		part(d, i ? "" : "What", a->n > 1 ? doc_printf(d, "%zu. %s", i + 1, a->v[i]->ask)
						  : a->v[i]->ask, share);
}

static void why(struct doc *d, const struct asks *a)
{
	const struct verdict *v = a->v[0];
	part(d, "Why", v->impact, 2);
	part(d, "Seen", doc_printf(d, "%s%s%s", v->seen ? v->seen : "", v->who ? " " : "",
				   v->who ? v->who : ""), 3);
}

static void in_the_log(struct doc *d, const struct asks *a)
{
	size_t total = 0, shown = 0;
	for (size_t i = 0; i < a->n; i++)
		total += a->v[i]->n_log;
	for (size_t i = 0; i < a->n; i++)
		for (size_t k = 0; k < a->v[i]->n_log && shown < MAX_LOG; k++)
			part(d, shown++ ? "" : "Log", a->v[i]->log[k], 1);
	if (shown < total)
		part(d, "", doc_printf(d, "and %zu more", total - shown), 1);
}

static uint64_t affected(const struct asks *a)
{
	uint64_t targets = 0;
	for (size_t i = 0; i < a->n; i++)
		targets |= a->v[i]->targets;
	return targets;
}

/* No rule of a firewall lets a radio join. */
static bool wants_rules(const struct asks *a)
{
	for (size_t i = 0; i < a->n; i++)
		if (!a->v[i]->kinds)
			return true;
	return false;
}

static void rules(struct doc *d, const struct asks *a)
{
	const struct run *r = d->run;
	uint64_t targets = affected(a);
	unsigned shown = 0;
	for (size_t i = 0; i < r->n_needs && shown < MAX_RULES; i++) {
		const struct need *n = &r->needs[i];
		bool hit = n->target_index >= 0 && n->target_index < 64 &&
			   (targets >> n->target_index & 1);
		if (!hit && !(targets == 0 && n->required))
			continue;
		part(d, shown++ ? "" : "Allow",
		     doc_printf(d, "%s %s port %u to %s from %s, with replies", n->direction, n->proto,
				n->port, n->to, n->from), 1);
	}
}

static const char *expiry(const struct run *r)
{
	for (size_t i = 0; i < r->n_needs; i++)
		if (r->needs[i].expires)
			return r->needs[i].expires;
	return "by name the rule stays right; by address, look again every three months";
}

static void ticket(struct doc *d, const struct asks *a)
{
	d->max_lines = TICKET_LINES;
	part(d, "Subject", doc_printf(d, "%s devices: %s", d->run->profile->cloud,
				      a->v[0]->summary ? a->v[0]->summary : a->v[0]->fault->title), 2);
	who(d);
	what(d, a);
	why(d, a);
	in_the_log(d, a);
	if (wants_rules(a))
		rules(d, a);
	part(d, "Verify", a->v[0]->confirm, 2);
	if (wants_rules(a))
		part(d, "Expires", expiry(d->run), 1);
	part(d, "Run", doc_printf(d, "%s, sallyport %s%s", d->run->id, d->run->version,
				  a->left_out ? "; more to ask for: see the full report" : ""), 1);
}

static const char *nothing(const struct run *r)
{
	switch (r->exit) {
	case 0: return "Nothing to ask for: the devices can reach their cloud from here.";
	case 1: return "Nothing to ask for: the devices work here; the full report has notes.";
	case 2: return "Nothing a firewall's owner could change: see the full report for the cause.";
	default: return "Nothing to ask for yet: this run could not tell. See the full report.";
	}
}

int report_ask_write(const struct run *r, const struct report_options *o, FILE *out)
{
	struct doc d;
	struct asks a = { 0 };
	doc_open(&d, r, o, out);
	collect(r, &a);
	if (a.n)
		ticket(&d, &a);
	else
		doc_text(&d, nothing(r));
	return doc_close(&d);
}
