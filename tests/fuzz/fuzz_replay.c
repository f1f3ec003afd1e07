/* Recorded streams as an attacker would write them. */
#include <stdint.h>
#include <stdio.h>

#include "sallyport/journal.h"

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n);

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	struct run *r = NULL;
	struct replay_notes notes;
	struct sp_error err;
	FILE *in = n ? fmemopen((void *)(uintptr_t)p, n, "r") : NULL;
	if (!in)
		return 0;
	if (replay_read(in, "fuzz", NULL, &r, &notes, &err) == 0)
		run_free(r);
	fclose(in);
	return 0;
}
