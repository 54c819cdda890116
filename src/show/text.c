#include "show/text.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/mem.h"
#include "system/value.h"

void spore__end_text(const struct spore__hold_state *s, char *out, size_t size)
{
	char *name = spore__value_show_signal(s->signal);
	switch (s->end) {
	case SPORE__END_NONE:
		(void)snprintf(out, size, "%s", "");
		break;
	case SPORE__END_EXITED:
		(void)snprintf(out, size, "status %" PRId64, s->code);
		break;
	case SPORE__END_SIGNALLED:
		(void)snprintf(out, size, "signal %" PRId64 "%s%s%s%s", s->signal, atoi(name) > 0 ? "" : " (",
		               atoi(name) > 0 ? "" : name, atoi(name) > 0 ? "" : ")", s->core ? ", core dumped" : "");
		break;
	case SPORE__END_NO_START:
		(void)snprintf(out, size, "could not be started");
		break;
	case SPORE__END_NOT_READY:
		(void)snprintf(out, size, "was not ready in time");
		break;
	case SPORE__END_NOT_ALIVE:
		(void)snprintf(out, size, "its liveness probe failed");
		break;
	case SPORE__END_LOST:
		(void)snprintf(out, size, "was ended with its hold");
		break;
	}
	free(name);
}

void spore__age_text(int64_t ns, char *out, size_t size)
{
	int64_t s = ns > 0 ? ns / 1000000000 : 0;
	if (s < 60)
		(void)snprintf(out, size, "%" PRId64 "s", s);
	else if (s < 3600)
		(void)snprintf(out, size, "%" PRId64 "m%02" PRId64 "s", s / 60, s % 60);
	else if (s < 86400)
		(void)snprintf(out, size, "%" PRId64 "h%02" PRId64 "m", s / 3600, s / 60 % 60);
	else
		(void)snprintf(out, size, "%" PRId64 "d%02" PRId64 "h", s / 86400, s / 3600 % 24);
}

void spore__cpu_text(uint64_t us, char *out, size_t size)
{
	if (us < 60000000)
		(void)snprintf(out, size, "%" PRIu64 ".%02" PRIu64 "s", us / 1000000, us / 10000 % 100);
	else
		spore__age_text((int64_t)(us * 1000), out, size);
}

void spore__memory_text(int64_t kib, char *out, size_t size)
{
	static const char units[] = "KMGT";
	size_t u = 0;
	double n = (double)kib;
	for (; n >= 1000 && u + 1 < sizeof units - 1; u++)
		n /= 1024;
	if (u == 0)
		(void)snprintf(out, size, "%" PRId64 "K", kib);
	else
		(void)snprintf(out, size, n < 10 ? "%.1f%c" : "%.0f%c", n, units[u]);
}

void spore__bytes_text(double bytes, char *out, size_t size)
{
	if (bytes < 1000)
		(void)snprintf(out, size, "%.0f", bytes);
	else
		spore__memory_text((int64_t)(bytes / 1024 + 0.5), out, size);
}

int64_t spore__wall_ns(void)
{
	struct timespec t;
	(void)clock_gettime(CLOCK_REALTIME, &t);
	return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

void spore__moment_text(int64_t wall_ns, char *out, size_t size)
{
	time_t s = (time_t)(wall_ns / 1000000000);
	struct tm tm;
	if (wall_ns == 0 || localtime_r(&s, &tm) == NULL || strftime(out, size, "%Y-%m-%d %H:%M:%S", &tm) == 0)
		(void)snprintf(out, size, "-");
}

void spore__task_age_text(const struct spore__task_info *t, char *out, size_t size)
{
	const struct spore__hold_state *s = &t->hold;
	int64_t since = s->phase == SPORE__PHASE_RUNNING && s->ready_at != 0 ? s->ready_at
	                : s->pid != 0                                        ? s->started_at
	                                                                     : s->ended_at;
	if (t->has_hold && since != 0)
		spore__age_text(spore__wall_ns() - since, out, size);
	else
		(void)snprintf(out, size, "-");
}

// Programs say what they like: nothing of it may move a terminal's cursor.
static void make_plain(char *text)
{
	for (char *p = text; *p != '\0'; p++)
		if ((unsigned char)*p < 0x20 || *p == 0x7f)
			*p = ' ';
}

char *spore__task_note(const struct spore__task_info *t)
{
	char end[128] = "";
	bool ended = t->hold.phase == SPORE__PHASE_ENDED || t->hold.phase == SPORE__PHASE_WAITING;
	const char *why = t->why[0] != '\0' ? t->why : t->hold.why;
	if (t->has_hold && ended)
		spore__end_text(&t->hold, end, sizeof end);
	struct spore__buf out = {0};
	const char *const parts[] = {end, why, ended ? "" : t->hold.status};
	for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) {
		if (parts[i][0] == '\0' || (i > 0 && out.len > 0 && strstr(parts[i], end) != NULL && end[0] != '\0'))
			continue;
		spore__buf_printf(&out, "%s%s", out.len > 0 ? "; " : "", parts[i]);
	}
	if (t->hold.survivors[0] != '\0')
		spore__buf_printf(&out, "%snot ended: %s", out.len > 0 ? "; " : "", t->hold.survivors);
	if (strcmp(t->state, "scheduled") == 0 && out.len == 0) {
		char when[32];
		spore__moment_text(t->next_at, when, sizeof when);
		spore__buf_printf(&out, "next at %s", when);
	}
	char *note = out.len > 0 ? spore__buf_take(&out) : spore__xstrdup("");
	make_plain(note);
	return note;
}

bool spore__may_colour(void)
{
	const char *no = getenv("NO_COLOR");
	const char *term = getenv("TERM");
	return isatty(STDOUT_FILENO) && (no == NULL || no[0] == '\0') && term != NULL && strcmp(term, "dumb") != 0;
}

const char *spore__state_colour(const char *state)
{
	static const struct {
		const char *state, *colour;
	} colours[] = {{"running", "\033[32m"}, {"starting", "\033[33m"}, {"stopping", "\033[33m"},
	               {"failed", "\033[31m"},  {"waiting", "\033[33m"},  {"scheduled", "\033[36m"}};
	for (size_t i = 0; i < sizeof colours / sizeof *colours; i++)
		if (strcmp(colours[i].state, state) == 0)
			return colours[i].colour;
	return "";
}

void spore__task_usage(const struct spore__task_info *t, struct spore__usage *u)
{
	*u = (struct spore__usage){.root = t->hold.pid != 0 ? t->hold.hold : 0,
	                           .cgroup = t->hold.cgroup[0] != '\0' ? t->hold.cgroup : NULL};
}
