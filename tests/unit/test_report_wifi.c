/* What a reader sees of the radio: the vantage line, the JSON members, the status LED block; and
 * that nothing of an SSID can reach a terminal raw. */
#include "judge_case.h"

#include "sallyport/journal.h"
#include "sallyport/report.h"
#include "sallyport/wifi.h"

static char *render(const struct run *r, const char *format, struct report_options o)
{
	char *text = NULL;
	size_t n = 0;
	FILE *out = open_memstream(&text, &n);
	assert_int_equal(report_by_name(format)->write(r, &o, out), 0);
	fclose(out);
	return text;
}

/* Lines may break anywhere: compare with single spaces. */
static void assert_says(const char *report, const char *words)
{
	char *flat = calloc(1, strlen(report) + 1), *to = flat;
	for (const char *s = report; *s; s++)
		if (!strchr(" \n", *s) || (to > flat && to[-1] != ' '))
			*to++ = *s == '\n' ? ' ' : *s;
	if (!strstr(flat, words))
		fail_msg("'%s' is not in:\n%s", words, report);
	free(flat);
}

static void open_guest(struct judge_case *c, const uint8_t *ssid, size_t n)
{
	case_open(c, NULL);
	strcpy(c->host.ifname, "wlan0");
	strcpy(c->host.medium, "wifi");
	struct wifi_facts *w = &c->host.wifi;
	*w = (struct wifi_facts){.state = WIFI_READ,
				 .band = WIFI_BAND_5,
				 .channel = 36,
				 .freq_mhz = 5180,
				 .signal_dbm = -61};
	wifi_ssid_text(w->ssid, ssid, n);
	wifi_add_offer(w, &(struct wifi_offer){.band = WIFI_BAND_5,
					       .traits = WIFI_BIT(WIFI_WPA2),
					       .count = 1,
					       .signal_dbm = -61,
					       .in_use = true});
	w->heard[WIFI_BAND_24] = (struct wifi_heard){4, 0, 4};
	case_rest(c, (const char *const[]){NULL});
	c->run->id = "run-1", c->run->version = "0", c->run->host_name = "gw";
	judge_run(c->run);
}

static void the_vantage_names_the_network(void **state)
{
	struct judge_case c;
	(void)state;
	open_guest(&c, (const uint8_t *)"Guest", 5);
	char *text = render(c.run, "text", (struct report_options){.ascii = true, .width = 80});
	assert_says(text, "Seen from wlan0 (wifi, SSID \"Guest\", 5 GHz channel 36, WPA2, -61 dBm), "
			  "192.168.77.10/24");
	assert_says(text, "Argon: NO - Cannot join this Wi-Fi network: it was heard on 5 GHz only");
	assert_says(text, "P2, Photon 2: YES");
	free(text);
	text = render(c.run, "ask", (struct report_options){.ascii = true, .width = 80});
	assert_says(text, "Please offer the devices' network on 2.4 GHz too.");
	assert_null(strstr(text, "Allow")); /* no firewall rule helps a radio */
	free(text);
	text = render(c.run, "json", (struct report_options){0});
	assert_says(text, "\"ssid\":\"Guest\",\"band\":\"5\"");
	assert_says(text, "\"wifi\":{\"state\":\"read\",\"ssid\":\"Guest\",\"band\":\"5\",\"channel\":36");
	assert_says(text, "\"asks\":[\"wpa2\"]");
	free(text);
	case_close(&c);
}

static void redacted_it_has_no_name(void **state)
{
	static const char *const formats[] = {"text", "ask", "json"};
	struct judge_case c;
	(void)state;
	open_guest(&c, (const uint8_t *)"Quux77", 6);
	for (size_t i = 0; i < 3; i++) {
		char *text = render(c.run, formats[i], (struct report_options){.redact = true, .width = 80});
		assert_null(strstr(text, "Quux77"));
		free(text);
	}
	case_close(&c);
}

