// Logs of many tasks as one: in order of time, the last of them, and what comes to them later.
#ifndef SPORE_LOGS_SHOW_H
#define SPORE_LOGS_SHOW_H

#include <stdbool.h>
#include <stdint.h>

#include "logs/names.h"
#include "logs/print.h"

struct spore__show {
	struct spore__log_print print;
	const char *state;  // folder
	char *const *names; // as given, NULL-terminated
	bool follow;
	int64_t last; // so many records; -1: all
};

// Shows what SHOW says; returns at the end, with `follow` only when it cannot go on. Failures end the process with a report.
void spore__show_run(struct spore__show *show);

#endif
