// The index remembers, per source path, which artifact its last build gave and the state of every file that went into
// it. When no state differs the artifact is still right, and `spore run` starts it without reading any content.
// Used by the small client and by spore-build; needs libc only.
//
// A file `index/+home/+me/+hello.c/opt` holds words separated by single spaces (escaped by spore__escape):
//
//	spore-index 1
//	logic WORD                    of the spore that built it (spore__index_logic)
//	id ID                         folder of the artifact below artifacts/
//	kind file|folder
//	tier fast|opt|-
//	checked SEC NSEC              when the contents were looked at
//	prog NAME RELPATH             each program of the artifact
//	main NAME                     absent when the user has to choose
//	env NAME=VALUE                for the program
//	arg WORD                      in place of an artifact: the words of the command to run (a recipe without a build)
//	control yes                   it links libspore
//	file DEV INO SIZE MODE SEC NSEC SEC NSEC PATH   input, with modification and change times
//	made DEV INO SIZE MODE SEC NSEC SEC NSEC PATH   file of the artifact itself, which only spore writes
//	none PATH                     input that was looked for and is not there
//	end
#ifndef SPORE_SOURCE_INDEX_H
#define SPORE_SOURCE_INDEX_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/stat.h>

#include "base/buf.h"

enum spore__tier {
	SPORE__TIER_AUTO, // whichever there is, the optimised one first
	SPORE__TIER_FAST, // tcc
	SPORE__TIER_OPT,  // the optimising compiler, or a folder's own build
};

// The state of a file as the kernel tells it: any change of content changes it.
struct spore__filestate {
	uint64_t dev, ino, size, mode;
	int64_t mtime_s, mtime_ns, ctime_s, ctime_ns;
};

void spore__filestate_of(const struct stat *st, struct spore__filestate *out);
bool spore__filestate_equal(const struct spore__filestate *a, const struct spore__filestate *b);

struct spore__input {
	char *path;  // absolute
	bool absent; // then `state` is not used
	bool made;   // belongs to the artifact
	struct spore__filestate state;
};

struct spore__program {
	char *name;
	char *path; // below the artifact's folder
};

struct spore__index {
	char *logic; // of who wrote it; NULL when it was not read from a file
	char *id;
	char *kind;
	char *tier;
	char *main; // may be NULL
	int64_t checked_s, checked_ns;
	struct spore__program *programs;
	size_t program_count;
	struct spore__input *inputs;
	size_t input_count;
	struct spore__strs env;
	struct spore__strs args; // not empty: there is no artifact, and the id is "-"
	bool control;
};

// Where the index entry of SOURCE (a real path) is; malloc'ed. FILE is "fast", "opt", "lock" or "opt-lock".
char *spore__index_path(const char *store, const char *source, const char *file);

// 0; -1 with errno, EBADMSG when malformed. *INDEX is to be finished either way.
int spore__index_read(const char *path, struct spore__index *index);
int spore__index_parse(char *text, struct spore__index *index); // changes TEXT
void spore__index_write(const struct spore__index *index, struct spore__buf *out);
// A word for how this version of spore builds folders and chooses their programs. What another one made of a folder is not the
// last word on it: it may have failed, or chosen, where this one knows better.
const char *spore__index_logic(void);
void spore__index_finish(struct spore__index *index);

void spore__index_add_input(struct spore__index *index, const char *path, const struct stat *st); // ST NULL: absent
void spore__index_add_made(struct spore__index *index, const char *path, const struct stat *st);
void spore__index_add_program(struct spore__index *index, const char *name, const char *path);

// True when every input is as it was, and none changed so shortly before it was looked at that the clock of the file
// system could hide a second change. *WHICH, if not NULL, becomes the first one that differs (points into INDEX).
bool spore__index_fresh(const struct spore__index *index, const char **which);

// The same without regard to how shortly before: has anything been seen to change since?
bool spore__index_same(const struct spore__index *index, const char **which);

// Did S change so shortly before INDEX was checked (or after) that its times do not prove its content?
bool spore__index_recent(const struct spore__index *index, const struct spore__filestate *s);

// The program NAME, or the main one when NAME is NULL; NULL when there is none of that name or it must be chosen.
const struct spore__program *spore__index_program(const struct spore__index *index, const char *name);

#endif
