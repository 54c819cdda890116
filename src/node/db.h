// `node.db`, the node's durable state: what is wanted. db.c opens it and runs statements; db_builds.c is the queue of background
// builds, db_tasks.c the tasks and systems. One thread. Failures are those of SQLite; a database that turns out to be corrupted is put
// aside under another name and made anew, then the call is tried again.
#ifndef SPORE_NODE_DB_H
#define SPORE_NODE_DB_H

#include <limits.h>
#include <sqlite3.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
	SPORE__DB_KEPT = 56, // prepared statements
};

struct spore__db {
	sqlite3 *handle; // NULL: could not be opened, tried again with each call
	char path[PATH_MAX];
	char aside[PATH_MAX]; // where a corrupted one was put; empty: never
	bool made;            // there was none
	char error[256];      // of the last failure
	int code;             // likewise
	bool room_given;      // what was kept free
	bool batch;           // several changes are one transaction, up to the commit
	int batch_failed;     // what went wrong in it: nothing more is written before its end, which undoes it
	// Called when an empty database was begun in place of one that is corrupted or gone, to fill it; may be NULL. May run statements.
	void (*remade)(void *arg);
	void *remade_arg;
	struct {
		const char *sql;
		sqlite3_stmt *statement;
	} kept[SPORE__DB_KEPT];
};

// Opens or makes the database in the folder STATE. Each function: SQLITE_OK, else a code of SQLite's and words in db->error.
int spore__db_open(struct spore__db *db, const char *state);
void spore__db_close(struct spore__db *db);

// What is bound to a parameter of a statement; made by the functions below.
struct spore__db_value {
	int type;          // SQLITE_INTEGER, _TEXT, _BLOB, _NULL
	const void *bytes; // of a text (NUL-terminated) or blob; must live until the statement has run
	size_t len;        // of a blob
	int64_t number;
};
struct spore__db_value spore__db_text(const char *text); // NULL: null
struct spore__db_value spore__db_int(int64_t number);
struct spore__db_value spore__db_blob(const void *bytes, size_t len); // NULL: null

// A row of the result; false ends it. What S says of it lives until the callback returns. It may not run the same statement.
typedef bool spore__db_row(void *arg, sqlite3_stmt *s);

// Runs SQL, a string constant (it is kept prepared, by its address), with VALUES for ?1, ?2, ... ROW may be NULL.
int spore__db_run(struct spore__db *db, const char *sql, const struct spore__db_value *values, size_t count,
                  spore__db_row *row, void *arg);

// From here on changes are one transaction, which costs as much as a single change; nothing when it is begun already. When one of them fails,
// or this, so does the commit: it is enough to look at that.
int spore__db_begin(struct spore__db *db);
// Ends it; nothing when none is begun. Not SQLITE_OK: none of its changes was made.
int spore__db_commit(struct spore__db *db);
// When the last failure was that the disk is full: gives up the room that is kept for what makes room, tasks that stop; true: another try may
// help. It is taken again when there is plenty.
bool spore__db_give_room(struct spore__db *db);
// Ends it without its changes; nothing when none is begun. db->error stays.
void spore__db_rollback(struct spore__db *db);

#endif
