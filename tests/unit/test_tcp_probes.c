/*
 * The three TCP probes as a whole, on a real loop, against the lab's own servers on loopback. The
 * few functions of the runner that they use are made here.
 */
#include "far_side.h"

#include <assert.h>

#include "probes/probes.h"
#include "sallyport/clock.h"
#include "sallyport/tls_client.h"

struct probe {
	const struct probe_def *def;
	struct loop *loop;
	struct run *run;
	struct check check;
	const struct profile_target *target;
	struct addr answer; /* of every lookup; family 0: no such name */
	names_fn *fn;
	void *fn_ctx;
	struct loop_timer *resolver, *deadline;
	uint64_t deadline_ns;
	unsigned silent, impostor;
	uint32_t packets, budget;
	bool finished;
	void *state;
};

struct loop *probe_loop(struct probe *p)
{
	return p->loop;
}
uint64_t probe_now(struct probe *p)
{
	return loop_now_ns(p->loop);
}
struct run *probe_run(struct probe *p)
{
	return p->run;
}
const struct check *probe_check(struct probe *p)
{
	return &p->check;
}
const struct profile_target *probe_target(struct probe *p)
{
	return p->target;
}
struct sock_opts probe_sock_opts(struct probe *p)
{
	(void)p;
	return (struct sock_opts){.ttl = 0};
}
uint64_t probe_deadline_ns(struct probe *p)
{
	return p->deadline_ns;
}
void probe_observe(struct probe *p, const struct observation *o)
{
	assert_true(o->n_attrs < OBS_MAX_ATTRS);
	run_append(p->run, o);
}
bool probe_spend(struct probe *p, uint32_t packets, uint32_t bytes)
{
	(void)bytes;
	p->packets += packets;
	return p->packets <= p->budget;
}
uint64_t probe_slot(struct probe *p, const struct addr *dst)
{
	(void)dst;
	return probe_now(p);
}
void probe_suspect(struct probe *p, enum suspicion why, enum transport proto,
		   const struct endpoint *dst, struct bytes payload)
{
	assert_int_equal(proto, TRANSPORT_TCP);
	assert_true(dst->addr.family == 4 && !payload.n);
	*(why == SUSPECT_SILENT ? &p->silent : &p->impostor) += 1;
}
void probe_finish(struct probe *p)
{
	p->finished = true;
	loop_stop(p->loop);
}

static void on_resolved(void *ctx)
{
	struct probe *p = ctx;
	struct names_result r = {.reason = p->answer.family ? "ok" : "nxdomain",
				 .addrs = {p->answer},
				 .n_addrs = p->answer.family ? 1 : 0};
	p->fn(p->fn_ctx, &r);
}

void probe_resolve(struct probe *p, const char *name, uint8_t family, names_fn *fn, void *ctx)
{
	assert_true(family == 4 && *name);
	p->fn = fn;
	p->fn_ctx = ctx;
	loop_timer_set(p->resolver, 0);
}

static void out_of_time(void *ctx)
{
	struct probe *p = ctx;
	loop_stop(p->loop);
}

static struct settings settings = {.timeout_s = 2};

/* Runs one probe to its end, or to the deadline; the run stays for the caller to look at. */
static struct probe run_probe(const struct far_side *f, const struct probe_def *def,
			      unsigned target, struct addr answer, double budget_s)
{
	struct probe p = {.def = def,
			  .loop = loop_new(),
			  .run = run_new(),
			  .answer = answer,
			  .target = &f->profile.targets[target],
			  .budget = 500};
	p.run->profile = &f->profile;
	p.run->settings = &settings;
	p.check = (struct check){.id = p.target->check,
				 .probe = p.target->probe,
				 .target = p.target->name ? p.target->name : p.target->url};
	p.deadline_ns = loop_now_ns(p.loop) + (uint64_t)(budget_s * 1e9);
	p.deadline = loop_timer_add(p.loop, p.deadline_ns, out_of_time, &p);
	p.resolver = loop_timer_add(p.loop, UINT64_MAX / 4, on_resolved, &p);
	p.state = calloc(1, def->state_size);
	assert_int_equal(def->start(&p, p.state), 0);
	loop_run(p.loop);
	def->cancel(&p, p.state);
	loop_timer_del(p.resolver);
	loop_timer_del(p.deadline);
	assert_int_equal(loop_free(p.loop), 0); /* no socket, timer or lookup is left */
	free(p.state);
	tls_client_forget_store();
	return p;
}

/* The nth observation (from 1) of a phase, or NULL. */
static const struct observation *of_phase(const struct probe *p, const char *phase, unsigned n)
{
	for (size_t i = 0; i < p->run->n_obs; i++)
		if (obs_text_is(p->run->obs[i], A_PHASE, phase) && --n == 0)
			return p->run->obs[i];
	return NULL;
}

