// spore-node: one per user and machine. See docs/architecture.md for what it owns.
#include <errno.h>
#include <fcntl.h>
#ifdef __GLIBC__
#include <malloc.h>
#endif
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/dirs.h"
#include "base/err.h"
#include "node/daemon.h"
#include "node/log.h"
#include "node/node.h"
#include "os/os.h"
#include "os/tree.h"

static void on_watch(uv_fs_event_t *watch, const char *name, int events, int status);

static void free_watch(uv_handle_t *h)
{
	free(h);
}

// The folder may be another one under the same name, so it is watched anew.
static void watch_runtime(struct spore__node *node)
{
	if (node->watch != NULL)
		uv_close((uv_handle_t *)node->watch, free_watch);
	uv_fs_event_t *watch = malloc(sizeof *watch);
	node->watch = NULL;
	if (watch == NULL || uv_fs_event_init(&node->loop, watch) != 0) {
		free(watch);
		spore__node_log("out of memory: a socket that vanishes is made again only when a client asks");
		return;
	}
	watch->data = node;
	node->watch = watch;
	int err = uv_fs_event_start(watch, on_watch, node->place.runtime, 0);
	if (err != 0)
		spore__node_log(
		    "%s: cannot be watched (%s): a socket that vanishes is made again only when a client asks",
		    node->place.runtime, uv_strerror(err));
}

static void on_later(uv_timer_t *timer);

static int bind_socket(struct spore__node *node, struct spore__node_problem *problem)
{
	int fd = spore__place_bind(&node->place, problem);
	if (fd < 0)
		return -1;
	int err = spore__rpc_service_listen(&node->service, fd);
	if (err != 0) {
		spore__place_unbind(&node->place);
		snprintf(problem->why, sizeof problem->why, "%s: cannot listen: %s", node->place.socket,
		         uv_strerror(err));
		problem->remedy[0] = '\0';
		return -1;
	}
	watch_runtime(node);
	if (!spore__place_is_bound(&node->place)) // it vanished again before it was watched
		(void)uv_timer_start(&node->later, on_later, SPORE__PAUSE_MS, 0);
	return 0;
}

static void bind_later(struct spore__node *node, const struct spore__node_problem *problem);

// The socket must be there, under its name, as long as the node lives.
static void look_after_socket(struct spore__node *node)
{
	struct spore__node_problem problem;
	if (!spore__place_is_locked(&node->place)) {
		// Another node may own the name by now: two would take it from each other for ever.
		spore__node_log("%s: the state folder was removed or replaced: stopping", node->place.state);
		spore__node_stop(node);
	} else if (!spore__place_is_bound(&node->place)) {
		if (bind_socket(node, &problem) == 0) {
			spore__node_log("%s: the socket vanished: made again", node->place.socket);
			memset(node->unbound, 0, sizeof node->unbound);
		} else {
			bind_later(node, &problem);
		}
	}
}

static void on_later(uv_timer_t *timer)
{
	look_after_socket(timer->data);
}

// A full disk, or a folder that is in the way, is not for ever, and nothing tells that it is over. What is wrong is said once.
static void bind_later(struct spore__node *node, const struct spore__node_problem *problem)
{
	spore__pause_begin(&node->binding, uv_now(&node->loop));
	(void)uv_timer_start(&node->later, on_later, node->binding.until_ms - uv_now(&node->loop), 0);
	if (strcmp(node->unbound, problem->why) == 0)
		return;
	(void)snprintf(node->unbound, sizeof node->unbound, "%s", problem->why);
	spore__node_log("the socket vanished, and cannot be made again: %s%s%s; tried again", problem->why,
	                problem->remedy[0] != '\0' ? "; " : "", problem->remedy);
}

static void on_watch(uv_fs_event_t *watch, const char *name, int events, int status)
{
	(void)name;
	(void)events;
	(void)status;
	look_after_socket(watch->data);
}

static void on_look(uv_signal_t *signal, int number)
{
	(void)number;
	look_after_socket(signal->data);
}

static void on_terminate(uv_signal_t *signal, int number)
{
	(void)number;
	spore__node_stop(signal->data);
}

void spore__node_stop(struct spore__node *node)
{
	node->builds.stopping = true;
	uv_stop(&node->loop);
}

// Holds say themselves how their tasks end; here they are only taken leave of.
static void on_child(uv_signal_t *signal, int number)
{
	struct spore__node *node = signal->data;
	int status;
	(void)number;
	for (pid_t pid; (pid = waitpid(-1, &status, WNOHANG)) > 0;) {
		spore__builds_ended(&node->builds, pid, status);
		spore__fault_child(&node->tasks, pid, status);
	}
}

static int watch_signal(struct spore__node *node, uv_signal_t *handle, uv_signal_cb handler, int number)
{
	handle->data = node;
	int err = uv_signal_init(&node->loop, handle);
	return err == 0 ? uv_signal_start(handle, handler, number) : err;
}

