#include "node/builds.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "node/log.h"
#include "os/os.h"

enum {
	NICE = 10,
	NO_SOURCE = 127, // spore-build's status when the source is gone
};

static void keep(struct spore__builds *b, const char *bytes, size_t len)
{
	size_t room = sizeof b->head - 1 - b->head_len;
	if (len > room)
		len = room;
	memcpy(b->head + b->head_len, bytes, len);
	b->head_len += len;
	b->head[b->head_len] = '\0';
}

static void on_room(uv_handle_t *h, size_t suggested, uv_buf_t *buf)
{
	static char room[4096]; // used up before the next read
	(void)h;
	(void)suggested;
	*buf = uv_buf_init(room, sizeof room);
}

static void free_pipe(uv_handle_t *h)
{
	free(h);
}

static void close_output(struct spore__builds *b)
{
	if (b->output != NULL)
		uv_close((uv_handle_t *)b->output, free_pipe);
	b->output = NULL;
}

static void on_output(uv_stream_t *stream, ssize_t n, const uv_buf_t *buf)
{
	struct spore__builds *b = stream->data;
	if (n > 0)
		keep(b, buf->base, (size_t)n);
	else if (n < 0 && (uv_pipe_t *)stream == b->output)
		close_output(b);
}

// What the build wrote last is still in the pipe. A process it left behind may keep the pipe open: no waiting.
static void drain(struct spore__builds *b)
{
	char bytes[1024];
	uv_os_fd_t fd;
	ssize_t n;
	if (b->output == NULL || uv_fileno((uv_handle_t *)b->output, &fd) != 0)
		return;
	while (b->head_len < sizeof b->head - 1 && (n = read(fd, bytes, sizeof bytes)) > 0)
		keep(b, bytes, (size_t)n);
}

static int open_output(struct spore__builds *b, int *write_end)
{
	int fds[2];
	if (spore__os_pipe(fds) != 0)
		return -1;
	uv_pipe_t *output = malloc(sizeof *output);
	if (output == NULL || uv_pipe_init(b->loop, output, 0) != 0) {
		free(output);
		close(fds[0]);
		close(fds[1]);
		errno = ENOMEM;
		return -1;
	}
	output->data = b;
	b->output = output;
	b->head_len = 0;
	b->head[0] = '\0';
	int err = uv_pipe_open(output, fds[0]);
	if (err == 0)
		err = uv_read_start((uv_stream_t *)output, on_room, on_output);
	if (err != 0) {
		close_output(b);
		close(fds[1]);
		errno = EIO;
		return -1;
	}
	*write_end = fds[1];
	return 0;
}

static int start(struct spore__builds *b)
{
	const char *argv[] = {b->program, "build", "--tier=opt", "--background", "--quiet", "--", b->source, NULL};
	int output = -1, null = open("/dev/null", O_RDWR | O_CLOEXEC);
	int rc = -1;
	if (null >= 0 && open_output(b, &output) == 0) {
		const struct spore__spawn s = {
		    .argv = argv,
		    .cwd = "/",
		    .fds = {null, output, output},
		    .pgroup = SPORE__PGROUP_NEW,
		    .die_with_parent = true,
		    .reset_signals = true,
		    .nice = NICE,
		    .idle_io = true,
		    .open_files = b->open_files,
		};
		rc = spore__os_spawn(&s, &b->pid);
	}
	int saved = errno;
	if (rc != 0) {
		b->pid = 0;
		close_output(b);
	}
	if (output >= 0)
		close(output);
	if (null >= 0)
		close(null);
	errno = saved;
	return rc;
}

static void record_end(struct spore__builds *b, const char *reason)
{
	int rc = spore__db_builds_end(b->db, b->source, reason);
	if (rc != SQLITE_OK)
		spore__node_log("%s: the end of the build cannot be recorded: %s", b->source, b->db->error);
	if (reason != NULL)
		spore__node_log("%s: %s", b->source, reason);
}

void spore__builds_next(struct spore__builds *b)
{
	while (b->pid == 0 && !b->stopping) {
		int rc = spore__db_builds_begin(b->db, b->source, sizeof b->source);
		if (rc == SQLITE_DONE)
			return;
		if (rc != SQLITE_OK) {
			spore__node_log("the queue of builds cannot be read: %s", b->db->error);
			return;
		}
		if (access(b->source, F_OK) != 0 && (errno == ENOENT || errno == ENOTDIR)) {
			if (spore__db_builds_drop(b->db, b->source) != SQLITE_OK)
				return;
		} else if (start(b) != 0) {
			char reason[PATH_MAX + 128];
			(void)snprintf(reason, sizeof reason, "%s cannot be started: %s", b->program, strerror(errno));
			record_end(b, reason);
		}
	}
}

static void ended(struct spore__builds *b, int status)
{
	char reason[sizeof b->head + 64];
	drain(b);
	close_output(b);
	size_t len = b->head_len;
	while (len > 0 && (b->head[len - 1] == '\n' || b->head[len - 1] == ' '))
		b->head[--len] = '\0';
	if (WIFEXITED(status) && WEXITSTATUS(status) == 0) {
		record_end(b, NULL);
	} else if (WIFEXITED(status) && WEXITSTATUS(status) == NO_SOURCE && access(b->source, F_OK) != 0) {
		(void)spore__db_builds_drop(b->db, b->source);
	} else {
		if (WIFSIGNALED(status))
			(void)snprintf(reason, sizeof reason, "ended by signal %d: %s", WTERMSIG(status), b->head);
		else
			(void)snprintf(reason, sizeof reason, "status %d: %s", WEXITSTATUS(status), b->head);
		record_end(b, reason);
	}
}

void spore__builds_ended(struct spore__builds *b, pid_t pid, int status)
{
	if (b->pid == 0 || pid != b->pid)
		return;
	b->pid = 0;
	ended(b, status);
	spore__builds_next(b);
}

int spore__builds_init(struct spore__builds *b, uv_loop_t *loop, struct spore__db *db, const char *libexec,
                       uint64_t open_files)
{
	*b = (struct spore__builds){.loop = loop, .db = db, .open_files = open_files};
	int len = snprintf(b->program, sizeof b->program, "%s/spore-build", libexec);
	return len < 0 || (size_t)len >= sizeof b->program ? UV_ENAMETOOLONG : 0;
}

void spore__builds_stop(struct spore__builds *b)
{
	b->stopping = true;
	if (b->pid == 0)
		return;
	// The store is whole after SIGKILL at any point, and the next node begins this build again.
	(void)kill(-b->pid, SIGKILL);
	while (waitpid(b->pid, NULL, 0) < 0 && errno == EINTR)
		;
	b->pid = 0;
	close_output(b);
	if (spore__db_builds_requeue(b->db) != SQLITE_OK)
		spore__node_log("%s: the build cannot be queued again: %s", b->source, b->db->error);
}
