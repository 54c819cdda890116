// What a program says of itself: over libspore's control channel, to the socket of sd_notify, by a newline on a descriptor.
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "os/os.h"
#include "pass.h"
#include "task/elsewhere.h"
#include "task/hold.h"

enum {
	AT_ONCE = 64 * 1024,      // bytes of one look
	LAST_WORDS = 1024 * 1024, // bytes that are read after the end: more than a socket has
	NOTIFY_MAX = 4096,        // bytes of a datagram
	NOTIFIES = 64,            // datagrams of one look
	RETRY_MS = 100,
};

static void ready(struct spore__hold *h)
{
	if (h->spec.ready == SPORE__READY_NOTIFY)
		spore__hold_happens(h, SPORE__ON_READY);
}

static void set_status(struct spore__hold *h, const char *text, size_t len)
{
	char *to = h->state.status;
	if (len >= sizeof h->state.status) {
		len = sizeof h->state.status - 1;
		while (len > 0 && ((unsigned char)text[len] & 0xc0) == 0x80)
			len--;
	}
	for (size_t i = 0; i < len; i++)
		to[i] = (unsigned char)text[i] < ' ' ? ' ' : text[i];
	to[len] = '\0';
	h->dirty = true;
}

// ---- libspore

static void say_hello(struct spore__hold *h)
{
	struct spore__msgpack_writer w = {0};
	size_t count = 0;
	while (h->spec.config != NULL && h->spec.config[count] != NULL)
		count++;
	const char **pairs = malloc((2 * count + 1) * sizeof *pairs);
	char **copies = calloc(count + 1, sizeof *copies);
	size_t n = 0;
	for (size_t i = 0; pairs != NULL && copies != NULL && i < count; i++) {
		copies[i] = strdup(h->spec.config[i]);
		char *value = copies[i] != NULL ? strchr(copies[i], '=') : NULL;
		if (value == NULL)
			continue;
		*value++ = '\0';
		pairs[n++] = copies[i];
		pairs[n++] = value;
	}
	if (pairs != NULL) {
		pairs[n] = NULL;
		spore__control_put_hello(&w, NULL, pairs);
		if (!spore__hold_say_now(h, &w))
			spore__hold_event(h, SPORE_WARN, "control", NULL, "it could not be told its configuration");
	}
	for (size_t i = 0; copies != NULL && i < count; i++)
		free(copies[i]);
	free(copies);
	free(pairs);
}

// The channels that it has go on.
static void close_control(struct spore__hold *h)
{
	spore__hold_io_close(h, &h->run.control);
	spore__passed_close(&h->run.came);
	spore__hold_say_drop(h);
	spore__hold_ports_end(h);
}

static void refuse(struct spore__hold *h, enum spore_err code)
{
	struct spore__msgpack_writer w = {0};
	spore__hold_event(h, SPORE_ERROR, "control", NULL, "its control messages cannot be understood: %s",
	                  h->run.side.refusal);
	spore__control_put_refuse(&w, code, h->run.side.refusal);
	(void)spore__hold_say_now(h, &w);
	close_control(h);
}

// Records are collected behind each other in the buffer, *LEN bytes of SIZE so far.
static void collect(struct spore__hold *h, const struct spore__control_message *m, size_t *len, uint64_t *records)
{
	size_t size;
	unsigned char *to = spore__hold_buffer(h, &size);
	uint64_t n = m->type == SPORE__CONTROL_LOST ? m->number : 1;
	const unsigned char *frame = m->body - SPORE__CONTROL_HEAD; // as it came, with its length
	size_t frame_len = m->body_len + SPORE__CONTROL_HEAD;
	if (m->type == SPORE__CONTROL_LOST) {
		h->state.lost += (int64_t)(n < INT32_MAX ? n : INT32_MAX);
		h->dirty = true;
	}
	if (frame_len > size - *len && *len > 0) {
		spore__hold_took(h, SPORE__LOG_RECORDS, *len, *records);
		*len = 0;
		*records = 0;
	}
	if (frame_len > size || h->log.kept.len > 0) {
		h->state.lost += (int64_t)(n < INT32_MAX ? n : INT32_MAX); // no memory, or nowhere to keep it
		h->log.lost_records += n;
		return;
	}
	memcpy(to + *len, frame, frame_len);
	*len += frame_len;
	*records += 1;
}

static void hear(struct spore__hold *h, const struct spore__control_message *m, size_t *len, uint64_t *records)
{
	switch (m->type) {
	case SPORE__CONTROL_HELLO:
		spore__hold_ports_features(h, m->features);
		return;
	case SPORE__CONTROL_OPEN:
		spore__hold_ports_open(h, m);
		return;
	case SPORE__CONTROL_BROKEN:
		spore__hold_ports_broken(h, m);
		return;
	case SPORE__CONTROL_MEMORY:
		spore__hold_ports_memory(h, m);
		return;
	case SPORE__CONTROL_CLOSE:
		spore__hold_ports_close(h, m);
		return;
	case SPORE__CONTROL_LOG:
	case SPORE__CONTROL_LOST:
		collect(h, m, len, records);
		return;
	case SPORE__CONTROL_READY:
		ready(h);
		return;
	case SPORE__CONTROL_STATUS:
		set_status(h, m->text, m->text_len);
		return;
	case SPORE__CONTROL_REFUSE:
		spore__hold_event(h, SPORE_ERROR, "control", NULL, "it refuses the control channel: %.*s",
		                  (int)(m->text_len < 200 ? m->text_len : 200), m->text);
		return;
	default:
		return;
	}
}

