// Runs the queued builds, one at a time, in the background. One thread, on the loop; nothing blocks.
#ifndef SPORE_NODE_BUILDS_H
#define SPORE_NODE_BUILDS_H

#include <limits.h>
#include <stdbool.h>
#include <sys/types.h>
#include <uv.h>

#include "node/db_builds.h"

struct spore__builds {
	uv_loop_t *loop;
	struct spore__db *db;
	char program[PATH_MAX]; // spore-build
	pid_t pid;              // of the build that runs, its process group too; 0: none
	char source[PATH_MAX];  // what it builds
	uv_pipe_t *output;      // its output; NULL: none
	char head[2048];        // the first of it, for the reason of a failure
	size_t head_len;
	uint64_t open_files; // limit for it; 0: the node's
	bool stopping;
};

// DB and LIBEXEC (the folder of spore-build) are the caller's. 0 or an error of libuv's.
int spore__builds_init(struct spore__builds *b, uv_loop_t *loop, struct spore__db *db, const char *libexec,
                       uint64_t open_files);
// A child of the node, PID, ended with STATUS; it may be another one's.
void spore__builds_ended(struct spore__builds *b, pid_t pid, int status);
// Begins the next build when none runs.
void spore__builds_next(struct spore__builds *b);
// Ends the build that runs, with its process group, and queues it again; begins no more.
void spore__builds_stop(struct spore__builds *b);

#endif
