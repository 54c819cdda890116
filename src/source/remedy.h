// From what the compiler of a single file said to what its user can do.
#ifndef SPORE_SOURCE_REMEDY_H
#define SPORE_SOURCE_REMEDY_H

#include "source/directive.h"

// The command that installs the Debian PACKAGES; malloc'ed.
char *spore__remedy_install(const struct spore__strs *packages);

// For a compiler NAME that is not there; malloc'ed.
char *spore__remedy_compiler(const char *name);

// For a compilation or a link that failed and SAID why. D is what the file itself says, DIR its folder. malloc'ed; NULL when
// nothing is known.
char *spore__remedy_compile(const char *said, const struct spore__directives *d, const char *dir);

#endif
