/* The rows of a forecast, as the probes add them. */
#include "sallyport/forecast.h"

#include <string.h>

#include "sallyport/addr.h"
#include "sallyport/netinfo.h"

enum {
	DNS_PORT = 53,
	LOOKUP_PACKETS = 2, /* to each resolver: names.c tries each of them twice */
	LOOKUP_BYTES = 100, /* headers, a name and a question */
};

static bool same_text(const char *a, const char *b)
{
	return a == b || (a && b && strcmp(a, b) == 0);
}

void forecast_add(struct forecast *f, const struct forecast_row *row)
{
	for (size_t i = 0; i < f->n; i++) {
		struct forecast_row *have = &f->rows[i];
		if (have->port != row->port || strcmp(have->host, row->host) ||
		    strcmp(have->proto, row->proto) || !same_text(have->when, row->when))
			continue;
		have->packets += row->packets;
		have->bytes += row->bytes;
		return;
	}
	if (f->n < FORECAST_MAX_ROWS)
		f->rows[f->n++] = *row;
}

void forecast_name(struct forecast *f, const char *name)
{
	const struct host_facts *h = f->run->host;
	struct addr literal;
	char text[ADDR_STRLEN];
	if (addr_parse(name, &literal) == 0)
		return;
	for (size_t i = 0; i < h->n_resolvers; i++) {
		/* What is not answered is asked of the next; the report counts it all for the first. */
		uint32_t packets = LOOKUP_PACKETS * (uint32_t)(i ? 1 : h->n_resolvers);
		struct forecast_row row = {
			.host = arena_strdup(f->run->arena, addr_format(&h->resolvers[i], text)),
			.proto = "udp", .port = DNS_PORT, .packets = packets,
			.bytes = packets * LOOKUP_BYTES, .why = "names for this run" };
		forecast_add(f, &row);
	}
}

