// Runs the commands of a build: confined where it can be (bubblewrap), in a clean environment, with standard input
// closed, bounded in time and output, and with nothing left running afterwards.
#ifndef SPORE_SOURCE_SANDBOX_H
#define SPORE_SOURCE_SANDBOX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"

// Inside: /usr, /bin, /lib*, /etc (only what tools need) read-only; `read` paths read-only and `write` paths writable under
// their own names; an empty private home and /tmp; own process, network (empty), IPC namespaces; no user's home folder.
// Not confined (bubblewrap missing or `confined` false): the same commands, environment and limits in the open.
struct spore__sandbox {
	bool confined;
	const char *const *read;  // NULL-terminated
	const char *const *write; // NULL-terminated
	const char *home;         // an empty folder of ours that serves as HOME when not confined
	struct spore__strs
	    env; // NAME=VALUE, the whole environment of the commands beyond PATH, HOME, LANG=C.UTF-8, TMPDIR, TERM=dumb, which it may replace
	int log_fd;             // stdout and stderr of every command go here; owned by the caller
	uint64_t max_seconds;   // for one command
	uint64_t max_log_bytes; // for one command: ended beyond it
	// Called now and then while a command runs (LINE NULL), and with each line it prints; for progress. May be NULL.
	void (*progress)(void *arg, const char *line);
	void *progress_arg;
};

// How a command ended.
struct spore__sandbox_end {
	int status; // exit status, 128+N after signal N
	bool timed_out;
	bool too_much_output;
	struct spore__buf tail; // the last 256 KiB of what it printed; the caller finishes it
};

// True when bubblewrap is there and works for this user (tried once per process); otherwise *WHY says why not (a static string).
bool spore__sandbox_available(const char **why);

// Runs ARGV (argv[0] searched on the build's PATH) in CWD and waits; afterwards none of its processes is alive.
// 0, or -1 with errno when it could not be run at all.
int spore__sandbox_run(const struct spore__sandbox *s, const char *cwd, const char *const argv[],
                       struct spore__sandbox_end *end);

#endif
