#include "sallyport/report.h"

#include <string.h>

#include "writers.h"

const struct report_def report_table[] = {
	{ "text", "text/plain", "for people: answer, ask, causes, checks", report_text_write },
	{ "ask", "text/plain", "a ticket for the firewall's owner, at most 25 lines", report_ask_write },
	{ "json", "application/json", "everything, by report.schema.json", report_json_write },
	{ "ndjson", "application/x-ndjson", "a stream, one line as it happens; `replay` reads it",
	  report_ndjson_write },
};
const size_t n_report_table = sizeof(report_table) / sizeof(report_table[0]);

const struct report_def *report_by_name(const char *name)
{
	for (size_t i = 0; i < n_report_table; i++)
		if (strcmp(report_table[i].name, name) == 0)
			return &report_table[i];
	return NULL;
}