static unsigned count(const struct probe *p, const char *phase, enum outcome outcome)
{
	unsigned n = 0;
	for (size_t i = 0; i < p->run->n_obs; i++)
		n += obs_text_is(p->run->obs[i], A_PHASE, phase) &&
		     p->run->obs[i]->outcome == outcome;
	return n;
}

static void greetings(void **state)
{
	static const struct {
		enum lab_greeting how;
		enum outcome outcome;
		const char *word;
		int bytes;
		unsigned tries; /* connections */
	} rows[] = {
		{LAB_GREETING_HONEST, OUTCOME_ANSWERED, "nonce", 40, 1},
		{LAB_GREETING_TEXT, OUTCOME_MISMATCH, "text", 34, 1},
		{LAB_GREETING_TLS, OUTCOME_MISMATCH, "tls", 7, 1},
		{LAB_GREETING_HTTP, OUTCOME_MISMATCH, "http", 62, 1},
		{LAB_GREETING_SHORT, OUTCOME_MISMATCH, "short", 29, 1},
		{LAB_GREETING_LONG, OUTCOME_MISMATCH, "long", 64, 1},
		{LAB_GREETING_CLOSE, OUTCOME_RESET, "closed", 0, 2},
		{LAB_GREETING_SILENT, OUTCOME_SILENT, "silent", 0, 1},
	};
	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct far_side f;
		far_start(&f, &(struct lab_knobs){.greeting = rows[i].how});
		/* A short budget ends the waits for more: text, short and silent take it whole. */
		double budget = rows[i].how == LAB_GREETING_CLOSE ? 8 : 1.2;
		struct probe p = run_probe(&f, &tcp_greeting_probe, 0, f.world.cloud_tcp, budget);
		const struct observation *o = of_phase(&p, "greeting", 1);
		assert_true(p.finished);
		assert_int_equal(count(&p, "connect", OUTCOME_ANSWERED), rows[i].tries);
		assert_non_null(o);
		assert_int_equal(o->outcome, rows[i].outcome);
		assert_string_equal(obs_get_text(o, A_GREETING, ""), rows[i].word);
		assert_int_equal(obs_get_int(o, A_GREETING_BYTES, -1), rows[i].bytes);
		assert_int_equal(obs_get_int(o, A_PORT, 0), far_port(0));
		assert_true(obs_get_int(o, A_SRC_PORT, 0) > 0);
		assert_string_equal(obs_get_text(o, A_ADDRESS, ""), "127.0.0.11");
		assert_string_equal(obs_get_text(o, A_NAME, ""), "device.example");
		assert_int_equal(p.impostor,
				 rows[i].outcome == OUTCOME_ANSWERED ? 0 : rows[i].tries);
		if (rows[i].how == LAB_GREETING_CLOSE) {
			assert_string_equal(obs_get_text(o, A_REASON, ""), "fin");
			assert_int_equal(of_phase(&p, "greeting", 2)->attempt, 2);
		}
		run_free(p.run);
		far_stop(&f);
	}
}

static void nonce_time(void **state)
{
	struct far_side f;
	(void)state;
	far_start(&f, &(struct lab_knobs){.greeting = LAB_GREETING_HONEST});
	struct probe p = run_probe(&f, &tcp_greeting_probe, 0, f.world.cloud_tcp, 15);
	double waited = obs_get_real(of_phase(&p, "greeting", 1), A_WAITED_MS, -1);
	assert_true(waited >= 300 && waited < 500); /* the fixed wait and no more */
	assert_int_equal(p.run->n_obs, 2);
	run_free(p.run);
	far_stop(&f);
}

/* A closed port: three early tries, each told, then it stops. */
static void refused(void **state)
{
	struct far_side f;
	(void)state;
	far_start(&f, &(struct lab_knobs){.greeting = LAB_GREETING_HONEST});
	f.profile.targets[0].port = f.closed_port;
	struct probe p = run_probe(&f, &tcp_greeting_probe, 0, f.world.cloud_tcp, 15);
	assert_true(p.finished);
	assert_int_equal(p.run->n_obs, 3);
	assert_int_equal(count(&p, "connect", OUTCOME_REFUSED), 3);
	assert_int_equal(p.run->obs[2]->attempt, 3);
	assert_true(obs_get_real(p.run->obs[2], A_RTT_MS, -1) >= 0);
	assert_true(p.impostor == 1 && p.silent == 0); /* an RST may be a box's: the path steps SYNs */
	run_free(p.run);
	far_stop(&f);
}

