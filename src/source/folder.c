#include "source/folder.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fs.h"
#include "base/mem.h"
#include "source/build.h"
#include "source/diagnose.h"
#include "source/index.h"
#include "source/missing.h"
#include "source/notes.h"
#include "source/packages.h"

enum { AMEND_ROUNDS = 8, FOREIGN_HEADERS = 3 };

// What all attempts at one folder share.
struct session {
	const struct spore__folder *f;
	struct spore__folder_result *result;
	struct spore__recipe recipe;
	char *key; // what the state between builds depends on
	struct spore__needs needs;
	bool last;      // no other strategy is left
	bool has_needs; // an earlier strategy, a better one, has told what it lacks
};

static char *tree_of(const struct spore__folder *f, const struct spore__strategy *s)
{
	struct spore__buf path = {0};
	spore__buf_printf(&path, "%s/%s", f->work, s->ops->name);
	if (*s->sub != '\0')
		spore__buf_char(&path, '-');
	for (const char *p = s->sub; *p != '\0'; p++)
		spore__buf_char(&path, *p == '/' ? '-' : *p);
	return spore__buf_take(&path);
}

static bool uses_copy(const struct spore__strategy *s)
{
	return s->ops->in_tree || s->amends.has[SPORE__AMEND_PATCHES] || s->amends.has[SPORE__AMEND_UNPATCHED];
}

static void add_paths(struct spore__build *b)
{
	const struct spore__folder *f = b->f;
	const char *const own[] = {f->src, f->work, f->prefix, NULL};
	for (size_t i = 0; own[i] != NULL; i++)
		spore__strs_add(&b->path_store, own[i]);
	for (size_t i = 0; f->sandbox->write != NULL && f->sandbox->write[i] != NULL; i++)
		if (!spore__strs_has(&b->path_store, f->sandbox->write[i]))
			spore__strs_add(&b->path_store, f->sandbox->write[i]);
	b->sandbox.write = (const char *const *)b->path_store.items;
}

static void add_env(struct spore__build *b)
{
	struct spore__strs *env = &b->sandbox.env;
	*env = (struct spore__strs){0};
	// Autogen scripts make configure only; tar and configure do not mind being root.
	const char *const own[] = {"NOCONFIGURE=1", "FORCE_UNSAFE_CONFIGURE=1", "TAR_OPTIONS=--no-same-owner", NULL};
	for (size_t i = 0; own[i] != NULL; i++)
		spore__strs_add(env, own[i]);
	spore__strs_addf(env, "PATH=%s:/usr/local/bin:/usr/bin:/bin:/usr/local/sbin:/usr/sbin:/sbin", b->wrap);
	for (size_t i = 0; i < b->f->sandbox->env.count; i++)
		spore__strs_add(env, b->f->sandbox->env.items[i]);
	for (size_t i = 0; i < b->recipe->env.count; i++)
		spore__strs_add(env, b->recipe->env.items[i]);
}

static void build_init(struct spore__build *b, const struct session *s, struct spore__strategy *strategy)
{
	*b = (struct spore__build){.f = s->f, .recipe = &s->recipe, .strategy = strategy, .sandbox = *s->f->sandbox};
	b->wrap = spore__fs_join(s->f->work, "wrap");
	char *tree = tree_of(s->f, strategy);
	bool copy = uses_copy(strategy);
	b->root = copy ? spore__xasprintf("%s.src", tree) : spore__xstrdup(s->f->src);
	b->dir = *strategy->sub != '\0' ? spore__fs_join(b->root, strategy->sub) : spore__xstrdup(b->root);
	b->tree = strategy->ops->in_tree ? spore__xstrdup(b->dir) : spore__xstrdup(tree);
	free(tree);
	add_paths(b);
	add_env(b);
}

static void build_finish(struct spore__build *b)
{
	spore__strs_finish(&b->path_store);
	spore__strs_finish(&b->sandbox.env);
	spore__buf_finish(&b->end.tail);
	free(b->root);
	free(b->dir);
	free(b->tree);
	free(b->wrap);
	free(b->why);
	free(b->project);
}

static bool check_tools(struct session *s, struct spore__build *b)
{
	const char *missing = NULL;
	for (size_t i = 0; b->strategy->ops->tools != NULL && b->strategy->ops->tools[i] != NULL; i++)
		if (!spore__missing_has("tool", b->strategy->ops->tools[i])) {
			missing = b->strategy->ops->tools[i];
			spore__needs_add(&s->needs, "tool", missing);
		}
	return missing == NULL || spore__build_fail(b, "%s is not installed", missing);
}

