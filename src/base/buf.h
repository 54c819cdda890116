// A growing byte string, always NUL-terminated once it holds something, and a growing list of strings.
// Both use spore__xmalloc: for the tools, not for the node.
#ifndef SPORE_BASE_BUF_H
#define SPORE_BASE_BUF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct spore__buf {
	char *data; // may be NULL while nothing was added
	size_t len; // without the NUL
	size_t cap;
};

void spore__buf_finish(struct spore__buf *b);
void spore__buf_add(struct spore__buf *b, const void *bytes, size_t len);
void spore__buf_str(struct spore__buf *b, const char *s);
void spore__buf_char(struct spore__buf *b, char c);
void spore__buf_int(struct spore__buf *b, int64_t value); // decimal; much quicker than printf
void spore__buf_printf(struct spore__buf *b, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
// Gives the string to the caller, who frees it; the buffer is empty again. Never NULL.
char *spore__buf_take(struct spore__buf *b);

// A list of owned strings, NULL-terminated, so that `items` serves as argv.
struct spore__strs {
	char **items; // NULL while empty
	size_t count;
	size_t cap;
};

void spore__strs_finish(struct spore__strs *s);
void spore__strs_add(struct spore__strs *s, const char *item); // copies
void spore__strs_take(struct spore__strs *s, char *item);      // takes a malloc'ed string
void spore__strs_addf(struct spore__strs *s, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
bool spore__strs_has(const struct spore__strs *s, const char *item);
// Splits TEXT at white space; 'single' and "double" quotes and backslash group as in a shell, nothing is expanded.
// False on an unclosed quote.
bool spore__strs_split(struct spore__strs *s, const char *text);
void spore__strs_sort(struct spore__strs *s); // by bytes

#endif
