// One job: from a named source to an artifact in the store. What single.c (a C or C++ file) and tree.c (a folder) share.
#ifndef SPORE_SOURCE_JOB_H
#define SPORE_SOURCE_JOB_H

#include <stdbool.h>

#include "base/buf.h"
#include "source/folder.h"
#include "source/store.h"

struct spore__job {
	// Given.
	struct spore__store *store;
	const char *typed;     // the source as the user wrote it, for messages
	const char *source;    // its real path
	enum spore__tier tier; // AUTO: the fast one if it can be had
	bool sandbox;
	bool colour;                                   // compilers may colour what they say
	void (*progress)(void *arg, const char *line); // may be NULL
	void *progress_arg;
	// Called as soon as `index` names an artifact that can be used, before what is left to tidy up. May be NULL.
	void (*ready)(struct spore__job *job);
	int result; // for `ready`

	// Found.
	struct spore__index index;          // of the artifact; index.id is NULL when there is none
	bool cached;                        // nothing had to be built
	struct spore__buf output;           // what the compiler said: errors, or the warnings of a build that worked
	char *error, *remedy;               // WHAT: WHY and what to do; NULL on success
	char *log;                          // path of the whole log of a failed build; may be NULL
	struct spore__folder_result folder; // attempts and what is missing; for folders
	char *refused;                      // why the fast compiler was not used; NULL when it was
	bool unstored;                      // the inputs could not be told, so the next run builds again
};

void spore__job_finish(struct spore__job *b);
// Sets the error; takes ERROR and REMEDY (malloc'ed, REMEDY may be NULL). Returns false.
bool spore__job_fail(struct spore__job *b, char *error, char *remedy);
// The same for a failed system call on the store, from errno.
bool spore__job_fail_store(struct spore__job *b, const char *what);

// Is there next to no room where the store is? Not every tool says that this is why it failed.
bool spore__job_disk_full(const struct spore__job *b);

// The artifact for a C or C++ file: from the store, else compiled.
bool spore__job_single(struct spore__job *b);
// The artifact for a folder.
bool spore__job_tree(struct spore__job *b);

// Says whether the inputs in M are all there are. If not, neither index nor lookup may lead to the artifact, and its id is its own.
void spore__job_trust(struct spore__job *b, struct spore__meta *m, bool trusted);

// Looks through the artifacts that were made from a source with the content hash CANDIDATES for one whose inputs are as they
// are now and whose settings equal SETTINGS. True: b->index is filled.
bool spore__job_lookup(struct spore__job *b, const char *candidates, const struct spore__strs *settings,
                       const char *dir);
// Stores FILES as the artifact M and fills b->index. DIR is the source's folder. *CHANGED: it failed because an input is not any more
// as M has it.
bool spore__job_commit(struct spore__job *b, struct spore__meta *m, const char *name, const char *files,
                       const char *candidates, const char *dir, bool *changed);
// Keeps the text of a failed build in the store's logs and names it in b->log.
void spore__job_keep_log(struct spore__job *b, const char *name, const struct spore__buf *text);

#endif
