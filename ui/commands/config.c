/* `config --show`: every setting, its value and where it came from. */
#include "commands.h"

static int run(struct command_ctx *c)
{
	int wrong = command_operands(c, 0, 0);
	if (wrong)
		return wrong;
	for (size_t i = 0; i < n_setting_defs; i++) {
		const char *value = setting_get(c->arena, &c->settings, &setting_defs[i]);
		printf("%-14s %-24s %s\n", setting_defs[i].name, *value ? value : "-", c->settings.origins[i]);
	}
	return 0;
}

const struct command config_command = {
	.name = "config",
	.operands = "",
	.help = "`config --show` is the same.",
	.summary = "show every setting, its value and where it came from",
	.run = run,
	.own_flag = "--show",
};
