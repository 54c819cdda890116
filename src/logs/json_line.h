// Lines of JSON as many loggers write them: {"level": "info", "msg": "listening", "time": ..., "port": 80}.
#ifndef SPORE_LOGS_JSON_LINE_H
#define SPORE_LOGS_JSON_LINE_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct spore__json_line {
	json_t *object;      // owned
	const char *message; // NULL: it has none, and the line itself is the text
	size_t message_len;
	unsigned level;      // enum spore_level; 0: it says none
	uint64_t said;       // wall ns; 0: it says none
	const char *used[3]; // keys that the above came from; NULL: none
};

// False when TEXT is no JSON object; then there is nothing to finish.
bool spore__json_line_parse(const char *text, size_t len, struct spore__json_line *line);
void spore__json_line_finish(struct spore__json_line *line);

// Is KEY one of those that are not among the fields?
bool spore__json_line_used(const struct spore__json_line *line, const char *key);

#endif
