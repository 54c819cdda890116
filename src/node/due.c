// What is done at some time: periods, other tries, deadlines. One timer for all of it, so that an idle node sleeps.
#include "node/hold.h"
#include "node/log.h"
#include "node/waits.h"

void spore__task_due_in(struct spore__tasks *t, struct spore__task *task, uint64_t in_ms)
{
	task->due_ms = uv_now(t->loop) + in_ms;
	spore__tasks_wake_at(t, task->due_ms);
}

void spore__task_schedule(struct spore__tasks *t, struct spore__task *task)
{
	enum { LOOK_MS = 60000 }; // clocks are set: a time of the calendar is looked at again that often
	static const int64_t MS = 1000000, LATE_MS = 300000;
	const struct spore__schedule *s = task->schedule;
	int64_t now = spore__wall_ns() / MS, next = task->next_at / MS;
	if (s->period_ms > 0) {
		// From one start to the next; as long as the node lives by a clock that nobody sets.
		if (next == 0 || next > now + s->period_ms)
			next = now + s->period_ms;
	} else if (next == 0 || next < now - LATE_MS || next > now + (int64_t)366 * 86400000) {
		int64_t second = spore__schedule_next(s, now / 1000);
		next = second * 1000;
		if (second < 0) {
			task->next_at = task->due_ms = 0;
			spore__task_set_why(t, task, "for a time that never comes: %s", task->every);
			return;
		}
	}
	if (task->next_at != next * MS)
		spore__task_is_dirty(t, task);
	task->next_at = next * MS;
	int64_t wait = next > now ? next - now : 0;
	spore__task_due_in(t, task, (uint64_t)(s->period_ms == 0 && wait > LOOK_MS ? LOOK_MS : wait));
}

// A periodic task is due.
static void run_period(struct spore__tasks *t, struct spore__task *task)
{
	int64_t now = spore__wall_ns(), was = task->next_at;
	if (task->schedule->period_ms == 0 && now < was) {
		spore__task_schedule(t, task); // not yet, or the clock was set back
		return;
	}
	// The next one is counted from when this one was due, unless that is long ago.
	int64_t period = task->schedule->period_ms * 1000000;
	task->next_at = period > 0 ? (was + period > now ? was + period : now + period) : 0;
	spore__task_schedule(t, task);
	if (spore__task_is_active(task) || task->queued || task->gated) {
		task->skipped++;
		spore__task_set_why(t, task, "a run was left out, since the one before still goes on");
		spore__node_log("%s: a run was left out, since the one before still goes on", task->name);
		return;
	}
	spore__task_want(t, task);
}

static void look_at_task(struct spore__tasks *t, struct spore__task *task)
{
	task->due_ms = 0;
	if (!task->wanted || task->removing)
		return;
	if (task->schedule != NULL && task->next_at != 0)
		run_period(t, task);
	else if (!spore__task_is_active(task) && !task->queued && !task->done)
		spore__task_want(t, task); // another try
}

static void on_timer(uv_timer_t *timer);

void spore__tasks_wake_at(struct spore__tasks *t, uint64_t at_ms)
{
	if (t->timer_at != 0 && t->timer_at <= at_ms)
		return;
	uint64_t now = uv_now(t->loop);
	t->timer_at = at_ms;
	// Never at once: libuv would call a timer that is started anew while it looks at timers again and again, and what is
	// due would never be settled.
	(void)uv_timer_start(&t->timer, on_timer, at_ms > now ? at_ms - now : 1, 0);
}

// 0: not at all.
static uint64_t sooner(uint64_t a, uint64_t b)
{
	return a != 0 && (b == 0 || a < b) ? a : b;
}

static void on_timer(uv_timer_t *timer)
{
	struct spore__tasks *t = timer->data;
	uint64_t now = uv_now(t->loop), next = 0;
	t->timer_at = 0;
	t->unsettled = true; // those who wait for a time are looked at then
	bool writes = t->write_at != 0 && t->write_at <= now;
	if (writes)
		t->write_at = 0;
	for (size_t i = 0; writes && i < t->table.system_count; i++)
		t->table.systems[i]->unsettled = true;
	for (size_t i = 0; i < t->table.count; i++)
		if (t->table.tasks[i]->due_ms != 0 && t->table.tasks[i]->due_ms <= now)
			look_at_task(t, t->table.tasks[i]);
	for (struct spore__hold *h = t->holds, *after; h != NULL; h = after) {
		after = h->next;
		if (h->due_ms != 0 && h->due_ms <= now)
			spore__hold_look(h);
	}
	for (size_t i = 0; i < t->table.count; i++) {
		const struct spore__task *task = t->table.tasks[i];
		const uint64_t looks[] = {task->swap_until, task->proof_at, task->alone_at, task->lend_at};
		next = sooner(task->due_ms, next);
		for (size_t k = 0; k < sizeof looks / sizeof looks[0]; k++) {
			if (looks[k] != 0 && looks[k] <= now)
				task->system->unsettled = true;
			else
				next = sooner(looks[k], next);
		}
	}
	for (const struct spore__hold *h = t->holds; h != NULL; h = h->next)
		next = sooner(h->due_ms, next);
	next = sooner(spore__waits_due(t), sooner(t->write_at, next));
	if (next != 0)
		spore__tasks_wake_at(t, next);
}
