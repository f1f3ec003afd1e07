/* Recorded streams as an attacker would write them, and the rules that are made from them. */
#include <assert.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sallyport/journal.h"
#include "sallyport/rules.h"

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n);

/* Whatever was recorded: lines of a comment or of a command, and nothing a shell or nft could take
 * for more. */
static void check_rules(const char *text)
{
	for (const char *line = text; *line; line += strcspn(line, "\n") + 1) {
		assert(strchr("#\n", *line) || !strncmp(line, "add ", 4) || !strncmp(line, "flush ", 6) ||
		       !strncmp(line, "delete element ", 15));
		for (const char *c = line; *c != '\n'; c++)
			assert(*c >= 0x20 && *c < 0x7f && !strchr("`\\$", *c));
	}
}

static void make_rules(const struct run *r)
{
	const struct ruleset *s;
	struct sp_error err;
	char *text = NULL;
	size_t n = 0;
	for (size_t i = 0; i < n_dialect_table && ruleset_make(r->arena, r, &s, &err) == 0; i++) {
		FILE *out = open_memstream(&text, &n);
		dialect_table[i].write(s, out);
		fclose(out);
		check_rules(text);
		free(text);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	struct run *r = NULL;
	struct replay_notes notes;
	struct sp_error err;
	FILE *in = n ? fmemopen((void *)(uintptr_t)p, n, "r") : NULL;
	if (!in)
		return 0;
	if (replay_read(in, "fuzz", NULL, &r, &notes, &err) == 0) {
		make_rules(r);
		run_free(r);
	}
	fclose(in);
	return 0;
}
