// Waiting for tasks, for the tools: `wait`, `start --wait`, `up --wait`.
#ifndef SPORE_NODE_TASKS_WAIT_H
#define SPORE_NODE_TASKS_WAIT_H

#include "node/tasks_client.h"

// What the `waiting` of an answer says, as "NAME: WHY; NAME: WHY"; malloc'ed.
char *spore__tasks_waiting(const struct spore__msgpack_reader *result);

// Waits until all have reached UNTIL (started, ready, healthy, ended), for TIMEOUT_MS (-1: no limit). TELL: says on standard error what for,
// again when that changes. The exit status, after a report when they have not.
int spore__tasks_wait(struct spore__tasks *t, char *const *names, size_t count, const char *until, int64_t timeout_ms,
                      bool tell);

#endif
