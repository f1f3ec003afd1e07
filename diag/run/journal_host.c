/* A table of the scalar facts serves both directions; the three lists are written out. */
#include "journal_host.h"

#include <string.h>

#include "journal_client.h"
#include "sallyport/run_json.h"
#include "sallyport/text.h"

enum fact_type { FACT_TEXT, FACT_NUMBER, FACT_BOOL, FACT_MAC, FACT_ADDR };

static const struct fact {
	const char *key;
	enum fact_type type;
	size_t offset, size;
} facts[] = {
#define F(key, type, member)                                                                       \
	{ key, type, offsetof(struct host_facts, member), sizeof(((struct host_facts *)NULL)->member) }
	F("ifname", FACT_TEXT, ifname),       F("ifindex", FACT_NUMBER, ifindex),
	F("medium", FACT_TEXT, medium),       F("virtual", FACT_BOOL, virtual_),
	F("mac", FACT_MAC, mac),              F("mac_randomised", FACT_BOOL, mac_randomised),
	F("environment", FACT_TEXT, environment),
	F("environment_name", FACT_TEXT, environment_name),
	F("operstate", FACT_TEXT, operstate),
	F("carrier", FACT_BOOL, carrier),     F("mtu", FACT_NUMBER, mtu),
	F("gateway4", FACT_ADDR, gateway4),   F("gateway6", FACT_ADDR, gateway6),
	F("route4", FACT_BOOL, route4),       F("route6", FACT_BOOL, route6),
	F("forwards", FACT_BOOL, forwards),   F("lan", FACT_TEXT, lan),
	F("tunnel", FACT_TEXT, tunnel),       F("tunnel_takes", FACT_BOOL, tunnel_takes),
	F("resolver_source", FACT_TEXT, resolver_source),
	F("proxy", FACT_TEXT, proxy),         F("proxy_source", FACT_TEXT, proxy_source),
	F("wpad_url", FACT_TEXT, wpad_url),   F("domain", FACT_TEXT, domain),
	F("portal_api", FACT_TEXT, portal_api),
#undef F
};
enum { N_FACTS = sizeof(facts) / sizeof(facts[0]) };

static json_t *addr_json(const struct addr *a)
{
	char text[ADDR_STRLEN];
	return a->family ? json_string(addr_format(a, text)) : json_null();
}

static void put_fact(json_t *j, const struct fact *f, const struct host_facts *h)
{
	const void *at = (const char *)h + f->offset;
	char mac[MAC_STRLEN];
	switch (f->type) {
	case FACT_TEXT: run_json_text(j, f->key, at); break;
	case FACT_NUMBER: json_object_set_new(j, f->key, json_integer(*(const unsigned *)at)); break;
	case FACT_BOOL: json_object_set_new(j, f->key, json_boolean(*(const bool *)at)); break;
	case FACT_MAC: run_json_text(j, f->key, mac_format(at, mac)); break;
	case FACT_ADDR: json_object_set_new(j, f->key, addr_json(at)); break;
	}
}

json_t *host_to_json(const struct host_facts *h)
{
	json_t *j = json_object(), *list = json_array();
	for (unsigned i = 0; i < N_FACTS; i++)
		put_fact(j, &facts[i], h);
	for (size_t i = 0; i < h->n_addrs; i++) {
		json_t *one = json_object();
		json_object_set_new(one, "address", addr_json(&h->addrs[i].addr));
		json_object_set_new(one, "prefix", json_integer(h->addrs[i].prefix));
		json_array_append_new(list, one);
	}
	json_object_set_new(j, "addresses", list);
	list = json_array();
	for (size_t i = 0; i < h->n_resolvers; i++)
		json_array_append_new(list, addr_json(&h->resolvers[i]));
	json_object_set_new(j, "resolvers", list);
	list = json_array();
	for (size_t i = 0; i < h->n_stubs; i++) {
		json_t *one = json_object();
		json_object_set_new(one, "address", addr_json(&h->stubs[i].addr));
		run_json_text(one, "why", h->stubs[i].why);
		json_array_append_new(list, one);
	}
	json_object_set_new(j, "stubs", list);
	list = json_array();
	for (size_t i = 0; i < h->n_others; i++) {
		json_t *one = json_object();
		run_json_text(one, "ifname", h->others[i].ifname);
		json_object_set_new(one, "gateway", addr_json(&h->others[i].gateway));
		json_object_set_new(one, "metric", json_integer(h->others[i].metric));
		json_array_append_new(list, one);
	}
	json_object_set_new(j, "other_routes", list);
	json_object_set_new(j, "as_client", run_json_client(&h->as_client));
	if (h->wifi.state != WIFI_NONE)
		json_object_set_new(j, "wifi", run_json_wifi(&h->wifi));
	return j;
}

