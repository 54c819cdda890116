#include "cli/become.h"

static const struct spore__option options[] = {
    {"interval", 'i', "TIME", "measure that often (1s)", 0, NULL},
    {"once", '1', NULL, "print one table and end; so it is too when standard output is no terminal", 0, NULL},
    {0},
};

static const struct spore__example examples[] = {
    {"spore top", "tasks, the busiest first"},
    {"spore top --once | head", "for scripts; measures for one interval"},
    {0},
};

static int run(const struct spore__args *args)
{
	spore__command_become(args, "spore-top", NULL);
}

const struct spore__command spore__command_top = {
    .name = "top",
    .operands = "",
    .summary = "watch the tasks: processor, memory, restarts, log rate",
    .text =
        "Keys: up, down, page up, page down: choose a task; *s* stop it, *r* restart it, *l* follow its log (ctrl-C "
        "comes "
        "back), *c* *m* *g* *n* sort by processor, memory, log rate, name; *a* all tasks or those that are wanted; *q* "
        "quit. What stopping answers is shown in the last line.",
    .options = options,
    .examples = examples,
    .run = run,
};
