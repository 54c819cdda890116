// The methods about wires and ports: docs/design/wires.md.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "node/db_wires.h"
#include "node/hold.h"
#include "node/methods.h"
#include "node/names.h"
#include "node/task_params.h"
#include "node/wires.h"

enum {
	ROOM = SPORE__RPC_MAX_MESSAGE / 2, // of the entries of one answer
	WIRES_MAX = 10000,                 // in one call
	WHY = 2048,
};

static struct spore__tasks *tasks_of(const struct spore__rpc_call *call)
{
	return &((struct spore__node *)spore__rpc_call_data(call))->tasks;
}

// ---- what a call asks for

struct asking {
	struct spore__tasks *t;
	struct spore__rpc_call *call;
	char from[PATH_MAX], system[SPORE__NAME_MAX + 1];
	bool exists; // both ends have to be there
	struct spore__wish *wishes;
	size_t count;
};

static bool take_text(const struct spore__msgpack_reader *map, const char *key, char *out, size_t size)
{
	struct spore__msgpack_reader at;
	struct spore__msgpack_value v;
	out[0] = '\0';
	if (!spore__msgpack_find(map, key, &at))
		return true;
	if (spore__msgpack_read(&at, &v) != SPORE__MSGPACK_OK)
		return false;
	if (v.type == SPORE__MSGPACK_NIL)
		return true;
	if (v.type != SPORE__MSGPACK_STR || v.s.len >= size || memchr(v.s.bytes, '\0', v.s.len) != NULL)
		return false;
	memcpy(out, v.s.bytes, v.s.len);
	out[v.s.len] = '\0';
	return true;
}

// [SYSTEM/]TASK[@REPLICA].PORT. False: it is answered.
static bool take_end(struct asking *a, const struct spore__msgpack_reader *map, const char *key, int side,
                     struct spore__wish *wish)
{
	char text[SPORE__PORT_NAME], shown[SPORE__PORT_NAME], why[WHY];
	struct spore__name name;
	size_t first, count;
	if (!take_text(map, key, text, sizeof text) || text[0] == '\0') {
		spore__rpc_call_fail(a->call, SPORE_EINVALID, "a wire without '%s'", key);
		return false;
	}
	memcpy(shown, text, sizeof shown);
	const char *port = spore__port_cut(text);
	if (port == NULL || !spore__name_parse(text, &name)) {
		spore__rpc_call_fail(a->call, SPORE_EINVALID, "'%s' is no port: [SYSTEM/]TASK[@REPLICA].PORT", shown);
		return false;
	}
	if (a->system[0] != '\0' && !name.has_system) {
		memcpy(name.system, a->system, sizeof name.system); // its tasks may be defined later
	} else if (a->exists) {
		enum spore_err err = spore__names_find(&a->t->table, text, a->from, &first, &count, why, sizeof why);
		if (err != SPORE_OK) {
			spore__rpc_call_fail(a->call, err, "%s: %s", shown, why);
			return false;
		}
		memcpy(name.system, a->t->table.tasks[first]->system->name, sizeof name.system);
	} else if (!name.has_system) {
		// To take a wire away its task need not be there any more.
		if (spore__names_find(&a->t->table, text, a->from, &first, &count, why, sizeof why) == SPORE_OK)
			memcpy(name.system, a->t->table.tasks[first]->system->name, sizeof name.system);
	}
	memcpy(wish->ends[side].system, name.system, sizeof name.system);
	memcpy(wish->ends[side].task, name.task, sizeof name.task);
	(void)snprintf(wish->ends[side].port, sizeof wish->ends[side].port, "%s", port);
	wish->ends[side].replica = name.replica;
	return true;
}

static bool take_wish(struct asking *a, const struct spore__msgpack_reader *map, struct spore__wish *wish)
{
	struct spore__msgpack_reader at;
	*wish = (struct spore__wish){0};
	memcpy(wish->owner, a->system, sizeof wish->owner);
	if (!take_end(a, map, "from", 0, wish) || !take_end(a, map, "to", 1, wish))
		return false;
	if (spore__msgpack_find(map, "duplex", &at) &&
	    spore__msgpack_read_bool(&at, &wish->duplex) != SPORE__MSGPACK_OK) {
		spore__rpc_call_fail(a->call, SPORE_EINVALID, "'duplex' of a wire is no bool");
		return false;
	}
	if (!take_text(map, "slow", wish->slow, sizeof wish->slow) ||
	    !take_text(map, "from_protocol", wish->ends[0].protocol, sizeof wish->ends[0].protocol) ||
	    !take_text(map, "to_protocol", wish->ends[1].protocol, sizeof wish->ends[1].protocol)) {
		spore__rpc_call_fail(a->call, SPORE_EINVALID, "'slow' or a protocol of a wire is no short string");
		return false;
	}
	return true;
}

