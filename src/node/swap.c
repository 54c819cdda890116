#include "node/swap.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "node/alone.h"
#include "node/beside.h"
#include "node/db_swap.h"
#include "node/declared.h"
#include "node/hold.h"
#include "node/lend.h"
#include "node/log.h"

enum {
	PORTS_MS = 5000,    // after it is ready, for the ports that the old one has
	READY_MS = 600000,  // where its specification sets no limit
	TELLING_MS = 5000,  // for the programs at the other ends to be told
	UNDOING_MS = 10000, // for holds to be heard
};

// ---- what it is about

static int side_of(const struct spore__joint *j, const struct spore__port *p)
{
	return j->ports[1] == p;
}

static struct spore__port *other_end(const struct spore__joint *j, const struct spore__port *p)
{
	return j->ports[1 - side_of(j, p)];
}

// Has the program at the other end to be told? One that serves has a channel for each client, and gets another.
static bool is_told(const struct spore__port *other)
{
	enum spore__shape shape = other != NULL ? spore__shape_of(other->shape) : SPORE__SHAPE_SERVE;
	return shape == SPORE__SHAPE_CONNECT || shape == SPORE__SHAPE_SUBSCRIBE;
}

static bool publishes(const struct spore__port *p)
{
	return spore__shape_of(p->shape) == SPORE__SHAPE_PUBLISH;
}

static bool is_published(const struct spore__port *p)
{
	return publishes(p) || spore__shape_of(p->shape) == SPORE__SHAPE_SUBSCRIBE;
}

static bool is_carried(const struct spore__port *p)
{
	enum spore__shape shape = spore__shape_of(p->shape);
	return !p->plain && (shape == SPORE__SHAPE_CONNECT || shape == SPORE__SHAPE_SERVE ||
	                     shape == SPORE__SHAPE_PUBLISH || spore__lend_may(p));
}

// Whose end ends what is under way in it. One of an earlier node is known by the wire.
static bool has_relay(const struct spore__joint *j)
{
	return j->relay != 0 || j->adopted || (j->wire != NULL && spore__fault_relays(&j->wire->fault));
}

static const char plain[] = "swapping without loss is for ports of libspore; use 'spore restart'";
static const char restart[] = "use 'spore restart'";

static bool joint_may(const struct spore__port *p, const struct spore__joint *j, char *why, size_t size)
{
	const struct spore__port *other = other_end(j, p);
	char peer[SPORE__PORT_NAME + SPORE__HOLD_WORD] = "", own[sizeof peer];
	if (other == NULL)
		return true; // its peer is gone, or about to be heard of
	spore__hold_port_name(other->hold, other->name, peer, sizeof peer);
	spore__hold_port_name(p->hold, p->name, own, sizeof own);
	if (strcmp(j->transport, is_published(p) ? "publication" : "ring") != 0)
		(void)snprintf(
		    why, size,
		    "its port %s is joined with %.300s by %s, and only what is in shared memory can be handed over; %s",
		    p->name, peer, j->transport[0] != '\0' ? j->transport : "something unknown", restart);
	else if (has_relay(j))
		(void)snprintf(
		    why, size,
		    "its port %s is joined with %.300s by a wire that has a fault, and what is delayed would be "
		    "lost; first 'spore fault %.300s off'",
		    p->name, peer, own);
	else if (other->hold == p->hold)
		(void)snprintf(why, size,
		               "its port %s is joined with %.300s, of the task itself, so that both ends go; %s",
		               p->name, peer, restart);
	else if (is_told(other) && !(other->swaps && other->hold->speaks_swap))
		(void)snprintf(why, size, "%.300s is of an older libspore or hold, which cannot be told; %s", peer,
		               restart);
	else
		return true;
	return false;
}

static bool ports_may(const struct spore__hold *hold, char *why, size_t size)
{
	for (const struct spore__port *p = hold->ports; p != NULL; p = p->next_of_hold) {
		if (p->joint_count > 0 && !is_carried(p)) {
			(void)snprintf(why, size, "its port %s %s; %s", p->name,
			               p->plain ? "is one of a plain program"
			                        : "subscribes, and is of an older libspore or hold: what it has not "
			                          "received would be lost",
			               p->plain ? plain : restart);
			return false;
		}
		for (size_t i = 0; i < p->joint_count; i++)
			if (!joint_may(p, p->joints[i], why, size))
				return false;
	}
	if (spore__lend_count(hold) <= SPORE__HOLD_SUBSCRIPTIONS)
		return true;
	(void)snprintf(why, size,
	               "it subscribes by more than %d ports, which its hold does not keep for another one; %s",
	               SPORE__HOLD_SUBSCRIPTIONS, restart);
	return false;
}

