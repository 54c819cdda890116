#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/dirs.h"
#include "base/err.h"
#include "base/fs.h"
#include "base/mem.h"
#include "cli/build_client.h"
#include "cli/command.h"
#include "cli/foreground.h"
#include "cli/script.h"
#include "cli/watch.h"
#include "node/client.h"

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

// "path:NAME": the explicit exception to building from source.
static int run_system_program(const struct spore__args *args, const char *name)
{
	char *path = spore__fs_find_program(name, getenv("PATH"));
	if (path == NULL)
		spore__die(SPORE__EXIT_NO_SOURCE, "check the name and PATH", "%s: no such program on PATH", name);
	struct spore__strs argv = {0};
	spore__strs_take(&argv, path);
	for (size_t i = 1; i < args->operand_count; i++)
		spore__strs_add(&argv, args->operands[i]);
	return spore__script_run(&argv, name, spore__args_has(args, "control"));
}

static char *real_source(const char *source)
{
	char *real = realpath(source, NULL);
	if (real != NULL)
		return real;
	int why = errno;
	char *program = strchr(source, '/') == NULL ? spore__fs_find_program(source, getenv("PATH")) : NULL;
	if (program != NULL) {
		char *remedy = spore__xasprintf("to run the system's program: spore run path:%s", source);
		spore__die(SPORE__EXIT_NO_SOURCE, remedy, "%s: no such source: %s", source, strerror(why));
	}
	spore__die(SPORE__EXIT_NO_SOURCE, "name a C or C++ file, a script, or a folder with sources",
	           "%s: no such source: %s", source, strerror(why));
}

static _Noreturn void choose(const struct spore__index *index, const char *source, const char *bin)
{
	struct spore__buf names = {0};
	for (size_t i = 0; i < index->program_count; i++)
		spore__buf_printf(&names, "%s%s", i > 0 ? ", " : "", index->programs[i].name);
	char *remedy = spore__xasprintf("choose one with --bin: %s", names.len > 0 ? names.data : "(there is none)");
	if (bin != NULL)
		spore__die(SPORE__EXIT_NOT_RUNNABLE, remedy, "%s: it has no program named %s", source, bin);
	spore__die(SPORE__EXIT_NOT_RUNNABLE, remedy, "%s: it has %zu programs, and none is named like it", source,
	           index->program_count);
}

static bool prepare(const struct spore__args *args, const char *store, const struct spore__index *index,
                    struct spore__strs *argv, char **name, int *held)
{
	if (index->args.count > 0) {
		for (size_t i = 0; i < index->args.count; i++)
			spore__strs_add(argv, index->args.items[i]);
		*name = spore__xstrdup(spore__fs_base(args->operands[0]));
	} else {
		const struct spore__program *program = spore__index_program(index, spore__args_value(args, "bin"));
		if (program == NULL)
			choose(index, args->operands[0], spore__args_value(args, "bin"));
		*held = spore__build_hold(store, index->id);
		if (*held < 0)
			return false; // the garbage collector was faster
		spore__strs_addf(argv, "%s/artifacts/%s/%s", store, index->id, program->path);
		*name = spore__xstrdup(program->name);
	}
	for (size_t i = 1; i < args->operand_count; i++)
		spore__strs_add(argv, args->operands[i]);
	return true;
}

static int run_artifact(const struct spore__args *args, struct spore__wanted *w)
{
	char *store = spore__dirs_store();
	struct spore__index index = {0};
	struct spore__strs argv = {0};
	char *name = NULL;
	int held = -1;
	bool current = spore__build_current(store, w, &index);
	if (!current || !prepare(args, store, &index, &argv, &name, &held)) {
		spore__index_finish(&index);
		int status = spore__build_ask(w, &index);
		if (status != 0)
			return status;
		if (!prepare(args, store, &index, &argv, &name, &held))
			spore__die(SPORE__EXIT_SPORE, "run it again", "%s: its artifact was removed at this moment",
			           w->source);
	}
	struct spore__foreground f;
	int status;
	spore__foreground_init();
	const struct spore__program_start start = {
	    .argv = (const char *const *)argv.items,
	    .name = name,
	    .env = &index.env,
	    .control = index.control || spore__args_has(args, "control"),
	};
	spore__foreground_start(&f, &start);
	// Still the fast one: perhaps the node that was to make the other is gone. The program runs already.
	if (current && index.tier[0] == 'f' && w->tier == SPORE__TIER_AUTO)
		spore__node_optimise(w->real);
	(void)spore__foreground_wait(&f, -1, &status);
	if (held >= 0)
		close(held);
	spore__foreground_end(&f, status);
}

static int run(const struct spore__args *args)
{
	const char *source = args->operands[0];
	if (spore__args_has(args, "fast") && spore__args_has(args, "opt"))
		spore__die(SPORE__EXIT_USAGE, "give one of them", "run: --fast and --opt exclude each other");
	if (strncmp(source, "path:", 5) == 0)
		return run_system_program(args, source + 5);
	struct spore__wanted w = {
	    .source = source,
	    .real = real_source(source),
	    .tier = spore__args_has(args, "fast")  ? SPORE__TIER_FAST
	            : spore__args_has(args, "opt") ? SPORE__TIER_OPT
	                                           : SPORE__TIER_AUTO,
	    .no_sandbox = spore__args_has(args, "no-sandbox"),
	    .verbose = spore__args_has(args, "verbose"),
	    .json = spore__args_has(args, "json"),
	};
	struct spore__strs script = {0};
	enum spore__source_kind kind = spore__script_kind(w.source, w.real, &script);
	if (spore__args_has(args, "watch"))
		return spore__watch_run(args, &w, kind == SPORE__SOURCE_SCRIPT ? &script : NULL);
	if (kind != SPORE__SOURCE_SCRIPT)
		return run_artifact(args, &w);
	for (size_t i = 1; i < args->operand_count; i++)
		spore__strs_add(&script, args->operands[i]);
	return spore__script_run(&script, spore__fs_base(w.real), spore__args_has(args, "control"));
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
        "See *spore-sources*(7) for what a source can say about its own build.",
    .options = options,
    .examples = examples,
    .min_operands = 1,
    .max_operands = (size_t)-1,
    .operands_end_options = true,
    .completes = SPORE__COMPLETES_SOURCE,
    .run = run,
};
