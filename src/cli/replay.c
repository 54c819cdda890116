#include "cli/become.h"

static const struct spore__option options[] = {
    {"speed", 0, "X", "so many times as fast as it was recorded (1); max: without waiting", 0, NULL},
    {"received", 0, NULL, "send what the recorded port received, and not what it sent", 0, NULL},
    {0},
};

static const struct spore__example examples[] = {
    {"spore replay day.rec detect.in", "with the pauses of the recording"},
    {"spore replay day.rec detect.in --speed max", "as fast as it is taken"},
    {0},
};

static int run(const struct spore__args *args)
{
	spore__command_become(args, "spore-look", "replay");
}

const struct spore__command spore__command_replay = {
    .name = "replay",
    .operands = "FILE A.PORT",
    .summary = "send what was recorded to a port",
    .text = "Becomes the other end of the port, as *spore send* does, and sends the messages of a file of *spore "
            "record* when they are due. What the program answers is passed over. A damaged file is refused at the "
            "place of the damage.",
    .options = options,
    .examples = examples,
    .min_operands = 2,
    .max_operands = 2,
    .completes = SPORE__COMPLETES_FILE,
    .second = SPORE__COMPLETES_PORT,
    .run = run,
};
