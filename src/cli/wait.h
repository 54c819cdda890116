// Waiting for tasks, for `wait` and `start --wait`.
#ifndef SPORE_CLI_WAIT_H
#define SPORE_CLI_WAIT_H

#include "node/tasks_client.h"

// Waits until all have reached UNTIL (started, ready, healthy, ended), for TIMEOUT_MS (-1: no limit); says on a terminal what for. The
// exit status, after a report when they have not.
int spore__wait_for(struct spore__tasks *t, char *const *names, size_t count, const char *until, int64_t timeout_ms);

#endif
