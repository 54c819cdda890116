#include "node/wires.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "node/db_wires.h"
#include "node/hold.h"
#include "node/lend.h"
#include "node/log.h"
#include "node/swap.h"
#include "node/tasks.h"

enum { BUCKETS_FIRST = 64 };

// ---- plugs

static uint32_t hash_of(const char *system, const char *task, const char *port)
{
	const char *const parts[] = {system, task, port};
	uint32_t h = 2166136261U; // FNV-1a
	for (size_t i = 0; i < 3; i++) {
		for (const char *s = parts[i]; *s != '\0'; s++)
			h = (h ^ (unsigned char)*s) * 16777619U;
		h = (h ^ '/') * 16777619U;
	}
	return h;
}

static bool grow(struct spore__wires *w)
{
	size_t count = w->bucket_count == 0 ? BUCKETS_FIRST : w->bucket_count * 2;
	struct spore__plug **buckets = calloc(count, sizeof(struct spore__plug *));
	if (buckets == NULL)
		return w->bucket_count > 0;
	for (size_t i = 0; i < w->bucket_count; i++)
		for (struct spore__plug *p = w->buckets[i], *next; p != NULL; p = next) {
			next = p->next;
			p->next = buckets[p->hash & (count - 1)];
			buckets[p->hash & (count - 1)] = p;
		}
	free(w->buckets);
	w->buckets = buckets;
	w->bucket_count = count;
	return true;
}

struct spore__plug *spore__plug_find(struct spore__wires *w, const char *system, const char *task, const char *port,
                                     bool make)
{
	uint32_t hash = hash_of(system, task, port);
	struct spore__plug *p = w->bucket_count > 0 ? w->buckets[hash & (w->bucket_count - 1)] : NULL;
	for (; p != NULL; p = p->next)
		if (p->hash == hash && strcmp(p->port, port) == 0 && strcmp(p->task, task) == 0 &&
		    strcmp(p->system, system) == 0)
			return p;
	if (!make || (w->plug_count >= w->bucket_count && !grow(w)) || (p = calloc(1, sizeof *p)) == NULL)
		return NULL;
	p->hash = hash;
	(void)snprintf(p->system, sizeof p->system, "%s", system);
	(void)snprintf(p->task, sizeof p->task, "%s", task);
	(void)snprintf(p->port, sizeof p->port, "%s", port);
	p->next = w->buckets[hash & (w->bucket_count - 1)];
	w->buckets[hash & (w->bucket_count - 1)] = p;
	w->plug_count++;
	return p;
}

void spore__plug_unused(struct spore__wires *w, struct spore__plug *p)
{
	if (p->ends != NULL || p->ports != NULL)
		return;
	struct spore__plug **at = &w->buckets[p->hash & (w->bucket_count - 1)];
	while (*at != p)
		at = &(*at)->next;
	*at = p->next;
	w->plug_count--;
	free(p);
}

// ---- wires

void spore__wire_is_dirty(struct spore__wires *w, struct spore__wire *wire)
{
	if (wire->dirty)
		return;
	wire->dirty = true;
	wire->next_dirty = NULL;
	if (w->dirty == NULL)
		w->dirty_end = &w->dirty;
	*w->dirty_end = wire;
	w->dirty_end = &wire->next_dirty;
}

void spore__plug_is_dirty(struct spore__wires *w, struct spore__plug *p)
{
	for (struct spore__wire_end *e = p->ends; e != NULL; e = e->next)
		spore__wire_is_dirty(w, e->wire);
}

static struct spore__plug *plug_of(struct spore__wires *w, const struct spore__wish *wish, int side, bool make)
{
	return spore__plug_find(w, wish->ends[side].system, wish->ends[side].task, wish->ends[side].port, make);
}

