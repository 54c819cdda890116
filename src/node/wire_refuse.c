// Wires that may not be, with the reason in words.
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bridge/plan.h"
#include "node/declared.h"
#include "node/hold.h"
#include "node/wire_ask.h"

enum {
	WHY = 2048,
	PORTS_MS = 1000,
};

// May the stdin or stdout of the task be wired?
static bool look_at_stdio(const struct spore__spec *spec, const char *port, const char *name, char *why, size_t size)
{
	if (strcmp(port, "stderr") == 0)
		(void)snprintf(why, size, "%s: what is written there is logged, and not wired", name);
	else if (spec->tty)
		(void)snprintf(why, size, "%s: its task has a terminal (tty), and so no other stdin and stdout", name);
	else if (spec->stdin_from != SPORE__STDIN_NULL && strcmp(port, "stdout") != 0)
		(void)snprintf(why, size, "%s: its task says where it comes from; leave out 'stdin'", name);
	else
		return true;
	return false;
}

// What is known of one end: of an open port, else what its task declares. False: WHY.
static bool look_at(struct spore__asking *a, const struct spore__wish *wish, int side, struct spore__face *face,
                    char *name, struct spore__declared *room, char *why, size_t size)
{
	struct spore__wires *w = &a->t->wires;
	struct spore__spec spec;
	struct spore__plug *p =
	    spore__plug_find(w, wish->ends[side].system, wish->ends[side].task, wish->ends[side].port, true);
	if (p == NULL) {
		(void)snprintf(why, size, "out of memory");
		return false;
	}
	struct spore__wire_end e = {.plug = p, .replica = wish->ends[side].replica};
	memcpy(e.protocol, wish->ends[side].protocol, sizeof e.protocol);
	size_t count, first = spore__table_range(&a->t->table, p->system, p->task, &count);
	char ignored[WHY];
	// Tasks that the manifest of their system is about to change were checked with it.
	bool keeps = spore__asking_keeps(a, p->system, p->task);
	bool is_open = p->ports != NULL && keeps, known = false, good = true;
	spore__spec_init(&spec);
	if (count > 0 && !is_open && keeps)
		known = spore__task_read_spec(a->t, a->t->table.tasks[first], &spec, ignored, sizeof ignored);
	spore__wire_face(&e, known ? &spec : NULL, room, name, face);
	if (!keeps) {
		face->kind = face->shape = face->protocol = "";
		face->as = SPORE__AS_NONE;
	}
	face->wished = wish->ends[side].protocol;
	// Those of the manifest that is being carried out it has checked itself.
	if (a->system[0] == '\0' || strcmp(a->system, p->system) != 0)
		face->count = spore__wire_end_count(a->t, &e);
	if (is_open || face->as != SPORE__AS_NONE) { // the words live as long as the port, until this call is answered
	} else if (spore__port_is_standard(p->port)) {
		good = known ? look_at_stdio(&spec, p->port, name, why, size) : true;
	} else if (known && !spec.control) {
		(void)snprintf(why, size,
		               spore__declared_find(spec.ports, p->port, room)
		                   ? "%s: its program does not link libspore: say what it has it as (as: fifo-in, "
		                     "fifo-out, socket or listener)"
		                   : "%s: its program has no ports, since it does not link libspore; what speaks the "
		                     "control protocol without it says 'control: true' (or --control)",
		               name);
		good = false;
	}
	spore__spec_finish(&spec);
	spore__plug_unused(w, p);
	return good;
}

// ---- ports that can have one wire only

static bool overlap(int64_t replica, int64_t other)
{
	return replica == 0 || other == 0 || replica == other;
}

// The other wire at the port of WISH. NULL: none.
static const struct spore__wire *rival(struct spore__asking *a, const struct spore__wish *wish, int side)
{
	static const char *const standard[] = {"stdin", "stdout", "stdio"};
	const char *own = wish->ends[side].port, *const *ports = &own;
	size_t count = spore__plain_is_stdio(own) ? sizeof standard / sizeof standard[0] : 1;
	if (count > 1)
		ports = standard;
	for (size_t i = 0; i < count; i++) {
		const struct spore__plug *p =
		    spore__plug_find(&a->t->wires, wish->ends[side].system, wish->ends[side].task, ports[i], false);
		if (p == NULL || !spore__ports_overlap(ports[i], own))
			continue;
		for (const struct spore__wire_end *e = p->ends; e != NULL; e = e->next)
			if (!e->wire->marked && overlap(e->replica, wish->ends[side].replica))
				return e->wire;
	}
	return NULL;
}

