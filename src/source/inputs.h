// From the trace of a build (source/trace.c) to the inputs of its artifact, and from those to the index.
#ifndef SPORE_SOURCE_INPUTS_H
#define SPORE_SOURCE_INPUTS_H

#include <stdbool.h>
#include <time.h>

#include "source/store.h"

// The environment that makes a tool record its inputs in FILE: LD_PRELOAD and SPORE_TRACE_FILE, added to ENV.
void spore__inputs_trace_env(const char *file, struct spore__strs *env);

// Makes an empty trace FILE for the tools of one build. 0, or -1 with errno.
int spore__inputs_trace_create(const char *file);

// Adds what the trace FILE (of one build, or merged) names to M with the hashes of now. Paths below one of the NULL-terminated folders OWN are the
// build's own and left out; those below DIR, the source's folder, become relative. *CHANGED becomes the first of them (malloc'ed)
// that changed since SINCE (but KNOWN, which the caller looks after; may be NULL), so that what the build read may not be what was
// hashed; else NULL. *TRUSTED: false when a tool left no trace.
// 0, or -1 with errno.
int spore__inputs_from_trace(struct spore__store *s, const char *file, const char *const *own, const char *dir,
                             const char *known, const struct timespec *since, struct spore__meta *m, char **changed,
                             bool *trusted);

// Does every input of M have the content that M says? Then fills INDEX (id, programs, states) for the source in DIR.
// Otherwise *WHICH, if not NULL, is the first that differs (malloc'ed). Also false when the artifact itself is not whole.
bool spore__inputs_match(struct spore__store *s, const struct spore__meta *m, const char *dir,
                         struct spore__index *index, char **which);

// Are the inputs outside the source's folder (headers, libraries, compilers) as M says? What a build tree holds is of no use
// otherwise.
bool spore__inputs_system_same(struct spore__store *s, const struct spore__meta *m);

// Adds the lines of the trace FILE that are new to the lines in ALL, a text file that may not exist yet; not those of paths
// below OWN, as above. 0, or -1 with errno.
int spore__inputs_trace_merge(const char *file, const char *const *own, const char *all);

// True when an input of INDEX changed too shortly before it was checked for the client to trust its times alone.
bool spore__inputs_recent(const struct spore__index *index);

#endif
