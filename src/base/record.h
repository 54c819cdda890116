// Small text records that a person can read: lines `KEY VALUE...`, values escaped (spore__escape), a first line naming the
// format and its version, a last line `end` that shows that nothing was cut off.
#ifndef SPORE_BASE_RECORD_H
#define SPORE_BASE_RECORD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"

void spore__record_begin(struct spore__buf *out, const char *format, int version);
void spore__record_word(struct spore__buf *out, const char *key, const char *value); // nothing when VALUE is NULL
void spore__record_pair(struct spore__buf *out, const char *key, const char *first, const char *second);
void spore__record_int(struct spore__buf *out, const char *key, int64_t value);
void spore__record_end(struct spore__buf *out);

// Calls LINE for each line between the first and `end` with what follows the key (it may change it); false from it, or
// a malformed record, ends with -1 and errno EBADMSG. TEXT is changed.
int spore__record_parse(char *text, const char *format, int version,
                        bool (*line)(void *arg, const char *key, char *rest), void *arg);

// Takes the words of REST apart, unescaped, COUNT of them; false when there are more or fewer.
bool spore__record_words(char *rest, char **words, size_t count);
// One word, copied into *SLOT, which must still be NULL.
bool spore__record_take(char *rest, char **slot);
// COUNT decimal numbers at the start of *REST, each followed by a space, or by the end for the last one.
bool spore__record_ints(char **rest, int64_t *values, size_t count);

#endif
