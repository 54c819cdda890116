#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/dirs.h"
#include "base/err.h"
#include "base/fs.h"
#include "base/json.h"
#include "base/mem.h"
#include "cli/command.h"
#include "source/client.h"
#include "source/script.h"

static const struct spore__option options[] = {
    {"fast", 0, NULL, "use the fast compiler (tcc), or fail where it cannot compile the file faithfully", 0, NULL},
    {"opt", 'O', NULL, "use the optimising compiler, and wait for it", 0, NULL},
    {"why", 0, NULL, "say first what changed since the last artifact of this source", 0, NULL},
    {"no-sandbox", 0, NULL, "build without confinement", 0, NULL},
    {"json", 0, NULL, "print the result, or what failed and where, as JSON", 0, NULL},
    {"verbose", 'v', NULL, "show every line that the build prints", 0, NULL},
    {0},
};

static const struct spore__example examples[] = {
    {"spore build hello.c", "print the path of the program"},
    {"spore build --why ./project", "what changed since the last time"},
    {"spore build --json broken.c", "errors with file, line and column"},
    {0},
};

// Nothing changed: answered without starting another process.
static bool answer_from_index(const struct spore__args *args, const struct spore__wanted *w)
{
	struct spore__index index;
	char *store = spore__dirs_store();
	bool current = !spore__args_has(args, "why") && !w->json && spore__build_current(store, w, &index);
	if (current && index.args.count > 0) {
		(void)printf("%s\n", w->real);
	} else if (current) {
		const struct spore__program *program = spore__index_program(&index, NULL);
		(void)printf("%s/artifacts/%s%s%s\n", store, index.id, program != NULL ? "/" : "",
		             program != NULL ? program->path : "");
	}
	if (current)
		spore__index_finish(&index);
	free(store);
	return current;
}

// What is known without a build, said as spore-build says it; the exit status.
static int say(const struct spore__wanted *w, int status, const char *kind, const char *error, const char *remedy)
{
	if (!w->json) {
		spore__report(remedy, "%s", error);
		return status;
	}
	struct spore__buf out = {0};
	struct spore__json j = {.out = &out};
	spore__json_open(&j, NULL, '{');
	spore__json_bool(&j, "ok", status == 0);
	spore__json_str(&j, "source", w->source);
	if (kind != NULL)
		spore__json_str(&j, "kind", kind);
	if (status != 0) {
		spore__json_str(&j, "error", error);
		spore__json_str(&j, "remedy", remedy);
	}
	spore__json_close(&j, '}');
	(void)printf("%s\n", out.data);
	spore__buf_finish(&out);
	return status;
}

static int no_source(const struct spore__wanted *w, int why)
{
	char *error = spore__xasprintf("%s: no such source: %s", w->source, strerror(why));
	(void)say(w, SPORE__EXIT_NO_SOURCE, NULL, error, "name a C or C++ file, or a folder with sources");
	free(error);
	return SPORE__EXIT_NO_SOURCE;
}

// True when there is something to build; otherwise it is said, and *STATUS is the exit status.
static bool is_built(const struct spore__wanted *w, int *status)
{
	enum spore__source_kind kind;
	struct spore__strs script = {0};
	char *error, *remedy;
	*status = spore__script_kind(w->source, w->real, &kind, &script, &error, &remedy);
	if (*status == 0 && kind == SPORE__SOURCE_SCRIPT) {
		error = spore__xasprintf("%s: a script of %s, nothing to build", w->source,
		                         spore__fs_base(script.items[0]));
		remedy = spore__xasprintf("spore run %s", w->source);
	}
	if (error != NULL)
		(void)say(w, *status, *status == 0 ? "script" : NULL, error, remedy);
	bool built = error == NULL;
	spore__strs_finish(&script);
	free(error);
	free(remedy);
	return built;
}

static int build(const struct spore__args *args)
{
	struct spore__wanted w = {
	    .source = args->operands[0],
	    .tier = spore__args_has(args, "fast")  ? SPORE__TIER_FAST
	            : spore__args_has(args, "opt") ? SPORE__TIER_OPT
	                                           : SPORE__TIER_AUTO,
	    .json = spore__args_has(args, "json"),
	};
	char *real = realpath(w.source, NULL);
	if (real == NULL)
		return no_source(&w, errno);
	w.real = real;
	int status;
	if (!is_built(&w, &status)) {
		free(real);
		return status;
	}
	if (!spore__args_has(args, "no-sandbox") && answer_from_index(args, &w)) {
		free(real);
		return SPORE__EXIT_OK;
	}
	static const char *const tiers[] = {"--tier=auto", "--tier=fast", "--tier=opt"};
	static const char *const flags[] = {"why", "no-sandbox", "json", "verbose"};
	struct spore__strs argv = {0};
	spore__strs_add(&argv, "build");
	spore__strs_add(&argv, tiers[w.tier]);
	for (size_t i = 0; i < sizeof flags / sizeof *flags; i++)
		if (spore__args_has(args, flags[i]))
			spore__strs_addf(&argv, "--%s", flags[i]);
	spore__strs_add(&argv, "--");
	spore__strs_add(&argv, w.source);
	spore__build_become(&argv);
}

const struct spore__command spore__command_build = {
    .name = "build",
    .operands = "SOURCE",
    .summary = "build a source if needed, and print the path of what was built",
    .text = "Prints the path of the program where there is one to run, else that of the artifact's folder, or of the "
            "source's when there is nothing to build. A compile "
            "error is shown as "
            "the compiler wrote it, and the status is 125. Of a script there is nothing to build, which is said; 126 "
            "when SOURCE is no source.",
    .options = options,
    .examples = examples,
    .min_operands = 1,
    .max_operands = 1,
    .completes = SPORE__COMPLETES_SOURCE,
    .run = build,
};
