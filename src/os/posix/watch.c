#include <dirent.h>
#include <errno.h>
#include <poll.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "os/os.h"

enum { LOOK_EVERY_MS = 250 };

struct watched {
	char *path;
	uint64_t last; // sum over the states of the file, or of the folder and what is in it; 0: it was not there
};

struct spore__watch {
	struct watched *items;
	size_t count;
};

struct spore__watch *spore__os_watch_create(void)
{
	return calloc(1, sizeof(struct spore__watch));
}

void spore__os_watch_destroy(struct spore__watch *w)
{
	if (w == NULL)
		return;
	for (size_t i = 0; i < w->count; i++)
		free(w->items[i].path);
	free(w->items);
	free(w);
}

static uint64_t sum(uint64_t so_far, const struct stat *st)
{
	const uint64_t parts[] = {(uint64_t)st->st_ino,         (uint64_t)st->st_size,
	                          (uint64_t)st->st_mtim.tv_sec, (uint64_t)st->st_mtim.tv_nsec,
	                          (uint64_t)st->st_ctim.tv_sec, (uint64_t)st->st_ctim.tv_nsec};
	for (size_t i = 0; i < sizeof parts / sizeof *parts; i++)
		so_far = (so_far ^ parts[i]) * UINT64_C(0x9e3779b97f4a7c15) + 1;
	return so_far;
}

static uint64_t look(const char *path)
{
	struct stat st;
	if (stat(path, &st) != 0)
		return 0;
	uint64_t all = sum(1, &st);
	DIR *d = S_ISDIR(st.st_mode) ? opendir(path) : NULL;
	// A file that is written in place changes nothing of its folder.
	for (struct dirent *e; d != NULL && (e = readdir(d)) != NULL;)
		if (strcmp(e->d_name, "..") != 0 && fstatat(dirfd(d), e->d_name, &st, 0) == 0)
			all += sum(2, &st); // in any order
	if (d != NULL)
		closedir(d);
	return all;
}

int spore__os_watch_add(struct spore__watch *w, const char *path)
{
	struct watched *items = realloc(w->items, (w->count + 1) * sizeof *items);
	if (items == NULL)
		return -1;
	w->items = items;
	struct watched *item = &items[w->count];
	item->path = strdup(path);
	if (item->path == NULL)
		return -1;
	item->last = look(path);
	w->count++;
	return 0;
}

int spore__os_watch_add_written(struct spore__watch *w, const char *folder)
{
	return spore__os_watch_add(w, folder);
}

int spore__os_watch_wait(struct spore__watch *w, int timeout_ms)
{
	return spore__os_watch_wait_or_gone(w, -1, timeout_ms);
}

int spore__os_watch_wait_or_gone(struct spore__watch *w, int fd, int timeout_ms)
{
	struct pollfd p = {.fd = fd};
	for (int waited = 0;; waited += LOOK_EVERY_MS) {
		bool changed = false;
		for (size_t i = 0; i < w->count; i++) {
			uint64_t now = look(w->items[i].path);
			changed = changed || now != w->items[i].last;
			w->items[i].last = now;
		}
		if (changed)
			return 1;
		if (timeout_ms >= 0 && waited >= timeout_ms)
			return 0;
		int n = poll(&p, 1, LOOK_EVERY_MS);
		if (n != 0)
			return n < 0 ? -1 : 2;
	}
}