// The first of the ends of the same task. NULL: none.
static const struct spore__wish_end *first_end(const struct spore__asking *a, const struct spore__wish_end *key)
{
	const struct spore__wish_end *e =
	    bsearch(key, a->ends, 2 * a->count, sizeof *a->ends, spore__wish_ends_compare);
	while (e != NULL && e > a->ends && spore__wish_ends_compare(e - 1, key) == 0)
		e--;
	return e;
}

// The other wish at that port. NULL: none.
static const struct spore__wish *rival_wish(const struct spore__asking *a, size_t index, int side)
{
	const struct spore__wish_end key = {&a->wishes[index], side};
	const struct spore__wish *wish = key.wish, *found = NULL;
	for (const struct spore__wish_end *e = first_end(a, &key);
	     e != NULL && e < a->ends + 2 * a->count && spore__wish_ends_compare(e, &key) == 0; e++) {
		size_t other = (size_t)(e->wish - a->wishes);
		// Of two that are there already the second is one too many.
		bool counts = a->kept[index] ? other < index && a->kept[other]
		                             : other < index || (other > index && a->kept[other]);
		if (counts && spore__ports_overlap(e->wish->ends[e->side].port, wish->ends[side].port) &&
		    overlap(e->wish->ends[e->side].replica, wish->ends[side].replica) &&
		    (found == NULL || e->wish < found))
			found = e->wish;
	}
	return found;
}

static void put_name(const struct spore__wish *wish, int side, char out[SPORE__PORT_NAME])
{
	char replica[24] = "";
	if (wish->ends[side].replica > 0)
		(void)snprintf(replica, sizeof replica, "@%" PRId64, wish->ends[side].replica);
	(void)snprintf(out, SPORE__PORT_NAME, "%s%s%s%s.%s", wish->ends[side].system,
	               wish->ends[side].system[0] != '\0' ? "/" : "", wish->ends[side].task, replica,
	               wish->ends[side].port);
}

// The port on SIDE, which has one channel only, is free for the wish at INDEX. False: WHY.
static bool is_free(struct spore__asking *a, size_t index, int side, const char *const names[2], char *why, size_t size)
{
	const struct spore__wire *other = rival(a, &a->wishes[index], side);
	const struct spore__wish *wish = other == NULL ? rival_wish(a, index, side) : NULL;
	char left[SPORE__PORT_NAME], right[SPORE__PORT_NAME];
	if (other != NULL) {
		spore__wire_end_name(&other->ends[0], left);
		spore__wire_end_name(&other->ends[1], right);
		(void)snprintf(why, size,
		               "%s to %s: %s has one channel only, and is wired already; first 'spore unwire %s %s'",
		               names[0], names[1], names[side], left, right);
	} else if (wish != NULL) {
		put_name(wish, 0, left);
		put_name(wish, 1, right);
		(void)snprintf(
		    why, size,
		    "%s to %s: %s has one channel only, and %s to %s is asked for too; leave one of them out", names[0],
		    names[1], names[side], left, right);
	}
	return other == NULL && wish == NULL;
}

// Is the port on SIDE open otherwise than its task, which goes on as it is, declares? WHY.
static bool is_open_otherwise(const struct spore__asking *a, const struct spore__wish *wish, int side, char *why,
                              size_t size)
{
	const char *system = wish->ends[side].system, *task = wish->ends[side].task;
	const struct spore__plug *plug = spore__plug_find(&a->t->wires, system, task, wish->ends[side].port, false);
	if (plug == NULL || !spore__asking_keeps(a, system, task))
		return false;
	for (const struct spore__port *p = plug->ports; p != NULL; p = p->next)
		if ((wish->ends[side].replica == 0 || wish->ends[side].replica == p->hold->name.replica) &&
		    spore__port_contradicts(p, why, size))
			return true;
	return false;
}

