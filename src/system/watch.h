// The files that a system was made from, watched.
#ifndef SPORE_SYSTEM_WATCH_H
#define SPORE_SYSTEM_WATCH_H

#include "system/run.h"

struct spore__watching;

// NULL after a report.
struct spore__watching *spore__watching_create(void);
void spore__watching_destroy(struct spore__watching *w);

// Watches the files of R too, in the state in which it was built from them. What was watched before still is.
void spore__watching_add(struct spore__watching *w, const struct spore__run *r);
// All files are told only when they change from now on.
void spore__watching_refresh(struct spore__watching *w);

// The path of a file that changed, valid until the next call, or NULL.
const char *spore__watching_changed(const struct spore__watching *w);
// The same after something happened, or NULL after TIMEOUT_MS or a signal. What comes in a burst is told once.
const char *spore__watching_wait(struct spore__watching *w, int timeout_ms);

#endif
