// Allocation for the command line tools, which may die when memory runs out (status 125). The node and the holds
// do not use these: they check malloc themselves and fail the one request.
#ifndef SPORE_BASE_MEM_H
#define SPORE_BASE_MEM_H

#include <stdarg.h>
#include <stddef.h>

void *spore__xmalloc(size_t size);
void *spore__xcalloc(size_t count, size_t size);
void *spore__xrealloc(void *old, size_t size);
char *spore__xstrdup(const char *s);
char *spore__xstrndup(const char *s, size_t len);
char *spore__xvasprintf(const char *fmt, va_list ap);
char *spore__xasprintf(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

#endif