struct spore__wire *spore__wire_find(struct spore__wires *w, const struct spore__wish *wish)
{
	const struct spore__plug *from = plug_of(w, wish, 0, false), *to = plug_of(w, wish, 1, false);
	for (struct spore__wire_end *e = from != NULL ? from->ends : NULL; e != NULL; e = e->next)
		if (e == &e->wire->ends[0] && e->wire->ends[1].plug == to && e->replica == wish->ends[0].replica &&
		    e->wire->ends[1].replica == wish->ends[1].replica)
			return e->wire;
	return NULL;
}

static void plug_in(struct spore__wire *wire, int side, struct spore__plug *p, const struct spore__wish *wish)
{
	struct spore__wire_end *e = &wire->ends[side];
	e->plug = p;
	e->wire = wire;
	e->replica = wish->ends[side].replica;
	(void)snprintf(e->protocol, sizeof e->protocol, "%s", wish->ends[side].protocol);
	e->next = p->ends;
	p->ends = e;
}

static void unplug(struct spore__wires *w, struct spore__wire_end *e)
{
	struct spore__wire_end **at = &e->plug->ends;
	while (*at != e)
		at = &(*at)->next;
	*at = e->next;
	spore__plug_unused(w, e->plug);
}

struct spore__wire *spore__wire_add(struct spore__tasks *t, const struct spore__wish *wish)
{
	struct spore__wires *w = &t->wires;
	struct spore__wire *wire = calloc(1, sizeof *wire);
	struct spore__plug *from = wire != NULL ? plug_of(w, wish, 0, true) : NULL;
	struct spore__plug *to = from != NULL ? plug_of(w, wish, 1, true) : NULL;
	if (to == NULL) {
		if (from != NULL)
			spore__plug_unused(w, from);
		free(wire);
		return NULL;
	}
	plug_in(wire, 0, from, wish);
	plug_in(wire, 1, to, wish);
	wire->duplex = wish->duplex;
	memcpy(wire->slow, wish->slow, sizeof wire->slow);
	wire->redeliver = wish->redeliver;
	wire->lossless = wish->lossless;
	memcpy(wire->listens, wish->listens, sizeof wire->listens);
	wire->tap = wish->tap;
	memcpy(wire->owner, wish->owner, sizeof wire->owner);
	wire->previous = w->last;
	*(w->last != NULL ? &w->last->next : &w->first) = wire;
	w->last = wire;
	w->count++;
	wire->number = ++w->numbered;
	spore__wire_is_dirty(w, wire);
	return wire;
}

void spore__wire_remove(struct spore__tasks *t, struct spore__wire *wire)
{
	struct spore__wires *w = &t->wires;
	// Its channels are at the ports of its left end, or among the halves.
	for (struct spore__port *p = wire->ends[0].plug->ports; p != NULL; p = p->next)
		for (size_t i = p->joint_count; i > 0; i--)
			if (p->joints[i - 1]->wire == wire)
				spore__joint_end(t, p->joints[i - 1], true);
	for (struct spore__joint *j = w->halves; j != NULL; j = j->next_half)
		if (j->wire == wire)
			j->wire = NULL;
	spore__ahead_wire_lost(w, wire);
	w->sweep = true;
	spore__wire_is_free(wire);
	// What shares its ports may have waited for it. It is among the dirty ones itself then.
	spore__plug_is_dirty(w, wire->ends[0].plug);
	spore__plug_is_dirty(w, wire->ends[1].plug);
	struct spore__wire **at = &w->dirty;
	while (*at != wire)
		at = &(*at)->next_dirty;
	*at = wire->next_dirty;
	if (*at == NULL)
		w->dirty_end = at;
	unplug(w, &wire->ends[0]);
	unplug(w, &wire->ends[1]);
	*(wire->previous != NULL ? &wire->previous->next : &w->first) = wire->next;
	*(wire->next != NULL ? &wire->next->previous : &w->last) = wire->previous;
	w->count--;
	spore__wire_end_pauses(wire);
	while (wire->broken != NULL)
		spore__wire_forget_broken(wire, wire->broken->side, wire->broken->replica, NULL);
	free(wire);
}

