#include "cli/become.h"

static const struct spore__option options[] = {
    {"stats", 's', NULL, "show what passes over the wires, as spore wires --stats", 0, NULL},
    {"live", 0, NULL, "the same, again each second until Ctrl-C", 0, NULL},
    {"dot", 0, NULL, "print it for Graphviz", 0, NULL},
    {"mermaid", 0, NULL, "print it for Mermaid", 0, NULL},
    {"json", 0, NULL, "print JSON", 0, NULL},
    {0},
};

static const struct spore__example examples[] = {
    {"spore graph", "the tasks in the order in which they start, their states, and the wires"},
    {"spore graph shop", "a system that runs, from anywhere"},
    {"spore graph --live", "what passes, all the time"},
    {"spore graph --dot | dot -Tsvg > system.svg", "as a picture"},
    {0},
};

static int graph(const struct spore__args *args)
{
	spore__command_become(args, "spore-look", "graph");
}

const struct spore__command spore__command_graph = {
    .name = "graph",
    .operands = "[FILE | SYSTEM]",
    .summary = "show the tasks of a system, what each comes after, and the wires",
    .text =
        "It shows what the manifest says; when its system runs, also the state of each task, what carries each wire, "
        "and what those wait for that are not made (*spore help wires*). A system that runs can be named from any "
        "folder. Without a name and without a manifest here, all that the node has.\n\n"
        "Of replicas the states are counted. A wire of the manifest that the node does not have is _not wired_: "
        "*spore up* makes it. With *--json*, what is not known is null; *--live* prints one line each second then.",
    .options = options,
    .examples = examples,
    .max_operands = 1,
    .completes = SPORE__COMPLETES_FILE,
    .run = graph,
};
