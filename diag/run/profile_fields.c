/* The schema table of profile files, and how each type of field is read and written. */
#include "profile_fields.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sallyport/keepalive.h"
#include "sallyport/text.h"
#include "sallyport/wifi.h"

const char *const section_names[SECTION_COUNT] = { "profile", "controls", "target", "kind",
							"led" };

#define P(key, type, member, req) { SECTION_PROFILE, key, type, offsetof(struct profile, member), req, 0, 1e12 }
#define C(key, type, member) { SECTION_CONTROLS, key, type, offsetof(struct profile, member), false, 0, 0 }
#define T(key, type, member, req, lo, hi) \
	{ SECTION_TARGET, key, type, offsetof(struct profile_target, member), req, lo, hi }
#define K(key, type, member, req) { SECTION_KIND, key, type, offsetof(struct profile_kind, member), req, 0, 1e7 }
#define L(key, type, member, req) { SECTION_LED, key, type, offsetof(struct profile_led, member), req, 0, 0 }

const struct field profile_fields[] = {
	P("name", FIELD_TEXT, name, true),
	P("title", FIELD_TEXT, title, true),
	P("cloud", FIELD_TEXT, cloud, true),
	P("summary", FIELD_TEXT, summary, true),
	P("source", FIELD_TEXT, source, true),
	P("date", FIELD_TEXT, date, true),
	P("probe_ids", FIELD_LIST, probe_ids, false),
	P("keepalive_bytes", FIELD_REAL, keepalive_bytes, false),
	P("plan_bytes_per_month", FIELD_REAL, plan_bytes_per_month, false),
	P("plan_devices", FIELD_REAL, plan_devices, false),
	C("names", FIELD_LIST, control_names),
	C("resolvers", FIELD_LIST, control_resolvers),
	C("same_port", FIELD_PEERS, same_port),
	C("never", FIELD_LIST, never),
	T("title", FIELD_TEXT, title, true, 0, 0),
	T("probe", FIELD_TEXT, probe, true, 0, 0),
	T("transport", FIELD_TRANSPORT, transport, true, 0, 0),
	T("port", FIELD_PORT, port, true, 1, 65535),
	T("name", FIELD_TEXT, name, false, 0, 0),
	T("allow", FIELD_TEXT, allow, false, 0, 0),
	T("operator", FIELD_TEXT, operator, true, 0, 0),
	T("why", FIELD_TEXT, why, true, 0, 0),
	T("required", FIELD_BOOL, required, true, 0, 0),
	T("people", FIELD_BOOL, people, false, 0, 0),
	T("families", FIELD_FAMILIES, families, true, 0, 0),
	T("key", FIELD_KEY, key, false, 0, 0),
	T("cid_extension", FIELD_UINT, cid_ext, false, 0, 65535),
	T("echo", FIELD_BOOL, echo, false, 0, 0),
	T("greeting_bytes", FIELD_UINT, greeting_bytes, false, 1, 4096),
	T("url", FIELD_TEXT, url, false, 0, 0),
	T("expect_status", FIELD_UINT, expect_status, false, 100, 599),
	T("expect_body", FIELD_TEXT, expect_body, false, 0, 0),
	T("ack_timeout_s", FIELD_REAL, ack_timeout_s, false, 0.1, 3600),
	T("ack_random_factor", FIELD_REAL, ack_random_factor, false, 1, 10),
	T("max_retransmit", FIELD_UINT, max_retransmit, false, 0, KEEPALIVE_MAX_RETRANSMIT),
	T("ping_answer_s", FIELD_REAL, ping_answer_s, false, 0, 3600),
	T("ping_reconnect_s", FIELD_REAL, ping_reconnect_s, false, 0, 3600),
	T("ping_bytes", FIELD_REAL, ping_bytes, false, 0, 1e6),
	T("ping_bytes_cid", FIELD_REAL, ping_bytes_cid, false, 0, 1e6),
	T("ping_max_s", FIELD_REAL, ping_max_s, false, 0, 1e6),
	T("ping_source", FIELD_TEXT, ping_source, false, 0, 0),
	T("source", FIELD_TEXT, source, false, 0, 0),
	K("title", FIELD_TEXT, title, true),
	K("current", FIELD_BOOL, current, true),
	K("needs", FIELD_LIST, needs, true),
	K("radios", FIELD_LIST, radios, false),
	K("interfaces", FIELD_LIST, interfaces, false),
	K("wifi_yes", FIELD_TRAITS, wifi_yes, false),
	K("wifi_maybe", FIELD_TRAITS, wifi_maybe, false),
	K("wifi_no", FIELD_TRAITS, wifi_no, false),
	K("wifi_note", FIELD_TEXT, wifi_note, false),
	K("wifi_eap", FIELD_LIST, wifi_eap, false),
	K("wifi_eap_tls", FIELD_LIST, wifi_eap_tls, false),
	K("wifi_source", FIELD_TEXT, wifi_source, false),
	K("keepalive_s", FIELD_REAL, keepalive_s, false),
	K("keepalive_ethernet_s", FIELD_REAL, keepalive_ethernet_s, false),
	K("keepalive_wifi_s", FIELD_REAL, keepalive_wifi_s, false),
	K("keepalive_before_s", FIELD_REAL, keepalive_before_s, false),
	K("keepalive_fixed", FIELD_BOOL, keepalive_fixed, false),
	K("keepalive_call", FIELD_TEXT, keepalive_call, false),
	K("keepalive_since", FIELD_TEXT, keepalive_since, false),
	K("source", FIELD_TEXT, source, false),
	L("title", FIELD_TEXT, title, true),
	L("meaning", FIELD_TEXT, meaning, true),
	L("explains", FIELD_LIST, explains, false),
	L("source", FIELD_TEXT, source, true),
};
const size_t n_profile_fields = sizeof(profile_fields) / sizeof(profile_fields[0]);