static bool prepare(struct session *s, struct spore__build *b)
{
	if (!check_tools(s, b))
		return false;
	int r = spore__fs_empty(b->f->prefix, 0755);
	char *list = spore__xasprintf("%s.list", b->root);
	bool copy = uses_copy(b->strategy);
	if (r == 0 && b->fresh && copy)
		r = spore__fs_remove_tree(b->root);
	if (r == 0 && b->fresh && !b->strategy->ops->in_tree)
		r = spore__fs_remove_tree(b->tree);
	if (r == 0 && copy)
		r = spore__mirror_sync(b->f->src, b->root, list);
	if (r == 0)
		r = spore__fs_mkdirs(b->tree, 0700);
	if (r == 0)
		r = spore__amend_wrap(b);
	if (r == 0 && b->fresh && b->strategy->amends.has[SPORE__AMEND_PATCHES])
		spore__patches_apply(b);
	if (r == 0 && b->fresh && b->strategy->amends.has[SPORE__AMEND_UNPATCHED])
		r = spore__patches_revert(b);
	free(list);
	return r == 0 || spore__build_fail(b, "cannot prepare %s: %s", b->tree, strerror(errno));
}

// Then the programs in the tree are its tests and examples.
static bool installs_library(const struct spore__build *b)
{
	char *lib = spore__fs_join(b->f->prefix, "lib"), *include = spore__fs_join(b->f->prefix, "include");
	bool is = spore__fs_is_dir(lib) && spore__fs_is_dir(include);
	free(lib);
	free(include);
	return is;
}

static bool find_programs(struct session *s, struct spore__build *b)
{
	struct spore__folder_result *result = s->result;
	spore__strs_finish(&result->programs);
	spore__programs_find(b, &result->programs, &result->main_known);
	if (result->programs.count == 0 && !installs_library(b) && spore__programs_collect(b) > 0) {
		spore__build_log(b, "spore: nothing installed; programs taken from the build tree");
		spore__programs_find(b, &result->programs, &result->main_known);
	}
	if (result->programs.count == 0)
		return spore__build_fail(b, "it builds, but makes no program%s",
		                         installs_library(b) ? ": it is a library" : "");
	return b->recipe->main == NULL || result->main_known ||
	       spore__build_fail(b, "the recipe's main program %s was not made", b->recipe->main);
}

// One attempt: how far it came. A failed installation is not the end: the programs may be in the build tree.
static enum spore__phase attempt(struct session *s, struct spore__build *b)
{
	const struct spore__build_ops *ops = b->strategy->ops;
	if (!prepare(s, b))
		return SPORE__PHASE_PREPARE;
	if (ops->configure != NULL && (b->fresh || (ops->reconfigures != NULL && ops->reconfigures(b))) &&
	    !ops->configure(b))
		return SPORE__PHASE_CONFIGURE;
	if (!ops->compile(b))
		return SPORE__PHASE_COMPILE;
	bool strict = ops == &spore__build_recipe;
	if (ops->install != NULL && !ops->install(b) && (strict || spore__programs_in_tree(b) == 0))
		return SPORE__PHASE_INSTALL;
	return find_programs(s, b) ? SPORE__PHASE_DONE : SPORE__PHASE_PROGRAMS;
}

static char *reason_of(const struct spore__build *b, enum spore__phase phase)
{
	if (b->why != NULL)
		return spore__xstrdup(b->why);
	static const char *const names[] = {"preparing",  "configuring",      "building",
	                                    "installing", "finding programs", ""};
	char *line = spore__diagnose_reason(spore__build_tail(b));
	char *why = spore__xasprintf("%s failed: %s", names[phase], line);
	free(line);
	return why;
}

static void record(struct session *s, const struct spore__strategy *strategy, char *why)
{
	struct spore__folder_result *r = s->result;
	r->attempts = spore__xrealloc(r->attempts, (r->attempt_count + 1) * sizeof *r->attempts);
	r->attempts[r->attempt_count++] =
	    (struct spore__attempt){.what = spore__strategy_describe(strategy), .why = why};
}

// Is a file of that name among the sources? Then it is not the machine that lacks it.
static bool is_own(const char *dir, const char *name, int depth)
{
	struct spore__strs names = {0};
	bool own = false;
	(void)spore__fs_list(dir, &names);
	for (size_t i = 0; !own && i < names.count; i++) {
		char *path = spore__fs_join(dir, names.items[i]);
		own = strcmp(names.items[i], name) == 0 ||
		      (depth < 6 && spore__fs_is_dir(path) && is_own(path, name, depth + 1));
		free(path);
	}
	spore__strs_finish(&names);
	return own;
}

