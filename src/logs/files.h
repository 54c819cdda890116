// The files of a task's log: which there are, in order. Looked up again when the folder changed.
#ifndef SPORE_LOGS_FILES_H
#define SPORE_LOGS_FILES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>

struct spore__log_file {
	uint64_t generation, number;
};

struct spore__log_files {
	int dir;                       // the folder; -1: it is not there
	struct spore__log_file *items; // in order
	size_t count, cap;
	struct timespec changed; // of the folder when it was read
	bool settled;            // a change since would show in that time
};

// DIR becomes the struct's.
void spore__log_files_init(struct spore__log_files *f, int dir);
void spore__log_files_finish(struct spore__log_files *f);

// Brings it up to date. True when it was read again. *GONE: the folder was removed.
bool spore__log_files_refresh(struct spore__log_files *f, bool *gone);

// The number of the next file of GENERATION after NUMBER; 0: there is none.
uint64_t spore__log_files_next(const struct spore__log_files *f, uint64_t generation, uint64_t number);

#endif
