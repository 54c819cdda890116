// A log record as one line for people: `12:34:56.789 info  listening port=80 host="a b"`. Control characters and bytes
// that are not UTF-8 are escaped, so that a record cannot fake another nor play with the terminal.
#ifndef SPORE_LIB_LOGLINE_H
#define SPORE_LIB_LOGLINE_H

#include <stddef.h>

#include "control.h"

// Formats a SPORE__CONTROL_LOG or SPORE__CONTROL_LOST message. NAME (may be NULL) stands before the text. Returns the length of the
// line, its newline included; cut off at SIZE (at least 64) bytes with "..." before the newline. Local time.
size_t spore__logline_format(const struct spore__control_message *m, const char *name, char *out, size_t size);

// The length of the printable character of UTF-8 at S, which has LEN > 0 bytes; 0 when it is none (a control character, a mark that turns the
// direction of writing, or no UTF-8).
size_t spore__logline_character(const unsigned char *s, size_t len);

// Is a record of this level shown to people? SPORE_LOG names the least level (debug, info, warn, error); info when it is not set.
bool spore__logline_shown(uint64_t level);

#endif
