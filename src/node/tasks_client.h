// Asks the node about tasks (docs/design/tasks.md). For the tools: reports what is wrong as base/err.h does; memory that runs out ends the
// process. One thread. A call that the node's end interrupted is made again with the next node where that does no harm.
#ifndef SPORE_NODE_TASKS_CLIENT_H
#define SPORE_NODE_TASKS_CLIENT_H

#include <stdbool.h>
#include <stdint.h>

#include "node/meet.h"
#include "task/spec.h"
#include "task/state.h"

struct spore__tasks {
	struct spore__rpc_client rpc; // rpc.m.result is the answer to the last call, rpc.why why there is none
	bool connected;
	const char *what; // for reports: the command
};

enum { SPORE__TASKS_PATIENCE_MS = 60000, SPORE__TASKS_FOREVER_MS = INT32_MAX };

// 0; -1: no node runs (only without START); else the exit status. WHAT stays the caller's.
int spore__tasks_open(struct spore__tasks *t, const char *what, bool start);
void spore__tasks_close(struct spore__tasks *t);

// Many calls that may be made twice, some of them under way at a time. `put` makes the parameters of item I (of `count`), `took` (may be
// NULL) gets its result, in whatever order they come. The first error ends it, and is that of one of the items.
struct spore__tasks_batch {
	const char *method;
	size_t count;
	void (*put)(void *arg, size_t i, struct spore__msgpack_writer *params);
	void (*took)(void *arg, size_t i, const struct spore__msgpack_reader *result);
	void *arg;
	int timeout_ms;  // for each answer
	bool one_by_one; // each when the one before is answered
};
enum spore_err spore__tasks_call_all(struct spore__tasks *t, const struct spore__tasks_batch *b);

// Calls METHOD with the map in PARAMS, which is finished here, and waits for the answer for TIMEOUT_MS. AGAIN: it may be made twice.
enum spore_err spore__tasks_call(struct spore__tasks *t, const char *method, struct spore__msgpack_writer *params,
                                 bool again, int timeout_ms);

// Reports why the last call failed: what the node wrote after the last semicolon is the remedy. Returns the exit status.
int spore__tasks_failed(const struct spore__tasks *t, enum spore_err err);

// Of an answer to tasks.start with `swap`: notes on standard error why channels were not handed over, if they were not.
void spore__tasks_say_not_swapped(const char *command, const struct spore__msgpack_reader *result);

// Begins the parameters of a method that takes names: `names`, `from` (the working folder), and MORE pairs that the caller writes. COUNT
// names.
void spore__tasks_put_names(struct spore__msgpack_writer *w, char *const *names, size_t count, uint32_t more);
// Likewise with `name`.
void spore__tasks_put_name(struct spore__msgpack_writer *w, const char *name, uint32_t more);

// A TASK of the node's.
struct spore__task_info {
	// In one block, which begins with the name; "" when there is none.
	char *name, *system, *task, *state, *why, *source, *every;
	int64_t replica, generation, next_at, skipped;
	bool wanted;
	bool has_hold;
	struct spore__hold_state hold; // zeroed without one
};

// Decodes the map that R stands before, and stands behind it afterwards. False when it is none. INFO is to be finished either way.
bool spore__task_info_read(struct spore__msgpack_reader *r, struct spore__task_info *info);
void spore__task_info_finish(struct spore__task_info *info);

struct spore__task_list {
	struct spore__task_info *items; // by system, task and replica
	size_t count;
};

// All tasks, in as many calls as it takes. SYSTEM may be NULL; ALL: those too that are not wanted and do not run. LIST is to be
// finished either way.
enum spore_err spore__tasks_list(struct spore__tasks *t, const char *system, bool all, struct spore__task_list *list);
void spore__task_list_finish(struct spore__task_list *list);

#endif
