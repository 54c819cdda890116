// What spore wire and spore unwire share.
#ifndef SPORE_CLI_WIRING_H
#define SPORE_CLI_WIRING_H

#include "cli/command.h"

// Calls METHOD with the two ports that the operands name. Returns the exit status.
int spore__wiring_call(const struct spore__args *args, const char *what, const char *method);

#endif
