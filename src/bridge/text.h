// Small things of text protocols.
#ifndef SPORE_BRIDGE_TEXT_H
#define SPORE_BRIDGE_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "bridge/codec.h"
#include "msgpack.h"

// Writes BYTES as a string, or as bytes when they are no UTF-8.
void spore__text_value(struct spore__msgpack_writer *w, const void *bytes, size_t len);
// Digits alone, at most MAX.
bool spore__text_number(const char *s, size_t len, uint64_t max, uint64_t *number);
// Compares without regard to case (ASCII) with S.
bool spore__text_is(const void *bytes, size_t len, const char *s);
// Appends BYTES for a protocol whose errors are one line: control characters become spaces.
void spore__text_line(struct spore__buf *b, const void *bytes, size_t len);
// Compares a secret in a time that depends on the lengths alone.
bool spore__text_secret(const char *secret, const void *bytes, size_t len);

static inline struct spore__span spore__span_of(const struct spore__msgpack_writer *w)
{
	return (struct spore__span){w->data, w->len};
}

static inline struct spore__span spore__span_str(const char *s)
{
	size_t len = 0;
	while (s[len] != '\0')
		len++;
	return (struct spore__span){(const unsigned char *)s, len};
}

// Is S the text TEXT?
static inline bool spore__span_is(struct spore__span s, const char *text)
{
	struct spore__span t = spore__span_str(text);
	if (s.len != t.len)
		return false;
	for (size_t i = 0; i < s.len; i++)
		if (s.bytes[i] != t.bytes[i])
			return false;
	return true;
}

#endif
