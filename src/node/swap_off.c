#include "node/swap_off.h"

#include <string.h>

#include "node/hold.h"

static void await(struct spore__port *p, uint64_t serial, struct spore__task *task)
{
	struct spore__tasks *t = p->hold->tasks;
	task->refs++;
	p->awaits = task;
	p->awaited = serial;
	p->next_awaits = t->wires.awaits;
	t->wires.awaits = p;
}

void spore__swap_off_awaits(struct spore__port *p, uint64_t serial, const struct spore__hold *peer)
{
	const struct spore__hold_name *n = &peer->name;
	struct spore__task *task = spore__table_find(&p->hold->tasks->table, n->system, n->task, n->replica);
	if (p->awaits == NULL && task != NULL)
		await(p, serial, task);
}

// A task at the other end of a wire of P, the replica of the same number where there is one. NULL: none.
static struct spore__task *peer_of(const struct spore__port *p)
{
	struct spore__table *table = &p->hold->tasks->table;
	struct spore__task *found = NULL;
	for (const struct spore__wire_end *e = p->plug != NULL ? p->plug->ends : NULL; e != NULL; e = e->next) {
		const struct spore__wire_end *other = &e->wire->ends[e == &e->wire->ends[0]];
		size_t count, first = spore__table_range(table, other->plug->system, other->plug->task, &count);
		for (size_t i = first; i < first + count && spore__wire_fits_replica(e, p); i++) {
			struct spore__task *task = table->tasks[i];
			bool meant = other->replica == 0 || other->replica == task->replica;
			if (meant && (found == NULL || task->replica == p->hold->name.replica))
				found = task;
		}
	}
	return found;
}

void spore__swap_off_lost(struct spore__port *p, uint64_t serial)
{
	struct spore__task *task = p->awaits == NULL ? peer_of(p) : NULL;
	if (task != NULL)
		await(p, serial, task);
	else if (p->awaits == NULL)
		spore__hold_send_swap(p->hold, p->id, serial, false);
}

void spore__swap_off_found(struct spore__port *p, uint64_t serial)
{
	struct spore__joint *j = spore__joint_of(p, serial);
	if (j != NULL)
		j->told[j->ports[1] == p] = true;
	else if (p->joint_count == 0)
		spore__swap_off_lost(p, serial);
}

void spore__swap_off_joined(struct spore__port *p)
{
	if (p->awaits == NULL)
		return;
	struct spore__port **at = &p->hold->tasks->wires.awaits;
	while (*at != p)
		at = &(*at)->next_awaits;
	*at = p->next_awaits;
	spore__task_unref(p->awaits);
	p->awaits = NULL;
}

static bool is_wired(const struct spore__port *p)
{
	const struct spore__task *task = p->awaits;
	for (const struct spore__wire_end *e = p->plug != NULL ? p->plug->ends : NULL; e != NULL; e = e->next) {
		const struct spore__plug *other = e->wire->ends[e == &e->wire->ends[0]].plug;
		if (strcmp(other->task, task->name) == 0 && strcmp(other->system, task->system->name) == 0)
			return true;
	}
	return false;
}

// Is there an instance that will take over, or will there be?
static bool is_to_come(const struct spore__port *p)
{
	const struct spore__task *task = p->awaits;
	return task->state != SPORE__TASK_REMOVED && task->wanted && !task->done && is_wired(p);
}

bool spore__swap_off_is_for(const struct spore__tasks *t, const struct spore__task *task)
{
	const struct spore__port *p = t->wires.awaits;
	while (p != NULL && p->awaits != task)
		p = p->next_awaits;
	return p != NULL;
}

void spore__swap_off_settle(struct spore__tasks *t)
{
	for (struct spore__port *p = t->wires.awaits, *next; p != NULL; p = next) {
		next = p->next_awaits;
		if (is_to_come(p))
			continue;
		spore__hold_send_swap(p->hold, p->id, p->awaited, false);
		spore__swap_off_joined(p);
	}
}
