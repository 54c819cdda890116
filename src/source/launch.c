#include "source/launch.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/dirs.h"
#include "base/err.h"
#include "base/fs.h"
#include "base/keep.h"
#include "base/mem.h"

static const char path_prefix[] = "path:";

bool spore__launch_is_system_program(const char *source)
{
	return strncmp(source, path_prefix, sizeof path_prefix - 1) == 0;
}

static void add_arguments(const struct spore__launch_wish *wish, struct spore__launch *l)
{
	for (size_t i = 0; wish->args != NULL && wish->args[i] != NULL; i++)
		spore__strs_add(&l->argv, wish->args[i]);
}

static int find_system_program(const struct spore__launch_wish *wish, struct spore__launch *l)
{
	const char *name = wish->source + sizeof path_prefix - 1;
	char *path = spore__fs_find_program(name, getenv("PATH"));
	char *absolute = path != NULL && path[0] != '/' ? realpath(path, NULL) : NULL;
	if (absolute != NULL) {
		free(path);
		path = absolute;
	}
	if (path == NULL) {
		spore__report("check the name and PATH", "%s: no such program on PATH", name);
		return SPORE__EXIT_NO_SOURCE;
	}
	l->kind = SPORE__SOURCE_SCRIPT;
	l->source = spore__xstrdup(wish->source);
	l->name = spore__xstrdup(spore__fs_base(name));
	spore__strs_take(&l->argv, path);
	add_arguments(wish, l);
	return 0;
}

static int no_source(const char *source)
{
	int why = errno;
	char *program = strchr(source, '/') == NULL ? spore__fs_find_program(source, getenv("PATH")) : NULL;
	char *remedy = program != NULL ? spore__xasprintf("to run the system's program: spore run path:%s", source)
	                               : spore__xstrdup("name a C or C++ file, a script, or a folder with sources");
	spore__report(remedy, "%s: no such source: %s", source, strerror(why));
	free(remedy);
	free(program);
	return SPORE__EXIT_NO_SOURCE;
}

int spore__launch_find(const struct spore__launch_wish *wish, struct spore__launch *l)
{
	*l = (struct spore__launch){.held = -1, .control = wish->control};
	if (spore__launch_is_system_program(wish->source))
		return find_system_program(wish, l);
	bool relative = wish->base != NULL && wish->source[0] != '/';
	char *path = relative ? spore__fs_join(wish->base, wish->source) : spore__xstrdup(wish->source);
	l->source = realpath(path, NULL);
	if (l->source == NULL) {
		int status = no_source(wish->source);
		free(path);
		return status;
	}
	l->store = spore__dirs_store();
	l->wanted = (struct spore__wanted){
	    .source = relative ? l->source : wish->source,
	    .real = l->source,
	    .tier = wish->tier,
	    .no_sandbox = wish->no_sandbox,
	    .verbose = wish->verbose,
	    .json = wish->json,
	};
	char *error, *remedy;
	int status = spore__script_kind(wish->source, l->source, &l->kind, &l->script, &error, &remedy);
	if (status != 0)
		spore__report(remedy, "%s", error);
	free(error);
	free(remedy);
	if (status == 0 && l->kind == SPORE__SOURCE_SCRIPT)
		spore__strs_add(&l->script, relative || wish->absolute ? l->source : path);
	free(path);
	return status;
}

static int choose(const struct spore__index *index, const char *source, const char *bin)
{
	struct spore__buf names = {0};
	for (size_t i = 0; i < index->program_count; i++)
		spore__buf_printf(&names, "%s%s", i > 0 ? ", " : "", index->programs[i].name);
	char *remedy = spore__xasprintf("choose one with --bin: %s", names.len > 0 ? names.data : "(there is none)");
	if (bin != NULL)
		spore__report(remedy, "%s: it has no program named %s", source, bin);
	else
		spore__report(remedy, "%s: it has %zu programs, and none is named like it", source,
		              index->program_count);
	free(remedy);
	spore__buf_finish(&names);
	return SPORE__EXIT_NOT_RUNNABLE;
}

