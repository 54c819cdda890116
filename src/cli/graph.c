#include "cli/become.h"

static const struct spore__option options[] = {
    {"dot", 0, NULL, "print it for Graphviz", 0, NULL},
    {"mermaid", 0, NULL, "print it for Mermaid", 0, NULL},
    {"json", 0, NULL, "print JSON", 0, NULL},
    {0},
};

static const struct spore__example examples[] = {
    {"spore graph", "the tasks in the order in which they start"},
    {"spore graph --dot | dot -Tsvg > system.svg", "as a picture"},
    {0},
};

static int graph(const struct spore__args *args)
{
	spore__command_become(args, "spore-system", "graph");
}

const struct spore__command spore__command_graph = {
    .name = "graph",
    .operands = "[FILE]",
    .summary = "show the tasks of a system, what each comes after, and the wires",
    .text = "It shows what the manifest says, whether the system runs or not; *spore ps* shows what runs.",
    .options = options,
    .examples = examples,
    .max_operands = 1,
    .completes = SPORE__COMPLETES_FILE,
    .run = graph,
};