/* The next item of a comma-separated list, trimmed, in the arena; NULL at the end. */
static char *next_item(struct arena *a, const char **at)
{
	const char *s = *at;
	while (*s == ',' || isspace((unsigned char)*s))
		s++;
	if (!*s)
		return NULL;
	size_t n = strcspn(s, ",");
	*at = s + n;
	while (n && isspace((unsigned char)s[n - 1]))
		n--;
	char *item = arena_alloc(a, n + 1);
	memcpy(item, s, n);
	return item;
}

static int set_list(struct arena *a, struct text_list *out, const char *value, struct sp_error *err)
{
	struct text_list list = { 0 };
	for (char *item; (item = next_item(a, &value));) {
		if (list.n == PROFILE_MAX_LIST)
			return sp_error_set(err, SP_E_LIMIT, "more than %d items", PROFILE_MAX_LIST);
		list.v[list.n++] = item;
	}
	*out = list;
	return 0;
}

static int number(const char *value, double min, double max, double *out, struct sp_error *err)
{
	char *end;
	errno = 0;
	double v = strtod(value, &end);
	if (end == value || *end || errno || !(v >= min && v <= max))
		return sp_error_set(err, SP_E_RANGE, "'%s' is not a number from %.0f to %.0f", value,
				    min, max);
	*out = v;
	return 0;
}

static int set_uint(unsigned *out, const char *value, double min, double max, struct sp_error *err)
{
	double v;
	int e = number(value, min, max, &v, err);
	if (e)
		return e;
	if (v != (double)(unsigned)v)
		return sp_error_set(err, SP_E_RANGE, "'%s' is not a whole number", value);
	*out = (unsigned)v;
	return 0;
}

static int set_bool(bool *out, const char *value, struct sp_error *err)
{
	if (strcmp(value, "yes") && strcmp(value, "no"))
		return sp_error_set(err, SP_E_SYNTAX, "'%s' is neither yes nor no", value);
	*out = value[0] == 'y';
	return 0;
}

static int set_families(struct arena *a, unsigned *out, const char *value, struct sp_error *err)
{
	unsigned bits = 0;
	for (char *item; (item = next_item(a, &value));) {
		if (strcmp(item, "ipv4") && strcmp(item, "ipv6"))
			return sp_error_set(err, SP_E_SYNTAX, "'%s' is neither ipv4 nor ipv6", item);
		bits |= item[3] == '4' ? FAMILY_4 : FAMILY_6;
	}
	*out = bits;
	return bits ? 0 : sp_error_set(err, SP_E_SYNTAX, "no family given");
}

static int set_traits(struct arena *a, uint32_t *out, const char *value, struct sp_error *err)
{
	uint32_t bits = 0;
	for (char *item; (item = next_item(a, &value));) {
		int trait = wifi_trait_by_word(item);
		if (trait < 0)
			return sp_error_set(err, SP_E_SYNTAX, "'%s' is nothing a Wi-Fi network asks "
					    "(open, wep, wpa2, wpa3, wpa2-enterprise, n-only ...)", item);
		bits |= WIFI_BIT(trait);
	}
	*out = bits;
	return 0;
}

/* The DER key and, right behind it in struct profile_target, its length. */
static int set_key(uint8_t *key, size_t *len, const char *value, struct sp_error *err)
{
	size_t n = strlen(value) / 2;
	if (!n || n > PROFILE_KEY_MAX || text_unhex(value, key, n))
		return sp_error_set(err, SP_E_SYNTAX, "key is not hex of 1 to %d bytes", PROFILE_KEY_MAX);
	*len = n;
	return 0;
}

/* "host:port operator words" */
static int set_peer(struct profile_control *out, char *item, struct sp_error *err)
{
	char *colon = strchr(item, ':'), *space = strchr(item, ' ');
	if (!colon || !space || space < colon)
		return sp_error_set(err, SP_E_SYNTAX, "'%s' is not HOST:PORT OPERATOR", item);
	*colon = *space = '\0';
	unsigned port = 0;
	int e = set_uint(&port, colon + 1, 1, 65535, err);
	*out = (struct profile_control){ item, (uint16_t)port, space + 1 };
	return e;
}