static bool has_wired_stdio(struct spore__tasks *t, const struct spore__task *task)
{
	struct spore__spec spec;
	char why[64];
	bool wired = spore__task_read_spec(t, task, &spec, why, sizeof why) && spore__plain_is_wired(&spec);
	spore__spec_finish(&spec);
	return wired;
}

bool spore__swap_may(struct spore__tasks *t, struct spore__task *task, char *why, size_t size)
{
	char name[SPORE__FULL_NAME], reason[1300];
	spore__task_full_name(task, name);
	if (task->schedule != NULL)
		(void)snprintf(why, size, "%s: it is periodic; each run is another instance anyway", name);
	else if (task->hold == NULL || task->state != SPORE__TASK_RUNNING || task->stopping || task->queued)
		(void)snprintf(why, size, "%s: it is not running; use 'spore restart'", name);
	else if (task->old != NULL || task->swap != SPORE__SWAP_NONE)
		(void)snprintf(why, size, "%s: it is being replaced already; 'spore ps' says how far it is", name);
	else if (has_wired_stdio(t, task))
		(void)snprintf(why, size, "%s: its stdin or stdout is wired; %s", name, plain);
	else if (!task->hold->ports_known)
		(void)snprintf(why, size, "%s: its hold has not said yet what ports there are; try again", name);
	else if (!ports_may(task->hold, reason, sizeof reason))
		(void)snprintf(why, size, "%s: %s", name, reason);
	else
		return true;
	return false;
}

// ---- the journal

void spore__swap_intend(struct spore__tasks *t, const struct spore__task *task)
{
	if (task->id != 0 && spore__db_begin(t->db) == SQLITE_OK)
		(void)spore__db_swaps_put(t->db, task->id, task->hold->name.generation, SPORE__SWAP_STARTING);
}

static void ports_are_dirty(struct spore__tasks *t, const struct spore__hold *hold)
{
	for (struct spore__port *p = hold != NULL ? hold->ports : NULL; p != NULL; p = p->next_of_hold)
		if (p->plug != NULL)
			spore__plug_is_dirty(&t->wires, p->plug);
}

static void move(struct spore__tasks *t, struct spore__task *task, enum spore__swap_step step, uint64_t limit_ms)
{
	task->swap = step;
	task->swap_moved = true;
	spore__task_is_dirty(t, task);
	task->swap_until = limit_ms > 0 ? uv_now(t->loop) + limit_ms : 0;
	if (limit_ms > 0)
		spore__tasks_wake_at(t, task->swap_until);
	ports_are_dirty(t, task->old);
	ports_are_dirty(t, task->hold);
	spore__task_touch(t, task);
}

static bool is_late(const struct spore__tasks *t, const struct spore__task *task)
{
	return task->swap_until != 0 && task->swap_until <= uv_now(t->loop);
}

// ---- the steps

// Once each; that it is over is said in any case, since the last node may have told.
static void tell(const struct spore__hold *hold, bool on)
{
	for (const struct spore__port *p = hold != NULL ? hold->ports : NULL; p != NULL; p = p->next_of_hold)
		for (size_t i = 0; i < p->joint_count; i++) {
			struct spore__joint *j = p->joints[i];
			const struct spore__port *other = other_end(j, p);
			int side = 1 - side_of(j, p);
			if (!is_told(other) || (on && j->told[side]))
				continue;
			j->told[side] = on;
			j->owes[side] += other->hold->speaks_swap;
			spore__hold_send_swap(other->hold, other->id, j->serial, on);
		}
}

// The port of HOLD whose channel has a peer that has not been told, or (with TOLD false) not been heard of, since the node or its hold were not
// there for a while. NULL: none.
static const struct spore__port *not_known(const struct spore__hold *hold, bool told)
{
	for (const struct spore__port *p = hold->ports; p != NULL; p = p->next_of_hold)
		for (size_t i = 0; i < p->joint_count; i++) {
			const struct spore__joint *j = p->joints[i];
			const struct spore__port *other = other_end(j, p);
			int side = 1 - side_of(j, p);
			if (other == NULL || (told && is_told(other) && (!j->told[side] || j->owes[side] > 0)))
				return p;
		}
	return NULL;
}

// NULL: the new one has each port by which the old one has channels.
static const struct spore__port *not_open(const struct spore__hold *old, const struct spore__hold *new)
{
	for (const struct spore__port *p = old->ports; p != NULL; p = p->next_of_hold) {
		const struct spore__port *q = new->ports;
		while (q != NULL && (strcmp(q->name, p->name) != 0 || strcmp(q->shape, p->shape) != 0))
			q = q->next_of_hold;
		if (q == NULL && p->joint_count > 0)
			return p;
	}
	return NULL;
}

