/*
 * The judge on runs that no network would give: random outcomes, checks and attributes. It must
 * come to the same end whatever the order of the lines, never say `proven` out of nothing, and
 * never let losses beat an authentic answer. SEED=n repeats a failure; ROUNDS=n makes it longer.
 */
#include "judge_case.h"

#include <jansson.h>
#include <time.h>

#include "sallyport/report.h"

enum { ROUNDS = 150, MAX_OBS = 120, MAX_NUMBER = 512 };

/* xorshift64*: Vigna, "An experimental exploration of Marsaglia's xorshift generators" (2014). */
static uint64_t random_state;

static uint32_t pick(uint32_t below)
{
	random_state ^= random_state >> 12;
	random_state ^= random_state << 25;
	random_state ^= random_state >> 27;
	return (uint32_t)((random_state * 2685821657736338717u) >> 33) % below;
}

#define ONE_OF(list) ((list)[pick(sizeof(list) / sizeof((list)[0]))])

/* ---- what random observations are made of ---- */
static const struct words {
	enum attr key;
	const char *list[12];
} words[] = {
	{A_PROTO, {"udp", "tcp", "icmp"}},
	{A_ADDRESS,
	 {"198.51.100.10", "198.51.100.11", "198.51.100.20", "198.51.100.30", "198.51.100.40",
	  "192.168.77.1", "9.9.9.9", "10.66.0.1", "0.0.0.0", "2001:db8::1", "nonsense", ""}},
	{A_ROLE, {"target", "control", "never", "suspect", "nonsense"}},
	{A_RESOLVER, {"192.168.77.1", "192.168.77.2", "9.9.9.9", ""}},
	{A_NAME, {"example.com", "device.spark.io", "api.particle.io", "coap.golioth.io", ""}},
	{A_ICMP_FROM,
	 {"203.0.113.1", "203.0.113.2", "198.51.100.10", "192.168.77.10", "nonsense", ""}},
	{A_ANSWERS,
	 {"198.51.100.10", "198.51.100.11", "10.66.0.1", "0.0.0.0", "198.51.100.99 10.66.0.1",
	  "2001:db8::1", ",,, x", ""}},
	{A_QTYPE, {"A", "AAAA", "?"}},
	{A_DTLS, {"hello-verify-request", "server-hello", "alert", "?"}},
	{A_IDENTITY,
	 {"verified", "wrong-signature", "wrong-suite", "malformed-params", "alert", "stalled",
	  "no-key", "?"}},
	{A_GREETING,
	 {"nonce", "text", "tls", "http", "short", "long", "closed", "silent", "?"}},
	{A_PHASE, {"connect", "greeting", "tls", "http", "?"}},
	{A_SNI, {"real", "other", "none", "?"}},
	{A_VERIFY, {"ok", "self-signed", "expired", "not-yet-valid", "name-mismatch", "?"}},
	{A_REASON,
	 {"no-interface", "down", "no-carrier", "no-address", "link-local-only", "no-route",
	  "no gateway", "packet budget"}},
	{A_REPLY, {"time-exceeded", "syn-ack", "rst", "data", "icmp", "?"}},
	{A_SERIES, {"udp:5684", "tcp:5683", "tcp:443", "udp:123", "?"}},
	{A_CONTROL_OF, {"udp:5684", "tcp:5683", "udp:123", "?"}},
	{A_HOP, {"203.0.113.1", "203.0.113.2", "203.0.113.3", "203.0.113.4", "nonsense"}},
	{A_REFID, {"GPS", "RATE", "DENY", "RSTR", ""}},
	{A_HTTP_DATE, {"2026-11-23T12:00:00.000Z", "2027-11-23T12:00:00.000Z", "nonsense"}},
	{A_NOT_BEFORE, {"2026-10-01T00:00:00.000Z", "2028-10-01T00:00:00.000Z", "nonsense"}},
	{A_NOT_AFTER, {"2027-01-01T00:00:00.000Z", "2025-01-01T00:00:00.000Z", "nonsense"}},
};

static const char *word_for(enum attr key)
{
	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		if (words[i].key == key) {
			size_t n = 0;
			while (n < 12 && words[i].list[n])
				n++;
			return words[i].list[pick((uint32_t)n)];
		}
	static const char *const others[] = {"", "x", "CN=Inspection", "http://login.example/"};
	return ONE_OF(others);
}

