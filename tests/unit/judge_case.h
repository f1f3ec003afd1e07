/*
 * Runs made by hand for the tests of the judge: a profile, a plan and observations as the probes
 * write them, without any network. Included once per test program.
 */
#ifndef TESTS_JUDGE_CASE_H
#define TESTS_JUDGE_CASE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "sallyport/clock.h"
#include "sallyport/err.h"
#include "sallyport/judge.h"
#include "sallyport/netinfo.h"
#include "sallyport/plan.h"
#include "sallyport/profile.h"
#include "sallyport/settings.h"

enum { CASE_TRIES = 6, CASE_HOPS = 5 };

static const double case_schedule_s[CASE_TRIES] = {0, 0.5, 1.5, 3, 6, 9};

struct judge_case {
	struct run *run;
	struct settings settings;
	struct host_facts host;
	struct observation next; /* under construction */
	uint16_t src_port;
	uint32_t order;
};

/* 2026-11-23T12:00:00Z */
static const int64_t case_started_us = INT64_C(1795435200000000);

static inline void case_open_profile(struct judge_case *c, const char *file, const char *kind)
{
	struct sp_error err;
	*c = (struct judge_case){.src_port = 40000};
	c->run = run_new();
	settings_defaults(c->run->arena, &c->settings);
	if (kind)
		c->settings.kinds = (struct text_list){{kind}, 1};
	c->host = (struct host_facts){.ifname = "eth0",
				      .operstate = "up",
				      .carrier = true,
				      .mtu = 1500,
				      .addrs = {{addr_v4(192, 168, 77, 10), 24}},
				      .n_addrs = 1,
				      .gateway4 = addr_v4(192, 168, 77, 1),
				      .route4 = true,
				      .resolvers = {addr_v4(192, 168, 77, 1)},
				      .n_resolvers = 1};
	c->run->host = &c->host;
	c->run->settings = &c->settings;
	c->run->started_us = case_started_us;
	c->run->ended = END_COMPLETE;
	assert_int_equal(profile_load(c->run->arena, file, &c->run->profile, &err), 0);
	assert_int_equal(plan_make(c->run, &err), 0);
}

static inline void case_open(struct judge_case *c, const char *kind)
{
	case_open_profile(c, "diag/profiles/particle-wifi.ini", kind);
}

static inline void case_close(struct judge_case *c)
{
	run_free(c->run);
}

static inline const struct check *case_check(struct judge_case *c, const char *section,
					     const char *suffix)
{
	int t = profile_target_by_section(c->run->profile, section);
	for (size_t i = 0; i < c->run->n_checks; i++) {
		const struct check *k = &c->run->checks[i];
		size_t n = strlen(k->id), m = strlen(suffix);
		if (k->target_index == t && strcmp(k->id, "path") && strcmp(k->id, "dns.name") &&
		    n >= m && strcmp(k->id + n - m, suffix) == 0)
			return k;
	}
	fail_msg("no check for %s%s", section, suffix);
	return NULL;
}

/* Starts an observation; case_end() adds it. */
static inline struct observation *case_begin(struct judge_case *c, const struct check *k,
					     uint32_t attempt, enum outcome outcome, double t_s)
{
	obs_begin(&c->next, k->id, k->target, attempt, outcome);
	c->next.t_us = (uint64_t)(t_s * 1e6);
	return &c->next;
}

static inline void case_end(struct judge_case *c)
{
	assert_non_null(run_append(c->run, &c->next));
}

static inline void case_flow(struct judge_case *c, const char *proto, const char *address,
			     uint16_t port)
{
	obs_text(&c->next, A_PROTO, proto);
	obs_text(&c->next, A_SRC, "192.168.77.10");
	obs_int(&c->next, A_SRC_PORT, ++c->src_port);
	obs_text(&c->next, A_ADDRESS, address);
	obs_int(&c->next, A_PORT, port);
	obs_text(&c->next, A_ROLE, "target");
	obs_int(&c->next, A_PACKETS, 1);
}

/* The address of each target in these runs; names of one service share one. */
static inline const char *case_address(struct judge_case *c, const char *section)
{
	static const struct {
		const char *section, *address;
	} known[] = {{"cloud-udp", "198.51.100.10"},
		     {"cloud-tcp", "198.51.100.11"},
		     {"ntp", "198.51.100.30"},
		     {"portal-a", "198.51.100.40"},
		     {"portal-b", "198.51.100.41"}};
	(void)c;
	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
		if (strcmp(section, known[i].section) == 0)
			return known[i].address;
	return "198.51.100.20";
}

