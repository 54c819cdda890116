// Calls that are answered later: once tasks have come to where their caller wants them, or something has changed. A call whose caller
// goes away is forgotten.
#ifndef SPORE_NODE_WAITS_H
#define SPORE_NODE_WAITS_H

#include "node/tasks.h"
#include "rpc/service.h"

enum spore__wait_kind {
	SPORE__WAIT_STARTED,  // a start was carried out, or refused by the machine
	SPORE__WAIT_REPLACED, // `keep_old`: the new one is ready, or the old one stays
	SPORE__WAIT_SWAPPED,  // tasks.swap; `before` is the generation of the old hold
	SPORE__WAIT_BEGUN,    // tasks.begin
	SPORE__WAIT_STOPPED,
	SPORE__WAIT_RESTARTED,
	SPORE__WAIT_REMOVED,
	SPORE__WAIT_UNTIL, // tasks.wait
	SPORE__WAIT_EVENTS,
};

enum spore__until { SPORE__UNTIL_STARTED, SPORE__UNTIL_READY, SPORE__UNTIL_HEALTHY, SPORE__UNTIL_ENDED };

struct spore__wait {
	struct spore__wait *next;
	struct spore__tasks *tasks;
	struct spore__rpc_call *call;
	enum spore__wait_kind kind;
	enum spore__until until;
	uint64_t deadline_ms; // of the loop's clock; 0: none
	uint64_t since;       // of events
	bool gone;            // the caller is
	char *system;         // that is to be forgotten as well; may be NULL
	// of a start
	char *artifact;                       // of a rollback; may be NULL
	char *not_swapped;                    // why, of a start that was to be; may be NULL
	struct spore__msgpack_writer changed; // the array of keys
	size_t count, cap;
	struct spore__waited {
		struct spore__task *task; // with a reference
		int64_t before;           // the run or generation that there was
		char name[SPORE__FULL_NAME];
	} items[];
};

// A wait of CALL for up to CAP tasks. NULL, and the call is answered: no memory.
struct spore__wait *spore__wait_create(struct spore__tasks *t, struct spore__rpc_call *call, enum spore__wait_kind kind,
                                       size_t cap);
void spore__wait_add(struct spore__wait *w, struct spore__task *task, int64_t before);
void spore__wait_limit(struct spore__wait *w, int64_t timeout_ms); // below 0: none
void spore__wait_discard(struct spore__wait *w);                   // the call is answered otherwise
void spore__wait_refuse(struct spore__wait *w);                    // what the call wants cannot be written
void spore__wait_begin(struct spore__wait *w);                     // W belongs to the tasks now

// Answers what can be answered.
void spore__waits_settle(struct spore__tasks *t);
// The next deadline; 0: none.
uint64_t spore__waits_due(const struct spore__tasks *t);

// The map of TASK as docs/design/tasks.md has it.
void spore__task_view(const struct spore__task *task, struct spore__msgpack_writer *w);

#endif