static void put_random(struct judge_case *c, enum attr key)
{
	static const int64_t ints[] = {0,   1,   2,   3,    4,    5,    9,    10,
				       13,  15,  16,  53,   123,  200,  204,  302,
				       443, 300, 400, 5683, 5684, -1,   1000000000000,
				       -1000000000000};
	static const double reals[] = {0, 0.5, 2, 2000, 5000, 11000, -1, 1e12, -1e12};
	switch (attr_defs[key].type) {
	case ATTR_INT:
		obs_int(&c->next, key, key == A_IP_TTL || key == A_ROUND ? pick(7) : ONE_OF(ints));
		break;
	case ATTR_REAL:
		obs_real(&c->next, key, ONE_OF(reals));
		break;
	case ATTR_BOOL:
		obs_bool(&c->next, key, pick(2));
		break;
	case ATTR_TEXT:
		obs_text(&c->next, key, word_for(key));
		break;
	}
}

/* The attributes that the judge looks at come often, any other now and then. */
static void add_random(struct judge_case *c, uint64_t t_us)
{
	const struct check *k = &c->run->checks[pick((uint32_t)c->run->n_checks)];
	if (pick(4) == 0)
		k = run_check(c->run, "path", NULL);
	if (pick(4) == 0)
		k = case_check(c, "cloud-udp", pick(2) ? ".hello" : ".identity");
	obs_begin(&c->next, k->id, pick(10) ? k->target : "elsewhere", pick(8),
		  (enum outcome)pick(OUTCOME_COUNT));
	c->next.t_us = t_us;
	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		if (pick(3) == 0)
			put_random(c, words[i].key);
	for (unsigned n = pick(10); n > 0; n--)
		put_random(c, (enum attr)pick(ATTR_COUNT));
	if (strcmp(k->id, "path") == 0) {
		put_random(c, A_IP_TTL), put_random(c, A_ROUND);
		obs_int(&c->next, A_ORDER, ++c->order);
	}
	assert_non_null(run_append(c->run, &c->next));
}

static void open_random(struct judge_case *c)
{
	static const char *const ids[] = {"udp5684", "dns", "ntp", "tcp443", "path", "link"};
	char file[64];
	bool wifi = pick(3) > 0;
	snprintf(file, sizeof(file), "diag/profiles/particle-%s.ini", wifi ? "wifi" : "cellular");
	case_open_profile(c, file, wifi && pick(3) == 0 ? "photon" : NULL);
	c->host.n_resolvers = pick(3);
	c->host.resolvers[1] = addr_v4(192, 168, 77, 2);
	if (pick(4) == 0)
		c->settings.only = (struct text_list){{ONE_OF(ids)}, 1};
	if (pick(4) == 0)
		c->settings.skip = (struct text_list){{ONE_OF(ids)}, 1};
	c->settings.controls = pick(2);
	struct sp_error err;
	if (plan_make(c->run, &err)) { /* no such check in this plan */
		c->settings.only.n = c->settings.skip.n = 0;
		case_replan(c);
	}
	c->run->id = "run-1", c->run->version = "0", c->run->host_name = "gw";
	c->run->ended = pick(4) ? END_COMPLETE : (enum end_reason)pick(END_COUNT);
}

/* A whole flow as the probes leave it, among the nonsense. */
static void add_flow(struct judge_case *c)
{
	const struct profile *p = c->run->profile;
	const char *section = p->targets[pick((uint32_t)p->n_targets)].section;
	struct case_walk walk = {.section = section,
				 .rounds = 1 + pick(3),
				 .drop_after = pick(5),
				 .box_at = pick(4) ? 0 : 1 + pick(4),
				 .box_reply = pick(2) ? "rst" : "data",
				 .mixed_at = pick(4) ? 0 : 1 + pick(4),
				 .distance = CASE_HOPS};
	case_silent(c, section, pick(CASE_TRIES + 1));
	if (pick(3) == 0)
		case_good(c, section);
	if (pick(2) && case_target(c, section)->name)
		case_walk(c, &walk);
}

/* Among equal times the number decides, and a shuffle changes numbers: no two are alike. */
static void make_times_differ(struct run *r)
{
	for (size_t i = 0; i < r->n_obs; i++)
		r->obs[i]->t_us = (r->obs[i]->t_us & ~UINT64_C(511)) | i;
}

static void fill_random(struct judge_case *c)
{
	uint64_t t_us = 0;
	if (pick(3) == 0)
		case_names(c);
	for (unsigned n = pick(4); n > 0; n--)
		add_flow(c);
	for (unsigned n = pick(pick(2) ? MAX_OBS : 8); n > 0; n--)
		add_random(c, t_us += 1 + pick(400000));
	make_times_differ(c->run);
	c->run->duration_us = t_us;
}

