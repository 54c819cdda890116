// The store: a folder of artifacts, each immutable and named by the hash of all that went into it.
//
//	artifacts/ID/     the installed files; ID is HASH-NAME
//	meta/ID           what it was made from (struct spore__meta); exists exactly when the artifact is complete.
//	                  Locked (shared) by whoever runs or reads the artifact. Its access time says when it was last used.
//	candidates/HASH   ids of artifacts made from a source with this content, the newest last
//	index/            per source path the last artifact and the state of its inputs (source/index.h)
//	work/HASH/        per folder source the private copy and build tree
//	stage/PID.N/      being built
//	logs/ID.log       logs of failed builds
//	stubs/HASH        code of transparent calls (source/stubs.c)
//	hashes            cache of content hashes
#ifndef SPORE_SOURCE_STORE_H
#define SPORE_SOURCE_STORE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "source/hash.h"
#include "source/index.h"

struct spore__store {
	char *root;
	struct spore__hashcache *hashes;
};

// Opens the store at the place that the environment names, making it when it is not there; dies with the reason if it cannot
// be used (not ours, another format, no space).
void spore__store_open(struct spore__store *s);
void spore__store_finish(struct spore__store *s);
char *spore__store_path(const struct spore__store *s, const char *kind, const char *name); // malloc'ed ROOT/KIND/NAME

// An input as it was when the artifact was made.
struct spore__made_from {
	char *path;  // "./REL": relative to the source's folder; else absolute
	bool absent; // was looked for, was not there
	struct spore__hash hash;
};

// What an artifact is and what it was made from.
struct spore__meta {
	char *id;
	char *source; // path it was first built from
	char *kind, *tier, *main;
	char *builder;               // "tcc", "gcc", "meson", ...
	int64_t created;             // seconds
	int64_t size;                // bytes of all files
	char *tree;                  // hash of the artifact's files, in hex
	struct spore__strs settings; // KEY=VALUE: whatever else decides the result: format, flags, target, store
	struct spore__strs env;
	struct spore__program *programs;
	size_t program_count;
	struct spore__made_from *inputs; // sorted by path
	size_t input_count;
};

void spore__meta_finish(struct spore__meta *m);
void spore__meta_add_input(struct spore__meta *m, const char *path,
                           const struct spore__hash *hash); // HASH NULL: absent
void spore__meta_add_program(struct spore__meta *m, const char *name, const char *path);
void spore__meta_write(const struct spore__meta *m, struct spore__buf *out);
int spore__meta_parse(char *text, struct spore__meta *m);
int spore__meta_read(const struct spore__store *s, const char *id, struct spore__meta *m);
// The id that M's settings and inputs give: HASH-NAME, malloc'ed. Sorts the inputs.
char *spore__meta_id(struct spore__meta *m, const char *name);

// A new folder below stage/, locked by *LOCK_FD as long as it is open; malloc'ed path, NULL with errno.
char *spore__store_stage(const struct spore__store *s, int *lock_fd);

// A path for a short-lived file of this process, in memory where there is a folder for that; malloc'ed. NULL with errno.
char *spore__store_scratch(const struct spore__store *s);
// The folder of such files; malloc'ed. What is in it belongs to the process whose number begins its name.
char *spore__store_scratch_folder(const struct spore__store *s);

// Makes the folder FILES the artifact M->id. Takes FILES away, also when that artifact exists already. Fills M->tree, M->size.
// 0, or -1 with errno.
int spore__store_commit(struct spore__store *s, struct spore__meta *m, const char *files);

// Adds the artifact to those made from a source with the content hash CANDIDATES (hex). 0, or -1 with errno.
int spore__store_add_candidate(const struct spore__store *s, const char *candidates, const char *id);

// Ids of artifacts made from a source with this content, the newest first.
void spore__store_candidates(const struct spore__store *s, const char *candidates, struct spore__strs *ids);

// Hash over names, modes and contents of the files below DIR; *SIZE their bytes.
int spore__store_tree_hash(struct spore__store *s, const char *dir, struct spore__hash *out, int64_t *size);

// Does the artifact have the content that it was made with?
bool spore__store_whole(struct spore__store *s, const struct spore__meta *m);
// Takes away an artifact that is not whole; who runs it keeps the open files. 0, or -1 with errno.
int spore__store_discard(const struct spore__store *s, const char *id);

// Removes an artifact that nobody uses. 0; EBUSY when it is in use.
int spore__store_remove(const struct spore__store *s, const char *id);

#endif
