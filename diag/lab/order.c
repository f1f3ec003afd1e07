/*
 * What was asked for: "udp-port-blocked,ntp-blocked,delay=50" becomes one order. Changes add up;
 * a server can lie in one way only, so two faults that want one knob differently are an error.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "diag/lab/inside.h"
#include "sallyport/nearest.h"

/* The knobs that are choices; all enums of this ABI are unsigned int. */
static const struct {
	size_t offset;
	const char *what;
} choices[] = {
	{offsetof(struct lab_knobs, dns), "the resolver"},
	{offsetof(struct lab_knobs, ntp), "the time server"},
	{offsetof(struct lab_knobs, dtls), "the server on UDP 5684"},
	{offsetof(struct lab_knobs, greeting), "the server on TCP 5683"},
	{offsetof(struct lab_knobs, tls), "the servers on TCP 443"},
	{offsetof(struct lab_knobs, http), "the servers on TCP 80"},
	{offsetof(struct lab_knobs, proxy), "the web proxy"},
};
_Static_assert(sizeof(enum lab_dns) == sizeof(unsigned), "knobs are copied as unsigned");

static const struct {
	const char *name;
	size_t offset;
	double max;
} amounts[] = {
	{"delay", offsetof(struct lab_knobs, delay_ms), 10000},
	{"jitter", offsetof(struct lab_knobs, jitter_ms), 10000},
	{"loss", offsetof(struct lab_knobs, loss), 1},
	{"reorder", offsetof(struct lab_knobs, reorder), 1},
};

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

static int merge_choices(struct lab_knobs *to, const struct lab_fault *f, struct sp_error *err)
{
	for (size_t i = 0; i < COUNT(choices); i++) {
		unsigned have, want;
		memcpy(&have, (const char *)to + choices[i].offset, sizeof(have));
		memcpy(&want, (const char *)&f->knobs + choices[i].offset, sizeof(want));
		if (have && want && have != want)
			return sp_error_set(err, SP_E_USAGE,
					    "'%s' and a fault before it want %s to lie differently",
					    f->name, choices[i].what);
		if (want)
			memcpy((char *)to + choices[i].offset, &want, sizeof(want));
	}
	return 0;
}

static int no_fault(struct arena *a, const char *name, struct sp_error *err)
{
	struct nearest near = {.word = name};
	for (size_t i = 0; i < n_lab_fault_table; i++)
		nearest_offer(&near, lab_fault_table[i].name);
	return sp_error_set(err, SP_E_USAGE, "no fault '%s'%s (`sallyport lab list` shows them)",
			    name, nearest_text(a, &near));
}

static int add_fault(struct arena *a, struct lab_order *o, const char *name, struct sp_error *err)
{
	const struct lab_fault *f = NULL;
	for (size_t i = 0; i < n_lab_fault_table && !f; i++)
		if (strcmp(lab_fault_table[i].name, name) == 0)
			f = &lab_fault_table[i];
	if (!f)
		return no_fault(a, name, err);
	if (o->n_faults == LAB_FAULTS_MAX)
		return sp_error_set(err, SP_E_USAGE, "more than %d faults", LAB_FAULTS_MAX);
	o->faults[o->n_faults++] = f;
	o->shape |= f->shape;
	o->knobs.clock_offset_s += f->knobs.clock_offset_s;
	return merge_choices(&o->knobs, f, err);
}

static int add_without(struct arena *a, struct lab_order *o, const char *value,
		       struct sp_error *err)
{
	for (size_t n;; value += n + 1) {
		n = strcspn(value, "+");
		const char *name = arena_printf(a, "%.*s", (int)n, value);
		bool known = false;
		for (size_t i = 0; i < n_lab_servers; i++)
			known |= strcmp(lab_servers[i]->name, name) == 0;
		if (!known)
			return sp_error_set(err, SP_E_USAGE, "no server '%s' to leave out", name);
		if (o->n_without == LAB_FAULTS_MAX)
			return sp_error_set(err, SP_E_USAGE, "too many servers to leave out");
		o->without[o->n_without++] = name;
		if (!value[n])
			return 0;
	}
}

static int add_seed(struct lab_order *o, const char *value, struct sp_error *err)
{
	char *end;
	errno = 0;
	unsigned long long v = strtoull(value, &end, 0);
	if (end == value || *end || errno || *value == '-')
		return sp_error_set(err, SP_E_USAGE, "seed: '%s' is not a whole number", value);
	o->seed = v;
	o->seeded = true;
	return 0;
}

static int add_amount(struct lab_order *o, const char *name, const char *value,
		      struct sp_error *err)
{
	for (size_t i = 0; i < COUNT(amounts); i++) {
		if (strcmp(amounts[i].name, name))
			continue;
		char *end;
		double v = strtod(value, &end);
		bool plain = value[strspn(value, "0123456789.")] == '\0';
		if (end == value || *end || !plain || !(v >= 0 && v <= amounts[i].max))
			return sp_error_set(err, SP_E_USAGE,
					    "%s: '%s' is not a number from 0 to %g", name, value,
					    amounts[i].max);
		memcpy((char *)&o->knobs + amounts[i].offset, &v, sizeof(v));
		return 0;
	}
	return sp_error_set(err, SP_E_USAGE,
			    "'%s' is none of delay, jitter, loss, reorder, seed, without", name);
}

static int add_word(struct arena *a, struct lab_order *o, char *word, struct sp_error *err)
{
	char *value = strchr(word, '=');
	if (!value)
		return add_fault(a, o, word, err);
	*value++ = '\0';
	if (strcmp(word, "without") == 0)
		return add_without(a, o, value, err);
	if (strcmp(word, "seed") == 0)
		return add_seed(o, value, err);
	return add_amount(o, word, value, err);
}

int lab_order_parse(struct arena *a, const char *text, struct lab_order *out, struct sp_error *err)
{
	struct lab_order o = {0};
	if (!*text)
		return sp_error_set(err, SP_E_USAGE,
				    "no fault named (`sallyport lab list` shows them)");
	for (size_t n; *text; text += n + (text[n] == ',')) {
		n = strcspn(text, ",");
		int e = add_word(a, &o, arena_printf(a, "%.*s", (int)n, text), err);
		if (e)
			return e;
	}
	const struct lab_knobs *k = &o.knobs;
	if (k->delay_ms > 0 || k->jitter_ms > 0 || k->loss > 0 || k->reorder > 0)
		o.shape |= LAB_RELAY;
	*out = o;
	return 0;
}

bool lab_order_without(const struct lab_order *o, const char *server)
{
	for (size_t i = 0; i < o->n_without; i++)
		if (strcmp(o->without[i], server) == 0)
			return true;
	return false;
}

const char *lab_order_changes(struct arena *a, const struct lab_order *o, enum lab_node node,
			      enum lab_change_kind kind)
{
	const char *text = NULL;
	for (size_t i = 0; i < o->n_faults; i++) {
		const struct lab_change *c = o->faults[i]->changes;
		for (size_t k = 0; k < LAB_CHANGES_MAX && c[k].kind; k++)
			if (c[k].node == node && c[k].kind == kind)
				text = arena_printf(a, "%s%s\n", text ? text : "", c[k].text);
	}
	return text;
}
