// Sources that are run as they are: Python, shell, JavaScript, and system programs.
#ifndef SPORE_CLI_SCRIPT_H
#define SPORE_CLI_SCRIPT_H

#include <stdbool.h>

#include "base/buf.h"

enum spore__source_kind {
	SPORE__SOURCE_SCRIPT, // ARGV is the command
	SPORE__SOURCE_BUILT,  // a folder, or a C or C++ file: for spore-build
};

// What the source at REAL (TYPED by the user) is. A script's command (interpreter, its argument, the file as typed) is added to
// ARGV. Dies with status 126 when it is neither, or when the interpreter is not installed.
enum spore__source_kind spore__script_kind(const char *typed, const char *real, struct spore__strs *argv);

// Runs ARGV in the foreground and ends as it ends.
_Noreturn int spore__script_run(const struct spore__strs *argv, const char *name, bool control);

#endif
