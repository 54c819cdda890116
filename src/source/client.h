// Asks for the artifact of a source: from the index when nothing changed, else from spore-build.
#ifndef SPORE_SOURCE_CLIENT_H
#define SPORE_SOURCE_CLIENT_H

#include <stdbool.h>

#include "source/index.h"

struct spore__wanted {
	const char *source; // as typed
	const char *real;   // its real path
	enum spore__tier tier;
	bool no_sandbox, verbose, json;
};

// What `spore run` would start, found by comparing file states only. The index is the caller's to finish. False when a build is
// needed.
bool spore__build_current(const char *store, const struct spore__wanted *w, struct spore__index *index);

// Builds (or finds in the store by content) and returns 0, or the exit status after it was reported why not. INDEX is to be
// finished either way. Blocks for as long as the build takes.
int spore__build_ask(const struct spore__wanted *w, struct spore__index *index);

// Takes away the remains of a builder that ended after it had answered. Does not block; for who goes on after spore__build_ask.
void spore__build_reap(void);

// Executes spore-build with these arguments in place of this process; does not return.
_Noreturn void spore__build_become(const struct spore__strs *args);

#endif
