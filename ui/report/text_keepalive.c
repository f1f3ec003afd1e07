/* The keep-alive section: what was found, settings to choose from, what to change, and for which
 * kinds the default does not do. */
#include <string.h>

#include "parts.h"
#include "sallyport/profile.h"

enum { NAME_WIDTH = 18, MAX_NAMES = 512 };

static const struct {
	const char *name, *title;
} row_titles[] = { { "shipped", "as shipped" }, { "always", "always reachable" },
		   { "balanced", "balanced" }, { "data-saver", "data saver" } };

static const struct {
	const char *fit, *title;
} fit_titles[] = { { "short", "Too late by default" },
		   { "short-when-new", "Too late for a new flow by default" },
		   { "edge", "At the edge by default" },
		   { "unknown", "Not shown whether in time by default" },
		   { "fits", "In time by default" } };

static void line(struct doc *d, const char *text)
{
	doc_part(d, &(struct doc_part){ .prefix = "  ", .indent = 2 }, text);
}

static const char *title_of(const char *name)
{
	for (size_t i = 0; i < sizeof(row_titles) / sizeof(row_titles[0]); i++)
		if (strcmp(row_titles[i].name, name) == 0)
			return row_titles[i].title;
	return name;
}

static const char *interval(struct doc *d, double s)
{
	bool minutes = s >= 120 && (long)s % 60 == 0;
	return doc_printf(d, "%.6g %s", minutes ? s / 60 : s, minutes ? "min" : "s");
}

static const char *a_day(struct doc *d, double s)
{
	if (s < 0.5)
		return "under 1 s";
	if (s < 120)
		return doc_printf(d, "%.0f s", s);
	return s < 7200 ? doc_printf(d, "%.0f min", s / 60) : doc_printf(d, "%.1f h", s / 3600);
}

static const char *megabytes(struct doc *d, double bytes)
{
	return doc_printf(d, bytes < 1e6 ? "%.2f MB" : "%.1f MB", bytes / 1e6);
}

static const char *losses(struct doc *d, const struct keepalive_row *r)
{
	return r->met ? doc_printf(d, "%u", r->losses) : "-";
}

/* ---- the table: 76 columns at most ---- */
static void table_row(struct doc *d, const struct keepalive_row *r, bool plan)
{
	bool shipped = strcmp(r->name, "shipped") == 0;
	const char *text = doc_printf(d, "%-*s%8s%15s%14s%13s", NAME_WIDTH, title_of(r->name),
				      r->met || shipped ? interval(d, r->interval_s) : "none",
				      r->met || shipped ? a_day(d, r->unreachable_s_per_day) : "-",
				      r->met || shipped ? megabytes(d, r->bytes_per_month) : "-", losses(d, r));
	line(d, plan && r->met ? doc_printf(d, "%s%7.0f %%", text, r->plan_share * 100) : text);
}

static void floor_line(struct doc *d, const struct keepalive *k)
{
	for (size_t i = 1; i < k->n_rows; i++) {
		const struct keepalive_row *r = &k->rows[i];
		if (r->met)
			continue;
		line(d, doc_printf(d, "(every %s, the shortest that is good manners: unreachable %s a day, %s a "
				   "month)", interval(d, r->interval_s), a_day(d, r->unreachable_s_per_day),
				   megabytes(d, r->bytes_per_month)));
		return;
	}
}

static void table(struct doc *d, const struct keepalive *k)
{
	bool plan = k->rows[0].plan_share >= 0;
	doc_blank(d);
	line(d, doc_printf(d, "%-*s%8s%15s%14s%13s%s", NAME_WIDTH, "setting", "every", "unreachable", "data",
			   "losses it", plan ? "  of plan" : ""));
	line(d, doc_printf(d, "%-*s%8s%15s%14s%13s", NAME_WIDTH, "", "", "a day", "a month", "survives"));
	for (size_t i = 0; i < k->n_rows; i++)
		table_row(d, &k->rows[i], plan);
	floor_line(d, k);
	doc_blank(d);
}

