#include "source/sandbox.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/fs.h"
#include "base/mem.h"
#include "os/os.h"
#include "source/guard.h"

#define BUILD_PATH "/usr/local/bin:/usr/bin:/bin:/usr/local/sbin:/usr/sbin:/sbin"
#define MARK_NAME "SPORE_BUILD_MARK"

enum {
	TAIL_MAX = 256 * 1024,
	LINE_MAX_SHOWN = 1024,
	TICK_MS = 50, // how late the end of a command is seen when something it left behind holds its output open
};

// What compilers, interpreters and install scripts look up; nothing that tells of the user.
static const char *const etc_paths[] = {
    "/etc/alternatives",  "/etc/ld.so.cache",    "/etc/ld.so.conf", "/etc/ld.so.conf.d", "/etc/passwd", "/etc/group",
    "/etc/nsswitch.conf", "/etc/localtime",      "/etc/mime.types", "/etc/python3",      "/etc/perl",   "/etc/fonts",
    "/etc/java",          "/etc/debian_version", "/etc/os-release", "/etc/texmf",        "/etc/xml",    "/etc/sgml",
    "/etc/protocols",     "/etc/services",       "/etc/hosts",      "/etc/terminfo",     "/etc/magic",  NULL,
};

static const char *const root_dirs[] = {"/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32", NULL};

// One command while it runs.
struct run {
	const struct spore__sandbox *s;
	struct spore__sandbox_end *end;
	pid_t pid;
	int guard; // closing it ends all
	bool confined;
	char mark[64];
	struct spore__buf line; // the unfinished last line
	uint64_t printed;
	bool ended; // it was told to end
};

static int64_t now_ms(void)
{
	struct timespec t;
	if (clock_gettime(CLOCK_MONOTONIC, &t) != 0)
		return 0;
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static void add_all(struct spore__strs *argv, const char *const words[])
{
	for (size_t i = 0; words[i] != NULL; i++)
		spore__strs_add(argv, words[i]);
}

static void add_root_dir(struct spore__strs *argv, const char *dir)
{
	struct stat st;
	if (lstat(dir, &st) != 0)
		return;
	char target[256];
	ssize_t len = S_ISLNK(st.st_mode) ? readlink(dir, target, sizeof target - 1) : -1;
	if (len > 0) {
		target[len] = '\0';
		add_all(argv, (const char *[]){"--symlink", target, dir, NULL});
	} else if (S_ISDIR(st.st_mode)) {
		add_all(argv, (const char *[]){"--ro-bind", dir, dir, NULL});
	}
}

static void add_variable(struct spore__strs *argv, const char *variable)
{
	const char *equals = strchr(variable, '=');
	if (equals == NULL)
		return;
	spore__strs_add(argv, "--setenv");
	spore__strs_take(argv, spore__xstrndup(variable, (size_t)(equals - variable)));
	spore__strs_add(argv, equals + 1);
}

// The environment of a command; a later entry of the same name wins, so the caller may replace ours.
static void make_env(const struct spore__sandbox *s, const char *home, struct spore__strs *env)
{
	spore__strs_add(env, "PATH=" BUILD_PATH);
	spore__strs_addf(env, "HOME=%s", home);
	add_all(env, (const char *[]){"LANG=C.UTF-8", "TMPDIR=/tmp", "TERM=dumb", NULL});
	for (size_t i = 0; i < s->env.count; i++) {
		const char *variable = s->env.items[i];
		size_t name_len = strcspn(variable, "=") + 1;
		bool replaced = false;
		for (size_t k = 0; k < env->count && !replaced; k++) {
			if (strncmp(env->items[k], variable, name_len) != 0)
				continue;
			free(env->items[k]);
			env->items[k] = spore__xstrdup(variable);
			replaced = true;
		}
		if (!replaced)
			spore__strs_add(env, variable);
	}
}

static void add_binds(struct spore__strs *argv, const char *how, const char *const *paths)
{
	for (size_t i = 0; paths != NULL && paths[i] != NULL; i++)
		add_all(argv, (const char *[]){how, paths[i], paths[i], NULL});
}

static void confined_argv(const struct spore__sandbox *s, const char *cwd, const struct spore__strs *env,
                          struct spore__strs *argv)
{
	add_all(argv, (const char *[]){"bwrap", "--unshare-all", "--die-with-parent", "--new-session", "--hostname",
	                               "build", "--ro-bind", "/usr", "/usr", NULL});
	for (size_t i = 0; root_dirs[i] != NULL; i++)
		add_root_dir(argv, root_dirs[i]);
	add_binds(argv, "--ro-bind-try", etc_paths);
	add_all(argv,
	        (const char *[]){"--proc", "/proc", "--dev", "/dev", "--tmpfs", "/tmp", "--dir", "/tmp/home", NULL});
	// Configure scripts look whether the usual folders are there; empty ones will do.
	add_all(argv, (const char *[]){
	                  "--tmpfs", "/var/tmp",        "--dir", "/var/mail", "--dir",     "/var/spool", "--symlink",
	                  "../mail", "/var/spool/mail", "--dir", "/run",      "--symlink", "../run",     "/var/run",
	                  "--dir",   "/var/log",        "--dir", "/var/lib",  "--dir",     "/var/cache", NULL});
	add_binds(argv, "--ro-bind-try", s->read);
	add_binds(argv, "--bind", s->write);
	// Read-only, so that an installation to a wrong place fails instead of vanishing.
	add_all(argv, (const char *[]){"--remount-ro", "/", "--chdir", cwd, "--clearenv", NULL});
	for (size_t i = 0; i < env->count; i++)
		add_variable(argv, env->items[i]);
	spore__strs_add(argv, "--");
}

static bool probe(void)
{
	char *bwrap = spore__fs_find_program("bwrap", NULL);
	if (bwrap == NULL)
		return false;
	const char *const argv[] = {bwrap, "--unshare-all", "--ro-bind", "/", "/", "/bin/true", NULL};
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);
	struct spore__spawn spawn = {
	    .argv = argv, .fds = {null, null, null}, .pgroup = SPORE__PGROUP_NEW, .reset_signals = true};
	pid_t pid;
	int status = -1;
	if (null >= 0 && spore__os_spawn(&spawn, &pid) == 0)
		while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
			;
	if (null >= 0)
		close(null);
	free(bwrap);
	return status == 0;
}

