// The methods that make and take away wires: docs/design/wires.md.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "node/db_wires.h"
#include "node/methods.h"
#include "node/task_params.h"
#include "node/wire_ask.h"

enum { WHY = 2048 };

static struct spore__tasks *tasks_of(const struct spore__rpc_call *call)
{
	return &((struct spore__node *)spore__rpc_call_data(call))->tasks;
}

// ---- wires.add

static bool is_same(const struct spore__wire *wire, const struct spore__wish *wish)
{
	return wire->duplex == wish->duplex && wire->redeliver == wish->redeliver && wire->lossless == wish->lossless &&
	       wire->tap == wish->tap && strcmp(wire->listens, wish->listens) == 0 &&
	       strcmp(wire->slow, wish->slow) == 0 && strcmp(wire->owner, wish->owner) == 0 &&
	       strcmp(wire->ends[0].protocol, wish->ends[0].protocol) == 0 &&
	       strcmp(wire->ends[1].protocol, wish->ends[1].protocol) == 0;
}

static void put_wire(struct spore__msgpack_writer *w, const struct spore__wire *wire)
{
	char from[SPORE__PORT_NAME], to[SPORE__PORT_NAME], both[2 * SPORE__PORT_NAME + 8];
	spore__wire_end_name(&wire->ends[0], from);
	spore__wire_end_name(&wire->ends[1], to);
	(void)snprintf(both, sizeof both, "%s %s %s", from, wire->duplex ? "<>" : "->", to);
	spore__msgpack_str(w, both);
}

struct names {
	struct spore__msgpack_writer w;
	uint32_t count;
};

static void note(struct names *n, const struct spore__wire *wire)
{
	put_wire(&n->w, wire);
	n->count++;
}

static void put_names(struct spore__msgpack_writer *w, const char *key, struct names *n)
{
	spore__msgpack_str(w, key);
	spore__msgpack_array(w, n->count);
	spore__msgpack_raw(w, n->w.data, n->w.len);
	if (n->w.err != 0)
		w->err = n->w.err;
	spore__msgpack_writer_finish(&n->w);
}

struct changes {
	struct names added, changed, removed, unchanged, refused, doubtful;
};

static void note_about(struct names *n, size_t index, const char *text)
{
	spore__msgpack_map(&n->w, 2);
	spore__msgpack_str(&n->w, "wire");
	spore__msgpack_uint(&n->w, index);
	spore__msgpack_str(&n->w, "why");
	spore__msgpack_str(&n->w, text);
	n->count++;
}

// Marks the wires of the system that go, and those that are asked for: neither is a rival. Notes the wishes that may not be; where it is not DRY the
// first of them ends it: false, WHY. What is there already stays, but of a system's that cannot be made either it is noted.
static bool judge(struct spore__asking *a, bool only, bool dry, struct changes *c, char *why)
{
	bool good = true;
	for (struct spore__wire *wire = a->t->wires.first; wire != NULL; wire = wire->next)
		wire->marked = only && strcmp(wire->owner, a->system) == 0;
	for (size_t i = 0; i < a->count; i++) {
		struct spore__wire *wire = spore__wire_find(&a->t->wires, &a->wishes[i]);
		a->kept[i] = wire != NULL && is_same(wire, &a->wishes[i]);
		if (wire != NULL)
			wire->marked = true;
	}
	for (size_t i = 0; i < a->count && good; i++) {
		if ((a->kept[i] && !only) || spore__wish_is_allowed(a, i, why, WHY))
			continue;
		good = a->kept[i] || dry;
		if (good)
			note_about(a->kept[i] ? &c->doubtful : &c->refused, i, why);
	}
	for (struct spore__wire *wire = a->t->wires.first; wire != NULL; wire = wire->next)
		wire->marked = false;
	return good;
}

// What changes is first there beside what goes, and nothing is joined before the call is answered. When the database has it the others go; when it
// has not, nothing was done.

static struct spore__wire *first_fresh(const struct spore__wires *w, struct spore__wire *last)
{
	return last != NULL ? last->next : w->first;
}

// False: no memory.
static bool prepare(struct spore__asking *a, bool only, struct changes *c)
{
	struct spore__wires *w = &a->t->wires;
	for (struct spore__wire *wire = w->first; wire != NULL; wire = wire->next)
		wire->marked = only && strcmp(wire->owner, a->system) == 0;
	for (size_t i = 0; i < a->count; i++) {
		struct spore__wire *wire = spore__wire_find(w, &a->wishes[i]);
		if (wire != NULL && (wire->fresh || is_same(wire, &a->wishes[i]))) {
			wire->marked = false;
			note(&c->unchanged, wire);
			continue;
		}
		struct spore__wire *fresh = spore__wire_add(a->t, &a->wishes[i]);
		if (fresh == NULL)
			return false;
		fresh->fresh = true;
		if (wire != NULL) {
			fresh->id = wire->id;
			fresh->number = wire->number;
			fresh->fault = wire->fault;
			wire->marked = wire->replaced = true;
		}
		note(wire != NULL ? &c->changed : &c->added, fresh);
	}
	for (struct spore__wire *wire = w->first; wire != NULL; wire = wire->next)
		if (wire->marked && !wire->replaced)
			note(&c->removed, wire);
	return true;
}