int spore__wires_save(struct spore__tasks *t)
{
	int rc = SQLITE_OK;
	for (struct spore__wire *wire = t->wires.unsaved ? t->wires.first : NULL; wire != NULL && rc == SQLITE_OK;
	     wire = wire->next)
		if (wire->unsaved && (rc = spore__db_begin(t->db)) == SQLITE_OK)
			rc = spore__db_wires_put(t->db, wire);
	return rc;
}

void spore__wires_saved(struct spore__tasks *t, bool good)
{
	bool left = false;
	for (struct spore__wire *wire = t->wires.unsaved ? t->wires.first : NULL; wire != NULL; wire = wire->next) {
		if (wire->unsaved && !good)
			wire->id = 0; // the next one's now
		wire->unsaved = wire->unsaved && wire->id == 0;
		left |= wire->unsaved;
	}
	t->wires.unsaved = left;
}

// Is WIRE of the system, or (TASK not NULL) one without owner at that task?
static bool goes_with(const struct spore__wire *wire, const char *system, const char *task)
{
	bool loose = false;
	for (int i = 0; task != NULL && i < 2; i++)
		loose |= wire->owner[0] == '\0' && strcmp(wire->ends[i].plug->system, system) == 0 &&
		         strcmp(wire->ends[i].plug->task, task) == 0;
	return loose || (task == NULL && system[0] != '\0' && strcmp(wire->owner, system) == 0);
}

void spore__wires_unwrite(struct spore__tasks *t, const char *system, const char *task)
{
	for (const struct spore__wire *wire = t->wires.first; wire != NULL; wire = wire->next)
		if (goes_with(wire, system, task) && spore__db_begin(t->db) == SQLITE_OK)
			(void)spore__db_wires_remove(t->db, wire->id);
}

void spore__wires_forget(struct spore__tasks *t, const char *system, const char *task)
{
	for (struct spore__wire *wire = t->wires.first, *next; wire != NULL; wire = next) {
		next = wire->next;
		if (!goes_with(wire, system, task))
			continue;
		spore__wire_remove(t, wire);
		t->unsettled = true;
	}
}

void spore__wire_end_name(const struct spore__wire_end *e, char out[SPORE__PORT_NAME])
{
	char replica[24] = "";
	if (e->replica > 0)
		(void)snprintf(replica, sizeof replica, "@%" PRId64, e->replica);
	(void)snprintf(out, SPORE__PORT_NAME, "%s%s%s%s.%s", e->plug->system, e->plug->system[0] != '\0' ? "/" : "",
	               e->plug->task, replica, e->plug->port);
}

int64_t spore__wire_end_count(const struct spore__tasks *t, const struct spore__wire_end *e)
{
	size_t count, first = spore__table_range(&t->table, e->plug->system, e->plug->task, &count);
	int64_t stay = 0;
	for (size_t i = first; i < first + count; i++) {
		const struct spore__task *task = t->table.tasks[i];
		stay += !task->removing && (e->replica == 0 || e->replica == task->replica);
	}
	return stay;
}

bool spore__wire_leaves(const struct spore__tasks *t, const struct spore__wire *wire, int side,
                        const struct spore__port *p)
{
	return p->joint_count == 0 && spore__wire_fits_replica(&wire->ends[side], p) &&
	       spore__shape_is_single(spore__shape_of(p->shape)) && !spore__port_is_going(p) &&
	       wire->trouble[0] == '\0' && wire->blocked == NULL &&
	       spore__wire_end_count(t, &wire->ends[side]) > spore__wire_end_count(t, &wire->ends[1 - side]) &&
	       spore__wire_partner(wire, side, p) == NULL;
}

bool spore__wire_fits_replica(const struct spore__wire_end *e, const struct spore__port *p)
{
	return e->replica == 0 || e->replica == p->hold->name.replica;
}

const struct spore__wire *spore__wire_elder(const struct spore__wire *wire, const struct spore__port *p)
{
	const struct spore__wire *elder = NULL;
	if (!spore__shape_is_single(spore__shape_of(p->shape)))
		return NULL;
	for (const struct spore__wire_end *e = p->plug->ends; e != NULL; e = e->next)
		if (e->wire->number < (elder != NULL ? elder : wire)->number && !e->wire->marked &&
		    spore__wire_fits_replica(e, p))
			elder = e->wire;
	return elder;
}

