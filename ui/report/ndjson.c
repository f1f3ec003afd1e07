/* A finished run as the stream that `check -o ndjson` writes while it happens. */
#include "sallyport/journal.h"
#include "sallyport/judge.h"
#include "sallyport/report.h"
#include "writers.h"

/* The journal judges on the way and leaves the run as it found it, so a shallow copy is enough to
 * keep the promise that a report does not change its run. */
int report_ndjson_write(const struct run *r, const struct report_options *o, FILE *out)
{
	(void)o;
	struct run copy = *r;
	struct journal *j = journal_open(&copy, out);
	for (copy.n_obs = 0; copy.n_obs < r->n_obs;) {
		const struct observation *next = r->obs[copy.n_obs++];
		journal_observation(j, next);
	}
	return journal_close(j);
}
