#define _DEFAULT_SOURCE // timegm
#include "node/schedule.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>

enum {
	MINUTE = 60,
	HOUR = 3600,
	DAY = 24 * HOUR,
	YEARS = 9, // a 29th of February may be 8 years away
	ALL_HOURS = 0xffffff,
};

static const int64_t PERIOD_MAX = (int64_t)366 * DAY * 1000;

struct field {
	const char *name;
	int min, max;
	const char *const *words; // of min, min + 1, ...; NULL: numbers only
};

static const char *const months[] = {"jan", "feb", "mar", "apr", "may", "jun", "jul",
                                     "aug", "sep", "oct", "nov", "dec", NULL};
static const char *const weekdays[] = {"sun", "mon", "tue", "wed", "thu", "fri", "sat", NULL};
static const struct field fields[] = {
    {"minute", 0, 59, NULL},  {"hour", 0, 23, NULL},       {"day", 1, 31, NULL},
    {"month", 1, 12, months}, {"weekday", 0, 7, weekdays},
};

static const struct {
	const char *name, *text;
} shorthands[] = {
    {"@hourly", "0 * * * *"},  {"@daily", "0 0 * * *"},  {"@weekly", "0 0 * * 0"},
    {"@monthly", "0 0 1 * *"}, {"@yearly", "0 0 1 1 *"},
};

// The number or word at *P, which is moved behind it; -1: none.
static int take_value(const struct field *f, const char **p)
{
	if (isdigit((unsigned char)**p)) {
		int n = 0;
		while (isdigit((unsigned char)**p)) {
			n = n * 10 + (**p - '0');
			if (n > 1000)
				return -1;
			(*p)++;
		}
		return n >= f->min && n <= f->max ? n : -1;
	}
	for (int i = 0; f->words != NULL && f->words[i] != NULL; i++)
		if (strncasecmp(*p, f->words[i], 3) == 0) {
			*p += 3;
			return f->min + i;
		}
	return -1;
}

// One of the parts between commas; its bits are added.
static bool take_part(const struct field *f, const char **p, uint64_t *bits)
{
	int from = f->min, to = f->max, step = 1;
	bool range = true;
	if (**p == '*') {
		(*p)++;
	} else {
		from = take_value(f, p);
		range = **p == '-';
		if (range)
			(*p)++;
		to = range ? take_value(f, p) : from;
		if (from < 0 || to < from)
			return false;
	}
	if (**p == '/') {
		(*p)++;
		char *end;
		long n = isdigit((unsigned char)**p) ? strtol(*p, &end, 10) : 0;
		if (n < 1 || n > f->max)
			return false;
		*p = end;
		step = (int)n;
		to = range ? to : f->max; // "5/10": from 5 on
	}
	for (int i = from; i <= to; i += step)
		*bits |= (uint64_t)1 << i;
	return true;
}

static bool take_field(const struct field *f, const char **p, uint64_t *bits)
{
	*bits = 0;
	do {
		*p += **p == ',';
		if (!take_part(f, p, bits))
			return false;
	} while (**p == ',');
	return **p == '\0' || isspace((unsigned char)**p);
}

static bool parse_calendar(const char *text, struct spore__schedule *s, char *why, size_t size)
{
	enum { COUNT = sizeof fields / sizeof fields[0] };
	uint64_t bits[COUNT];
	bool any[COUNT];
	const char *p = text;
	for (size_t i = 0; i < COUNT; i++) {
		p += strspn(p, " \t");
		const char *at = p;
		if (*p == '\0') {
			(void)snprintf(why, size,
			               "'%.100s' has %zu of the five fields minute, hour, day, month, weekday", text,
			               i);
			return false;
		}
		if (!take_field(&fields[i], &p, &bits[i])) {
			(void)snprintf(why, size,
			               "%s '%.*s': %d to %d, *, ranges (1-5), steps (*/2) and lists (1,2) are known",
			               fields[i].name, (int)strcspn(at, " \t"), at, fields[i].min, fields[i].max);
			return false;
		}
		any[i] = at[0] == '*' && (at[1] == '\0' || isspace((unsigned char)at[1]));
	}
	if (p[strspn(p, " \t")] != '\0') {
		(void)snprintf(why, size, "'%.100s' has more than five fields", text);
		return false;
	}
	*s = (struct spore__schedule){
	    .minutes = bits[0],
	    .hours = (uint32_t)bits[1],
	    .days = (uint32_t)bits[2],
	    .months = (uint32_t)bits[3],
	    .weekdays = (uint32_t)(bits[4] | (bits[4] >> 7 & 1)) & 0x7f, // Sunday is 0 and 7
	    .any_day = any[2],
	    .any_weekday = any[4],
	};
	return true;
}

