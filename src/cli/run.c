#include "base/err.h"
#include "cli/command.h"
#include "cli/foreground.h"
#include "cli/watch.h"
#include "node/client.h"
#include "source/launch.h"

static const struct spore__option options[] = {
    {"bin", 'b', "NAME", "run this program of a folder that installs several", 0, NULL},
    {"fast", 0, NULL, "use the fast compiler (tcc), or fail where it cannot compile the file faithfully", 0, NULL},
    {"opt", 'O', NULL, "use the optimising compiler, and wait for it", 0, NULL},
    {"watch", 'w', NULL,
     "build and start again whenever a source changes; a build that fails leaves the old one running", 0, NULL},
    {"control", 0, NULL, "give the program a control descriptor (SPORE_FD) although it does not link libspore", 0,
     NULL},
    {"no-sandbox", 0, NULL, "build without confinement", 0, NULL},
    {"json", 0, NULL, "print a failed build as JSON on standard error", 0, NULL},
    {"verbose", 'v', NULL, "show every line that the build prints", 0, NULL},
    {0},
};

static const struct spore__example examples[] = {
    {"spore run hello.c", "build a C file when needed, and run it"},
    {"spore run ./nano-7.2 notes.txt", "build a folder with whatever build system it has; the rest are its arguments"},
    {"spore run --watch server.c 8080", "start again on each change"},
    {"spore run path:vim notes.txt", "run a program of the system, not built from source"},
    {0},
};

static int run(const struct spore__args *args)
{
	if (spore__args_has(args, "fast") && spore__args_has(args, "opt"))
		spore__die(SPORE__EXIT_USAGE, "give one of them", "run: --fast and --opt exclude each other");
	const struct spore__launch_wish wish = {
	    .source = args->operands[0],
	    .bin = spore__args_value(args, "bin"),
	    .args = (const char *const *)args->operands + 1,
	    .tier = spore__args_has(args, "fast")  ? SPORE__TIER_FAST
	            : spore__args_has(args, "opt") ? SPORE__TIER_OPT
	                                           : SPORE__TIER_AUTO,
	    .control = spore__args_has(args, "control"),
	    .no_sandbox = spore__args_has(args, "no-sandbox"),
	    .verbose = spore__args_has(args, "verbose"),
	    .json = spore__args_has(args, "json"),
	};
	if (spore__args_has(args, "watch") && !spore__launch_is_system_program(wish.source))
		return spore__watch_run(&wish);
	struct spore__launch l;
	int status = spore__launch(&wish, &l);
	if (status != 0)
		return status;
	struct spore__foreground f;
	spore__foreground_init();
	spore__foreground_start(&f, &l);
	// Still the fast one: perhaps the node that was to make the other is gone. The program runs already.
	if (l.fast && !l.built && wish.tier == SPORE__TIER_AUTO)
		spore__node_optimise(l.source);
	(void)spore__foreground_wait(&f, -1, &status);
	spore__launch_finish(&l);
	spore__foreground_end(&f, status);
}

const struct spore__command spore__command_run = {
    .name = "run",
    .operands = "SOURCE [ARG...]",
    .summary = "build a source if needed, and run it in the foreground",
    .text =
        "SOURCE is a C or C++ file, a Python, shell or JavaScript file, or a folder with a build system that spore "
        "knows or "
        "a recipe in its spore.yaml. What was built before and has not changed starts at once; what changed is built "
        "again, and no file of SOURCE is ever written.\n\n"
        "The program has the terminal, the standard streams, the environment and the process group as if a shell had "
        "started it. The exit status is the program's own, or 128+N when signal N ended it; 125 when spore itself "
        "failed "
        "(the source does not compile), 126 when SOURCE has nothing to run, 127 when there is no SOURCE.\n\n"
        "All that follows SOURCE is the program's, *--* too. Options of spore come before it.\n\n"
        "See *spore-sources*(7) for what a source can say about its own build.",
    .options = options,
    .examples = examples,
    .min_operands = 1,
    .max_operands = (size_t)-1,
    .operands_end_options = true,
    .completes = SPORE__COMPLETES_SOURCE,
    .run = run,
};
