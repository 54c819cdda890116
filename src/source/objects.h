// The objects of a folder of C files: which are out of date, and compiling those, several at once.
#ifndef SPORE_SOURCE_OBJECTS_H
#define SPORE_SOURCE_OBJECTS_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/stat.h>
#include <sys/types.h>

#include "base/buf.h"
#include "source/build.h"

struct spore__object {
	char *source; // relative to the folder
	char *path;   // of the object file
	struct stat st;
	bool cxx;
	bool fresh; // nothing to compile
	bool has_main;
	unsigned *headers; // indices, those of the last compilation
	size_t header_count;
};

struct spore__objects {
	struct spore__object *items; // sorted by `source`
	size_t count;
	struct spore__strs flags;   // for the compiler
	struct spore__strs headers; // all that any object was made from; absolute or relative to the folder
	struct spore__strs states;  // of each header, as text
	bool any_cxx;
};

// Reads TREE/objects, looks at every source and header, and sets `fresh`.
void spore__objects_load(struct spore__objects *o, const struct spore__build *b);
// Compiles what is not fresh, b->f->jobs at once, and notes what succeeded. False when one failed: b->end has the words.
bool spore__objects_compile(struct spore__objects *o, struct spore__build *b, size_t *compiled);
void spore__objects_finish(struct spore__objects *o);

// Starts a tool of the compiler confined, in the folder DIR, its output to FD. 0 or -1 with errno (pool.c).
int spore__tool_start(const struct spore__build *b, const char *dir, const char *const argv[], int fd, pid_t *pid);
// Runs it and waits; true when it succeeded. b->end has its words.
bool spore__tool_run(struct spore__build *b, const char *dir, const char *const argv[]);

#endif