// Without memory for what its program says nothing is read for a while; that is no end.
static void wait_for_memory(struct spore__hold *h)
{
	if (!h->run.starved)
		spore__hold_event(h, SPORE_WARN, "control", NULL, "its messages wait: this hold has no memory left");
	h->run.starved = h->run.control.paused = true;
	spore__hold_timer(h, SPORE__TIMER_CONTROL, RETRY_MS);
}

void spore__hold_control_retry(struct spore__hold *h)
{
	h->run.control.paused = !spore__hold_log_takes(h);
}

// Reads what there is, AT_ONCE bytes at most. False when no more will come.
static bool look(struct spore__hold *h)
{
	size_t len = 0, left = AT_ONCE;
	uint64_t records = 0;
	bool more = true;
	while (more && left > 0) {
		size_t room;
		unsigned char *place = spore__control_space(&h->run.side.in, &room);
		if (place == NULL) {
			wait_for_memory(h);
			break;
		}
		ssize_t n = spore__passed_receive(&h->run.came, h->run.control.fd, place, room < left ? room : left);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK))
			break;
		if (n <= 0) {
			more = false;
			break;
		}
		spore__control_received(&h->run.side.in, (size_t)n);
		left -= (size_t)n;
		struct spore__control_message m;
		enum spore_err e;
		while ((e = spore__hold_side_next(&h->run.side, &m)) == SPORE_OK)
			hear(h, &m, &len, &records);
		if (h->run.side.in.len == h->run.side.in.from)
			spore__passed_close(&h->run.came); // they were of a message that has no use for them
		if (e != SPORE_EAGAIN) {
			refuse(h, e);
			more = false;
		}
	}
	if (len > 0)
		spore__hold_took(h, SPORE__LOG_RECORDS, len, records);
	return more;
}

static void hears(struct spore__hold *h, struct spore__hold_io *io, short revents)
{
	if ((revents & POLLOUT) != 0)
		spore__hold_say_more(h);
	if ((revents & ~POLLOUT) != 0 && !look(h) && io->fn != NULL)
		close_control(h);
}

bool spore__hold_control_stop(struct spore__hold *h, int64_t grace_ms)
{
	struct spore__msgpack_writer w = {0};
	bool swap = h->swap && spore__hold_ports_knows_swap(h);
	if (h->run.control.fn == NULL || !(h->run.side.listens || swap))
		return false;
	// One that does not listen finds the end of what it receives.
	if (swap)
		spore__control_put_stop_swap(&w, (uint64_t)grace_ms);
	else
		spore__control_put_stop(&w, (uint64_t)grace_ms);
	return spore__hold_say_now(h, &w);
}

// ---- sd_notify

static void assign(struct spore__hold *h, const char *line, size_t len)
{
	static const char is_ready[] = "READY=1", alive[] = "WATCHDOG=1", status[] = "STATUS=";
	if (len == sizeof is_ready - 1 && memcmp(line, is_ready, len) == 0)
		ready(h);
	else if (len == sizeof alive - 1 && memcmp(line, alive, len) == 0)
		spore__hold_probes_watchdog(h);
	else if (len >= sizeof status - 1 && memcmp(line, status, sizeof status - 1) == 0)
		set_status(h, line + sizeof status - 1, len - (sizeof status - 1));
}

static void notified(struct spore__hold *h, struct spore__hold_io *io, short revents)
{
	(void)revents;
	char text[NOTIFY_MAX];
	for (int i = 0; i < NOTIFIES && io->fn != NULL; i++) {
		ssize_t n = recv(io->fd, text, sizeof text, MSG_DONTWAIT);
		if (n < 0)
			return;
		for (const char *at = text, *end = text + n; at < end;) {
			const char *newline = memchr(at, '\n', (size_t)(end - at));
			size_t len = (size_t)((newline != NULL ? newline : end) - at);
			assign(h, at, len);
			at += len + 1;
		}
	}
}

// In the hold's folder, or where that path is too long for a socket's address, in the temporary folder.
static int notify_address(struct spore__hold *h, struct sockaddr_un *address)
{
	*address = (struct sockaddr_un){.sun_family = AF_UNIX};
	int len = snprintf(h->run.notify_path, sizeof h->run.notify_path, "%s/notify", h->folder);
	if (len > 0 && (size_t)len >= sizeof address->sun_path) {
		char folder[SPORE__ELSEWHERE_MAX];
		if (spore__elsewhere_make(h->dir, SPORE__ELSEWHERE_NOTIFY, folder) != 0)
			return -1;
		(void)snprintf(h->run.notify_path, sizeof h->run.notify_path, "%s/notify", folder);
	}
	memcpy(address->sun_path, h->run.notify_path, strlen(h->run.notify_path) + 1);
	return 0;
}

