/* `list`: what there is to choose from. */
#include <stdio.h>

#include "commands.h"
#include "sallyport/judge.h"
#include "sallyport/probe.h"
#include "sallyport/profile.h"
#include "sallyport/report.h"

static int run(struct command_ctx *c)
{
	const char **names;
	size_t n = profile_list(c->arena, &names);
	puts("Profiles (--profile):");
	for (size_t i = 0; i < n; i++)
		printf("  %s\n", names[i]);
	puts("\nProbes and the checks they measure (--only, --skip; STEM is udp5684 and so on):");
	for (size_t i = 0; i < n_probe_table; i++)
		printf("  %-14s %-28s %s\n", probe_table[i]->name, probe_table[i]->checks,
		       probe_table[i]->summary);
	puts("\nFaults that a run can find:");
	for (size_t i = 0; i < n_fault_table; i++)
		printf("  %-4s %-24s %s\n", fault_table[i]->code, fault_table[i]->slug, fault_table[i]->title);
	puts("\nReport formats (-o):");
	for (size_t i = 0; i < n_report_table; i++)
		printf("  %-8s %s\n", report_table[i].name, report_table[i].summary);
	return 0;
}

const struct command list_command = {
	.name = "list",
	.operands = "",
	.summary = "profiles, checks, faults and report formats",
	.run = run,
};
