// What a child does between fork and exec in both backends. Private to src/os.
#ifndef SPORE_OS_CHILD_H
#define SPORE_OS_CHILD_H

#include <signal.h>

#include "os/os.h"

// Signals, process group, folder, limits and descriptors of S. Uses only what is safe after vfork. MASK is the
// caller's signal mask from before all signals were blocked. 0, or -1 with errno.
int spore__os_child_setup(const struct spore__spawn *s, const sigset_t *mask);

#endif
