/*
 * Profiles from INI text and back. inih splits the lines; the schema table (profile_fields.c)
 * decides what they mean. inih's callback knows no line numbers in Debian's build, and says nothing
 * of a section that comes twice, so the reader that feeds it counts lines and notes sections.
 */
#include "sallyport/profile.h"

#include <ini.h>
#include <stdio.h>
#include <string.h>

#include "profile_fields.h"
#include "sallyport/text.h"

enum {
	MAX_SECTIONS = 2 + PROFILE_MAX_TARGETS + PROFILE_MAX_KINDS,
	SECTION_NAME_MAX = 49, /* inih cuts longer ones */
};

struct seen_section {
	char name[SECTION_NAME_MAX + 1];
	unsigned line;
	bool fields[128];
};
struct parse {
	struct arena *arena;
	const char *label, *text;
	size_t n, at;
	unsigned line;
	const char *line_start;
	size_t line_len; /* the text need not end in a NUL */
	struct profile *p;
	struct seen_section sections[MAX_SECTIONS];
	size_t n_sections; /* the last one is being read */
	struct sp_error *err;
	int error;
};

static int fail_at(struct parse *ps, size_t column, const char *text)
{
	if (!ps->error)
		ps->error = sp_error_at(ps->err, SP_E_SYNTAX, ps->label, ps->line, (unsigned)column, "%s",
					text);
	return 0; /* inih: 0 is an error */
}

/* At the first place in the line where `where` stands. */
static int fail(struct parse *ps, const char *where, const char *text)
{
	const char *at = NULL;
	if (where && ps->line_len)
		at = memmem(ps->line_start, ps->line_len, where, strlen(where));
	return fail_at(ps, at ? (size_t)(at - ps->line_start) + 1 : 1, text);
}

/* Notes the section that a line "[name]" opens; false when there may be no such section now. */
static bool note_section(struct parse *ps, const char *line)
{
	const char *name = line + strspn(line, " \t") + 1;
	size_t n = strcspn(name, "]\n");
	if (n > SECTION_NAME_MAX || ps->n_sections == MAX_SECTIONS)
		return fail(ps, "[", n > SECTION_NAME_MAX ? "section name is too long"
							    : "too many sections");
	struct seen_section *s = &ps->sections[ps->n_sections];
	*s = (struct seen_section){ .line = ps->line };
	memcpy(s->name, name, n);
	for (size_t i = 0; i < ps->n_sections; i++)
		if (strcmp(ps->sections[i].name, s->name) == 0)
			return fail(ps, "[", "a second section of this name");
	ps->n_sections++;
	return true;
}

static bool printable(struct parse *ps, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		unsigned char c = (unsigned char)ps->line_start[i];
		bool ends_line = c == '\n' || (c == '\r' && i + 1 >= ps->line_len);
		if ((c < 0x20 && c != '\t' && !ends_line) || c >= 0x7f)
			return fail_at(ps, i + 1, "only printable ASCII is allowed");
	}
	return true;
}

/* fgets over memory. A line that does not fit inih's buffer is refused, not split. */
static char *read_line(char *out, int cap, void *ctx)
{
	struct parse *ps = ctx;
	if (ps->at >= ps->n || ps->error)
		return NULL;
	ps->line++;
	ps->line_start = ps->text + ps->at;
	const char *nl = memchr(ps->line_start, '\n', ps->n - ps->at);
	size_t len = nl ? (size_t)(nl - ps->line_start) + 1 : ps->n - ps->at;
	ps->line_len = len - (nl != NULL);
	ps->at += len;
	if (!printable(ps, len))
		return NULL;
	if (len >= (size_t)cap) {
		fail(ps, NULL, "line is too long (at most 198 characters)");
		return NULL;
	}
	for (size_t i = 0; i < len; i++) /* a value holds no tab */
		out[i] = ps->line_start[i] == '\t' ? ' ' : ps->line_start[i];
	out[len] = '\0';
	return out[strspn(out, " \t")] != '[' || note_section(ps, out) ? out : NULL;
}

static struct profile_target *target_named(struct parse *ps, const char *name)
{
	struct profile *p = ps->p;
	int i = profile_target_by_section(p, name);
	if (i >= 0)
		return &p->targets[i];
	if (p->n_targets == PROFILE_MAX_TARGETS)
		return NULL;
	p->targets[p->n_targets].section = arena_strdup(ps->arena, name);
	return &p->targets[p->n_targets++];
}

