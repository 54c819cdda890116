// Builds a folder of sources with whatever build system it has: a `recipe:` in its spore.yaml, else detected.
// The caller made a private copy of the folder and knows whether anything changed at all; this part decides how to
// build, tries alternatives when one fails, and says what it tried.
#ifndef SPORE_SOURCE_FOLDER_H
#define SPORE_SOURCE_FOLDER_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"
#include "source/sandbox.h"

struct spore__folder {
	const char *name; // of the project, as far as the caller knows: the folder's name, a trailing -VERSION removed
	const char *origin; // the user's folder, for messages only
	const char *src;    // private copy of it: may be written, kept between builds; changed files have a newer mtime
	const char *work;   // private, kept between builds: out-of-tree builds and notes of this part live here
	const char
	    *prefix; // the installation prefix: empty and to be filled; the same path in every build of this source
	struct spore__sandbox *sandbox; // filled by the caller but for read/write paths of this part's own making
	unsigned jobs;                  // parallel compilations
};

// One way that was tried.
struct spore__attempt {
	char *what; // "meson in ./", "make in src/ with -fcommon"
	char *why;  // NULL: this one worked; else why it failed, one line with the place
};

struct spore__folder_result {
	struct spore__attempt *attempts;
	size_t attempt_count;
	struct spore__strs programs; // relative to prefix ("bin/nano"); the main one first when `main_known`
	bool main_known;             // programs.items[0] is the one to run; otherwise the user chooses with --bin
	struct spore__strs missing;  // what is not on this machine: "header zlib.h", "tool bison", "package gtk+-3.0"
	struct spore__strs packages; // the Debian packages that have it, for `apt-get install`
	struct spore__strs run_env;  // NAME=VALUE that the program gets (recipe's `env:`)
	char *build_system; // "meson", "cmake", "autotools", "make", "c", "recipe", ...; NULL when none was found
	char *error;        // NULL on success; else WHAT: WHY
	char *remedy;       // may be NULL
};

// Builds and installs. True on success. RESULT is filled either way; the caller calls spore__folder_result_finish.
bool spore__folder_build(const struct spore__folder *f, struct spore__folder_result *result);
void spore__folder_result_finish(struct spore__folder_result *result);

#endif
