#include "logs/json_line.h"

#include <math.h>
#include <string.h>

#include "logs/when.h"
#include "task/lines.h"

enum { LEVEL, MESSAGE, TIME };

// Loggers count in tens (pino, bunyan), or as syslog does.
static unsigned level_of_number(double n)
{
	if (n >= 10)
		return n >= 50 ? SPORE_ERROR : n >= 40 ? SPORE_WARN : n >= 30 ? SPORE_INFO : SPORE_DEBUG;
	return n < 0 ? 0 : n <= 3 ? SPORE_ERROR : n <= 4 ? SPORE_WARN : n <= 6 ? SPORE_INFO : SPORE_DEBUG;
}

static bool take_level(struct spore__json_line *l, const json_t *value)
{
	l->level = json_is_number(value)   ? level_of_number(json_number_value(value))
	           : json_is_string(value) ? spore__level_parse(json_string_value(value), json_string_length(value))
	                                   : 0;
	return l->level != 0;
}

static bool take_message(struct spore__json_line *l, const json_t *value)
{
	if (!json_is_string(value))
		return false;
	l->message = json_string_value(value);
	l->message_len = json_string_length(value);
	return true;
}

// Seconds, or thousandths, millionths or billionths of them: which is clear from how many there are.
static bool take_time(struct spore__json_line *l, const json_t *value)
{
	if (json_is_string(value))
		return spore__when_parse_iso(json_string_value(value), json_string_length(value), &l->said);
	double n = json_is_number(value) ? json_number_value(value) : 0;
	if (!(n >= 1) || n > 4e18)
		return false;
	uint64_t unit = n < 1e11 ? 1000000000 : n < 1e14 ? 1000000 : n < 1e17 ? 1000 : 1;
	l->said = json_is_integer(value) ? (uint64_t)json_integer_value(value) * unit
	                                 : (uint64_t)n * unit + (uint64_t)((n - floor(n)) * (double)unit);
	return l->said != 0;
}

static const struct {
	bool (*take)(struct spore__json_line *l, const json_t *value);
	const char *keys[6]; // the first that is there counts
} wanted[] = {
    [LEVEL] = {take_level, {"level", "severity", "lvl", "loglevel", NULL}},
    [MESSAGE] = {take_message, {"msg", "message", NULL}},
    [TIME] = {take_time, {"time", "ts", "timestamp", "@timestamp", NULL}},
};

bool spore__json_line_parse(const char *text, size_t len, struct spore__json_line *line)
{
	*line = (struct spore__json_line){0};
	while (len > 0 && (text[len - 1] == '\r' || text[len - 1] == ' '))
		len--;
	if (len < 2 || text[0] != '{' || text[len - 1] != '}')
		return false;
	line->object = json_loadb(text, len, JSON_ALLOW_NUL, NULL);
	if (!json_is_object(line->object)) {
		spore__json_line_finish(line);
		return false;
	}
	for (size_t i = 0; i < sizeof wanted / sizeof *wanted; i++) {
		for (size_t k = 0; wanted[i].keys[k] != NULL && line->used[i] == NULL; k++) {
			const json_t *value = json_object_get(line->object, wanted[i].keys[k]);
			if (value != NULL && wanted[i].take(line, value))
				line->used[i] = wanted[i].keys[k];
		}
	}
	return true;
}

void spore__json_line_finish(struct spore__json_line *line)
{
	json_decref(line->object);
	line->object = NULL;
}

bool spore__json_line_used(const struct spore__json_line *line, const char *key)
{
	for (size_t i = 0; i < sizeof line->used / sizeof *line->used; i++)
		if (line->used[i] != NULL && strcmp(line->used[i], key) == 0)
			return true;
	return false;
}