static inline const struct profile_target *case_target(struct judge_case *c, const char *section)
{
	int t = profile_target_by_section(c->run->profile, section);
	assert_true(t >= 0);
	return &c->run->profile->targets[t];
}

/* The check that shows whether the target can be reached: for DTLS the hello. */
static inline const char *case_suffix(struct judge_case *c, const char *section)
{
	return strcmp(case_target(c, section)->probe, "dtls-device") ? "" : ".hello";
}

/* Plans again after a test has changed the settings or the host. */
static inline void case_replan(struct judge_case *c)
{
	struct sp_error err;
	assert_int_equal(plan_make(c->run, &err), 0);
}

/* One observation about the target's own packets. */
static inline struct observation *case_own(struct judge_case *c, const char *section,
					   const char *suffix, uint32_t attempt,
					   enum outcome outcome, double t_s)
{
	const struct profile_target *t = case_target(c, section);
	case_begin(c, case_check(c, section, suffix), attempt, outcome, t_s);
	case_flow(c, t->transport == TRANSPORT_UDP ? "udp" : "tcp", case_address(c, section),
		  t->port);
	return &c->next;
}

static inline void case_connect(struct judge_case *c, const char *section, uint32_t attempt,
				enum outcome outcome, double sent_s, double waited_ms)
{
	struct observation *o =
		case_own(c, section, "", attempt, outcome, sent_s + waited_ms / 1000);
	obs_text(o, A_PHASE, "connect");
	obs_real(o, A_WAITED_MS, waited_ms);
	if (outcome == OUTCOME_ANSWERED || outcome == OUTCOME_REFUSED)
		obs_real(o, A_RTT_MS, waited_ms);
	if (strcmp(case_target(c, section)->probe, "tls") == 0)
		obs_text(o, A_SNI, "real");
	case_end(c);
}

static inline void case_silent(struct judge_case *c, const char *section, unsigned tries)
{
	const struct profile_target *t = case_target(c, section);
	for (unsigned i = 0; i < tries; i++) {
		struct observation *o = case_own(c, section, case_suffix(c, section), i + 1,
						 OUTCOME_SILENT, case_schedule_s[i] + 2);
		if (t->transport == TRANSPORT_TCP)
			obs_text(o, A_PHASE, "connect");
		if (strcmp(t->probe, "tls") == 0)
			obs_text(o, A_SNI, "real");
		obs_real(o, A_WAITED_MS, 2000);
		case_end(c);
	}
}

static inline void case_refused(struct judge_case *c, const char *section)
{
	for (uint32_t i = 0; i < 3; i++)
		case_connect(c, section, i + 1, OUTCOME_REFUSED, case_schedule_s[i], 1);
}

static inline void case_icmp(struct judge_case *c, const char *section, enum outcome outcome,
			     int code, const char *from)
{
	for (uint32_t i = 0; i < 3; i++) {
		struct observation *o = case_own(c, section, case_suffix(c, section), i + 1, outcome,
						 case_schedule_s[i]);
		if (case_target(c, section)->transport == TRANSPORT_TCP)
			obs_text(o, A_PHASE, "connect");
		obs_int(o, A_ICMP_TYPE, 3);
		obs_int(o, A_ICMP_CODE, code);
		obs_text(o, A_ICMP_FROM, from);
		obs_bool(o, A_FROM_SELF, false);
		case_end(c);
	}
}

/* The connection opens (attempt n); case_phase() then says what came of it. */
static inline struct observation *case_phase(struct judge_case *c, const char *section,
					     uint32_t attempt, const char *phase,
					     enum outcome outcome, double t_s)
{
	case_connect(c, section, attempt, OUTCOME_ANSWERED, t_s, 1);
	struct observation *o = case_own(c, section, "", attempt, outcome,
					 t_s + (outcome == OUTCOME_SILENT ? 5 : 0.01));
	obs_text(o, A_PHASE, phase);
	obs_real(o, A_WAITED_MS, outcome == OUTCOME_SILENT ? 5000 : 10);
	return o;
}

static inline void case_greeting(struct judge_case *c, const char *section, uint32_t attempt,
				 enum outcome outcome, const char *greeting, int bytes)
{
	struct observation *o =
		case_phase(c, section, attempt, "greeting", outcome, attempt * 5.1 - 5.1);
	obs_text(o, A_GREETING, greeting);
	obs_int(o, A_GREETING_BYTES, bytes);
	case_end(c);
}

