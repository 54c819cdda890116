#include "node/gone.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "node/log.h"

enum { DEPTH = 8, STACK = 256 * 1024 };

static void remove_at(int dir, const char *name, int depth);

static void empty(int fd, int depth)
{
	DIR *d = fdopendir(fd);
	if (d == NULL) {
		close(fd);
		return;
	}
	for (struct dirent *e; (e = readdir(d)) != NULL;)
		if (strcmp(e->d_name, ".") != 0 && strcmp(e->d_name, "..") != 0)
			remove_at(dirfd(d), e->d_name, depth);
	closedir(d);
}

static void remove_at(int dir, const char *name, int depth)
{
	if (unlinkat(dir, name, 0) == 0 || errno == ENOENT || depth == 0)
		return;
	int fd = openat(dir, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	if (fd >= 0)
		empty(fd, depth - 1);
	(void)unlinkat(dir, name, AT_REMOVEDIR);
}

static void sweep(void *arg)
{
	struct spore__gone *g = arg;
	sigset_t all;
	sigfillset(&all); // signals are the loop's
	(void)pthread_sigmask(SIG_SETMASK, &all, NULL);
	int fd = openat(g->dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd >= 0)
		empty(fd, DEPTH);
	(void)uv_async_send(&g->done);
}

static void start(struct spore__gone *g)
{
	const uv_thread_options_t options = {.flags = UV_THREAD_HAS_STACK_SIZE, .stack_size = STACK};
	g->again = false;
	g->running = uv_thread_create_ex(&g->thread, &options, sweep, g) == 0;
}

static void on_done(uv_async_t *done)
{
	struct spore__gone *g = done->data;
	if (!g->running)
		return;
	(void)uv_thread_join(&g->thread);
	g->running = false;
	if (g->again)
		start(g);
}

static bool is_empty(const struct spore__gone *g)
{
	int fd = openat(g->dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *d = fd >= 0 ? fdopendir(fd) : NULL;
	int entries = 0;
	if (d == NULL) {
		if (fd >= 0)
			close(fd);
		return true;
	}
	while (entries < 3 && readdir(d) != NULL)
		entries++;
	closedir(d);
	return entries < 3; // . and ..
}

int spore__gone_init(struct spore__gone *g, uv_loop_t *loop, int state_dir)
{
	*g = (struct spore__gone){.dir = -1};
	if (mkdirat(state_dir, "gone", 0700) != 0 && errno != EEXIST)
		return -1;
	g->dir = openat(state_dir, "gone", O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	if (g->dir < 0)
		return -1;
	if (uv_async_init(loop, &g->done, on_done) != 0) {
		close(g->dir);
		errno = ENOMEM;
		return -1;
	}
	g->done.data = g;
	if (!is_empty(g))
		start(g);
	return 0;
}

void spore__gone_take(struct spore__gone *g, int dir, const char *name)
{
	char other[64];
	(void)snprintf(other, sizeof other, "%ld.%u", (long)getpid(), g->count++);
	if (renameat(dir, name, g->dir, other) != 0) {
		if (errno != ENOENT) {
			spore__node_log("%s: cannot be moved away: %s", name, strerror(errno));
			remove_at(dir, name, DEPTH);
		}
		return;
	}
	if (g->running)
		g->again = true;
	else
		start(g);
}