// ---- all of them

static bool load_fault(void *arg, int64_t id, const struct spore__fault *fault)
{
	struct spore__tasks *t = arg;
	for (struct spore__wire *wire = t->wires.first; wire != NULL; wire = wire->next)
		if (wire->id == id)
			wire->fault = *fault;
	return true;
}

static bool load(void *arg, int64_t id, const struct spore__wish *wish)
{
	struct spore__wire *wire = spore__wire_add(arg, wish);
	if (wire != NULL)
		wire->id = id;
	return true;
}

int spore__wires_init(struct spore__tasks *t)
{
	struct spore__wires *w = &t->wires;
	int err = uv_timer_init(t->loop, &w->retry);
	if (err == 0)
		err = uv_timer_init(t->loop, &w->look);
	if (err == 0)
		err = spore__spare_init(&w->spare, t->loop);
	if (err == 0)
		err = spore__aheads_init(t);
	if (err != 0)
		return err;
	w->retry.data = w->look.data = t;
	w->adopt = t->db->aside[0] != '\0' || t->db->made;
	// Higher than those of the nodes before; what the holds say raises it where the clock was set back.
	w->serial = (uint64_t)(spore__wall_ns() / 1000);
	if (spore__db_wires_load(t->db, load, t) != SQLITE_OK ||
	    spore__db_faults_load(t->db, load_fault, t) != SQLITE_OK)
		spore__node_log("what is to be wired cannot be read: %s", t->db->error);
	return 0;
}

// May the other end of J belong to a hold that has not been heard yet?
static bool may_return(struct spore__tasks *t, const struct spore__joint *j)
{
	const struct spore__port *p = j->ports[0] != NULL ? j->ports[0] : j->ports[1];
	for (const struct spore__wire_end *e = p->plug != NULL ? p->plug->ends : NULL; e != NULL; e = e->next) {
		const struct spore__plug *other = e->wire->ends[e == &e->wire->ends[0]].plug;
		size_t count, first = spore__table_range(&t->table, other->system, other->task, &count);
		for (size_t i = first; i < first + count; i++) {
			const struct spore__hold *holds[] = {t->table.tasks[i]->hold, t->table.tasks[i]->old};
			for (size_t k = 0; k < 2; k++)
				if (holds[k] != NULL && !holds[k]->ended && !holds[k]->ports_known)
					return true;
			if (spore__lend_may_return(t->table.tasks[i], other, j))
				return true;
			if (spore__heirs_may_return(t, t->table.tasks[i]))
				return true;
		}
	}
	return false;
}

static bool is_awaited(const struct spore__tasks *t)
{
	for (const struct spore__hold *h = t->holds; h != NULL; h = h->next)
		if (!h->ports_known && (t->kept || !h->ended))
			return true;
	return false;
}

static void sweep(struct spore__tasks *t)
{
	struct spore__wires *w = &t->wires;
	w->sweep = false;
	w->adopt = w->adopt && is_awaited(t);
	for (struct spore__joint *j = w->halves, *next; j != NULL; j = next) {
		next = j->next_half;
		// Of one without a wire any hold may have the other end.
		if (!(w->adopt && j->wire == NULL) && !may_return(t, j))
			spore__joint_end(t, j, j->wire == NULL);
	}
}

void spore__wires_settle(struct spore__tasks *t)
{
	struct spore__wires *w = &t->wires;
	if (w->sweep)
		sweep(t);
	while (w->dirty != NULL) {
		struct spore__wire *wire = w->dirty;
		w->dirty = wire->next_dirty;
		wire->dirty = false;
		spore__wire_settle(t, wire);
		spore__swap_look_beside(wire);
		if (wire->trouble[0] != '\0')
			spore__wires_retry_at(w, wire->retry_at);
	}
	if (w->crowded)
		spore__wires_retry_at(w, spore__wires_failed(w));
}