static void forget(struct spore__launch *l)
{
	spore__strs_finish(&l->argv);
	spore__strs_finish(&l->env);
	free(l->name);
	free(l->artifact);
	free(l->cwd);
	if (l->held >= 0)
		close(l->held);
	l->name = l->artifact = l->cwd = NULL;
	l->held = -1;
}

static int fill_artifact(const struct spore__launch_wish *wish, struct spore__launch *l)
{
	const struct spore__program *program = spore__index_program(&l->index, wish->bin);
	if (program == NULL)
		return choose(&l->index, wish->source, wish->bin);
	l->held = spore__keep_artifact(l->store, l->index.id);
	if (l->held < 0)
		return -1; // the garbage collector was faster
	l->artifact = spore__xstrdup(l->index.id);
	spore__strs_addf(&l->argv, "%s/artifacts/%s/%s", l->store, l->index.id, program->path);
	l->name = spore__xstrdup(program->name);
	return 0;
}

// The command of a recipe's `run:`, which runs in its folder: a path from there, or a name on PATH.
static bool add_command(const struct spore__launch_wish *wish, struct spore__launch *l, const char *word)
{
	char *path = word[0] == '/'              ? spore__xstrdup(word)
	             : strchr(word, '/') != NULL ? spore__fs_join(l->source, word)
	                                         : spore__fs_find_program(word, getenv("PATH"));
	if (path == NULL) {
		spore__report("install it, or name a path in the recipe's run", "%s: its command %s is not on PATH",
		              wish->source, word);
		return false;
	}
	l->cwd = spore__xstrdup(l->source);
	spore__strs_take(&l->argv, path);
	return true;
}

int spore__launch_fill(const struct spore__launch_wish *wish, struct spore__launch *l)
{
	const struct spore__strs *words = l->kind == SPORE__SOURCE_SCRIPT ? &l->script : &l->index.args;
	forget(l);
	if (words->count > 0) {
		if (l->kind == SPORE__SOURCE_BUILT && !add_command(wish, l, words->items[0]))
			return SPORE__EXIT_NOT_RUNNABLE;
		for (size_t i = l->argv.count; i < words->count; i++)
			spore__strs_add(&l->argv, words->items[i]);
		l->name = spore__xstrdup(spore__fs_base(l->source));
	} else {
		int status = fill_artifact(wish, l);
		if (status != 0)
			return status;
	}
	for (size_t i = 0; i < l->index.env.count; i++)
		spore__strs_add(&l->env, l->index.env.items[i]);
	l->control = wish->control || l->index.control;
	l->fast = l->index.tier != NULL && strcmp(l->index.tier, "fast") == 0;
	add_arguments(wish, l);
	return 0;
}

int spore__launch(const struct spore__launch_wish *wish, struct spore__launch *l)
{
	int status = spore__launch_find(wish, l);
	if (status != 0 || l->argv.count > 0)
		return status;
	if (l->kind == SPORE__SOURCE_SCRIPT)
		return spore__launch_fill(wish, l);
	bool current = spore__build_current(l->store, &l->wanted, &l->index);
	status = current ? spore__launch_fill(wish, l) : -1;
	if (status >= 0)
		return status;
	spore__index_finish(&l->index);
	l->built = true;
	status = spore__build_ask(&l->wanted, &l->index);
	if (status == 0)
		status = spore__launch_fill(wish, l);
	if (status >= 0)
		return status;
	spore__report("run it again", "%s: its artifact was removed at this moment", wish->source);
	return SPORE__EXIT_SPORE;
}

void spore__launch_finish(struct spore__launch *l)
{
	forget(l);
	spore__strs_finish(&l->script);
	spore__index_finish(&l->index);
	free(l->source);
	free(l->store);
	*l = (struct spore__launch){.held = -1};
}
