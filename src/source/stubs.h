// The code of transparent calls, made by spore-stubs from a header: once for each content of the header and of what it includes.
#ifndef SPORE_SOURCE_STUBS_H
#define SPORE_SOURCE_STUBS_H

#include <stdbool.h>

#include "source/compiler.h"
#include "source/directive.h"
#include "source/job.h"
#include "source/store.h"

struct spore__stubs {
	struct spore__store *store;
	const struct spore__compiler *compiler; // how the program is run; its own trace is not used
	const char *dir;                        // that headers are relative to
	const char *const *flags;               // of the compiler, NULL-terminated: -I, -D
};

// All that D asks for: the names of the files are added to MADE, those of objects where OBJECTS is true. False: B has the error.
bool spore__stubs_all(const struct spore__stubs *s, struct spore__job *b, const struct spore__directives *d,
                      bool objects, struct spore__strs *made, struct spore__meta *m);

// May the entry PATH of the store's folder stubs/ still be used: is all that it was made from as it was?
bool spore__stubs_fresh(struct spore__store *s, const char *path);

// Adds the inputs of FROM that TO does not have; paths below ROOT become relative.
void spore__stubs_inputs(const struct spore__meta *from, const char *root, struct spore__meta *to);

#endif
