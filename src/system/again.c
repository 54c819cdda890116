// Two tasks whose channel needs both: when one runs and the other has ended, the other runs again; and when they share a pipe and one is
// replaced whose hold, of an older spore, does not leave it to the next, the other is too.
#include <string.h>

#include "system/run.h"

static bool will_run(const struct spore__run_item *item)
{
	return item->action == SPORE__ACTION_CREATE || item->action == SPORE__ACTION_REPLACE ||
	       item->action == SPORE__ACTION_START;
}

// One that is started whenever it ends waits for what comes next anyway.
static bool is_batch(const struct spore__run_item *item)
{
	return item->task->spec.restart != SPORE__RESTART_ALWAYS && item->task->spec.every == NULL;
}

// The items of a task, which stand together.
static struct spore__run_item *items_of(const struct spore__run *r, const char *name, size_t *count)
{
	const struct spore__manifest_task *task = spore__manifest_task(&r->m, name);
	size_t first = 0, end;
	while (first < r->count && r->items[first].task != task)
		first++;
	for (end = first; end < r->count && r->items[end].task == task;)
		end++;
	*count = end - first;
	return &r->items[first];
}

// What runs at the end WAITING needs the OTHER. True: some of that are to run now that were not.
static bool start_other(const struct spore__run *r, const struct spore__manifest_end *waiting,
                        const struct spore__manifest_end *other)
{
	size_t count, peer_count;
	const struct spore__run_item *items = items_of(r, waiting->task, &count);
	struct spore__run_item *peers = items_of(r, other->task, &peer_count);
	bool more = false;
	for (size_t i = 0; waiting->single && i < count; i++)
		for (size_t k = 0; k < peer_count && will_run(&items[i]) && is_batch(&items[i]); k++) {
			bool numbered = other->single && items[i].replica != 0 && peers[k].replica != 0;
			if (!peers[k].ended || will_run(&peers[k]) ||
			    (numbered && items[i].replica != peers[k].replica))
				continue;
			peers[k].action = SPORE__ACTION_START;
			peers[k].again = &items[i];
			more = true;
		}
	return more;
}

static bool is_stdio(const struct spore__manifest_end *e)
{
	return e->listen == NULL &&
	       (strcmp(e->port, "stdin") == 0 || strcmp(e->port, "stdout") == 0 || strcmp(e->port, "stdio") == 0);
}

static bool is_pipe(const struct spore__manifest_wire *w)
{
	return is_stdio(&w->from) && is_stdio(&w->to) && !w->tap;
}

// What is replaced at the end ONE takes what runs at the OTHER along. True: some of that.
static bool replace_other(const struct spore__run *r, const struct spore__manifest_end *one,
                          const struct spore__manifest_end *other)
{
	size_t count, peer_count;
	const struct spore__run_item *items = items_of(r, one->task, &count);
	struct spore__run_item *peers = items_of(r, other->task, &peer_count);
	bool more = false;
	for (size_t i = 0; i < count; i++)
		for (size_t k = 0; k < peer_count && items[i].action == SPORE__ACTION_REPLACE && !items[i].hands; k++) {
			bool numbered = items[i].replica != 0 && peers[k].replica != 0;
			if (peers[k].ended || will_run(&peers[k]) || peers[k].task->spec.every != NULL ||
			    (numbered && items[i].replica != peers[k].replica))
				continue;
			peers[k].action = SPORE__ACTION_REPLACE;
			peers[k].again = &items[i];
			more = true;
		}
	return more;
}

static void replace_pipes(struct spore__run *r)
{
	for (bool more = true; more;) {
		more = false;
		for (size_t i = 0; i < r->m.wire_count; i++) {
			const struct spore__manifest_wire *w = &r->m.wires[i];
			if (!is_pipe(w))
				continue;
			more |= replace_other(r, &w->from, &w->to);
			more |= replace_other(r, &w->to, &w->from);
		}
	}
}

void spore__run_again(struct spore__run *r)
{
	bool more = false;
	replace_pipes(r);
	for (size_t i = 0; i < r->count; i++)
		more |= r->items[i].ended && !will_run(&r->items[i]);
	while (more) {
		more = false;
		for (size_t i = 0; i < r->m.wire_count; i++) {
			const struct spore__manifest_wire *w = &r->m.wires[i];
			more |= start_other(r, &w->from, &w->to);
			more |= start_other(r, &w->to, &w->from);
		}
	}
}
