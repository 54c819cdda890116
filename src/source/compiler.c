#include "source/compiler.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/dirs.h"
#include "base/fs.h"
#include "base/mem.h"
#include "os/os.h"
#include "source/inputs.h"

enum {
	MAX_CPU_S = 600, // a template or macro that never ends
	MAX_FILE_BYTES = 1 << 30,
};

// The system as far as a compiler needs it. Not the home folder, not /tmp, not /proc.
static const char *const system_read[] = {
    "/usr",
    "/bin",
    "/lib",
    "/lib32",
    "/lib64",
    "/libx32",
    "/opt",
    "/etc/ld.so.cache",
    "/etc/ld.so.preload",
    "/etc/alternatives",
    "/dev/urandom",
};

static void add_environment(const struct spore__compiler *c, struct spore__strs *env)
{
	spore__strs_add(env, "PATH=/usr/local/bin:/usr/bin:/bin");
	spore__strs_add(env, "LC_ALL=C.UTF-8");
	spore__strs_addf(env, "HOME=%s", c->stage);
	spore__strs_addf(env, "TMPDIR=%s", c->stage);
	spore__inputs_trace_env(c->trace, env);
}

static int wait_for(pid_t pid)
{
	int status;
	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			return -1;
	return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

// Runs ARGV, or BODY when it is not NULL.
static int run(const struct spore__compiler *c, const char *const *argv, int (*body)(void *arg), void *arg,
               struct spore__buf *output)
{
	struct spore__strs env = {0}, read = {0};
	add_environment(c, &env);
	for (size_t i = 0; i < sizeof system_read / sizeof *system_read; i++)
		spore__strs_add(&read, system_read[i]);
	spore__strs_take(&read, spore__dirs_libexec());
	for (const char *const *p = c->read; *p != NULL; p++)
		spore__strs_add(&read, *p);
	const char *const write_paths[] = {c->stage, c->trace, NULL};
	const struct spore__confine confine = {.read = (const char *const *)read.items, .write = write_paths};

	int r = -1;
	char *said_path = spore__xasprintf("%s.said", c->trace); // beside the trace, where a full disk does not lose it
	int said = open(said_path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	if (said >= 0)
		(void)unlink(said_path);
	int in = open(c->input != NULL ? c->input : "/dev/null", O_RDONLY | O_CLOEXEC);
	if (said >= 0 && in >= 0) {
		const struct spore__spawn spawn = {
		    .argv = argv,
		    .envp = (const char *const *)env.items,
		    .cwd = c->cwd,
		    .fds = {in, said, said},
		    .die_with_parent = true,
		    .max_cpu_s = MAX_CPU_S,
		    .max_file_bytes = MAX_FILE_BYTES,
		    .confine = c->confined && spore__os_can_confine() ? &confine : NULL,
		};
		pid_t pid = 0;
		r = body != NULL ? spore__os_fork(&spawn, &pid) : spore__os_spawn(&spawn, &pid);
		if (r == 0 && pid == 0)
			_exit(body(arg));
		if (r == 0)
			r = wait_for(pid);
		if (r >= 0 && (lseek(said, 0, SEEK_SET) != 0 || spore__fs_read_fd(said, output) != 0))
			r = -1;
	}
	int saved = errno;
	if (said >= 0)
		close(said);
	if (in >= 0)
		close(in);
	free(said_path);
	spore__strs_finish(&env);
	spore__strs_finish(&read);
	errno = saved;
	return r;
}

int spore__compiler_run(const struct spore__compiler *c, const char *const *argv, struct spore__buf *output)
{
	return run(c, argv, NULL, NULL, output);
}

int spore__compiler_call(const struct spore__compiler *c, int (*body)(void *arg), void *arg, struct spore__buf *output)
{
	return run(c, NULL, body, arg, output);
}
