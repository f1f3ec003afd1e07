/*
 * sallyport.report/1: one JSON object, its keys in a fixed order, written member by member so that
 * a long run needs no second copy of itself. docs/report.schema.json describes it.
 */
#include <errno.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "redact.h"
#include "sallyport/clock.h"
#include "sallyport/netinfo.h"
#include "sallyport/profile.h"
#include "sallyport/run_json.h"
#include "writers.h"

struct writer {
	const struct run *run;
	const struct report_options *options;
	FILE *out;
	int error;
};

/* Writes a value and drops it; with --redact by way of memory, where addresses are replaced. None
 * of the placeholders holds a character that JSON would escape. */
static void put(struct writer *w, json_t *value)
{
	if (!w->options->redact) {
		int e = run_json_write(value, w->out);
		w->error = w->error ? w->error : e;
		return;
	}
	char *text = NULL;
	size_t n = 0;
	FILE *mem = open_memstream(&text, &n);
	int e = mem ? run_json_write(value, mem) : -errno;
	if (mem)
		fclose(mem);
	if (!e && text) {
		struct arena *a = arena_new();
		fputs(redact_text(a, w->run, text), w->out);
		arena_free(a);
	}
	free(text);
	w->error = w->error ? w->error : e;
}

/* ---- members ------------------------------------------------------------------------------ */

static json_t *run_member(const struct writer *w)
{
	const struct run *r = w->run;
	char started[CLOCK_STRLEN];
	json_t *j = json_object();
	run_json_text(j, "id", r->id);
	run_json_text(j, "started", clock_format_utc(r->started_us, started));
	json_object_set_new(j, "utc_offset_s", json_integer(r->utc_offset_s));
	run_json_real(j, "duration_s", run_json_seconds(r->duration_us), true);
	run_json_text(j, "version", r->version);
	run_json_text(j, "profile", r->profile->name);
	run_json_text(j, "host", redact_host_name(r, w->options->redact));
	run_json_text(j, "ended", end_reason_names[r->ended]);
	json_object_set_new(j, "exit", json_integer(r->exit));
	return j;
}

static void put_addr(json_t *j, const char *key, const struct addr *a)
{
	char text[ADDR_STRLEN];
	run_json_text(j, key, a->family ? addr_format(a, text) : NULL);
}

/* Not left to redact_text(): an SSID can be any word of the report. */
static const char *ssid_of(const struct host_facts *h, bool redact)
{
	if (!h->wifi.ssid[0])
		return NULL;
	return redact ? "own-ssid" : h->wifi.ssid;
}

static json_t *wifi_member(const struct host_facts *h, bool redact)
{
	if (h->wifi.state == WIFI_NONE)
		return json_null();
	json_t *j = run_json_wifi(&h->wifi);
	run_json_text(j, "ssid", ssid_of(h, redact));
	return j;
}

static json_t *vantage(const struct host_facts *h, bool redact)
{
	static const struct mac none;
	char mac[MAC_STRLEN];
	bool has_mac = memcmp(&h->mac, &none, sizeof(none)) != 0;
	struct addr own = host_source(h, 4);
	own = own.family ? own : host_source(h, 6);
	json_t *j = json_object();
	run_json_text(j, "interface", h->ifname[0] ? h->ifname : NULL);
	run_json_text(j, "medium", h->medium[0] ? h->medium : NULL);
	run_json_text(j, "ssid", ssid_of(h, redact));
	run_json_text(j, "band", h->wifi.band ? wifi_band_names[h->wifi.band] : NULL);
	run_json_text(j, "mac", has_mac ? mac_format(&h->mac, mac) : NULL);
	json_object_set_new(j, "mac_randomised", has_mac ? json_boolean(h->mac_randomised) : json_null());
	put_addr(j, "address", &own);
	put_addr(j, "gateway", h->gateway4.family ? &h->gateway4 : &h->gateway6);
	json_object_set_new(j, "tunnel", json_boolean(strcmp(h->medium, "tunnel") == 0));
	json_object_set_new(j, "virtual", json_boolean(h->virtual_));
	json_object_set_new(j, "forwards", json_boolean(h->forwards));
	json_object_set_new(j, "as_client", run_json_client(&h->as_client));
	run_json_text(j, "forwards_for", h->lan[0] ? h->lan : NULL);
	run_json_text(j, "environment", h->environment[0] ? h->environment : NULL);
	run_json_text(j, "environment_name", h->environment_name[0] ? h->environment_name : NULL);
	run_json_text(j, "own_traffic_by", h->tunnel_takes ? h->tunnel : NULL);
	return j;
}

static json_t *link_member(const struct host_facts *h)
{
	json_t *j = json_object(), *list = json_array();
	char text[ADDR_STRLEN], whole[ADDR_STRLEN + 8];
	run_json_text(j, "operstate", h->operstate[0] ? h->operstate : NULL);
	json_object_set_new(j, "carrier", json_boolean(h->carrier));
	json_object_set_new(j, "mtu", json_integer(h->mtu));
	for (size_t i = 0; i < h->n_addrs; i++) {
		snprintf(whole, sizeof(whole), "%s/%u", addr_format(&h->addrs[i].addr, text),
			 h->addrs[i].prefix);
		json_array_append_new(list, json_string(whole));
	}
	json_object_set_new(j, "addresses", list);
	return j;
}