// A port of NEW that would publish beside the one of OLD. NULL: none.
static const struct spore__port *too_early(const struct spore__hold *old, const struct spore__hold *new)
{
	for (const struct spore__port *p = old->ports; p != NULL; p = p->next_of_hold)
		for (const struct spore__port *q = new->ports; q != NULL && p->joint_count > 0; q = q->next_of_hold)
			if (publishes(q) && strcmp(q->name, p->name) == 0 && !q->beside)
				return q;
	return NULL;
}

// A task at the other end of a wire of HOLD whose instances are being exchanged. What the one before had not received goes from HOLD to the one
// after it: HOLD has to be there as long, and what HOLD itself sent is for it to receive. NULL: none.
static const struct spore__task *swapped_beside(const struct spore__hold *hold)
{
	for (const struct spore__port *p = hold->ports; p != NULL; p = p->next_of_hold)
		for (const struct spore__wire_end *e = p->plug != NULL ? p->plug->ends : NULL; e != NULL; e = e->next) {
			const struct spore__plug *other = e->wire->ends[e == &e->wire->ends[0]].plug;
			for (const struct spore__port *q = other->ports; q != NULL; q = q->next) {
				const struct spore__task *task = q->hold->task;
				if (task != NULL && task != hold->task &&
				    (task->swap == SPORE__SWAP_TELLING || task->swap == SPORE__SWAP_STOPPING))
					return task;
			}
		}
	return NULL;
}

// A port of HOLD that is about to be joined, so that it can give the next peer what the one before had not received. NULL: none.
static const struct spore__port *being_joined(const struct spore__hold *hold)
{
	for (const struct spore__port *p = hold->ports; p != NULL; p = p->next_of_hold) {
		bool waits = p->joint_count == 0 && is_told(p);
		for (const struct spore__wire_end *e = waits && p->plug != NULL ? p->plug->ends : NULL; e != NULL;
		     e = e->next)
			if (e->wire->dirty || e->wire->blocked != NULL || e->wire->trouble[0] != '\0')
				return p;
	}
	return NULL;
}

// Is there a channel which NEW could not have, since its port is open otherwise than it is declared? WHY.
static bool is_open_otherwise(const struct spore__hold *old, const struct spore__hold *new, char *why, size_t size)
{
	for (const struct spore__port *p = old->ports; p != NULL; p = p->next_of_hold)
		for (const struct spore__port *q = new->ports; q != NULL && p->joint_count > 0; q = q->next_of_hold)
			if (strcmp(q->name, p->name) == 0 && spore__port_contradicts(q, why, size))
				return true;
	return false;
}

static void undo(struct spore__tasks *t, struct spore__task *task, const char *why)
{
	spore__node_log("%s: not swapped: %s", task->name, why);
	spore__task_set_why(t, task, "%s", why);
	tell(task->old, false);
	spore__lend_end(task);
	move(t, task, SPORE__SWAP_UNDOING, 0);
	if (task->hold != NULL && task->hold->connected)
		spore__hold_send_stop(task->hold, -1, task->grace_ms, false);
}

// The old one stays after all, or has never been replaced.
static bool stays(const struct spore__task *task)
{
	return task->old == NULL && task->hold != NULL && task->hold->name.generation == task->swap_old;
}

static void over(struct spore__tasks *t, struct spore__task *task)
{
	if (stays(task))
		tell(task->hold, false);
	spore__lend_end(task);
	move(t, task, SPORE__SWAP_NONE, 0);
	spore__task_set_why(t, task, NULL);
	spore__task_is_dirty(t, task);
}

static bool has_failed(struct spore__tasks *t, struct spore__task *task)
{
	if (!spore__beside_has_failed(task))
		return false;
	char *how = spore__task_how_it_ended(task);
	undo(t, task, how != NULL ? how : "the new one ended");
	free(how);
	return true;
}

