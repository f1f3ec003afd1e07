#include "sallyport/nearest.h"

#include <string.h>

enum { NAME_MAX_LETTERS = 48, FAR = 1000 };

static unsigned least(unsigned a, unsigned b)
{
	return a < b ? a : b;
}

/* Optimal string alignment: letters put in, left out, changed, or swapped with their neighbour. */
static unsigned distance(const char *a, const char *b)
{
	unsigned rows[3][NAME_MAX_LETTERS + 1] = { 0 };
	size_t na = strlen(a), nb = strlen(b);
	if (na > NAME_MAX_LETTERS || nb > NAME_MAX_LETTERS)
		return FAR;
	for (unsigned j = 0; j <= nb; j++)
		rows[0][j] = j;
	for (unsigned i = 1; i <= na; i++) {
		unsigned *now = rows[i % 3], *up = rows[(i + 2) % 3], *up2 = rows[(i + 1) % 3];
		now[0] = i;
		for (unsigned j = 1; j <= nb; j++) {
			now[j] = least(least(up[j], now[j - 1]) + 1, up[j - 1] + (a[i - 1] != b[j - 1]));
			if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
				now[j] = least(now[j], up2[j - 2] + 1);
		}
	}
	return rows[na % 3][nb];
}

void nearest_offer(struct nearest *n, const char *name)
{
	unsigned d = distance(n->word, name);
	/* One typing slip in a short word, one more in each five letters of a long one. */
	if (d <= 1 + strlen(n->word) / 5 && d < strlen(name) && (!n->best || d < n->distance)) {
		n->best = name;
		n->distance = d;
	}
}

const char *nearest_text(struct arena *a, const struct nearest *n)
{
	return n->best ? arena_printf(a, "; did you mean '%s'?", n->best) : "";
}