static bool save(const struct spore__asking *a, struct spore__wire *fresh)
{
	struct spore__tasks *t = a->t;
	int rc = spore__db_begin(t->db);
	for (struct spore__wire *wire = t->wires.first; wire != fresh && rc == SQLITE_OK; wire = wire->next) {
		if (wire->marked && !wire->replaced)
			rc = spore__db_wires_remove(t->db, wire->id);
		if (wire->marked)
			spore__plain_renew(a, wire, true);
	}
	for (struct spore__wire *wire = fresh; wire != NULL && rc == SQLITE_OK; wire = wire->next) {
		rc = spore__db_wires_put(t->db, wire);
		spore__plain_renew(a, wire, true);
	}
	return spore__tasks_commit(t); // fails when one of these has
}

// What is marked goes, and what is FRESH (the first of them) stays; where it is not GOOD it is the other way round.
static void settle(const struct spore__asking *a, struct spore__wire *fresh, bool good)
{
	struct spore__tasks *t = a->t;
	struct spore__wire *next;
	for (struct spore__wire *wire = t->wires.first; wire != fresh; wire = next) {
		next = wire->next;
		if (wire->marked && good) {
			spore__plain_renew(a, wire, false);
			spore__wire_remove(t, wire);
		} else {
			wire->marked = wire->replaced = false;
		}
	}
	for (struct spore__wire *wire = fresh; wire != NULL; wire = next) {
		next = wire->next;
		wire->fresh = false;
		if (good)
			spore__plain_renew(a, wire, false);
		else
			spore__wire_remove(t, wire);
	}
	t->unsettled = true;
}

// False: it is answered, and nothing was done.
static bool carry_out(struct spore__asking *a, bool only, bool dry, struct changes *c)
{
	// What others have changed in this turn is not undone with it.
	if (!dry && !spore__tasks_commit(a->t)) {
		spore__fail_unwritten(a->call, a->t);
		return false;
	}
	struct spore__wire *last = a->t->wires.last;
	bool good = prepare(a, only, c);
	struct spore__wire *fresh = first_fresh(&a->t->wires, last);
	bool saved = good && !dry && save(a, fresh);
	if (saved)
		spore__plain_outdate(a);
	settle(a, fresh, saved);
	if (!good)
		spore__rpc_call_fail(a->call, SPORE_ENOMEM, "out of memory");
	else if (!dry && !saved)
		spore__fail_unwritten(a->call, a->t);
	return good && (dry || saved);
}

static void finish_changes(struct changes *c)
{
	struct names *const all[] = {&c->added, &c->changed, &c->removed, &c->unchanged, &c->refused, &c->doubtful};
	for (size_t i = 0; i < sizeof all / sizeof all[0]; i++)
		spore__msgpack_writer_finish(&all[i]->w);
}

static bool take_same(struct spore__asking *a)
{
	if (!spore__rpc_param_at(spore__rpc_call_params(a->call), 5, "same", &a->same))
		return true;
	if (spore__msgpack_read_array(&a->same, &a->same_count) == SPORE__MSGPACK_OK)
		return true;
	spore__rpc_call_fail(a->call, SPORE_EINVALID, "'same' is a list of names");
	return false;
}

static void add(struct spore__rpc_call *call)
{
	struct spore__asking a = {.t = tasks_of(call), .call = call, .exists = true};
	struct changes c = {0};
	char why[WHY];
	bool only, dry;
	if (!spore__param_text(call, 1, "from", a.from, sizeof a.from) ||
	    !spore__param_text(call, 2, "system", a.system, sizeof a.system) ||
	    !spore__param_bool(call, 3, "only", &only) || !spore__param_bool(call, 4, "dry", &dry))
		return;
	if (only && !spore__name_is_valid(a.system)) {
		spore__rpc_call_fail(call, SPORE_EINVALID,
		                     "'only' is about the wires of a system, which 'system' names");
		return;
	}
	if (!take_same(&a) || !spore__wishes_take(&a)) {
		spore__wishes_finish(&a);
		return;
	}
	if (!judge(&a, only, dry, &c, why)) {
		spore__rpc_call_fail(call, SPORE_EINVALID, "%s", why);
		finish_changes(&c);
		spore__wishes_finish(&a);
		return;
	}
	for (size_t i = 0; i < a.count; i++)
		if (spore__wish_is_doubtful(&a, &a.wishes[i], why, sizeof why))
			note_about(&c.doubtful, i, why);
	if (!carry_out(&a, only, dry, &c)) {
		finish_changes(&c);
		spore__wishes_finish(&a);
		return;
	}
	struct spore__msgpack_writer *w = spore__rpc_call_result(call);
	spore__msgpack_map(w, 6);
	put_names(w, "added", &c.added);
	put_names(w, "changed", &c.changed);
	put_names(w, "removed", &c.removed);
	put_names(w, "unchanged", &c.unchanged);
	put_names(w, "refused", &c.refused);
	put_names(w, "doubtful", &c.doubtful);
	spore__wishes_finish(&a);
	spore__rpc_call_done(call);
}

