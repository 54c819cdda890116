#include "node/tasks.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "node/beside.h"
#include "node/bridged.h"
#include "node/db_tasks.h"
#include "node/declared.h"
#include "node/hold.h"
#include "node/log.h"
#include "node/order.h"
#include "node/waits.h"

int64_t spore__wall_ns(void)
{
	struct timespec now;
	clock_gettime(CLOCK_REALTIME, &now);
	return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

void spore__task_touch(struct spore__tasks *t, struct spore__task *task)
{
	task->changed = ++t->change;
	task->system->unsettled = t->unsettled = true;
}

void spore__task_set_state(struct spore__tasks *t, struct spore__task *task, enum spore__task_state state)
{
	task->state = state;
	spore__task_touch(t, task);
}

void spore__task_set_why(struct spore__tasks *t, struct spore__task *task, const char *fmt, ...)
{
	char text[1024];
	if (fmt == NULL) {
		if (task->why != NULL)
			spore__task_touch(t, task);
		free(task->why);
		task->why = NULL;
		return;
	}
	va_list ap;
	va_start(ap, fmt);
	(void)vsnprintf(text, sizeof text, fmt, ap);
	va_end(ap);
	if (task->why != NULL && strcmp(task->why, text) == 0)
		return;
	free(task->why);
	task->why = strdup(text); // without memory nothing is said
	spore__task_touch(t, task);
}

void spore__task_enqueue(struct spore__tasks *t, struct spore__task *task)
{
	task->gated = false;
	spore__task_set_why(t, task, NULL);
	spore__task_set_state(t, task, SPORE__TASK_STARTING);
	if (task->queued)
		return;
	task->queued = true;
	task->refs++;
	task->next_queued = NULL;
	*t->queue_end = task;
	t->queue_end = &task->next_queued;
}

// ---- specifications

bool spore__task_take_spec(struct spore__task *task, const struct spore__spec *spec, char *why, size_t size)
{
	struct spore__schedule *schedule = NULL;
	struct spore__dependency *after;
	size_t count;
	if (!spore__order_parse(spec->after, &after, &count, why, size))
		return false;
	char *every = spec->every != NULL && spec->every[0] != '\0' ? strdup(spec->every) : NULL;
	char *source = spec->source != NULL ? strdup(spec->source) : NULL;
	spore__texts ports = NULL;
	if (every != NULL)
		schedule = calloc(1, sizeof *schedule);
	bool memory = spore__declared_copy(spec->ports, &ports) && (spec->source == NULL || source != NULL) &&
	              (spec->every == NULL || spec->every[0] == '\0' || (every != NULL && schedule != NULL));
	if (!memory)
		(void)snprintf(why, size, "out of memory");
	if (!memory || (schedule != NULL && !spore__schedule_parse(every, schedule, why, size))) {
		spore__order_free(after, count);
		free(every);
		free(source);
		free(schedule);
		spore__declared_free(ports);
		return false;
	}
	spore__order_free(task->after, task->after_count);
	free(task->every);
	free(task->source);
	free(task->schedule);
	spore__declared_free(task->ports);
	task->after = after;
	task->after_count = count;
	task->every = every;
	task->source = source;
	task->ports = ports;
	task->schedule = schedule;
	task->grace_ms = spec->stop_grace_ms;
	task->restart = spec->restart;
	task->enabled = spec->enabled;
	task->ready_at_once = spec->ready == SPORE__READY_STARTED;
	return true;
}

void spore__task_put_spec(struct spore__tasks *t, struct spore__task *task, const struct spore__spec *spec)
{
	struct spore__msgpack_writer w = {0};
	spore__spec_encode(spec, &w, false);
	int rc = w.err == 0 ? spore__db_begin(t->db) : SQLITE_NOMEM;
	if (rc == SQLITE_OK)
		rc = spore__db_tasks_put(t->db, task, w.data, w.len, false);
	if (rc != SQLITE_OK)
		spore__node_log("%s: its row cannot be written: %s", task->name, t->db->error);
	spore__msgpack_writer_finish(&w);
}

struct spore__task *spore__task_define(struct spore__tasks *t, const char *system, const char *name, int64_t replica,
                                       const struct spore__spec *spec, char *why, size_t size)
{
	struct spore__task *task = spore__table_add(&t->table, system, name, replica);
	if (task == NULL) {
		(void)snprintf(why, size, "out of memory");
		return NULL;
	}
	if (!spore__task_take_spec(task, spec, why, size)) {
		spore__table_remove(&t->table, task);
		return NULL;
	}
	spore__task_put_spec(t, task, spec);
	spore__task_touch(t, task);
	return task;
}

struct reading {
	struct spore__spec *spec;
	char *why;
	size_t size;
	bool good;
};

static void read_spec(void *arg, const void *bytes, size_t len)
{
	struct reading *r = arg;
	r->good = spore__spec_decode(spore__msgpack_reader(bytes, len), r->spec, r->why, r->size) == SPORE_OK;
}

bool spore__task_read_spec(struct spore__tasks *t, const struct spore__task *task, struct spore__spec *spec, char *why,
                           size_t size)
{
	struct reading r = {.spec = spec, .why = why, .size = size};
	struct spore__hold_name name;
	spore__spec_init(spec);
	int rc = task->id != 0 ? spore__db_tasks_spec(t->db, task->id, false, read_spec, &r) : SQLITE_DONE;
	if (rc == SQLITE_OK)
		return r.good;
	spore__task_hold_name(task, task->generation, &name);
	int dir = spore__hold_open_folder(t, &name);
	bool found = dir >= 0 && spore__folder_read_spec(dir, spec) == 0;
	if (!found)
		(void)snprintf(why, size, "its specification cannot be read: %s",
		               rc == SQLITE_DONE ? "it was lost with the database; start it anew" : t->db->error);
	if (dir >= 0)
		close(dir);
	return found;
}

// ---- what is wanted

void spore__task_want(struct spore__tasks *t, struct spore__task *task)
{
	task->wanted = true;
	task->done = task->launch_failed = task->failed = false;
	task->run = 0;
	if (task->hold != NULL) {
		task->relaunch = true;
	} else if (task->after_count > 0) {
		task->gated = true;
		spore__task_set_state(t, task, SPORE__TASK_WAITING);
	} else {
		spore__task_enqueue(t, task);
	}
	spore__task_is_dirty(t, task);
}

void spore__task_begin(struct spore__tasks *t, struct spore__task *task)
{
	task->lost = 0;
	task->asked = true;
	if (task->schedule == NULL || (task->wanted && task->next_at != 0)) {
		spore__task_want(t, task); // a periodic one out of turn
		return;
	}
	task->wanted = true;
	task->done = task->launch_failed = false;
	task->next_at = 0;
	spore__task_set_why(t, task, NULL);
	spore__task_schedule(t, task);
	if (task->schedule->period_ms > 0)
		spore__task_want(t, task);
	else
		spore__task_set_state(t, task, spore__task_resting_state(task));
	spore__task_is_dirty(t, task);
}

static void stop_again(struct spore__hold *hold)
{
	if (hold != NULL)
		hold->stop_sent = false;
}

void spore__task_replace(struct spore__tasks *t, struct spore__task *task)
{
	task->wanted = task->relaunch = task->hands = true;
	task->done = task->kill = false;
	task->lost = 0;
	if (!task->stopping) {
		stop_again(task->hold);
		stop_again(task->old);
	}
	task->stopping = true;
	task->stop_grace_ms = -1;
	spore__task_set_state(t, task, SPORE__TASK_STOPPING);
	spore__task_is_dirty(t, task);
}

void spore__task_stop(struct spore__tasks *t, struct spore__task *task, int64_t grace_ms, bool kill)
{
	task->wanted = task->relaunch = task->hands = task->gated = false;
	task->done = false;
	task->due_ms = 0;
	task->next_at = 0;
	spore__task_set_why(t, task, NULL);
	if (spore__task_is_active(task)) {
		if (!task->stopping || kill) { // asked again: more urgent, at most
			stop_again(task->hold);
			stop_again(task->old);
		}
		task->stopping = true;
		task->kill = kill;
		task->stop_grace_ms = grace_ms;
		spore__task_set_state(t, task, SPORE__TASK_STOPPING);
	} else {
		spore__task_set_state(t, task, spore__task_resting_state(task));
	}
	spore__task_is_dirty(t, task);
}

void spore__task_remove(struct spore__tasks *t, struct spore__task *task, bool logs)
{
	if (!task->removing)
		spore__task_stop(t, task, -1, false);
	task->removing = true;
	task->remove_logs = logs;
}

// ---- what happened

void spore__task_keep_said(struct spore__task *task, const struct spore__hold_state *s, const void *bytes, size_t len)
{
	unsigned char *said = realloc(task->said, len + 1);
	if (said != NULL) {
		memcpy(said, bytes, len);
		task->said = said;
		task->said_len = (uint32_t)len;
	}
	task->phase = s->phase;
	task->failed = s->failed;
	task->healthy = s->healthy;
	task->run = s->run;
}

// The hold of TASK is gone: what now? SELF: it ended without being asked to.
static void rest(struct spore__tasks *t, struct spore__task *task, bool self)
{
	task->stopping = task->kill = task->hands = false;
	if (task->relaunch && task->wanted) {
		task->relaunch = false;
		spore__task_want(t, task);
		return;
	}
	if (!self && task->wanted && task->schedule == NULL)
		task->wanted = false; // someone asked the hold itself
	task->done = task->wanted && task->schedule == NULL;
	spore__task_set_state(t, task, spore__task_resting_state(task));
	spore__task_is_dirty(t, task);
}

char *spore__task_how_it_ended(const struct spore__task *task)
{
	struct spore__hold_state s;
	char text[640];
	if (task->said == NULL ||
	    spore__state_decode(spore__msgpack_reader(task->said, task->said_len), &s) != SPORE_OK)
		return NULL;
	const char *colon = s.why[0] != '\0' ? ": " : "";
	if (s.end == SPORE__END_EXITED)
		(void)snprintf(text, sizeof text, "status %" PRId64 "%s%s", s.code, colon, s.why);
	else if (s.end == SPORE__END_SIGNALLED)
		(void)snprintf(text, sizeof text, "signal %" PRId64 "%s%s", s.signal, colon, s.why);
	else
		(void)snprintf(text, sizeof text, "%s%s%s", spore__end_word(s.end), colon, s.why);
	return strdup(text);
}

static enum spore__task_state state_of(const struct spore__task *task)
{
	static const enum spore__task_state states[] = {
	    [SPORE__PHASE_STARTING] = SPORE__TASK_STARTING, [SPORE__PHASE_RUNNING] = SPORE__TASK_RUNNING,
	    [SPORE__PHASE_STOPPING] = SPORE__TASK_STOPPING, [SPORE__PHASE_WAITING] = SPORE__TASK_WAITING,
	    [SPORE__PHASE_ENDED] = SPORE__TASK_ENDED,
	};
	return task->stopping ? SPORE__TASK_STOPPING : states[task->phase];
}

// Bridges are told once of each instance that has ended: when that is heard, or that there is another.
static void hear_of_runs(struct spore__hold *hold, const struct spore__hold_state *s)
{
	int64_t ended = s->phase == SPORE__PHASE_WAITING || s->phase == SPORE__PHASE_ENDED ? s->run : s->run - 1;
	bool news = !hold->runs_heard || ended > hold->run_ended;
	hold->runs_heard = true;
	hold->run_ended = ended;
	if (news)
		spore__bridged_restarted(hold);
}

void spore__task_heard(struct spore__tasks *t, struct spore__hold *hold, const struct spore__hold_state *s,
                       const void *bytes, size_t len)
{
	struct spore__task *task = hold->task;
	if (task == NULL) {
		hold->ended = hold->ended || s->phase == SPORE__PHASE_ENDED;
		t->kept |= hold->ended;
		t->unsettled |= hold->ended;
		return;
	}
	if (s->run > task->last_run)
		task->last_run = s->run;
	if (task->old == hold) {
		if (!spore__beside_heard(t, hold, s, bytes, len))
			rest(t, task, true);
		return;
	}
	bool again = s->phase == SPORE__PHASE_WAITING && task->phase != SPORE__PHASE_WAITING;
	hear_of_runs(hold, s);
	spore__task_keep_said(task, s, bytes, len);
	if (again)
		spore__task_record_end(t, task, hold->name.generation);
	if (s->phase != SPORE__PHASE_ENDED) {
		spore__task_set_state(t, task, state_of(task));
		if (s->phase == SPORE__PHASE_RUNNING && uv_now(t->loop) - hold->started_ms > 10000)
			task->lost = 0;
		return;
	}
	spore__task_record_end(t, task, hold->name.generation);
	if (task->swap == SPORE__SWAP_STOPPING && task->old != NULL && !task->stopping)
		task->relaunch = true; // it goes forward: another one takes over what the old one leaves
	hold->ended = t->kept = true;
	hold->task = NULL;
	task->hold = NULL;
	if (task->old != NULL && !task->stopping && !task->old->stop_sent && task->swap != SPORE__SWAP_STOPPING)
		spore__task_fall_back(t, task);
	else if (task->old == NULL)
		rest(t, task, s->wanted);
	else
		task->state = SPORE__TASK_STOPPING; // what there is of the old one
	spore__task_touch(t, task);
}

void spore__task_lost_hold(struct spore__tasks *t, struct spore__hold *hold, const struct spore__hold_state *s,
                           const void *bytes, size_t len)
{
	enum { DELAY_MS = 200, DELAY_MAX_MS = 30000, HEALTHY_MS = 10000 };
	struct spore__task *task = hold->task;
	if (task == NULL)
		return;
	bool tried = task->old != NULL;
	struct spore__hold_state wanted = *s;
	wanted.wanted = true;
	spore__task_heard(t, hold, &wanted, bytes, len);
	spore__node_log("%s: its hold was killed, and it with it", task->name);
	if (tried || !task->wanted || spore__task_is_active(task) || task->queued || task->gated ||
	    (s->run > 0 && (task->schedule != NULL || task->restart == SPORE__RESTART_NEVER)))
		return; // one that had not begun is started whatever the policy
	if (uv_now(t->loop) - hold->started_ms > HEALTHY_MS)
		task->lost = 0;
	uint64_t delay = task->lost == 0 ? 0 : (uint64_t)DELAY_MS << (task->lost < 8 ? task->lost : 8);
	task->lost++;
	task->done = false;
	spore__task_set_state(t, task, SPORE__TASK_WAITING);
	spore__task_set_why(t, task, "to be started again, since its hold was killed");
	spore__task_due_in(t, task, delay < DELAY_MAX_MS ? delay : DELAY_MAX_MS);
	spore__task_is_dirty(t, task);
}

size_t spore__tasks_running(const struct spore__tasks *t)
{
	size_t n = 0;
	for (size_t i = 0; i < t->table.count; i++)
		n += spore__task_is_active(t->table.tasks[i]);
	return n;
}
