// Wires in the node's database. Each function: SQLITE_OK, else as src/node/db.h says.
#ifndef SPORE_NODE_DB_WIRES_H
#define SPORE_NODE_DB_WIRES_H

#include "node/db.h"
#include "node/wires.h"

typedef bool spore__db_wire_row(void *arg, int64_t id, const struct spore__wish *wish);

typedef bool spore__db_fault_row(void *arg, int64_t wire, const struct spore__fault *fault);

int spore__db_faults_put(struct spore__db *db, int64_t wire, const struct spore__fault *fault); // none: no row
int spore__db_faults_load(struct spore__db *db, spore__db_fault_row *row, void *arg);
int spore__db_wires_load(struct spore__db *db, spore__db_wire_row *row, void *arg); // the oldest first
// With its fault.
int spore__db_wires_put(struct spore__db *db, struct spore__wire *wire); // wire->id is set when it had none (0)
int spore__db_wires_remove(struct spore__db *db, int64_t id);

#endif
