#include "node/client.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/dirs.h"
#include "base/fs.h"
#include "os/os.h"
#include "rpc_message.h"

#ifndef MSG_NOSIGNAL
#define MSG_NOSIGNAL 0
#endif

enum {
	QUICK_MS = 20,    // for a caller that must not wait
	START_MS = 30000, // for one in the background, on a disk that is busy
	ANSWER_MS = 1000, // after which a node that makes its socket again is asked once more
};

static int64_t now_ms(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static int fail(struct spore__node_problem *problem, int err, const char *remedy, const char *why)
{
	(void)snprintf(problem->why, sizeof problem->why, "%s", why);
	(void)snprintf(problem->remedy, sizeof problem->remedy, "%s", remedy);
	errno = err;
	return -1;
}

// The recorded address. False: none is recorded.
static bool read_address(const char *state, struct sockaddr_un *address)
{
	char path[PATH_MAX], text[sizeof address->sun_path + 1];
	if ((size_t)snprintf(path, sizeof path, "%s/node.address", state) >= sizeof path)
		return false;
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	if (fd < 0)
		return false;
	ssize_t len = read(fd, text, sizeof text);
	close(fd);
	if (len < 2 || text[0] != '/' || text[len - 1] != '\n')
		return false;
	*address = (struct sockaddr_un){.sun_family = AF_UNIX};
	memcpy(address->sun_path, text, (size_t)len - 1);
	return true;
}

// Connects to the node of the recorded address; -1: none answers there.
static int try_connect(const char *state, int timeout_ms)
{
	struct sockaddr_un address;
	struct timeval limit = {timeout_ms / 1000, timeout_ms % 1000 * 1000};
	const struct timeval none = {0};
	uid_t uid;
	if (!read_address(state, &address))
		return -1;
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);
	if (fd < 0)
		return -1;
	// With a full queue of connections connect waits; this bounds it (Linux).
	if (fcntl(fd, F_SETFD, FD_CLOEXEC) != 0 || setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit) != 0 ||
	    connect(fd, (struct sockaddr *)&address, sizeof address) != 0 || spore__os_peer_uid(fd, &uid) != 0 ||
	    uid != getuid() || setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &none, sizeof none) != 0) {
		close(fd);
		return -1;
	}
	return fd;
}

// The process that holds the node's lock; 0: none.
static pid_t lock_holder(const char *state)
{
	char path[PATH_MAX];
	struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
	(void)snprintf(path, sizeof path, "%s/node.lock", state);
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	if (fd < 0)
		return 0;
	int rc = fcntl(fd, F_GETLK, &lock);
	close(fd);
	return rc == 0 && lock.l_type != F_UNLCK ? lock.l_pid : 0;
}

// What spore-node wrote, "spore: node: WHY\n  REMEDY\n", into PROBLEM.
static int take_problem(char *text, struct spore__node_problem *problem)
{
	static const char prefix[] = "spore: node: ";
	if (strncmp(text, prefix, sizeof prefix - 1) == 0)
		text += sizeof prefix - 1;
	char *end = strchr(text, '\n');
	char *remedy = end != NULL ? end + 1 + strspn(end + 1, " ") : text + strlen(text);
	if (end != NULL)
		*end = '\0';
	remedy[strcspn(remedy, "\n")] = '\0';
	return text[0] != '\0' ? fail(problem, ECANCELED, remedy, text)
	                       : fail(problem, ECANCELED, "node.log in the state folder may say more",
	                              "it ended before it was ready");
}

// Everything until end of file or the deadline (false).
static bool read_until(int fd, char *text, size_t size, int64_t deadline)
{
	size_t len = 0;
	for (;;) {
		char rest[256];
		int64_t left = deadline - now_ms();
		struct pollfd p = {.fd = fd, .events = POLLIN};
		int n = poll(&p, 1, left > 0 ? (int)left : 0);
		if (n == 0)
			return false;
		bool room = len < size - 1;
		ssize_t got = n < 0 ? -1 : read(fd, room ? text + len : rest, room ? size - 1 - len : sizeof rest);
		if (got == 0)
			return true;
		if (got < 0 && errno != EINTR)
			return false;
		len += got > 0 && room ? (size_t)got : 0;
		text[len] = '\0';
	}
}

