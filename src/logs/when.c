#include "logs/when.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static const uint64_t second = 1000000000;

// Days from 1970-01-01 to the day of the Gregorian calendar.
static int64_t days(int64_t year, int64_t month, int64_t day)
{
	static const int before[] = {0, 31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334};
	bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
	int64_t last = year - 1;
	return year * 365 + last / 4 - last / 100 + last / 400 - 719527 + before[month - 1] + (leap && month > 2) +
	       day - 1;
}

struct cursor {
	const char *at, *end;
};

// COUNT digits, or from 1 to 9 when COUNT is 0; -1 when there are none.
static int64_t digits(struct cursor *c, int count)
{
	int64_t n = 0;
	int i = 0;
	for (; c->at < c->end && *c->at >= '0' && *c->at <= '9' && i < (count > 0 ? count : 9); i++)
		n = n * 10 + (*c->at++ - '0');
	return i == 0 || (count > 0 && i < count) ? -1 : n;
}

static bool sign(struct cursor *c, const char *which)
{
	if (c->at >= c->end || strchr(which, *c->at) == NULL || *c->at == '\0')
		return false;
	c->at++;
	return true;
}

struct clock {
	int64_t hour, minute, second, ns;
};

// HH:MM[:SS[.FRACTION]]
static bool parse_clock(struct cursor *c, struct clock *t)
{
	*t = (struct clock){0};
	t->hour = digits(c, 2);
	if (t->hour < 0 || t->hour > 23 || !sign(c, ":"))
		return false;
	t->minute = digits(c, 2);
	if (t->minute < 0 || t->minute > 59)
		return false;
	if (!sign(c, ":"))
		return true;
	t->second = digits(c, 2);
	if (t->second < 0 || t->second > 60)
		return false;
	if (!sign(c, ".,"))
		return true;
	int64_t unit = 100000000;
	bool any = false;
	for (; c->at < c->end && *c->at >= '0' && *c->at <= '9'; c->at++, unit /= 10, any = true)
		t->ns += unit * (*c->at - '0');
	return any;
}

// Z, +HH:MM, +HHMM or +HH: minutes east; false when there is none of it.
static bool parse_zone(struct cursor *c, int64_t *minutes)
{
	*minutes = 0;
	if (sign(c, "Zz"))
		return true;
	bool west = c->at < c->end && *c->at == '-';
	if (!sign(c, "+-"))
		return false;
	int64_t hours = digits(c, 2), rest = 0;
	if (c->at < c->end) {
		(void)sign(c, ":");
		rest = digits(c, 2);
	}
	if (hours < 0 || hours > 23 || rest < 0 || rest > 59)
		return false;
	*minutes = (west ? -1 : 1) * (hours * 60 + rest);
	return true;
}

static bool local(int64_t year, int64_t month, int64_t day, const struct clock *t, uint64_t *ns)
{
	struct tm tm = {.tm_year = (int)(year - 1900),
	                .tm_mon = (int)(month - 1),
	                .tm_mday = (int)day,
	                .tm_hour = (int)t->hour,
	                .tm_min = (int)t->minute,
	                .tm_sec = (int)t->second,
	                .tm_isdst = -1};
	time_t seconds = mktime(&tm);
	if (seconds < 0)
		return false;
	*ns = (uint64_t)seconds * second + (uint64_t)t->ns;
	return true;
}

bool spore__when_parse_iso(const char *text, size_t len, uint64_t *ns)
{
	struct cursor c = {.at = text, .end = text + len};
	struct clock t = {0};
	int64_t minutes, year = digits(&c, 4);
	if (year < 1970 || year > 2500 || !sign(&c, "-")) // until 2554 ns fit into 64 bits
		return false;
	int64_t month = digits(&c, 2);
	if (month < 1 || month > 12 || !sign(&c, "-"))
		return false;
	int64_t day = digits(&c, 2);
	if (day < 1 || day > 31)
		return false;
	if (c.at < c.end && (!sign(&c, "Tt ") || !parse_clock(&c, &t)))
		return false;
	if (c.at == c.end)
		return local(year, month, day, &t, ns);
	if (!parse_zone(&c, &minutes) || c.at != c.end)
		return false;
	int64_t seconds = ((days(year, month, day) * 24 + t.hour) * 60 + t.minute - minutes) * 60 + t.second;
	if (seconds < 0)
		return false;
	*ns = (uint64_t)seconds * second + (uint64_t)t.ns;
	return true;
}