bool spore__sandbox_available(const char **why)
{
	static enum { UNKNOWN, MISSING, REFUSED, WORKS } state;
	if (state == UNKNOWN) {
		char *bwrap = spore__fs_find_program("bwrap", NULL);
		state = bwrap == NULL ? MISSING : probe() ? WORKS : REFUSED;
		free(bwrap);
	}
	if (why != NULL)
		*why = state == MISSING   ? "bubblewrap is not installed"
		       : state == REFUSED ? "bubblewrap may not make namespaces here"
		                          : NULL;
	return state == WORKS;
}

static void end_tree(struct run *r)
{
	r->ended = true;
	close(r->guard);
	r->guard = -1;
	if (!r->confined)
		(void)spore__os_kill_marked(MARK_NAME, r->mark);
}

static void keep_tail(struct spore__buf *tail, const char *bytes, size_t len)
{
	spore__buf_add(tail, bytes, len);
	if (tail->len <= 2 * (size_t)TAIL_MAX)
		return;
	memmove(tail->data, tail->data + tail->len - TAIL_MAX, TAIL_MAX + 1);
	tail->len = TAIL_MAX;
}

static void show_lines(struct run *r, const char *bytes, size_t len)
{
	if (r->s->progress == NULL)
		return;
	for (size_t i = 0; i < len; i++) {
		if (bytes[i] != '\n') {
			if (r->line.len < LINE_MAX_SHOWN)
				spore__buf_char(&r->line, bytes[i]);
			continue;
		}
		r->s->progress(r->s->progress_arg, r->line.data != NULL ? r->line.data : "");
		r->line.len = 0;
		if (r->line.data != NULL)
			r->line.data[0] = '\0';
	}
}

static void take_output(struct run *r, const char *bytes, size_t len)
{
	const struct spore__sandbox *s = r->s;
	if (s->max_log_bytes > 0 && r->printed + len > s->max_log_bytes) {
		len = (size_t)(s->max_log_bytes - r->printed);
		r->end->too_much_output = true;
	}
	r->printed += len;
	if (s->log_fd >= 0)
		(void)spore__fs_write_all(s->log_fd, bytes, len); // a full disk shows in what the build itself writes
	keep_tail(&r->end->tail, bytes, len);
	show_lines(r, bytes, len);
	if (r->end->too_much_output && !r->ended)
		end_tree(r);
}