enum {
	HELD = 1, // there is a node already
	DIED = 2, // it was killed while it started
};

// Runs spore-node, which ends when the daemon it makes is ready.
static int start_node(int64_t deadline, struct spore__node_problem *problem)
{
	char program[PATH_MAX], text[sizeof *problem + 64] = "";
	int fds[2], status = 0;
	pid_t pid;
	char *libexec = spore__dirs_libexec();
	(void)snprintf(program, sizeof program, "%s/spore-node", libexec);
	free(libexec);
	if (spore__os_pipe(fds) != 0)
		return fail(problem, errno, "", strerror(errno));
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);
	const char *argv[] = {program, NULL};
	const struct spore__spawn s = {.argv = argv, .cwd = "/", .fds = {null, null, fds[1]}, .reset_signals = true};
	int rc = null < 0 ? -1 : spore__os_spawn(&s, &pid);
	int saved = errno;
	close(fds[1]);
	if (null >= 0)
		close(null);
	if (rc != 0) {
		close(fds[0]);
		(void)snprintf(text, sizeof text, "%.400s cannot be started: %s", program, strerror(saved));
		return fail(problem, saved, "install spore completely, or set SPORE_LIBEXEC to its folder of programs",
		            text);
	}
	bool ended = read_until(fds[0], text, sizeof text, deadline);
	close(fds[0]);
	if (!ended)
		(void)kill(pid, SIGKILL); // the daemon goes on: another try will find it
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	if (!ended)
		return fail(problem, ETIMEDOUT, "node.log in the state folder may say why", "it was not ready in time");
	if (WIFEXITED(status) && (WEXITSTATUS(status) == 0 || WEXITSTATUS(status) == SPORE__NODE_HELD))
		return WEXITSTATUS(status) == SPORE__NODE_HELD ? HELD : 0;
	(void)take_problem(text, problem);
	return WIFSIGNALED(status) || WEXITSTATUS(status) == SPORE__NODE_DIED ? DIED : -1;
}

static bool forbidden(void)
{
	const char *no = getenv("SPORE_NO_NODE");
	return no != NULL && no[0] != '\0' && strcmp(no, "0") != 0;
}

// With WATCH on the state folder, so that a record that changes after the look is not missed.
static int connect_watching(const char *state, struct spore__watch *watch, bool start, int64_t deadline,
                            struct spore__node_problem *problem)
{
	enum { DEATHS = 3 }; // then it is no accident
	for (int deaths = 0;;) {
		int64_t left = deadline - now_ms();
		int fd = try_connect(state, left > 1 ? (int)left : 1);
		if (fd >= 0)
			return fd;
		if (left <= 0)
			return fail(problem, ETIMEDOUT, "node.log in the state folder may say why; or end it with kill",
			            "a node is there but cannot be reached");
		pid_t holder = lock_holder(state);
		int rc = HELD;
		if (holder > 0)
			(void)kill(holder,
			           SIGHUP); // it is starting, ending, or its socket was taken away: this makes it look
		else if (!start)
			return fail(problem, ENOENT, "spore node start", "no node is running");
		else
			rc = start_node(deadline, problem);
		if (rc < 0 || (rc == DIED && ++deaths == DEATHS)) {
			errno = ECANCELED;
			return -1;
		}
		if (rc == HELD) // until it records its address, or its lock may be free
			(void)spore__os_watch_wait(watch, left < ANSWER_MS ? (int)left : ANSWER_MS);
	}
}

// Starters take turns, so that one starts the node and the others find it.
static int take_turn(const char *state, struct spore__node_problem *problem)
{
	char path[PATH_MAX], text[sizeof problem->why];
	(void)snprintf(path, sizeof path, "%s/node.start.lock", state);
	int fd = spore__fs_mkdirs(state, 0700) == 0 ? open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600) : -1;
	if (fd >= 0 && spore__os_lock(fd, true, true) == 0)
		return fd;
	int saved = errno;
	if (fd >= 0)
		close(fd);
	(void)snprintf(text, sizeof text, "%.300s: %s", path, strerror(saved));
	return fail(problem, saved, "make it writable, or set SPORE_STATE to another folder", text);
}

