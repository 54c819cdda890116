// What a build needs and this machine has not, and the Debian packages that bring it.
#ifndef SPORE_SOURCE_MISSING_H
#define SPORE_SOURCE_MISSING_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"

// Things needed; the same twice counts once. `words` holds "header zlib.h", "tool bison", "package gtk+-3.0"
// (pkg-config), "library foo" (-lfoo), "file /usr/share/dict/words".
struct spore__needs {
	struct spore__strs words;
};

void spore__needs_add(struct spore__needs *n, const char *kind, const char *name);
// Like spore__needs_add, but only when it is not there.
void spore__needs_check(struct spore__needs *n, const char *kind, const char *name);
void spore__needs_finish(struct spore__needs *n);

// Is there such a tool, header, pkg-config package or library? Looks into the folders where the build's tools look.
bool spore__missing_has(const char *kind, const char *name);

// Reads what the output of a failed command says is missing.
void spore__missing_read(const char *log, struct spore__needs *n);

// The Debian packages for NEEDS, as far as they are known, and, when DIR has a debian/control, its build dependencies that
// are not installed.
void spore__missing_packages(const struct spore__needs *n, const char *dir, struct spore__strs *packages);

#endif
