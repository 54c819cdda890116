#include "logs/follow.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/fs.h"
#include "base/mem.h"

enum { BLIND_MS = 250, TICK_NS = 50 * 1000 * 1000 };

void spore__follow_init(struct spore__follow *f, const char *state)
{
	*f = (struct spore__follow){.logs = spore__fs_join(state, "logs")};
	f->watch = spore__os_watch_create();
	f->blind = f->watch == NULL;
}

void spore__follow_finish(struct spore__follow *f)
{
	spore__os_watch_destroy(f->watch);
	spore__strs_finish(&f->watched);
	free(f->logs);
}

static void watch(struct spore__follow *f, const char *path, bool written)
{
	struct stat st;
	if (f->watch == NULL || spore__strs_has(&f->watched, path) || stat(path, &st) != 0)
		return;
	if ((written ? spore__os_watch_add_written(f->watch, path) : spore__os_watch_add(f->watch, path)) == 0)
		spore__strs_add(&f->watched, path);
	else if (errno != ENOENT)
		f->blind = true; // too many of them on this machine
}

void spore__follow_add(struct spore__follow *f, const char *folder)
{
	watch(f, folder, true);
}

void spore__follow_remove(struct spore__follow *f, const char *folder)
{
	for (size_t i = 0; i < f->watched.count; i++) {
		if (strcmp(f->watched.items[i], folder) != 0)
			continue;
		free(f->watched.items[i]);
		f->watched.items[i] = f->watched.items[--f->watched.count];
		f->watched.items[f->watched.count] = NULL;
		return;
	}
}

// Logs, or of the folders above it the lowest that there is.
static void watch_nearest(struct spore__follow *f)
{
	char *path = spore__xstrdup(f->logs);
	while (!spore__fs_is_dir(path) && strcmp(path, "/") != 0) {
		char *above = spore__fs_dir(path);
		free(path);
		path = above;
	}
	watch(f, path, false);
	free(path);
}

// Folds in when PATH was changed last. *PAST becomes false when another change might have the same time.
static unsigned long long fold(unsigned long long sum, const char *path, const struct timespec *now, bool *past)
{
	struct stat st;
	if (stat(path, &st) != 0)
		return sum * 31 + 1;
	int64_t age = (int64_t)(now->tv_sec - st.st_mtim.tv_sec) * 1000000000 + (now->tv_nsec - st.st_mtim.tv_nsec);
	*past = *past && age > TICK_NS;
	const unsigned long long parts[] = {(unsigned long long)st.st_ino, (unsigned long long)st.st_mtim.tv_sec,
	                                    (unsigned long long)st.st_mtim.tv_nsec};
	for (size_t i = 0; i < sizeof parts / sizeof *parts; i++)
		sum = (sum ^ parts[i]) * 0x9e3779b97f4a7c15ULL + 1;
	return sum;
}

bool spore__follow_has_changed(struct spore__follow *f)
{
	struct spore__strs systems = {0};
	struct timespec now = {0};
	bool past = spore__os_file_clock(&now) == 0;
	watch_nearest(f);
	unsigned long long sum = fold(1, f->logs, &now, &past);
	if (spore__fs_list(f->logs, &systems) == 0) {
		for (size_t i = 0; i < systems.count; i++) {
			char *path = spore__fs_join(f->logs, systems.items[i]);
			watch(f, path, false);
			sum = fold(sum, path, &now, &past);
			free(path);
		}
	}
	spore__strs_finish(&systems);
	bool changed = sum != f->seen || !f->settled;
	f->seen = sum;
	f->settled = past;
	return changed;
}

enum spore__follow_event spore__follow_wait(struct spore__follow *f, int out, int timeout_ms)
{
	int wait = f->blind && (timeout_ms < 0 || timeout_ms > BLIND_MS) ? BLIND_MS : timeout_ms, n;
	if (f->watch != NULL) {
		n = spore__os_watch_wait_or_gone(f->watch, out, wait);
	} else {
		struct pollfd p = {.fd = out};
		n = poll(&p, 1, wait);
		n = n > 0 ? 2 : n;
	}
	if (n == 2)
		return SPORE__FOLLOW_GONE;
	return n == 0 && wait == timeout_ms ? SPORE__FOLLOW_TIMEOUT : SPORE__FOLLOW_CHANGED;
}