/* ---- what must always hold ---- */
static void evidence_exists(const struct run *r, const uint32_t *v, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (v[i] < 1 || v[i] > r->n_obs || (i && v[i] <= v[i - 1]))
			fail_msg("evidence %u of %zu observations", v[i], r->n_obs);
}

static bool hidden_by_another(const struct run *r, const struct verdict *d)
{
	for (size_t i = 0; i < r->n_verdicts; i++)
		for (size_t k = 0; !r->verdicts[i].hidden && k < r->verdicts[i].n_hides; k++)
			if (strcmp(r->verdicts[i].hides[k], d->fault->slug) == 0)
				return true;
	return false;
}

static void verdicts_are_whole(const struct run *r)
{
	for (size_t i = 0; i < r->n_verdicts; i++) {
		const struct verdict *d = &r->verdicts[i];
		evidence_exists(r, d->evidence, d->n_evidence);
		if (!d->n_evidence || !d->targets || !d->summary || !*d->summary || !d->seen ||
		    !d->who || !d->remedy || !d->confirm || !d->impact || !d->subject ||
		    (d->confidence != CONF_PROVEN && !d->decide))
			fail_msg("%s is not whole", d->fault->slug);
		if (d->hidden && (d->ask || !hidden_by_another(r, d)))
			fail_msg("%s is hidden by nothing", d->fault->slug);
		if (d->effect == EFFECT_NOTE && d->ask)
			fail_msg("%s asks for what no device needs", d->fault->slug);
	}
}

/* Exit 0 only when every required check of the plan ran and passed. */
static void fine_is_shown(const struct run *r)
{
	bool chosen = r->settings->only.n || r->settings->skip.n;
	assert_in_range(r->exit, SP_EXIT_WORKS, SP_EXIT_UNKNOWN);
	for (size_t i = 0; r->exit == SP_EXIT_WORKS && !chosen && i < r->n_checks; i++)
		if (r->checks[i].required && r->checks[i].state != STATE_PASS)
			fail_msg("exit 0, but %s is %s", r->checks[i].id,
				 state_names[r->checks[i].state]);
	for (size_t i = 0; i < r->n_checks; i++) {
		const struct check *c = &r->checks[i];
		evidence_exists(r, c->evidence, c->n_evidence);
		/* these may rest on what the identity, or another DNS check, showed */
		bool joined = strstr(c->id, ".hello") || strncmp(c->id, "dns.", 4) == 0;
		if (c->state == STATE_PASS && !c->n_evidence && !joined)
			fail_msg("%s passed on nothing", c->id);
	}
}

/* ---- the same in any order ---- */
static int by_value(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
	return x < y ? -1 : x > y;
}

/* Evidence in the numbers of the first run; was[n] is the old number of n. */
static void translate(json_t *owner, const uint32_t *was)
{
	uint32_t n[MAX_NUMBER];
	json_t *list = json_object_get(owner, "evidence");
	size_t count = json_array_size(list);
	for (size_t i = 0; i < count; i++)
		n[i] = was[json_integer_value(json_array_get(list, i))];
	qsort(n, count, sizeof(n[0]), by_value);
	json_array_clear(list);
	for (size_t i = 0; i < count; i++)
		json_array_append_new(list, json_integer(n[i]));
}

/* The whole report but the observations themselves. */
static char *report_of(struct run *r, const uint32_t *was)
{
	static const char *const lists[] = {"checks", "verdicts"};
	struct report_options options = {.width = 80};
	char *text = NULL;
	size_t n = 0;
	FILE *out = open_memstream(&text, &n);
	judge_run(r);
	assert_int_equal(report_by_name("json")->write(r, &options, out), 0);
	fclose(out);
	json_t *doc = json_loadb(text, n, 0, NULL);
	assert_non_null(doc);
	free(text);
	json_object_del(doc, "observations");
	for (size_t l = 0; l < 2; l++)
		for (size_t i = 0; i < json_array_size(json_object_get(doc, lists[l])); i++)
			translate(json_array_get(json_object_get(doc, lists[l]), i), was);
	text = json_dumps(doc, JSON_INDENT(1));
	json_decref(doc);
	return text;
}