static inline void case_certificate(struct judge_case *c, const char *section, const char *verify,
				    const char *issuer)
{
	struct observation *o = case_phase(c, section, 1, "tls", OUTCOME_ANSWERED, 0.05);
	bool dates = !strcmp(verify, "expired") || !strcmp(verify, "not-yet-valid");
	bool named = strcmp(verify, "name-mismatch") != 0, ok = !strcmp(verify, "ok") || !named;
	obs_text(o, A_SNI, "real");
	obs_bool(o, A_CHAIN_OK, ok);
	obs_bool(o, A_CHAIN_OK_UNDATED, ok || dates);
	obs_bool(o, A_NAME_OK, named);
	obs_text(o, A_VERIFY, verify);
	obs_text(o, A_ISSUER, issuer);
	obs_text(o, A_SUBJECT, "CN=server");
	obs_text(o, A_NOT_BEFORE, "2026-10-01T00:00:00.000Z");
	obs_text(o, A_NOT_AFTER,
		 strcmp(verify, "expired") ? "2027-01-01T00:00:00.000Z"
					   : "2026-11-20T00:00:00.000Z");
	case_end(c);
}

static inline void case_page(struct judge_case *c, const char *section, int status,
			     const char *location, bool ok, double offset_s)
{
	char date[CLOCK_STRLEN];
	struct observation *o =
		case_phase(c, section, 1, "http", ok ? OUTCOME_ANSWERED : OUTCOME_MISMATCH, 0.02);
	int64_t now = case_started_us + (int64_t)o->t_us + (int64_t)(offset_s * 1e6);
	obs_int(o, A_STATUS, status);
	if (location)
		obs_text(o, A_LOCATION, location);
	obs_text(o, A_HTTP_DATE, clock_format_utc(now - now % 1000000, date));
	obs_bool(o, A_BODY_OK, ok);
	case_end(c);
}

static inline void case_ntp(struct judge_case *c, int stratum, int leap, const char *refid,
			    double offset_s)
{
	struct observation *o = case_own(c, "ntp", "", 1, OUTCOME_ANSWERED, 0.02);
	obs_int(o, A_STRATUM, stratum);
	obs_int(o, A_LEAP, leap);
	obs_text(o, A_REFID, refid);
	obs_bool(o, A_ORIGIN_OK, true);
	obs_real(o, A_RTT_MS, 2);
	if (stratum > 0 && stratum < 16)
		obs_real(o, A_OFFSET_MS, offset_s * 1000);
	case_end(c);
}

/* The server asks for its cookie: the port is open. */
static inline void case_hello(struct judge_case *c, const char *section, uint32_t attempt, double t_s)
{
	struct observation *o = case_own(c, section, ".hello", attempt, OUTCOME_ANSWERED, t_s);
	obs_text(o, A_DTLS, "hello-verify-request");
	obs_real(o, A_RTT_MS, 2);
	case_end(c);
}

/* What came of the second hello: verified, wrong-signature, alert, stalled ... */
static inline void case_identity(struct judge_case *c, const char *section, enum outcome outcome,
				 const char *word)
{
	obs_text(case_own(c, section, ".identity", 1, outcome, 0.02), A_IDENTITY, word);
	case_end(c);
}

static inline void case_dtls(struct judge_case *c, const char *section)
{
	case_hello(c, section, 1, 0.01);
	case_identity(c, section, OUTCOME_ANSWERED, "verified");
}

/* The authentic answer of one target. */
static inline void case_good(struct judge_case *c, const char *section)
{
	const char *probe = case_target(c, section)->probe;
	if (strcmp(probe, "dtls-device") == 0)
		case_dtls(c, section);
	else if (strcmp(probe, "tcp-greeting") == 0)
		case_greeting(c, section, 1, OUTCOME_ANSWERED, "nonce", 40);
	else if (strcmp(probe, "tls") == 0)
		case_certificate(c, section, "ok", "CN=Public CA");
	else if (strcmp(probe, "http") == 0)
		case_page(c, section, (int)case_target(c, section)->expect_status, NULL, true, 0);
	else
		case_ntp(c, 1, 0, "GPS", 0);
}

static inline const char *case_host(struct judge_case *c, const char *section)
{
	return profile_target_name(c->run->arena, c->run->profile, case_target(c, section), 0);
}

/* A question over UDP and what came of it; the rcode and addresses only of an answer. */
static inline struct observation *case_asked(struct judge_case *c, const struct check *k,
					     const char *resolver, const char *name,
					     enum outcome outcome, double t_s)
{
	case_begin(c, k, 1, outcome, t_s);
	case_flow(c, "udp", resolver, 53);
	if (strcmp(k->id, "dns.name") || strcmp(k->target, name))
		obs_text(&c->next, A_ROLE, "control");
	obs_text(&c->next, A_RESOLVER, resolver);
	obs_text(&c->next, A_NAME, name);
	obs_text(&c->next, A_QTYPE, "A");
	return &c->next;
}

