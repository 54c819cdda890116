#include "cli/tasks.h"

static const struct spore__option options[] = {
    {"swap", 0, NULL, "start another instance beside it, which takes over its channels without losing a message", 0,
     NULL},
    {"json", 0, NULL, "print JSON: {restarted, waiting}, or {swapped, waiting}", 0, NULL},
    {0},
};

static const struct spore__example examples[] = {
    {"spore restart web", "stop it as its task says, and start it again"},
    {"spore restart --swap detect", "its peers go on, with what it had not received and without an end"},
    {0},
};

static int run(const struct spore__args *args)
{
	bool swap = spore__args_has(args, "swap");
	const struct spore__names_call call = {.what = "restart", .method = swap ? "tasks.swap" : "tasks.restart"};
	return spore__names_call(args, &call);
}

const struct spore__command spore__command_restart = {
    .name = "restart",
    .operands = "NAME...",
    .summary = "stop tasks and start them again",
    .text =
        "The same artifact is started again, with the same arguments and environment. To run a source that changed, "
        "start it with *spore start --replace*.\n\nWith *--swap* the one that runs stays until another one is ready. "
        "Then it is asked to stop, ends when it has "
        "answered what it received, and its peers go on with the new one: what it did not receive goes there, once and "
        "in order, and none "
        "of them sees an end. When the new one does not become ready (or ends within a second, where it does not say "
        "when it is) "
        "the old one stays. That is for ports of libspore "
        "on this machine; a task whose stdin or "
        "stdout is wired, or that is joined with a program without libspore, is refused. Before the old one is gone "
        "nothing can be published, nor heard of what others publish, so it has to be ready without.",
    .options = options,
    .examples = examples,
    .min_operands = 1,
    .max_operands = (size_t)-1,
    .completes = SPORE__COMPLETES_TASK,
    .run = run,
};
