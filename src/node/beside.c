#include "node/beside.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "node/hold.h"

enum { PROOF_MS = 1000 }; // then it was no failure to start

void spore__task_set_aside(struct spore__task *task)
{
	task->old = task->hold;
	task->hold = NULL;
	// What the old one said is needed again when it stays, and is none of what the new one says.
	free(task->old->said);
	task->old->said = task->said;
	task->old->said_len = task->said_len;
	task->said = NULL;
	task->said_len = 0;
	task->run = 0;
}

void spore__task_try(struct spore__tasks *t, struct spore__task *task)
{
	spore__task_set_aside(task);
	task->wanted = true;
	task->done = false;
	free(task->tried);
	task->tried = NULL;
	task->proof_at = 0;
	task->proven = false;
	spore__task_enqueue(t, task);
	spore__task_is_dirty(t, task);
}

void spore__task_take_back(struct spore__tasks *t, struct spore__task *task, const struct spore__hold_name *name)
{
	struct spore__spec spec;
	char why[256] = "";
	int dir = spore__hold_open_folder(t, name);
	if (dir >= 0 && spore__folder_read_spec(dir, &spec) == 0) {
		if (spore__task_take_spec(task, &spec, why, sizeof why))
			spore__task_put_spec(t, task, &spec);
		spore__spec_finish(&spec);
	}
	if (dir >= 0)
		close(dir);
}

void spore__task_fall_back(struct spore__tasks *t, struct spore__task *task)
{
	struct spore__hold *old = task->old;
	struct spore__hold_state s;
	free(task->tried);
	task->tried = task->why != NULL ? strdup(task->why) : spore__task_how_it_ended(task);
	spore__task_set_why(t, task, NULL);
	task->hold = old;
	task->old = NULL;
	spore__task_take_back(t, task, &old->name);
	if (old->said != NULL && spore__state_decode(spore__msgpack_reader(old->said, old->said_len), &s) == SPORE_OK) {
		spore__task_keep_said(task, &s, old->said, old->said_len);
		task->state = SPORE__TASK_RUNNING;
	}
	free(old->said);
	old->said = NULL;
	spore__task_touch(t, task);
}

bool spore__beside_heard(struct spore__tasks *t, struct spore__hold *hold, const struct spore__hold_state *s,
                         const void *bytes, size_t len)
{
	struct spore__task *task = hold->task;
	if (s->phase == SPORE__PHASE_ENDED) {
		if (task->swap == SPORE__SWAP_UNDOING && s->end == SPORE__END_LOST && !task->stopping) {
			// The other one is being ended for its sake: there is none then.
			spore__task_take_back(t, task, &hold->name);
			task->relaunch = task->restart != SPORE__RESTART_NEVER;
		}
		hold->ended = t->kept = true;
		hold->task = NULL;
		task->old = NULL;
		spore__task_touch(t, task);
		return task->hold != NULL || task->queued; // it is about to be started
	}
	unsigned char *said = realloc(hold->said, len + 1);
	if (said == NULL)
		return true;
	memcpy(said, bytes, len);
	hold->said = said;
	hold->said_len = (uint32_t)len;
	return true;
}

static void prove_until(struct spore__tasks *t, struct spore__task *task, uint64_t at_ms)
{
	task->proof_at = at_ms;
	spore__tasks_wake_at(t, at_ms);
}

bool spore__beside_is_ready(struct spore__tasks *t, struct spore__task *task)
{
	uint64_t now = uv_now(t->loop);
	if (task->hold == NULL || task->state != SPORE__TASK_RUNNING) {
		task->proof_at = 0;
		task->proven = false;
	} else if (!task->ready_at_once || task->proven) {
		return true;
	} else if (task->proof_at == 0) {
		task->proof_ends = false;
		prove_until(t, task, now + PROOF_MS);
	} else if (task->proof_at <= now && !task->proof_ends) {
		// A node that was held up itself may have its end still to read: holds are heard once more.
		task->proof_ends = true;
		prove_until(t, task, now + 1);
	} else if (task->proof_at <= now) {
		task->proof_at = 0;
		task->proven = true;
		return true;
	}
	return false;
}

// Is the old one on its way out? An earlier node may have asked it.
static bool is_leaving(const struct spore__hold *old)
{
	struct spore__hold_state s;
	return old->stop_sent ||
	       (old->said != NULL &&
	        spore__state_decode(spore__msgpack_reader(old->said, old->said_len), &s) == SPORE_OK &&
	        s.phase == SPORE__PHASE_STOPPING);
}

bool spore__beside_has_failed(const struct spore__task *task)
{
	struct spore__hold_state s;
	return task->hold != NULL && task->said != NULL &&
	       spore__state_decode(spore__msgpack_reader(task->said, task->said_len), &s) == SPORE_OK && s.restarts > 0;
}

// Whether its policy starts it again does not matter: the old one is there.
static void give_up(struct spore__tasks *t, struct spore__task *task)
{
	char *how = spore__task_how_it_ended(task);
	spore__task_set_why(t, task, "%s", how != NULL ? how : "it ended");
	free(how);
	spore__hold_send_stop(task->hold, -1, task->grace_ms, false);
}

void spore__beside_settle(struct spore__tasks *t, struct spore__task *task)
{
	if (task->old == NULL || task->hold == NULL || task->swap != SPORE__SWAP_NONE || task->stopping)
		return;
	if (!is_leaving(task->old) && spore__beside_has_failed(task)) {
		if (task->hold->connected && !task->hold->stop_sent)
			give_up(t, task);
	} else if (!task->old->stop_sent && task->old->connected && spore__beside_is_ready(t, task)) {
		spore__hold_send_stop(task->old, -1, task->grace_ms, false);
		spore__task_touch(t, task);
	}
}