static bool read_addr(const json_t *v, struct addr *out)
{
	return json_is_null(v) || (json_is_string(v) && addr_parse(json_string_value(v), out) == 0);
}

static bool read_number(const json_t *v, uint32_t max, uint32_t *out)
{
	if (!json_is_integer(v) || json_integer_value(v) < 0 || json_integer_value(v) > max)
		return false;
	*out = (uint32_t)json_integer_value(v);
	return true;
}

static bool read_text(const json_t *v, char *out, size_t cap)
{
	if (json_is_string(v))
		text_printable(out, cap, wire_text_str(json_string_value(v)));
	return json_is_string(v);
}

static bool read_bool(const json_t *v, bool *out)
{
	*out = json_is_true(v);
	return json_is_boolean(v);
}

static bool read_fact(const json_t *v, const struct fact *f, struct host_facts *h)
{
	void *at = (char *)h + f->offset;
	switch (f->type) {
	case FACT_TEXT: return read_text(v, at, f->size);
	case FACT_NUMBER: return read_number(v, UINT32_MAX, at);
	case FACT_BOOL: return read_bool(v, at);
	case FACT_MAC: return json_is_string(v) && mac_parse(json_string_value(v), at) == 0;
	case FACT_ADDR: return read_addr(v, at);
	}
	return false;
}

static bool read_host_addr(const json_t *v, struct host_facts *h, size_t i)
{
	struct host_addr *out = &h->addrs[i];
	uint32_t prefix = 0;
	bool ok = read_addr(json_object_get(v, "address"), &out->addr) && out->addr.family &&
		  read_number(json_object_get(v, "prefix"), out->addr.family == 4 ? 32 : 128, &prefix);
	out->prefix = prefix;
	h->n_addrs = i + 1;
	return ok;
}

static bool read_resolver(const json_t *v, struct host_facts *h, size_t i)
{
	h->n_resolvers = i + 1;
	return read_addr(v, &h->resolvers[i]) && h->resolvers[i].family;
}

static bool read_stub(const json_t *v, struct host_facts *h, size_t i)
{
	h->n_stubs = i + 1;
	return read_addr(json_object_get(v, "address"), &h->stubs[i].addr) && h->stubs[i].addr.family &&
	       read_text(json_object_get(v, "why"), h->stubs[i].why, sizeof(h->stubs[i].why));
}

static bool read_route(const json_t *v, struct host_facts *h, size_t i)
{
	struct host_route *out = &h->others[i];
	h->n_others = i + 1;
	return read_text(json_object_get(v, "ifname"), out->ifname, sizeof(out->ifname)) &&
	       read_addr(json_object_get(v, "gateway"), &out->gateway) &&
	       read_number(json_object_get(v, "metric"), UINT32_MAX, &out->metric);
}

static const struct list {
	const char *key;
	size_t max;
	bool (*read)(const json_t *v, struct host_facts *h, size_t i);
} lists[] = {
	{ "addresses", HOST_MAX_ADDRS, read_host_addr },
	{ "resolvers", HOST_MAX_RESOLVERS, read_resolver },
	{ "stubs", HOST_MAX_RESOLVERS, read_stub },
	{ "other_routes", HOST_MAX_ROUTES, read_route },
};

static bool read_list(const json_t *array, const struct list *l, struct host_facts *h)
{
	if (!array)
		return true;
	if (!json_is_array(array) || json_array_size(array) > l->max)
		return false;
	for (size_t i = 0; i < json_array_size(array); i++)
		if (!l->read(json_array_get(array, i), h, i))
			return false;
	return true;
}

int host_from_json(const json_t *j, struct host_facts *out, struct sp_error *err)
{
	struct host_facts h = { 0 };
	if (!json_is_object(j))
		return sp_error_set(err, SP_E_SYNTAX, "host is not an object");
	for (unsigned i = 0; i < N_FACTS; i++) {
		const json_t *v = json_object_get(j, facts[i].key);
		if (v && !read_fact(v, &facts[i], &h))
			return sp_error_set(err, SP_E_SYNTAX, "host.%s is damaged", facts[i].key);
	}
	for (unsigned i = 0; i < sizeof(lists) / sizeof(lists[0]); i++)
		if (!read_list(json_object_get(j, lists[i].key), &lists[i], &h))
			return sp_error_set(err, SP_E_SYNTAX, "host.%s is damaged", lists[i].key);
	const json_t *client = json_object_get(j, "as_client");
	if (client && !client_from_json(client, &h.as_client))
		return sp_error_set(err, SP_E_SYNTAX, "host.as_client is damaged");
	const json_t *wifi = json_object_get(j, "wifi");
	if (wifi && !wifi_from_json(wifi, &h.wifi))
		return sp_error_set(err, SP_E_SYNTAX, "host.wifi is damaged");
	*out = h;
	return 0;
}