// The wishes of the parameter `wires`. False: it is answered. To be freed in either case.
static bool take_wishes(struct asking *a)
{
	struct spore__msgpack_reader r;
	uint32_t count = 0;
	if (!spore__rpc_param_at(spore__rpc_call_params(a->call), 0, "wires", &r) ||
	    spore__msgpack_read_array(&r, &count) != SPORE__MSGPACK_OK || count > WIRES_MAX) {
		spore__rpc_call_fail(a->call, SPORE_EINVALID,
		                     "the parameter 'wires' is a list of at most %d maps with from and to", WIRES_MAX);
		return false;
	}
	a->wishes = calloc(count + 1, sizeof *a->wishes);
	if (a->wishes == NULL) {
		spore__rpc_call_fail(a->call, SPORE_ENOMEM, "out of memory");
		return false;
	}
	for (; a->count < count; a->count++) {
		if (!take_wish(a, &r, &a->wishes[a->count]))
			return false;
		(void)spore__msgpack_skip(&r);
	}
	return true;
}

// ---- what may not be

// May the stdin or stdout of the task be wired?
static bool look_at_stdio(const struct spore__spec *spec, const char *port, const char *name, char *why)
{
	if (strcmp(port, "stderr") == 0)
		(void)snprintf(why, WHY, "%s: what is written there is logged, and not wired", name);
	else if (spec->tty)
		(void)snprintf(why, WHY, "%s: its task has a terminal (tty), and so no other stdin and stdout", name);
	else if (spec->stdin_from != SPORE__STDIN_NULL && strcmp(port, "stdout") != 0)
		(void)snprintf(why, WHY, "%s: its task says where it comes from; leave out 'stdin'", name);
	else
		return true;
	return false;
}

// What is known of one end: of an open port, else what its task declares. False: WHY.
static bool look_at(struct asking *a, const struct spore__wish *wish, int side, struct spore__face *face, char *name,
                    struct spore__declared *room, char *why)
{
	struct spore__wires *w = &a->t->wires;
	struct spore__spec spec;
	struct spore__plug *p =
	    spore__plug_find(w, wish->ends[side].system, wish->ends[side].task, wish->ends[side].port, true);
	if (p == NULL) {
		(void)snprintf(why, WHY, "out of memory");
		return false;
	}
	struct spore__wire_end e = {.plug = p, .replica = wish->ends[side].replica};
	memcpy(e.protocol, wish->ends[side].protocol, sizeof e.protocol);
	size_t count, first = spore__table_range(&a->t->table, p->system, p->task, &count);
	char ignored[WHY];
	// The tasks of a system are about to be changed by its manifest, which was checked by itself.
	bool is_open = p->ports != NULL && a->system[0] == '\0', known = false, good = true;
	spore__spec_init(&spec);
	if (count > 0 && !is_open && a->system[0] == '\0')
		known = spore__task_read_spec(a->t, a->t->table.tasks[first], &spec, ignored, sizeof ignored);
	spore__wire_face(&e, known ? &spec : NULL, room, name, face);
	if (a->system[0] != '\0')
		face->kind = face->shape = face->protocol = "";
	face->wished = wish->ends[side].protocol;
	if (is_open) { // the words live as long as the port, that is until this call is answered
	} else if (!spore__port_is_standard(p->port) && strcmp(face->kind, "bytes") == 0) {
		(void)snprintf(why, WHY, "%s is a port of bytes, and of those only stdin, stdout and stdio are wired",
		               name);
		good = false;
	} else if (spore__port_is_standard(p->port)) {
		good = known ? look_at_stdio(&spec, p->port, name, why) : true;
	} else if (known && !spec.control && !spore__declared_find(spec.ports, p->port, room)) {
		(void)snprintf(why, WHY,
		               "%s: its program has no ports, since it does not link libspore; what speaks the control "
		               "protocol without it says 'control: true' (or --control)",
		               name);
		good = false;
	}
	spore__spec_finish(&spec);
	spore__plug_unused(w, p);
	return good;
}