/* Resolvers that this host asks and no device does. */
static json_t *stubs(const struct host_facts *h)
{
	json_t *list = json_array();
	for (size_t i = 0; i < h->n_stubs; i++) {
		json_t *one = json_object();
		put_addr(one, "address", &h->stubs[i].addr);
		run_json_text(one, "why", h->stubs[i].why);
		json_array_append_new(list, one);
	}
	return list;
}

static json_t *network_member(const struct writer *w)
{
	const struct host_facts *h = w->run->host;
	json_t *j = json_object(), *resolvers = json_array(), *routes = json_array();
	char text[ADDR_STRLEN];
	json_object_set_new(j, "vantage", vantage(h, w->options->redact));
	json_object_set_new(j, "wifi", wifi_member(h, w->options->redact));
	json_object_set_new(j, "link", link_member(h));
	for (size_t i = 0; i < h->n_resolvers; i++)
		json_array_append_new(resolvers, json_string(addr_format(&h->resolvers[i], text)));
	json_object_set_new(j, "resolvers", resolvers);
	run_json_text(j, "resolver_source", h->resolver_source[0] ? h->resolver_source : NULL);
	json_object_set_new(j, "own_resolvers", stubs(h));
	for (size_t i = 0; i < h->n_others; i++) {
		json_t *one = json_object();
		run_json_text(one, "interface", h->others[i].ifname);
		put_addr(one, "gateway", &h->others[i].gateway);
		json_object_set_new(one, "metric", json_integer(h->others[i].metric));
		json_array_append_new(routes, one);
	}
	json_object_set_new(j, "other_routes", routes);
	return j;
}

static json_t *nat_member(const struct writer *w)
{
	return run_json_nat(w->run->nat);
}

static json_t *kinds_member(const struct writer *w)
{
	return run_json_kinds(w->run);
}

static json_t *keepalive_member(const struct writer *w)
{
	return run_json_keepalive(w->run);
}

static json_t *needs_member(const struct writer *w)
{
	return run_json_needs(w->run);
}

static json_t *check_item(const struct run *r, size_t i)
{
	return run_json_check(NULL, &r->checks[i]);
}

static json_t *observation_item(const struct run *r, size_t i)
{
	return run_json_observation(NULL, r->obs[i]);
}

static json_t *verdict_item(const struct run *r, size_t i)
{
	return run_json_verdict(NULL, &r->verdicts[i]);
}

static json_t *contact_item(const struct run *r, size_t i)
{
	const struct contact *c = &r->contacted[i];
	json_t *j = json_object();
	run_json_text(j, "name", c->name);
	run_json_text(j, "address", c->address);
	json_object_set_new(j, "port", json_integer(c->port));
	run_json_text(j, "proto", c->proto);
	json_object_set_new(j, "packets", json_integer((json_int_t)c->packets));
	json_object_set_new(j, "bytes", json_integer((json_int_t)c->bytes));
	run_json_text(j, "operator", c->operator);
	run_json_text(j, "why", c->why);
	return j;
}

static json_t *not_tested_item(const struct run *r, size_t i)
{
	json_t *j = json_object();
	run_json_text(j, "what", r->not_tested[i].what);
	run_json_text(j, "why", r->not_tested[i].why);
	return j;
}

/* Either one value, or a list with one item a line; `count` is the offset of a size_t in the run. */
static const struct member {
	const char *key;
	json_t *(*value)(const struct writer *w);
	json_t *(*item)(const struct run *r, size_t i);
	size_t count;
} members[] = {
	{ "run", run_member, NULL, 0 },
	{ "network", network_member, NULL, 0 },
	{ "kinds", kinds_member, NULL, 0 },
	{ "checks", NULL, check_item, offsetof(struct run, n_checks) },
	{ "observations", NULL, observation_item, offsetof(struct run, n_obs) },
	{ "verdicts", NULL, verdict_item, offsetof(struct run, n_verdicts) },
	{ "nat", nat_member, NULL, 0 },
	{ "keepalive", keepalive_member, NULL, 0 },
	{ "needs", needs_member, NULL, 0 },
	{ "contacted", NULL, contact_item, offsetof(struct run, n_contacted) },
	{ "not_tested", NULL, not_tested_item, offsetof(struct run, n_not_tested) },
};

static void put_member(struct writer *w, const struct member *m)
{
	fprintf(w->out, ",\n\"%s\":", m->key);
	if (m->value) {
		put(w, m->value(w));
		return;
	}
	size_t n = *(const size_t *)(const void *)((const char *)w->run + m->count);
	putc('[', w->out);
	for (size_t i = 0; i < n; i++) {
		fputs(i ? ",\n" : "\n", w->out);
		put(w, m->item(w->run, i));
	}
	putc(']', w->out);
}

int report_json_write(const struct run *r, const struct report_options *o, FILE *out)
{
	struct writer w = { .run = r, .options = o, .out = out };
	fputs("{\"schema\":\"sallyport.report/1\"", out);
	for (size_t i = 0; i < sizeof(members) / sizeof(members[0]); i++)
		put_member(&w, &members[i]);
	fputs("}\n", out);
	errno = 0;
	if ((fflush(out) || ferror(out)) && !w.error)
		w.error = -(errno ? errno : EIO);
	return w.error;
}
