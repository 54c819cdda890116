#include "base/err.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

void spore__reportv(const char *remedy, const char *fmt, va_list ap)
{
	char text[4096];
	int saved = errno;
	size_t len = 0;
	len += (size_t)snprintf(text, sizeof text, "spore: ");
	int n = vsnprintf(text + len, sizeof text - len - 1, fmt, ap);
	len += n < 0 ? 0 : (size_t)n;
	if (len > sizeof text - 2)
		len = sizeof text - 2;
	text[len++] = '\n';
	if (remedy != NULL) {
		n = snprintf(text + len, sizeof text - len, "  %s\n", remedy);
		if (n > 0 && (size_t)n < sizeof text - len)
			len += (size_t)n;
	}
	for (size_t done = 0; done < len;) {
		ssize_t w = write(STDERR_FILENO, text + done, len - done);
		if (w < 0 && errno != EINTR)
			break; // nobody listens: there is no other place to say it
		done += w > 0 ? (size_t)w : 0;
	}
	errno = saved;
}

void spore__report(const char *remedy, const char *fmt, ...)
{
	va_list ap;
	va_start(ap, fmt);
	spore__reportv(remedy, fmt, ap);
	va_end(ap);
}

void spore__die(enum spore__exit status, const char *remedy, const char *fmt, ...)
{
	va_list ap;
	va_start(ap, fmt);
	spore__reportv(remedy, fmt, ap);
	va_end(ap);
	exit(status);
}
