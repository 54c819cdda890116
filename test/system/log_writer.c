// Writes a task's log as its hold does, told by standard input what: for tests of what reads logs.
//	log_writer STATE SYSTEM TASK GENERATION BYTES FILES
//	each command is a line KIND FLAGS RUN WALL MONOTONIC LENGTH TIMES and LENGTH bytes; the block is appended so many times. It is answered
//	with `ok` or the reason it failed. The end of the input closes the log.
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "task/log.h"

static uint64_t now(clockid_t clock)
{
	struct timespec t = {0};
	(void)clock_gettime(clock, &t);
	return (uint64_t)t.tv_sec * 1000000000U + (uint64_t)t.tv_nsec;
}

int main(int argc, char **argv)
{
	static unsigned char payload[SPORE__LOG_PAYLOAD];
	struct spore__log_writer w;
	struct spore__hold_name name = {0};
	unsigned kind, flags, run;
	uint64_t wall, monotonic, times;
	size_t len;
	if (argc != 7)
		return 2;
	int state = open(argv[1], O_RDONLY | O_DIRECTORY);
	(void)snprintf(name.system, sizeof name.system, "%s", argv[2]);
	if (!spore__log_folder_parse(argv[2][0] != '\0' ? argv[2] : "_", argv[3], &name))
		return 2;
	name.generation = strtoll(argv[4], NULL, 10);
	if (state < 0 ||
	    spore__log_open(&w, state, &name, strtoll(argv[5], NULL, 10), strtoll(argv[6], NULL, 10)) != 0) {
		perror(argv[1]);
		return 1;
	}
	puts("ok");
	(void)fflush(stdout);
	while (scanf("%u %u %u %" SCNu64 " %" SCNu64 " %zu %" SCNu64, &kind, &flags, &run, &wall, &monotonic, &len,
	             &times) == 7) {
		if (getchar() != '\n' || len > sizeof payload || fread(payload, 1, len, stdin) != len)
			return 2;
		int failed = 0;
		for (; times > 0 && failed == 0; times--)
			failed = spore__log_append(&w, (enum spore__log_kind)kind, flags, run,
			                           wall != 0 ? wall : now(CLOCK_REALTIME),
			                           monotonic != 0 ? monotonic : now(CLOCK_MONOTONIC), payload, len);
		puts(failed == 0 ? "ok" : strerror(errno));
		(void)fflush(stdout);
	}
	spore__log_close(&w);
	return 0;
}