static void hostile_names_stay_printable(void **state)
{
	static const char *const formats[] = {"text", "ask", "json", "ndjson"};
	uint8_t ssid[WIFI_SSID_MAX];
	(void)state;
	for (unsigned first = 0; first < 256; first += WIFI_SSID_MAX) { /* every byte once */
		struct judge_case c;
		for (unsigned i = 0; i < WIFI_SSID_MAX; i++)
			ssid[i] = (uint8_t)(first + i);
		open_guest(&c, ssid, sizeof(ssid));
		for (size_t f = 0; f < sizeof(formats) / sizeof(formats[0]); f++) {
			char *text = render(c.run, formats[f],
					    (struct report_options){.verbose = true, .width = 80});
			for (const char *s = text; *s; s++)
				assert_true(*s == '\n' || (*s >= 0x20 && *s < 0x7f));
			free(text);
		}
		case_close(&c);
	}
}

static char *journal(struct run *r)
{
	char *text = NULL;
	size_t n = 0;
	FILE *out = open_memstream(&text, &n);
	struct journal *j = journal_open(r, out);
	for (size_t i = 0; i < r->n_obs; i++)
		journal_observation(j, r->obs[i]);
	judge_run(r);
	assert_int_equal(journal_close(j), 0);
	fclose(out);
	return text;
}

static char *again(const char *text, struct run **r, struct sp_error *err, int *error)
{
	char *copy = NULL;
	size_t n = 0;
	struct replay_notes notes;
	FILE *out = open_memstream(&copy, &n);
	FILE *in = fmemopen((void *)(uintptr_t)text, strlen(text), "r");
	*error = replay_read(in, "test", out, r, &notes, err);
	fclose(in);
	fclose(out);
	return copy;
}

static void a_replay_says_the_same(void **state)
{
	struct judge_case c;
	struct run *r = NULL;
	struct sp_error err;
	int e;
	(void)state;
	open_guest(&c, (const uint8_t *)"\x1b[2J\"\\", 6);
	char *text = journal(c.run), *copy = again(text, &r, &err, &e);
	assert_int_equal(e, 0);
	assert_string_equal(text, copy);
	assert_string_equal(r->host->wifi.ssid, c.host.wifi.ssid);
	char *was = render(c.run, "json", (struct report_options){0});
	char *is = render(r, "json", (struct report_options){0});
	assert_string_equal(was, is);
	free(was), free(is), free(copy), free(text);
	run_free(r);
	case_close(&c);
}

static void damaged_facts_are_refused(void **state)
{
	static const struct {
		const char *from, *to;
	} rows[] = {{"\"asks\":[\"wpa2\"]", "\"asks\":[\"wpa9\"]"},
		    {"\"asks\":[\"wpa2\"]", "\"asks\":[]      "},
		    {"\"channel\":36", "\"channel\":-6"},
		    {"\"signal_dbm\":-61", "\"signal_dbm\":999"},
		    {"\"band\":\"2.4\"", "\"band\":\"2.9\""},
		    {"\"state\":\"read\"", "\"state\":\"dead\""},
		    {"\"cut\":false", "\"cut\":\"no\"  "},
		    {"\"networks\":4", "\"networks\":[]"}};
	struct judge_case c;
	(void)state;
	open_guest(&c, (const uint8_t *)"Guest", 5);
	char *text = journal(c.run);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct run *r = NULL;
		struct sp_error err = {0};
		int e;
		size_t n = strlen(rows[i].from), m = strlen(rows[i].to);
		char *bad = calloc(1, strlen(text) + m + 1), *at;
		strcpy(bad, text);
		assert_non_null(at = strstr(bad, rows[i].from));
		memmove(at + m, at + n, strlen(at + n) + 1);
		memcpy(at, rows[i].to, m);
		char *copy = again(bad, &r, &err, &e);
		if (e >= 0 || !strstr(err.text, "host.wifi is damaged"))
			fail_msg("row %zu: %d %s", i, e, err.text);
		run_free(r);
		free(copy), free(bad);
	}
	free(text);
	case_close(&c);
}

