/* Verdicts in five parts: what it means, what was seen, who does it, what to change, how to
 * confirm; then the lines to look for in the firewall's log. */
#include <string.h>

#include "parts.h"
#include "sallyport/judge.h"

enum { LABEL = 15, LOG_LINES = 6 };

static void labelled(struct doc *d, const char *label, const char *text)
{
	if (text && *text)
		doc_part(d, &(struct doc_part){ .prefix = doc_printf(d, "  %-13s", label), .indent = LABEL },
			 text);
}

static void log_lines(struct doc *d, const struct verdict *v)
{
	size_t shown = d->options->verbose || v->n_log <= LOG_LINES ? v->n_log : LOG_LINES - 1;
	for (size_t i = 0; i < shown; i++)
		labelled(d, i ? "" : "In the log", v->log[i]);
	if (shown < v->n_log)
		labelled(d, "", doc_printf(d, "and %zu more (-v shows them)", v->n_log - shown));
}

static void consequences(struct doc *d, const struct verdict *v)
{
	const char *list = "";
	for (size_t i = 0; i < v->n_hides; i++) {
		const struct verdict *h = NULL;
		for (size_t k = 0; k < d->run->n_verdicts && !h; k++)
			if (d->run->verdicts[k].hidden &&
			    strcmp(d->run->verdicts[k].fault->slug, v->hides[i]) == 0)
				h = &d->run->verdicts[k];
		list = doc_printf(d, "%s%s%s", list, *list ? "; " : "",
				  h && h->fault->title ? h->fault->title : v->hides[i]);
	}
	labelled(d, "Follows", list);
}

static void evidence_numbers(struct doc *d, const struct verdict *v)
{
	const char *list = "";
	for (size_t i = 0; i < v->n_evidence && i < 40; i++)
		list = doc_join(d, list, doc_printf(d, "%u", v->evidence[i]));
	if (d->options->verbose)
		labelled(d, "Evidence", *list ? doc_printf(d, "observations %s", list) : "");
}

/* "proven here, for devices likely": a run speaks of its host, the answer is about devices. */
static const char *how_sure(struct doc *d, const struct verdict *v)
{
	if (v->effect == EFFECT_DOUBT)
		return "about this host, not about devices";
	bool alone = strcmp(v->fault->slug, "own-firewall") == 0; /* devices have their own way out */
	if (v->confidence == CONF_PROVEN && alone)
		return "proven for this host alone";
	if (v->confidence == CONF_PROVEN && v->scope && strcmp(v->scope, "host") == 0)
		return "proven for this host, likely for devices";
	return doc_printf(d, "%s", confidence_names[v->confidence]);
}

static void in_full(struct doc *d, const struct verdict *v)
{
	bool blocks = v->effect == EFFECT_BLOCKS;
	doc_blank(d);
	struct doc_part title = { .prefix = blocks ? "FAIL  " :
					    v->effect == EFFECT_DOUBT ? "????  " : "WARN  ", .indent = 6,
				  .style = blocks ? STYLE_BAD : STYLE_WARN };
	doc_part(d, &title, doc_printf(d, "%s (%s %s, %s)", v->summary ? v->summary : v->fault->title,
				       v->fault->code, v->fault->slug, how_sure(d, v)));
	labelled(d, "Means", v->impact);
	labelled(d, "Seen", v->seen);
	labelled(d, "Who", v->who);
	labelled(d, "Change", v->remedy);
	labelled(d, "Confirm", v->confirm);
	labelled(d, "To decide", v->decide);
	log_lines(d, v);
	consequences(d, v);
	evidence_numbers(d, v);
}

static void in_a_line(struct doc *d, const struct verdict *v)
{
	const char *text = v->summary ? v->summary : v->fault->title;
	doc_part(d, &(struct doc_part){ .prefix = "  ", .indent = 4 },
		 doc_printf(d, "%s (%s, %s)%s%s", text, v->fault->code, confidence_names[v->confidence],
			    v->impact ? ". " : "", v->impact ? v->impact : ""));
	evidence_numbers(d, v);
}

void text_verdicts(struct doc *d)
{
	const struct run *r = d->run;
	for (size_t i = 0; i < r->n_verdicts; i++)
		if (!r->verdicts[i].hidden && r->verdicts[i].effect != EFFECT_NOTE)
			in_full(d, &r->verdicts[i]);
	bool any = false;
	for (size_t i = 0; i < r->n_verdicts; i++) {
		const struct verdict *v = &r->verdicts[i];
		if (v->hidden || v->effect != EFFECT_NOTE)
			continue;
		if (!any)
			doc_heading(d, "NOTES (nothing the devices need)");
		any = true;
		in_a_line(d, v);
	}
}
