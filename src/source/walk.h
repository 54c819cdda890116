// The files of a source folder, without what is not source: version control, and what earlier builds in place left there.
#ifndef SPORE_SOURCE_WALK_H
#define SPORE_SOURCE_WALK_H

#include <stdbool.h>
#include <sys/stat.h>

#include "base/buf.h"
#include "source/hash.h"

struct spore__entry {
	char *path; // relative to the folder, without "./"
	struct stat st;
	struct spore__hash hash; // of the content; of a link: of its target
};

struct spore__walk {
	struct spore__entry *files; // regular files and links, sorted by path
	size_t file_count;
	struct spore__entry *folders; // "" is the folder itself; the hash is not used
	size_t folder_count;
};

// Walks DIR and hashes. 0; -1 with errno and *WHERE (malloc'ed) the path that could not be read. W is to be finished either way.
int spore__walk_read(struct spore__hashcache *hashes, const char *dir, struct spore__walk *w, char **where);
void spore__walk_finish(struct spore__walk *w);

// Hash over names, kinds and contents.
void spore__walk_hash(const struct spore__walk *w, struct spore__hash *out);

// Makes the folder TO the same as FROM, of which W is the walk, by changing only what differs from the record file RECORD of
// the last time (rewritten). New and changed files get the time of now, on the first time all files get one same old time, so
// that no build system takes one for older than another. *CHANGED is how many files were written or removed.
// EAGAIN: a file changed since it was hashed, so walk again.
int spore__walk_sync(struct spore__hashcache *hashes, const struct spore__walk *w, const char *from, const char *to,
                     const char *record, size_t *changed);

#endif
