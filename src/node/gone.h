// Folders that are to go: moved out of the way at once, removed by a thread that lives only as long as there is something, since a disk
// that is busy takes milliseconds for each file, and the node must not wait.
#ifndef SPORE_NODE_GONE_H
#define SPORE_NODE_GONE_H

#include <stdbool.h>
#include <uv.h>

struct spore__gone {
	int dir; // descriptor of the folder that they are moved into
	uv_async_t done;
	uv_thread_t thread;
	bool running, again; // again: more was moved meanwhile
	unsigned count;
};

// The folder `gone` in STATE_DIR; what another node left there is removed. 0, or -1 with errno.
int spore__gone_init(struct spore__gone *g, uv_loop_t *loop, int state_dir);
// Removes NAME in the folder DIR, a folder with all that is in it; nothing when it is not there.
void spore__gone_take(struct spore__gone *g, int dir, const char *name);

#endif
