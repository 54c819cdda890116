#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "os/os.h"

enum { LOOK_EVERY_MS = 250 };

struct watched {
	char *path;
	struct stat last; // all zero: it was not there
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

static void look(const char *path, struct stat *st)
{
	if (stat(path, st) != 0)
		memset(st, 0, sizeof *st);
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
	look(path, &item->last);
	w->count++;
	return 0;
}

static bool same(const struct stat *a, const struct stat *b)
{
	return a->st_ino == b->st_ino && a->st_size == b->st_size && a->st_mtim.tv_sec == b->st_mtim.tv_sec &&
	       a->st_mtim.tv_nsec == b->st_mtim.tv_nsec && a->st_ctim.tv_sec == b->st_ctim.tv_sec &&
	       a->st_ctim.tv_nsec == b->st_ctim.tv_nsec;
}

int spore__os_watch_wait(struct spore__watch *w, int timeout_ms)
{
	for (int waited = 0;; waited += LOOK_EVERY_MS) {
		bool changed = false;
		for (size_t i = 0; i < w->count; i++) {
			struct stat now;
			look(w->items[i].path, &now);
			changed = changed || !same(&now, &w->items[i].last);
			w->items[i].last = now;
		}
		if (changed)
			return 1;
		if (timeout_ms >= 0 && waited >= timeout_ms)
			return 0;
		if (poll(NULL, 0, LOOK_EVERY_MS) < 0)
			return -1;
	}
}
