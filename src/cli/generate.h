// What the build makes from the table of commands: manual pages and shell completions. Not part of spore itself.
#ifndef SPORE_CLI_GENERATE_H
#define SPORE_CLI_GENERATE_H

#include "base/buf.h"
#include "cli/command.h"

// Calls VISIT for each command and subcommand, a command before its subcommands; PATH is "store gc".
void spore__generate_each(void (*visit)(struct spore__buf *out, const char *path, const struct spore__command *c),
                          struct spore__buf *out);

// The page of one command, in scdoc's language.
void spore__generate_man(struct spore__buf *out, const struct spore__command *c);
// spore(1): the list of commands, then END, which is scdoc text written by hand.
void spore__generate_man_overview(struct spore__buf *out, const char *end);

void spore__generate_bash(struct spore__buf *out);
void spore__generate_zsh(struct spore__buf *out);
void spore__generate_fish(struct spore__buf *out);

#endif
