#include "source/client.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/dirs.h"
#include "base/err.h"
#include "base/fs.h"
#include "base/mem.h"
#include "os/os.h"

static pid_t tidying; // the last builder, which may not have ended; 0: none

void spore__build_reap(void)
{
	if (tidying > 0 && waitpid(tidying, NULL, WNOHANG) != 0)
		tidying = 0;
}

static bool fresh(const char *store, const char *real, const char *tier, struct spore__index *index)
{
	char *path = spore__index_path(store, real, tier);
	bool ok = spore__index_read(path, index) == 0 && index->logic != NULL &&
	          strcmp(index->logic, spore__index_logic()) == 0 && spore__index_fresh(index, NULL);
	if (!ok)
		spore__index_finish(index);
	free(path);
	return ok;
}

bool spore__build_current(const char *store, const struct spore__wanted *w, struct spore__index *index)
{
	return (w->tier != SPORE__TIER_FAST && fresh(store, w->real, "opt", index)) ||
	       (w->tier != SPORE__TIER_OPT && fresh(store, w->real, "fast", index));
}

static char *builder(void)
{
	char *libexec = spore__dirs_libexec();
	char *path = spore__fs_join(libexec, "spore-build");
	free(libexec);
	return path;
}

static int no_builder(const char *path)
{
	spore__report("install spore whole, or name the folder of its programs in SPORE_LIBEXEC", "cannot start %s: %s",
	              path, strerror(errno));
	return SPORE__EXIT_SPORE;
}

void spore__build_become(const struct spore__strs *args)
{
	char *path = builder();
	struct spore__strs argv = {0};
	spore__strs_add(&argv, path);
	for (size_t i = 0; i < args->count; i++)
		spore__strs_add(&argv, args->items[i]);
	(void)execv(path, argv.items);
	exit(no_builder(path));
}

static void arguments(const struct spore__wanted *w, int result, struct spore__strs *argv)
{
	static const char *const tiers[] = {"auto", "fast", "opt"};
	spore__strs_take(argv, builder());
	spore__strs_add(argv, "build");
	spore__strs_addf(argv, "--tier=%s", tiers[w->tier]);
	spore__strs_addf(argv, "--result=%d", result);
	if (w->no_sandbox)
		spore__strs_add(argv, "--no-sandbox");
	if (w->verbose)
		spore__strs_add(argv, "--verbose");
	if (w->json)
		spore__strs_add(argv, "--json");
	spore__strs_add(argv, "--");
	spore__strs_add(argv, w->source);
}

// Standard output belongs to the program that will run: what the build prints goes to standard error. 0, or the exit status.
static int start_builder(const struct spore__wanted *w, int result, pid_t *pid)
{
	struct spore__strs argv = {0};
	arguments(w, result, &argv);
	int null = open("/dev/null", O_RDONLY | O_CLOEXEC);
	const struct spore__spawn spawn = {
	    .argv = (const char *const *)argv.items,
	    .fds = {null, STDERR_FILENO, STDERR_FILENO},
	    .pass = &result,
	    .pass_count = 1,
	    .reset_signals = true, // `run --watch` blocks some
	};
	int status = null < 0 || spore__os_spawn(&spawn, pid) != 0 ? no_builder(argv.items[0]) : 0;
	if (null >= 0)
		close(null);
	spore__strs_finish(&argv);
	return status;
}

int spore__build_ask(const struct spore__wanted *w, struct spore__index *index)
{
	int result[2];
	*index = (struct spore__index){0};
	if (spore__os_pipe(result) != 0) {
		spore__report("raise the limit of open files (ulimit -n)", "cannot make a pipe: %s", strerror(errno));
		return SPORE__EXIT_SPORE;
	}
	pid_t pid;
	int status = start_builder(w, result[1], &pid);
	close(result[1]);
	if (status != 0) {
		close(result[0]);
		return status;
	}
	struct spore__buf text = {0};
	int r = spore__fs_read_fd(result[0], &text);
	close(result[0]);
	if (r == 0 && text.len > 0 && spore__index_parse(text.data, index) == 0) {
		spore__buf_finish(&text);
		spore__build_reap();
		tidying = pid; // it ends by itself, when it has written what the next start needs
		return 0;
	}
	spore__index_finish(index);
	spore__buf_finish(&text);
	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			return SPORE__EXIT_SPORE;
	if (WIFSIGNALED(status)) {
		spore__report("run it again; the store is whole", "the build of %s was ended by signal %d", w->source,
		              WTERMSIG(status));
		return SPORE__EXIT_SPORE;
	}
	return WEXITSTATUS(status) == 0 ? SPORE__EXIT_SPORE : WEXITSTATUS(status);
}
