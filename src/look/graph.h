// A graph of tasks and wires: as a manifest has it, as the node has it, or both. graph_fill.c fills one, graph_paint.c and graph_json.c show it.
#ifndef SPORE_LOOK_GRAPH_H
#define SPORE_LOOK_GRAPH_H

#include "base/buf.h"
#include "look/measure.h"
#include "node/tasks_client.h"
#include "system/manifest.h"

// Texts live as long as the graph. NULL: not known, unless it says otherwise.
struct spore__graph_after {
	const char *task, *condition;
};

struct spore__graph_port {
	const char *name, *kind, *shape, *protocol;
	bool open;
	int64_t channels;
};

struct spore__graph_task {
	const char *name; // with its system where that is not the graph's
	const char *source, *every;
	const char *state; // "running", or "1 running, 1 failed" of replicas
	const char *word;  // the state of the worst of them
	const char *why;
	int64_t replicas, seen; // those wanted (0: one, without a number), and those at the node
	struct spore__graph_after *after;
	size_t after_count;
	struct spore__strs profiles;
	struct spore__graph_port *ports;
	size_t port_count;
};

struct spore__graph_end {
	const char *task, *port, *protocol;
};

struct spore__graph_wire {
	struct spore__graph_end ends[2]; // from, to
	bool duplex, declared;           // DECLARED: the manifest has it
	bool redeliver, tap;
	const char *slow;
	const char *asked; // "drop-oldest, tap"
	const char *state, *transport, *why, *fault, *broken;
	const char *reason; // the why, the fault and what was broken
	int64_t channels;
	struct spore__measured *flow; // NULL: not asked for
};

struct spore__graph {
	const char *system;   // "": all that the node has
	const char *manifest; // its path
	bool running;         // the node has something of it
	struct spore__graph_task *tasks;
	size_t count;
	struct spore__graph_wire *wires;
	size_t wire_count;
	struct spore__strs texts;
};

void spore__graph_of_manifest(struct spore__graph *g, const struct spore__manifest *m);
// Adds what the node has of g->system: states, and what the manifest does not have. MEASURES: each wire gets a flow, which is begun. 0, or the exit
// status after a report.
int spore__graph_of_node(struct spore__graph *g, struct spore__tasks *t, bool measures);
void spore__graph_measure(struct spore__graph *g); // the second reading
void spore__graph_finish(struct spore__graph *g);

void spore__graph_text(const struct spore__graph *g, struct spore__buf *out);
void spore__graph_dot(const struct spore__graph *g, struct spore__buf *out);
void spore__graph_mermaid(const struct spore__graph *g, struct spore__buf *out);
void spore__graph_json(const struct spore__graph *g, struct spore__buf *out);

#endif
