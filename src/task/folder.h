// Where holds and logs live below the state folder, and who may rely on what.
//
//	$SPORE_STATE/holds/HOLD/        one per hold; HOLD is SYSTEM.TASK[@REPLICA].GENERATION, with `_` for no system
//	    spec      what to run (src/task/spec.h); written by the node before the hold is started, by the hold upon `update`
//	    lock      locked (a record lock) by the hold for as long as it lives; says its process. The lock is the truth
//	    sock      where the hold listens; bound and connected to by its name in this folder, so that no path is too long
//	    WHAT.at   a link to a folder in the temporary folder (src/task/elsewhere.h)
//	    status    the state (src/task/state.h) at its last change of phase, in a file of src/task/slots.h
//	$SPORE_STATE/logs/SYSTEM/TASK[@REPLICA]/    the log of a task, over all its holds (src/task/log.h)
//
// A generation is a number of the node's: the first hold of a task has 1, each further one more. A folder without a locked lock and
// with phase `ended` in its status is done with; one without such a status belonged to a hold that was killed: what carries the
// mark SPORE_INSTANCE=FOLDER#RUN in its environment is ended then, by the node; FOLDER is the hold's as the node names it, since the
// same HOLD may be in another state folder.
#ifndef SPORE_TASK_FOLDER_H
#define SPORE_TASK_FOLDER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "spore/spore.h"
#include "task/spec.h"
#include "task/state.h"

enum { SPORE__HOLD_NAME = 2 * SPORE__NAME_MAX + 32 };

#define SPORE__INSTANCE_MARK "SPORE_INSTANCE"

struct spore__hold_name {
	char system[SPORE__NAME_MAX + 1]; // "": none
	char task[SPORE__NAME_MAX + 1];
	int64_t replica; // 0: the only one
	int64_t generation;
};

// HOLD as above into OUT of SPORE__HOLD_NAME bytes.
void spore__hold_name_format(const struct spore__hold_name *name, char *out);
bool spore__hold_name_parse(const char *text, struct spore__hold_name *name);

// TASK[@REPLICA] of a log's folder below logs/SYSTEM/ (logs/_/ with no system), into OUT of SPORE__HOLD_NAME bytes; and back.
void spore__log_folder_format(const struct spore__hold_name *name, char *out);
bool spore__log_folder_parse(const char *system, const char *folder, struct spore__hold_name *name); // generation 0

// Each function works in the folder DIR (a descriptor). 0, or -1 with errno; EBADMSG: not what it should be.

int spore__folder_write_spec(int dir, const struct spore__spec *spec); // renamed into place
int spore__folder_read_spec(int dir, struct spore__spec *spec);        // SPEC is to be finished either way
int spore__folder_write_state(int dir, const struct spore__hold_state *state);
int spore__folder_read_state(int dir, struct spore__hold_state *state);

// Takes the lock and writes this process into it: the descriptor, -1 with EWOULDBLOCK when another has it. It belongs to this process
// alone, not to its children, and is gone as soon as any descriptor of the file is closed: open it nowhere else in this process.
int spore__folder_lock(int dir);
// Who has the lock: 1 and its process in *PID (0 when it lives in another container), 0: nobody, or this very process.
int spore__folder_is_locked(int dir, int64_t *pid);

// The socket of DIR, listening; or connected to. Neither waits, nor do calls on the descriptors, which are close-on-exec. listen needs
// the lock: it removes a socket that is there. Changes the working folder for a moment and back (fchdir): the process must have one thread
// that uses relative paths.
int spore__folder_listen(int dir);
int spore__folder_connect(int dir);

#endif
