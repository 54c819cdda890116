#include "node/alone.h"

#include "node/hold.h"
#include "node/lend.h"
#include "node/swap_off.h"

enum { JOINING_MS = 5000 }; // a subscriber that cannot be joined by then does not keep the others waiting

bool spore__alone_waits(const struct spore__task *task)
{
	return task->hold != NULL && task->hold->connected && task->hold->beside && !task->hold->stop_sent;
}

// May there be subscribers in a hold that has not said so yet?
static bool is_unheard(const struct spore__tasks *t, const struct spore__plug *plug)
{
	size_t count, first = spore__table_range(&t->table, plug->system, plug->task, &count);
	for (size_t i = first; i < first + count; i++) {
		const struct spore__hold *hold = t->table.tasks[i]->hold;
		if (hold != NULL && !hold->ended && !hold->ports_known)
			return true;
	}
	return false;
}

// Is Q about to get a channel of WIRE? One that is over is its channel until that has been dealt with.
static bool is_about_to_be_joined(const struct spore__wire *wire, const struct spore__port *q)
{
	if (spore__shape_of(q->shape) != SPORE__SHAPE_SUBSCRIBE || spore__port_is_going(q))
		return false;
	for (size_t i = 0; i < q->joint_count; i++)
		if (q->joints[i]->ports[0] == NULL || q->joints[i]->ports[1] == NULL)
			return true;
	return q->joint_count == 0 && (wire->dirty || wire->blocked != NULL || wire->trouble[0] != '\0');
}

static bool lacks_subscribers(const struct spore__tasks *t, const struct spore__task *task)
{
	const struct spore__hold *hold = task->hold;
	// One that was killed meanwhile, and is started again, has yet to open its ports.
	if (task->state != SPORE__TASK_RUNNING || spore__swap_off_is_for(t, task) || !hold->ports_known ||
	    t->wires.sweep)
		return true;
	for (const struct spore__port *p = hold->ports; p != NULL; p = p->next_of_hold) {
		bool publishes = spore__shape_of(p->shape) == SPORE__SHAPE_PUBLISH && p->plug != NULL;
		for (const struct spore__wire_end *e = publishes ? p->plug->ends : NULL; e != NULL; e = e->next) {
			const struct spore__plug *other = e->wire->ends[e == &e->wire->ends[0]].plug;
			if (is_unheard(t, other))
				return true;
			for (const struct spore__port *q = other->ports; q != NULL; q = q->next)
				if (is_about_to_be_joined(e->wire, q))
					return true;
		}
	}
	return false;
}

void spore__alone_settle(struct spore__tasks *t, struct spore__task *task)
{
	uint64_t now = uv_now(t->loop);
	if (spore__alone_waits(task) && task->old == NULL)
		(void)spore__lend_settle(t, task); // it may be another one by now
	bool runs = spore__alone_waits(task) && (task->state == SPORE__TASK_RUNNING || task->hold->ports != NULL);
	if (!runs || task->old != NULL) {
		task->alone_at = 0;
		return;
	}
	if (task->alone_at == 0) {
		task->alone_at = now + JOINING_MS;
		spore__tasks_wake_at(t, task->alone_at);
	}
	if (now < task->alone_at && lacks_subscribers(t, task))
		return;
	task->alone_at = 0;
	task->hold->beside = false;
	spore__hold_send_alone(task->hold); // behind the channels that it was sent
	spore__lend_alone(t, task->hold);
}

void spore__alone_look(struct spore__tasks *t)
{
	for (struct spore__hold *h = t->holds; h != NULL; h = h->next)
		if (h->beside && h->task != NULL)
			spore__task_touch(t, h->task);
}