/* ---- what to change ---- */
static void levers(struct doc *d, const struct keepalive *k)
{
	bool either = k->device.name && k->firewall.name;
	if (k->recommended_s == k->profile_default_s && k->rows[0].met)
		return;
	if (k->device.name)
		doc_part(d, &(struct doc_part){ .prefix = either ? "  Either  " : "  Change  ", .indent = 10 },
			 doc_printf(d, "on the device: %s  (%s a month)",
				    k->device.call ? k->device.call : interval(d, k->device.interval_s),
				    megabytes(d, k->device.bytes_per_month)));
	if (!k->firewall.name)
		return;
	bool enough = k->firewall.interval_s >= k->profile_default_s;
	const char *then = enough ? doc_printf(d, "then the default of %s does",
					       interval(d, k->profile_default_s)) :
				    doc_printf(d, "then %s do on the device: %s", interval(d, k->firewall.interval_s),
					       k->firewall.call ? k->firewall.call : "");
	doc_part(d, &(struct doc_part){ .prefix = either ? "  or      " : "  Change  ", .indent = 10 },
		 doc_printf(d, "on the firewall: UDP idle timer for port %u at %.0f s or more; %s  (up to %s, "
			    "%s a month)", k->port, k->timer_s, then, interval(d, k->firewall.interval_s),
			    megabytes(d, k->firewall.bytes_per_month)));
}

/* ---- defaults ---- */
static bool same_default(const struct keepalive_kind *a, const struct keepalive_kind *b)
{
	return strcmp(a->fit, b->fit) == 0 && a->default_s == b->default_s && !a->firmware == !b->firmware;
}

static const char *interface_title(const char *interface)
{
	return strcmp(interface, "ethernet") == 0 ? "Ethernet" : strcmp(interface, "wifi") == 0 ? "Wi-Fi" :
													interface;
}

/* "Argon", or "Boron on Ethernet" where that is not all of its ways; NULL when said before. */
static const char *kind_name(struct doc *d, size_t at)
{
	const struct keepalive *k = &d->run->keepalive;
	const struct keepalive_kind *one = &k->kinds[at];
	const struct profile_kind *kind = &d->run->profile->kinds[one->kind_index];
	const char *ways = "";
	size_t n = 0;
	for (size_t i = 0; i < k->n_kinds; i++) {
		if (k->kinds[i].kind_index != one->kind_index || !same_default(&k->kinds[i], one))
			continue;
		if (i < at)
			return NULL;
		ways = doc_join(d, ways, interface_title(k->kinds[i].interface));
		n++;
	}
	return n >= kind->interfaces.n ? kind->title : doc_printf(d, "%s on %s", kind->title, ways);
}

/* All that share one default. */
static const char *default_group(struct doc *d, size_t at)
{
	const struct keepalive *k = &d->run->keepalive;
	const struct keepalive_kind *one = &k->kinds[at];
	const char *names = "";
	for (size_t i = 0; i < k->n_kinds; i++) {
		if (!same_default(&k->kinds[i], one))
			continue;
		const char *name = i < at ? NULL : kind_name(d, i);
		if (i < at)
			return NULL;
		if (name && strlen(names) < MAX_NAMES)
			names = doc_join(d, names, name);
	}
	return doc_printf(d, "%s%s (every %s)", one->firmware ? "older firmware of " : "", names,
			  interval(d, one->default_s));
}

static void defaults(struct doc *d, const struct keepalive *k)
{
	for (size_t f = 0; f < sizeof(fit_titles) / sizeof(fit_titles[0]); f++) {
		const char *list = "";
		for (size_t i = 0; i < k->n_kinds; i++) {
			const char *one = strcmp(k->kinds[i].fit, fit_titles[f].fit) ? NULL : default_group(d, i);
			list = one ? doc_join(d, list, one) : list;
		}
		if (*list)
			doc_part(d, &(struct doc_part){ .prefix = "  ", .indent = 4 },
				 doc_printf(d, "%s: %s.", fit_titles[f].title, list));
	}
}

void text_keepalive(struct doc *d)
{
	const struct keepalive *k = &d->run->keepalive;
	if (!k->text)
		return;
	doc_heading(d, "KEEP-ALIVE");
	line(d, k->text);
	if (k->n_rows) {
		table(d, k);
		levers(d, k);
	}
	defaults(d, k);
	for (size_t i = 0; i < k->n_notes; i++)
		doc_part(d, &(struct doc_part){ .prefix = "  - ", .indent = 4 }, k->notes[i]);
}
