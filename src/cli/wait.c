#include <stdlib.h>
#include <unistd.h>

#include "base/err.h"
#include "base/mem.h"
#include "base/nearest.h"
#include "cli/tasks.h"
#include "node/tasks_wait.h"

static const char words[] = "started ready healthy ended";

static const struct spore__option options[] = {
    {"until", 'u', "WHAT", "started, ready (the default), healthy or ended", SPORE__COMPLETES_WORDS, words},
    {"timeout", 't', "TIME", "give up after it", 0, NULL},
    {0},
};

static const struct spore__example examples[] = {
    {"spore wait web", "until it is ready"},
    {"spore wait --until ended --timeout 1h backup", "until a task that does one thing has done it"},
    {0},
};

static int run(const struct spore__args *args)
{
	const char *until = spore__args_has(args, "until") ? spore__args_value(args, "until") : "ready";
	struct spore__strs known = {0};
	struct spore__tasks t;
	(void)spore__strs_split(&known, words);
	if (!spore__strs_has(&known, until)) {
		const char *near = spore__nearest(until, (const char *const *)known.items);
		char *remedy =
		    near != NULL ? spore__xasprintf("did you mean '%s'?", near) : spore__xasprintf("one of: %s", words);
		spore__die(SPORE__EXIT_USAGE, remedy, "wait: --until %s: not known", until);
	}
	int64_t timeout = spore__args_has(args, "timeout")
	                      ? spore__duration_option("wait", "timeout", spore__args_value(args, "timeout"))
	                      : -1;
	int status = spore__tasks_open(&t, "wait", true);
	if (status != 0)
		return status;
	status = spore__tasks_wait(&t, args->operands, args->operand_count, until, timeout, isatty(STDERR_FILENO));
	spore__tasks_close(&t);
	spore__strs_finish(&known);
	return status;
}

const struct spore__command spore__command_wait = {
    .name = "wait",
    .operands = "NAME...",
    .summary = "wait until tasks are started, ready, healthy or ended",
    .text = "On a terminal it says what it waits for. The status is 1 when the time is over, or as soon as one of the "
            "tasks "
            "cannot get there any more.",
    .options = options,
    .examples = examples,
    .min_operands = 1,
    .max_operands = (size_t)-1,
    .completes = SPORE__COMPLETES_TASK,
    .run = run,
};
