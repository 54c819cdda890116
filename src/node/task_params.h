// Parameters of the methods about tasks. Each function that fails has answered the call.
#ifndef SPORE_NODE_TASK_PARAMS_H
#define SPORE_NODE_TASK_PARAMS_H

#include "node/tasks.h"
#include "rpc/service.h"

enum {
	SPORE__NAMES_MAX = 10000, // in one call
};

// Tasks that a call names, each once.
struct spore__selection {
	struct spore__task **tasks;
	size_t count, cap;
};
void spore__selection_finish(struct spore__selection *s);
// Adds TASK unless it is there. False: no memory.
bool spore__selection_add(struct spore__selection *s, struct spore__task *task);
// The tasks of `names` (the first parameter), seen from `from` (the second). ALL: without names all of the system of `from`, else all.
bool spore__selection_take(struct spore__tasks *t, struct spore__rpc_call *call, bool all, struct spore__selection *s);

bool spore__param_bool(struct spore__rpc_call *call, uint32_t index, const char *name,
                       bool *value); // false when it is missing
// MISSING when it is missing. Between MIN and MAX.
bool spore__param_int(struct spore__rpc_call *call, uint32_t index, const char *name, int64_t min, int64_t max,
                      int64_t missing, int64_t *value);
// Empty when it is missing.
bool spore__param_text(struct spore__rpc_call *call, uint32_t index, const char *name, char *out, size_t size);
// The index of the word in the NULL-terminated WORDS, MISSING when it is missing.
bool spore__param_word(struct spore__rpc_call *call, uint32_t index, const char *name, const char *const *words,
                       int missing, int *value);
// The database did not take it: answers the call.
void spore__fail_unwritten(struct spore__rpc_call *call, const struct spore__tasks *t);
bool spore__param_timeout(struct spore__rpc_call *call, uint32_t index,
                          int64_t *ms); // `timeout_ms`; -1 when it is missing

#endif
