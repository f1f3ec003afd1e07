/* `check`: one run from plan to report. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "commands.h"
#include "sallyport/clock.h"
#include "sallyport/crypto.h"
#include "sallyport/journal.h"
#include "sallyport/judge.h"
#include "sallyport/netinfo.h"
#include "sallyport/plan.h"
#include "sallyport/report.h"
#include "sallyport/runner.h"

struct live {
	struct run *run;
	struct journal *journal; /* -o ndjson */
	bool progress;
};

/* One line on a terminal's stderr: how far the run is. */
static void show_progress(const struct run *r, const struct observation *o)
{
	fprintf(stderr, "\r\x1b[K%5.1f s  %zu observations, last: %s %s", (double)o->t_us / 1e6, r->n_obs,
		o->check, outcome_names[o->outcome]);
	fflush(stderr);
}

static void on_observation(void *ctx, const struct observation *o)
{
	struct live *live = ctx;
	if (live->journal)
		journal_observation(live->journal, o);
	if (live->progress)
		show_progress(live->run, o);
}

int write_report(const struct command_ctx *c, const struct run *r, int code)
{
	const struct settings *s = &c->settings;
	const struct report_def *def = report_by_name(s->format);
	const char *path = *s->output ? arena_printf(c->arena, "%s.part", s->output) : NULL;
	FILE *out = path ? fopen(path, "we") : stdout;
	if (!def)
		return command_fail(SP_EXIT_USAGE, "no report format '%s'", s->format);
	if (!out)
		return command_fail(SP_EXIT_IO, "--output %s: %s", s->output, strerror(errno));
	struct report_options o = { .color = !path && !s->no_color && isatty(STDOUT_FILENO),
				    .ascii = s->ascii, .redact = s->redact, .verbose = s->verbose, .quiet = s->quiet,
				    .width = 80 };
	int e = def->write(r, &o, out);
	if (!path)
		return code;
	if (fclose(out) && !e)
		e = -errno;
	if (!e && rename(path, s->output))
		e = -errno;
	if (e) {
		unlink(path);
		return command_fail(SP_EXIT_IO, "--output %s: %s; the verdict was exit code %d", s->output,
				    sp_strerror(e), code);
	}
	return code;
}

static int load_profile(struct command_ctx *c, struct run *r, struct sp_error *err)
{
	uint8_t key[PROFILE_KEY_MAX];
	size_t n = 0;
	int e = profile_load(r->arena, c->settings.profile, &r->profile, err);
	if (e || !*c->settings.identity_key)
		return e;
	e = crypto_load_spki(c->settings.identity_key, key, sizeof(key), &n, err);
	if (!e)
		r->profile = profile_with_key(r->arena, r->profile, key, n);
	return e;
}

/* The facts of this host, or of a client of its own on the LAN. */
static int look_around(struct command_ctx *c, struct host_facts *host, struct as_client **client,
		       struct sp_error *err)
{
	const struct settings *s = &c->settings;
	struct as_client_address given;
	if (!*s->as_client)
		return netinfo_read(s->interface, host, err);
	int e = *s->client_address ? as_client_parse(s->client_address, &given, err) : 0;
	return e ? e : as_client_open(s->as_client, *s->client_address ? &given : NULL, s->dry_run, host,
				      client, err);
}

static int prepare(struct command_ctx *c, struct run *r, struct host_facts *host,
		   struct as_client **client, struct sp_error *err)
{
	char stamp[CLOCK_STRLEN], name[256] = "", shown[256];
	uint32_t random = 0;
	int e = load_profile(c, r, err);
	e = e ? e : look_around(c, host, client, err);
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

static int dry_run(const struct run *r)
{
	uint64_t packets = 0, bytes = 0;
	printf("Nothing was sent. This run would send at most:\n");
	if (r->host->as_client.name[0]) {
		printf("  %-18s %-48s %3d packets %5d B  %s\n", "dhcp", r->host->as_client.name,
		       AS_CLIENT_PACKETS, AS_CLIENT_BYTES, "an address for the client");
		packets += AS_CLIENT_PACKETS;
		bytes += AS_CLIENT_BYTES;
	}
	for (size_t i = 0; i < r->n_checks; i++) {
		const struct check *k = &r->checks[i];
		const struct profile_target *t = k->target_index < 0 ? NULL
							: &r->profile->targets[k->target_index];
		if (!k->chosen || (!k->packets && strcmp(k->probe, "link")))
			continue;
		printf("  %-18s %-48s %3u packets %5u B  %s\n", k->id, k->target, k->packets, k->bytes,
		       t ? t->why : "this network's own");
		packets += k->packets;
		bytes += k->bytes;
	}
	printf("  together %llu packets, %llu B\n", (unsigned long long)packets, (unsigned long long)bytes);
	return 0;
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

static int measure(struct command_ctx *c, struct run *r, const struct as_client *client)
{
	struct live live = { .run = r };
	bool stream = strcmp(c->settings.format, "ndjson") == 0 && !*c->settings.output;
	live.progress = !stream && !c->settings.quiet && isatty(STDERR_FILENO);
	if (stream)
		live.journal = journal_open(r, stdout);
	struct runner_hooks hooks = { .observed = on_observation, .ctx = &live };
	int e = runner_run(r, &hooks);
	if (live.progress)
		fputs("\r\x1b[K", stderr);
	if (e)
		return command_fail(SP_EXIT_INTERNAL, "the run could not start: %s", sp_strerror(e));
	note_lost_place(r, client);
	judge_run(r);
	if (stream)
		return journal_close(live.journal) ? command_fail(SP_EXIT_IO, "standard output was closed")
						   : r->exit;
	return write_report(c, r, r->exit);
}

static int exit_of(int e)
{
	return e == SP_E_UNKNOWN || e == SP_E_USAGE ? SP_EXIT_USAGE
	       : e == SP_E_MISSING ? SP_EXIT_MISSING : e == SP_E_DENIED ? SP_EXIT_DENIED
	       : e == -EINTR ? SP_EXIT_UNKNOWN : SP_EXIT_CONFIG;
}

static int run(struct command_ctx *c)
{
	struct run *r = run_new();
	struct host_facts host;
	struct as_client *client = NULL;
	struct sp_error err = { 0 };
	char line[1024];
	int e = c->n_operands ? sp_error_set(&err, SP_E_USAGE, "check takes no operand '%s'", c->operands[0])
			      : prepare(c, r, &host, &client, &err);
	int code = e ? command_fail(exit_of(e), "%s", sp_error_format(&err, line, sizeof(line)))
		     : c->settings.dry_run ? dry_run(r) : measure(c, r, client);
	as_client_close(client);
	run_free(r);
	return code;
}

static const char check_help[] =
	"--as-client tests a LAN as a new device there would be treated: on a gateway, whose own packets\n"
	"skip its forwarding rules, name the LAN's bridge (br-lan); elsewhere a wired interface. It needs\n"
	"root, takes a MAC address of its own and an address by DHCP (it looks for none itself), and is\n"
	"gone with the process, however that ends. A client beside an interface (a macvlan, where there is\n"
	"no bridge) cannot reach its own host, and no access point lets it in.";

const struct command check_command = {
	.name = "check",
	.help = check_help,
	.operands = "",
	.summary = "one run: link, names, cloud ports; then verdicts and what to ask for",
	.run = run,
};
