// Runs the compiler itself, without a shell or bubblewrap around it: starting those for each file would cost as much as a
// small compilation. It runs no code of the sources, and Landlock keeps it to them.
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/fs.h"
#include "base/mem.h"
#include "os/os.h"
#include "source/objects.h"

enum { MAX_FILE_BYTES = 1 << 30, OPEN_FILES = 1 << 14 };

static const char *const system_read[] = {"/usr",
                                          "/bin",
                                          "/lib",
                                          "/lib32",
                                          "/lib64",
                                          "/libx32",
                                          "/opt",
                                          "/sbin",
                                          "/etc/ld.so.cache",
                                          "/etc/ld.so.preload",
                                          "/etc/alternatives",
                                          "/dev/urandom"};

static void make_env(const struct spore__build *b, struct spore__strs *env)
{
	for (size_t i = 0; i < b->sandbox.env.count; i++)
		spore__strs_add(env, b->sandbox.env.items[i]);
	spore__strs_add(env, "LC_ALL=C.UTF-8");
	spore__strs_addf(env, "HOME=%s", b->tree);
	spore__strs_addf(env, "TMPDIR=%s", b->tree);
}

// A linker uses an eighth of the files that it may open, and opens the others again and again: the usual limit of 1024 costs a
// quarter of the time of linking a thousand objects. 0: leave it.
static uint64_t open_files(void)
{
	struct rlimit r;
	if (getrlimit(RLIMIT_NOFILE, &r) != 0 || r.rlim_cur >= OPEN_FILES)
		return 0;
	return r.rlim_max < OPEN_FILES ? (uint64_t)r.rlim_max : OPEN_FILES;
}

int spore__tool_start(const struct spore__build *b, const char *dir, const char *const argv[], int fd, pid_t *pid)
{
	struct spore__strs env = {0}, read = {0};
	make_env(b, &env);
	for (size_t i = 0; i < sizeof system_read / sizeof *system_read; i++)
		spore__strs_add(&read, system_read[i]);
	for (size_t i = 0; b->sandbox.read != NULL && b->sandbox.read[i] != NULL; i++)
		spore__strs_add(&read, b->sandbox.read[i]);
	const struct spore__confine confine = {.read = (const char *const *)read.items, .write = b->sandbox.write};
	int null = open("/dev/null", O_RDONLY | O_CLOEXEC);
	const struct spore__spawn spawn = {
	    .argv = argv,
	    .envp = (const char *const *)env.items,
	    .cwd = dir,
	    .fds = {null, fd, fd},
	    .die_with_parent = true,
	    .reset_signals = true,
	    .max_cpu_s = b->sandbox.max_seconds,
	    .max_file_bytes = MAX_FILE_BYTES,
	    .open_files = open_files(),
	    .confine = b->sandbox.confined && spore__os_can_confine() ? &confine : NULL,
	};
	int r = null < 0 ? -1 : spore__os_spawn(&spawn, pid);
	int saved = errno;
	if (null >= 0)
		close(null);
	spore__strs_finish(&read);
	spore__strs_finish(&env);
	errno = saved;
	return r;
}

bool spore__tool_run(struct spore__build *b, const char *dir, const char *const argv[])
{
	int fds[2];
	pid_t pid;
	struct spore__buf line = {0};
	for (size_t i = 0; argv[i] != NULL; i++)
		spore__buf_printf(&line, " %s", argv[i]);
	spore__build_log(b, "+%s", line.data);
	spore__buf_finish(&line);
	spore__buf_finish(&b->end.tail);
	b->end = (struct spore__sandbox_end){0};
	if (spore__os_pipe(fds) != 0)
		return spore__build_fail(b, "cannot run %s: %s", argv[0], strerror(errno));
	int r = spore__tool_start(b, dir, argv, fds[1], &pid);
	int saved = errno;
	close(fds[1]);
	int status = 0;
	if (r == 0) {
		(void)spore__fs_read_fd(fds[0], &b->end.tail);
		while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
			;
	}
	close(fds[0]);
	if (r != 0)
		return spore__build_fail(b, "cannot run %s: %s", argv[0], strerror(saved));
	if (b->sandbox.log_fd >= 0 && b->end.tail.len > 0)
		(void)spore__fs_write_all(b->sandbox.log_fd, b->end.tail.data, b->end.tail.len);
	b->end.status = WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
	return b->end.status == 0;
}