static bool parse_period(const char *text, struct spore__schedule *s, char *why, size_t size)
{
	static const struct {
		const char *name;
		int64_t ms;
	} units[] = {{"ms", 1}, {"s", 1000}, {"m", 60000}, {"h", (int64_t)HOUR * 1000}, {"d", (int64_t)DAY * 1000}};
	int64_t sum = 0;
	for (const char *p = text; *p != '\0';) {
		char *end = (char *)(uintptr_t)p;
		long n = isdigit((unsigned char)*p) ? strtol(p, &end, 10) : -1;
		size_t len = n < 0 ? 0 : strspn(end, "mshd"), i = 0;
		while (i < 5 && (strlen(units[i].name) != len || strncmp(end, units[i].name, len) != 0))
			i++;
		if (n < 0 || n > PERIOD_MAX || i == 5) {
			(void)snprintf(why, size,
			               "'%.100s' is neither a duration such as 30s or 1h30m nor five fields as of cron",
			               text);
			return false;
		}
		sum += n <= PERIOD_MAX / units[i].ms ? n * units[i].ms : PERIOD_MAX + 1;
		if (sum > PERIOD_MAX)
			break;
		p = end + len;
	}
	if (sum < 1000 || sum > PERIOD_MAX) {
		(void)snprintf(why, size, "'%.100s': a period is from 1s to 366d", text);
		return false;
	}
	*s = (struct spore__schedule){.period_ms = sum};
	return true;
}

bool spore__schedule_parse(const char *text, struct spore__schedule *s, char *why, size_t size)
{
	text += strspn(text, " \t");
	for (size_t i = 0; i < sizeof shorthands / sizeof shorthands[0]; i++)
		if (strcmp(text, shorthands[i].name) == 0)
			text = shorthands[i].text;
	return isdigit((unsigned char)text[0]) && strpbrk(text, " \t") == NULL ? parse_period(text, s, why, size)
	                                                                       : parse_calendar(text, s, why, size);
}

static bool is_day(const struct spore__schedule *s, const struct tm *tm)
{
	bool day = (s->days >> tm->tm_mday & 1) != 0, weekday = (s->weekdays >> tm->tm_wday & 1) != 0;
	if ((s->months >> (tm->tm_mon + 1) & 1) == 0)
		return false;
	return s->any_day ? weekday : s->any_weekday ? day : day || weekday;
}

// The clock on the wall, as seconds since 1970 as if there were no time zones; for comparing and counting.
static int64_t wall_of(time_t t)
{
	struct tm tm;
	return localtime_r(&t, &tm) == NULL ? (int64_t)t : (int64_t)timegm(&tm);
}

// The first moment at which the wall clock shows WALL, or that at which it passes it over.
static int64_t first_time_of(int64_t wall)
{
	// The zone's offset changes at most once in these two days.
	int64_t before = wall_of((time_t)(wall - DAY)) - (wall - DAY),
	        after = wall_of((time_t)(wall + DAY)) - (wall + DAY);
	if (wall_of((time_t)(wall - before)) == wall)
		return wall - before;
	if (wall_of((time_t)(wall - after)) == wall)
		return wall - after;
	int64_t low = wall - DAY, high = wall + DAY; // the change is in (low, high]
	while (high - low > 1) {
		int64_t middle = low + (high - low) / 2;
		if (wall_of((time_t)middle) - middle == before)
			low = middle;
		else
			high = middle;
	}
	return high;
}

// Some minute of every hour: each hour that really passes counts, also the one that comes twice.
static int64_t next_of_every_hour(const struct spore__schedule *s, int64_t after)
{
	int64_t t = after - after % MINUTE + MINUTE;
	for (int64_t end = t + (int64_t)YEARS * 366 * DAY; t < end;) {
		time_t at = (time_t)t;
		struct tm tm;
		if (localtime_r(&at, &tm) == NULL)
			return -1;
		if (!is_day(s, &tm)) {
			int64_t today =
			    wall_of(at) - ((int64_t)tm.tm_hour * HOUR + (int64_t)tm.tm_min * MINUTE + tm.tm_sec);
			int64_t next = first_time_of(today + DAY);
			t = next > t ? next : t + HOUR;
		} else if ((s->minutes >> tm.tm_min & 1) != 0 && tm.tm_sec == 0) {
			return t;
		} else {
			t += MINUTE - tm.tm_sec;
		}
	}
	return -1;
}

int64_t spore__schedule_next(const struct spore__schedule *s, int64_t after)
{
	if (s->hours == ALL_HOURS)
		return next_of_every_hour(s, after);
	int64_t wall = wall_of((time_t)after);
	int64_t day = wall - (wall % DAY + DAY) % DAY;
	for (int64_t end = day + (int64_t)YEARS * 366 * DAY; day < end; day += DAY) {
		time_t at = (time_t)day;
		struct tm tm;
		if (gmtime_r(&at, &tm) == NULL)
			return -1;
		if (!is_day(s, &tm))
			continue;
		for (int hour = 0; hour < 24; hour++) {
			for (int minute = 0; (s->hours >> hour & 1) != 0 && minute < 60; minute++) {
				if ((s->minutes >> minute & 1) == 0 || day + hour * HOUR + minute * MINUTE < wall - DAY)
					continue;
				int64_t t = first_time_of(day + hour * HOUR + minute * MINUTE);
				if (t > after)
					return t;
			}
		}
	}
	return -1;
}
