/* `check`: one run from plan to report. */
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "commands.h"
#include "output.h"
#include "sallyport/clock.h"
#include "sallyport/crypto.h"
#include "sallyport/journal.h"
#include "sallyport/judge.h"
#include "sallyport/netinfo.h"
#include "sallyport/plan.h"
#include "sallyport/runner.h"
#include "sallyport/sock.h"

struct live {
	struct run *run;
	struct journal *journal; /* -o ndjson */
	bool progress;
	char so_far[160]; /* the first verdict that anything was shown for, or empty */
	bool unheard; /* whoever read the stream has gone */
	const struct as_client *client; /* or NULL */
};

static void note_verdict(void *ctx, const struct verdict *v)
{
	struct live *live = ctx;
	bool worth = !v->hidden && v->confidence != CONF_UNDETERMINED && v->effect != EFFECT_NOTE;
	if (worth && !live->so_far[0])
		snprintf(live->so_far, sizeof(live->so_far), "%s: %s", confidence_names[v->confidence],
			 v->summary);
}

/* One line of at most 79 columns on a terminal's stderr: how far the run is, and its verdict as
 * soon as there is one. */
static void show_progress(struct live *live, const struct observation *o)
{
	live->so_far[0] = '\0';
	judge_so_far(live->run, o->t_us, note_verdict, live);
	fprintf(stderr, "\r\x1b[K%5.1f s  %zu observations, ", (double)o->t_us / 1e6, live->run->n_obs);
	if (live->so_far[0])
		fprintf(stderr, "%.50s", live->so_far);
	else
		fprintf(stderr, "last: %s %s", o->check, outcome_names[o->outcome]);
	fflush(stderr);
}

static void on_observation(void *ctx, const struct observation *o)
{
	struct live *live = ctx;
	if (live->journal) {
		journal_observation(live->journal, o);
		live->unheard = journal_error(live->journal) == -EPIPE;
	}
	if (live->progress)
		show_progress(live, o);
}

/* Nobody sees a variable on the command line: the error has to name it. */
static int blame(struct command_ctx *c, const char *setting, int e, struct sp_error *err)
{
	const char *label = setting_label(c->arena, &c->settings, setting);
	struct sp_error was = *err;
	if (e && strncmp(label, "--", 2))
		snprintf(err->text, sizeof(err->text), "%.300s (from %s)", was.text, label);
	return e;
}

static int load_key(struct command_ctx *c, struct run *r, struct sp_error *err)
{
	uint8_t key[PROFILE_KEY_MAX];
	size_t n = 0;
	int e = crypto_load_spki(c->settings.identity_key, key, sizeof(key), &n, err);
	if (!e)
		r->profile = profile_with_key(r->arena, r->profile, key, n);
	return blame(c, "identity-key", e, err);
}

static int load_profile(struct command_ctx *c, struct run *r, struct sp_error *err)
{
	int e = profile_load(r->arena, c->settings.profile, &r->profile, err);
	e = blame(c, "profile", e, err);
	return e || !*c->settings.identity_key ? e : load_key(c, r, err);
}

/* The facts of this host, or of a client of its own on the LAN. */
static int look_around(struct command_ctx *c, struct host_facts *host, struct sp_error *err)
{
	const struct settings *s = &c->settings;
	struct as_client_address given;
	if (!*s->as_client)
		return blame(c, "interface", netinfo_read(s->interface, host, err), err);
	int e = *s->client_address ? as_client_parse(s->client_address, &given, err) : 0;
	if (e)
		return blame(c, "client-address", e, err);
	return blame(c, "as-client", as_client_open(s->as_client, *s->client_address ? &given : NULL,
						    s->dry_run, host, &c->client, err), err);
}