static struct profile_kind *kind_named(struct parse *ps, const char *name)
{
	struct profile *p = ps->p;
	int i = profile_kind_by_id(p, name);
	if (i >= 0)
		return &p->kinds[i];
	if (p->n_kinds == PROFILE_MAX_KINDS)
		return NULL;
	p->kinds[p->n_kinds].id = arena_strdup(ps->arena, name);
	return &p->kinds[p->n_kinds++];
}

static struct profile_led *led_named(struct parse *ps, const char *name)
{
	struct profile *p = ps->p;
	for (size_t i = 0; i < p->n_leds; i++)
		if (strcmp(p->leds[i].id, name) == 0)
			return &p->leds[i];
	if (p->n_leds == PROFILE_MAX_LEDS)
		return NULL;
	p->leds[p->n_leds].id = arena_strdup(ps->arena, name);
	return &p->leds[p->n_leds++];
}

/* "target cloud-udp" -> its struct; *which tells the kind of section. NULL: unknown or full. */
static void *section_base(struct parse *ps, const char *section, enum section *which)
{
	const char *space = strchr(section, ' ');
	size_t n = space ? (size_t)(space - section) : strlen(section);
	const char *name = space ? space + 1 : "";
	for (unsigned i = 0; i < SECTION_COUNT; i++) {
		if (strlen(section_names[i]) != n || strncmp(section_names[i], section, n))
			continue;
		*which = (enum section)i;
		if (i == SECTION_TARGET)
			return *name ? target_named(ps, name) : NULL;
		if (i == SECTION_KIND)
			return *name ? kind_named(ps, name) : NULL;
		if (i == SECTION_LED)
			return *name ? led_named(ps, name) : NULL;
		return *name ? NULL : ps->p;
	}
	return NULL;
}

static const struct field *field_named(enum section s, const char *key, size_t *index)
{
	for (size_t i = 0; i < n_profile_fields; i++)
		if (profile_fields[i].section == s && strcmp(profile_fields[i].key, key) == 0) {
			*index = i;
			return &profile_fields[i];
		}
	return NULL;
}

static int on_value(void *ctx, const char *section, const char *key, const char *value)
{
	struct parse *ps = ctx;
	char text[400];
	enum section which = SECTION_PROFILE;
	if (!ps->n_sections)
		return fail(ps, key, "a key before the first section");
	void *base = section_base(ps, section, &which);
	if (!base) {
		snprintf(text, sizeof(text),
			 "section [%s] is unknown or one too many (profile, controls, target NAME, "
			 "kind NAME, led NAME)", section);
		return fail(ps, NULL, text);
	}
	size_t i;
	const struct field *f = field_named(which, key, &i);
	bool *seen = ps->sections[ps->n_sections - 1].fields;
	if (!f || seen[i]) {
		snprintf(text, sizeof(text), "%s '%s' in section [%s]",
			 f ? "a second" : "unknown key", key, section);
		return fail(ps, key, text);
	}
	seen[i] = true;
	struct sp_error why = { 0 };
	if (field_set(ps->arena, f, base, value, &why)) {
		snprintf(text, sizeof(text), "%s: %s", key, why.text);
		return fail(ps, *value ? value : key, text);
	}
	return 1;
}

static const char *check_stem(struct arena *a, const struct profile_target *t)
{
	if (strcmp(t->probe, "ntp") == 0)
		return "ntp";
	if (strcmp(t->probe, "http") == 0)
		return "portal";
	return arena_printf(a, "%s%u", t->transport == TRANSPORT_UDP ? "udp" : "tcp", t->port);
}

/* What a section must have; a number or a choice has no value that would show it was not given. */
static int check_given(struct parse *ps)
{
	for (size_t i = 0; i < ps->n_sections; i++) {
		const struct seen_section *s = &ps->sections[i];
		size_t word = strcspn(s->name, " ");
		for (size_t k = 0; k < n_profile_fields; k++) {
			const struct field *f = &profile_fields[k];
			const char *kind = section_names[f->section];
			if (f->required && !s->fields[k] && strlen(kind) == word &&
			    strncmp(kind, s->name, word) == 0)
				return sp_error_at(ps->err, SP_E_SYNTAX, ps->label, s->line, 1,
						   "[%s] lacks '%s'", s->name, f->key);
		}
	}
	return 0;
}

/* The line of the section that an error text begins with ("[target x] ..."); else the first. */
static unsigned section_line(const struct parse *ps, const char *error)
{
	for (size_t i = 0; i < ps->n_sections; i++) {
		size_t n = strlen(ps->sections[i].name);
		if (error[0] == '[' && strncmp(error + 1, ps->sections[i].name, n) == 0 && error[n + 1] == ']')
			return ps->sections[i].line;
	}
	return 1;
}

