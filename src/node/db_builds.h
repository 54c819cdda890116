// The queue of background builds in the node's database. Each function: SQLITE_OK, else as src/node/db.h says.
#ifndef SPORE_NODE_DB_BUILDS_H
#define SPORE_NODE_DB_BUILDS_H

#include "node/db.h"

enum spore__build_state {
	SPORE__BUILD_QUEUED,
	SPORE__BUILD_RUNNING,
	SPORE__BUILD_DONE,
	SPORE__BUILD_FAILED,
};

enum {
	SPORE__BUILDS_KEPT = 100, // that are done, the latest
	SPORE__BUILDS_QUEUED_MAX = 10000,
};

struct spore__build_counts {
	int64_t of[4]; // by state
};

// A row of the list. Strings live until the callback returns; REASON may be NULL. False ends the list.
typedef bool spore__build_row(void *arg, const char *source, enum spore__build_state state, const char *reason,
                              int64_t asked, int64_t ended);

// Wants SOURCE built: queued, or, while it runs, once more afterwards. SQLITE_FULL also when the queue is too long.
int spore__db_builds_ask(struct spore__db *db, const char *source);
// The source that waits longest, marked as running. SQLITE_DONE: none. Builds that ran when the database was opened are queued again.
int spore__db_builds_begin(struct spore__db *db, char *source, size_t size);
// The running SOURCE ended. REASON NULL: done. A failed one stays failed until it is asked for again.
int spore__db_builds_end(struct spore__db *db, const char *source, const char *reason);
// Forgets SOURCE.
int spore__db_builds_drop(struct spore__db *db, const char *source);
// The running one is queued again.
int spore__db_builds_requeue(struct spore__db *db);
int spore__db_builds_count(struct spore__db *db, struct spore__build_counts *counts);
int spore__db_builds_list(struct spore__db *db, spore__build_row *row, void *arg);

#endif