static void starting(struct spore__tasks *t, struct spore__task *task)
{
	char why[1300], name[SPORE__FULL_NAME];
	const struct spore__port *missing, *joined, *early;
	const struct spore__task *beside;
	if (has_failed(t, task))
		return;
	if (!spore__beside_is_ready(t, task)) {
		task->swap_ready = false;
		if (is_late(t, task))
			undo(t, task, "the new one was not ready in time");
		return;
	}
	if ((beside = swapped_beside(task->old)) != NULL) {
		spore__task_full_name(beside, name);
		spore__task_set_why(t, task, "for the swap of %s, which it is wired to", name);
		task->swap_ready = false; // its time begins afterwards
		return;
	}
	if (!task->swap_ready) {
		task->swap_ready = true;
		spore__task_set_why(t, task, NULL);
		task->swap_until = uv_now(t->loop) + PORTS_MS;
		spore__tasks_wake_at(t, task->swap_until);
	}
	if (!task->hold->ports_known || !task->old->ports_known || not_known(task->old, false) != NULL) {
		if (is_late(t, task))
			undo(t, task, "a hold does not say what ports there are");
	} else if (!ports_may(task->old, why, sizeof why)) {
		undo(t, task, why);
	} else if ((joined = being_joined(task->old)) != NULL) {
		(void)snprintf(why, sizeof why, "its port %s cannot be joined again", joined->name);
		if (is_late(t, task))
			undo(t, task, why);
	} else if ((early = too_early(task->old, task->hold)) != NULL) {
		(void)snprintf(why, sizeof why, "its port %s is of an older libspore, which publishes at once; %s",
		               early->name, plain);
		undo(t, task, why);
	} else if (is_open_otherwise(task->old, task->hold, why, sizeof why) ||
	           !spore__lend_fits(task->old, task->hold, why, sizeof why)) {
		undo(t, task, why);
	} else if ((missing = not_open(task->old, task->hold)) == NULL) {
		move(t, task, SPORE__SWAP_TELLING, TELLING_MS);
		tell(task->old, true);
		(void)spore__lend_settle(t, task);
	} else if (is_late(t, task)) {
		(void)snprintf(why, sizeof why,
		               "the new one does not open its port %s, by which the old one has a channel",
		               missing->name);
		undo(t, task, why);
	}
}

static void telling(struct spore__tasks *t, struct spore__task *task)
{
	char why[SPORE__HOLD_WORD + 100];
	const struct spore__port *waits;
	if (has_failed(t, task))
		return;
	tell(task->old, true);
	const struct spore__port *lends = spore__lend_settle(t, task);
	if (task->state != SPORE__TASK_RUNNING || task->hold == NULL) {
		undo(t, task, "the new one did not stay ready");
	} else if ((waits = not_known(task->old, true)) == NULL && lends == NULL) {
		move(t, task, SPORE__SWAP_STOPPING, 0);
		if (!spore__tasks_commit(t)) {
			task->swap = SPORE__SWAP_TELLING;
			undo(t, task, "the state cannot be written");
		}
	} else if (is_late(t, task) && waits == NULL) {
		(void)snprintf(why, sizeof why, "what came before at its port %s has not been received yet",
		               lends->name);
		undo(t, task, why);
	} else if (is_late(t, task)) {
		(void)snprintf(why, sizeof why, "what is at the other end of its port %s does not read what it is told",
		               waits->name);
		undo(t, task, why);
	}
}

// What the last node told is taken back once all holds have been heard.
static void staying(struct spore__tasks *t, struct spore__task *task)
{
	bool known = task->hold->ports_known && not_known(task->hold, false) == NULL;
	if (known || task->swap_until == 0 || is_late(t, task))
		over(t, task);
}

void spore__swap_settle(struct spore__tasks *t, struct spore__task *task)
{
	spore__alone_settle(t, task);
	if (task->swap == SPORE__SWAP_NONE)
		return;
	if (task->stopping && (task->swap != SPORE__SWAP_STOPPING || !task->wanted)) { // somebody else has decided
		tell(task->old, false);
		over(t, task);
	} else if (stays(task)) {
		staying(t, task);
	} else if (task->old == NULL) {
		bool goes_on = task->swap == SPORE__SWAP_STOPPING && spore__lend_goes_on(task);
		if (!spore__alone_waits(task) && !goes_on)
			over(t, task);
	} else if (task->swap == SPORE__SWAP_STARTING) {
		starting(t, task);
	} else if (task->swap == SPORE__SWAP_TELLING) {
		telling(t, task);
	} else if (task->swap == SPORE__SWAP_UNDOING && task->hold != NULL && task->hold->connected &&
	           !task->hold->stop_sent) {
		spore__hold_send_stop(task->hold, -1, task->grace_ms, false);
	}
	if (task->swap == SPORE__SWAP_STOPPING && task->old != NULL)
		(void)spore__lend_settle(t, task); // the new one may be another by now
	if (task->swap == SPORE__SWAP_STOPPING && task->old != NULL && task->old->connected && !task->old->stop_sent)
		spore__hold_send_stop_swap(task->old, task->grace_ms);
}

