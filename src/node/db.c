#include "node/db.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "node/log.h"

static const char schema[] =
    // A small cache and no map, since the node is to be small; a short log, since it is only written now and then.
    "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL; PRAGMA cache_size=-128; PRAGMA mmap_size=0;"
    "PRAGMA temp_store=MEMORY; PRAGMA wal_autocheckpoint=64; PRAGMA journal_size_limit=262144;"
    "CREATE TABLE IF NOT EXISTS builds("
    " id INTEGER PRIMARY KEY AUTOINCREMENT,"
    " source TEXT NOT NULL UNIQUE,"
    " state INTEGER NOT NULL CHECK(state BETWEEN 0 AND 3),"
    " again INTEGER NOT NULL DEFAULT 0,"
    " reason TEXT,"
    " asked INTEGER NOT NULL,"
    " ended INTEGER);"
    "CREATE INDEX IF NOT EXISTS builds_by_state ON builds(state, asked);";

static bool is_corrupt(int rc)
{
	int primary = rc & 0xff;
	return primary == SQLITE_CORRUPT || primary == SQLITE_NOTADB;
}

static int failed(struct spore__db *db, int rc)
{
	// The check of the whole database finds damage without an error of the connection's.
	bool known = db->handle != NULL && (sqlite3_errcode(db->handle) & 0xff) == (rc & 0xff);
	const char *text = known ? sqlite3_errmsg(db->handle) : sqlite3_errstr(rc);
	(void)snprintf(db->error, sizeof db->error, "%s", text);
	return rc;
}

void spore__db_close(struct spore__db *db)
{
	(void)sqlite3_close(db->handle);
	db->handle = NULL;
}

static int check(struct spore__db *db)
{
	sqlite3_stmt *s = NULL;
	int rc = sqlite3_prepare_v2(db->handle, "PRAGMA quick_check(1)", -1, &s, NULL);
	if (rc == SQLITE_OK)
		rc = sqlite3_step(s);
	if (rc == SQLITE_ROW) {
		const char *text = (const char *)sqlite3_column_text(s, 0);
		rc = text == NULL ? SQLITE_NOMEM : strcmp(text, "ok") == 0 ? SQLITE_OK : SQLITE_CORRUPT;
	}
	(void)sqlite3_finalize(s);
	return rc;
}

static int open_once(struct spore__db *db)
{
	int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_NOFOLLOW;
	int rc = sqlite3_open_v2(db->path, &db->handle, flags, NULL);
	if (rc == SQLITE_OK) {
		(void)sqlite3_extended_result_codes(db->handle, 1);
		(void)sqlite3_busy_timeout(db->handle, 1000); // someone may look into it with another program
	}
	if (rc == SQLITE_OK)
		rc = check(db);
	if (rc == SQLITE_OK)
		rc = sqlite3_exec(db->handle, schema, NULL, NULL, NULL);
	if (rc == SQLITE_OK)
		rc = sqlite3_exec(db->handle, "UPDATE builds SET state=0 WHERE state=1", NULL, NULL, NULL);
	if (rc != SQLITE_OK) {
		(void)failed(db, rc);
		spore__db_close(db);
	}
	return rc;
}

// Keeps a corrupted database under another name. Its log goes along, or it would be applied to the new one.
static void put_aside(struct spore__db *db)
{
	static const char *const parts[] = {"", "-wal", "-shm"};
	spore__db_close(db);
	int len = snprintf(db->aside, sizeof db->aside, "%.*s.corrupt-%lld", (int)sizeof db->aside - 64, db->path,
	                   (long long)time(NULL));
	spore__node_log("%s: the database is corrupted (%s): kept as %s, begun anew; queued builds are lost", db->path,
	                db->error, db->aside);
	for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++) {
		char from[PATH_MAX + 8], to[PATH_MAX + 8];
		(void)snprintf(from, sizeof from, "%s%s", db->path, parts[i]);
		(void)snprintf(to, sizeof to, "%.*s%s", len, db->aside, parts[i]);
		if (rename(from, to) != 0 && errno != ENOENT)
			spore__node_log("%s: cannot be kept as %s: %s", from, to, strerror(errno));
	}
}