bool spore__wish_is_allowed(struct spore__asking *a, size_t index, char *why, size_t size)
{
	const struct spore__wish *wish = &a->wishes[index];
	struct spore__face faces[2];
	struct spore__declared room[2];
	char names[2][SPORE__PORT_NAME];
	const char *const shown[] = {names[0], names[1]};
	for (int i = 0; i < 2; i++)
		if (!look_at(a, wish, i, &faces[i], names[i], &room[i], why, size))
			return false;
	if (strcmp(names[0], names[1]) == 0) {
		(void)snprintf(why, size, "%s cannot be wired to itself", names[0]);
		return false;
	}
	struct spore__plan plan;
	if (is_open_otherwise(a, wish, 0, why, size) || is_open_otherwise(a, wish, 1, why, size))
		return false;
	if (!spore__plan_wire(&faces[0], &faces[1], wish->duplex, wish->lossless, &plan, why, size))
		return false;
	if (!spore__replicas_fit(&faces[0], &faces[1], why, size)) {
		size_t len = strlen(why);
		(void)snprintf(why + len, size - len, ", or wire one by one: TASK@REPLICA.PORT");
		return false;
	}
	const struct spore__wire_says says = {wish->slow[0] != '\0', wish->redeliver, wish->tap, plan.bridged};
	if (!spore__options_fit(&faces[0], &faces[1], &says, why, size))
		return false;
	// The manifest's are followed by a start of its tasks.
	if (a->system[0] == '\0' && spore__plain_is_active(a->t, wish, why, size))
		return false;
	for (int i = 0; i < 2; i++)
		if (spore__shape_is_single(spore__shape_of(faces[i].shape)) && !is_free(a, index, i, shown, why, size))
			return false;
	return true;
}

// ---- ports that are not there

// Writes what the program of HOLD has open. False: nothing.
static bool list_open(const struct spore__hold *hold, char *out, size_t size)
{
	size_t len = 0;
	for (const struct spore__port *p = hold->ports; p != NULL && len < size; p = p->next_of_hold)
		if (!spore__port_is_standard(p->name)) {
			int n = snprintf(out + len, size - len, "%s%s", len > 0 ? ", " : "", p->name);
			len += n > 0 ? (size_t)n : 0;
		}
	return len > 0;
}

// The instance of it that is ready. NULL: none.
static const struct spore__hold *ready_hold(const struct spore__tasks *t, const char *system, const char *task)
{
	size_t count, first = spore__table_range(&t->table, system, task, &count);
	for (size_t i = first; i < first + count; i++) {
		const struct spore__task *at = t->table.tasks[i];
		if (at->state == SPORE__TASK_RUNNING && at->hold != NULL && at->hold->ports_known &&
		    at->hold->speaks_ports)
			return at->hold;
	}
	return NULL;
}

bool spore__wish_is_doubtful(struct spore__asking *a, const struct spore__wish *wish, char *why, size_t size)
{
	for (int i = 0; i < 2; i++) {
		const char *system = wish->ends[i].system, *task = wish->ends[i].task, *port = wish->ends[i].port;
		const struct spore__plug *p = spore__plug_find(&a->t->wires, system, task, port, false);
		const struct spore__hold *hold = ready_hold(a->t, system, task);
		struct spore__spec spec;
		struct spore__declared room;
		char others[WHY / 2];
		if (!spore__asking_keeps(a, system, task))
			continue;
		if (p != NULL && p->ports != NULL)
			continue;
		if (hold == NULL || spore__port_is_standard(port))
			continue;
		spore__spec_init(&spec);
		bool known = spore__task_read_spec(a->t, hold->task, &spec, others, sizeof others);
		bool declared = known && spore__declared_find(spec.ports, port, &room);
		bool has = list_open(hold, others, sizeof others);
		// One that is ready as soon as it is started has to come to its ports first. When it has some they are what is known.
		bool soon = known && spec.ready == SPORE__READY_STARTED && !has &&
		            uv_now(a->t->loop) - hold->started_ms < PORTS_MS;
		spore__spec_finish(&spec);
		if (declared || soon)
			continue;
		(void)snprintf(why, size, "%s%s%s is ready and has no port %s open", system,
		               system[0] != '\0' ? "/" : "", task, port);
		if (has)
			(void)snprintf(why + strlen(why), size - strlen(why), "; it has %s", others);
		return true;
	}
	return false;
}
