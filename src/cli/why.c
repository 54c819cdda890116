#include "cli/become.h"

static const struct spore__option options[] = {
    {0},
};

static const struct spore__example examples[] = {
    {"spore why camera.frames detect.in", "why nothing arrives"},
    {"spore why camera detect", "all wires between two tasks"},
    {0},
};

static int run(const struct spore__args *args)
{
	spore__command_become(args, "spore-look", "why");
}

const struct spore__command spore__command_why = {
    .name = "why",
    .operands = "A B",
    .summary = "find out why nothing passes between two ports or tasks",
    .text = "Walks the path step by step: whether the node runs, the tasks exist, something wires them, both ports "
            "are open and fit, a channel was made, and whether messages pass, or wait for a program that does not "
            "receive. Where no wire joins the two it goes over the tasks between them. A or B may be one of several "
            "replicas. The first step that fails has the mark _no_, and what "
            "helps below it; the status is 1 then. "
            "Whether messages pass can be seen only of channels of shared memory.",
    .options = options,
    .examples = examples,
    .min_operands = 2,
    .max_operands = 2,
    .completes = SPORE__COMPLETES_END,
    .second = SPORE__COMPLETES_END,
    .run = run,
};
