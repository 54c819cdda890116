// What the trees of tasks use at this moment.
#ifndef SPORE_TASK_USAGE_H
#define SPORE_TASK_USAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct spore__usage {
	int64_t root;       // the process whose descendants count, without itself: a hold; 0: none
	const char *cgroup; // its folder, which knows more; NULL: none
	uint64_t cpu_us;    // of those that live, and of those that they waited for
	int64_t memory_kib; // resident; what processes share counts for each of them
	int64_t peak_kib;   // of all together at most, files that they read included; 0: not known
	unsigned processes;
};

// Fills in the COUNT members of USAGE. False where processes cannot be listed. Reads all of /proc once; for the tools: memory
// that runs out ends the process.
bool spore__usage_measure(struct spore__usage *usage, size_t count);

#endif
