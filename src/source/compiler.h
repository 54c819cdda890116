// Runs one compiler over the files of a program: confined, traced, its words kept.
#ifndef SPORE_SOURCE_COMPILER_H
#define SPORE_SOURCE_COMPILER_H

#include <stdbool.h>

#include "base/buf.h"

struct spore__compiler {
	const char *stage;       // private folder that may be written
	const char *trace;       // file that records the inputs
	const char *const *read; // folders and files that may be read, besides the system's
	const char *cwd;
	const char *input; // file to be standard input; NULL: none
	bool confined;
};

// Runs ARGV (argv[0] a path) and waits. What it printed is added to OUTPUT. Returns the exit status, 128+N after a signal, or
// -1 with errno when it could not be started.
int spore__compiler_run(const struct spore__compiler *c, const char *const *argv, struct spore__buf *output);

// The same for a compiler that is a library: BODY runs in a child of this process, and its result is the status.
int spore__compiler_call(const struct spore__compiler *c, int (*body)(void *arg), void *arg, struct spore__buf *output);

#endif
