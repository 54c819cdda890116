// What compilers and linkers said: messages with their places, and the part of a long log that has them.
#ifndef SPORE_SOURCE_DIAGNOSTIC_H
#define SPORE_SOURCE_DIAGNOSTIC_H

#include <stdbool.h>

#include "base/buf.h"

// One message, as gcc, clang and GNU ld write them: FILE:LINE:COLUMN: error: MESSAGE, FILE:(SECTION): undefined reference to ...,
// gcc: error: MESSAGE.
struct spore__diagnostic {
	char *file;        // malloc'ed; NULL when none is named
	long line, column; // 0: not told
	char *severity;    // "error", "warning", "note"; malloc'ed
	char *message;     // malloc'ed
	bool linker;       // of what the files are linked to, not of what is written in one
};

// Takes the next one from *TEXT, which moves behind it; false when there is none. The caller frees the members.
bool spore__diagnostic_next(const char **text, struct spore__diagnostic *d);
void spore__diagnostic_finish(struct spore__diagnostic *d);

// Adds to OUT the errors in LOG as they were written, with the lines of source that compilers show below them; each once, the
// first ones when there are many.
void spore__diagnostic_excerpt(const char *log, struct spore__buf *out);

#endif
