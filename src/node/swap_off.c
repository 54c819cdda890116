#include "node/swap_off.h"

#include <string.h>

#include "node/hold.h"

void spore__swap_off_awaits(struct spore__port *p, uint64_t serial, const struct spore__hold *peer)
{
	struct spore__tasks *t = p->hold->tasks;
	const struct spore__hold_name *n = &peer->name;
	struct spore__task *task = spore__table_find(&t->table, n->system, n->task, n->replica);
	if (p->awaits != NULL || task == NULL)
		return;
	task->refs++;
	p->awaits = task;
	p->awaited = serial;
	p->next_awaits = t->wires.awaits;
	t->wires.awaits = p;
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
