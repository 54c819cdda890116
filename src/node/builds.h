// Runs the queued builds, one at a time, in the background. One thread, on the loop; nothing blocks.
#ifndef SPORE_NODE_BUILDS_H
#define SPORE_NODE_BUILDS_H

#include <limits.h>
#include <stdbool.h>
#include <sys/types.h>
#include <uv.h>

#include "node/db.h"

struct spore__builds {
	uv_loop_t *loop;
	struct spore__db *db;
	char program[PATH_MAX]; // spore-build
	pid_t pid;              // of the build that runs, its process group too; 0: none
	char source[PATH_MAX];  // what it builds
	uv_pipe_t *output;      // its output; NULL: none
	char head[2048];        // the first of it, for the reason of a failure
	size_t head_len;
	uv_signal_t children;
	bool stopping;
};

// DB and LIBEXEC (the folder of spore-build) are the caller's. 0 or an error of libuv's.
int spore__builds_init(struct spore__builds *b, uv_loop_t *loop, struct spore__db *db, const char *libexec);
// Begins the next build when none runs.
void spore__builds_next(struct spore__builds *b);
// Ends the build that runs, with its process group, and queues it again; begins no more.
void spore__builds_stop(struct spore__builds *b);

#endif
