// `spore run --watch`: builds and starts again whenever a source changes.
#ifndef SPORE_CLI_WATCH_H
#define SPORE_CLI_WATCH_H

#include "base/buf.h"
#include "cli/build_client.h"
#include "cli/command.h"

// SCRIPT is the command of a source that is run as it is; NULL for one that is built. Returns the exit status.
int spore__watch_run(const struct spore__args *args, const struct spore__wanted *w, const struct spore__strs *script);

#endif
