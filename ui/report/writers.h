/*
 * The writers behind report_table, one file each.
 *
 * Promises: as report_def.write says in report.h.
 */
#ifndef SALLYPORT_UI_WRITERS_H
#define SALLYPORT_UI_WRITERS_H

#include "sallyport/report.h"

int report_text_write(const struct run *r, const struct report_options *o, FILE *out);
int report_ask_write(const struct run *r, const struct report_options *o, FILE *out);
int report_json_write(const struct run *r, const struct report_options *o, FILE *out);
int report_ndjson_write(const struct run *r, const struct report_options *o, FILE *out);

#endif
