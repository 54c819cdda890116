#include "cli/wiring.h"

static const struct spore__option options[] = {
    {"slow", 0, "WHAT", "what happens when the reader of what is published is slow: block, drop-oldest or disconnect",
     SPORE__COMPLETES_WORDS, "block drop-oldest disconnect"},
    {"redeliver", 0, NULL, "what a reader that died had not released is sent again to the next one; it may come twice",
     0, NULL},
    {"lossless", 0, NULL, "refuse a bridge in which anything would be lost", 0, NULL},
    {"tap", 0, NULL,
     "a stdin or stdout at its ends can be looked into (spore tap), and wired otherwise while its program runs", 0,
     NULL},
    {"json", 0, NULL, "print JSON", 0, NULL},
    {0},
};

static const struct spore__example examples[] = {
    {"spore wire camera.frames detect.in", "camera writes, detect reads"},
    {"spore wire web.db shop/database.clients", "with a task of another system"},
    {"spore wire 'editor.stdio(lsp)' tools.calls", "a bridge comes between, since they speak different protocols"},
    {0},
};

static int run(const struct spore__args *args)
{
	return spore__wiring_call(args, "wire", "wires.add");
}

const struct spore__command spore__command_wire = {
    .name = "wire",
    .operands = "A.PORT[(PROTOCOL)] B.PORT[(PROTOCOL)]",
    .summary = "connect two ports of tasks",
    .text =
        "A channel is made as soon as both ports are open, and made again whenever one of them returns, until *spore "
        "unwire*: what is wired stays so when tasks, or the node, are started again. Of a wire that is there an option "
        "changes that alone, and *spore unwire* takes all away. Where the shapes of the ports "
        "differ in direction, the left one writes and the right one reads; ports that connect and serve do both.\n\n"
        "A port is [SYSTEM/]TASK[@REPLICA].PORT. One that is not open yet is waited for; *spore wires* says what for. "
        "A port that its program does not have, although it is ready, is noted and waited for. A protocol in brackets "
        "after a "
        "port says what is spoken there; where the protocols differ a bridge translates (*spore help bridge*), and "
        "*spore wires* shows it "
        "and what is lost in it. What cannot work is "
        "refused: other kinds or shapes, protocols that no bridge knows, a program that has no ports, a second wire at "
        "a port that has one channel, replicas of which one would be left over, an option that would do nothing.\n\n"
        "A stdin or stdout is given to its program when that is started, so it is wired before. With *--tap* it is "
        "started "
        "with a process that carries the bytes, and then *spore wire* and *spore unwire* work while it runs.",
    .options = options,
    .examples = examples,
    .min_operands = 2,
    .max_operands = 2,
    .completes = SPORE__COMPLETES_PORT,
    .second = SPORE__COMPLETES_PORT,
    .run = run,
};
