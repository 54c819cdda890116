// A system as its spore.yaml describes it, checked and ready to be made into specifications.
#ifndef SPORE_SYSTEM_MANIFEST_H
#define SPORE_SYSTEM_MANIFEST_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"
#include "base/yamlfile.h"
#include "bridge/plan.h"
#include "source/recipe.h"
#include "system/expand.h"
#include "task/spec.h"

struct spore__manifest_after {
	char *task;
	const char *condition; // a word of the table
	yaml_mark_t mark;
};

struct spore__manifest_port {
	char *name;
	const char *kind, *shape, *as; // words of the table; NULL: not said
	char *protocol, *framing;      // may be NULL
};

struct spore__manifest_end {
	char *task, *port;
	char *protocol; // may be NULL
	bool single;    // it is known to have one channel, and so waits for the other end
	// Of a listener, else NULL: its address, and what is spoken there. Its task is one of the manifest.
	char *listen, *speaks;
};

struct spore__manifest_wire {
	struct spore__manifest_end from, to;
	bool duplex, redeliver, lossless, tap;
	bool open;        // a listener that other machines reach without a token
	const char *slow; // a word of the table; NULL: as the subscriber says
	yaml_mark_t mark;
	// Of the bridge that comes between them, as far as the manifest says what they speak; "" for none. What is lost in it.
	char bridge[SPORE__PLAN_CHAIN];
	char *losses; // may be NULL
};

struct spore__manifest_task {
	char *name;
	yaml_mark_t mark, source_mark, every_mark;
	// All that the manifest says, with absolute paths. Not: system, replica, source, artifact, store, argv, env, after.
	struct spore__spec spec;
	char *source;            // absolute, or path:NAME; NULL only when that was an error
	char *bin;               // may be NULL
	struct spore__strs args; // without the program
	struct spore__strs env;  // NAME=VALUE: of env files, env and secrets
	struct spore__manifest_after *after;
	size_t after_count;
	struct spore__manifest_port *ports;
	size_t port_count;
	bool script;      // its source is one; false: it is not, or not known to be
	bool has_recipe;  // its folder says how it is built, or cannot be read
	int64_t replicas; // 0: one, without a number
};

struct spore__manifest {
	char *path; // absolute
	char *dir;  // its folder
	char *name;
	yaml_mark_t name_mark, wires_mark;
	struct spore__manifest_task *tasks; // in the manifest's order
	size_t count;
	struct spore__manifest_wire *wires;
	size_t wire_count;
	struct spore__strs files; // environment files and secrets that were read, or could not be
	struct spore__recipe recipe;
	struct spore__manifest_task program; // of this folder: its ports alone
	bool has_tasks;                      // there is a `tasks:`
	struct spore__yaml yaml;             // with what was found
};

struct spore__manifest_world {
	spore__variable_fn *variable; // of the caller's environment
	void *arg;
	bool files; // read environment files and secrets, and look whether sources are there
};

// The world of this process.
extern const struct spore__manifest_world spore__manifest_here;

// Parses TEXT, the content of the file PATH (absolute). False when it has errors: m->yaml has them, with notes, in the order of the
// file. M is to be finished either way; what was understood is in it.
bool spore__manifest_parse(struct spore__manifest *m, const char *path, const char *text, size_t len,
                           const struct spore__manifest_world *world);
void spore__manifest_finish(struct spore__manifest *m);

// Adds its ports as a specification has them.
void spore__manifest_list_ports(const struct spore__manifest_task *task, struct spore__strs *out);
struct spore__manifest_task *spore__manifest_task(const struct spore__manifest *m, const char *name);

// The manifest that TYPED names (a file, or a folder with a spore.yaml); with NULL the spore.yaml with tasks that is in the current folder or nearest
// above it. Its absolute path, malloc'ed; NULL with *WHY and *REMEDY, malloc'ed.
char *spore__manifest_find(const char *typed, char **why, char **remedy);

// Sets `enabled` of each task: those of no profile, and those of one in PROFILES. False when one of PROFILES is nobody's: *UNKNOWN is it, and
// *NEAREST one that may be meant, or NULL.
bool spore__manifest_choose(struct spore__manifest *m, const struct spore__strs *profiles, const char **unknown,
                            const char **nearest);

#endif
