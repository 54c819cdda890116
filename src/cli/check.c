#include "cli/become.h"

static const struct spore__option options[] = {
    {"schema", 0, NULL, "print the JSON schema of a manifest instead", 0, NULL},
    {"json", 0, NULL, "print what was found as JSON", 0, NULL},
    {0},
};

static const struct spore__example examples[] = {
    {"spore check", "the nearest spore.yaml"},
    {"spore check --schema > spore.schema.json", "for editors that complete and check as you type"},
    {0},
};

static int check(const struct spore__args *args)
{
	spore__command_become(args, "spore-system", "check");
}

const struct spore__command spore__command_check = {
    .name = "check",
    .operands = "[FILE]",
    .summary = "find all mistakes of a spore.yaml; status 1 when there are any",
    .text = "FILE is a manifest, or a folder with a spore.yaml; else it is the spore.yaml with tasks that is in the "
            "current "
            "folder or nearest above it. Each mistake is told with file, line and column, what was expected, and the "
            "nearest known key. Environment files, secrets and sources are looked for as well; nothing is built.\n\n"
            "See *spore-manifest*(7) for the keys.",
    .options = options,
    .examples = examples,
    .max_operands = 1,
    .completes = SPORE__COMPLETES_FILE,
    .run = check,
};
