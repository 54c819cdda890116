// A task that is replaced: what its stdin and stdout are wired with goes from the hold that ends to the one that is started (src/task/hold_heir.c).
// That the first has ended is heard as ever; it stays connected, and its ports with their channels are known, until the second has taken
// over, or none will come. So there is nothing to be written: another node finds both.
#include <string.h>

#include "node/hold.h"
#include "node/wires.h"

void spore__heirs_tell(const struct spore__task *task, struct spore__hold *hold)
{
	if (hold != NULL && hold->connected && hold->hands != task->hands)
		spore__hold_send_hand(hold, task->hands);
}

static bool is_of(const struct spore__hold *hold, const struct spore__task *task)
{
	return hold->name.replica == task->replica && strcmp(hold->name.task, task->name) == 0 &&
	       strcmp(hold->name.system, task->system->name) == 0;
}

const struct spore__hold *spore__heirs_before(const struct spore__tasks *t, const struct spore__task *task)
{
	const struct spore__hold *latest = NULL;
	for (const struct spore__hold *h = t->holds; h != NULL; h = h->next)
		if (h->ended && is_of(h, task) && (latest == NULL || h->name.generation > latest->name.generation))
			latest = h;
	return latest;
}

bool spore__heirs_may_return(const struct spore__tasks *t, const struct spore__task *task)
{
	for (const struct spore__hold *h = t->kept ? t->holds : NULL; h != NULL; h = h->next)
		if (h->ended && !h->ports_known && is_of(h, task))
			return true;
	return false;
}

// Will there be a hold that takes over from HOLD, which has ended, or is there one that may not have done so yet?
static bool is_awaited(const struct spore__tasks *t, const struct spore__hold *hold)
{
	const struct spore__hold_name *n = &hold->name;
	const struct spore__task *task = spore__table_find(&t->table, n->system, n->task, n->replica);
	if (task == NULL || !task->wanted || task->removing)
		return false;
	if (task->hold != NULL)
		return task->hold->name.generation > n->generation && !task->hold->ports_known;
	return task->relaunch || task->gated || task->queued || task->due_ms != 0;
}

void spore__heirs_settle(struct spore__tasks *t)
{
	if (!t->kept)
		return;
	t->kept = false;
	for (struct spore__hold *h = t->holds; h != NULL; h = h->next) {
		if (!h->ended || !h->connected)
			continue;
		if (is_awaited(t, h))
			t->kept = true;
		else
			spore__hold_send_hand(h, false);
	}
}

bool spore__heirs_take(struct spore__port *p, uint64_t serial)
{
	if (p->plug == NULL || !spore__plain_is_stdio(p->name))
		return false;
	for (struct spore__port *q = p->plug->ports; q != NULL; q = q->next) {
		struct spore__joint *j = q != p ? spore__joint_of(q, serial) : NULL;
		if (j == NULL || q->hold->name.replica != p->hold->name.replica)
			continue;
		if (q->hold->name.generation < p->hold->name.generation)
			spore__joint_move(q, p, j);
		return true;
	}
	return false;
}
