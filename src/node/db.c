#include "node/db.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <time.h>
#include <unistd.h>

#include "node/log.h"

static const char schema[] =
    // A small cache and no map, since the node is to be small. The log holds what a few hundred starts write, so that they wait for no disk.
    "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL; PRAGMA cache_size=-128; PRAGMA mmap_size=0;"
    "PRAGMA temp_store=MEMORY; PRAGMA wal_autocheckpoint=512; PRAGMA journal_size_limit=262144;"
    "CREATE TABLE IF NOT EXISTS builds("
    " id INTEGER PRIMARY KEY AUTOINCREMENT,"
    " source TEXT NOT NULL UNIQUE,"
    " state INTEGER NOT NULL CHECK(state BETWEEN 0 AND 3),"
    " again INTEGER NOT NULL DEFAULT 0,"
    " reason TEXT,"
    " asked INTEGER NOT NULL,"
    " ended INTEGER);"
    "CREATE INDEX IF NOT EXISTS builds_by_state ON builds(state, asked);"
    "CREATE TABLE IF NOT EXISTS systems("
    " name TEXT PRIMARY KEY,"
    " manifest TEXT) WITHOUT ROWID;"
    "CREATE TABLE IF NOT EXISTS ending(" // systems that are forgotten when their tasks are
    " system TEXT PRIMARY KEY,"
    " logs INTEGER NOT NULL) WITHOUT ROWID;" // 1: those of the tasks too
    "CREATE TABLE IF NOT EXISTS tasks("
    " id INTEGER PRIMARY KEY,"
    " system TEXT NOT NULL,"
    " task TEXT NOT NULL,"
    " replica INTEGER NOT NULL,"
    " wanted INTEGER NOT NULL,"
    " done INTEGER NOT NULL," // the run that was wanted is over: not to be started again
    " generation INTEGER NOT NULL,"
    " last_run INTEGER NOT NULL,"
    " next_at INTEGER NOT NULL,"
    " state BLOB," // the last that its last hold said
    " spec BLOB NOT NULL,"
    " previous BLOB," // the latest specification before with another program
    " UNIQUE(system, task, replica));"
    "CREATE TABLE IF NOT EXISTS leaving(" // tasks that end, and not because they are not wanted any more
    " task INTEGER PRIMARY KEY,"
    " replaced INTEGER NOT NULL," // holds up to that generation are to end and another one begins; 0: none
    " removed INTEGER NOT NULL);" // 1: the task is forgotten then, 2: its logs too
    "CREATE TABLE IF NOT EXISTS ends("
    " id INTEGER PRIMARY KEY,"
    " task INTEGER NOT NULL,"
    " generation INTEGER NOT NULL,"
    " run INTEGER NOT NULL,"
    " state BLOB NOT NULL);"
    "CREATE INDEX IF NOT EXISTS ends_by_task ON ends(task, id);"
    "CREATE TABLE IF NOT EXISTS swaps(" // the journal of those that are under way
    " task INTEGER PRIMARY KEY,"
    " old INTEGER NOT NULL,"   // generation
    " step INTEGER NOT NULL);" // enum spore__swap_step
    "CREATE TABLE IF NOT EXISTS wires("
    " id INTEGER PRIMARY KEY,"
    " owner TEXT NOT NULL," // the system whose manifest has it; '': none
    " duplex INTEGER NOT NULL,"
    " slow TEXT NOT NULL,"
    " from_system TEXT NOT NULL, from_task TEXT NOT NULL, from_replica INTEGER NOT NULL,"
    " from_port TEXT NOT NULL, from_protocol TEXT NOT NULL,"
    " to_system TEXT NOT NULL, to_task TEXT NOT NULL, to_replica INTEGER NOT NULL,"
    " to_port TEXT NOT NULL, to_protocol TEXT NOT NULL);"
    "CREATE TABLE IF NOT EXISTS redelivering(wire INTEGER PRIMARY KEY);"                // wires with redeliver: true
    "CREATE TABLE IF NOT EXISTS lossless(wire INTEGER PRIMARY KEY);"                    // wires with lossless: true
    "CREATE TABLE IF NOT EXISTS listening(wire INTEGER PRIMARY KEY, at TEXT NOT NULL);" // ... with a listener
    "CREATE TABLE IF NOT EXISTS tapping(wire INTEGER PRIMARY KEY);"                     // ... with tap: true
    "CREATE TABLE IF NOT EXISTS faults("
    " wire INTEGER PRIMARY KEY," // of one that has a fault
    " delay_us INTEGER NOT NULL, drop_ppm INTEGER NOT NULL, seed INTEGER NOT NULL, cut INTEGER NOT NULL);";

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
	db->code = rc;
	return rc;
}

