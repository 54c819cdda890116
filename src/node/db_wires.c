#include "node/db_wires.h"

#include <string.h>

struct listing {
	spore__db_wire_row *row;
	void *arg;
};

static bool take_text(sqlite3_stmt *s, int column, char *out, size_t size)
{
	const char *text = (const char *)sqlite3_column_text(s, column);
	size_t len = text != NULL ? strlen(text) : size;
	if (len >= size)
		return false;
	memcpy(out, text, len + 1);
	return true;
}

static bool take_wire(void *arg, sqlite3_stmt *s)
{
	enum { END = 5, OWNER = 1, DUPLEX, SLOW, REDELIVER, LOSSLESS, TAP, LISTENS, ENDS };
	const struct listing *l = arg;
	struct spore__wish wish = {.duplex = sqlite3_column_int(s, DUPLEX) != 0,
	                           .redeliver = sqlite3_column_int(s, REDELIVER) != 0,
	                           .lossless = sqlite3_column_int(s, LOSSLESS) != 0,
	                           .tap = sqlite3_column_int(s, TAP) != 0};
	bool good = take_text(s, OWNER, wish.owner, sizeof wish.owner) &&
	            take_text(s, SLOW, wish.slow, sizeof wish.slow) &&
	            take_text(s, LISTENS, wish.listens, sizeof wish.listens);
	for (int i = 0; good && i < 2; i++) {
		int at = ENDS + i * END;
		good = take_text(s, at, wish.ends[i].system, sizeof wish.ends[i].system) &&
		       take_text(s, at + 1, wish.ends[i].task, sizeof wish.ends[i].task) &&
		       take_text(s, at + 3, wish.ends[i].port, sizeof wish.ends[i].port) &&
		       take_text(s, at + 4, wish.ends[i].protocol, sizeof wish.ends[i].protocol);
		wish.ends[i].replica = sqlite3_column_int64(s, at + 2);
	}
	return !good || l->row(l->arg, sqlite3_column_int64(s, 0), &wish);
}

int spore__db_wires_load(struct spore__db *db, spore__db_wire_row *row, void *arg)
{
	struct listing l = {row, arg};
	return spore__db_run(db,
	                     "SELECT id, owner, duplex, slow, EXISTS(SELECT 1 FROM redelivering WHERE wire = wires.id),"
	                     " EXISTS(SELECT 1 FROM lossless WHERE wire = wires.id),"
	                     " EXISTS(SELECT 1 FROM tapping WHERE wire = wires.id),"
	                     " coalesce((SELECT at FROM listening WHERE wire = wires.id), ''),"
	                     " from_system, from_task, from_replica, from_port, from_protocol,"
	                     " to_system, to_task, to_replica, to_port, to_protocol FROM wires ORDER BY id",
	                     NULL, 0, take_wire, &l);
}

static bool take_id(void *arg, sqlite3_stmt *s)
{
	*(int64_t *)arg = sqlite3_column_int64(s, 0);
	return true;
}

static int remove_fault(struct spore__db *db, int64_t id)
{
	const struct spore__db_value value = spore__db_int(id);
	return spore__db_run(db, "DELETE FROM faults WHERE wire=?1", &value, 1, NULL, NULL);
}

int spore__db_faults_put(struct spore__db *db, int64_t wire, const struct spore__fault *f)
{
	const struct spore__db_value values[] = {spore__db_int(wire), spore__db_int(f->delay_us),
	                                         spore__db_int(f->drop_ppm), spore__db_int(f->seed),
	                                         spore__db_int(f->cut)};
	if (!f->cut && !spore__fault_relays(f))
		return remove_fault(db, wire);
	return spore__db_run(
	    db, "INSERT OR REPLACE INTO faults(wire, delay_us, drop_ppm, seed, cut) VALUES(?1, ?2, ?3, ?4, ?5)", values,
	    sizeof values / sizeof values[0], NULL, NULL);
}

static int put_flag(struct spore__db *db, int64_t id, const char *sql)
{
	const struct spore__db_value value = spore__db_int(id);
	return spore__db_run(db, sql, &value, 1, NULL, NULL);
}

