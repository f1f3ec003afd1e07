/* The status LED of the devices: which of its patterns follows from this report, and which has a
 * cause of its own. The patterns and what explains them are the profile's. */
#include <string.h>

#include "parts.h"
#include "sallyport/judge.h"
#include "sallyport/profile.h"

static bool fits(const struct kind_verdict *k, const char *word)
{
	const struct fault *f = k->because ? fault_by_name(k->because) : NULL;
	return strcmp(kind_state_names[k->state], word) == 0 ||
	       (f && (strcmp(f->slug, word) == 0 || strcmp(f->family, word) == 0));
}

/* The first kind that counts and whose answer shows as this pattern. */
static const struct kind_verdict *explained_by(const struct run *r, const struct profile_led *led)
{
	for (size_t i = 0; i < r->n_kinds; i++)
		for (size_t k = 0; r->kinds[i].counts && k < led->explains.n; k++)
			if (fits(&r->kinds[i], led->explains.v[k]))
				return &r->kinds[i];
	return NULL;
}

static void explained(struct doc *d, const char **others)
{
	const struct profile *p = d->run->profile;
	for (size_t i = 0; i < p->n_leds; i++) {
		const struct profile_led *led = &p->leds[i];
		const struct kind_verdict *k = explained_by(d->run, led);
		const struct fault *f = k && k->because ? fault_by_name(k->because) : NULL;
		if (k)
			doc_part(d, &(struct doc_part){ .prefix = "  ", .indent = 4 },
				 doc_printf(d, "%s: %s%s%s%s", led->title, led->meaning, f ? " (" : "",
					    f ? f->title : "", f ? ")" : ""));
		else
			*others = doc_join(d, *others, led->title);
	}
}

void text_leds(struct doc *d)
{
	const char *others = "";
	if (!d->run->profile->n_leds)
		return;
	doc_heading(d, "STATUS LED OF THE DEVICES (what this report explains)");
	explained(d, &others);
	if (*others)
		doc_part(d, &(struct doc_part){ .prefix = "  ", .indent = 4 },
			 doc_printf(d, "It does not explain: %s.", others));
}
