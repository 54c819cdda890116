// Asks the node about wires, as tasks_client.h does about tasks.
#ifndef SPORE_NODE_WIRES_CLIENT_H
#define SPORE_NODE_WIRES_CLIENT_H

#include "base/buf.h"
#include "node/tasks_client.h"

// A wire of the node's (docs/design/wires.md). Strings are in one block, which begins with `from`.
struct spore__wire_info {
	char *from, *to, *from_protocol, *to_protocol, *system, *transport, *state, *why, *fault, *slow;
	char *bridge, *losses; // "" for none
	char *broken;          // what was sent over it broke its rules, in words; "": not
	char *listens;         // of its left end: "ADDRESS (PROTOCOL)"; "": it is none that listens
	bool duplex, redeliver, tap, lossless;
	int64_t channels, parked; // parked: messages that its bridge could not translate
};
struct spore__wire_list {
	struct spore__wire_info *items; // by their ends
	size_t count;
};

// All wires, in as many calls as it takes. LIST is to be finished either way.
enum spore_err spore__wires_list(struct spore__tasks *t, struct spore__wire_list *list);
void spore__wire_list_finish(struct spore__wire_list *list);
// What is to be done with a port, a map of the answer to ports.list. False: it was the last that is wanted. It makes no call of its own to the node.
typedef bool spore__port_fn(void *arg, const struct spore__msgpack_reader *port);
// Calls FN for each port that is open, or that a task declares.
enum spore_err spore__ports_each(struct spore__tasks *t, spore__port_fn *fn, void *arg);
// The names of the ports that are open, or that tasks declare, as many as are heard of: NAMES is to be finished either way.
enum spore_err spore__ports_names(struct spore__tasks *t, struct spore__strs *names);

// Is the port END of a task of SYSTEM? "": of a task without system.
bool spore__end_is_of(const char *end, const char *system);
// Has W an end at a task of SYSTEM, or is it of its manifest? "": at a task without system.
bool spore__wire_is_of(const struct spore__wire_info *w, const char *system);
// Is each of SYSTEMS (NULL-terminated) one that the node has, or one of LIST? The exit status, after a report as WHAT where not.
int spore__wires_check_systems(struct spore__tasks *t, const char *what, const struct spore__wire_list *list,
                               char *const *systems);

// What was asked for beside its ends: "drop-oldest, redeliver, tap"; "" for nothing.
enum { SPORE__WIRE_OPTIONS = 64 };
// SLOW may be NULL.
void spore__wire_options(const char *slow, bool redeliver, bool tap, char out[SPORE__WIRE_OPTIONS]);
// Why it is not wired, its fault, and what its bridge loses: for people.
enum { SPORE__WIRE_REASON = 4096 };
void spore__wire_reason(const struct spore__wire_info *w, char out[SPORE__WIRE_REASON]);

#endif
