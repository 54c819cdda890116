// wires.fault: which wires may have a fault, and the one that is asked for.
#include "node/fault.h"

#include <stdio.h>
#include <string.h>

#include "bridge/plan.h"
#include "node/bridged.h"
#include "node/db_wires.h"
#include "node/methods.h"
#include "node/task_params.h"
#include "node/wire_ask.h"

enum { WHY = 2048 };

static struct spore__tasks *tasks_of(const struct spore__rpc_call *call)
{
	return &((struct spore__node *)spore__rpc_call_data(call))->tasks;
}

static bool is_end(const struct spore__wire_end *e, const struct spore__wish *wish, int side)
{
	return strcmp(e->plug->system, wish->ends[side].system) == 0 &&
	       strcmp(e->plug->task, wish->ends[side].task) == 0 && strcmp(e->plug->port, wish->ends[side].port) == 0 &&
	       (wish->ends[side].replica == 0 || e->replica == wish->ends[side].replica);
}

// Is it about WIRE? Without a second port all wires at the first are meant.
static bool is_meant(const struct spore__wire *wire, const struct spore__wish *wish, bool both)
{
	for (int i = 0; i < 2; i++)
		if (is_end(&wire->ends[i], wish, 0) && (!both || is_end(&wire->ends[1 - i], wish, 1)))
			return true;
	return false;
}

bool spore__fault_fits(const struct spore__wire *wire, const struct spore__fault *f, const struct spore__face faces[2],
                       bool bridged, char *why, size_t size)
{
	bool standard = false;
	int without = 0; // libspore
	for (int i = 0; i < 2; i++) {
		enum spore__shape shape = spore__shape_of(faces[i].shape);
		standard |= spore__port_is_standard(wire->ends[i].plug->port);
		without += faces[i].plain;
		if (shape != SPORE__SHAPE_PUBLISH && shape != SPORE__SHAPE_SUBSCRIBE)
			continue;
		(void)snprintf(why, size, "%s has the shape %s, and only what connects and serves can be given a fault",
		               faces[i].name, faces[i].shape);
		return false;
	}
	const char *text = NULL;
	if (spore__fault_relays(f) && bridged)
		text = "a bridge is between them, so there is no room for a delay or drops; 'cut' goes";
	else if (standard)
		text = "a stdin or stdout cannot be given another end while its program runs, and so no fault; ports "
		       "of libspore can";
	else if (spore__fault_relays(f) && without == 2)
		text = "neither program has libspore, so there are no messages to delay or drop; 'cut' goes";
	if (text != NULL)
		(void)snprintf(why, size, "%s and %s: %s", faces[0].name, faces[1].name, text);
	return text == NULL;
}

bool spore__fault_allows(const struct spore__wire *wire, const struct spore__port *p, const struct spore__port *q,
                         bool bridged)
{
	const struct spore__face faces[] = {spore__bridged_face(p, &wire->ends[0]),
	                                    spore__bridged_face(q, &wire->ends[1])};
	char why[16];
	return !spore__fault_relays(&wire->fault) ||
	       spore__fault_fits(wire, &wire->fault, faces, bridged, why, sizeof why);
}

// Of what is open at E, else of what its task declares.
static void look_at(struct spore__tasks *t, const struct spore__wire_end *e, struct spore__declared *room,
                    char name[SPORE__PORT_NAME], struct spore__face *face)
{
	struct spore__spec spec;
	char ignored[WHY];
	size_t count, first = spore__table_range(&t->table, e->plug->system, e->plug->task, &count);
	spore__spec_init(&spec);
	bool known = count > 0 && spore__task_read_spec(t, t->table.tasks[first], &spec, ignored, sizeof ignored);
	spore__wire_face(e, known ? &spec : NULL, room, name, face);
	spore__spec_finish(&spec);
}

// That it is over is possible whatever there is.
static bool may_have(struct spore__tasks *t, const struct spore__wire *wire, const struct spore__fault *f, char *why,
                     size_t size)
{
	struct spore__declared rooms[2];
	struct spore__face faces[2];
	struct spore__plan plan;
	char names[2][SPORE__PORT_NAME], ignored[16];
	if (!spore__fault_relays(f) && !f->cut)
		return true;
	for (int i = 0; i < 2; i++)
		look_at(t, &wire->ends[i], &rooms[i], names[i], &faces[i]);
	bool bridged =
	    spore__plan_wire(&faces[0], &faces[1], wire->duplex, wire->lossless, &plan, ignored, sizeof ignored) &&
	    plan.bridged;
	return spore__fault_fits(wire, f, faces, bridged, why, size);
}

