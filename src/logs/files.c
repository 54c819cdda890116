#include "logs/files.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/mem.h"
#include "os/os.h"
#include "task/log.h"

void spore__log_files_init(struct spore__log_files *f, int dir)
{
	*f = (struct spore__log_files){.dir = dir};
}

void spore__log_files_finish(struct spore__log_files *f)
{
	if (f->dir >= 0)
		close(f->dir);
	free(f->items);
	spore__log_files_init(f, -1);
}

static int compare(const void *a, const void *b)
{
	const struct spore__log_file *x = a, *y = b;
	if (x->generation != y->generation)
		return x->generation < y->generation ? -1 : 1;
	return x->number < y->number ? -1 : x->number > y->number;
}

static void read_folder(struct spore__log_files *f)
{
	struct spore__log_file file;
	int fd = openat(f->dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *d = fd >= 0 ? fdopendir(fd) : NULL;
	if (d == NULL && fd >= 0)
		close(fd);
	f->count = 0;
	for (struct dirent *e; d != NULL && (e = readdir(d)) != NULL;) {
		if (!spore__log_file_parse(e->d_name, &file.generation, &file.number))
			continue;
		if (f->count == f->cap) {
			f->cap = f->cap > 0 ? 2 * f->cap : 16;
			f->items = spore__xrealloc(f->items, f->cap * sizeof *f->items);
		}
		f->items[f->count++] = file;
	}
	if (d != NULL)
		closedir(d);
	if (f->count > 0)
		qsort(f->items, f->count, sizeof *f->items, compare);
}

// Two changes within one tick of the clock that stamps files have one time, so a time counts only once it lies back by more than that.
static bool is_past(const struct timespec *changed)
{
	enum { TICK_NS = 50 * 1000 * 1000 };
	struct timespec now;
	if (spore__os_file_clock(&now) != 0)
		return false;
	int64_t ns = (int64_t)(now.tv_sec - changed->tv_sec) * 1000000000 + (now.tv_nsec - changed->tv_nsec);
	return ns > TICK_NS;
}

bool spore__log_files_refresh(struct spore__log_files *f, bool *gone)
{
	struct stat st;
	*gone = f->dir >= 0 && fstat(f->dir, &st) == 0 && st.st_nlink == 0;
	if (f->dir < 0 || *gone || fstat(f->dir, &st) != 0)
		return false;
	if (f->settled && st.st_mtim.tv_sec == f->changed.tv_sec && st.st_mtim.tv_nsec == f->changed.tv_nsec)
		return false;
	f->changed = st.st_mtim;
	f->settled = is_past(&st.st_mtim);
	read_folder(f);
	return true;
}

uint64_t spore__log_files_next(const struct spore__log_files *f, uint64_t generation, uint64_t number)
{
	for (size_t i = 0; i < f->count; i++)
		if (f->items[i].generation == generation && f->items[i].number > number)
			return f->items[i].number;
	return 0;
}
