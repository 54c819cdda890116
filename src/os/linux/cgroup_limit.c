// What is written into the files of a leaf, and read from them. https://docs.kernel.org/admin-guide/cgroup-v2.html
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "os/linux/cgroup.h"

enum {
	PERIOD_US = 100000,
	LONG_PERIOD_US = 1000000, // for less than a hundredth of a processor: the kernel takes no quota below 1 ms
	FILE_MAX_BYTES = 2048,
};

static int write_number(int leaf, const char *name, int64_t value)
{
	char text[32];
	(void)snprintf(text, sizeof text, "%" PRId64, value);
	return spore__cgroup_write(leaf, name, text) ? 0 : -1;
}

static int limit_memory(int leaf, int64_t bytes)
{
	if (write_number(leaf, "memory.max", bytes) != 0)
		return -1;
	// A limit that swapping gets around is none. Not there: no swap, or it is not accounted for.
	if (write_number(leaf, "memory.swap.max", 0) != 0 && errno != ENOENT)
		return -1;
	// A program of which the kernel has ended some process is no longer what was started.
	return write_number(leaf, "memory.oom.group", 1) != 0 && errno != ENOENT ? -1 : 0;
}

static int limit_cpu(int leaf, int64_t milli)
{
	char text[64];
	int64_t period = milli < 10 ? LONG_PERIOD_US : PERIOD_US;
	(void)snprintf(text, sizeof text, "%" PRId64 " %" PRId64, milli * (period / 1000), period);
	return spore__cgroup_write(leaf, "cpu.max", text) ? 0 : -1;
}

int spore__cgroup_limit(int leaf, enum spore__tree_limit what, int64_t value)
{
	switch (what) {
	case SPORE__TREE_MEMORY:
		return limit_memory(leaf, value);
	case SPORE__TREE_PROCESSES:
		return write_number(leaf, "pids.max", value);
	case SPORE__TREE_CPU:
		return limit_cpu(leaf, value);
	case SPORE__TREE_LIMITS:
		break;
	}
	errno = EINVAL;
	return -1;
}

static bool read_file(int leaf, const char *name, char text[FILE_MAX_BYTES])
{
	int fd = openat(leaf, name, O_RDONLY | O_CLOEXEC);
	ssize_t len = fd >= 0 ? read(fd, text, FILE_MAX_BYTES - 1) : -1;
	if (fd >= 0)
		close(fd);
	text[len > 0 ? len : 0] = '\0';
	return len > 0;
}

static int64_t read_number(int leaf, const char *name)
{
	char text[FILE_MAX_BYTES];
	return read_file(leaf, name, text) && text[0] >= '0' && text[0] <= '9' ? strtoll(text, NULL, 10) : -1;
}

// Of a file of lines KEY NUMBER. -1: it has none.
static int64_t number_of(const char *text, const char *key)
{
	size_t len = strlen(key);
	for (const char *at = text; *at != '\0'; at += strcspn(at, "\n"), at += *at == '\n')
		if (strncmp(at, key, len) == 0 && at[len] == ' ')
			return strtoll(at + len, NULL, 10);
	return -1;
}

void spore__cgroup_use(int leaf, struct spore__tree_use *use)
{
	char text[FILE_MAX_BYTES];
	*use = (struct spore__tree_use){
	    .memory = read_number(leaf, "memory.current"),
	    .peak = read_number(leaf, "memory.peak"),
	    .processes = read_number(leaf, "pids.current"),
	};
	(void)read_file(leaf, "cpu.stat", text);
	use->user_us = number_of(text, "user_usec");
	use->system_us = number_of(text, "system_usec");
	(void)read_file(leaf, "memory.events", text);
	use->out_of_memory = number_of(text, "oom_kill");
	(void)read_file(leaf, "pids.events", text);
	use->forks_refused = number_of(text, "max");
}
