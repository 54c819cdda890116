// `node.db`, the node's durable state: the queue of background builds. One thread. Failures are those of SQLite; a
// database that turns out to be corrupted is put aside under another name and made anew, then the call is tried again.
#ifndef SPORE_NODE_DB_H
#define SPORE_NODE_DB_H

#include <limits.h>
#include <sqlite3.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

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

struct spore__db {
	sqlite3 *handle; // NULL: could not be opened, tried again with each call
	char path[PATH_MAX];
	char aside[PATH_MAX]; // where a corrupted one was put; empty: never
	char error[256];      // of the last failure
};

struct spore__build_counts {
	int64_t of[4]; // by state
};

// A row of the list. Strings live until the callback returns; REASON may be NULL. False ends the list.
typedef bool spore__build_row(void *arg, const char *source, enum spore__build_state state, const char *reason,
                              int64_t asked, int64_t ended);

// Opens or makes the database in the folder STATE; builds that were running are queued again. Each function: SQLITE_OK,
// else a code of SQLite's and words in db->error.
int spore__db_open(struct spore__db *db, const char *state);
void spore__db_close(struct spore__db *db);

// Wants SOURCE built: queued, or, while it runs, once more afterwards. SQLITE_FULL also when the queue is too long.
int spore__db_ask(struct spore__db *db, const char *source);
// The source that waits longest, marked as running. SQLITE_DONE: none.
int spore__db_begin(struct spore__db *db, char *source, size_t size);
// The running SOURCE ended. REASON NULL: done. A failed one stays failed until it is asked for again.
int spore__db_end(struct spore__db *db, const char *source, const char *reason);
// Forgets SOURCE.
int spore__db_drop(struct spore__db *db, const char *source);
// The running one is queued again.
int spore__db_requeue(struct spore__db *db);
int spore__db_count(struct spore__db *db, struct spore__build_counts *counts);
int spore__db_list(struct spore__db *db, spore__build_row *row, void *arg);

#endif
