// Bytes of messages as people are shown them.
#ifndef SPORE_LOOK_SHOWN_H
#define SPORE_LOOK_SHOWN_H

#include <stddef.h>

#include "base/buf.h"

// Text as it is, in one line; what would do something to a terminal is escaped.
void spore__put_bytes(struct spore__buf *out, const unsigned char *bytes, size_t len);
// A line for every sixteen, each after a newline.
void spore__put_hex(struct spore__buf *out, const unsigned char *bytes, size_t len);
void spore__put_base64(struct spore__buf *out, const unsigned char *bytes, size_t len);

#endif
