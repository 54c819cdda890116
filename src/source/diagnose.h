// Reads the output of a failed command: where the first error is, and what could be done about it.
#ifndef SPORE_SOURCE_DIAGNOSE_H
#define SPORE_SOURCE_DIAGNOSE_H

#include <stdbool.h>

#include "source/build.h"

// The line that says best why it failed, shortened; malloc'ed, never NULL.
char *spore__diagnose_reason(const char *log);

// The compiler or the linker refused something.
bool spore__diagnose_compiler(const struct spore__sandbox_end *end);
// The compiler found a mistake in a source file; a missing header is none.
bool spore__diagnose_mistake(const char *log);

// Adds to SYMBOLS what the linker did not find.
void spore__diagnose_undefined(const char *log, struct spore__strs *symbols);

// Adds to AMENDS what the log asks for and they do not have yet; false when nothing was added.
bool spore__diagnose_amend(const char *log, struct spore__amends *amends);

// Adds to LIBS (names for -l) the installed libraries, common ones first, that define SYMBOLS (symbols.c).
void spore__symbols_libraries(const struct spore__strs *symbols, struct spore__strs *libs);
// The object file PATH defines the function SYMBOL.
bool spore__symbols_defines(const char *path, const char *symbol);

#endif