static int ensure_open(struct spore__db *db)
{
	if (db->handle != NULL)
		return SQLITE_OK;
	int rc = open_once(db);
	if (is_corrupt(rc)) {
		put_aside(db);
		rc = open_once(db);
	}
	return rc;
}

int spore__db_open(struct spore__db *db, const char *state)
{
	*db = (struct spore__db){0};
	(void)snprintf(db->path, sizeof db->path, "%s/node.db", state);
	return ensure_open(db);
}

// One statement, with what its :source and :reason are; :now is bound to the time.
struct step {
	const char *sql;
	const char *source;
	const char *reason;
	char *text; // gets the first column of the first row; may be NULL
	size_t size;
	int64_t *number; // likewise
};

static int bind_text(sqlite3_stmt *s, const char *name, const char *text)
{
	int i = sqlite3_bind_parameter_index(s, name);
	return i == 0 || text == NULL ? SQLITE_OK : sqlite3_bind_text(s, i, text, -1, SQLITE_STATIC);
}

static int run_once(struct spore__db *db, const struct step *step)
{
	sqlite3_stmt *s = NULL;
	int rc = sqlite3_prepare_v2(db->handle, step->sql, -1, &s, NULL);
	if (rc == SQLITE_OK)
		rc = bind_text(s, ":source", step->source);
	if (rc == SQLITE_OK)
		rc = bind_text(s, ":reason", step->reason);
	int now = rc == SQLITE_OK ? sqlite3_bind_parameter_index(s, ":now") : 0;
	if (now > 0)
		rc = sqlite3_bind_int64(s, now, (sqlite3_int64)time(NULL));
	bool found = false;
	while (rc == SQLITE_OK || rc == SQLITE_ROW) {
		rc = sqlite3_step(s);
		if (rc == SQLITE_ROW && !found) {
			found = true;
			const char *text = step->text != NULL ? (const char *)sqlite3_column_text(s, 0) : "";
			if (text == NULL)
				rc = SQLITE_NOMEM;
			else if (step->text != NULL)
				(void)snprintf(step->text, step->size, "%s", text);
			if (step->number != NULL)
				*step->number = sqlite3_column_int64(s, 0);
		}
	}
	if (rc != SQLITE_DONE)
		(void)failed(db, rc);
	(void)sqlite3_finalize(s);
	return rc != SQLITE_DONE ? rc : found || (step->text == NULL && step->number == NULL) ? SQLITE_OK : SQLITE_DONE;
}

static int run(struct spore__db *db, const struct step *step)
{
	int rc = ensure_open(db);
	if (rc != SQLITE_OK)
		return rc;
	rc = run_once(db, step);
	if (rc == SQLITE_READONLY_DBMOVED)
		spore__db_close(db); // removed by someone: begun anew
	else if (is_corrupt(rc))
		put_aside(db);
	else
		return rc;
	rc = ensure_open(db);
	return rc == SQLITE_OK ? run_once(db, step) : rc;
}

int spore__db_ask(struct spore__db *db, const char *source)
{
	int64_t queued = 0;
	int rc = run(db, &(struct step){.sql = "SELECT count(*) FROM builds WHERE state=0", .number = &queued});
	if (rc != SQLITE_OK)
		return rc;
	if (queued >= SPORE__BUILDS_QUEUED_MAX) {
		(void)snprintf(db->error, sizeof db->error, "%lld builds are queued already", (long long)queued);
		return SQLITE_FULL;
	}
	static const char sql[] = "INSERT INTO builds(source, state, asked) VALUES(:source, 0, :now)"
	                          " ON CONFLICT(source) DO UPDATE SET again = state=1,"
	                          " asked = CASE state WHEN 0 THEN asked ELSE excluded.asked END,"
	                          " reason = CASE state WHEN 1 THEN reason END,"
	                          " state = CASE state WHEN 1 THEN 1 ELSE 0 END";
	return run(db, &(struct step){.sql = sql, .source = source});
}