static void no_address(void **state)
{
	struct far_side f;
	(void)state;
	far_start(&f, &(struct lab_knobs){.greeting = LAB_GREETING_HONEST});
	const struct probe_def *const defs[] = {&tcp_greeting_probe, &tls_probe, &http_probe};
	const unsigned targets[] = {0, 1, 3};
	for (unsigned i = 0; i < 3; i++) {
		struct probe p = run_probe(&f, defs[i], targets[i], (struct addr){0}, 15);
		assert_true(p.finished);
		assert_int_equal(p.run->n_obs, 1);
		assert_int_equal(p.run->obs[0]->outcome, OUTCOME_NOT_RUN);
		assert_non_null(
			strstr(obs_get_text(p.run->obs[0], A_REASON, ""), "no address for "));
		run_free(p.run);
	}
	far_stop(&f);
}

static void tls_certificates(void **state)
{
	static const struct {
		struct lab_knobs knobs;
		bool forged;
		const char *verify;
		int chain_ok, name_ok, undated;
		unsigned impostor;
	} rows[] = {
		{{.tls = LAB_TLS_HONEST}, false, "ok", 1, 1, 1, 0},
		{{.tls = LAB_TLS_PRIVATE_CA}, false, "unknown-issuer", 0, 1, 0, 1},
		{{.tls = LAB_TLS_EXPIRED}, false, "expired", 0, 1, 1, 0},
		{{.tls = LAB_TLS_WRONG_NAME}, false, "name-mismatch", 1, 0, 1, 1},
		{{.tls = LAB_TLS_HONEST}, true, "self-signed", 0, 0, 0, 1},
	};
	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct far_side f;
		far_start(&f, &rows[i].knobs);
		struct probe p = run_probe(&f, &tls_probe, 1,
					   rows[i].forged ? f.world.forged : f.world.web, 15);
		const struct observation *o = of_phase(&p, "tls", 1);
		assert_true(p.finished);
		assert_int_equal(p.run->n_obs, 2); /* no further tries once a certificate came */
		assert_int_equal(o->outcome, OUTCOME_ANSWERED);
		assert_string_equal(obs_get_text(o, A_SNI, ""), "real");
		assert_string_equal(obs_get_text(o, A_VERIFY, ""), rows[i].verify);
		assert_int_equal(obs_get_bool(o, A_CHAIN_OK, false), rows[i].chain_ok);
		assert_int_equal(obs_get_bool(o, A_NAME_OK, false), rows[i].name_ok);
		assert_int_equal(obs_get_bool(o, A_CHAIN_OK_UNDATED, false), rows[i].undated);
		assert_string_equal(obs_get_text(o, A_TLS_VERSION, ""), "TLSv1.3");
		assert_int_equal(strlen(obs_get_text(o, A_SPKI_SHA256, "")), 64);
		int64_t us;
		assert_int_equal(clock_parse_utc(obs_get_text(o, A_NOT_AFTER, ""), &us), 0);
		assert_int_equal(p.impostor, rows[i].impostor);
		run_free(p.run);
		far_stop(&f);
	}
}

/* The name filter: the same address lets another name and no name pass. */
static void tls_name_filter(void **state)
{
	struct far_side f;
	(void)state;
	far_start(&f, &(struct lab_knobs){.tls = LAB_TLS_SNI_FILTER});
	struct probe p = run_probe(&f, &tls_probe, 1, f.world.web, 15);
	unsigned seen[3] = {0};
	assert_true(p.finished);
	for (unsigned n = 1; n <= 4; n++) {
		const struct observation *o = of_phase(&p, "tls", n);
		assert_non_null(o);
		const char *sni = obs_get_text(o, A_SNI, "");
		bool real = strcmp(sni, "real") == 0;
		assert_int_equal(o->outcome, real ? OUTCOME_RESET : OUTCOME_ANSWERED);
		assert_int_equal(obs_get_bool(o, A_CHAIN_OK, false), !real);
		if (real)
			assert_string_equal(obs_get_text(o, A_REASON, ""), "rst");
		assert_true(o->attempt >= 1 && o->attempt <= 4);
		seen[real ? 0 : strcmp(sni, "other") == 0 ? 1 : 2]++;
	}
	assert_int_equal(seen[0], 2);
	assert_int_equal(seen[1], 1);
	assert_int_equal(seen[2], 1);
	run_free(p.run);
	far_stop(&f);
}

