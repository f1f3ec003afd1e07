/* `lab`: a command on the device of a private fake Internet. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sallyport/lab.h"
#include "ui/commands/commands.h"

/* clang-format off */
static const char lab_help[] =
	"FAULT is a row of `sallyport lab list`; several add up. NAME=VALUE words join them with\n"
	"commas: delay=MS jitter=MS (one way) loss=P reorder=P (0 to 1) on the link behind the\n"
	"gateway, seed=N for the same luck again (-v shows it), without=NAME[+NAME] leaves servers\n"
	"out (dns dhcp mute proxy stub dns-public ntp dtls greeting tls http).\n"
	"\n"
	"CMD runs on the device: 192.168.77.10 behind the gateway and resolver 192.168.77.1. With a\n"
	"gateway-... row it runs on the gateway, whose LAN is the bridge br-lan. Without CMD a shell\n"
	"opens there. It ends with CMD's exit code (128 + signal when that was killed, 127 when it was\n"
	"not found); every process of the lab ends with it.\n"
	"\n"
	"  sallyport lab udp-port-blocked,delay=50 -- sallyport check\n"
	"\n"
	"SALLYPORT_LAB_GATEWAY and SALLYPORT_LAB_FAR each hold a shell line that runs on that side\n"
	"after the lab's servers listen and before CMD starts; what it leaves in the background\n"
	"stays until the end. It finds its files under $LAB_DIR: ca.pem, site.pem and other.pem (key\n"
	"and certificate of the profile's and the control names), identity.pem, and names (lines of\n"
	"address, what is asked there, name; a name covers those below it). This is how, together\n"
	"with without=, other server programs take the place of the lab's own.\n"
	"\n"
	"`lab list -q` is for programs: name, expected verdict or -, expected exit code of `check`\n"
	"with the default profile, and summary, separated by tabs.";
/* clang-format on */

static int list_faults(bool plain)
{
	for (size_t i = 0; i < n_lab_fault_table; i++) {
		const struct lab_fault *f = &lab_fault_table[i];
		if (plain)
			printf("%s\t%s\t%d\t%s\n", f->name, f->expect ? f->expect : "-", f->exit,
			       f->summary);
		else
			printf("%-24s %s\n", f->name, f->summary);
	}
	return fflush(stdout) ? command_fail(SP_EXIT_IO, "cannot write the list") : SP_EXIT_WORKS;
}

static void note(const char *line)
{
	fprintf(stderr, "lab: %s\n", line);
}

static int run(struct command_ctx *c)
{
	struct lab_options o = {
		.profile = c->settings.profile,
		.far_hook = getenv("SALLYPORT_LAB_FAR"),
		.gateway_hook = getenv("SALLYPORT_LAB_GATEWAY"),
		.note = c->settings.verbose ? note : NULL,
	};
	bool command = c->after_dashes < c->argc;
	if (c->n_operands != 1)
		return command_fail(SP_EXIT_USAGE,
				    "lab: name one list of faults, then -- and a command "
				    "(`sallyport lab list` shows the faults)");
	if (strcmp(c->operands[0], "list") == 0 && !command)
		return list_faults(c->settings.quiet);
	o.faults = c->operands[0];
	struct sp_error err = {0};
	char line[700];
	int code = lab_run(&o, command ? c->argv + c->after_dashes : NULL, &err);
	if (err.text[0])
		command_fail(0, "lab: %s", sp_error_format(&err, line, sizeof(line)));
	return code >= 0 ? code : command_exit_of(code);
}

const struct command lab_command = {
	.name = "lab",
	.operands = "list | FAULT[,FAULT] [-- CMD]",
	.summary = "run a command inside a private fake Internet with faults",
	.help = lab_help,
	.run = run,
	.flags = "profile," COMMAND_TALK_FLAGS,
	.takes_command = true,
};