static void same_text(const char *what, const char *a, const char *b)
{
	size_t i = 0;
	while (a[i] && a[i] == b[i])
		i++;
	if (a[i] != b[i])
		fail_msg("%s: ...%.200s\n--- is not ---\n...%.200s", what, a + (i < 80 ? 0 : i - 80),
			 b + (i < 80 ? 0 : i - 80));
}

static void shuffle(struct run *r, uint32_t *was)
{
	for (size_t i = r->n_obs; i > 1; i--) {
		size_t k = pick((uint32_t)i);
		struct observation *o = r->obs[i - 1];
		r->obs[i - 1] = r->obs[k];
		r->obs[k] = o;
	}
	for (size_t i = 0; i < r->n_obs; i++) {
		was[i + 1] = r->obs[i]->n;
		r->obs[i]->n = (uint32_t)i + 1;
	}
}

static void same_in_any_order(struct run *r)
{
	uint32_t was[MAX_NUMBER];
	for (uint32_t i = 0; i < MAX_NUMBER; i++)
		was[i] = i;
	char *first = report_of(r, was), *again = report_of(r, was);
	same_text("judged twice", first, again);
	shuffle(r, was);
	char *shuffled = report_of(r, was);
	same_text("shuffled", first, shuffled);
	free(first), free(again), free(shuffled);
}

/* ---- the tests ---- */
static void anything_may_be_observed(void **state)
{
	(void)state;
	const char *rounds = getenv("ROUNDS");
	for (long n = rounds ? strtol(rounds, NULL, 10) : ROUNDS; n > 0; n--) {
		struct judge_case c;
		open_random(&c);
		fill_random(&c);
		judge_run(c.run);
		verdicts_are_whole(c.run);
		fine_is_shown(c.run);
		same_in_any_order(c.run);
		case_close(&c);
	}
}

static void nothing_observed_proves_nothing(void **state)
{
	(void)state;
	for (int n = 0; n < 50; n++) {
		struct judge_case c;
		open_random(&c);
		judge_run(c.run);
		assert_int_equal(c.run->n_verdicts, 0);
		assert_int_equal(c.run->exit, SP_EXIT_UNKNOWN);
		case_close(&c);
	}
}

/* Proof rule 2, whatever else was seen: the name resolves, the port answers, the key is right. */
static void an_authentic_answer_beats_it_all(void **state)
{
	(void)state;
	for (int n = 0; n < ROUNDS; n++) {
		struct judge_case c;
		case_open(&c, NULL);
		fill_random(&c);
		const char *host = case_host(&c, "cloud-udp");
		case_reply(&c, run_check(c.run, "dns.name", host), "192.168.77.1", host, 0,
			   "198.51.100.10");
		case_dtls(&c, "cloud-udp");
		judge_run(c.run);
		if (c.run->exit != SP_EXIT_WORKS && c.run->exit != SP_EXIT_FRAGILE)
			fail_msg("exit %d because of %s", c.run->exit,
				 c.run->kinds[0].because ? c.run->kinds[0].because : "nothing");
		case_close(&c);
	}
}

/* A run as the probes write it: nothing here is nonsense. */
static void a_likely_run_in_any_order(void **state)
{
	static const char *const silent[] = {"cloud-udp", "ntp", "cloud-tcp", "api"};
	(void)state;
	for (unsigned n = 0; n < 64; n++) {
		struct judge_case c;
		const char *except[5] = {NULL};
		size_t k = 0;
		case_open(&c, NULL);
		c.run->id = "run-1", c.run->version = "0", c.run->host_name = "gw";
		for (unsigned i = 0; i < 4; i++)
			if (n >> i & 1)
				except[k++] = silent[i];
		case_rest(&c, except);
		for (size_t i = 0; i < k; i++) {
			struct case_walk walk = {.section = except[i],
						 .rounds = 1 + pick(3),
						 .drop_after = 1 + pick(4),
						 .distance = CASE_HOPS};
			case_silent(&c, except[i], 3 + pick(4));
			case_walk(&c, &walk);
		}
		make_times_differ(c.run);
		same_in_any_order(c.run);
		case_close(&c);
	}
}

int main(void)
{
	const char *seed = getenv("SEED");
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(anything_may_be_observed),
		cmocka_unit_test(nothing_observed_proves_nothing),
		cmocka_unit_test(an_authentic_answer_beats_it_all),
		cmocka_unit_test(a_likely_run_in_any_order),
	};
	uint64_t start = seed ? strtoull(seed, NULL, 10) : (uint64_t)time(NULL);
	printf("SEED=%llu\n", (unsigned long long)start);
	random_state = start * 2654435769u + 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
