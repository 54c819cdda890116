#include <errno.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "hold_rig.h"

const char *self, *transport;

void begin(struct child *c, const char *part)
{
	int ends[2], err[2], in[2];
	char number[16];
	memset(c, 0, sizeof *c);
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
	assert_int_equal(pipe(err), 0);
	assert_int_equal(pipe(in), 0);
	snprintf(number, sizeof number, "%d", ends[1]);
	c->pid = fork();
	if (c->pid == 0) {
		dup2(err[1], STDERR_FILENO);
		dup2(in[0], STDIN_FILENO);
		close(ends[0]);
		close(err[0]);
		close(err[1]);
		close(in[0]);
		close(in[1]);
		setenv("SPORE_FD", number, 1);
		unsetenv("NOTIFY_SOCKET");
		execl(self, self, part, (char *)NULL);
		_exit(99);
	}
	close(ends[1]);
	close(err[1]);
	close(in[0]);
	c->fd = ends[0];
	c->err = err[0];
	c->in = in[1];
	spore__hold_side_init(&c->side);
}

static void note_features(struct child *c, struct spore__msgpack_reader r)
{
	uint32_t count, len;
	const char *s;
	char wanted[32];
	snprintf(wanted, sizeof wanted, "%s-1", transport);
	assert_int_equal(spore__msgpack_read_array(&r, &count), SPORE__MSGPACK_OK);
	for (uint32_t i = 0; i < count; i++) {
		assert_int_equal(spore__msgpack_read_str(&r, &s, &len), SPORE__MSGPACK_OK);
		c->features = c->features || (len == strlen(wanted) && memcmp(s, wanted, len) == 0);
	}
}

void hear(struct child *c, enum spore__control_type type, const char *shape)
{
	for (;;) {
		struct spore__control_message m;
		enum spore_err e;
		while ((e = spore__hold_side_next(&c->side, &m)) == SPORE_OK) {
			if (m.type == SPORE__CONTROL_HELLO)
				note_features(c, m.features);
			struct spore__msgpack_reader at;
			if (m.type == SPORE__CONTROL_OPEN)
				c->claims = spore__msgpack_find(&m.fields, "descriptors", &at);
			if (m.type != type)
				continue;
			if (shape != NULL) {
				assert_int_equal(m.port.len, 2);
				assert_memory_equal(m.port.s, "in", 2);
				assert_int_equal(m.shape.len, strlen(shape));
				assert_memory_equal(m.shape.s, shape, m.shape.len);
			}
			return;
		}
		assert_int_equal(e, SPORE_EAGAIN);
		size_t size;
		unsigned char *p = spore__control_space(&c->side.in, &size);
		assert_non_null(p);
		ssize_t n = recv(c->fd, p, size, type == WHAT_IS_THERE ? MSG_DONTWAIT : 0);
		if (n < 0 && errno == EAGAIN && type == WHAT_IS_THERE)
			return;
		assert_true(n > 0);
		spore__control_received(&c->side.in, (size_t)n);
	}
}

void send_with(int fd, const struct spore__msgpack_writer *w, const int *fds, unsigned count)
{
	union {
		struct cmsghdr head;
		char space[CMSG_SPACE(8 * sizeof(int))];
	} control;
	struct iovec piece = {.iov_base = w->data, .iov_len = w->len};
	struct msghdr m = {.msg_iov = &piece, .msg_iovlen = 1};
	assert_int_equal(w->err, 0);
	if (count > 0) {
		memset(&control, 0, sizeof control);
		m.msg_control = control.space;
		m.msg_controllen = CMSG_SPACE(count * sizeof(int));
		struct cmsghdr *head = CMSG_FIRSTHDR(&m);
		head->cmsg_level = SOL_SOCKET;
		head->cmsg_type = SCM_RIGHTS;
		head->cmsg_len = CMSG_LEN(count * sizeof(int));
		memcpy(CMSG_DATA(head), fds, count * sizeof(int));
	}
	assert_int_equal(sendmsg(fd, &m, MSG_NOSIGNAL), (ssize_t)w->len);
}

struct spore__channel_end pass_end(struct child *c, bool early)
{
	struct spore__channel_end ends[2];
	struct spore__msgpack_writer w = {0};
	assert_int_equal(spore__channel_make(transport, NULL, ends), SPORE_OK);
	spore__control_put_subscription(&w, "in", ++c->serial, transport, (unsigned)ends[1].role,
	                                (unsigned)ends[1].count, "other/task.out", NULL, false, early, false);
	send_with(c->fd, &w, ends[1].fds, (unsigned)ends[1].count);
	spore__channel_end_close(&ends[1]);
	spore__msgpack_writer_finish(&w);
	return ends[0];
}

struct spore_chan *wire(struct child *c)
{
	struct spore__channel_end end = pass_end(c, false);
	struct spore_chan *mine;
	assert_int_equal(spore__chan_create(&end, &mine), SPORE_OK);
	return mine;
}

struct spore_chan *come(struct spore__channel_end *end)
{
	struct spore_chan *mine;
	assert_int_equal(write(end->fds[1], "", 1), 1);
	assert_int_equal(spore__chan_create(end, &mine), SPORE_OK);
	return mine;
}

void say(struct child *c, void (*put)(struct spore__msgpack_writer *w, const char *port, uint64_t serial))
{
	struct spore__msgpack_writer w = {0};
	put(&w, "in", c->serial);
	send_with(c->fd, &w, NULL, 0);
	spore__msgpack_writer_finish(&w);
}

const char *end(struct child *c, int expected)
{
	static char err[65536];
	size_t len = 0;
	ssize_t n;
	int status;
	close(c->in);
	while ((n = read(c->err, err + len, sizeof err - 1 - len)) > 0)
		len += (size_t)n;
	err[len] = '\0';
	assert_int_equal(waitpid(c->pid, &status, 0), c->pid);
	if (!WIFEXITED(status) || WEXITSTATUS(status) != expected)
		print_message("status %x, standard error: %s\n", (unsigned)status, err);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), expected);
	if (c->fd >= 0)
		close(c->fd);
	close(c->err);
	spore__hold_side_finish(&c->side);
	return err;
}

void expect(struct spore_chan *c, const char *text)
{
	char buffer[64];
	size_t len;
	assert_int_equal(spore_chan_recv(c, buffer, sizeof buffer, &len, PATIENCE), SPORE_OK);
	assert_int_equal(len, strlen(text));
	assert_memory_equal(buffer, text, len);
}

void tell(struct spore_chan *c, const char *text)
{
	assert_int_equal(spore_chan_send(c, text, strlen(text), PATIENCE), SPORE_OK);
}
