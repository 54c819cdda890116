// What the programs of a task find in their environment, and where they find others.
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "task/hold.h"

static bool is_own(const char *variable)
{
	static const char *const names[] = {"SPORE_TASK=",   "SPORE_INSTANCE=", "SPORE_PORTS=",   "SPORE_FD=",
	                                    "SPORE_BESIDE=", "NOTIFY_SOCKET=",  "WATCHDOG_USEC=", "WATCHDOG_PID="};
	for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
		if (strncmp(variable, names[i], strlen(names[i])) == 0)
			return true;
	return false;
}

static void set(struct spore__hold_environment *e, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

static void set(struct spore__hold_environment *e, const char *fmt, ...)
{
	va_list ap;
	va_start(ap, fmt);
	(void)vsnprintf(e->own[e->owned], sizeof e->own[0], fmt, ap);
	va_end(ap);
	e->items[e->count++] = e->own[e->owned++];
}

int spore__hold_environment_make(const struct spore__hold *h, bool helper, int control,
                                 struct spore__hold_environment *e)
{
	size_t count = 0;
	while (h->spec.env != NULL && h->spec.env[count] != NULL)
		count++;
	e->count = e->owned = 0;
	e->items = malloc((count + SPORE__HOLD_OWN + 1) * sizeof *e->items);
	if (e->items == NULL)
		return -1;
	bool has_term = false;
	for (size_t i = 0; i < count; i++)
		has_term |= strncmp(h->spec.env[i], "TERM=", 5) == 0;
	for (size_t i = 0; i < count; i++)
		if (!is_own(h->spec.env[i]))
			e->items[e->count++] = h->spec.env[i];
	set(e, "SPORE_TASK=%s", h->task);
	set(e, SPORE__INSTANCE_MARK "=%s#%" PRId64, h->folder, h->state.run);
	if (h->ports_folder[0] != '\0')
		set(e, "SPORE_PORTS=%s", h->ports_folder);
	if (!helper && control >= 0)
		set(e, "SPORE_FD=%d", control);
	if (!helper && control >= 0 && h->beside)
		set(e, "SPORE_BESIDE=1");
	if (!helper && h->run.notify_path[0] != '\0')
		set(e, "NOTIFY_SOCKET=%s", h->run.notify_path);
	if (!helper && h->spec.alive == SPORE__ALIVE_NOTIFY)
		set(e, "WATCHDOG_USEC=%" PRId64, h->spec.alive_every_ms * 1000);
	if (h->spec.tty && !has_term)
		set(e, "TERM=xterm-256color");
	e->items[e->count] = NULL;
	return 0;
}

void spore__hold_environment_finish(struct spore__hold_environment *e)
{
	free(e->items);
	e->items = NULL;
}

static const char *task_path(const struct spore__hold *h)
{
	for (size_t i = 0; h->spec.env != NULL && h->spec.env[i] != NULL; i++)
		if (strncmp(h->spec.env[i], "PATH=", 5) == 0)
			return h->spec.env[i] + 5;
	return "/usr/local/bin:/usr/bin:/bin";
}

int spore__hold_find(const struct spore__hold *h, const char *name, char *out)
{
	const char *cwd = h->spec.cwd != NULL ? h->spec.cwd : "/";
	if (strchr(name, '/') != NULL) {
		int len = snprintf(out, PATH_MAX, "%s%s%s", name[0] == '/' ? "" : cwd, name[0] == '/' ? "" : "/", name);
		errno = ENAMETOOLONG;
		return len < PATH_MAX ? 0 : -1;
	}
	struct stat st;
	const char *at = task_path(h), *end;
	do {
		end = at + strcspn(at, ":");
		int len = snprintf(out, PATH_MAX, "%.*s/%s", (int)(end - at), at, name);
		if (at[0] == '/' && len < PATH_MAX && stat(out, &st) == 0 && S_ISREG(st.st_mode) &&
		    access(out, X_OK) == 0)
			return 0;
		at = end + 1;
	} while (*end != '\0');
	errno = ENOENT;
	return -1;
}
