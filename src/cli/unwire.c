#include "cli/wiring.h"

static const struct spore__option options[] = {
    {"json", 0, NULL, "print JSON", 0, NULL},
    {0},
};

static const struct spore__example examples[] = {
    {"spore unwire camera.frames detect.in", "both go on, and wait to be wired again"},
    {0},
};

static int run(const struct spore__args *args)
{
	return spore__wiring_call(args, "unwire", "wires.remove");
}

const struct spore__command spore__command_unwire = {
    .name = "unwire",
    .operands = "A.PORT B.PORT",
    .summary = "take a wire away",
    .text =
        "The programs at both ends get what has arrived, then wait for another wire. A wire that a manifest has comes "
        "back with the next *spore up*.",
    .options = options,
    .examples = examples,
    .min_operands = 2,
    .max_operands = 2,
    .completes = SPORE__COMPLETES_PORT,
    .second = SPORE__COMPLETES_PORT,
    .run = run,
};