// The other wire at a port that can have one only. NULL: none.
static const struct spore__wire *rival(struct asking *a, const struct spore__wish *wish, int side,
                                       const struct spore__face *face)
{
	const struct spore__plug *p = spore__plug_find(&a->t->wires, wish->ends[side].system, wish->ends[side].task,
	                                               wish->ends[side].port, false);
	if (!spore__shape_is_single(spore__shape_of(face->shape)))
		return NULL;
	for (const struct spore__wire_end *e = p != NULL ? p->ends : NULL; e != NULL; e = e->next)
		if (!e->wire->marked &&
		    (e->replica == 0 || wish->ends[side].replica == 0 || e->replica == wish->ends[side].replica))
			return e->wire;
	return NULL;
}

static bool may_be(struct asking *a, const struct spore__wish *wish, char *why)
{
	struct spore__face faces[2];
	struct spore__declared room[2];
	char names[2][SPORE__PORT_NAME];
	for (int i = 0; i < 2; i++)
		if (!look_at(a, wish, i, &faces[i], names[i], &room[i], why))
			return false;
	if (strcmp(names[0], names[1]) == 0) {
		(void)snprintf(why, WHY, "%s cannot be wired to itself", names[0]);
		return false;
	}
	if (!spore__ports_fit(&faces[0], &faces[1], wish->duplex, why, WHY))
		return false;
	// The manifest's are followed by a start of its tasks.
	if (a->system[0] == '\0' && spore__plain_is_active(a->t, wish, why, WHY))
		return false;
	for (int i = 0; i < 2; i++) {
		const struct spore__wire *other = rival(a, wish, i, &faces[i]);
		if (other == NULL)
			continue;
		char left[SPORE__PORT_NAME], right[SPORE__PORT_NAME];
		spore__wire_end_name(&other->ends[0], left);
		spore__wire_end_name(&other->ends[1], right);
		(void)snprintf(why, WHY,
		               "%s to %s: %s has one channel only, and is wired already; first 'spore unwire %s %s'",
		               names[0], names[1], names[i], left, right);
		return false;
	}
	return true;
}

// ---- wires.add

static bool is_same(const struct spore__wire *wire, const struct spore__wish *wish)
{
	return wire->duplex == wish->duplex && strcmp(wire->slow, wish->slow) == 0 &&
	       strcmp(wire->owner, wish->owner) == 0 && strcmp(wire->ends[0].protocol, wish->ends[0].protocol) == 0 &&
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
	struct names added, changed, removed, unchanged;
};

static bool write_wire(struct spore__tasks *t, struct spore__wire *wire)
{
	return spore__db_begin(t->db) == SQLITE_OK && spore__db_wires_put(t->db, wire) == SQLITE_OK;
}

static bool erase(struct spore__tasks *t, struct spore__wire *wire, struct names *n)
{
	if (n != NULL)
		note(n, wire);
	spore__plain_renew(t, wire);
	bool good = spore__db_begin(t->db) == SQLITE_OK && spore__db_wires_remove(t->db, wire->id) == SQLITE_OK;
	spore__wire_remove(t, wire);
	return good;
}

// Marks the wires that stay as they are, and those of the system that go: neither is a rival. False: WHY.
static bool judge(struct asking *a, bool only, char *why)
{
	for (struct spore__wire *wire = a->t->wires.first; wire != NULL; wire = wire->next)
		wire->marked = only && strcmp(wire->owner, a->system) == 0;
	for (size_t i = 0; i < a->count; i++) {
		struct spore__wire *wire = spore__wire_find(&a->t->wires, &a->wishes[i]);
		bool was = wire != NULL && wire->marked;
		if (wire != NULL)
			wire->marked = true; // not its own rival
		if ((wire == NULL || !is_same(wire, &a->wishes[i])) && !may_be(a, &a->wishes[i], why))
			return false;
		if (wire != NULL && !only)
			wire->marked = was;
	}
	return true;
}

