// What the commands about tasks share: names on the command line, and tasks in words and in JSON.
#ifndef SPORE_CLI_TASKS_H
#define SPORE_CLI_TASKS_H

#include "base/json.h"
#include "cli/command.h"
#include "node/tasks_client.h"
#include "show/text.h"
#include "task/usage.h"

// Calls METHOD for the tasks that the operands name, prints the result with --json, and reports tasks that are still waited for or
// could not be ended. MORE pairs of parameters come from PUT, which may be NULL. Returns the exit status.
struct spore__names_call {
	const char *what, *method;
	void (*put)(struct spore__msgpack_writer *w, const struct spore__args *args);
	uint32_t (*more)(const struct spore__args *args);
	bool again; // it may be made twice
};
int spore__names_call(const struct spore__args *args, const struct spore__names_call *call);

// The value of an option as milliseconds (500ms, 5s, 1m30s); dies of another, naming the command.
int64_t spore__duration_option(const char *what, const char *option, const char *value);
// As a signal: TERM, SIGTERM, 15.
int64_t spore__signal_option(const char *what, const char *option, const char *value);

// The task as the member KEY (NULL: none): the shape of `ps --json`, the same wherever tasks are told. USAGE may be NULL.
void spore__task_json(struct spore__json *j, const char *key, const struct spore__task_info *t,
                      const struct spore__usage *usage);

#endif