int profile_parse(struct arena *a, const char *label, const char *text, size_t n,
		  const struct profile **out, struct sp_error *err)
{
	if (n > PROFILE_MAX_BYTES)
		return sp_error_at(err, SP_E_LIMIT, label, 0, 0, "larger than %d bytes", PROFILE_MAX_BYTES);
	struct parse ps = { .arena = a, .label = label, .text = text, .n = n, .line_start = "",
			    .p = arena_alloc(a, sizeof(struct profile)), .err = err };
	int bad_line = ini_parse_stream(read_line, &ps, on_value, &ps);
	if (ps.error)
		return ps.error;
	if (bad_line) {
		ps.line = (unsigned)(bad_line > 0 ? bad_line : 0);
		ps.line_len = 0;
		fail(&ps, NULL, "neither [section] nor key = value");
		return ps.error;
	}
	if (check_given(&ps))
		return SP_E_SYNTAX;
	struct sp_error why = { 0 };
	if (profile_check(a, ps.p, &why))
		return sp_error_at(err, SP_E_SYNTAX, label, section_line(&ps, why.text), 1, "%s", why.text);
	for (size_t i = 0; i < ps.p->n_targets; i++)
		ps.p->targets[i].check = check_stem(a, &ps.p->targets[i]);
	*out = ps.p;
	return 0;
}

/* Keys without blanks around '=', so that whatever fitted a line when read fits again. */
static const char *format_section(struct arena *a, enum section s, const char *name,
				  const void *base)
{
	const char *text = arena_printf(a, "[%s%s%s]\n", section_names[s], name ? " " : "",
					name ? name : "");
	for (size_t i = 0; i < n_profile_fields; i++) {
		const struct field *f = &profile_fields[i];
		const char *v = f->section == s ? field_get(a, f, base) : NULL;
		if (v)
			text = arena_printf(a, "%s%s=%s\n", text, f->key, v);
	}
	return text;
}

const char *profile_format(struct arena *a, const struct profile *p)
{
	const char *text = arena_printf(a, "%s%s", format_section(a, SECTION_PROFILE, NULL, p),
					format_section(a, SECTION_CONTROLS, NULL, p));
	for (size_t i = 0; i < p->n_targets; i++)
		text = arena_printf(a, "%s%s", text,
				    format_section(a, SECTION_TARGET, p->targets[i].section,
						   &p->targets[i]));
	for (size_t i = 0; i < p->n_kinds; i++)
		text = arena_printf(a, "%s%s", text,
				    format_section(a, SECTION_KIND, p->kinds[i].id, &p->kinds[i]));
	for (size_t i = 0; i < p->n_leds; i++)
		text = arena_printf(a, "%s%s", text,
				    format_section(a, SECTION_LED, p->leds[i].id, &p->leds[i]));
	return text;
}

const struct profile *profile_with_key(struct arena *a, const struct profile *p, const uint8_t *der,
				       size_t n)
{
	struct profile *copy = arena_memdup(a, p, sizeof(*p));
	for (size_t i = 0; i < copy->n_targets; i++) {
		struct profile_target *t = &copy->targets[i];
		if (strcmp(t->probe, "dtls-device") || n > sizeof(t->key))
			continue;
		memset(t->key, 0, sizeof(t->key));
		memcpy(t->key, der, n);
		t->key_len = n;
	}
	return copy;
}

int profile_target_by_section(const struct profile *p, const char *section)
{
	for (size_t i = 0; i < p->n_targets; i++)
		if (strcmp(p->targets[i].section, section) == 0)
			return (int)i;
	return -1;
}

int profile_kind_by_id(const struct profile *p, const char *id)
{
	for (size_t i = 0; i < p->n_kinds; i++)
		if (strcmp(p->kinds[i].id, id) == 0)
			return (int)i;
	return -1;
}

const char *profile_target_name(struct arena *a, const struct profile *p,
				const struct profile_target *t, size_t which)
{
	if (!t->name)
		return NULL;
	const char *id = strstr(t->name, "{id}");
	if (!id)
		return t->name;
	const char *fill = which < p->probe_ids.n ? p->probe_ids.v[which] : p->probe_ids.v[0];
	return arena_printf(a, "%.*s%s%s", (int)(id - t->name), t->name, fill, id + 4);
}