static bool carry_out(struct asking *a, bool only, bool dry, struct changes *c)
{
	bool good = true;
	for (struct spore__wire *wire = a->t->wires.first; wire != NULL; wire = wire->next)
		wire->marked = only && strcmp(wire->owner, a->system) == 0;
	for (size_t i = 0; i < a->count && good; i++) {
		struct spore__wire *wire = spore__wire_find(&a->t->wires, &a->wishes[i]);
		if (wire != NULL && is_same(wire, &a->wishes[i])) {
			wire->marked = false;
			note(&c->unchanged, wire);
			continue;
		}
		if (wire != NULL && dry) {
			wire->marked = false;
			note(&c->changed, wire);
			continue;
		}
		bool changed = wire != NULL;
		if (changed)
			good = erase(a->t, wire, NULL);
		wire = spore__wire_add(a->t, &a->wishes[i]);
		if (wire == NULL)
			return false;
		note(changed ? &c->changed : &c->added, wire);
		if (dry)
			spore__wire_remove(a->t, wire);
		else
			good = good && write_wire(a->t, wire);
		if (!dry)
			spore__plain_renew(a->t, wire);
	}
	for (struct spore__wire *wire = a->t->wires.first, *next; wire != NULL && good; wire = next) {
		next = wire->next;
		if (!wire->marked)
			continue;
		wire->marked = false;
		if (dry)
			note(&c->removed, wire);
		else
			good = erase(a->t, wire, &c->removed);
	}
	return good;
}

static void finish_changes(struct changes *c)
{
	struct names *const all[] = {&c->added, &c->changed, &c->removed, &c->unchanged};
	for (size_t i = 0; i < 4; i++)
		spore__msgpack_writer_finish(&all[i]->w);
}

