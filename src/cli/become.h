// Commands whose work another program does: the table has their options and text, libexec their program.
#ifndef SPORE_CLI_BECOME_H
#define SPORE_CLI_BECOME_H

#include "cli/command.h"

// Executes PROGRAM of the libexec folder in place of this process with the arguments COMMAND (may be NULL), the options as they were given,
// each as --NAME or --NAME=VALUE, `--` and the operands. Does not return.
_Noreturn void spore__command_become(const struct spore__args *args, const char *program, const char *command);

#endif