static inline void case_reply(struct judge_case *c, const struct check *k, const char *resolver,
			      const char *name, int rcode, const char *addresses)
{
	case_asked(c, k, resolver, name, OUTCOME_ANSWERED, 0.001);
	obs_int(&c->next, A_RCODE, rcode);
	obs_text(&c->next, A_ANSWERS, addresses);
	case_end(c);
}

/* Good answers of the first resolver for everything but the host names in the list. */
static inline void case_names_but(struct judge_case *c, const char *const *except)
{
	for (size_t i = 0; i < c->run->n_checks; i++) {
		const struct check *k = &c->run->checks[i];
		bool left_out = k->resolver_index > 0;
		if (strcmp(k->id, "dns.resolver") == 0 && !left_out)
			case_reply(c, k, "192.168.77.1", "example.com", 0, "198.51.100.50");
		if (strcmp(k->id, "dns.name"))
			continue;
		for (const char *const *e = except; *e; e++)
			left_out |= strcmp(k->target, *e) == 0;
		const struct profile_target *t = &c->run->profile->targets[k->target_index];
		if (!left_out)
			case_reply(c, k, "192.168.77.1", k->target, 0, case_address(c, t->section));
	}
}

static inline void case_names(struct judge_case *c)
{
	case_names_but(c, (const char *const[]){NULL});
}

static inline void case_local(struct judge_case *c)
{
	static const char *const ids[] = {"link", "gateway"};
	for (size_t i = 0; i < 2; i++) {
		const struct check *k = run_check(c->run, ids[i], NULL);
		if (!k)
			continue;
		case_begin(c, k, 1, OUTCOME_ANSWERED, 0);
		case_end(c);
	}
}

/* An authentic answer of every target that is not in the list. */
static inline void case_targets_but(struct judge_case *c, const char *const *except)
{
	for (size_t i = 0; i < c->run->profile->n_targets; i++) {
		const char *section = c->run->profile->targets[i].section;
		bool left_out = false;
		for (const char *const *e = except; *e; e++)
			left_out |= strcmp(*e, section) == 0;
		if (!left_out)
			case_good(c, section);
	}
}

/* Link, gateway, names, and an authentic answer of every target that is not in the list. */
static inline void case_rest(struct judge_case *c, const char *const *except)
{
	case_local(c);
	case_names(c);
	case_targets_but(c, except);
}
#define CASE_REST(c, ...) case_rest(c, (const char *const[]){__VA_ARGS__, NULL})

/* Stepped packets to one target, suspect and control, as the path probe sends them. */
struct case_walk {
	const char *section;
	unsigned rounds;
	unsigned drop_after; /* the suspect dies beyond this hop; 0: never */
	bool drop_here;      /* the suspect never leaves this host */
	unsigned box_at;     /* the suspect is answered from this TTL on; 0: never */
	const char *box_reply;
	unsigned control_box_at;  /* the control too */
	unsigned mixed_at;        /* at this TTL another router answers the control; 0: never */
	bool routers_mute;        /* no Time Exceeded for either */
	const char *target_reply; /* what the suspect draws at the target; NULL: nothing */
	unsigned distance;
};

static inline void case_step(struct judge_case *c, const struct case_walk *w, unsigned round,
			     unsigned ttl, bool control)
{
	const struct profile_target *t = case_target(c, w->section);
	const char *proto = t->transport == TRANSPORT_UDP ? "udp" : "tcp";
	char series[2][16], hop[32];
	uint16_t ports[2] = {t->port, 443};
	unsigned box = control ? w->control_box_at : w->box_at;
	const char *reply = "time-exceeded";
	if (box && ttl >= box)
		reply = w->box_reply;
	else if (!control && (w->drop_here || (w->drop_after && ttl > w->drop_after)))
		reply = NULL;
	else if (ttl >= w->distance)
		reply = control ? "rst" : w->target_reply;
	else if (w->routers_mute)
		reply = NULL;
	for (int i = 0; i < 2; i++)
		snprintf(series[i], sizeof(series[i]), "%s:%u", proto, ports[i]);
	const struct check *path = run_check(c->run, "path", NULL);
	assert_non_null(path);
	case_begin(c, path, round, reply ? OUTCOME_ANSWERED : OUTCOME_SILENT, 2 + c->order * 0.01);
	case_flow(c, proto, case_address(c, w->section), ports[control]);
	obs_text(&c->next, A_ROLE, control ? "control" : "suspect");
	obs_text(&c->next, A_SERIES, series[control]);
	if (control)
		obs_text(&c->next, A_CONTROL_OF, series[0]);
	obs_int(&c->next, A_IP_TTL, ttl);
	obs_int(&c->next, A_ROUND, round);
	obs_int(&c->next, A_ORDER, ++c->order);
	if (reply) {
		snprintf(hop, sizeof(hop), "203.0.113.%u",
			 control && ttl == w->mixed_at ? 100 + ttl : ttl);
		obs_text(&c->next, A_REPLY, reply);
		if (strcmp(reply, "time-exceeded") == 0)
			obs_text(&c->next, A_HOP, hop);
	}
	case_end(c);
}