void spore__swap_begin(struct spore__tasks *t, struct spore__task *task)
{
	struct spore__spec spec;
	char why[64];
	uint64_t limit = READY_MS;
	if (spore__task_read_spec(t, task, &spec, why, sizeof why) && spec.ready_timeout_ms > 0)
		limit = (uint64_t)spec.ready_timeout_ms + PORTS_MS; // its hold ends it before
	spore__spec_finish(&spec);
	task->swap_old = task->hold->name.generation;
	task->swap_ready = false;
	move(t, task, SPORE__SWAP_STARTING, limit);
	spore__task_try(t, task);
}

void spore__swap_look(struct spore__hold *hold)
{
	if (hold != NULL && hold->task != NULL && (hold->task->swap != SPORE__SWAP_NONE || hold->beside))
		spore__task_touch(hold->tasks, hold->task);
}

void spore__swap_look_beside(const struct spore__wire *wire)
{
	for (int i = 0; i < 2; i++)
		for (const struct spore__port *p = wire->ends[i].plug->ports; p != NULL; p = p->next)
			spore__swap_look(p->hold);
}

// P, of an end that is being swapped, to Q.
static bool allows(const struct spore__port *p, const struct spore__port *q)
{
	const struct spore__task *task = p->hold->task;
	if (task == NULL || task->swap == SPORE__SWAP_NONE)
		return true;
	if (task->old == p->hold || stays(task))
		return task->swap == SPORE__SWAP_STARTING || task->swap == SPORE__SWAP_UNDOING;
	// What it needs to become ready is there for it.
	return task->swap == SPORE__SWAP_STOPPING || spore__shape_of(q->shape) == SPORE__SHAPE_SERVE;
}

bool spore__swap_allows(const struct spore__port *p, const struct spore__port *q)
{
	return allows(p, q) && allows(q, p);
}

// ---- going on

struct rows {
	struct row {
		int64_t task, old, step;
	} * rows;
	size_t count, cap;
};

static void note_row(void *arg, int64_t task, int64_t old, int64_t step)
{
	struct rows *r = arg;
	if (r->count == r->cap) {
		size_t cap = r->cap == 0 ? 8 : r->cap * 2;
		void *rows = realloc(r->rows, cap * sizeof *r->rows);
		if (rows == NULL)
			return;
		r->rows = rows;
		r->cap = cap;
	}
	r->rows[r->count++] = (struct row){task, old, step};
}

// The new one has been asked to end, or has ended, and the old one is gone.
static void neither_is_left(struct spore__tasks *t, struct spore__task *task, int64_t old)
{
	struct spore__hold_name name;
	spore__task_hold_name(task, old, &name);
	spore__task_take_back(t, task, &name);
	if (task->restart == SPORE__RESTART_NEVER || task->removing)
		return;
	if (task->hold != NULL)
		spore__task_replace(t, task);
	else
		spore__task_want(t, task);
}

static void resume(struct spore__tasks *t, struct spore__task *task, const struct row *row)
{
	task->swap_old = row->old;
	if (task->old != NULL && task->old->name.generation == row->old) {
		// The programs are told anew, since nobody knows which have been.
		bool begun = row->step == SPORE__SWAP_STARTING || row->step == SPORE__SWAP_TELLING;
		move(t, task, begun ? SPORE__SWAP_STARTING : (enum spore__swap_step)row->step, begun ? READY_MS : 0);
	} else if (stays(task) && row->step == SPORE__SWAP_STOPPING) {
		// It may have been asked to end; the new one is gone.
		move(t, task, SPORE__SWAP_NONE, 0);
		spore__task_replace(t, task);
	} else if (stays(task)) {
		spore__task_take_back(t, task, &task->hold->name);
		move(t, task, SPORE__SWAP_UNDOING, UNDOING_MS);
	} else {
		move(t, task, SPORE__SWAP_NONE, 0);
		if (row->step == SPORE__SWAP_UNDOING)
			neither_is_left(t, task, row->old);
	}
}

void spore__swaps_resume(struct spore__tasks *t)
{
	struct rows r = {0};
	if (spore__db_swaps_load(t->db, note_row, &r) != SQLITE_OK)
		spore__node_log("what is being swapped cannot be read: %s", t->db->error);
	for (size_t i = 0; i < r.count; i++) {
		struct spore__task *task = NULL;
		for (size_t k = 0; k < t->table.count && task == NULL; k++)
			if (t->table.tasks[k]->id == r.rows[i].task)
				task = t->table.tasks[k];
		if (task != NULL)
			resume(t, task, &r.rows[i]);
		else if (spore__db_begin(t->db) == SQLITE_OK)
			(void)spore__db_swaps_remove(t->db, r.rows[i].task);
	}
	free(r.rows);
}
