/* Cross-checks of a whole profile: what single fields cannot show. */
#include <string.h>

#include "profile_fields.h"
#include "sallyport/text.h"
#include "sallyport/wifi.h"

static const char *const known_probes[] = { "dtls-device", "tcp-greeting", "tls", "ntp", "http" };

static bool is_hostname(const char *s)
{
	struct hostname h;
	return s && hostname_parse(wire_text_str(s), &h) == 0;
}

static int check_required(const struct field *f, const void *base, const char *where,
			  struct arena *a, struct sp_error *err)
{
	if (f->required && !field_get(a, f, base))
		return sp_error_set(err, SP_E_SYNTAX, "[%s%s%s] lacks '%s'", section_names[f->section],
				    *where ? " " : "", where, f->key);
	return 0;
}

static int check_section(struct arena *a, enum section s, const char *name, const void *base,
			 struct sp_error *err)
{
	for (size_t i = 0; i < n_profile_fields; i++) {
		int e = profile_fields[i].section == s
				? check_required(&profile_fields[i], base, name, a, err) : 0;
		if (e)
			return e;
	}
	return 0;
}

static bool probe_known(const char *probe)
{
	for (size_t i = 0; i < sizeof(known_probes) / sizeof(known_probes[0]); i++)
		if (strcmp(probe, known_probes[i]) == 0)
			return true;
	return false;
}

/* An allow-list wording: a host name, or "*." before one. */
static bool allow_ok(const char *s)
{
	return is_hostname(strncmp(s, "*.", 2) ? s : s + 2);
}

static int check_ping(const struct profile_target *t, struct sp_error *err)
{
	if (t->max_retransmit && (t->ack_timeout_s <= 0 || t->ack_random_factor <= 0))
		return sp_error_set(err, SP_E_SYNTAX, "[target %s] max_retransmit needs ack_timeout_s and "
				    "ack_random_factor", t->section);
	if ((t->ping_bytes > 0 || t->ping_answer_s > 0 || t->max_retransmit) && !t->ping_source)
		return sp_error_set(err, SP_E_SYNTAX, "[target %s] what is said of its pings needs a "
				    "ping_source", t->section);
	return 0;
}

static int check_target(struct arena *a, const struct profile *p, const struct profile_target *t,
			struct sp_error *err)
{
	int e = check_section(a, SECTION_TARGET, t->section, t, err);
	e = e ? e : check_ping(t, err);
	if (e)
		return e;
	const char *where = t->section;
	if (!probe_known(t->probe))
		return sp_error_set(err, SP_E_SYNTAX, "[target %s] probe '%s' is unknown "
				    "(dtls-device, tcp-greeting, tls, ntp, http)", where, t->probe);
	if (strcmp(t->probe, "http") == 0) {
		if (!t->url || strncmp(t->url, "http://", 7) || !t->expect_status)
			return sp_error_set(err, SP_E_SYNTAX,
					    "[target %s] needs url = http://... and expect_status", where);
		return 0;
	}
	if (t->name && strstr(t->name, "{id}") && !p->probe_ids.n)
		return sp_error_set(err, SP_E_SYNTAX, "[target %s] uses {id}, but [profile] has no "
				    "probe_ids", where);
	if (!t->name || !is_hostname(profile_target_name(a, p, t, 0)))
		return sp_error_set(err, SP_E_SYNTAX, "[target %s] name is not a host name", where);
	if (t->allow && !allow_ok(t->allow))
		return sp_error_set(err, SP_E_SYNTAX, "[target %s] allow is neither a host name nor "
				    "*. and one", where);
	if (strcmp(t->probe, "tcp-greeting") == 0 && !t->greeting_bytes)
		return sp_error_set(err, SP_E_SYNTAX, "[target %s] lacks greeting_bytes", where);
	return 0;
}

static int check_radio(const struct profile_kind *k, struct sp_error *err)
{
	for (size_t i = 0; i < k->radios.n; i++)
		if (!wifi_band_by_name(k->radios.v[i]))
			return sp_error_set(err, SP_E_SYNTAX, "[kind %s] radios: '%s' is not 2.4, 5 or 6", k->id,
					    k->radios.v[i]);
	if ((k->wifi_yes & k->wifi_maybe) | (k->wifi_yes & k->wifi_no) | (k->wifi_maybe & k->wifi_no))
		return sp_error_set(err, SP_E_SYNTAX, "[kind %s] says two things about one kind of Wi-Fi "
				    "network (wifi_yes, wifi_maybe, wifi_no)", k->id);
	if (k->wifi_maybe && !k->wifi_note)
		return sp_error_set(err, SP_E_SYNTAX, "[kind %s] wifi_maybe needs a wifi_note", k->id);
	return 0;
}

static int check_kind(struct arena *a, const struct profile *p, const struct profile_kind *k,
		      struct sp_error *err)
{
	int e = check_section(a, SECTION_KIND, k->id, k, err);
	if (e)
		return e;
	if (k->keepalive_before_s > 0 && !k->keepalive_since)
		return sp_error_set(err, SP_E_SYNTAX, "[kind %s] keepalive_before_s needs keepalive_since", k->id);
	for (size_t i = 0; i < k->needs.n; i++)
		if (profile_target_by_section(p, k->needs.v[i]) < 0)
			return sp_error_set(err, SP_E_SYNTAX, "[kind %s] needs '%s', which is no target",
					    k->id, k->needs.v[i]);
	return check_radio(k, err);
}

static int check_controls(const struct profile *p, struct sp_error *err)
{
	struct addr a;
	for (size_t i = 0; i < p->control_names.n; i++)
		if (!is_hostname(p->control_names.v[i]))
			return sp_error_set(err, SP_E_SYNTAX, "[controls] names: '%s' is not a host name",
					    p->control_names.v[i]);
	for (size_t i = 0; i < p->control_resolvers.n; i++)
		if (addr_parse(p->control_resolvers.v[i], &a))
			return sp_error_set(err, SP_E_SYNTAX, "[controls] resolvers: '%s' is not an address",
					    p->control_resolvers.v[i]);
	for (size_t i = 0; i < p->never.n; i++)
		if (addr_parse(p->never.v[i], &a))
			return sp_error_set(err, SP_E_SYNTAX, "[controls] never: '%s' is not an address",
					    p->never.v[i]);
	for (size_t i = 0; i < p->n_same_port; i++)
		if (!is_hostname(p->same_port[i].name))
			return sp_error_set(err, SP_E_SYNTAX, "[controls] same_port: '%s' is not a host name",
					    p->same_port[i].name);
	return 0;
}

int profile_check(struct arena *a, const struct profile *p, struct sp_error *err)
{
	int e = check_section(a, SECTION_PROFILE, "", p, err);
	for (size_t i = 0; !e && i < p->n_targets; i++)
		e = check_target(a, p, &p->targets[i], err);
	for (size_t i = 0; !e && i < p->n_kinds; i++)
		e = check_kind(a, p, &p->kinds[i], err);
	for (size_t i = 0; !e && i < p->n_leds; i++)
		e = check_section(a, SECTION_LED, p->leds[i].id, &p->leds[i], err);
	if (!e)
		e = check_controls(p, err);
	if (!e && (!p->n_targets || !p->n_kinds))
		e = sp_error_set(err, SP_E_SYNTAX, "a profile needs at least one [target ...] and one [kind ...]");
	return e;
}
