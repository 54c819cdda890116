#include "cli/tasks.h"

static const struct spore__option options[] = {
    {"grace", 'g', "TIME", "how long it may take until what is left is killed, in place of what its task says", 0,
     NULL},
    {"json", 0, NULL, "print JSON: {stopped, survivors, waiting}", 0, NULL},
    {0},
};

static const struct spore__example examples[] = {
    {"spore stop web", "ask it to end, and wait until nothing of it is left"},
    {"spore stop --grace 1s web worker", "kill after a second"},
    {0},
};

static uint32_t more(const struct spore__args *args)
{
	return spore__args_has(args, "grace");
}

static void put(struct spore__msgpack_writer *w, const struct spore__args *args)
{
	if (!spore__args_has(args, "grace"))
		return;
	spore__msgpack_str(w, "grace_ms");
	spore__msgpack_int(w, spore__duration_option("stop", "grace", spore__args_value(args, "grace")));
}

static int run(const struct spore__args *args)
{
	const struct spore__names_call call = {
	    .what = "stop", .method = "tasks.stop", .more = more, .put = put, .again = true};
	return spore__names_call(args, &call);
}

const struct spore__command spore__command_stop = {
    .name = "stop",
    .operands = "NAME...",
    .summary = "stop tasks, with all that they started",
    .text =
        "What comes after a task (*after*) is stopped before it. A task is asked to end: with the stop message where "
        "it links libspore, end of file on stdin where its task says so, then its stop signal; after its grace period "
        "everything that it started is killed. It is said to be stopped only when all of that is dead; processes that "
        "cannot be ended are named, and the status is 1. The task stays defined: *spore start* NAME begins it again.",
    .options = options,
    .examples = examples,
    .min_operands = 1,
    .max_operands = (size_t)-1,
    .completes = SPORE__COMPLETES_TASK,
    .run = run,
};