static void set(struct spore__tasks *t, struct spore__wire *wire, const struct spore__fault *f)
{
	bool same = wire->fault.delay_us == f->delay_us && wire->fault.drop_ppm == f->drop_ppm &&
	            wire->fault.seed == f->seed && wire->fault.cut == f->cut;
	wire->fault = *f;
	if (same)
		return;
	wire->lost = 0;
	spore__wire_end_pauses(wire);
	spore__fault_change(t, wire);
}

static bool take_fault(struct spore__rpc_call *call, struct spore__fault *f)
{
	if (!spore__param_int(call, 2, "delay_us", 0, SPORE__FAULT_DELAY_MAX, 0, &f->delay_us) ||
	    !spore__param_int(call, 3, "drop_ppm", 0, SPORE__FAULT_MILLION, 0, &f->drop_ppm) ||
	    !spore__param_int(call, 4, "seed", 0, INT64_MAX, 0, &f->seed) ||
	    !spore__param_bool(call, 5, "cut", &f->cut))
		return false;
	if (f->cut)
		*f = (struct spore__fault){.cut = true};
	return true;
}

// How many wires are meant. 0: none, or one of them cannot have F, and it is answered.
static size_t count_meant(struct spore__asking *a, const struct spore__wish *wish, bool both,
                          const struct spore__fault *f)
{
	char why[WHY];
	size_t count = 0;
	for (struct spore__wire *wire = a->t->wires.first; wire != NULL; wire = wire->next) {
		if (!is_meant(wire, wish, both))
			continue;
		count++;
		if (!may_have(a->t, wire, f, why, sizeof why)) {
			spore__rpc_call_fail(a->call, SPORE_EINVALID, "%s", why);
			return 0;
		}
	}
	if (count == 0)
		spore__wish_say_unwired(a, wish, both ? 2 : 1);
	return count;
}

// In the database first. What others have changed in this turn is not undone with it. False: nothing was done.
static bool save(struct spore__tasks *t, const struct spore__wish *wish, bool both, const struct spore__fault *f)
{
	if (!spore__tasks_commit(t))
		return false;
	int rc = spore__db_begin(t->db);
	for (struct spore__wire *wire = t->wires.first; wire != NULL && rc == SQLITE_OK; wire = wire->next)
		if (is_meant(wire, wish, both))
			rc = spore__db_faults_put(t->db, wire->id, f);
	if (rc == SQLITE_OK)
		return spore__tasks_commit(t);
	spore__db_rollback(t->db);
	return false;
}

static void fault(struct spore__rpc_call *call)
{
	struct spore__asking a = {.t = tasks_of(call), .call = call};
	struct spore__wish wish = {0};
	struct spore__fault f = {0};
	char port[SPORE__PORT_NAME], peer[SPORE__PORT_NAME];
	if (!spore__param_text(call, 0, "port", port, sizeof port) ||
	    !spore__param_text(call, 1, "peer", peer, sizeof peer) || !take_fault(call, &f) ||
	    !spore__param_text(call, 6, "from", a.from, sizeof a.from) || !spore__end_take(&a, port, 0, &wish) ||
	    (peer[0] != '\0' && !spore__end_take(&a, peer, 1, &wish)))
		return;
	bool both = peer[0] != '\0';
	size_t count = count_meant(&a, &wish, peer[0] != '\0', &f);
	if (count == 0)
		return;
	if (!save(a.t, &wish, both, &f)) {
		spore__fail_unwritten(call, a.t);
		return;
	}
	for (struct spore__wire *wire = a.t->wires.first; wire != NULL; wire = wire->next)
		if (is_meant(wire, &wish, both))
			set(a.t, wire, &f);
	a.t->unsettled = true;
	struct spore__msgpack_writer *w = spore__rpc_call_result(call);
	spore__msgpack_map(w, 1);
	spore__msgpack_str(w, "wires");
	spore__msgpack_uint(w, count);
	spore__rpc_call_done(call);
}

static const struct spore__rpc_field params[] = {
    {"port", "str", "[SYSTEM/]TASK[@REPLICA].PORT: all wires at it", false},
    {"peer", "str", "only the one to this port", true},
    {"delay_us", "int", "each message takes so much longer, in both directions", true},
    {"drop_ppm", "int", "of a million messages so many are dropped", true},
    {"seed", "int", "with the same one the same messages are dropped", true},
    {"cut", "bool", "there is no channel; without any of these the fault is over", true},
    {"from", "str", "absolute path of the caller's folder", true},
    {0},
};
static const struct spore__rpc_field result[] = {
    {"wires", "int", "how many", false},
    {0},
};
static const enum spore_err errors[] = {SPORE_EINVALID, SPORE_ENOTFOUND, SPORE_ESYSTEM, SPORE_OK};

const struct spore__rpc_method spore__fault_methods[] = {
    {"wires.fault", fault, "delay or drop messages of wires, or cut them, on purpose", params, result, errors},
    {0},
};
