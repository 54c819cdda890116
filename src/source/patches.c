// debian/patches: applied when the sources do not build without, taken back when they do not build with them.
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/fs.h"
#include "base/mem.h"
#include "source/build.h"

static void read_list(const char *dir, const char *file, struct spore__strs *patches)
{
	char *text = spore__text_file(dir, file), *save = NULL;
	for (char *line = text != NULL ? strtok_r(text, "\n", &save) : NULL; line != NULL;
	     line = strtok_r(NULL, "\n", &save)) {
		line[strcspn(line, " \t#")] = '\0';
		if (*line != '\0')
			spore__strs_add(patches, line);
	}
	free(text);
}

static bool lists_any(const char *src, const char *file)
{
	struct spore__strs patches = {0};
	read_list(src, file, &patches);
	bool any = patches.count > 0;
	spore__strs_finish(&patches);
	return any;
}

bool spore__patches_applied(const char *src)
{
	return lists_any(src, ".pc/applied-patches");
}

bool spore__patches_waiting(const char *src)
{
	return lists_any(src, "debian/patches/series") && !spore__patches_applied(src);
}

void spore__patches_apply(struct spore__build *b)
{
	struct spore__strs patches = {0};
	read_list(b->root, "debian/patches/series", &patches);
	for (size_t i = 0; i < patches.count; i++) {
		char *patch = spore__xasprintf("debian/patches/%s", patches.items[i]);
		const char *const argv[] = {"patch", "-p1", "-f", "-s", "-i", patch, NULL};
		(void)spore__build_run(b, b->root, argv);
		free(patch);
	}
	spore__strs_finish(&patches);
}

// Puts back what quilt kept in FROM; an empty file there stands for one that the patch made.
static int restore(const char *from, const char *to)
{
	struct spore__strs names = {0};
	int r = spore__fs_list(from, &names);
	for (size_t i = 0; r == 0 && i < names.count; i++) {
		char *kept = spore__fs_join(from, names.items[i]), *file = spore__fs_join(to, names.items[i]);
		struct stat st;
		r = lstat(kept, &st);
		if (r == 0 && S_ISDIR(st.st_mode))
			r = restore(kept, file);
		else if (r == 0 && strcmp(names.items[i], ".timestamp") != 0) {
			r = spore__fs_remove_tree(file);
			if (r == 0 && st.st_size > 0)
				r = spore__mirror_copy(kept, file);
		}
		free(file);
		free(kept);
	}
	spore__strs_finish(&names);
	return r;
}

int spore__patches_revert(const struct spore__build *b)
{
	struct spore__strs patches = {0};
	int r = 0;
	read_list(b->root, ".pc/applied-patches", &patches);
	for (size_t i = patches.count; r == 0 && i-- > 0;) {
		char *kept = spore__xasprintf("%s/.pc/%s", b->root, patches.items[i]);
		r = restore(kept, b->root);
		if (r != 0 && errno == ENOENT)
			r = 0; // it changed nothing
		free(kept);
	}
	spore__strs_finish(&patches);
	return r;
}