static void remove_notify(struct spore__hold *h)
{
	char *path = h->run.notify_path;
	if (path[0] == '\0')
		return;
	(void)unlink(path);
	spore__elsewhere_remove(h->dir, SPORE__ELSEWHERE_NOTIFY);
	path[0] = '\0';
}

static int open_notify(struct spore__hold *h)
{
	struct sockaddr_un address;
	h->run.notify_path[0] = '\0';
	if (h->spec.ready != SPORE__READY_NOTIFY && h->spec.alive != SPORE__ALIVE_NOTIFY)
		return 0;
	int fd = socket(AF_UNIX, SOCK_DGRAM, 0);
	if (fd < 0)
		return -1;
	if (fcntl(fd, F_SETFD, FD_CLOEXEC) != 0 || notify_address(h, &address) != 0)
		goto failed;
	(void)unlink(h->run.notify_path);
	if (bind(fd, (struct sockaddr *)&address, sizeof address) == 0 &&
	    spore__hold_io_open(h, &h->run.notify, fd, POLLIN, notified))
		return 0;
failed:;
	int saved = errno;
	close(fd);
	remove_notify(h);
	errno = saved;
	return -1;
}

// ---- a newline on a descriptor

static void newline(struct spore__hold *h, struct spore__hold_io *io, short revents)
{
	(void)revents;
	char bytes[256];
	ssize_t n = read(io->fd, bytes, sizeof bytes);
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	bool said = n > 0 && memchr(bytes, '\n', (size_t)n) != NULL;
	if (said || n <= 0)
		spore__hold_io_close(h, io);
	if (said)
		ready(h);
}

static int open_newline(struct spore__hold *h, int *theirs)
{
	int ends[2];
	if (h->spec.ready != SPORE__READY_NOTIFY || h->spec.ready_fd < 3)
		return 0;
	if (spore__os_pipe(ends) != 0)
		return -1;
	if (fcntl(ends[0], F_SETFL, O_NONBLOCK) != 0 ||
	    !spore__hold_io_open(h, &h->run.newline, ends[0], POLLIN, newline)) {
		close(ends[0]);
		close(ends[1]);
		return -1;
	}
	*theirs = ends[1];
	return 0;
}

// ---- all of them

static int open_control(struct spore__hold *h, int *theirs)
{
	int ends[2];
	if (!h->spec.control)
		return 0;
	if (spore__os_socketpair(ends) != 0)
		return -1;
	// Not the number at which the program expects the descriptor for its newline.
	if (ends[1] == h->spec.ready_fd) {
		int other = fcntl(ends[1], F_DUPFD_CLOEXEC, ends[1] + 1);
		close(ends[1]);
		ends[1] = other;
	}
	if (ends[1] < 0 || !spore__hold_io_open(h, &h->run.control, ends[0], POLLIN, hears)) {
		close(ends[0]);
		if (ends[1] >= 0)
			close(ends[1]);
		return -1;
	}
	h->run.control.paused = !spore__hold_log_takes(h);
	*theirs = ends[1];
	return 0;
}

int spore__hold_control_open(struct spore__hold *h, struct spore__hold_ends *ends)
{
	*ends = (struct spore__hold_ends){.control = -1, .newline = -1};
	spore__hold_side_init(&h->run.side);
	if (open_control(h, &ends->control) == 0 && open_notify(h) == 0 && open_newline(h, &ends->newline) == 0)
		return 0;
	int saved = errno;
	if (ends->control >= 0)
		close(ends->control);
	spore__hold_control_close(h);
	errno = saved;
	return -1;
}

void spore__hold_control_started(struct spore__hold *h)
{
	if (h->run.control.fn != NULL)
		say_hello(h);
}

void spore__hold_control_last(struct spore__hold *h)
{
	for (size_t sum = 0; h->run.control.fn != NULL && sum < LAST_WORDS && spore__hold_log_takes(h);
	     sum += AT_ONCE) {
		struct pollfd waiting = {.fd = h->run.control.fd, .events = POLLIN};
		if (poll(&waiting, 1, 0) <= 0)
			break;
		hears(h, &h->run.control, POLLIN);
	}
	if (h->run.notify.fn != NULL)
		notified(h, &h->run.notify, 0);
	if (h->run.newline.fn != NULL)
		newline(h, &h->run.newline, 0);
}

void spore__hold_control_close(struct spore__hold *h)
{
	close_control(h);
	spore__hold_io_close(h, &h->run.notify);
	spore__hold_io_close(h, &h->run.newline);
	spore__hold_side_finish(&h->run.side);
	spore__hold_side_init(&h->run.side);
	remove_notify(h);
}
