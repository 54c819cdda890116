// The options of `spore start` as a specification.
#ifndef SPORE_CLI_START_OPTIONS_H
#define SPORE_CLI_START_OPTIONS_H

#include "base/buf.h"
#include "cli/command.h"
#include "task/spec.h"

// Those of --env, --env-file and --secret are NAME=VALUE in ENV, the rest is in S, which is initialised first. Dies of a wrong value,
// saying what is right.
void spore__start_options(const struct spore__args *args, struct spore__spec *s, struct spore__strs *env);

// A task's name for the source SOURCE: the last part of its path without ending, what cannot be in a name as -; malloc'ed.
char *spore__start_name(const char *source);

#endif