static int connect_in(const char *state, bool start, int64_t deadline, struct spore__node_problem *problem)
{
	int fd = try_connect(state, (int)(deadline - now_ms()));
	if (fd >= 0)
		return fd;
	if (!start && lock_holder(state) == 0)
		return fail(problem, ENOENT, "spore node start", "no node is running");
	if (start && forbidden())
		return fail(problem, ENOENT, "unset SPORE_NO_NODE",
		            "no node is running, and SPORE_NO_NODE forbids to start one");
	int turn = start ? take_turn(state, problem) : -1;
	if (start && turn < 0)
		return -1;
	struct spore__watch *watch = spore__os_watch_create();
	if (watch == NULL || spore__os_watch_add(watch, state) != 0)
		fd = fail(problem, errno, "", strerror(errno));
	else
		fd = connect_watching(state, watch, start, deadline, problem);
	int saved = errno;
	if (watch != NULL)
		spore__os_watch_destroy(watch);
	if (turn >= 0)
		close(turn);
	errno = saved;
	return fd;
}

int spore__node_connect(bool start, int timeout_ms, struct spore__node_problem *problem)
{
	char *state = spore__dirs_state();
	int fd = connect_in(state, start, now_ms() + timeout_ms, problem);
	int saved = errno;
	free(state);
	errno = saved;
	return fd;
}

// Hello and wish in one go; the answers are not awaited. What does not fit into the socket at once is not worth waiting for.
static bool send_wish(int fd, const char *source)
{
	unsigned char bytes[PATH_MAX + 256];
	struct spore__msgpack_writer w;
	spore__msgpack_writer_fixed(&w, bytes, sizeof bytes);
	spore__rpc_begin_request(&w, 0, "$/hello");
	spore__msgpack_array(&w, 2);
	spore__msgpack_int(&w, SPORE__RPC_MAJOR);
	spore__msgpack_str(&w, "spore");
	spore__rpc_begin_notification(&w, "builds.optimise");
	spore__msgpack_array(&w, 1);
	spore__msgpack_str(&w, source);
	bool sent = w.err == 0 && send(fd, w.data, w.len, MSG_NOSIGNAL | MSG_DONTWAIT) == (ssize_t)w.len;
	close(fd);
	return sent;
}

// src/base/dirs.h ends the process where a variable is unusable, which a caller in passing must not suffer.
static bool places_are_known(void)
{
	static const char *const all[] = {"SPORE_STATE",   "XDG_STATE_HOME",  "HOME",
	                                  "SPORE_RUNTIME", "XDG_RUNTIME_DIR", "SPORE_LIBEXEC"};
	bool state = false;
	for (size_t i = 0; i < sizeof all / sizeof all[0]; i++) {
		const char *value = getenv(all[i]);
		if (value == NULL || value[0] == '\0')
			continue;
		if (value[0] != '/')
			return false;
		state |= i < 3;
	}
	return state;
}

// In a process that nobody waits for and that holds nothing of the caller's: its terminal, pipes and files may close.
static _Noreturn void wish_in_background(const char *source)
{
	struct spore__node_problem problem;
	int null = open("/dev/null", O_RDWR);
	for (int i = 0; i < 3; i++)
		(void)dup2(null, i);
	spore__os_close_from(3);
	(void)signal(SIGCHLD, SIG_DFL);
	int fd = spore__node_connect(true, START_MS, &problem);
	_exit(fd >= 0 && send_wish(fd, source) ? 0 : 1);
}

bool spore__node_optimise(const char *source)
{
	if (source[0] != '/' || !places_are_known())
		return false;
	char *state = spore__dirs_state();
	int fd = try_connect(state, QUICK_MS);
	free(state);
	if (fd >= 0)
		return send_wish(fd, source);
	if (forbidden())
		return false;
	pid_t child = fork();
	if (child == 0) {
		// The second fork, so that the caller has no child to reap.
		pid_t second = setsid() >= 0 ? fork() : -1;
		if (second == 0)
			wish_in_background(source);
		_exit(second < 0);
	}
	int status = 1;
	while (child > 0 && waitpid(child, &status, 0) < 0)
		if (errno != EINTR)
			return errno == ECHILD; // the caller ignores SIGCHLD
	return child > 0 && status == 0;
}
