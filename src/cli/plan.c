#include "cli/become.h"

static const struct spore__option options[] = {
    {"profile", 'p', "NAME", "with the tasks of this profile; several are separated by commas", 0, NULL},
    {"json", 0, NULL, "print JSON", 0, NULL},
    {0},
};

static int plan(const struct spore__args *args)
{
	spore__command_become(args, "spore-system", "plan");
}

const struct spore__command spore__command_plan = {
    .name = "plan",
    .operands = "[FILE] [TASK...]",
    .summary = "say what 'spore up' would do",
    .text = "Each task that *spore up* would *create*, *replace* by a new instance, *update* without one, *start* or "
            "*remove*, "
            "with the fields that differ, and the file whose change made it be built again. The sources are built for "
            "this; nothing that runs is touched. Values are not shown.",
    .options = options,
    .max_operands = (size_t)-1,
    .completes = SPORE__COMPLETES_FILE,
    .run = plan,
};