static inline void case_walk(struct judge_case *c, const struct case_walk *w)
{
	for (unsigned round = 1; round <= w->rounds; round++)
		for (unsigned turn = 0; turn < 2; turn++)
			for (unsigned ttl = 1; ttl <= w->distance; ttl++)
				case_step(c, w, round, ttl, (turn + round + w->rounds) % 2);
}

/* The sweep to the first target: packets die at every router before it. */
static inline void case_sweep(struct judge_case *c, unsigned distance)
{
	const struct check *path = run_check(c->run, "path", NULL);
	char hop[32];
	for (unsigned ttl = 1; ttl < distance; ttl++) {
		case_begin(c, path, 1, OUTCOME_ANSWERED, 0.1);
		case_flow(c, "udp", case_address(c, "cloud-udp"), 5684);
		obs_int(&c->next, A_IP_TTL, ttl);
		obs_text(&c->next, A_REPLY, "time-exceeded");
		snprintf(hop, sizeof(hop), "203.0.113.%u", ttl);
		obs_text(&c->next, A_HOP, hop);
		case_end(c);
	}
}

/* Judges the run; the verdict of that slug, hidden ones too, or NULL. */
static inline const struct verdict *case_judge(struct judge_case *c, const char *slug)
{
	judge_run(c->run);
	for (size_t i = 0; i < c->run->n_verdicts; i++)
		if (strcmp(c->run->verdicts[i].fault->slug, slug) == 0)
			return &c->run->verdicts[i];
	return NULL;
}

static inline unsigned case_count(const struct judge_case *c, const char *slug)
{
	unsigned n = 0;
	for (size_t i = 0; i < c->run->n_verdicts; i++)
		n += strcmp(c->run->verdicts[i].fault->slug, slug) == 0;
	return n;
}

/* The verdict is there, as sure as said, complete in words and with evidence that exists. */
static inline const struct verdict *case_expect(struct judge_case *c, const char *slug,
						enum confidence confidence, enum effect effect)
{
	const struct verdict *d = case_judge(c, slug);
	if (!d)
		fail_msg("no verdict %s", slug);
	assert_string_equal(confidence_names[d->confidence], confidence_names[confidence]);
	assert_int_equal(d->effect, effect);
	assert_true(d->summary && d->seen && d->who && d->remedy && d->confirm && d->impact);
	assert_true(d->n_evidence > 0 && (confidence == CONF_PROVEN || d->decide));
	for (size_t i = 0; i < d->n_evidence; i++)
		assert_true(d->evidence[i] >= 1 && d->evidence[i] <= c->run->n_obs);
	return d;
}

static inline enum state case_state(struct judge_case *c, const char *section)
{
	judge_run(c->run);
	return case_check(c, section, case_suffix(c, section))->state;
}

static inline void case_absent(struct judge_case *c, const char *slug)
{
	const struct verdict *d = case_judge(c, slug);
	if (d)
		fail_msg("%s (%s): %s", slug, confidence_names[d->confidence], d->summary);
}

/* Of these rows only the named ones hold; NULL ends a list. */
static inline void case_only(struct judge_case *c, const char *const *rows,
			     const char *const *these)
{
	for (; *rows; rows++) {
		bool wanted = false;
		for (const char *const *t = these; *t; t++)
			wanted |= strcmp(*t, *rows) == 0;
		if (!wanted)
			case_absent(c, *rows);
	}
}
#define CASE_NONE(c, rows) case_only(c, rows, (const char *const[]){NULL})
#define CASE_ONLY(c, rows, ...) case_only(c, rows, (const char *const[]){__VA_ARGS__, NULL})

#endif
