// Writes JSON (RFC 8259) into a buffer: values one after the other, commas by itself. Bytes that are not UTF-8 become U+FFFD.
#ifndef SPORE_BASE_JSON_H
#define SPORE_BASE_JSON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"

struct spore__json {
	struct spore__buf *out;
	bool comma; // a value precedes at this level
};

void spore__json_open(struct spore__json *j, const char *key, char bracket);     // KEY may be NULL; '{' or '['
void spore__json_close(struct spore__json *j, char bracket);                     // '}' or ']'
void spore__json_str(struct spore__json *j, const char *key, const char *value); // VALUE NULL: null
void spore__json_strn(struct spore__json *j, const char *key, const char *text, size_t len); // may hold NUL
void spore__json_raw(struct spore__json *j, const char *key, const char *json);              // encoded already
bool spore__json_is_text(const char *bytes, size_t len); // UTF-8: nothing becomes U+FFFD
void spore__json_null(struct spore__json *j, const char *key);
void spore__json_float(struct spore__json *j, const char *key, double value); // null when it is not finite
void spore__json_int(struct spore__json *j, const char *key, int64_t value);
void spore__json_bool(struct spore__json *j, const char *key, bool value);

#endif
