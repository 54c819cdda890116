// Help on standard output, from the table.
#ifndef SPORE_CLI_HELP_H
#define SPORE_CLI_HELP_H

#include "cli/command.h"

void spore__help_print(const char *path, const struct spore__command *c); // PATH: "spore store gc"
void spore__help_overview(void);
void spore__help_version(void);

#endif