static int put_flags(struct spore__db *db, int64_t id, bool redeliver, bool lossless, bool tap)
{
	int rc = put_flag(db, id,
	                  redeliver ? "INSERT OR IGNORE INTO redelivering(wire) VALUES(?1)"
	                            : "DELETE FROM redelivering WHERE wire=?1");
	if (rc != SQLITE_OK)
		return rc;
	rc = put_flag(db, id,
	              lossless ? "INSERT OR IGNORE INTO lossless(wire) VALUES(?1)"
	                       : "DELETE FROM lossless WHERE wire=?1");
	if (rc != SQLITE_OK)
		return rc;
	return put_flag(db, id,
	                tap ? "INSERT OR IGNORE INTO tapping(wire) VALUES(?1)" : "DELETE FROM tapping WHERE wire=?1");
}

static int put_listens(struct spore__db *db, int64_t id, const char *listens)
{
	const struct spore__db_value values[] = {spore__db_int(id), spore__db_text(listens)};
	if (listens[0] == '\0')
		return put_flag(db, id, "DELETE FROM listening WHERE wire=?1");
	return spore__db_run(db, "INSERT OR REPLACE INTO listening(wire, at) VALUES(?1, ?2)", values,
	                     sizeof values / sizeof values[0], NULL, NULL);
}

struct faults {
	spore__db_fault_row *row;
	void *arg;
};

static bool take_fault(void *arg, sqlite3_stmt *s)
{
	const struct faults *l = arg;
	const struct spore__fault f = {.delay_us = sqlite3_column_int64(s, 1),
	                               .drop_ppm = sqlite3_column_int64(s, 2),
	                               .seed = sqlite3_column_int64(s, 3),
	                               .cut = sqlite3_column_int(s, 4) != 0};
	bool good = f.delay_us >= 0 && f.delay_us <= SPORE__FAULT_DELAY_MAX && f.drop_ppm >= 0 &&
	            f.drop_ppm <= SPORE__FAULT_MILLION && f.seed >= 0;
	return !good || l->row(l->arg, sqlite3_column_int64(s, 0), &f);
}

int spore__db_faults_load(struct spore__db *db, spore__db_fault_row *row, void *arg)
{
	struct faults l = {row, arg};
	return spore__db_run(db, "SELECT wire, delay_us, drop_ppm, seed, cut FROM faults", NULL, 0, take_fault, &l);
}

int spore__db_wires_put(struct spore__db *db, struct spore__wire *wire)
{
	const struct spore__wire_end *from = &wire->ends[0], *to = &wire->ends[1];
	const struct spore__db_value values[] = {
	    wire->id != 0 ? spore__db_int(wire->id) : spore__db_blob(NULL, 0),
	    spore__db_text(wire->owner),
	    spore__db_int(wire->duplex),
	    spore__db_text(wire->slow),
	    spore__db_text(from->plug->system),
	    spore__db_text(from->plug->task),
	    spore__db_int(from->replica),
	    spore__db_text(from->plug->port),
	    spore__db_text(from->protocol),
	    spore__db_text(to->plug->system),
	    spore__db_text(to->plug->task),
	    spore__db_int(to->replica),
	    spore__db_text(to->plug->port),
	    spore__db_text(to->protocol),
	};
	int rc = spore__db_run(db,
	                       "INSERT OR REPLACE INTO wires(id, owner, duplex, slow,"
	                       " from_system, from_task, from_replica, from_port, from_protocol,"
	                       " to_system, to_task, to_replica, to_port, to_protocol)"
	                       " VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14) RETURNING id",
	                       values, sizeof values / sizeof values[0], take_id, &wire->id);
	if (rc == SQLITE_OK)
		rc = put_flags(db, wire->id, wire->redeliver, wire->lossless, wire->tap);
	if (rc == SQLITE_OK)
		rc = put_listens(db, wire->id, wire->listens);
	return rc == SQLITE_OK ? spore__db_faults_put(db, wire->id, &wire->fault) : rc;
}

int spore__db_wires_remove(struct spore__db *db, int64_t id)
{
	const struct spore__db_value value = spore__db_int(id);
	int rc = spore__db_run(db, "DELETE FROM wires WHERE id=?1", &value, 1, NULL, NULL);
	if (rc == SQLITE_OK)
		rc = put_flags(db, id, false, false, false);
	if (rc == SQLITE_OK)
		rc = put_listens(db, id, "");
	return rc == SQLITE_OK ? remove_fault(db, id) : rc;
}
