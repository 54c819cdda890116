// Transparent calls of a folder of C files: the code that `spore: calls` and `spore: serves` in its files, and `calls:` and `serves:` in its
// recipe, ask for.
#ifndef SPORE_SOURCE_BUILD_CALLS_H
#define SPORE_SOURCE_BUILD_CALLS_H

#include <stdbool.h>

#include "source/build.h"
#include "source/directive.h"
#include "source/objects.h"

struct spore__folder_call {
	char *source; // the file that asks for it, relative to the folder; "": the recipe
	struct spore__call_directive d;
	char *object; // in the build tree
};

struct spore__folder_calls {
	struct spore__folder_call *items;
	size_t count;
	bool changed; // an object is another one than before
};

// Looks for directives in the files of O that are not fresh, and takes what is known of the others. False: b->why says what is wrong with one.
bool spore__folder_calls_find(struct spore__folder_calls *c, struct spore__build *b, const struct spore__objects *o);
// Makes and compiles the code. False: b->end or b->why says why not.
bool spore__folder_calls_build(struct spore__folder_calls *c, struct spore__build *b, const struct spore__objects *o);
// Does the file SOURCE serve a header?
bool spore__folder_calls_serves(const struct spore__folder_calls *c, const char *source);
void spore__folder_calls_finish(struct spore__folder_calls *c);

#endif
