// Tasks in words, for people.
#ifndef SPORE_SHOW_TEXT_H
#define SPORE_SHOW_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "node/tasks_client.h"
#include "task/usage.h"

// Why the last run ended, as "status 1" or "signal 9 (KILL), core dumped"; "" when none did. Into OUT of SIZE bytes.
void spore__end_text(const struct spore__hold_state *s, char *out, size_t size);
// NS as "35s", "4m12s", "3h05m", "12d"; MS of processor time as "0.25s"; KIB as "812K", "14.2M".
void spore__age_text(int64_t ns, char *out, size_t size);
void spore__cpu_text(uint64_t us, char *out, size_t size);
void spore__memory_text(int64_t kib, char *out, size_t size);
void spore__bytes_text(double bytes, char *out, size_t size); // as memory
int64_t spore__wall_ns(void);
// A moment as in "2026-03-01 14:05:09", local time.
void spore__moment_text(int64_t wall_ns, char *out, size_t size);
// Since when it is in its state, as an age: it was ready, it was started, or it ended; "-".
void spore__task_age_text(const struct spore__task_info *t, char *out, size_t size);
// What a person should know about the task beside its state: why it waits or failed, how it ended, what it says itself. Without
// control characters. malloc'ed, perhaps "".
char *spore__task_note(const struct spore__task_info *t);

// What spore__usage_measure has to look at for T, which U points into.
void spore__task_usage(const struct spore__task_info *t, struct spore__usage *u);

// May standard output have colours?
bool spore__may_colour(void);
// The escape sequence for a state, "" for none.
const char *spore__state_colour(const char *state);

#endif
