/*
 * The report for people: from where it was seen, the answer, the one thing to ask for, then why,
 * then what was and was not looked at. Everything reads without colour and on 80 columns.
 */
#include <string.h>

#include "parts.h"
#include "sallyport/judge.h"
#include "sallyport/netinfo.h"
#include "sallyport/profile.h"
#include "sallyport/rules.h"
#include "writers.h"

static const struct {
	const char *word, *plain;
	enum style style;
} kind_words[KIND_STATE_COUNT] = {
	[KIND_YES] = { "YES", "can reach their cloud from here", STYLE_GOOD },
	[KIND_FRAGILE] = { "FRAGILE", "work here, but not well", STYLE_WARN },
	[KIND_NO] = { "NO", "cannot reach their cloud from here", STYLE_BAD },
	[KIND_UNKNOWN] = { "UNKNOWN", "could not be told", STYLE_WARN },
};

static const char *kind_reason(struct doc *d, const struct kind_verdict *k)
{
	const struct verdict *v = parts_verdict(d->run, k);
	if (v && v->summary)
		return v->summary;
	if (k->because)
		return doc_printf(d, "%s (%s)", kind_words[k->state].plain, k->because);
	return kind_words[k->state].plain;
}

static void kind_lines(struct doc *d, bool counts)
{
	const struct run *r = d->run;
	for (size_t i = 0; i < r->n_kinds; i++) {
		const struct kind_verdict *k = &r->kinds[i];
		const char *names = k->counts == counts ? parts_kind_group(d, i) : NULL;
		if (!names)
			continue;
		const char *text = doc_printf(d, "%s: %s - %s", names, kind_words[k->state].word,
					      kind_reason(d, k));
		if (counts) {
			struct doc_part part = { .style = kind_words[k->state].style, .indent = 0 };
			doc_part(d, &part, text);
		} else {
			doc_text(d, doc_printf(d, "%s (does not count here)", text));
		}
	}
}

static const char *chosen_ids(struct doc *d)
{
	const char *list = "", *last = "";
	for (size_t i = 0; i < d->run->n_checks; i++) {
		const struct check *c = &d->run->checks[i];
		if (c->chosen && strcmp(c->id, last)) {
			list = doc_join(d, list, c->id);
			last = c->id;
		}
	}
	return *list ? list : "none";
}

/* What limits the whole report comes before anything else. */
static void limits(struct doc *d)
{
	const struct run *r = d->run;
	const char *client = parts_client(d);
	if (client)
		doc_text(d, client);
	if (parts_is_partial(r))
		doc_text(d, doc_printf(d, "This speaks for the chosen checks alone: %s.", chosen_ids(d)));
	const struct verdict *moved = parts_fault(r, "link-changed");
	if (moved)
		doc_text(d, doc_printf(d, "%s: what follows rests on the link as it was.", moved->summary));
	if (r->ended == END_INTERRUPTED)
		doc_text(d, "Interrupted: what follows rests on what was seen until then.");
	if (r->ended == END_ERROR)
		doc_text(d, "The run did not end in order: what follows rests on what is left of it.");
}

static void other_ways(struct doc *d)
{
	const struct host_facts *h = d->run->host;
	char text[ADDR_STRLEN];
	const char *list = "";
	for (size_t i = 0; i < h->n_others; i++)
		list = doc_join(d, list, h->others[i].gateway.family ?
			doc_printf(d, "%s (gateway %s)", h->others[i].ifname,
				   addr_format(&h->others[i].gateway, text)) : h->others[i].ifname);
	if (*list)
		doc_text(d, doc_printf(d, "Not tested: the other default route%s of this host, by %s.",
				       h->n_others > 1 ? "s" : "", list));
}

static void resolver_lines(struct doc *d)
{
	const struct host_facts *h = d->run->host;
	char text[ADDR_STRLEN];
	const char *list = "";
	for (size_t i = 0; i < h->n_stubs; i++)
		list = doc_join(d, list, doc_printf(d, "%s (%s)", addr_format(&h->stubs[i].addr, text),
						    h->stubs[i].why));
	if (!*list)
		return;
	doc_text(d, h->n_resolvers ?
		doc_printf(d, "This host itself asks %s for names; devices do not. The site's resolvers "
			      "were taken from %s.", list, h->resolver_source) :
		doc_printf(d, "This host itself asks %s for names; devices do not, and whom they would ask "
			      "is not known.", list));
}

static void tunnel_line(struct doc *d)
{
	const struct host_facts *h = d->run->host;
	const char *past = doc_printf(d, "these checks went past it, by %s, as a device's would", h->ifname);
	if (parts_fault(d->run, "vpn-took-route"))
		past = doc_printf(d, "it left no route by %s, so the network was not tested", h->ifname);
	if (parts_fault(d->run, "vpn-killswitch"))
		past = "this host's own rules let nothing past it, so the network was not tested";
	if (h->tunnel_takes)
		doc_text(d, doc_printf(d, "This host's own traffic leaves by the tunnel %s; %s.", h->tunnel,
				       past));
}

