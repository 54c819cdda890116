// Landlock and seccomp for a child that is about to exec. Private to src/os/linux.
#ifndef SPORE_OS_LINUX_CONFINE_H
#define SPORE_OS_LINUX_CONFINE_H

#include "os/os.h"

// Prepares the rules in the caller: a Landlock rule set, or -1 with errno (ENOTSUP: this kernel has none).
int spore__os_confine_prepare(const struct spore__confine *c);
// Applies them to the calling process, for good. Safe after vfork. 0, or -1 with errno.
int spore__os_confine_apply(int ruleset, const struct spore__confine *c);

#endif
