// The commands on the store itself. Each prints to standard output, as text or with JSON, and returns the exit status.
#ifndef SPORE_SOURCE_UPKEEP_H
#define SPORE_SOURCE_UPKEEP_H

#include <stdbool.h>
#include <stdint.h>

#include "source/store.h"

// What each artifact is, from where, how large, used when.
int spore__upkeep_list(struct spore__store *s, bool json);
// Which artifacts are not what they were when they were made; those are taken away. 0, or 1 when there were any.
int spore__upkeep_verify(struct spore__store *s, bool json);
// Removes what nobody uses: artifacts not used for MAX_AGE_S (<0: any age stays), then the longest unused until all take at
// most MAX_BYTES (<0: no limit); what is left of cut-short builds; build folders that old; logs that old. DRY: only says so.
int spore__upkeep_gc(struct spore__store *s, int64_t max_age_s, int64_t max_bytes, bool dry, bool json);
// What changed since the last artifact of SOURCE (a real path), to standard error. TYPED is how the user wrote it.
void spore__upkeep_why(struct spore__store *s, const char *typed, const char *source);

#endif
