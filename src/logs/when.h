// Points in time as people and programs write them; nanoseconds since 1970. No clock: NOW is given.
#ifndef SPORE_LOGS_WHEN_H
#define SPORE_LOGS_WHEN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { SPORE__WHEN_SIZE = 40 };

// A length of time before NOW (10m, 1h30m, 2d, 500ms), a date with or without a time (ISO 8601; local unless it ends in Z or an offset), a time of
// today (12:30, 12:30:05), @SECONDS since 1970, or `now`.
bool spore__when_parse(const char *text, uint64_t now, uint64_t *ns);

// ISO 8601 alone: YYYY-MM-DD[(T| )HH:MM[:SS[(.|,)FRACTION]]][Z|+HH[:]MM]. TEXT needs no NUL.
bool spore__when_parse_iso(const char *text, size_t len, uint64_t *ns);

// 2026-01-02T03:04:05.000000006Z
void spore__when_format(uint64_t ns, char out[SPORE__WHEN_SIZE]);
// 2026-01-02 03:04:05.000, local time
void spore__when_format_local(uint64_t ns, char out[SPORE__WHEN_SIZE]);

#endif
