// Configure scripts that are not autoconf's, under whatever name. Asked for the prefix first; one that refuses is called
// plainly, and the prefix is given to make.
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/fs.h"
#include "base/mem.h"
#include "source/build.h"

static const char *const tools[] = {"make", NULL};
static const char *const names[] = {"configure", "Configure", "configure.sh", "configure.py", "config", NULL};

static bool detect(const char *dir, char **file)
{
	for (size_t i = 0; names[i] != NULL; i++) {
		char *text = spore__text_file(dir, names[i]);
		bool is = text != NULL && strncmp(text, "#!", 2) == 0 && !spore__autotools_made(text);
		if (text != NULL && !is && strcmp(names[i], "configure") == 0)
			is = strncmp(text, ":", 1) == 0; // scripts of before #!
		free(text);
		if (is) {
			*file = spore__xstrdup(names[i]);
			return true;
		}
	}
	return false;
}

static bool configure(struct spore__build *b)
{
	struct spore__strs argv = {0};
	char *path = spore__fs_join(b->root, b->strategy->sub);
	free(path);
	char *script = spore__fs_join(b->dir, b->strategy->file);
	if (access(script, X_OK) != 0)
		spore__strs_add(&argv, "sh");
	free(script);
	spore__strs_addf(&argv, "./%s", b->strategy->file);
	if (!b->strategy->amends.has[SPORE__AMEND_PLAIN])
		spore__strs_addf(&argv, "--prefix=%s", b->f->prefix);
	spore__rules_add(b, &argv);
	for (size_t i = 0; i < b->recipe->options.count; i++)
		spore__strs_add(&argv, b->recipe->options.items[i]);
	bool ok = spore__build_runs(b, b->dir, &argv);
	spore__strs_finish(&argv);
	return ok;
}

static void variables_of(const struct spore__build *b, struct spore__strs *variables)
{
	if (!b->strategy->amends.has[SPORE__AMEND_PLAIN])
		return;
	spore__strs_addf(variables, "prefix=%s", b->f->prefix);
	spore__strs_addf(variables, "PREFIX=%s", b->f->prefix);
}

static bool compile(struct spore__build *b)
{
	struct spore__strs variables = {0};
	variables_of(b, &variables);
	bool ok = spore__make(b, NULL, b->strategy->amends.target, &variables);
	spore__strs_finish(&variables);
	return ok;
}

static bool install(struct spore__build *b)
{
	struct spore__strs variables = {0};
	variables_of(b, &variables);
	bool ok = spore__make_install(b, NULL, &variables);
	spore__strs_finish(&variables);
	return ok;
}

const struct spore__build_ops spore__build_configure = {
    .name = "configure",
    .in_tree = true,
    .tools = tools,
    .variants = 1u << SPORE__AMEND_PLAIN,
    .detect = detect,
    .configure = configure,
    .compile = compile,
    .install = install,
};
