#include "node/db_builds.h"

#include <stdio.h>
#include <time.h>

static int run(struct spore__db *db, const char *sql, const char *source, const char *reason)
{
	const struct spore__db_value values[] = {spore__db_text(source), spore__db_text(reason),
	                                         spore__db_int((int64_t)time(NULL))};
	return spore__db_run(db, sql, values, 3, NULL, NULL);
}

static bool take_number(void *arg, sqlite3_stmt *s)
{
	*(int64_t *)arg = sqlite3_column_int64(s, 0);
	return true;
}

int spore__db_builds_ask(struct spore__db *db, const char *source)
{
	int64_t queued = 0;
	int rc = spore__db_run(db, "SELECT count(*) FROM builds WHERE state=0", NULL, 0, take_number, &queued);
	if (rc != SQLITE_OK)
		return rc;
	if (queued >= SPORE__BUILDS_QUEUED_MAX) {
		(void)snprintf(db->error, sizeof db->error, "%lld builds are queued already", (long long)queued);
		return SQLITE_FULL;
	}
	static const char sql[] = "INSERT INTO builds(source, reason, state, asked) VALUES(?1, ?2, 0, ?3)"
	                          " ON CONFLICT(source) DO UPDATE SET again = state=1,"
	                          " asked = CASE state WHEN 0 THEN asked ELSE excluded.asked END,"
	                          " reason = CASE state WHEN 1 THEN reason END,"
	                          " state = CASE state WHEN 1 THEN 1 ELSE 0 END";
	return run(db, sql, source, NULL);
}

struct next {
	char *source;
	size_t size;
	bool found;
};

static bool take_source(void *arg, sqlite3_stmt *s)
{
	struct next *next = arg;
	const char *text = (const char *)sqlite3_column_text(s, 0);
	next->found = text != NULL && (size_t)snprintf(next->source, next->size, "%s", text) < next->size;
	return true;
}

int spore__db_builds_begin(struct spore__db *db, char *source, size_t size)
{
	struct next next = {.source = source, .size = size};
	int rc = spore__db_run(db, "SELECT source FROM builds WHERE state=0 ORDER BY asked, id LIMIT 1", NULL, 0,
	                       take_source, &next);
	if (rc != SQLITE_OK)
		return rc;
	if (!next.found)
		return SQLITE_DONE;
	const struct spore__db_value value = spore__db_text(source);
	return spore__db_run(db, "UPDATE builds SET state=1, again=0 WHERE source=?1", &value, 1, NULL, NULL);
}

int spore__db_builds_end(struct spore__db *db, const char *source, const char *reason)
{
	static const char end[] = "UPDATE builds SET again=0, ended=?3, reason=?2,"
	                          " state = CASE WHEN again=1 THEN 0 WHEN ?2 IS NULL THEN 2 ELSE 3 END"
	                          " WHERE source=?1";
	static const char prune[] =
	    "DELETE FROM builds WHERE state IN (2, 3) AND id NOT IN"
	    " (SELECT id FROM builds WHERE state IN (2, 3) ORDER BY ended DESC, id DESC LIMIT 100)";
	_Static_assert(SPORE__BUILDS_KEPT == 100, "the statement above says it too");
	int rc = run(db, end, source, reason);
	return rc == SQLITE_OK ? spore__db_run(db, prune, NULL, 0, NULL, NULL) : rc;
}

int spore__db_builds_drop(struct spore__db *db, const char *source)
{
	const struct spore__db_value value = spore__db_text(source);
	return spore__db_run(db, "DELETE FROM builds WHERE source=?1", &value, 1, NULL, NULL);
}

int spore__db_builds_requeue(struct spore__db *db)
{
	return spore__db_run(db, "UPDATE builds SET state=0, again=0 WHERE state=1", NULL, 0, NULL, NULL);
}

static bool take_count(void *arg, sqlite3_stmt *s)
{
	struct spore__build_counts *counts = arg;
	counts->of[sqlite3_column_int(s, 0) & 3] = sqlite3_column_int64(s, 1);
	return true;
}

int spore__db_builds_count(struct spore__db *db, struct spore__build_counts *counts)
{
	*counts = (struct spore__build_counts){0};
	return spore__db_run(db, "SELECT state, count(*) FROM builds GROUP BY state", NULL, 0, take_count, counts);
}

struct listing {
	spore__build_row *row;
	void *arg;
};

static bool take_build(void *arg, sqlite3_stmt *s)
{
	const struct listing *l = arg;
	return l->row(l->arg, (const char *)sqlite3_column_text(s, 0),
	              (enum spore__build_state)sqlite3_column_int(s, 1), (const char *)sqlite3_column_text(s, 2),
	              sqlite3_column_int64(s, 3), sqlite3_column_int64(s, 4));
}

int spore__db_builds_list(struct spore__db *db, spore__build_row *row, void *arg)
{
	static const char sql[] = "SELECT source, state, reason, asked, ended FROM builds"
	                          " ORDER BY state=1 DESC, state=0 DESC, asked DESC, id DESC LIMIT 1000";
	struct listing l = {row, arg};
	return spore__db_run(db, sql, NULL, 0, take_build, &l);
}