void spore__db_close(struct spore__db *db)
{
	for (size_t i = 0; i < SPORE__DB_KEPT; i++) {
		(void)sqlite3_finalize(db->kept[i].statement);
		db->kept[i].sql = NULL;
		db->kept[i].statement = NULL;
	}
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
	spore__node_log("%s: the database is corrupted (%s): kept as %s, begun anew; queued builds are lost, tasks are "
	                "found by what runs",
	                db->path, db->error, db->aside);
	for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++) {
		char from[PATH_MAX + 8], to[PATH_MAX + 8];
		(void)snprintf(from, sizeof from, "%s%s", db->path, parts[i]);
		(void)snprintf(to, sizeof to, "%.*s%s", len, db->aside, parts[i]);
		if (rename(from, to) != 0 && errno != ENOENT)
			spore__node_log("%s: cannot be kept as %s: %s", from, to, strerror(errno));
	}
}

// ---- room on a full disk

enum { ROOM_BYTES = 256 * 1024 };

static void room_path(const struct spore__db *db, char path[PATH_MAX + 8])
{
	(void)snprintf(path, PATH_MAX + 8, "%s-room", db->path);
}

static void keep_room(struct spore__db *db)
{
	char path[PATH_MAX + 8], folder[PATH_MAX];
	struct statvfs disk;
	struct stat st;
	room_path(db, path);
	(void)snprintf(folder, sizeof folder, "%.*s", (int)(strrchr(db->path, '/') - db->path), db->path);
	if (statvfs(folder, &disk) != 0 || disk.f_bavail < 8 * ROOM_BYTES / (disk.f_frsize > 0 ? disk.f_frsize : 1))
		return;
	int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	bool kept =
	    fd >= 0 && ((fstat(fd, &st) == 0 && st.st_size == ROOM_BYTES) || posix_fallocate(fd, 0, ROOM_BYTES) == 0);
	if (fd >= 0)
		close(fd);
	if (!kept)
		(void)unlink(path);
	db->room_given = !kept;
}

bool spore__db_give_room(struct spore__db *db)
{
	char path[PATH_MAX + 8];
	int primary = db->code & 0xff;
	room_path(db, path);
	db->room_given = true;
	return (primary == SQLITE_FULL || primary == SQLITE_IOERR) && unlink(path) == 0;
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
	*db = (struct spore__db){.room_given = true};
	(void)snprintf(db->path, sizeof db->path, "%s/node.db", state);
	db->made = access(db->path, F_OK) != 0;
	keep_room(db);
	return ensure_open(db);
}

struct spore__db_value spore__db_text(const char *text)
{
	return (struct spore__db_value){.type = text == NULL ? SQLITE_NULL : SQLITE_TEXT, .bytes = text};
}

struct spore__db_value spore__db_int(int64_t number)
{
	return (struct spore__db_value){.type = SQLITE_INTEGER, .number = number};
}

struct spore__db_value spore__db_blob(const void *bytes, size_t len)
{
	return (struct spore__db_value){.type = bytes == NULL ? SQLITE_NULL : SQLITE_BLOB, .bytes = bytes, .len = len};
}

static int bind(sqlite3_stmt *s, int i, const struct spore__db_value *v)
{
	switch (v->type) {
	case SQLITE_INTEGER:
		return sqlite3_bind_int64(s, i, v->number);
	case SQLITE_TEXT:
		return sqlite3_bind_text(s, i, v->bytes, -1, SQLITE_STATIC);
	case SQLITE_BLOB:
		return sqlite3_bind_blob64(s, i, v->bytes, v->len, SQLITE_STATIC);
	default:
		return sqlite3_bind_null(s, i);
	}
}

// The statement of SQL; *KEPT: it stays prepared.
static int prepare(struct spore__db *db, const char *sql, sqlite3_stmt **s, bool *kept)
{
	size_t i = 0;
	while (i < SPORE__DB_KEPT && db->kept[i].sql != NULL && db->kept[i].sql != sql)
		i++;
	*kept = i < SPORE__DB_KEPT;
	*s = *kept && db->kept[i].sql == sql ? db->kept[i].statement : NULL;
	if (*s != NULL)
		return SQLITE_OK;
	int rc = sqlite3_prepare_v3(db->handle, sql, -1, *kept ? SQLITE_PREPARE_PERSISTENT : 0, s, NULL);
	if (rc == SQLITE_OK && *kept) {
		db->kept[i].sql = sql;
		db->kept[i].statement = *s;
	}
	return rc;
}

