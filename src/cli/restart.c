#include "cli/tasks.h"

static const struct spore__option options[] = {
    {"json", 0, NULL, "print JSON: {restarted, waiting}", 0, NULL},
    {0},
};

static const struct spore__example examples[] = {
    {"spore restart web", "stop it as its task says, and start it again"},
    {0},
};

static int run(const struct spore__args *args)
{
	const struct spore__names_call call = {.what = "restart", .method = "tasks.restart"};
	return spore__names_call(args, &call);
}

const struct spore__command spore__command_restart = {
    .name = "restart",
    .operands = "NAME...",
    .summary = "stop tasks and start them again",
    .text =
        "The same artifact is started again, with the same arguments and environment. To run a source that changed, "
        "start it with *spore start --replace*.",
    .options = options,
    .examples = examples,
    .min_operands = 1,
    .max_operands = (size_t)-1,
    .completes = SPORE__COMPLETES_TASK,
    .run = run,
};
