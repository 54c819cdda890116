#include "cli/become.h"

static const struct spore__example examples[] = {
    {"spore rollback web", "the program that web ran before the last change of it"},
    {0},
};

static int rollback(const struct spore__args *args)
{
	spore__command_become(args, "spore-system", "rollback");
}

const struct spore__command spore__command_rollback = {
    .name = "rollback",
    .operands = "NAME",
    .summary = "run the program that a task had before",
    .text = "Starts the task with the artifact before, and all that belonged to it; what runs goes on until that is "
            "ready. Once more "
            "goes forward again, and so does *spore up*.",
    .examples = examples,
    .min_operands = 1,
    .max_operands = 1,
    .completes = SPORE__COMPLETES_TASK,
    .run = rollback,
};