static int run_once(struct spore__db *db, const char *sql, const struct spore__db_value *values, size_t count,
                    spore__db_row *row, void *arg)
{
	sqlite3_stmt *s = NULL;
	bool kept = false;
	int rc = prepare(db, sql, &s, &kept);
	bool writes = rc != SQLITE_OK || sqlite3_stmt_readonly(s) == 0;
	if (writes && db->batch && db->batch_failed != 0)
		rc = db->batch_failed; // or it would be a change of its own
	for (size_t i = 0; rc == SQLITE_OK && i < count; i++)
		rc = bind(s, (int)i + 1, &values[i]);
	if (rc == SQLITE_OK) {
		while ((rc = sqlite3_step(s)) == SQLITE_ROW)
			if (row != NULL && !row(arg, s)) {
				rc = SQLITE_DONE;
				break;
			}
		rc = rc == SQLITE_DONE ? SQLITE_OK : rc;
	}
	bool batch_failed = db->batch && db->batch_failed != 0;
	if (rc != SQLITE_OK && !(writes && batch_failed))
		(void)failed(db, rc);
	if (kept && s != NULL) {
		(void)sqlite3_reset(s);
		(void)sqlite3_clear_bindings(s);
	} else {
		(void)sqlite3_finalize(s);
	}
	// All of it or nothing; and some failures, a full disk among them, undo the whole transaction themselves.
	if (rc != SQLITE_OK && writes && db->batch && !batch_failed)
		db->batch_failed = rc;
	return rc;
}

// Begins an empty database in place of what cannot be used any more.
static int remake(struct spore__db *db, int rc)
{
	bool batch = db->batch;
	if (is_corrupt(rc))
		put_aside(db);
	else
		spore__db_close(db);
	db->batch = false;
	rc = ensure_open(db);
	if (rc == SQLITE_OK && batch)
		rc = spore__db_begin(db);
	if (rc == SQLITE_OK && db->remade != NULL) {
		void (*fill)(void *) = db->remade;
		db->remade = NULL; // once, however bad the disk is
		fill(db->remade_arg);
		db->remade = fill;
	}
	return rc;
}

int spore__db_run(struct spore__db *db, const char *sql, const struct spore__db_value *values, size_t count,
                  spore__db_row *row, void *arg)
{
	int rc = ensure_open(db);
	if (rc == SQLITE_OK)
		rc = run_once(db, sql, values, count, row, arg);
	if (rc != SQLITE_READONLY_DBMOVED && !is_corrupt(rc))
		return rc;
	rc = remake(db, rc);
	return rc == SQLITE_OK ? run_once(db, sql, values, count, row, arg) : rc;
}

int spore__db_begin(struct spore__db *db)
{
	if (db->batch)
		return SQLITE_OK;
	int rc = ensure_open(db);
	if (rc == SQLITE_OK)
		rc = run_once(db, "BEGIN", NULL, 0, NULL, NULL);
	db->batch = true;
	db->batch_failed = rc;
	return rc;
}

static void undo(struct spore__db *db)
{
	if (db->handle != NULL && sqlite3_get_autocommit(db->handle) == 0)
		(void)sqlite3_exec(db->handle, "ROLLBACK", NULL, NULL, NULL);
}

void spore__db_rollback(struct spore__db *db)
{
	if (db->batch)
		undo(db);
	db->batch = false;
}

int spore__db_commit(struct spore__db *db)
{
	if (!db->batch)
		return SQLITE_OK;
	db->batch = false;
	if (db->batch_failed != 0) {
		undo(db);
		return db->batch_failed;
	}
	int rc = db->handle == NULL ? SQLITE_ERROR : run_once(db, "COMMIT", NULL, 0, NULL, NULL);
	if (rc != SQLITE_OK)
		undo(db);
	if (rc == SQLITE_READONLY_DBMOVED || is_corrupt(rc))
		(void)remake(db, rc);
	if (rc == SQLITE_OK && db->room_given)
		keep_room(db);
	return rc;
}
