#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/err.h"
#include "os/os.h"
#include "task/hold_main.h"

enum { INHERITED = 3 };

int main(int argc, char *argv[])
{
	char *end;
	errno = 0;
	bool beside = argc > 3 && strcmp(argv[argc - 1], "beside") == 0;
	int words = beside ? argc - 1 : argc;
	bool counted = words == 3 || words == 4;
	long long run = counted ? strtoll(argv[2], &end, 10) : 0;
	if (!counted || errno != 0 || *end != '\0' || run < 1) {
		spore__report("it is started by spore-node; `spore start` is for people",
		              "usage: spore-hold FOLDER RUN [BEFORE] [beside]");
		return SPORE__EXIT_USAGE;
	}
	struct stat st;
	int inherited = fstat(INHERITED, &st) == 0 && S_ISSOCK(st.st_mode) ? INHERITED : -1;
	// What else the starter may have left open would be kept from closing for as long as the task runs.
	spore__os_close_from(inherited >= 0 ? INHERITED + 1 : INHERITED);
	return spore__hold_main(argv[1], run, words == 4 ? argv[3] : NULL, beside, inherited);
}
