#include "cli/tasks.h"

static const struct spore__option options[] = {
    {"signal", 's', "SIGNAL", "send this signal to the program's process group, and no more", SPORE__COMPLETES_WORDS,
     "TERM INT HUP QUIT USR1 USR2 KILL STOP CONT WINCH ABRT ALRM"},
    {"json", 0, NULL, "print JSON", 0, NULL},
    {0},
};

static const struct spore__example examples[] = {
    {"spore kill web", "end it at once, with all that it started"},
    {"spore kill -s HUP web", "let it read its configuration again"},
    {0},
};

static uint32_t one(const struct spore__args *args)
{
	(void)args;
	return 1;
}

static void put(struct spore__msgpack_writer *w, const struct spore__args *args)
{
	if (spore__args_has(args, "signal")) {
		spore__msgpack_str(w, "signal");
		spore__msgpack_int(w, spore__signal_option("kill", "signal", spore__args_value(args, "signal")));
	} else {
		spore__msgpack_str(w, "kill");
		spore__msgpack_bool(w, true);
	}
}

static int run(const struct spore__args *args)
{
	bool signal = spore__args_has(args, "signal");
	const struct spore__names_call call = {
	    .what = "kill",
	    .method = signal ? "tasks.signal" : "tasks.stop",
	    .more = one,
	    .put = put,
	    .again = !signal,
	};
	return spore__names_call(args, &call);
}

const struct spore__command spore__command_kill = {
    .name = "kill",
    .operands = "NAME...",
    .summary = "kill tasks at once, or send them a signal",
    .text =
        "Without *--signal* SIGKILL ends everything that the tasks started, without the steps of *spore stop*, and "
        "they "
        "are not started again. With it the signal goes to the program's process group, and what follows is up to the "
        "program and the restart policy of its task.",
    .options = options,
    .examples = examples,
    .min_operands = 1,
    .max_operands = (size_t)-1,
    .completes = SPORE__COMPLETES_TASK,
    .run = run,
};
