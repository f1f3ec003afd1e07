/* `rules --for DIALECT [RUN]`: the allow-list for one firewall, from a recorded run or a new one. */
#include <string.h>

#include "commands.h"
#include "output.h"
#include "sallyport/judge.h"
#include "sallyport/rules.h"

/* clang-format off */
static const char rules_help[] =
	"RUN is a recorded run (`sallyport check -o ndjson`), or - for stdin; nothing is sent then.\n"
	"Without it a run is made first, as `check` does.\n"
	"\n"
	"--device and --devices name the devices that the rules are for; without them those of the\n"
	"recorded run, else a placeholder that opens nothing until it is filled in. Never this host.\n"
	"\n"
	"  sallyport check -o ndjson > run.ndjson\n"
	"  sallyport rules --for nftables --device MAC run.ndjson > allow.nft\n"
	"\n"
	"sallyport only prints: how to load the rules, verify them and take them back stands at the\n"
	"head of what it writes. Exit code 0 when they were written, whatever the run's verdict.";
/* clang-format on */

static int no_dialect(struct command_ctx *c)
{
	const char *list = "", *name = c->settings.dialect;
	for (size_t i = 0; i < n_dialect_table; i++)
		list = arena_printf(c->arena, "%s%s%s", list, i ? ", " : "", dialect_table[i].name);
	char shown[64];
	text_printable(shown, sizeof(shown), wire_text_str(name));
	return *name ? command_fail(SP_EXIT_USAGE, "no dialect '%s'; there are: %s", shown, list)
		     : command_fail(SP_EXIT_USAGE, "rules needs --for DIALECT; there are: %s", list);
}

/* Devices of this command line stand in for those of the recording. */
static void take_devices(const struct command_ctx *c, struct run *r)
{
	if (!c->settings.n_devices || r->settings == &c->settings)
		return;
	struct settings *s = arena_memdup(r->arena, r->settings, sizeof(*s));
	memcpy(s->devices, c->settings.devices, sizeof(s->devices));
	s->n_devices = c->settings.n_devices;
	r->settings = s;
	judge_run(r);
}

static int exit_of(int e)
{
	return e == SP_E_USAGE ? SP_EXIT_USAGE : e == SP_E_MISSING ? SP_EXIT_UNKNOWN : SP_EXIT_DAMAGED;
}

struct rules_job {
	const struct dialect *dialect;
	const struct ruleset *rules;
};

static int write_job(const struct document *d, FILE *out, bool terminal)
{
	const struct rules_job *j = d->of;
	(void)terminal;
	return j->dialect->write(j->rules, out);
}

static int write_rules(struct command_ctx *c, struct run *r)
{
	struct rules_job j = { .dialect = dialect_by_name(c->settings.dialect) };
	struct sp_error err = { 0 };
	char line[1024];
	take_devices(c, r);
	int e = ruleset_make(r->arena, r, &j.rules, &err);
	if (e)
		return command_fail(exit_of(e), "%s", sp_error_format(&err, line, sizeof(line)));
	if (!r->settings->n_devices && !c->settings.quiet)
		fputs("sallyport: no device named (--device, --devices): the rules open nothing until "
		      "one is filled in\n", stderr);
	return write_document(c, &(struct document){ .write = write_job, .command = c, .of = &j }, 0);
}

static int measure_and_write(struct command_ctx *c, struct run *r)
{
	int code = output_check(c);
	code = code ? code : check_measure(c, r);
	return code ? code : write_rules(c, r);
}

static int run(struct command_ctx *c)
{
	if (!dialect_by_name(c->settings.dialect))
		return no_dialect(c);
	int wrong = command_operands(c, 0, 1);
	if (wrong)
		return wrong;
	return c->n_operands ? replay_with_run(c, c->operands[0], write_rules)
			     : check_with_plan(c, measure_and_write);
}

const struct command rules_command = {
	.name = "rules",
	.operands = "[RUN]",
	.summary = "the allow-list for one firewall (--for), from a recorded run or a new one",
	.help = rules_help,
	.run = run,
	.flags = "-format," COMMAND_REFLECTOR_FLAGS,
};
