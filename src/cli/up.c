#include "cli/become.h"

static const struct spore__option options[] = {
    {"detach", 'd', NULL, "start it and return; 'spore logs -f' shows what it says", 0, NULL},
    {"wait", 'w', NULL, "wait until all is ready, and say what is waited for", 0, NULL},
    {"timeout", 't', "TIME", "with --wait: give up after it, such as 30s", 0, NULL},
    {"profile", 'p', "NAME", "start the tasks of this profile too; several are separated by commas", 0, NULL},
    {"swap", 0, NULL,
     "what runs and has changed goes on until the new one is ready, which takes over its channels without losing a "
     "message (spore restart --swap)",
     0, NULL},
    {"watch", 0, NULL, "build again what changes, and do as with --swap; a build that fails leaves all as it is", 0,
     NULL},
    {0},
};

static const struct spore__example examples[] = {
    {"spore up", "start the system of the nearest spore.yaml, show its logs, stop it with Ctrl-C"},
    {"spore up -d --wait --timeout 1m", "in the background; return when all is ready"},
    {"spore up --watch", "while you work on it"},
    {"spore up -d --swap", "a new version in place of the one that runs, which its peers do not notice"},
    {"spore up -d ../shop/spore.yaml web", "one task of another system, and what it comes after"},
    {0},
};

static int up(const struct spore__args *args)
{
	spore__command_become(args, "spore-system", "up");
}

const struct spore__command spore__command_up = {
    .name = "up",
    .operands = "[FILE] [TASK...]",
    .summary = "start the system of a spore.yaml, or change what differs from it",
    .text =
        "FILE is a manifest or a folder with one, written with a slash or ending in .yaml; else it is the spore.yaml "
        "with "
        "tasks that is in the current folder or nearest above it. With TASK only these are started, and what they "
        "come after.\n\n"
        "It builds the sources, says what it will do (as *spore plan*), and does it: what has not changed is left "
        "alone, and started again only where it has ended and what is started would wait for it. When a build fails "
        "nothing is changed. Without --detach it shows the logs until Ctrl-C, which stops "
        "the tasks in order; Ctrl-C once more kills them.\n\n"
        "With --swap or --watch a new one that does not become ready changes nothing, nor does one without *ready:* "
        "that "
        "ends within a second. A task whose channels cannot be "
        "handed over, since it has wired stdin or stdout, is replaced as without.\n\n"
        "See *spore-manifest*(7) for what a spore.yaml says.",
    .options = options,
    .examples = examples,
    .max_operands = (size_t)-1,
    .completes = SPORE__COMPLETES_FILE,
    .run = up,
};
