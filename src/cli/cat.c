#include "cli/become.h"

static const struct spore__option options[] = {
    {"framing", 0, "HOW",
     "how messages are told apart: lines (a newline behind each, the default) or u32le (a length of 4 bytes before "
     "each)",
     SPORE__COMPLETES_WORDS, "lines u32le"},
    {"raw", 0, NULL, "print the bytes of the messages, and nothing between them", 0, NULL},
    {"count", 'n', "N", "end after so many messages", 0, NULL},
    {0},
};

static const struct spore__example examples[] = {
    {"spore cat camera.frames | head", "the first messages"},
    {"spore cat store.dump --framing u32le > dump", "for a program"},
    {0},
};

static int run(const struct spore__args *args)
{
	spore__command_become(args, "spore-look", "cat");
}

const struct spore__command spore__command_cat = {
    .name = "cat",
    .operands = "A.PORT",
    .summary = "print what a port sends, as its peer",
    .text =
        "Becomes the other end of the port, which must connect and be wired to nothing, or serve, and prints "
        "each message that the program sends until it finishes. A port that is wired is looked at with *spore "
        "tap*. The port is free again when *cat* ends; a wire that is made meanwhile takes its place. To a port that "
        "publishes *cat* is one more subscriber: it begins with the last message, and what it is too slow for is "
        "dropped and counted. A port that its program may open later is waited for, which is said on standard error.",
    .options = options,
    .examples = examples,
    .min_operands = 1,
    .max_operands = 1,
    .completes = SPORE__COMPLETES_PORT,
    .run = run,
};
