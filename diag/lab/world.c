/* The far side's addresses, and which of them a name of the profile has: pure. */
#include <string.h>
#include <strings.h>

#include "diag/lab/inside.h"
#include "sallyport/text.h"

void lab_world_init(struct lab_world *w, const struct profile *p, const struct lab_knobs *knobs,
		    const char *dir)
{
	*w = (struct lab_world){
		.profile = p,
		.knobs = *knobs,
		.resolver = addr_v4(192, 168, 77, 1),
		.resolver6 = {6, {0xfd, 0, 0, 0x77, [15] = 1}}, /* fd00:77::1 */
		.cloud_udp = addr_v4(198, 51, 100, 10),
		.cloud_tcp = addr_v4(198, 51, 100, 11),
		.web = addr_v4(198, 51, 100, 20),
		.ntp = addr_v4(198, 51, 100, 30),
		.portal = addr_v4(198, 51, 100, 40), /* the second page has the next one */
		.other = addr_v4(198, 51, 100, 50),
		.forged = addr_v4(203, 0, 113, 66),
		.gone = addr_v4(198, 51, 100, 99),
	};
	text_copy(w->dir, sizeof(w->dir), dir);
}

/* The target's name, or the host of its URL. */
static const char *host_of(const struct profile_target *t, char out[HOSTNAME_MAX + 1])
{
	static const char scheme[] = "http://";
	if (!t->url || strncmp(t->url, scheme, sizeof(scheme) - 1))
		return t->name ? t->name : "";
	const char *host = t->url + sizeof(scheme) - 1;
	size_t n = strcspn(host, ":/?");
	text_copy(out, n < HOSTNAME_MAX ? n + 1 : HOSTNAME_MAX + 1, host);
	return out;
}

/* name is `pattern`, or ends in it behind a dot. A leading {id} stands for any one label. */
static bool name_matches(const char *name, const char *pattern)
{
	const char *rest = strncmp(pattern, "{id}.", 5) == 0 ? pattern + 5 : pattern;
	size_t n = strlen(name), r = strlen(rest);
	if (!r || n < r || strcasecmp(name + n - r, rest) != 0)
		return false;
	return n == r ? rest == pattern : name[n - r - 1] == '.';
}

static bool first_of_its_probe(const struct profile *p, size_t target)
{
	for (size_t i = 0; i < target; i++)
		if (strcmp(p->targets[i].probe, p->targets[target].probe) == 0)
			return false;
	return true;
}

static struct addr address_of(const struct lab_world *w, size_t target)
{
	static const struct {
		const char *probe;
		size_t offset;
	} rows[] = {
		{"dtls-device", offsetof(struct lab_world, cloud_udp)},
		{"tcp-greeting", offsetof(struct lab_world, cloud_tcp)},
		{"ntp", offsetof(struct lab_world, ntp)},
		{"http", offsetof(struct lab_world, portal)},
	};
	const char *probe = w->profile->targets[target].probe;
	struct addr a = w->web;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		if (strcmp(probe, rows[i].probe) == 0)
			memcpy(&a, (const char *)w + rows[i].offset, sizeof(a));
	if (strcmp(probe, "http") == 0 && !first_of_its_probe(w->profile, target))
		a.b[3]++; /* pages of different operators are on two machines */
	return a;
}

bool lab_world_lookup(const struct lab_world *w, const char *name, struct addr *out)
{
	const struct profile *p = w->profile;
	char host[HOSTNAME_MAX + 1];
	for (size_t i = 0; i < p->n_targets; i++)
		if (name_matches(name, host_of(&p->targets[i], host))) {
			*out = address_of(w, i);
			return true;
		}
	bool known = false;
	for (size_t i = 0; i < p->control_names.n; i++)
		known |= name_matches(name, p->control_names.v[i]);
	for (size_t i = 0; i < p->n_same_port; i++)
		known |= name_matches(name, p->same_port[i].name);
	if (known)
		*out = w->other;
	return known;
}

static const char *names_row(struct arena *a, const char *text, const struct lab_world *w,
			     const char *role, const char *name)
{
	char at[ADDR_STRLEN];
	struct addr found;
	const char *below = strncmp(name, "{id}.", 5) == 0 ? name + 5 : name;
	/* what a row says must be what the lab's own resolver says */
	if (!lab_world_lookup(w, arena_printf(a, "%s%s", below == name ? "" : "id.", below), &found))
		return text;
	return arena_printf(a, "%s%s %s %s\n", text, addr_format(&found, at), role, below);
}

const char *lab_world_names(struct arena *a, const struct lab_world *w)
{
	const struct profile *p = w->profile;
	char host[HOSTNAME_MAX + 1], at[ADDR_STRLEN];
	const char *text = arena_printf(a, "%s resolver .\n", addr_format(&w->resolver, at));
	for (size_t i = 0; i < p->control_resolvers.n; i++)
		text = arena_printf(a, "%s%s resolver-elsewhere .\n", text, p->control_resolvers.v[i]);
	for (size_t i = 0; i < p->n_targets; i++)
		text = names_row(a, text, w, p->targets[i].probe, host_of(&p->targets[i], host));
	for (size_t i = 0; i < p->control_names.n; i++)
		text = names_row(a, text, w, "control", p->control_names.v[i]);
	for (size_t i = 0; i < p->n_same_port; i++)
		text = names_row(a, text, w, "control", p->same_port[i].name);
	return text;
}

uint16_t lab_world_port(const struct lab_world *w, const char *probe, uint16_t fallback)
{
	for (size_t i = 0; i < w->profile->n_targets; i++)
		if (strcmp(w->profile->targets[i].probe, probe) == 0)
			return w->profile->targets[i].port;
	return fallback;
}