static void add(struct spore__rpc_call *call)
{
	struct asking a = {.t = tasks_of(call), .call = call, .exists = true};
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
	if (!take_wishes(&a)) {
		free(a.wishes);
		return;
	}
	if (!judge(&a, only, why)) {
		spore__rpc_call_fail(call, SPORE_EINVALID, "%s", why);
		free(a.wishes);
		return;
	}
	bool good = carry_out(&a, only, dry, &c);
	a.t->unsettled = true;
	if (!good || (!dry && !spore__tasks_commit(a.t))) {
		spore__rpc_call_fail(call, SPORE_ESYSTEM,
		                     "the state cannot be written: %s; free some space on its disk", a.t->db->error);
		finish_changes(&c);
		free(a.wishes);
		return;
	}
	struct spore__msgpack_writer *w = spore__rpc_call_result(call);
	spore__msgpack_map(w, 4);
	put_names(w, "added", &c.added);
	put_names(w, "changed", &c.changed);
	put_names(w, "removed", &c.removed);
	put_names(w, "unchanged", &c.unchanged);
	free(a.wishes);
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

static void say_unwired(struct asking *a, const struct spore__wish *wish)
{
	char shown[2][SPORE__PORT_NAME];
	struct spore__wire *nearest = NULL;
	for (int i = 0; i < 2; i++) {
		(void)snprintf(shown[i], sizeof shown[i], "%s%s%s.%s", wish->ends[i].system,
		               wish->ends[i].system[0] != '\0' ? "/" : "", wish->ends[i].task, wish->ends[i].port);
		const struct spore__plug *p =
		    spore__plug_find(&a->t->wires, wish->ends[i].system, wish->ends[i].task, wish->ends[i].port, false);
		if (p != NULL && p->ends != NULL)
			nearest = p->ends->wire;
	}
	if (nearest == NULL) {
		spore__rpc_call_fail(a->call, SPORE_ENOTFOUND, "%s and %s are not wired; 'spore wires' lists what is",
		                     shown[0], shown[1]);
		return;
	}
	char from[SPORE__PORT_NAME], to[SPORE__PORT_NAME];
	spore__wire_end_name(&nearest->ends[0], from);
	spore__wire_end_name(&nearest->ends[1], to);
	spore__rpc_call_fail(a->call, SPORE_ENOTFOUND, "%s and %s are not wired; but %s and %s are", shown[0], shown[1],
	                     from, to);
}

static void take_away(struct spore__rpc_call *call)
{
	struct asking a = {.t = tasks_of(call), .call = call};
	struct names removed = {0};
	char why[WHY];
	if (!spore__param_text(call, 1, "from", a.from, sizeof a.from))
		return;
	bool good = take_wishes(&a);
	for (size_t i = 0; good && i < a.count; i++)
		if (find_either(&a.t->wires, &a.wishes[i]) == NULL) {
			say_unwired(&a, &a.wishes[i]);
			good = false;
		} else if (spore__plain_is_active(a.t, &a.wishes[i], why, sizeof why)) {
			spore__rpc_call_fail(call, SPORE_EINVALID, "%s", why);
			good = false;
		}
	if (!good) {
		free(a.wishes);
		return;
	}
	for (size_t i = 0; i < a.count; i++) {
		struct spore__wire *wire = find_either(&a.t->wires, &a.wishes[i]);
		if (wire != NULL)
			good = erase(a.t, wire, &removed) && good;
	}
	free(a.wishes);
	a.t->unsettled = true;
	if (!good || !spore__tasks_commit(a.t)) {
		spore__msgpack_writer_finish(&removed.w);
		spore__rpc_call_fail(call, SPORE_ESYSTEM,
		                     "the state cannot be written: %s; free some space on its disk", a.t->db->error);
		return;
	}
	struct spore__msgpack_writer *w = spore__rpc_call_result(call);
	spore__msgpack_map(w, 1);
	put_names(w, "removed", &removed);
	spore__rpc_call_done(call);
}

// ---- lists

static int compare_ends(const struct spore__wire_end *a, const struct spore__wire_end *b)
{
	int c = strcmp(a->plug->system, b->plug->system);
	c = c != 0 ? c : strcmp(a->plug->task, b->plug->task);
	c = c != 0 ? c : (a->replica > b->replica) - (a->replica < b->replica);
	return c != 0 ? c : strcmp(a->plug->port, b->plug->port);
}

static int compare_wires(const void *a, const void *b)
{
	const struct spore__wire *x = *(struct spore__wire *const *)a, *y = *(struct spore__wire *const *)b;
	int c = compare_ends(&x->ends[0], &y->ends[0]);
	return c != 0 ? c : compare_ends(&x->ends[1], &y->ends[1]);
}

static void answer_rows(struct spore__rpc_call *call, const char *key, struct spore__msgpack_writer *rows,
                        uint32_t count, bool more)
{
	struct spore__msgpack_writer *w = spore__rpc_call_result(call);
	spore__msgpack_map(w, 2);
	spore__msgpack_str(w, key);
	spore__msgpack_array(w, count);
	spore__msgpack_raw(w, rows->data, rows->len);
	spore__msgpack_str(w, "more");
	spore__msgpack_bool(w, more);
	if (rows->err != 0)
		w->err = rows->err;
	spore__msgpack_writer_finish(rows);
	spore__rpc_call_done(call);
}

static void list(struct spore__rpc_call *call)
{
	struct spore__tasks *t = tasks_of(call);
	struct spore__msgpack_writer rows = {0};
	int64_t skip;
	size_t n = 0;
	uint32_t count = 0;
	if (!spore__param_int(call, 0, "skip", 0, INT32_MAX, 0, &skip))
		return;
	struct spore__wire **all = malloc((t->wires.count + 1) * sizeof(struct spore__wire *));
	if (all == NULL) {
		spore__rpc_call_fail(call, SPORE_ENOMEM, "out of memory");
		return;
	}
	for (struct spore__wire *wire = t->wires.first; wire != NULL; wire = wire->next)
		all[n++] = wire;
	qsort(all, n, sizeof(struct spore__wire *), compare_wires);
	size_t at = (size_t)skip;
	for (; at < n && rows.len < ROOM; at++, count++)
		spore__wire_view(t, all[at], &rows);
	free(all);
	answer_rows(call, "wires", &rows, count, at < n);
}

static void put_text(struct spore__msgpack_writer *w, const char *key, const char *value)
{
	spore__msgpack_str(w, key);
	spore__msgpack_str(w, value);
}

static void put_port(struct spore__msgpack_writer *w, const struct spore__hold *hold, const char *port,
                     const char *const words[3], bool open, size_t channels)
{
	char name[SPORE__PORT_NAME + SPORE__HOLD_WORD];
	spore__hold_port_name(hold, port, name, sizeof name);
	spore__msgpack_map(w, 6);
	put_text(w, "name", name);
	put_text(w, "kind", words[0]);
	put_text(w, "shape", words[1]);
	put_text(w, "protocol", words[2]);
	spore__msgpack_str(w, "open");
	spore__msgpack_bool(w, open);
	spore__msgpack_str(w, "channels");
	spore__msgpack_uint(w, channels);
}

static bool is_open(const struct spore__hold *hold, const char *name)
{
	const struct spore__port *p = hold->ports;
	while (p != NULL && strcmp(p->name, name) != 0)
		p = p->next_of_hold;
	return p != NULL;
}

// What TASK has open, then what it declares.
static uint32_t put_ports(struct spore__tasks *t, struct spore__task *task, struct spore__msgpack_writer *w)
{
	struct spore__hold *const holds[] = {task->old, task->hold};
	struct spore__hold none = {0};
	struct spore__spec spec;
	struct spore__declared d;
	char why[WHY];
	uint32_t count = 0;
	spore__task_hold_name(task, task->generation, &none.name);
	for (size_t i = 0; i < 2; i++)
		for (const struct spore__port *p = holds[i] != NULL ? holds[i]->ports : NULL; p != NULL;
		     p = p->next_of_hold) {
			const char *const words[3] = {p->kind, p->shape, p->protocol};
			put_port(w, holds[i], p->name, words, true, p->joint_count);
			count++;
		}
	bool known = spore__task_read_spec(t, task, &spec, why, sizeof why);
	for (char **p = known ? spec.ports : NULL; p != NULL && *p != NULL; p++) {
		if (!spore__declared_parse(*p, &d) || (task->hold != NULL && is_open(task->hold, d.name)) ||
		    (task->old != NULL && is_open(task->old, d.name)))
			continue;
		const char *const words[3] = {d.kind, d.shape, d.protocol};
		put_port(w, &none, d.name, words, false, 0);
		count++;
	}
	spore__spec_finish(&spec);
	return count;
}

static void ports(struct spore__rpc_call *call)
{
	struct spore__tasks *t = tasks_of(call);
	struct spore__msgpack_writer rows = {0};
	int64_t skip;
	uint32_t count = 0;
	if (!spore__param_int(call, 0, "skip", 0, INT32_MAX, 0, &skip))
		return;
	size_t at = (size_t)skip;
	for (; at < t->table.count && rows.len < ROOM; at++)
		count += put_ports(t, t->table.tasks[at], &rows);
	struct spore__msgpack_writer *w = spore__rpc_call_result(call);
	spore__msgpack_map(w, 2);
	spore__msgpack_str(w, "ports");
	spore__msgpack_array(w, count);
	spore__msgpack_raw(w, rows.data, rows.len);
	spore__msgpack_str(w, "next");
	if (at < t->table.count)
		spore__msgpack_uint(w, at);
	else
		spore__msgpack_nil(w);
	if (rows.err != 0)
		w->err = rows.err;
	spore__msgpack_writer_finish(&rows);
	spore__rpc_call_done(call);
}

static const struct spore__rpc_field add_params[] = {
    {"wires", "array", "of maps: from, to ([SYSTEM/]TASK[@REPLICA].PORT), duplex, slow, from_protocol, to_protocol",
     false},
    {"from", "str", "absolute path of the caller's folder", true},
    {"system", "str", "whose wires they are; its tasks may be defined later", true},
    {"only", "bool", "wires of the system that are not named are taken away", true},
    {"dry", "bool", "nothing is done", true},
    {0},
};
static const struct spore__rpc_field add_result[] = {
    {"added", "array", "of strings, FROM -> TO or FROM <> TO", false},
    {"changed", "array", "likewise: they are made anew", false},
    {"removed", "array", "likewise", false},
    {"unchanged", "array", "likewise", false},
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
static const struct spore__rpc_field list_params[] = {
    {"skip", "int", "how many were read before", true},
    {0},
};
static const struct spore__rpc_field list_result[] = {
    {"wires", "array",
     "of maps: from, to, duplex, from_protocol, to_protocol, system, transport, state (waiting, wiring, wired), "
     "channels, why",
     false},
    {"more", "bool", "there are more: call again with skip", false},
    {0},
};
static const struct spore__rpc_field ports_params[] = {
    {"skip", "int", "the next of the answer before", true},
    {0},
};
static const struct spore__rpc_field ports_result[] = {
    {"ports", "array", "of maps: name, kind, shape, protocol, open, channels", false},
    {"next", "int", "there are more: call again with this as skip; nil: there are none", true},
    {0},
};
static const enum spore_err add_errors[] = {SPORE_EINVALID, SPORE_ENOTFOUND, SPORE_ENOMEM, SPORE_ESYSTEM, SPORE_OK};
static const enum spore_err list_errors[] = {SPORE_EINVALID, SPORE_ENOMEM, SPORE_OK};

const struct spore__rpc_method spore__wire_methods[] = {
    {"wires.add", add, "want ports to be wired: all of these, or none", add_params, add_result, add_errors},
    {"wires.remove", take_away, "take wires away, also while both ends are at work", remove_params, remove_result,
     add_errors},
    {"wires.list", list, "the wires, what carries them, and what they wait for", list_params, list_result, list_errors},
    {"ports.list", ports, "the ports that are open, and those that tasks declare", ports_params, ports_result,
     list_errors},
    {0},
};
