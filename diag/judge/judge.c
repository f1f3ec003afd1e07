/* The judge: states of the checks, then the fault rows, then kinds, advice and exit. */
#include "nat_read.h"

void judge_run(struct run *r)
{
	struct judge_view v;
	struct nat_facts nat;
	view_open(&v, r);
	nat_read(&v, &nat);
	r->nat = arena_memdup(r->arena, &nat, sizeof(nat));
	judge_checks(&v);
	for (size_t i = 0; i < n_fault_table; i++)
		fault_table[i]->test(&v, fault_table[i]);
	view_finish(&v);
	judge_because(&v);
	judge_kinds(&v);
	judge_keepalive(&v);
	judge_needs(&v);
	judge_contacts(&v);
	view_close(&v);
}
