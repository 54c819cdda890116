// The commands of a `recipe:`, on a copy of the sources.
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/fs.h"
#include "base/mem.h"
#include "source/build.h"

static bool detect(const char *dir, char **file)
{
	(void)dir;
	(void)file;
	return false; // written, never detected
}

static bool run_all(struct spore__build *b, const struct spore__recipe_commands *commands)
{
	size_t count = b->sandbox.env.count;
	spore__strs_addf(&b->sandbox.env, "prefix=%s", b->f->prefix);
	spore__strs_addf(&b->sandbox.env, "src=%s", b->root);
	spore__strs_addf(&b->sandbox.env, "jobs=%u", b->f->jobs);
	bool ok = true;
	for (size_t i = 0; ok && i < commands->count; i++)
		ok = spore__build_runs(b, b->dir, &commands->items[i].argv);
	while (b->sandbox.env.count > count) {
		free(b->sandbox.env.items[--b->sandbox.env.count]);
		b->sandbox.env.items[b->sandbox.env.count] = NULL;
	}
	return ok;
}

static bool compile(struct spore__build *b)
{
	return run_all(b, &b->recipe->build);
}

// An executable file goes to bin/, anything else keeps its path below the prefix.
static bool copy_output(struct spore__build *b, const char *output)
{
	char *from = spore__fs_join(b->dir, output);
	bool program = spore__fs_is_executable(from);
	char *to = program ? spore__xasprintf("%s/bin/%s", b->f->prefix, spore__fs_base(output))
	                   : spore__fs_join(b->f->prefix, output);
	bool ok = access(from, F_OK) == 0;
	if (!ok)
		(void)spore__build_fail(b, "the recipe's output %s was not made", output);
	else if (spore__mirror_copy(from, to) != 0)
		ok = spore__build_fail(b, "cannot copy %s: %s", output, strerror(errno));
	free(to);
	free(from);
	return ok;
}

static bool install(struct spore__build *b)
{
	bool ok = run_all(b, &b->recipe->install);
	for (size_t i = 0; ok && i < b->recipe->outputs.count; i++)
		ok = copy_output(b, b->recipe->outputs.items[i]);
	return ok;
}

const struct spore__build_ops spore__build_recipe = {
    .name = "recipe",
    .in_tree = true,
    .detect = detect,
    .compile = compile,
    .install = install,
};
