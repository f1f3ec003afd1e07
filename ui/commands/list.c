/* `list` and `explain`: what sallyport knows, from its tables. */
#include <string.h>

#include "commands.h"
#include "sallyport/judge.h"
#include "sallyport/nearest.h"
#include "sallyport/probe.h"
#include "sallyport/report.h"
#include "sallyport/rules.h"

static int list(struct command_ctx *c)
{
	const char **profiles;
	int wrong = command_operands(c, 0, 0);
	if (wrong)
		return wrong;
	puts("probes:");
	for (size_t i = 0; i < n_probe_table; i++)
		printf("  %-14s %-28s %s\n", probe_table[i]->name, probe_table[i]->checks,
		       probe_table[i]->summary);
	puts("faults:");
	for (size_t i = 0; i < n_fault_table; i++)
		printf("  %-4s %-22s %s\n", fault_table[i]->code, fault_table[i]->slug,
		       fault_table[i]->title);
	puts("profiles:");
	size_t n = profile_list(c->arena, &profiles);
	for (size_t i = 0; i < n; i++)
		printf("  %s\n", profiles[i]);
	puts("formats:");
	for (size_t i = 0; i < n_report_table; i++)
		printf("  %-8s %s\n", report_table[i].name, report_table[i].summary);
	puts("dialects:");
	for (size_t i = 0; i < n_dialect_table; i++)
		printf("  %-8s %s\n", dialect_table[i].name, dialect_table[i].title);
	return 0;
}

static void paragraph(const char *title, const char *text)
{
	if (text)
		printf("\n%s\n  %s\n", title, text);
}

static int unknown(const struct command_ctx *c, const char *name)
{
	struct nearest near = { .word = name };
	for (size_t i = 0; i < n_fault_table; i++)
		nearest_offer(&near, fault_table[i]->slug);
	for (size_t i = 0; i < n_probe_table; i++)
		nearest_offer(&near, probe_table[i]->name);
	return command_fail(SP_EXIT_USAGE, "no fault or probe '%s'%s (`sallyport list` shows them)", name,
			    nearest_text(c->arena, &near));
}

static int explain(struct command_ctx *c)
{
	int wrong = command_operands(c, 1, 1);
	if (wrong)
		return wrong;
	const char *name = c->operands[0];
	const struct fault *f = fault_by_name(name);
	if (f) {
		printf("%s %s: %s\n", f->code, f->slug, f->title);
		paragraph("What it is", f->what);
		paragraph("Least evidence", f->evidence);
		paragraph("Look-alikes", f->lookalikes);
		paragraph("Remedy", f->remedy);
		return 0;
	}
	const struct probe_def *p = probe_by_name(name);
	if (!p)
		return unknown(c, name);
	printf("%s: %s\n  %s\n  checks: %s\n  at most %u packets, %u bytes; privilege: %s\n", p->name,
	       p->title, p->summary, p->checks, p->packets, p->bytes, p->privilege);
	return 0;
}

const struct command list_command = {
	.name = "list",
	.operands = "",
	.summary = "probes, faults, profiles, formats and dialects",
	.run = list,
	.flags = COMMAND_TALK_FLAGS,
};

const struct command explain_command = {
	.name = "explain",
	.operands = "FAULT-or-PROBE",
	.summary = "what a fault is, how it is told from others, what to do",
	.run = explain,
	.flags = COMMAND_TALK_FLAGS,
};
