#include "cli/become.h"

static const struct spore__option options[] = {
    {"resend", 0, "N", "hand message N to the bridge again, or all", 0, NULL},
    {"drop", 0, "N", "message N is of no interest any more, or all", 0, NULL},
    {"json", 0, NULL, "print JSON, also those that were sent again or dropped", 0, NULL},
    {0},
};

static const struct spore__example examples[] = {
    {"spore dead", "those of all bridges"},
    {"spore dead editor.stdio --resend=3", "once the program that would not have understood it does"},
    {"spore dead shop/web.api --drop=all", "forget those at a port"},
    {0},
};

static int run(const struct spore__args *args)
{
	spore__command_become(args, "spore-look", "dead");
}

const struct spore__command spore__command_dead = {
    .name = "dead",
    .operands = "[A.PORT [B.PORT]]",
    .summary = "list messages that no bridge could translate",
    .text =
        "Where the ports of a wire speak different protocols a bridge translates (*spore help wires*). What it cannot "
        "translate is parked, and the next message is taken; whoever called has been told so in its own protocol. "
        "Each is shown with its time, its place in the traffic of its channel, the reason, and the beginning of its "
        "bytes; *--json* has all that is kept, 64 KiB of each and 8 MiB of a wire. More are counted only. *spore "
        "wires* has how many wait.",
    .options = options,
    .examples = examples,
    .max_operands = 2,
    .completes = SPORE__COMPLETES_PORT,
    .second = SPORE__COMPLETES_PORT,
    .run = run,
};
