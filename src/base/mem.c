#include "base/mem.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"

static _Noreturn void out_of_memory(void)
{
	spore__die(SPORE__EXIT_SPORE, "free memory or raise the limit (ulimit -v), then try again", "out of memory");
}

void *spore__xmalloc(size_t size)
{
	void *p = malloc(size > 0 ? size : 1);
	if (p == NULL)
		out_of_memory();
	return p;
}

void *spore__xcalloc(size_t count, size_t size)
{
	void *p = calloc(count > 0 ? count : 1, size > 0 ? size : 1);
	if (p == NULL)
		out_of_memory();
	return p;
}

void *spore__xrealloc(void *old, size_t size)
{
	void *p = realloc(old, size > 0 ? size : 1);
	if (p == NULL)
		out_of_memory();
	return p;
}

char *spore__xstrdup(const char *s)
{
	return spore__xstrndup(s, strlen(s));
}

char *spore__xstrndup(const char *s, size_t len)
{
	char *copy = spore__xmalloc(len + 1);
	memcpy(copy, s, len);
	copy[len] = '\0';
	return copy;
}

char *spore__xvasprintf(const char *fmt, va_list ap)
{
	char likely[256];
	va_list again;
	va_copy(again, ap);
	int len = vsnprintf(likely, sizeof likely, fmt, ap);
	if (len < 0)
		out_of_memory();
	char *s = spore__xmalloc((size_t)len + 1);
	if ((size_t)len < sizeof likely)
		memcpy(s, likely, (size_t)len + 1);
	else
		(void)vsnprintf(s, (size_t)len + 1, fmt, again);
	va_end(again);
	return s;
}

char *spore__xasprintf(const char *fmt, ...)
{
	va_list ap;
	va_start(ap, fmt);
	char *s = spore__xvasprintf(fmt, ap);
	va_end(ap);
	return s;
}