static int set_peers(struct arena *a, struct profile *p, const char *value, struct sp_error *err)
{
	size_t n = 0;
	for (char *item; (item = next_item(a, &value)); n++) {
		if (n == PROFILE_MAX_LIST)
			return sp_error_set(err, SP_E_LIMIT, "more than %d peers", PROFILE_MAX_LIST);
		int e = set_peer(&p->same_port[n], item, err);
		if (e)
			return e;
	}
	p->n_same_port = n;
	return 0;
}

int field_set(struct arena *a, const struct field *f, void *base, const char *value,
	      struct sp_error *err)
{
	void *at = (char *)base + f->offset;
	unsigned u = 0;
	int e;
	switch (f->type) {
	case FIELD_TEXT:
		*(const char **)at = arena_strdup(a, value);
		return *value ? 0 : sp_error_set(err, SP_E_SYNTAX, "'%s' is empty", f->key);
	case FIELD_LIST:
		return set_list(a, at, value, err);
	case FIELD_BOOL:
		return set_bool(at, value, err);
	case FIELD_REAL:
		return number(value, f->min, f->max, at, err);
	case FIELD_UINT:
		return set_uint(at, value, f->min, f->max, err);
	case FIELD_PORT:
		e = set_uint(&u, value, f->min, f->max, err);
		if (!e)
			*(uint16_t *)at = (uint16_t)u;
		return e;
	case FIELD_TRANSPORT:
		if (strcmp(value, "udp") && strcmp(value, "tcp"))
			return sp_error_set(err, SP_E_SYNTAX, "'%s' is neither udp nor tcp", value);
		*(enum transport *)at = value[0] == 'u' ? TRANSPORT_UDP : TRANSPORT_TCP;
		return 0;
	case FIELD_FAMILIES:
		return set_families(a, at, value, err);
	case FIELD_KEY:
		return set_key(at, &((struct profile_target *)base)->key_len, value, err);
	case FIELD_PEERS:
		return set_peers(a, base, value, err);
	case FIELD_TRAITS:
		return set_traits(a, at, value, err);
	}
	return SP_E_UNKNOWN;
}

static const char *get_list(struct arena *a, const struct text_list *l)
{
	const char *s = NULL;
	for (size_t i = 0; i < l->n; i++)
		s = s ? arena_printf(a, "%s, %s", s, l->v[i]) : l->v[i];
	return s;
}

static const char *get_peers(struct arena *a, const struct profile *p)
{
	const char *s = NULL;
	for (size_t i = 0; i < p->n_same_port; i++) {
		const struct profile_control *c = &p->same_port[i];
		s = arena_printf(a, "%s%s%s:%u %s", s ? s : "", s ? ", " : "", c->name, c->port,
				 c->operator);
	}
	return s;
}

static const char *get_traits(struct arena *a, uint32_t bits)
{
	const char *s = NULL;
	for (int i = 0; i < WIFI_TRAIT_COUNT; i++)
		if (bits & WIFI_BIT(i))
			s = arena_printf(a, "%s%s%s", s ? s : "", s ? ", " : "", wifi_trait_words[i]);
	return s;
}

static const char *get_key(struct arena *a, const struct profile_target *t)
{
	if (!t->key_len)
		return NULL;
	char *s = arena_alloc(a, 2 * t->key_len + 1);
	text_hex(s, 2 * t->key_len + 1, t->key, t->key_len);
	return s;
}

const char *field_get(struct arena *a, const struct field *f, const void *base)
{
	const void *at = (const char *)base + f->offset;
	static const char *const families[] = { NULL, "ipv4", "ipv6", "ipv4, ipv6" };
	switch (f->type) {
	case FIELD_TEXT: return *(const char *const *)at;
	case FIELD_LIST: return get_list(a, at);
	case FIELD_BOOL: return *(const bool *)at ? "yes" : f->required ? "no" : NULL;
	case FIELD_REAL: return *(const double *)at != 0 ? arena_printf(a, "%.17g", *(const double *)at) : NULL;
	case FIELD_UINT: return *(const unsigned *)at ? arena_printf(a, "%u", *(const unsigned *)at) : NULL;
	case FIELD_PORT: return arena_printf(a, "%u", *(const uint16_t *)at);
	case FIELD_TRANSPORT: return *(const enum transport *)at == TRANSPORT_UDP ? "udp" : "tcp";
	case FIELD_FAMILIES: return families[*(const unsigned *)at & 3];
	case FIELD_KEY: return get_key(a, base);
	case FIELD_PEERS: return get_peers(a, base);
	case FIELD_TRAITS: return get_traits(a, *(const uint32_t *)at);
	}
	return NULL;
}
