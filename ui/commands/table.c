#include "commands.h"

const struct command *const command_table[] = {
	&check_command, &rules_command, &replay_command, &report_command, &list_command,
	&explain_command, &config_command,
#ifndef SP_WITHOUT_LAB
	&reflector_command, &lab_command,
#endif
};
const size_t n_command_table = sizeof(command_table) / sizeof(command_table[0]);