static int prepare(struct command_ctx *c, struct run *r, struct host_facts *host, struct sp_error *err)
{
	char stamp[CLOCK_STRLEN], name[256] = "", shown[256];
	uint32_t random = 0;
	int e = load_profile(c, r, err);
	e = e ? e : look_around(c, host, err);
	if (e)
		return e;
	(void)gethostname(name, sizeof(name) - 1);
	(void)crypto_random(&random, sizeof(random));
	r->started_us = clock_wall_us() / 1000 * 1000; /* the journal keeps milliseconds */
	r->utc_offset_s = clock_utc_offset_s(r->started_us);
	r->version = SP_VERSION;
	text_printable(shown, sizeof(shown), wire_text_str(name));
	r->host_name = arena_strdup(r->arena, shown);
	r->id = arena_printf(r->arena, "%.10s-%08x", clock_format_utc(r->started_us, stamp), random);
	r->settings = &c->settings;
	r->host = host;
	return plan_make(r, err);
}

/* What was seen after the client had lost its place says nothing about the network. */
static void note_lost_place(struct run *r, const struct as_client *client)
{
	struct sp_error err = { 0 };
	if (!client || as_client_intact(client, &err))
		return;
	r->ended = END_ERROR;
	command_fail(0, "%s", err.text);
}

static int measure(struct live *live)
{
	struct runner_hooks hooks = { .observed = on_observation, .ctx = live, .stop = &live->unheard };
	int e = runner_run(live->run, &hooks);
	if (live->progress)
		fputs("\r\x1b[K", stderr);
	if (e)
		return command_fail(SP_EXIT_INTERNAL, "the run could not start: %s", sp_strerror(e));
	note_lost_place(live->run, live->client);
	judge_run(live->run);
	return 0;
}

static bool shows_progress(const struct command_ctx *c)
{
	return !c->settings.quiet && isatty(STDERR_FILENO);
}

int check_measure(struct command_ctx *c, struct run *r)
{
	return measure(&(struct live){ .run = r, .progress = shows_progress(c), .client = c->client });
}

static int measure_and_report(struct command_ctx *c, struct run *r)
{
	struct live live = { .run = r, .progress = shows_progress(c), .client = c->client };
	struct document d = report_document(c, r);
	struct output out;
	int wrong = output_open(c, &out);
	if (wrong)
		return wrong;
	bool stream = strcmp(c->settings.format, "ndjson") == 0;
	if (stream) {
		setvbuf(out.out, NULL, _IOLBF, 0); /* whoever follows the stream reads whole lines */
		live.journal = journal_open(r, out.out);
		live.progress &= out.path != NULL;
	}
	int code = measure(&live);
	if (code) {
		output_drop(&out);
		return code;
	}
	int e = stream ? journal_close(live.journal) : output_write(&out, &d);
	return output_close(c, &out, &d, e, r->exit);
}

static int may_send(const struct host_facts *host, struct sp_error *err)
{
	if (sock_may_fix(host->ifname) == 0)
		return 0;
	return sp_error_set(err, SP_E_DENIED, "this process may not keep its packets on %s (SO_BINDTODEVICE), "
			    "and others would say nothing about devices: run as root, with CAP_NET_RAW, or on "
			    "Linux 5.7 or later", host->ifname);
}

int check_with_plan(struct command_ctx *c, run_fn *fn)
{
	struct run *r = run_new();
	struct host_facts host;
	struct sp_error err = { 0 };
	int e = prepare(c, r, &host, &err);
	if (!e && !c->settings.dry_run)
		e = may_send(&host, &err);
	int code = e ? command_error(e, &err) : c->settings.dry_run ? dry_run(c, r) : fn(c, r);
	as_client_close(c->client);
	run_free(r);
	return code;
}

static const char check_help[] =
	"--as-client tests a LAN as a new device there would be treated: on a gateway, whose own packets\n"
	"skip its forwarding rules, name the LAN's bridge (br-lan); elsewhere a wired interface. It needs\n"
	"root, takes a MAC address of its own and an address by DHCP (it looks for none itself), and is\n"
	"gone with the process, however that ends. A client beside an interface (a macvlan, where there is\n"
	"no bridge) cannot reach its own host, and no access point lets it in.";
static int run(struct command_ctx *c)
{
	int wrong = command_operands(c, 0, 0);
	return wrong ? wrong : check_with_plan(c, measure_and_report);
}

const struct command check_command = {
	.name = "check",
	.help = check_help,
	.operands = "",
	.summary = "one run: link, names, cloud ports; then verdicts and what to ask for",
	.run = run,
	.flags = "-for," COMMAND_REFLECTOR_FLAGS,
};
