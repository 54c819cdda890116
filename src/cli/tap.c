#include "cli/become.h"

static const struct spore__option options[] = {
    {"json", 0, NULL, "print a JSON object per message", 0, NULL},
    {"raw", 0, NULL, "print the bytes of the messages, and nothing else", 0, NULL},
    {"hex", 0, NULL, "print the bytes in hexadecimal", 0, NULL},
    {"count", 'n', "N", "end after so many messages", 0, NULL},
    {0},
};

static const struct spore__example examples[] = {
    {"spore tap camera.frames", "what it sends and receives, from now on"},
    {"spore tap web.db --json -n 10", "the next ten messages"},
    {0},
};

static int run(const struct spore__args *args)
{
	spore__command_become(args, "spore-look", "tap");
}

const struct spore__command spore__command_tap = {
    .name = "tap",
    .operands = "A.PORT",
    .summary = "see the messages of a port while they pass",
    .text =
        "Prints a line for each message of the port's channels with the time, the direction (-> sent by the "
        "task, <- received by it), its length, and its bytes; of messages over 1 MiB the beginning. A port is "
        "[SYSTEM/]TASK[@REPLICA].PORT; one that serves has a number before the arrow for each "
        "channel. A port that its program may open later, and its next channel, are waited for, which is said on "
        "standard "
        "error; what will never be is refused.\n\nNeither end notices that somebody looks on: the memory that the two "
        "share is read beside "
        "them, and nothing waits for the tap. A tap that is slower than the traffic misses messages, and says "
        "how many. Looked at can be channels of shared memory (ring in *spore wires*), and of programs without "
        "libspore FIFOs, "
        "sockets and a stdin or stdout that is wired with *--tap* (_tap: true_); what these carry is told apart as the "
        "framing of the port says, lines otherwise. What is published it hears as one more subscriber, which nobody "
        "waits "
        "for; of a port that subscribes it looks on at its publisher, and of one that is wired to a program "
        "without libspore at the end of that one. Within one "
        "direction messages are in order; what passed in both directions within a moment may be shown in "
        "another order.",
    .options = options,
    .examples = examples,
    .min_operands = 1,
    .max_operands = 1,
    .completes = SPORE__COMPLETES_PORT,
    .run = run,
};
