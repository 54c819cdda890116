// Sources that are run as they are: Python, shell, JavaScript, and system programs.
#ifndef SPORE_SOURCE_SCRIPT_H
#define SPORE_SOURCE_SCRIPT_H

#include <stdbool.h>

#include "base/buf.h"

enum spore__source_kind {
	SPORE__SOURCE_SCRIPT, // run by an interpreter
	SPORE__SOURCE_BUILT,  // a folder, or a C or C++ file: for spore-build
};

// What the source at REAL (TYPED by the user) is, in *KIND. A script's interpreter and the argument of its #! line are added to
// ARGV; the caller adds the file. 0, or SPORE__EXIT_NOT_RUNNABLE when it is neither, or the interpreter is not installed: then
// *ERROR and *REMEDY say so, and are the caller's to free.
int spore__script_kind(const char *typed, const char *real, enum spore__source_kind *kind, struct spore__strs *argv,
                       char **error, char **remedy);

#endif
