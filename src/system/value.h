// The values that a manifest writes as words: durations, sizes, processors, signals, addresses, periods. Text in, numbers out; nothing is
// printed. Each returns false when TEXT is none of its kind.
#ifndef SPORE_SYSTEM_VALUE_H
#define SPORE_SYSTEM_VALUE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

bool spore__value_int(const char *text, int64_t *out);       // decimal digits, perhaps after a -; no leading zeros
bool spore__value_duration(const char *text, int64_t *ms);   // 200ms, 5s, 10m, 1h, 2d, and several: 1h30m
bool spore__value_size(const char *text, int64_t *bytes);    // 4096, 64K, 512M, 2G, 1T: powers of 1024
bool spore__value_cpu(const char *text, int64_t *milli);     // 2, 0.5, 1.25
bool spore__value_signal(const char *text, int64_t *signal); // TERM, SIGTERM, 15
bool spore__value_address(const char *text,
                          char **out); // 8080 (of this machine), HOST:8080, [::1]:8080; *OUT malloc'ed
// An extended regular expression; WHY it is none.
bool spore__value_pattern(const char *text, char *why, size_t size);
bool spore__value_cpus(const char *text);  // 0,2-3
bool spore__value_every(const char *text); // a duration of a second at least, or as of cron: src/node/schedule.h

// For people, as they would be read again; malloc'ed.
char *spore__value_show_duration(int64_t ms);
char *spore__value_show_size(int64_t bytes);
char *spore__value_show_signal(int64_t signal);

#endif
