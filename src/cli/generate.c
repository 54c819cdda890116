// spore-generate FOLDER END COMMAND...: writes the manual pages (scdoc) and the shell completions into FOLDER. END is the file
// with the rest of spore(1). The COMMANDs are those that the build knows of; that they are those of the table is checked.
#include "cli/generate.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/fs.h"
#include "base/mem.h"

static void each_below(const struct spore__command *const *commands, const char *path,
                       void (*visit)(struct spore__buf *, const char *, const struct spore__command *),
                       struct spore__buf *out)
{
	for (size_t i = 0; commands != NULL && commands[i] != NULL; i++) {
		char *longer = spore__xasprintf("%s%s%s", path, path[0] != '\0' ? " " : "", commands[i]->name);
		visit(out, longer, commands[i]);
		each_below(commands[i]->commands, longer, visit, out);
		free(longer);
	}
}

void spore__generate_each(void (*visit)(struct spore__buf *, const char *, const struct spore__command *),
                          struct spore__buf *out)
{
	each_below(spore__commands, "", visit, out);
}

// Frees NAME, empties TEXT.
static void save(const char *folder, char *name, struct spore__buf *text)
{
	char *path = spore__fs_join(folder, name);
	if (spore__fs_write_atomic(path, text->data, text->len, 0644) != 0)
		spore__die(SPORE__EXIT_SPORE, NULL, "%s: cannot write it", path);
	spore__buf_finish(text);
	*text = (struct spore__buf){0};
	free(path);
	free(name);
}

static void check_names(char *const *names, size_t count)
{
	size_t n = 0;
	while (spore__commands[n] != NULL)
		n++;
	bool same = n == count;
	for (size_t i = 0; same && i < n; i++)
		same = strcmp(names[i], spore__commands[i]->name) == 0;
	if (!same)
		spore__die(SPORE__EXIT_SPORE, "name the commands of src/cli/table.c there, in the same order",
		           "docs/meson.build: its list of commands is not that of the table");
}

int main(int argc, char *argv[])
{
	if (argc < 3)
		spore__die(SPORE__EXIT_USAGE, "spore-generate FOLDER END COMMAND...", "spore-generate: wrong use");
	struct spore__buf text = {0}, end = {0};
	check_names(argv + 3, (size_t)argc - 3);
	if (spore__fs_read(argv[2], &end) != 0)
		spore__die(SPORE__EXIT_SPORE, NULL, "%s: cannot read it", argv[2]);
	spore__generate_man_overview(&text, end.data);
	save(argv[1], spore__xstrdup("spore.1.scd"), &text);
	for (size_t i = 0; spore__commands[i] != NULL; i++) {
		spore__generate_man(&text, spore__commands[i]);
		save(argv[1], spore__xasprintf("spore-%s.1.scd", spore__commands[i]->name), &text);
	}
	spore__generate_bash(&text);
	save(argv[1], spore__xstrdup("spore"), &text);
	spore__generate_zsh(&text);
	save(argv[1], spore__xstrdup("_spore"), &text);
	spore__generate_fish(&text);
	save(argv[1], spore__xstrdup("spore.fish"), &text);
	spore__buf_finish(&end);
	return SPORE__EXIT_OK;
}
