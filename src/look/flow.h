// What passed over a wire, for people and programs: the columns of `wires --stats` and of `graph --stats`, and their JSON.
#ifndef SPORE_LOOK_FLOW_H
#define SPORE_LOOK_FLOW_H

#include "base/buf.h"
#include "base/json.h"
#include "look/measure.h"

enum { SPORE__FLOW_COLUMNS = 7, SPORE__FLOW_CELL = 32 };
extern const char *const spore__flow_heads[SPORE__FLOW_COLUMNS];

// Both directions together; "-" where nothing was measured.
void spore__flow_cells(const struct spore__measured *m, char cells[SPORE__FLOW_COLUMNS][SPORE__FLOW_CELL]);
// Members of the object that is open: measured, and forward and backward where it is not 0.
void spore__flow_json(struct spore__json *j, const struct spore__measured *m);

// Shows OUT on a terminal in place of what it showed before, cut to its size. False: it cannot be written.
bool spore__flow_repaint(const struct spore__buf *out);
// The time from one look at the counters to the next.
void spore__flow_pause(long ms);

#endif
