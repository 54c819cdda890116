// Waits for changes of logs, and for logs that are not there yet.
#ifndef SPORE_LOGS_FOLLOW_H
#define SPORE_LOGS_FOLLOW_H

#include <stdbool.h>
#include <time.h>

#include "base/buf.h"
#include "os/os.h"

enum spore__follow_event { SPORE__FOLLOW_CHANGED, SPORE__FOLLOW_TIMEOUT, SPORE__FOLLOW_GONE };

struct spore__follow {
	struct spore__watch *watch; // NULL: it cannot be told, so it is looked every now and then
	bool blind;                 // something cannot be watched
	char *logs;                 // their folder
	struct spore__strs watched; // paths
	unsigned long long seen;    // of the tree of logs, folded into a number
	bool settled;               // a change since would show in it
};

void spore__follow_init(struct spore__follow *f, const char *state);
void spore__follow_finish(struct spore__follow *f);

// Watches the folder of a log from now on, where it is there.
void spore__follow_add(struct spore__follow *f, const char *folder);
void spore__follow_remove(struct spore__follow *f, const char *folder); // it was removed

// May there be logs that were not there at the last call? True at first.
bool spore__follow_has_changed(struct spore__follow *f);

// Waits at most TIMEOUT_MS (-1: for ever). GONE: nobody reads OUT any more.
enum spore__follow_event spore__follow_wait(struct spore__follow *f, int out, int timeout_ms);

#endif