static size_t unknown_headers(const struct spore__needs *needs)
{
	size_t count = 0;
	for (size_t i = 0; i < needs->words.count; i++) {
		const char *word = needs->words.items[i];
		count += strncmp(word, "header ", 7) == 0 && spore__packages_of("header", word + 7) == NULL;
	}
	return count;
}

static void collect_needs(struct session *s, const struct spore__build *b)
{
	struct spore__needs found = {0};
	spore__missing_read(spore__build_tail(b), &found);
	for (size_t i = 0; i < found.words.count; i++) {
		const char *word = found.words.items[i], *name = strchr(word, ' ') + 1;
		if (strncmp(word, "header ", 7) == 0 && is_own(b->f->src, spore__fs_base(name), 0))
			continue;
		if (!spore__strs_has(&s->needs.words, word))
			spore__strs_add(&s->needs.words, word);
	}
	spore__needs_finish(&found);
	if (b->strategy->ops == &spore__build_c && unknown_headers(&s->needs) > FOREIGN_HEADERS)
		spore__needs_finish(
		    &s->needs); // of other systems: without a build file nobody says which files are for this one
}

// Completes the list of what is missing, so that one installation is enough.
static void dig(struct session *s, struct spore__build *b, enum spore__phase phase)
{
	size_t before = s->needs.words.count;
	if (s->has_needs)
		return;
	collect_needs(s, b);
	if (phase == SPORE__PHASE_CONFIGURE && b->strategy->ops->dig != NULL)
		b->strategy->ops->dig(b, &s->needs);
	if (phase != SPORE__PHASE_COMPILE || s->needs.words.count == before)
		return;
	struct spore__sandbox_end first = b->end;
	char *why = b->why;
	b->end = (struct spore__sandbox_end){0};
	b->why = NULL;
	b->keep_going = true;
	(void)b->strategy->ops->compile(b);
	collect_needs(s, b);
	spore__buf_finish(&b->end.tail);
	free(b->why);
	b->end = first;
	b->why = why;
	b->keep_going = false;
}

static void succeed(struct session *s, const struct spore__build *b)
{
	free(s->result->build_system);
	s->result->build_system = spore__xstrdup(b->strategy->ops->name);
	record(s, b->strategy, NULL);
	(void)spore__notes_write(s->f->work, s->key, b->strategy); // without them the next build starts afresh
}

// Tries one strategy with the amendments that its logs ask for.
static bool try_strategy(struct session *s, struct spore__strategy *strategy, bool *keep)
{
	for (int round = 0; round < AMEND_ROUNDS; round++) {
		struct spore__build b;
		build_init(&b, s, strategy);
		b.fresh = true;
		char *what = spore__strategy_describe(strategy);
		spore__build_log(&b, "spore: %s", what);
		free(what);
		enum spore__phase phase = attempt(s, &b);
		bool again = false;
		if (phase == SPORE__PHASE_DONE) {
			succeed(s, &b);
		} else {
			record(s, strategy, reason_of(&b, phase));
			dig(s, &b, phase);
			again = spore__amend_choose(&b, phase, s->needs.words.count > 0, s->last, &strategy->amends);
			*keep = phase == SPORE__PHASE_COMPILE;
		}
		build_finish(&b);
		if (!again)
			return phase == SPORE__PHASE_DONE;
	}
	return false;
}

// Goes on where the last build ended. *FINAL: its failure is the user's to mend, nothing else is to be tried.
static bool try_again(struct session *s, bool *final)
{
	struct spore__strategy strategy;
	*final = false;
	if (!spore__notes_read(s->f->work, s->key, &strategy))
		return false;
	free(s->result->build_system);
	s->result->build_system = spore__xstrdup(strategy.ops->name);
	struct spore__build b;
	build_init(&b, s, &strategy);
	b.fresh = !spore__fs_is_dir(b.tree);
	enum spore__phase phase = attempt(s, &b);
	bool ok = phase == SPORE__PHASE_DONE;
	if (ok) {
		succeed(s, &b);
	} else {
		bool compiler =
		    phase == SPORE__PHASE_COMPILE && b.why == NULL && spore__diagnose_mistake(spore__build_tail(&b));
		dig(s, &b, phase);
		*final = compiler && !spore__diagnose_amend(spore__build_tail(&b), &strategy.amends);
		if (*final)
			record(s, &strategy, reason_of(&b, phase));
		else
			spore__needs_finish(&s->needs);
	}
	build_finish(&b);
	spore__strategy_finish(&strategy);
	return ok;
}

