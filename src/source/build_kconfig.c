// Makefiles that are configured by Kconfig: busybox and its kin.
#include <stdlib.h>
#include <string.h>

#include "base/fs.h"
#include "base/mem.h"
#include "source/build.h"

static const char *const tools[] = {"make", NULL};

static bool has(const char *dir, const char *name)
{
	char *path = spore__fs_join(dir, name);
	bool is = spore__fs_is_file(path);
	free(path);
	return is;
}

static bool detect(const char *dir, char **file)
{
	if (!has(dir, "Makefile"))
		return false;
	const char *config = has(dir, "Kconfig") ? "Kconfig" : has(dir, "Config.in") ? "Config.in" : NULL;
	if (config != NULL)
		*file = spore__xstrdup(config);
	return config != NULL;
}

static bool configure(struct spore__build *b)
{
	return spore__make(b, NULL, "defconfig", NULL);
}

static bool reconfigures(const struct spore__build *b)
{
	return !has(b->dir, ".config");
}

static bool compile(struct spore__build *b)
{
	return spore__make(b, NULL, b->strategy->amends.target, NULL);
}

static bool install(struct spore__build *b)
{
	struct spore__strs variables = {0};
	spore__strs_addf(&variables, "CONFIG_PREFIX=%s", b->f->prefix);
	spore__strs_addf(&variables, "PREFIX=%s", b->f->prefix);
	spore__strs_addf(&variables, "prefix=%s", b->f->prefix);
	bool ok = spore__make_install(b, NULL, &variables);
	spore__strs_finish(&variables);
	return ok;
}

const struct spore__build_ops spore__build_kconfig = {
    .name = "kconfig",
    .in_tree = true,
    .tools = tools,
    .detect = detect,
    .configure = configure,
    .reconfigures = reconfigures,
    .compile = compile,
    .install = install,
};
