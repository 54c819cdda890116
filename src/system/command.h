// What the commands of spore-system share. Each command is a file and a function that returns the exit status.
#ifndef SPORE_SYSTEM_COMMAND_H
#define SPORE_SYSTEM_COMMAND_H

#include <stdbool.h>
#include <stdint.h>

#include "system/manifest.h"

struct spore__options {
	bool json, schema, detach, wait, watch, swap, logs;
	int64_t timeout_ms;          // -1: none
	struct spore__strs profiles; // of --profile=A,B
	struct spore__strs operands;
};

int spore__system_check(const struct spore__options *o);
int spore__system_plan(const struct spore__options *o);
int spore__system_up(const struct spore__options *o);
int spore__system_down(const struct spore__options *o);
int spore__system_rollback(const struct spore__options *o);
int spore__system_ports(const struct spore__options *o);

// Finds, reads and parses the manifest that TYPED (may be NULL) names. 0, or the exit status after its errors were reported. M is to be
// finished either way.
int spore__system_load(const char *typed, struct spore__manifest *m);

// The same without a report of what is wrong in it: that is in m->yaml. The status is not 0 only when it cannot be read.
int spore__system_read(const char *typed, struct spore__manifest *m);

// That of PATH, an absolute one, without the files that it names.
int spore__system_read_alone(const char *path, struct spore__manifest *m);
// Reports what is wrong in it: 0, or the exit status.
int spore__system_report(const struct spore__manifest *m);

// PATH as a person in the current folder would write it; points into PATH.
const char *spore__system_shown(const char *path);

// The tasks in an order in which each is behind those that it comes after, otherwise as in the manifest: m->count indices, malloc'ed.
size_t *spore__system_order(const struct spore__manifest *m);

#endif