static bool build(struct session *s)
{
	bool final;
	if (try_again(s, &final))
		return true;
	if (final) {
		spore__folder_explain(s->f, &s->needs, 1, s->result);
		return false;
	}
	struct spore__strategy *strategies = NULL;
	size_t count = spore__detect(s->f, &s->recipe, &strategies);
	bool ok = false, keep = false;
	spore__notes_remove(s->f->work);
	size_t at = 0;
	for (; !ok && at < count; at++) {
		if (s->result->build_system == NULL)
			s->result->build_system = spore__xstrdup(strategies[at].ops->name);
		s->last = at + 1 == count;
		s->has_needs = s->needs.words.count > 0;
		ok = try_strategy(s, &strategies[at], &keep);
	}
	if (!ok) {
		spore__folder_explain(s->f, &s->needs, count, s->result);
		// Compiled in part: the next build goes on there.
		if (count == 1 && keep)
			(void)spore__notes_write(s->f->work, s->key, &strategies[0]);
	}
	for (size_t i = 0; i < count; i++) {
		char *tree = tree_of(s->f, &strategies[i]);
		char *copy = spore__xasprintf("%s.src", tree);
		if (ok && i + 1 != at) {
			(void)spore__fs_remove_tree(tree);
			(void)spore__fs_remove_tree(copy);
		}
		free(copy);
		free(tree);
		spore__strategy_finish(&strategies[i]);
	}
	free(strategies);
	return ok;
}

static bool read_recipe(struct session *s)
{
	char *path = spore__fs_join(s->f->src, "spore.yaml");
	char *shown = spore__fs_join(s->f->origin, "spore.yaml");
	struct spore__buf text = {0};
	char *error = NULL;
	bool ok = true;
	if (spore__fs_is_file(path)) {
		if (spore__fs_read(path, &text) != 0)
			error = spore__xasprintf("%s: %s", shown, strerror(errno));
		ok = error == NULL &&
		     spore__recipe_parse(shown, text.data != NULL ? text.data : "", text.len, &s->recipe, &error);
	}
	if (!ok)
		spore__folder_fail(s->result, error, NULL);
	spore__buf_finish(&text);
	free(shown);
	free(path);
	return ok;
}

static bool check_packages(struct session *s)
{
	for (size_t i = 0; i < s->recipe.packages.count; i++)
		spore__needs_check(&s->needs, "package", s->recipe.packages.items[i]);
	if (s->needs.words.count == 0)
		return true;
	spore__folder_explain(s->f, &s->needs, 1, s->result);
	return false;
}

// The state between builds holds as long as these stay as they are.
static char *make_key(const struct session *s)
{
	struct spore__buf key = {0};
	const struct spore__folder *f = s->f;
	spore__buf_printf(&key, "logic %s\n", spore__index_logic());
	spore__buf_printf(&key, "prefix %s\nconfined %d\n", f->prefix, f->sandbox->confined);
	static const char *const compilers[] = {"cc", "c++", "meson", "cmake", NULL};
	for (size_t i = 0; compilers[i] != NULL; i++) {
		char *path = spore__fs_find_program(compilers[i], NULL);
		struct stat st;
		if (path != NULL && stat(path, &st) == 0)
			spore__buf_printf(&key, "%s %jd %jd\n", path, (intmax_t)st.st_size,
			                  (intmax_t)st.st_mtim.tv_sec);
		free(path);
	}
	char *text = spore__text_file(f->src, "spore.yaml");
	if (text != NULL)
		spore__buf_str(&key, text);
	free(text);
	return spore__buf_take(&key);
}

bool spore__folder_build(const struct spore__folder *f, struct spore__folder_result *result)
{
	*result = (struct spore__folder_result){0};
	struct session s = {.f = f, .result = result};
	bool ok = read_recipe(&s);
	if (ok) {
		s.key = make_key(&s);
		ok = check_packages(&s) && build(&s);
	}
	for (size_t i = 0; i < s.recipe.run_env.count; i++)
		spore__strs_add(&result->run_env, s.recipe.run_env.items[i]);
	spore__needs_finish(&s.needs);
	spore__recipe_finish(&s.recipe);
	free(s.key);
	return ok;
}

void spore__folder_result_finish(struct spore__folder_result *result)
{
	for (size_t i = 0; i < result->attempt_count; i++) {
		free(result->attempts[i].what);
		free(result->attempts[i].why);
	}
	free(result->attempts);
	spore__strs_finish(&result->programs);
	spore__strs_finish(&result->missing);
	spore__strs_finish(&result->packages);
	spore__strs_finish(&result->run_env);
	free(result->build_system);
	free(result->error);
	free(result->remedy);
	*result = (struct spore__folder_result){0};
}
