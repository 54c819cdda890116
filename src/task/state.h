// What a hold says about its task: to the node with each change, and in the file `status` of its folder for when it is gone. It
// travels as one MessagePack map with the names of the members as keys; what is 0 or empty is left out, unknown keys are passed over.
#ifndef SPORE_TASK_STATE_H
#define SPORE_TASK_STATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "msgpack.h"
#include "spore/spore.h"

enum spore__phase {
	SPORE__PHASE_STARTING, // the program runs, and is not ready yet
	SPORE__PHASE_RUNNING,  // it is ready
	SPORE__PHASE_STOPPING, // it was asked to end, or what it left running is being ended
	SPORE__PHASE_WAITING,  // between two runs: `next_at`
	SPORE__PHASE_ENDED,    // nothing runs, and nothing will; the hold ends
};

// Why the last run ended.
enum spore__end {
	SPORE__END_NONE,      // none ended yet
	SPORE__END_EXITED,    // `code`
	SPORE__END_SIGNALLED, // `signal`, `core`
	SPORE__END_NO_START,  // it could not be started: `why`
	SPORE__END_NOT_READY, // it was not ready in time
	SPORE__END_NOT_ALIVE, // its liveness probe failed
	SPORE__END_LOST,      // its hold was killed, and it with it; nobody knows its status
};

// Strings are cut off at their size, on a character.
struct spore__hold_state {
	enum spore__phase phase; // "starting", "running", "stopping", "waiting", "ended"
	bool wanted;             // nobody asked it to stop
	bool healthy;            // the last liveness probe succeeded, or there is none and it is ready
	bool failed;             // with phase ended: it ended otherwise than it should have, and is not started again
	int64_t hold;            // the hold's process
	int64_t run;             // number of the instance: web#RUN
	int64_t pid;             // of the program; 0: none runs
	int64_t started_at, ready_at, ended_at,
	    next_at;         // wall ns since 1970; of this or, in `waiting` and `ended`, the last run
	int64_t restarts;    // since the hold started
	enum spore__end end; // "none", "exited", "signalled", "no-start", "not-ready", "not-alive", "lost"
	int64_t code, signal;
	bool core;
	int64_t user_us, system_us, memory_kib; // of the last run and what it waited for: times, largest resident set
	int64_t lost;                           // log records and bytes that were dropped, in records
	char status[256];                       // what the program says it is doing
	char why[512];                          // what a person should know: why it is not ready, waits, failed
	char survivors[256];                    // "PID NAME, ...": processes that could not be ended
	char tree[16];                          // how its processes are found: "cgroup", "subreaper", "group"
	char limits[512];                       // "memory=enforced processes=not-enforced ..."
	char limits_why[512];                   // why those are not enforced that are not
	char cgroup[256];                       // the folder of the one with its processes
	int64_t peak_kib;                       // memory of all together at most, in the last run; 0: not known
};

// Appends the map; the error is in w->err.
void spore__state_encode(const struct spore__hold_state *s, struct spore__msgpack_writer *w);
// SPORE_EMALFORMED when R stands before no such map; S is then zeroed.
enum spore_err spore__state_decode(struct spore__msgpack_reader r, struct spore__hold_state *s);
// The same, R standing behind the map afterwards; anywhere when it fails.
enum spore_err spore__state_read(struct spore__msgpack_reader *r, struct spore__hold_state *s);

const char *spore__phase_word(enum spore__phase phase);
const char *spore__end_word(enum spore__end end);

#endif
