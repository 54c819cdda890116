// What test_limits_vm runs in its virtual machine: programs that want more than they may have, and what the machine needs besides.
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/reboot.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

// In children, so that no one process has much.
static int eat_memory(long mib, int children)
{
	const size_t size = (size_t)mib * 1024 * 1024 / (size_t)children;
	for (int i = 0; i < children; i++) {
		if (fork() != 0)
			continue;
		char *p = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
		if (p == MAP_FAILED)
			return 3;
		memset(p, 1, size);
		printf("ate %zu\n", size >> 20);
		(void)fflush(stdout);
		(void)pause();
	}
	while (wait(NULL) > 0)
		;
	return 0;
}

static int eat_processes(int wanted)
{
	int got = 0;
	for (; got < wanted; got++) {
		pid_t child = fork();
		if (child == 0) {
			(void)pause();
			_exit(0);
		}
		if (child < 0)
			break;
	}
	printf("forked %d\n", got);
	return got == wanted ? 0 : 1;
}

static double seconds(clockid_t clock)
{
	struct timespec t;
	(void)clock_gettime(clock, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static int eat_time(double wall)
{
	const double start = seconds(CLOCK_MONOTONIC), used = seconds(CLOCK_PROCESS_CPUTIME_ID);
	while (seconds(CLOCK_MONOTONIC) - start < wall)
		;
	printf("share %d\n", (int)(100 * (seconds(CLOCK_PROCESS_CPUTIME_ID) - used) / wall));
	return 0;
}

// Goes on as the user UID in the cgroup of that folder.
static int become(uid_t uid, const char *cgroup, char *const argv[])
{
	char path[512];
	(void)snprintf(path, sizeof path, "%s/cgroup.procs", cgroup);
	int fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd < 0 || write(fd, "0", 1) != 1 || setgid(uid) != 0 || setuid(uid) != 0) {
		perror(path);
		return 125;
	}
	(void)execvp(argv[0], argv);
	perror(argv[0]);
	return 127;
}

int main(int argc, char *argv[])
{
	if (argc == 4 && strcmp(argv[1], "memory") == 0)
		return eat_memory(atol(argv[2]), atoi(argv[3]));
	if (argc == 3 && strcmp(argv[1], "processes") == 0)
		return eat_processes(atoi(argv[2]));
	if (argc == 3 && strcmp(argv[1], "time") == 0)
		return eat_time(atof(argv[2]));
	if (argc > 4 && strcmp(argv[1], "as") == 0)
		return become((uid_t)atol(argv[2]), argv[3], argv + 4);
	if (argc == 2 && strcmp(argv[1], "off") == 0)
		return reboot(RB_POWER_OFF) != 0;
	return 2;
}