// ---- wires.remove

// Written the other way round it is the same where it is duplex.
static struct spore__wire *find_either(struct spore__wires *w, const struct spore__wish *wish)
{
	struct spore__wire *wire = spore__wire_find(w, wish);
	struct spore__wish back = *wish;
	back.ends[0] = wish->ends[1];
	back.ends[1] = wish->ends[0];
	return wire != NULL ? wire : spore__wire_find(w, &back);
}

static void take_away(struct spore__rpc_call *call)
{
	struct spore__asking a = {.t = tasks_of(call), .call = call};
	struct names removed = {0};
	char why[WHY];
	if (!spore__param_text(call, 1, "from", a.from, sizeof a.from))
		return;
	bool good = spore__wishes_take(&a);
	for (size_t i = 0; good && i < a.count; i++)
		if (find_either(&a.t->wires, &a.wishes[i]) == NULL) {
			spore__wish_say_unwired(&a, &a.wishes[i], 2);
			good = false;
		} else if (spore__plain_is_active(a.t, &a.wishes[i], why, sizeof why)) {
			spore__rpc_call_fail(call, SPORE_EINVALID, "%s", why);
			good = false;
		}
	if (!good) {
		spore__wishes_finish(&a);
		return;
	}
	good = spore__tasks_commit(a.t);
	for (size_t i = 0; good && i < a.count; i++) {
		struct spore__wire *wire = find_either(&a.t->wires, &a.wishes[i]);
		if (!wire->marked)
			note(&removed, wire);
		wire->marked = true;
	}
	good = good && save(&a, NULL);
	settle(&a, NULL, good);
	spore__wishes_finish(&a);
	if (!good) {
		spore__msgpack_writer_finish(&removed.w);
		spore__fail_unwritten(call, a.t);
		return;
	}
	struct spore__msgpack_writer *w = spore__rpc_call_result(call);
	spore__msgpack_map(w, 1);
	put_names(w, "removed", &removed);
	spore__rpc_call_done(call);
}

static const struct spore__rpc_field add_params[] = {
    {"wires", "array",
     "of maps: from, to ([SYSTEM/]TASK[@REPLICA].PORT), duplex, slow, redeliver, tap, lossless, from_protocol, "
     "to_protocol",
     false},
    {"from", "str", "absolute path of the caller's folder", true},
    {"system", "str", "whose wires they are; its tasks may be defined later", true},
    {"only", "bool", "wires of the system that are not named are taken away", true},
    {"dry", "bool", "nothing is done", true},
    {"same", "array", "of names: tasks of the system that go on as they are, so that their open ports count", true},
    {0},
};
static const struct spore__rpc_field add_result[] = {
    {"added", "array", "of strings, FROM -> TO or FROM <> TO", false},
    {"changed", "array", "likewise: they are made anew", false},
    {"removed", "array", "likewise", false},
    {"unchanged", "array", "likewise", false},
    {"refused", "array", "dry: of maps: wire (an index), why", false},
    {"doubtful", "array",
     "likewise: a port that a program at work does not have, or a wire that is there and cannot be made", false},
    {0},
};
static const struct spore__rpc_field remove_params[] = {
    {"wires", "array", "of maps: from, to", false},
    {"from", "str", "absolute path of the caller's folder", true},
    {0},
};
static const struct spore__rpc_field remove_result[] = {
    {"removed", "array", "of strings, FROM -> TO or FROM <> TO", false},
    {0},
};
static const enum spore_err errors[] = {SPORE_EINVALID, SPORE_ENOTFOUND, SPORE_ENOMEM, SPORE_ESYSTEM, SPORE_OK};

const struct spore__rpc_method spore__wire_methods[] = {
    {"wires.add", add, "want ports to be wired: all of these, or none", add_params, add_result, errors},
    {"wires.remove", take_away, "take wires away, also while both ends are at work", remove_params, remove_result,
     errors},
    {0},
};
