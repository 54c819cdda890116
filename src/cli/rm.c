#include "cli/tasks.h"

static const struct spore__option options[] = {
    {"logs", 0, NULL, "remove the logs too", 0, NULL},
    {"json", 0, NULL, "print JSON: {removed, waiting}", 0, NULL},
    {0},
};

static const struct spore__example examples[] = {
    {"spore rm web", "stop and forget it; its log can still be read"},
    {"spore rm --logs web", "with its log"},
    {0},
};

static uint32_t one(const struct spore__args *args)
{
	(void)args;
	return 1;
}

static void put(struct spore__msgpack_writer *w, const struct spore__args *args)
{
	spore__msgpack_str(w, "logs");
	spore__msgpack_bool(w, spore__args_has(args, "logs"));
}

static int run(const struct spore__args *args)
{
	const struct spore__names_call call = {.what = "rm", .method = "tasks.remove", .more = one, .put = put};
	return spore__names_call(args, &call);
}

const struct spore__command spore__command_rm = {
    .name = "rm",
    .operands = "NAME...",
    .summary = "stop tasks and forget them",
    .text = "What runs is stopped as by *spore stop*. Artifacts are left to *spore store gc*.",
    .options = options,
    .examples = examples,
    .min_operands = 1,
    .max_operands = (size_t)-1,
    .completes = SPORE__COMPLETES_TASK,
    .run = run,
};