/* ---- status LED ---- */

static void a_clean_run_explains_the_healthy_pattern(void **state)
{
	struct judge_case c;
	(void)state;
	case_open(&c, NULL);
	case_rest(&c, (const char *const[]){NULL});
	judge_run(c.run);
	char *text = render(c.run, "text", (struct report_options){.ascii = true, .width = 80});
	assert_says(text, "STATUS LED");
	assert_says(text, "breathing cyan: connected to the cloud");
	assert_says(text, "It does not explain: blinking green,");
	free(text);
	case_close(&c);
}

static void a_blocked_port_explains_the_handshake(void **state)
{
	struct judge_case c;
	(void)state;
	case_open(&c, NULL);
	CASE_REST(&c, "cloud-udp");
	case_silent(&c, "cloud-udp", CASE_TRIES);
	judge_run(c.run);
	char *text = render(c.run, "text", (struct report_options){.ascii = true, .width = 80});
	assert_says(text, "fast blinking cyan: handshake with the cloud (");
	assert_says(text, "cyan then 3 orange blinks:");
	assert_says(text, "It does not explain: breathing cyan, blinking green,");
	free(text);
	case_close(&c);
}

static void a_network_that_cannot_be_joined_explains_green(void **state)
{
	struct judge_case c;
	(void)state;
	open_guest(&c, (const uint8_t *)"Guest", 5);
	char *text = render(c.run, "text", (struct report_options){.ascii = true, .width = 80});
	assert_says(text, "breathing cyan: connected to the cloud");
	assert_says(text, "blinking green: joining the Wi-Fi (Wi-Fi on another band)");
	free(text);
	case_close(&c);
	case_open_profile(&c, "diag/profiles/particle-tools.ini", NULL);
	case_rest(&c, (const char *const[]){NULL});
	judge_run(c.run);
	text = render(c.run, "text", (struct report_options){.ascii = true, .width = 80});
	assert_null(strstr(text, "STATUS LED")); /* people have none */
	free(text);
	case_close(&c);
}

/* Every word behind `explains` is a fault, a family of faults or a state. */
static void patterns_name_what_exists(void **state)
{
	static const char *const profiles[] = {"particle-wifi", "particle-tcp", "particle-cellular"};
	(void)state;
	for (size_t i = 0; i < 3; i++) {
		struct arena *a = arena_new();
		const struct profile *p;
		char path[64];
		snprintf(path, sizeof(path), "diag/profiles/%s.ini", profiles[i]);
		assert_int_equal(profile_load(a, path, &p, NULL), 0);
		assert_true(p->n_leds > 8);
		for (size_t k = 0; k < p->n_leds; k++)
			for (size_t w = 0; w < p->leds[k].explains.n; w++) {
				const char *word = p->leds[k].explains.v[w];
				bool known = fault_by_name(word) != NULL;
				for (size_t f = 0; f < n_fault_table; f++)
					known |= strcmp(fault_table[f]->family, word) == 0;
				for (size_t s = 0; s < KIND_STATE_COUNT; s++)
					known |= strcmp(kind_state_names[s], word) == 0;
				if (!known)
					fail_msg("%s: [led %s] explains '%s'", path, p->leds[k].id, word);
			}
		arena_free(a);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_vantage_names_the_network),
		cmocka_unit_test(redacted_it_has_no_name),
		cmocka_unit_test(hostile_names_stay_printable),
		cmocka_unit_test(a_replay_says_the_same),
		cmocka_unit_test(damaged_facts_are_refused),
		cmocka_unit_test(a_clean_run_explains_the_healthy_pattern),
		cmocka_unit_test(a_blocked_port_explains_the_handshake),
		cmocka_unit_test(a_network_that_cannot_be_joined_explains_green),
		cmocka_unit_test(patterns_name_what_exists),
	};
	return cmocka_run_group_tests_name("report_wifi", tests, NULL, NULL);
}
