// Looks after the tasks: what is wanted is started, what runs is followed, what ends is recorded. Callers and holds only change what is
// wanted or known; what follows from that is done once per turn of the loop (spore__tasks_settle), so that many changes cost one
// transaction and one look.
#ifndef SPORE_NODE_TASKS_H
#define SPORE_NODE_TASKS_H

#include <limits.h>
#include <uv.h>

#include "node/db.h"
#include "node/gone.h"
#include "node/task.h"
#include "node/wires.h"

enum {
	SPORE__ENDS_KEPT = 20,     // in the history of a task
	SPORE__FOLDERS_KEPT = 3,   // of a task's holds, the latest
	SPORE__REMOVED_KEPT = 256, // names of removed tasks, for tasks.events
	SPORE__BURIALS = 64,       // tasks forgotten in one turn, with their folders
	SPORE__LAUNCHES = 32,      // holds started in one turn of the loop
};

struct spore__wait;
struct spore__past;

// What a caller wants to become of a task.
enum spore__intent {
	SPORE__INTENT_KEEP, // nothing, but to be there: it is not to be removed any more
	SPORE__INTENT_START,
	SPORE__INTENT_REPLACE,
	SPORE__INTENT_STOP,
	SPORE__INTENT_REMOVE,
	SPORE__INTENT_REMOVE_LOGS,
};

struct spore__tasks {
	uv_loop_t *loop;
	struct spore__db *db;
	const char *state; // the state folder
	int state_dir;     // descriptors of it and of its folder holds
	int holds_dir;
	char program[PATH_MAX]; // spore-hold
	char look[PATH_MAX];    // spore-look, which makes faults of wires
	char bridge[PATH_MAX];  // spore-bridge
	uint64_t open_files;    // the limit that the node was started with; 0: as it is
	struct spore__gone gone;
	struct spore__table table;
	struct spore__wires wires;
	struct spore__hold *holds; // hold.next
	uv_prepare_t settle;
	uv_idle_t more; // runs while launches are left
	uv_timer_t timer;
	uint64_t timer_at; // when the timer ends, of the loop's clock; 0: it does not run
	struct spore__task *dirty, *queue, **queue_end;
	struct spore__past *ends, **ends_end; // runs that are still to be recorded, in order
	size_t end_count;
	uint64_t write_at;             // when to try to write again, of the loop's clock; 0: the last time it worked
	unsigned write_tries;          // that failed in a row
	struct spore__wait *waits;     // wait.next
	uint64_t first_change, change; // numbers of changes
	struct {
		uint64_t change;
		char *name;
	} removed[SPORE__REMOVED_KEPT];
	unsigned removed_count; // all that there were
	int burials;            // in this turn
	bool forgetting;        // some are
	bool unsettled, lost;   // lost: a hold was killed
	bool kept;              // holds that have ended may keep something for the next (heirs.c)
};

// Reads what is wanted and finds what runs. LOOP, DB and STATE must outlive T. 0, or an error of libuv's or -1 with WHY.
int spore__tasks_init(struct spore__tasks *t, uv_loop_t *loop, struct spore__db *db, const char *state,
                      const char *libexec, uint64_t open_files, char *why, size_t size);
// Tells the holds that the node leaves. What runs goes on.
void spore__tasks_leave(struct spore__tasks *t);
size_t spore__tasks_running(const struct spore__tasks *t); // how many have a hold

// ---- what is wanted

// Writes it before it is done with the functions below, in the transaction that is begun with it: nothing is to be done before spore__tasks_commit
// has said that it is written.
void spore__task_intend(struct spore__tasks *t, struct spore__task *task, enum spore__intent intent);
// That for all of these, and the commit. False: nothing is to be done, db->error says why.
bool spore__tasks_intend(struct spore__tasks *t, struct spore__task *const *tasks, size_t count,
                         enum spore__intent intent);

// A new task with its row. NULL: WHY.
struct spore__task *spore__task_define(struct spore__tasks *t, const char *system, const char *name, int64_t replica,
                                       const struct spore__spec *spec, char *why, size_t size);
// The task gets what SPEC says of when it runs. False: WHY.
bool spore__task_take_spec(struct spore__task *task, const struct spore__spec *spec, char *why, size_t size);
void spore__task_want(struct spore__tasks *t, struct spore__task *task);  // to run (again); it has no hold
void spore__task_begin(struct spore__tasks *t, struct spore__task *task); // likewise, since a caller asked for it
void spore__task_replace(struct spore__tasks *t,
                         struct spore__task *task); // the hold that runs by one of its specification
void spore__task_try(struct spore__tasks *t, struct spore__task *task); // likewise, once the new one is ready
void spore__task_stop(struct spore__tasks *t, struct spore__task *task, int64_t grace_ms, bool kill);
void spore__task_remove(struct spore__tasks *t, struct spore__task *task, bool logs); // stops and forgets it

void spore__task_put_spec(struct spore__tasks *t, struct spore__task *task, const struct spore__spec *spec); // its row

// ---- what happened; for the files of this part

void spore__task_touch(struct spore__tasks *t, struct spore__task *task); // something about it is different
void spore__task_set_state(struct spore__tasks *t, struct spore__task *task, enum spore__task_state state);
void spore__task_set_why(struct spore__tasks *t, struct spore__task *task, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));                                   // NULL: nothing
void spore__task_is_dirty(struct spore__tasks *t, struct spore__task *task); // its row has to be written
void spore__task_enqueue(struct spore__tasks *t, struct spore__task *task);
// The hold of TASK said BYTES, which were understood as S.
void spore__task_heard(struct spore__tasks *t, struct spore__hold *hold, const struct spore__hold_state *s,
                       const void *bytes, size_t len);
void spore__task_keep_said(struct spore__task *task, const struct spore__hold_state *s, const void *bytes, size_t len);
char *spore__task_how_it_ended(const struct spore__task *task); // the last run, in words; malloc'ed, may be NULL
// The task has the specification of the hold NAME again.
void spore__task_take_back(struct spore__tasks *t, struct spore__task *task, const struct spore__hold_name *name);
// Its hold becomes the old one, with what that has said.
void spore__task_set_aside(struct spore__task *task);
// The one that was tried in place of task->old is gone (beside.c, as the three above).
void spore__task_fall_back(struct spore__tasks *t, struct spore__task *task);
// It was killed, and what it ran has been ended.
void spore__task_lost_hold(struct spore__tasks *t, struct spore__hold *hold, const struct spore__hold_state *s,
                           const void *bytes, size_t len);
void spore__task_schedule(struct spore__tasks *t, struct spore__task *task); // finds out when it is due next
void spore__task_due_in(struct spore__tasks *t, struct spore__task *task, uint64_t in_ms); // to be looked at then
void spore__tasks_settle(struct spore__tasks *t);
// Writes what is dirty, and what was written since the last time with it. False: nothing of that was, and what is dirty stays so and is tried again.
bool spore__tasks_commit(struct spore__tasks *t);
void spore__tasks_write(struct spore__tasks *t); // likewise, unless it failed just now
void spore__task_record_end(struct spore__tasks *t, struct spore__task *task,
                            int64_t generation);                   // of what it said last
void spore__tasks_wake_at(struct spore__tasks *t, uint64_t at_ms); // of the loop's clock
int64_t spore__wall_ns(void);

// The specification of TASK, from the database, else from the folder of its hold; to be finished either way. False: WHY.
bool spore__task_read_spec(struct spore__tasks *t, const struct spore__task *task, struct spore__spec *spec, char *why,
                           size_t size);

#endif