static int begin(struct spore__node *node, const char *libexec, struct spore__node_problem *problem)
{
	node->started = uv_hrtime();
	int err = uv_loop_init(&node->loop);
	if (err == 0)
		err = watch_signal(node, &node->terminate, on_terminate, SIGTERM);
	if (err == 0)
		err = watch_signal(node, &node->interrupt, on_terminate, SIGINT);
	if (err == 0)
		err = watch_signal(node, &node->look, on_look, SIGHUP);
	if (err == 0)
		err = watch_signal(node, &node->children, on_child, SIGCHLD);
	if (err == 0)
		err = uv_timer_init(&node->loop, &node->later);
	node->later.data = node;
	if (err == 0)
		err = spore__builds_init(&node->builds, &node->loop, &node->db, libexec, node->open_files);
	if (err != 0) {
		snprintf(problem->why, sizeof problem->why, "cannot start: %s", uv_strerror(err));
		problem->remedy[0] = '\0';
		return -1;
	}
	if (spore__db_open(&node->db, node->place.state) != SQLITE_OK)
		spore__node_log("%s: cannot be opened: %s; tried again when it is needed", node->db.path,
		                node->db.error);
	if (spore__tasks_init(&node->tasks, &node->loop, &node->db, node->place.state, libexec, node->open_files,
	                      problem->why, sizeof problem->why) != 0) {
		snprintf(problem->remedy, sizeof problem->remedy,
		         "make it writable, or set SPORE_STATE to another folder");
		return -1;
	}
	spore__rpc_service_init(&node->service, &node->loop, spore__node_methods(), "spore-node", SPORE__VERSION, node);
	return bind_socket(node, problem);
}

// Not by the loop's handles: the process ends at once, and with it the connections, which tells those who wait for it.
static void end(struct spore__node *node)
{
	spore__builds_stop(&node->builds);
	spore__tasks_leave(&node->tasks);
	spore__db_close(&node->db);
	spore__place_leave(&node->place);
	spore__node_log("stopped");
	spore__place_unlock(&node->place);
}

static int detach_stdio(const struct spore__node *node, struct spore__node_problem *problem)
{
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);
	if (null >= 0 && dup2(null, STDIN_FILENO) >= 0 && dup2(null, STDOUT_FILENO) >= 0 &&
	    spore__node_log_open(node->place.state) == 0) {
		if (null > 2)
			close(null);
		return 0;
	}
	snprintf(problem->why, sizeof problem->why, "%.300s/node.log: %s", node->place.state, strerror(errno));
	snprintf(problem->remedy, sizeof problem->remedy, "make it writable, or set SPORE_STATE to another folder");
	return -1;
}

// Descriptors, signals and folder of the starter are not ours to keep.
static void shed_inheritance(void)
{
	sigset_t none;
	for (int fd = 0; fd < 3; fd++)
		if (fcntl(fd, F_GETFD) < 0)
			(void)!open("/dev/null", O_RDWR);
	spore__os_close_from(3);
	sigemptyset(&none);
	(void)sigprocmask(SIG_SETMASK, &none, NULL);
	(void)signal(SIGPIPE, SIG_IGN);
	(void)signal(SIGHUP, SIG_IGN); // until it is handled: clients send it as soon as the lock is held
	(void)umask(077);
	(void)!chdir("/");
}

static int run(struct spore__node *node, const char *libexec, bool foreground)
{
	struct spore__node_problem problem = {0};
	int report = -1;
	pid_t holder = 0;
	if (!foreground) {
		spore__daemon_fork(&report, &problem);
		if (report < 0)
			goto failed;
	}
	int held = spore__place_lock(&node->place, &holder, &problem);
	if (held > 0) {
		if (holder > 0)
			(void)kill(holder, SIGHUP); // that its socket was not found
		if (foreground)
			spore__report("spore node stop", "node: there is one already, process %ld", (long)holder);
		spore__daemon_report(report, SPORE__DAEMON_HELD, NULL);
		return SPORE__NODE_HELD;
	}
	if (held < 0 || (!foreground && detach_stdio(node, &problem) != 0) || begin(node, libexec, &problem) != 0)
		goto failed;
	spore__node_log("spore-node %s, process %ld, at %s", SPORE__VERSION, (long)getpid(), node->place.socket);
	spore__daemon_report(report, SPORE__DAEMON_READY, NULL);
	spore__builds_next(&node->builds);
	(void)uv_run(&node->loop, UV_RUN_DEFAULT);
	end(node);
	return SPORE__EXIT_OK;
failed:
	spore__daemon_report(report, SPORE__DAEMON_FAILED, &problem);
	if (report < 0)
		spore__report(problem.remedy[0] != '\0' ? problem.remedy : NULL, "node: %s", problem.why);
	return SPORE__EXIT_SPORE;
}

int main(int argc, char **argv)
{
	static struct spore__node node;
	struct spore__node_problem problem;
	bool foreground = argc == 2 && strcmp(argv[1], "--foreground") == 0;
	if (argc > 1 && !foreground)
		spore__die(SPORE__EXIT_USAGE, "spore-node [--foreground]; it is started by 'spore node start'",
		           "node: '%s': no such argument", argv[1]);
	shed_inheritance();
#ifdef M_ARENA_MAX
	(void)mallopt(M_ARENA_MAX, 1); // a thread that only removes files is worth no memory of its own
#endif
	spore__tree_leave();
	// Each task that runs takes a descriptor. What the node starts gets the limit that it had itself.
	node.open_files = spore__os_raise_open_files();
	char *libexec = spore__dirs_libexec();
	int status = SPORE__EXIT_SPORE;
	if (spore__place_find(&node.place, &problem) != 0)
		spore__report(problem.remedy, "node: %s", problem.why);
	else
		status = run(&node, libexec, foreground);
	free(libexec);
	return status;
}
