#include "dialects.h"

#include <string.h>

const struct dialect dialect_table[] = {
	{ "nftables", "nftables: sets and a chain for the table of your own forward chain",
	  nftables_write },
};
const size_t n_dialect_table = sizeof(dialect_table) / sizeof(dialect_table[0]);

const struct dialect *dialect_by_name(const char *name)
{
	for (size_t i = 0; i < n_dialect_table; i++)
		if (strcmp(dialect_table[i].name, name) == 0)
			return &dialect_table[i];
	return NULL;
}