int spore__db_begin(struct spore__db *db, char *source, size_t size)
{
	static const char next[] = "SELECT source FROM builds WHERE state=0 ORDER BY asked, id LIMIT 1";
	static const char mark[] = "UPDATE builds SET state=1, again=0 WHERE source=:source";
	int rc = run(db, &(struct step){.sql = next, .text = source, .size = size});
	return rc == SQLITE_OK ? run(db, &(struct step){.sql = mark, .source = source}) : rc;
}

int spore__db_end(struct spore__db *db, const char *source, const char *reason)
{
	static const char done[] =
	    "UPDATE builds SET state = CASE again WHEN 1 THEN 0 ELSE 2 END, again=0, reason=NULL,"
	    " ended=:now WHERE source=:source";
	static const char broken[] = "UPDATE builds SET state = CASE again WHEN 1 THEN 0 ELSE 3 END, again=0,"
	                             " reason=:reason, ended=:now WHERE source=:source";
	static const char prune[] =
	    "DELETE FROM builds WHERE state IN (2, 3) AND id NOT IN"
	    " (SELECT id FROM builds WHERE state IN (2, 3) ORDER BY ended DESC, id DESC LIMIT 100)";
	_Static_assert(SPORE__BUILDS_KEPT == 100, "the statement above says it too");
	int rc = run(db, &(struct step){.sql = reason == NULL ? done : broken, .source = source, .reason = reason});
	return rc == SQLITE_OK ? run(db, &(struct step){.sql = prune}) : rc;
}

int spore__db_drop(struct spore__db *db, const char *source)
{
	return run(db, &(struct step){.sql = "DELETE FROM builds WHERE source=:source", .source = source});
}

int spore__db_requeue(struct spore__db *db)
{
	return run(db, &(struct step){.sql = "UPDATE builds SET state=0, again=0 WHERE state=1"});
}

int spore__db_count(struct spore__db *db, struct spore__build_counts *counts)
{
	static const char *const sql[] = {
	    "SELECT count(*) FROM builds WHERE state=0",
	    "SELECT count(*) FROM builds WHERE state=1",
	    "SELECT count(*) FROM builds WHERE state=2",
	    "SELECT count(*) FROM builds WHERE state=3",
	};
	*counts = (struct spore__build_counts){0};
	for (size_t i = 0; i < 4; i++) {
		int rc = run(db, &(struct step){.sql = sql[i], .number = &counts->of[i]});
		if (rc != SQLITE_OK)
			return rc;
	}
	return SQLITE_OK;
}

int spore__db_list(struct spore__db *db, spore__build_row *row, void *arg)
{
	static const char sql[] = "SELECT source, state, reason, asked, ended FROM builds"
	                          " ORDER BY state=1 DESC, state=0 DESC, asked DESC, id DESC LIMIT 1000";
	sqlite3_stmt *s = NULL;
	int rc = ensure_open(db);
	if (rc != SQLITE_OK)
		return rc;
	rc = sqlite3_prepare_v2(db->handle, sql, -1, &s, NULL);
	if (rc == SQLITE_OK)
		while ((rc = sqlite3_step(s)) == SQLITE_ROW)
			if (!row(arg, (const char *)sqlite3_column_text(s, 0),
			         (enum spore__build_state)sqlite3_column_int(s, 1),
			         (const char *)sqlite3_column_text(s, 2), sqlite3_column_int64(s, 3),
			         sqlite3_column_int64(s, 4)))
				break;
	if (rc != SQLITE_DONE && rc != SQLITE_ROW)
		(void)failed(db, rc);
	(void)sqlite3_finalize(s);
	if (is_corrupt(rc))
		put_aside(db);
	return rc == SQLITE_DONE || rc == SQLITE_ROW ? SQLITE_OK : rc;
}
