// From a manifest to what the node is asked: which tasks, built, and what would change. For the tools: reports what is wrong.
#ifndef SPORE_SYSTEM_RUN_H
#define SPORE_SYSTEM_RUN_H

#include "base/json.h"
#include "node/tasks_client.h"
#include "source/launch.h"
#include "system/command.h"

enum spore__action {
	SPORE__ACTION_UNCHANGED,
	SPORE__ACTION_CREATE,  // there is no such task
	SPORE__ACTION_REPLACE, // it differs in what needs a new instance
	SPORE__ACTION_UPDATE,  // it differs in what counts at once
	SPORE__ACTION_START,   // it is the same, and does not run although it should
};

// One task or replica that has to run.
struct spore__run_item {
	struct spore__manifest_task *task;
	int64_t replica;
	char *name; // TASK[@REPLICA]
	enum spore__action action;
	struct spore__strs changed; // keys of the specification
	bool ended;                 // it has run, and ended as it should
	bool hands;                 // it runs, and leaves its pipes to the one that takes its place
	// ... and is started again for this one, which would wait for it; or it runs, and is replaced with this one, since they share a pipe. NULL
	const struct spore__run_item *again;
};

// Per task of the manifest, in its order.
struct spore__run_task {
	bool selected;
	struct spore__launch launch;
	struct spore__strs twins; // IDs of what other compilers made of the same source, as it is now
	char *reason;             // the file whose change made its source be built again; NULL
};

struct spore__run {
	const char *what; // the command, for reports
	struct spore__manifest m;
	struct spore__run_task *tasks;
	struct spore__run_item *items; // those before others that come after them
	size_t count;
	struct spore__strs removed;                 // full names of those that are no longer in the manifest
	struct spore__strs wired, rewired, unwired; // wires that are made, made anew and taken away, as "A.x -> B.y"
	struct spore__strs told;                    // about them
	struct spore__tasks node;
	bool met; // node is to be closed
};

// Loads the manifest, and selects the tasks: those of no profile and of the chosen ones, or the named, and what they come after.
// 0, or the exit status after a report. R is to be finished either way.
int spore__run_load(struct spore__run *r, const char *what, const struct spore__options *o);
void spore__run_finish(struct spore__run *r);

// Builds the sources of the selected tasks, two at a time, and fills their specifications. All that does not build is reported. What
// was built before for R is let go.
int spore__run_build(struct spore__run *r);

// Asks the node what would change. START: start one when none runs; else everything is to be created then.
int spore__run_plan(struct spore__run *r, bool start);

// Tasks that have ended are to be started again where one that will run is wired to them, and would wait for them for ever; those that share a pipe
// with one that is replaced are replaced too.
void spore__run_again(struct spore__run *r);

// True when there is anything to do.
bool spore__run_differs(const struct spore__run *r);
void spore__run_print(const struct spore__run *r);
void spore__run_print_json(const struct spore__run *r);

// Asks the node about the wires of the manifest (`wires.add`): SAME are the tasks that go on as they are.
enum spore_err spore__wires_ask(struct spore__tasks *t, const struct spore__manifest *m, const struct spore__strs *same,
                                bool dry);
// Of the answer to a dry one what it refuses (KEY "refused"), or doubts ("doubtful"): how many.
size_t spore__wires_doubts(const struct spore__tasks *t, const char *key,
                           void (*fn)(void *arg, size_t wire, const char *why), void *arg);
// Asks the node for the wires of the manifest, DRY: what would change. The exit status after a report.
int spore__run_wire(struct spore__run *r, bool dry);
// Reports what is doubtful about the wires of the manifest now that its programs are there.
void spore__run_doubt_wires(struct spore__run *r);
void spore__run_wire_all(struct spore__run *r); // there is no node, so all would be made
void spore__run_print_wires(const struct spore__run *r);
void spore__run_json_wires(const struct spore__run *r, struct spore__json *j);

// Does what the plan says. KEEP_OLD: what is replaced goes on until the new one is ready.
int spore__run_apply(struct spore__run *r, bool keep_old);

// Full names of all items, SYSTEM/TASK[@REPLICA].
void spore__run_names(const struct spore__run *r, struct spore__strs *out);

#endif
