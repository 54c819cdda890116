#include "base/err.h"
#include "cli/become.h"

static const struct spore__option options[] = {
    {"output", 'o', "FILE", "the file (needed); - is standard output", SPORE__COMPLETES_FILE, NULL},
    {"count", 'n', "N", "end after so many messages", 0, NULL},
    {0},
};

static const struct spore__example examples[] = {
    {"spore record camera.frames -o day.rec", "until Ctrl-C"},
    {"spore replay day.rec detect.in", "give them to another port"},
    {0},
};

static int run(const struct spore__args *args)
{
	if (!spore__args_has(args, "output"))
		spore__die(SPORE__EXIT_USAGE, "spore record A.PORT -o FILE", "record: no file is named");
	spore__command_become(args, "spore-look", "record");
}

const struct spore__command spore__command_record = {
    .name = "record",
    .operands = "A.PORT",
    .summary = "write the messages of a port to a file",
    .text = "As *spore tap*, into a file that *spore replay* reads: each message with the time when it was seen, "
            "its direction and a checksum. Where messages were too fast to be seen the file says how many are "
            "missing. It ends with Ctrl-C, when the task has ended, or after *--count* messages.",
    .options = options,
    .examples = examples,
    .min_operands = 1,
    .max_operands = 1,
    .completes = SPORE__COMPLETES_PORT,
    .run = run,
};