static void proxy_lines(struct doc *d)
{
	const struct host_facts *h = d->run->host;
	if (h->proxy[0])
		doc_text(d, doc_printf(d, "People's programs here use the web proxy %s (%s); devices cannot, and "
				       "these checks did not.", h->proxy, h->proxy_source));
	else if (h->wpad_url[0])
		doc_text(d, doc_printf(d, "DHCP names a web proxy to people's programs (%s); devices cannot use "
				       "it, and these checks did not.", h->wpad_url));
	if (h->portal_api[0])
		doc_text(d, doc_printf(d, "DHCP names a captive portal (%s); devices cannot log in to one.",
				       h->portal_api));
}

/* From where all this was seen; a device elsewhere may be treated otherwise. */
static void vantage(struct doc *d)
{
	const struct host_facts *h = d->run->host;
	if (h->forwards)
		doc_text(d, doc_printf(d, "This host forwards for %s: its own packets skip the rules and the "
				       "NAT that packets from there meet.", h->lan));
	doc_text(d, doc_printf(d, "Seen from %s%s.", parts_vantage(d),
			       strcmp(h->medium, "tunnel") == 0 ?
				       ". That is a tunnel: what lies outside of it was not seen" : ""));
	if (h->virtual_ && strcmp(h->medium, "tunnel"))
		doc_text(d, "That uplink is virtual: the real link, its MAC address and any NAT outside of it "
			    "were not seen.");
	tunnel_line(d);
	other_ways(d);
	resolver_lines(d);
	proxy_lines(d);
	doc_blank(d);
}

static void headline(struct doc *d)
{
	kind_lines(d, true);
	kind_lines(d, false);
}

static void ask(struct doc *d)
{
	const struct run *r = d->run;
	unsigned n = 0;
	for (size_t i = 0; i < r->n_verdicts; i++) {
		const struct verdict *v = &r->verdicts[i];
		bool first = true;
		for (size_t k = 0; k < i && v->ask; k++)
			first &= !(r->verdicts[k].ask && !r->verdicts[k].hidden &&
				   strcmp(r->verdicts[k].ask, v->ask) == 0);
		if (!v->ask || v->hidden || !first)
			continue;
		if (n++ == 0)
			doc_heading(d, "ASK FOR THIS");
		doc_part(d, &(struct doc_part){ .prefix = doc_printf(d, "  %u. ", n), .indent = 5 }, v->ask);
	}
}

static void needs(struct doc *d)
{
	const struct run *r = d->run;
	if (!r->n_needs)
		return;
	doc_heading(d, "WHAT DEVICES NEED (allow-list)");
	for (size_t i = 0; i < r->n_needs; i++) {
		const struct need *n = &r->needs[i];
		if (i == 0 || strcmp(n->from, r->needs[i - 1].from))
			doc_part(d, &(struct doc_part){ .prefix = "  from ", .indent = 7 }, n->from);
		const char *line = doc_printf(d, "%s %s %u  %s  (%s%s)", n->direction, n->proto, n->port,
					      n->to, n->required ? "required" : "optional",
					      n->expires ? ", expires" : "");
		doc_part(d, &(struct doc_part){ .prefix = "    ", .indent = 8 }, line);
	}
	doc_part(d, &(struct doc_part){ .prefix = "  as rules: ", .indent = 12 },
		 doc_printf(d, "sallyport rules --for %s --device MAC", dialect_table[0].name));
}

static void not_tested(struct doc *d)
{
	const struct run *r = d->run;
	if (!r->n_not_tested)
		return;
	doc_heading(d, "NOT TESTED");
	for (size_t i = 0; i < r->n_not_tested; i++) {
		const struct not_tested *n = &r->not_tested[i];
		/* Several things that were left out for the same reason share a line. */
		const char *what = n->what;
		while (i + 1 < r->n_not_tested && strcmp(r->not_tested[i + 1].why, n->why) == 0)
			what = doc_join(d, what, r->not_tested[++i].what);
		doc_part(d, &(struct doc_part){ .prefix = "  ", .indent = 4 },
			 doc_printf(d, "%s: %s", what, n->why));
	}
}

static void footer(struct doc *d)
{
	const struct run *r = d->run;
	doc_blank(d);
	doc_part(d, &(struct doc_part){ .style = STYLE_DIM },
		 doc_printf(d, "sallyport %s, profile %s, run %s, %s, %.1f s", r->version,
			    r->profile->name, r->id, parts_started(d), (double)r->duration_us / 1e6));
}

int report_text_write(const struct run *r, const struct report_options *o, FILE *out)
{
	struct doc d;
	doc_open(&d, r, o, out);
	limits(&d);
	if (!o->quiet)
		vantage(&d);
	headline(&d);
	if (!o->quiet) {
		ask(&d);
		text_verdicts(&d);
		text_checks(&d);
		text_keepalive(&d);
		needs(&d);
		text_contacted(&d);
		not_tested(&d);
		text_leds(&d);
		if (o->verbose)
			text_observations(&d);
		footer(&d);
	}
	return doc_close(&d);
}
