// The tasks of the node in memory: one slot per task and replica. Specifications are not kept here, but in the database and in the
// folder of the task's hold. Everything runs on the loop's thread; nothing ends the process when memory runs out.
#ifndef SPORE_NODE_TASK_H
#define SPORE_NODE_TASK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "node/schedule.h"
#include "node/swap.h"
#include "task/folder.h"
#include "task/spec.h"

enum {
	SPORE__FULL_NAME = 2 * SPORE__NAME_MAX + 32, // [SYSTEM/]TASK[@REPLICA]
};

// What the node says of a task; in words in spore__task_state_word.
enum spore__task_state {
	SPORE__TASK_DEFINED,   // never started
	SPORE__TASK_WAITING,   // wanted, but it has to wait: `why`
	SPORE__TASK_SCHEDULED, // periodic: until `next_at`
	SPORE__TASK_STARTING,
	SPORE__TASK_RUNNING,
	SPORE__TASK_STOPPING,
	SPORE__TASK_ENDED,   // by itself, as it should
	SPORE__TASK_STOPPED, // as it was asked to
	SPORE__TASK_FAILED,  // `why`
	SPORE__TASK_REMOVED,
};

const char *spore__task_state_word(enum spore__task_state state);

struct spore__dependency {
	char *task; // of the same system; all its replicas
	enum spore__condition condition;
};

struct spore__system {
	char name[SPORE__NAME_MAX + 1]; // "": of tasks without one
	char *manifest;                 // may be NULL
	size_t tasks;                   // how many it has
	bool ending;                    // to be forgotten when its tasks are
	bool ending_logs;               // ... and their logs
	bool ordered;                   // some of it that are to stop come after others
	bool unsettled;                 // something changed that its tasks may wait for
};

struct spore__hold;

struct spore__task {
	struct spore__system *system;
	int64_t id; // of its row
	int64_t replica;
	unsigned refs; // the table's, and of those who wait for it

	// from the specification
	struct spore__dependency *after; // `after_count`; may be NULL
	size_t after_count;
	struct spore__schedule *schedule; // NULL: not periodic
	char *every;                      // may be NULL
	char *source;                     // may be NULL
	spore__texts ports;               // that it declares; may be NULL
	int64_t grace_ms;
	enum spore__restart restart;
	bool enabled;
	bool ready_at_once; // as soon as it runs

	// what is wanted
	bool wanted;
	bool done;     // the run that was wanted is over: ended by itself or failed for good
	bool asked;    // a caller waits for the first try
	bool relaunch; // as soon as the hold that runs has ended
	bool hands;    // ... which leaves that one what its stdin and stdout are wired with
	bool gated;    // waits for what it comes `after`
	bool vain;     // ... which is not even on its way
	bool queued;   // a hold is to be started now
	bool stopping; // asked to stop, what depends on it first
	bool kill;     // ... by SIGKILL
	bool removing; // to be forgotten once nothing runs
	bool remove_logs;
	int64_t stop_grace_ms; // -1: as specified

	// what is
	enum spore__task_state state;
	struct spore__hold *hold; // NULL: none
	struct spore__hold *old;  // runs until `hold` is ready; NULL: none
	uint64_t proof_at;        // of the loop's clock: until then the new one has to live (beside.h); 0: not
	bool proof_ends, proven;  // ... it is heard a last time; it has lived
	enum spore__swap_step swap;
	bool swap_ready;                  // the new one is; what is looked at now is its ports
	uint64_t swap_until;              // of the loop's clock: when it goes back; 0: not
	uint64_t lend_at;                 // likewise: when what could not be lent is asked for again (lend.h)
	struct spore__lend_spare *spares; // spare.next
	uint64_t alone_at;                // likewise: until then its subscribers are waited for (alone.h)
	int64_t swap_old;                 // generation of the old one
	int64_t generation;               // the highest that there was
	int64_t replaced;                 // holds that an earlier node left are to be replaced up to this one; 0: none
	int64_t last_run;
	int64_t next_at;     // wall ns: when it is due; 0: not
	uint64_t due_ms;     // of the loop's clock: when to look at it again; 0: not
	unsigned lost;       // holds in a row that were killed or could not be started
	uint64_t skipped;    // periods in which it still ran
	char *why;           // may be NULL
	char *tried;         // why the one that was to take its place ended; may be NULL
	unsigned char *said; // the last state of a hold of it, encoded; may be NULL
	uint32_t said_len;
	enum spore__phase phase; // of it
	bool failed, healthy;    // of it
	int64_t run;             // of it
	bool launch_failed;      // the last try to start a hold

	// of those who look after it
	uint64_t changed; // number of the last change
	bool dirty;       // the row is out of date
	bool intended;    // ... but what it will be has been written
	bool swap_moved;  // ... and so is that of its swap
	bool forgotten;   // it is about to be, in this turn
	bool visited;     // by the search that goes on
	struct spore__task *next_dirty, *next_queued;
	char name[]; // TASK
};

// The tasks, sorted by system, task and replica, and their systems.
struct spore__table {
	struct spore__task **tasks;
	size_t count, cap;
	struct spore__system **systems; // sorted by name
	size_t system_count, system_cap;
};

void spore__table_finish(struct spore__table *t);

// NULL: there is none.
struct spore__system *spore__table_system(const struct spore__table *t, const char *name);
// The one of that name, made when there is none. NULL: no memory.
struct spore__system *spore__table_add_system(struct spore__table *t, const char *name);
// Forgets S, which must have no tasks.
void spore__table_remove_system(struct spore__table *t, struct spore__system *s);

// The tasks of SYSTEM called NAME (NULL: all), which stand together: *COUNT of them from the index returned.
size_t spore__table_range(const struct spore__table *t, const char *system, const char *name, size_t *count);
struct spore__task *spore__table_find(const struct spore__table *t, const char *system, const char *name,
                                      int64_t replica);
// The first index behind the task of that name, whether or not it is there.
size_t spore__table_behind(const struct spore__table *t, const char *system, const char *name, int64_t replica);

// A new task in the table, all zero, with one reference. NULL: no memory.
struct spore__task *spore__table_add(struct spore__table *t, const char *system, const char *name, int64_t replica);
// Takes it out, and gives up the table's reference. Its system stays.
void spore__table_remove(struct spore__table *t, struct spore__task *task);
void spore__task_unref(struct spore__task *task);

void spore__task_full_name(const struct spore__task *task, char out[SPORE__FULL_NAME]);
void spore__task_hold_name(const struct spore__task *task, int64_t generation, struct spore__hold_name *name);
bool spore__task_is_active(const struct spore__task *task); // a hold of it runs
bool spore__task_is_busy(const struct spore__task *task);   // ... or will, without being asked again

// The state in which a task without hold is, by its flags.
enum spore__task_state spore__task_resting_state(const struct spore__task *task);

#endif