// Reads until the last holder of the pipe is gone or the command itself ended and all it left behind was killed.
static int pump(struct run *r, int fd)
{
	char chunk[65536];
	int64_t start = now_ms();
	int status = 0;
	bool reaped = false;
	for (bool open = true; open;) {
		struct pollfd p = {.fd = fd, .events = POLLIN};
		int ready = poll(&p, 1, TICK_MS);
		if (ready > 0) {
			ssize_t n = read(fd, chunk, sizeof chunk);
			if (n > 0 && !r->end->too_much_output)
				take_output(r, chunk, (size_t)n);
			open = n > 0 || (n < 0 && errno == EINTR);
		} else if (reaped) {
			break; // what is left was killed and prints no more
		} else if (r->s->progress != NULL) {
			r->s->progress(r->s->progress_arg, NULL);
		}
		if (!reaped && waitpid(r->pid, &status, WNOHANG) == r->pid) {
			reaped = true;
			(void)kill(-r->pid, SIGKILL);
			if (!r->confined)
				(void)spore__os_kill_marked(MARK_NAME, r->mark);
		}
		if (!reaped && !r->ended && r->s->max_seconds > 0 &&
		    now_ms() - start > (int64_t)r->s->max_seconds * 1000) {
			r->end->timed_out = true;
			end_tree(r);
		}
	}
	while (!reaped) {
		// The command closed its output and goes on.
		pid_t got = waitpid(r->pid, &status, WNOHANG);
		if (got == r->pid || (got < 0 && errno != EINTR))
			break;
		(void)poll(NULL, 0, got == 0 ? 1 : 0);
		if (!r->ended && r->s->max_seconds > 0 && now_ms() - start > (int64_t)r->s->max_seconds * 1000) {
			r->end->timed_out = true;
			end_tree(r);
		}
	}
	if (!r->confined)
		(void)spore__os_kill_marked(MARK_NAME, r->mark);
	return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

static char *path_of(const struct spore__strs *env)
{
	for (size_t i = 0; i < env->count; i++)
		if (strncmp(env->items[i], "PATH=", 5) == 0)
			return env->items[i] + 5;
	return NULL;
}

int spore__sandbox_run(const struct spore__sandbox *s, const char *cwd, const char *const argv[],
                       struct spore__sandbox_end *end)
{
	static unsigned serial;
	*end = (struct spore__sandbox_end){0};
	struct run r = {.s = s, .end = end, .guard = -1, .confined = s->confined && spore__sandbox_available(NULL)};
	struct spore__strs full = {0}, env = {0};
	int result = -1, null = -1, fds[2] = {-1, -1};

	make_env(s, r.confined || s->home == NULL ? "/tmp/home" : s->home, &env);
	spore__strs_addf(&env, MARK_NAME "=%ld.%u.%lld", (long)getpid(), ++serial, (long long)now_ms());
	(void)strncpy(r.mark, env.items[env.count - 1] + strlen(MARK_NAME) + 1, sizeof r.mark - 1);
	if (r.confined)
		confined_argv(s, cwd, &env, &full);
	add_all(&full, argv);
	char *program = spore__fs_find_program(full.items[0], r.confined ? NULL : path_of(&env));
	if (program == NULL && strchr(full.items[0], '/') == NULL) {
		errno = ENOENT;
		goto done;
	}
	if (program != NULL) {
		free(full.items[0]);
		full.items[0] = program;
	}
	null = open("/dev/null", O_RDONLY | O_CLOEXEC);
	if (null < 0 || spore__os_pipe(fds) != 0)
		goto done;
	struct spore__spawn spawn = {
	    .argv = (const char *const *)full.items,
	    .envp = (const char *const *)(r.confined ? (char *[]){NULL} : env.items),
	    .cwd = r.confined ? "/" : cwd,
	    .fds = {null, fds[1], fds[1]},
	    .reset_signals = true,
	};
	if (spore__guard_spawn(&spawn, &r.pid, &r.guard) != 0)
		goto done;
	close(fds[1]);
	fds[1] = -1;
	end->status = pump(&r, fds[0]);
	result = 0;
done:;
	int saved = errno;
	for (int i = 0; i < 2; i++)
		if (fds[i] >= 0)
			close(fds[i]);
	if (null >= 0)
		close(null);
	if (r.guard >= 0)
		close(r.guard);
	spore__buf_finish(&r.line);
	spore__strs_finish(&full);
	spore__strs_finish(&env);
	errno = saved;
	return result;
}
