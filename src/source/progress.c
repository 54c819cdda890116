#include "source/progress.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/fs.h"

enum {
	QUIET_MS = 400, // a build shorter than this shows nothing
	REDRAW_MS = 100,
	PLAIN_MS = 10000, // between plain lines
};

static long ms_since(const struct timespec *then)
{
	struct timespec now;
	if (clock_gettime(CLOCK_MONOTONIC, &now) != 0)
		return 0;
	return (now.tv_sec - then->tv_sec) * 1000 + (now.tv_nsec - then->tv_nsec) / 1000000;
}

void spore__progress_begin(struct spore__progress *p, const char *what, bool quiet, bool verbose)
{
	*p = (struct spore__progress){.what = what, .quiet = quiet, .verbose = verbose};
	p->terminal = isatty(STDERR_FILENO) == 1;
	(void)clock_gettime(CLOCK_MONOTONIC, &p->start);
	p->last = p->start;
}

static void say(const char *text, int len)
{
	if (len > 0)
		(void)spore__fs_write_all(STDERR_FILENO, text, (size_t)len);
}

// "[12/40]" of ninja and meson, "[ 30%]" of CMake's makefiles.
static void count_steps(struct spore__progress *p, const char *line)
{
	if (line[0] != '[')
		return;
	char *end;
	unsigned long n = strtoul(line + 1, &end, 10);
	if (*end == '/') {
		p->step = (unsigned)n;
		p->steps = (unsigned)strtoul(end + 1, NULL, 10);
	} else if (*end == '%') {
		p->step = (unsigned)n;
		p->steps = 100;
	}
}

static void draw(struct spore__progress *p, const char *line, long elapsed)
{
	char text[512];
	char far[32] = "";
	if (p->steps > 0)
		(void)snprintf(far, sizeof far, " %u/%u", p->step, p->steps);
	int len = snprintf(text, sizeof text, "\r\033[Kspore: building %.40s%s, %ld s%s%.60s", p->what, far,
	                   elapsed / 1000, line[0] != '\0' ? ": " : "", line);
	if (len < 0)
		return;
	if ((size_t)len >= sizeof text)
		len = (int)sizeof text - 1;
	// What a build prints must not steer the terminal.
	for (int i = 4; i < len; i++)
		if (iscntrl((unsigned char)text[i]))
			text[i] = ' ';
	say(text, len);
	p->shown = true;
}

void spore__progress_line(void *arg, const char *line)
{
	struct spore__progress *p = arg;
	if (p->quiet)
		return;
	if (line != NULL)
		count_steps(p, line);
	if (p->verbose && line != NULL) {
		char text[4096];
		int len = snprintf(text, sizeof text, "%.4000s\n", line);
		say(text, len);
		return;
	}
	long elapsed = ms_since(&p->start);
	if (p->terminal) {
		if (elapsed >= QUIET_MS && ms_since(&p->last) >= REDRAW_MS) {
			(void)clock_gettime(CLOCK_MONOTONIC, &p->last);
			draw(p, line != NULL ? line : "", elapsed);
		}
	} else if (ms_since(&p->last) >= PLAIN_MS) {
		(void)clock_gettime(CLOCK_MONOTONIC, &p->last);
		char text[128];
		say(text, snprintf(text, sizeof text, "spore: building %.60s, %ld s\n", p->what, elapsed / 1000));
	}
}

void spore__progress_end(struct spore__progress *p)
{
	if (p->shown)
		say("\r\033[K", 4);
	p->shown = false;
}
