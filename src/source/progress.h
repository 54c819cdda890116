// What a long build is doing: one line that changes on a terminal (what, how far, elapsed), plain lines otherwise.
#ifndef SPORE_SOURCE_PROGRESS_H
#define SPORE_SOURCE_PROGRESS_H

#include <stdbool.h>
#include <time.h>

struct spore__progress {
	const char *what;
	bool terminal; // standard error is one
	bool quiet;
	bool verbose;         // every line that the build prints
	bool shown;           // the changing line is on the screen
	unsigned step, steps; // as the build systems count, 0: unknown
	struct timespec start, last;
};

void spore__progress_begin(struct spore__progress *p, const char *what, bool quiet, bool verbose);
// A line that the build printed, or NULL: time passes. ARG is the struct.
void spore__progress_line(void *arg, const char *line);
// Takes the changing line away.
void spore__progress_end(struct spore__progress *p);

#endif
