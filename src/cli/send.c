#include <stdint.h>

#include "cli/become.h"

static const struct spore__option options[] = {
    {"framing", 0, "HOW",
     "how messages on standard input are told apart: lines (the default) or u32le (a length of 4 bytes before each)",
     SPORE__COMPLETES_WORDS, "lines u32le"},
    {0},
};

static const struct spore__example examples[] = {
    {"spore send web.commands reload", "one message"},
    {"seq 100 | spore send adder.numbers", "a message for each line"},
    {0},
};

static int run(const struct spore__args *args)
{
	spore__command_become(args, "spore-look", "send");
}

const struct spore__command spore__command_send = {
    .name = "send",
    .operands = "A.PORT [MESSAGE...]",
    .summary = "send messages to a port, as its peer",
    .text = "Becomes the other end of the port, which must connect and be wired to nothing, or serve, and sends "
            "each MESSAGE; without one, each line of standard input. Then it says to the program that nothing "
            "more will come. What was sent waits for the program to receive it, also when *send* has ended. To a port "
            "that subscribes *send* is the publisher.",
    .options = options,
    .examples = examples,
    .min_operands = 1,
    .max_operands = SIZE_MAX,
    .completes = SPORE__COMPLETES_PORT,
    .run = run,
};
