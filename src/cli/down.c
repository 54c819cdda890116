#include "cli/become.h"

static const struct spore__option options[] = {
    {"logs", 0, NULL, "remove the logs of its tasks too", 0, NULL},
    {"timeout", 't', "TIME", "give up waiting after it, such as 30s", 0, NULL},
    {"json", 0, NULL, "print the result as JSON", 0, NULL},
    {0},
};

static const struct spore__example examples[] = {
    {"spore down", "the system of the nearest spore.yaml"},
    {"spore down shop", "a system by its name, wherever you are"},
    {0},
};

static int down(const struct spore__args *args)
{
	spore__command_become(args, "spore-system", "down");
}

const struct spore__command spore__command_down = {
    .name = "down",
    .operands = "[FILE|NAME]",
    .summary = "stop a system and forget its tasks",
    .text =
        "Tasks stop before what they come after. It returns when every process that they started is known to be dead; "
        "otherwise those that live on are named. Logs are kept.",
    .options = options,
    .examples = examples,
    .max_operands = 1,
    .completes = SPORE__COMPLETES_FILE,
    .run = down,
};
