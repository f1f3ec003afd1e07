/* `--dry-run`: whom a run would contact, with how many packets and why. Nothing is sent. */
#include "commands.h"
#include "sallyport/as_client.h"
#include "sallyport/forecast.h"
#include "sallyport/netinfo.h"
#include "sallyport/runner.h"

static void put_rows(FILE *out, const struct forecast *f, bool conditional)
{
	for (size_t i = 0; i < f->n; i++) {
		const struct forecast_row *r = &f->rows[i];
		if (!r->when == conditional)
			continue;
		fprintf(out, "  %-44s %s %-5u %3u packet%-1s %5u B  %s%s%s\n", r->host, r->proto,
			r->port, r->packets, r->packets == 1 ? "" : "s", r->bytes, r->why, r->when ? ", " : "", r->when ? r->when : "");
	}
}

static int write_forecast(const struct document *d, FILE *out, bool terminal)
{
	const struct forecast *f = d->of;
	(void)terminal;
	fputs("Nothing was sent. This run would send, at most:\n", out);
	put_rows(out, f, false);
	fputs("and only where something is wrong:\n", out);
	put_rows(out, f, true);
	fprintf(out, "but never more than %u packets and %u B together, and ends after %g s.\n",
		RUNNER_MAX_PACKETS, RUNNER_MAX_BYTES, f->run->settings->budget_s);
	return 0;
}

int dry_run(const struct command_ctx *c, struct run *r)
{
	struct forecast f;
	forecast_make(r, &f);
	if (r->host->as_client.name[0])
		forecast_add(&f, &(struct forecast_row){
			.host = r->host->as_client.name, .proto = "udp", .port = 67,
			.packets = AS_CLIENT_PACKETS, .bytes = AS_CLIENT_BYTES,
			.why = "DHCP: an address for the client" });
	return write_document(c, &(struct document){ .write = write_forecast, .command = c, .of = &f }, 0);
}
