// Keeps an artifact from being collected for as long as a descriptor is open.
#ifndef SPORE_BASE_KEEP_H
#define SPORE_BASE_KEEP_H

// A shared lock on the artifact ID of the store STORE, and a note of when it was used: the descriptor, -1 with errno (ENOENT: it is
// gone). Waits while a collection looks at it. Allocates nothing.
int spore__keep_artifact(const char *store, const char *id);

#endif