static void tls_alert_and_hang(void **state)
{
	static const struct {
		enum lab_tls how;
		enum outcome outcome;
		int alert;
		const char *reason;
		double budget;
	} rows[] = {
		{LAB_TLS_ALERT, OUTCOME_RESET, 112, "alert", 15},
		{LAB_TLS_HANG, OUTCOME_SILENT, -1, "silence", 1.5},
	};
	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct far_side f;
		far_start(&f, &(struct lab_knobs){.tls = rows[i].how});
		struct probe p = run_probe(&f, &tls_probe, 1, f.world.web, rows[i].budget);
		const struct observation *o = of_phase(&p, "tls", 1);
		assert_true(p.finished);
		assert_int_equal(o->outcome, rows[i].outcome);
		assert_int_equal(obs_get_int(o, A_ALERT, -1), rows[i].alert);
		assert_string_equal(obs_get_text(o, A_REASON, ""), rows[i].reason);
		assert_true((p.impostor > 0) == (rows[i].how == LAB_TLS_HANG)); /* mute: steps SYNs */
		run_free(p.run);
		far_stop(&f);
	}
}

static void portal_pages(void **state)
{
	static const struct {
		enum lab_http how;
		bool forged;
		enum outcome outcome;
		int status[2];
	} rows[] = {
		{LAB_HTTP_HONEST, false, OUTCOME_ANSWERED, {204, 200}},
		{LAB_HTTP_REDIRECT, false, OUTCOME_MISMATCH, {302, 302}},
		{LAB_HTTP_PAGE, false, OUTCOME_MISMATCH, {200, 200}},
		{LAB_HTTP_HONEST, true, OUTCOME_MISMATCH, {200, 200}},
		{LAB_HTTP_SILENT, false, OUTCOME_SILENT, {-1, -1}},
	};
	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct far_side f;
		far_start(&f, &(struct lab_knobs){.http = rows[i].how});
		for (unsigned page = 0; page < 2; page++) {
			struct addr second = f.world.portal;
			second.b[3]++;
			struct probe p = run_probe(&f, &http_probe, 3 + page,
						   rows[i].forged ? f.world.forged
						   : page         ? second
								  : f.world.portal,
						   rows[i].how == LAB_HTTP_SILENT ? 0.8 : 15);
			const struct observation *o = of_phase(&p, "http", 1);
			assert_true(p.finished);
			assert_int_equal(o->outcome, rows[i].outcome);
			assert_int_equal(obs_get_int(o, A_STATUS, -1), rows[i].status[page]);
			assert_int_equal(obs_get_bool(o, A_BODY_OK, false),
					 rows[i].outcome == OUTCOME_ANSWERED);
			assert_int_equal(obs_has(o, A_HTTP_DATE), rows[i].how != LAB_HTTP_SILENT);
			if (rows[i].how == LAB_HTTP_REDIRECT)
				assert_string_equal(obs_get_text(o, A_LOCATION, ""),
						    "http://portal.hotel.example/login");
			assert_string_equal(obs_get_text(o, A_URL, ""), f.page_url[page]);
			run_free(p.run);
		}
		far_stop(&f);
	}
}

/* The budget ends a probe before it has sent anything. */
static void packet_budget(void **state)
{
	struct far_side f;
	(void)state;
	far_start(&f, &(struct lab_knobs){.http = LAB_HTTP_HONEST});
	struct probe p = {.def = &http_probe, .loop = loop_new(), .run = run_new(), .budget = 1};
	p.run->profile = &f.profile;
	p.run->settings = &settings;
	p.target = &f.profile.targets[3];
	p.answer = f.world.portal;
	p.check = (struct check){.id = "portal", .target = p.target->url};
	p.deadline_ns = loop_now_ns(p.loop) + 15 * NS_PER_S;
	p.resolver = loop_timer_add(p.loop, UINT64_MAX / 4, on_resolved, &p);
	p.state = calloc(1, http_probe.state_size);
	assert_int_equal(http_probe.start(&p, p.state), 0);
	loop_run(p.loop);
	http_probe.cancel(&p, p.state);
	loop_timer_del(p.resolver);
	assert_int_equal(loop_free(p.loop), 0);
	assert_int_equal(p.run->n_obs, 1);
	assert_int_equal(p.run->obs[0]->outcome, OUTCOME_NOT_RUN);
	assert_string_equal(obs_get_text(p.run->obs[0], A_REASON, ""), "packet budget");
	free(p.state);
	run_free(p.run);
	far_stop(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(greetings),
		cmocka_unit_test(nonce_time),
		cmocka_unit_test(refused),
		cmocka_unit_test(no_address),
		cmocka_unit_test(tls_certificates),
		cmocka_unit_test(tls_name_filter),
		cmocka_unit_test(tls_alert_and_hang),
		cmocka_unit_test(portal_pages),
		cmocka_unit_test(packet_budget),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