// The sum of numbers with units; false when it is something else.
static bool parse_length(const char *text, uint64_t *ns)
{
	static const struct {
		const char *unit;
		uint64_t ns;
	} units[] = {{"ms", 1000000},      {"s", 1000000000},     {"m", 60000000000},
	             {"h", 3600000000000}, {"d", 86400000000000}, {"w", 604800000000000}};
	struct cursor c = {.at = text, .end = text + strlen(text)};
	*ns = 0;
	while (c.at < c.end) {
		int64_t n = digits(&c, 0);
		size_t len = strspn(c.at, "abcdefghijklmnopqrstuvwxyz"), i = 0;
		for (; i < sizeof units / sizeof *units; i++)
			if (strlen(units[i].unit) == len && strncmp(units[i].unit, c.at, len) == 0)
				break;
		if (n < 0 || i == sizeof units / sizeof *units ||
		    (n > 0 && units[i].ns > (UINT64_MAX - *ns) / (uint64_t)n))
			return false;
		*ns += (uint64_t)n * units[i].ns;
		c.at += len;
	}
	return text[0] != '\0';
}

static bool parse_today(const char *text, uint64_t now, uint64_t *ns)
{
	struct cursor c = {.at = text, .end = text + strlen(text)};
	struct clock t;
	struct tm tm;
	time_t seconds = (time_t)(now / second);
	return parse_clock(&c, &t) && c.at == c.end && localtime_r(&seconds, &tm) != NULL &&
	       local(tm.tm_year + 1900, tm.tm_mon + 1, tm.tm_mday, &t, ns);
}

bool spore__when_parse(const char *text, uint64_t now, uint64_t *ns)
{
	uint64_t length;
	if (strcmp(text, "now") == 0) {
		*ns = now;
		return true;
	}
	if (parse_length(text, &length)) {
		*ns = length < now ? now - length : 0;
		return true;
	}
	if (text[0] == '@' && strlen(text) <= 11 && text[1] != '\0' &&
	    text[1 + strspn(text + 1, "0123456789")] == '\0') {
		*ns = strtoull(text + 1, NULL, 10) * second;
		return true;
	}
	return parse_today(text, now, ns) || spore__when_parse_iso(text, strlen(text), ns);
}

void spore__when_format(uint64_t ns, char out[SPORE__WHEN_SIZE])
{
	// Most records share their second with the one before.
	static uint64_t last = UINT64_MAX;
	static char text[SPORE__WHEN_SIZE];
	struct tm tm;
	time_t seconds = (time_t)(ns / second);
	if (last != ns / second) {
		last = ns / second;
		if (gmtime_r(&seconds, &tm) == NULL || strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%S", &tm) == 0)
			text[0] = '\0';
	}
	(void)snprintf(out, SPORE__WHEN_SIZE, "%.28s.%09" PRIu64 "Z", text, ns % second);
}

void spore__when_format_local(uint64_t ns, char out[SPORE__WHEN_SIZE])
{
	static uint64_t last = UINT64_MAX;
	static char text[SPORE__WHEN_SIZE];
	struct tm tm;
	time_t seconds = (time_t)(ns / second);
	if (last != ns / second) {
		last = ns / second;
		if (localtime_r(&seconds, &tm) == NULL || strftime(text, sizeof text, "%Y-%m-%d %H:%M:%S", &tm) == 0)
			text[0] = '\0';
	}
	(void)snprintf(out, SPORE__WHEN_SIZE, "%.28s.%03u", text, (unsigned)(ns / 1000000 % 1000));
}
