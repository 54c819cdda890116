// From a source as typed to what is executed: builds when needed. For everything that starts programs: `spore run`, `spore start`,
// systems. Needs libc only; reports what is wrong as base/err.h does, and does not end the process.
#ifndef SPORE_SOURCE_LAUNCH_H
#define SPORE_SOURCE_LAUNCH_H

#include <stdbool.h>

#include "base/buf.h"
#include "source/client.h"
#include "source/script.h"

struct spore__launch_wish {
	const char *source;      // as typed: a path, or path:NAME
	const char *base;        // folder that a relative path is seen from; NULL: the working folder
	const char *bin;         // the program of several; NULL: the main one
	const char *const *args; // for the program, NULL-terminated; may be NULL
	enum spore__tier tier;
	bool absolute; // the program starts in another folder: a script is given by its absolute path
	bool control;  // it gets a control descriptor although it does not link libspore
	bool no_sandbox, verbose, json;
};

// What to execute. Zeroed is empty; everything belongs to it.
struct spore__launch {
	struct spore__strs
	    argv; // argv[0] is the path that is executed; absolute, but for the interpreter of an odd #! line
	struct spore__strs env; // NAME=VALUE that the source asks for
	char *cwd;              // the folder that it has to start in; NULL: any
	char *name;             // of the program
	char *source;           // the real path, or path:NAME
	char *store;
	char *artifact; // its ID; NULL: a script, a program of the system, or a command of a folder as it is
	bool control;   // it speaks the control protocol
	bool fast;      // of the fast compiler
	bool built;     // spore-build was asked, and sees to an optimised one
	int held;       // keeps the artifact from being collected until finish; -1: none
	struct spore__wanted wanted;
	enum spore__source_kind kind;
	struct spore__strs script; // of a script: its interpreter
	struct spore__index index; // of an artifact: the files it was made from
};

// "path:NAME": the explicit exception to building from source.
bool spore__launch_is_system_program(const char *source);

// Finds out what the source is, builds it when it changed, and fills L. 0, or the exit status after reporting why not. L is to be
// finished either way. Blocks for as long as the build takes.
int spore__launch(const struct spore__launch_wish *wish, struct spore__launch *l);
void spore__launch_finish(struct spore__launch *l);

// The two halves of it, for who looks again and again. `find` sets source, kind, store, script and wanted; `argv` is left empty but for
// path:NAME, which is whole. `fill` takes what an index says: 0; -1: its artifact was collected meanwhile, ask for it again; else
// the exit status. What it filled before is replaced.
int spore__launch_find(const struct spore__launch_wish *wish, struct spore__launch *l);
int spore__launch_fill(const struct spore__launch_wish *wish, struct spore__launch *l);

#endif
