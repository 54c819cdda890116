// The fields of records, for people (` key=value key="a b"`) and as members of a JSON object.
#ifndef SPORE_LOGS_FIELDS_H
#define SPORE_LOGS_FIELDS_H

#include "base/json.h"
#include "logs/json_line.h"
#include "task/lines.h"

// TEXT with what is not printable escaped: nothing in it plays with a terminal, or looks like another record.
void spore__fields_escape(struct spore__buf *out, const char *text, size_t len, bool quoted);

void spore__fields_text(struct spore__buf *out, struct spore__msgpack_reader map);
void spore__fields_text_json(struct spore__buf *out, const struct spore__json_line *line);

// An object, or null when there is none. Of an event those that have no member of their own.
void spore__fields_json(struct spore__json *j, const char *key, const struct spore__record *r);
void spore__fields_json_json(struct spore__json *j, const char *key, const struct spore__json_line *line);

void spore__fields_base64(struct spore__buf *out, const void *bytes, size_t len);

#endif
