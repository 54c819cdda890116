// Why a folder could not be built, and what to do about it.
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "source/build.h"
#include "source/missing.h"
#include "source/packages.h"

// A failure that does not tell what is missing, of a source whose packagers do.
static bool asked_by_debian(const struct spore__folder *f, struct spore__buf *remedy)
{
	struct spore__strs packages = {0};
	spore__packages_debian(f->src, &packages);
	for (size_t i = 0; i < packages.count; i++)
		spore__buf_printf(remedy, "%s %s", i == 0 ? "sudo apt-get install" : "", packages.items[i]);
	bool any = packages.count > 0;
	if (any)
		spore__buf_str(remedy, " (its debian/control asks for them)");
	spore__strs_finish(&packages);
	return any;
}

// No build file was found, and its C files alone are not a program.
static bool only_files(const struct spore__folder_result *r)
{
	return r->missing.count == 0 && r->build_system != NULL && strcmp(r->build_system, spore__build_c.name) == 0;
}

static const char *remedy_of_disk(const char *error)
{
	if (strstr(error, strerror(ENOSPC)) != NULL || strstr(error, strerror(EDQUOT)) != NULL)
		return "free some space there (spore store gc), then try again";
	return strstr(error, strerror(EFBIG)) != NULL ? "raise the limit of the size of files (ulimit -f)" : NULL;
}

void spore__folder_fail(struct spore__folder_result *r, char *error, char *remedy)
{
	free(r->error);
	free(r->remedy);
	r->error = error;
	r->remedy = remedy;
}

void spore__folder_explain(const struct spore__folder *f, const struct spore__needs *needs, size_t strategies,
                           struct spore__folder_result *r)
{
	spore__missing_packages(needs, f->src, &r->packages);
	for (size_t i = 0; i < needs->words.count; i++)
		spore__strs_add(&r->missing, needs->words.items[i]);
	struct spore__buf error = {0}, remedy = {0};
	spore__buf_printf(&error, "%s: ", f->origin);
	if (r->missing.count > 0) {
		spore__buf_str(&error, "not on this machine: ");
		for (size_t i = 0; i < r->missing.count; i++)
			spore__buf_printf(&error, "%s%s", i > 0 ? ", " : "", r->missing.items[i]);
	} else if (strategies == 0) {
		spore__buf_str(&error,
		               "no way to build it was found (no Meson, CMake, configure, Makefile or C files)");
	} else {
		const struct spore__attempt *first = &r->attempts[0];
		spore__buf_printf(&error, "%s: %s", first->what, first->why != NULL ? first->why : "failed");
	}
	const char *disk = remedy_of_disk(error.data);
	if (disk != NULL) {
		spore__buf_str(&remedy, disk);
	} else if (r->packages.count > 0) {
		spore__buf_str(&remedy, "sudo apt-get install");
		for (size_t i = 0; i < r->packages.count; i++)
			spore__buf_printf(&remedy, " %s", r->packages.items[i]);
	} else if (r->missing.count > 0) {
		const char *name = strrchr(r->missing.items[0], ' ') + 1;
		spore__buf_printf(&remedy, "install what has it; apt-file search %s tells the Debian package", name);
	} else if (asked_by_debian(f, &remedy)) {
		// said
	} else if (strategies == 0 || only_files(r)) {
		spore__buf_str(&remedy, "write how to build it into its spore.yaml (recipe:)");
	}
	spore__folder_fail(r, spore__buf_take(&error), remedy.len > 0 ? spore__buf_take(&remedy) : NULL);
}
