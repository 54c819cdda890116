// When a periodic task runs (`every:`): a duration, or five fields as of cron. Times in, times out; the clock is the caller's, the time
// zone that of the process.
#ifndef SPORE_NODE_SCHEDULE_H
#define SPORE_NODE_SCHEDULE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

// Either `period_ms`, or a set bit for each minute, hour, day of the month (1 to 31), month (1 to 12) and weekday (0: Sunday).
struct spore__schedule {
	int64_t period_ms; // 0: by the calendar
	uint64_t minutes;
	uint32_t hours, days, months, weekdays;
	bool any_day, any_weekday; // `*`: then the other of the two decides alone; else either is enough
};

// TEXT is a duration (`90s`, `5m`, `1h30m`, `2d`, from 1 s to 366 d) or `MINUTE HOUR DAY MONTH WEEKDAY`, each `*`, or numbers, names (jan,
// mon), ranges and steps, separated by commas; or @hourly, @daily, @weekly, @monthly, @yearly. False: WHY says what is wrong.
bool spore__schedule_parse(const char *text, struct spore__schedule *s, char *why, size_t size);

// The first time by the calendar after AFTER, in seconds since 1970; -1: never (the 30th of February). A time that the clocks skip in
// spring is when they are put forward; of a time that comes twice in autumn the first counts, unless every hour is meant.
int64_t spore__schedule_next(const struct spore__schedule *s, int64_t after);

#endif
