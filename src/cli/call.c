#include <stdint.h>

#include "cli/become.h"

static const struct spore__option options[] = {
    {"describe", 0, NULL, "print the methods: what they take, give and fail with", 0, NULL},
    {"timeout", 't', "SECONDS", "give up after so long; the program that is called hears of it", 0, NULL},
    {"names", 0, NULL,
     "print only the names: of the methods or, without a port, of what can be called (for completion)", 0, NULL},
    {"json", 0, NULL, "print each part, the result or the error as an object on a line", 0, NULL},
    {0},
};

static const struct spore__example examples[] = {
    {"spore call calc.calc add 2 3", "parameters by position"},
    {"spore call calc.calc add a=2 b=3", "by name"},
    {"spore call calc.calc add '{\"a\": 2, \"b\": 3}'", "as JSON"},
    {"spore call node tasks.list", "the node's own service"},
    {0},
};

static int run(const struct spore__args *args)
{
	spore__command_become(args, "spore-look", "call");
}

const struct spore__command spore__command_call = {
    .name = "call",
    .operands = "[NAME.PORT [METHOD [PARAMETER...]]]",
    .summary = "call a method of a program, or of the node",
    .text =
        "Becomes the other end of the port, which must serve, or connect and be wired to nothing, and whose protocol "
        "is "
        "rpc (or msgpack-rpc on a port of bytes), calls METHOD and prints the result as JSON; parts of it that come "
        "before are lines of their own, and progress goes to standard error. *node* is the node itself. A PARAMETER is "
        "a "
        "JSON value, or else a string; NAME=VALUE gives it by name; one that is an array or object is all of them.\n\n"
        "An error is printed with its code and data. The exit status is 0 with a result, 1 with an error, also when "
        "nobody "
        "answers in time, the program ends, or there is no such task, 2 when it cannot be asked for like that, "
        "and 125 when spore itself fails.",
    .options = options,
    .examples = examples,
    .min_operands = 0,
    .max_operands = SIZE_MAX,
    .completes = SPORE__COMPLETES_CALL,
    .run = run,
};
