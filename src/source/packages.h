// The Debian packages in which build tools, headers, libraries and pkg-config packages are found.
#ifndef SPORE_SOURCE_PACKAGES_H
#define SPORE_SOURCE_PACKAGES_H

#include "base/buf.h"

// KIND is "tool", "header", "package" (pkg-config), "library" or "file". NULL when it is not known. Static.
const char *spore__packages_of(const char *kind, const char *name);

// The directive for a file that includes HEADER of a known library: "pkg-config zlib", "libs -lgif". malloc'ed, or NULL.
char *spore__packages_directive(const char *header);

// The pkg-config package of a CMake find_package NAME, or NULL. Static.
const char *spore__packages_cmake(const char *name);

// The Build-Depends of DIR/debian/control that are not installed, those for documentation and tests left out.
void spore__packages_debian(const char *dir, struct spore__strs *packages);

// The same from the texts of a debian/control and of dpkg's status.
void spore__packages_build_depends(const char *control, const char *status, struct spore__strs *packages);

#endif
