// `spore run --watch`: builds and starts again whenever a source changes.
#ifndef SPORE_CLI_WATCH_H
#define SPORE_CLI_WATCH_H

#include "source/launch.h"

// Of a source that is no system program. Returns the exit status.
int spore__watch_run(const struct spore__launch_wish *wish);

#endif
