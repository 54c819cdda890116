// From the program's pipes into the log: one read is one block, and no byte of it is looked at. When the log cannot be written the
// program waits, or what it writes is dropped and counted, as its specification says.
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

#include "os/os.h"
#include "task/hold.h"

enum {
	RETRY_MS = 500,
	IDLE_MS = 250,              // then a large buffer is given back
	LARGE = 16 * 1024,          //
	PIPE_LARGE = 256 * 1024,    // for a program that fills its pipe
	LEFT_MAX = 4 * 1024 * 1024, // bytes that are read after the end of everything: more than any pipe has
};

// An event, or the like, that waits for the log; its bytes follow.
struct kept_event {
	uint64_t wall, monotonic;
	uint32_t run, len;
};

static uint64_t now(clockid_t clock)
{
	struct timespec t = {0};
	(void)clock_gettime(clock, &t);
	return (uint64_t)t.tv_sec * 1000000000U + (uint64_t)t.tv_nsec;
}

// ---- the log, and what to do when it is full

void spore__hold_log_open(struct spore__hold *h)
{
	int state = openat(h->dir, "../..", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	struct spore__log_writer w;
	if (state >= 0 && spore__log_open(&w, state, &h->name, h->spec.log_bytes, h->spec.log_files) == 0) {
		// What was numbered goes on, so that no reader takes the new file for a repetition.
		w.sequence = h->log.open ? h->log.writer.sequence : w.sequence;
		h->log.writer = w;
		h->log.open = true;
	}
	int saved = errno;
	if (state >= 0)
		close(state);
	errno = saved;
}

// The log's folder was removed: there is another by now, or can be.
static void open_again(struct spore__hold *h)
{
	struct spore__log_writer *w = &h->log.writer;
	struct spore__log_writer old = *w;
	spore__hold_log_open(h);
	if (w->dir == old.dir)
		return;
	if (old.file >= 0)
		close(old.file);
	close(old.dir);
}

static int append(struct spore__hold *h, enum spore__log_kind kind, unsigned flags, uint32_t run, uint64_t wall,
                  uint64_t monotonic, const void *bytes, size_t len)
{
	struct spore__hold_log *l = &h->log;
	if (!l->open)
		spore__hold_log_open(h);
	if (!l->open)
		return -1;
	int r = spore__log_append(&l->writer, kind, flags, run, wall, monotonic, bytes, len);
	if (r != 0 && errno == ENOENT) {
		open_again(h);
		r = spore__log_append(&l->writer, kind, flags, run, wall, monotonic, bytes, len);
	}
	return r;
}

// The count of what was dropped goes before anything else.
static int append_lost(struct spore__hold *h)
{
	struct spore__hold_log *l = &h->log;
	unsigned char bytes[256];
	struct spore__msgpack_writer w;
	if (l->lost_bytes == 0 && l->lost_records == 0)
		return 0;
	spore__msgpack_writer_fixed(&w, bytes, sizeof bytes);
	spore__msgpack_map(&w, 3);
	spore__msgpack_str(&w, "bytes");
	spore__msgpack_uint(&w, l->lost_bytes);
	spore__msgpack_str(&w, "records");
	spore__msgpack_uint(&w, l->lost_records);
	spore__msgpack_str(&w, "why");
	spore__msgpack_str(&w, l->why);
	if (append(h, SPORE__LOG_LOST, 0, (uint32_t)h->state.run, now(CLOCK_REALTIME), now(CLOCK_MONOTONIC), w.data,
	           w.len) != 0)
		return -1;
	l->lost_bytes = l->lost_records = 0;
	return 0;
}

static void became_full(struct spore__hold *h)
{
	struct spore__hold_log *l = &h->log;
	bool news = !l->full;
	(void)snprintf(l->why, sizeof l->why, "the log cannot be written: %s", strerror(errno));
	l->full = true;
	spore__hold_timer(h, SPORE__TIMER_LOG, RETRY_MS);
	if (!news)
		return;
	if (h->state.why[0] == '\0') // else there is something worse to say
		(void)snprintf(h->state.why, sizeof h->state.why, "%s; %s until it can", l->why,
		               h->spec.overflow == SPORE__OVERFLOW_BLOCK ? "its output waits"
		                                                         : "its output is dropped");
	h->dirty = true;
	spore__hold_complain(h, "%s", l->why);
}

static void lose(struct spore__hold *h, uint64_t bytes, uint64_t records)
{
	h->log.lost_bytes += bytes;
	h->log.lost_records += records;
	h->state.lost += (int64_t)records;
	h->dirty = true;
}

static int append_events(struct spore__hold *h)
{
	struct spore__hold_log *l = &h->log;
	struct kept_event e;
	size_t at = 0;
	int r = 0;
	while (at < l->events_len) {
		memcpy(&e, l->events + at, sizeof e);
		r = append(h, SPORE__LOG_EVENT, 0, e.run, e.wall, e.monotonic, l->events + at + sizeof e, e.len);
		if (r != 0)
			break;
		at += sizeof e + e.len;
	}
	memmove(l->events, l->events + at, l->events_len - at);
	l->events_len -= at;
	return r;
}

static void pause_reading(struct spore__hold *h, bool pause)
{
	h->run.out.io.paused = h->run.err.io.paused = h->run.control.paused = pause;
}

void spore__hold_log_retry(struct spore__hold *h)
{
	struct spore__hold_log *l = &h->log;
	if (append_lost(h) != 0 || (l->kept.len > 0 && append(h, l->kept.kind, l->kept.flags, l->kept.run, l->kept.wall,
	                                                      l->kept.monotonic, l->buffer, l->kept.len) != 0)) {
		became_full(h);
		return;
	}
	l->kept.len = 0;
	if (append_events(h) != 0) {
		became_full(h);
		return;
	}
	if (l->full && strstr(h->state.why, l->why) == h->state.why)
		h->state.why[0] = '\0';
	h->dirty |= l->full;
	l->full = false;
	pause_reading(h, false);
	spore__hold_timer(h, SPORE__TIMER_LOG, -1);
	spore__hold_timer(h, SPORE__TIMER_BUFFER, IDLE_MS);
}

bool spore__hold_log_takes(const struct spore__hold *h)
{
	return !h->log.full || h->spec.overflow == SPORE__OVERFLOW_DROP;
}

void spore__hold_log_close(struct spore__hold *h)
{
	if (h->log.full)
		spore__hold_log_retry(h);
	if (h->log.full)
		spore__hold_complain(h, "its last words are lost: %s", h->log.why);
	if (h->log.open)
		spore__log_close(&h->log.writer);
	h->log.open = false;
	free(h->log.buffer);
	h->log.buffer = NULL;
}

// ---- blocks

unsigned char *spore__hold_buffer(struct spore__hold *h, size_t *size)
{
	static unsigned char little[2048]; // when there is no memory
	struct spore__hold_log *l = &h->log;
	if (l->buffer == NULL) {
		size_t wanted = l->open ? l->writer.payload_max : SPORE__LOG_PAYLOAD;
		l->buffer = malloc(wanted);
		l->size = wanted;
	}
	*size = l->buffer != NULL ? l->size : sizeof little;
	return l->buffer != NULL ? l->buffer : little;
}

void spore__hold_buffer_idle(struct spore__hold *h)
{
	struct spore__hold_log *l = &h->log;
	if (l->kept.len > 0 || !l->large)
		return;
	free(l->buffer);
	l->buffer = NULL;
	l->large = false;
}

static uint64_t lines(const unsigned char *bytes, size_t len)
{
	uint64_t count = 0;
	for (const unsigned char *at = bytes, *end = bytes + len; (at = memchr(at, '\n', (size_t)(end - at))) != NULL;
	     at++)
		count++;
	return count > 0 ? count : 1;
}

void spore__hold_took(struct spore__hold *h, enum spore__log_kind kind, size_t len, uint64_t records)
{
	struct spore__hold_log *l = &h->log;
	size_t size;
	const unsigned char *bytes = spore__hold_buffer(h, &size);
	unsigned flags = kind != SPORE__LOG_RECORDS && bytes[len - 1] != '\n' ? SPORE__LOG_OPEN_END : 0;
	uint64_t wall = now(CLOCK_REALTIME), monotonic = now(CLOCK_MONOTONIC);
	uint32_t run = (uint32_t)h->state.run;
	if (len > LARGE && l->buffer != NULL)
		l->large = true;
	if (l->large)
		spore__hold_timer(h, SPORE__TIMER_BUFFER, IDLE_MS);
	if (!l->full && append(h, kind, flags, run, wall, monotonic, bytes, len) == 0)
		return;
	if (!l->full)
		became_full(h);
	if (h->spec.overflow == SPORE__OVERFLOW_DROP || bytes != l->buffer) {
		lose(h, len, kind == SPORE__LOG_RECORDS ? records : lines(bytes, len));
		return;
	}
	l->kept.kind = kind;
	l->kept.flags = flags;
	l->kept.run = run;
	l->kept.wall = wall;
	l->kept.monotonic = monotonic;
	l->kept.len = len;
	pause_reading(h, true);
}

static void keep_event(struct spore__hold *h, const struct spore__msgpack_writer *w, uint64_t wall, uint64_t monotonic)
{
	struct spore__hold_log *l = &h->log;
	const struct kept_event e = {
	    .wall = wall, .monotonic = monotonic, .run = (uint32_t)h->state.run, .len = (uint32_t)w->len};
	if (sizeof e + w->len > sizeof l->events - l->events_len) {
		lose(h, 0, 1);
		return;
	}
	memcpy(l->events + l->events_len, &e, sizeof e);
	memcpy(l->events + l->events_len + sizeof e, w->data, w->len);
	l->events_len += sizeof e + w->len;
}

void spore__hold_event(struct spore__hold *h, enum spore_level level, const char *event,
                       const struct spore__hold_number *numbers, const char *fmt, ...)
{
	char text[600];
	unsigned char bytes[1024];
	struct spore__msgpack_writer w;
	uint32_t count = 0;
	uint64_t wall = now(CLOCK_REALTIME), monotonic = now(CLOCK_MONOTONIC);
	va_list ap;
	va_start(ap, fmt);
	(void)vsnprintf(text, sizeof text, fmt, ap);
	va_end(ap);
	while (numbers != NULL && numbers[count].key != NULL)
		count++;
	spore__msgpack_writer_fixed(&w, bytes, sizeof bytes);
	spore__msgpack_map(&w, 3 + count);
	spore__msgpack_str(&w, "event");
	spore__msgpack_str(&w, event);
	spore__msgpack_str(&w, "level");
	spore__msgpack_int(&w, (int64_t)level);
	spore__msgpack_str(&w, "text");
	spore__msgpack_str(&w, text);
	for (uint32_t i = 0; i < count; i++) {
		spore__msgpack_str(&w, numbers[i].key);
		spore__msgpack_int(&w, numbers[i].value);
	}
	if (!h->log.full && append(h, SPORE__LOG_EVENT, 0, (uint32_t)h->state.run, wall, monotonic, w.data, w.len) == 0)
		return;
	keep_event(h, &w, wall, monotonic);
	if (!h->log.full)
		became_full(h);
	pause_reading(h, !spore__hold_log_takes(h));
}

// ---- pipes

// One read. Returns what read did.
static ssize_t take(struct spore__hold *h, struct spore__hold_output *o)
{
	size_t size;
	unsigned char *place = spore__hold_buffer(h, &size);
	ssize_t n = read(o->io.fd, place, size);
	if (n <= 0)
		return n;
	if (o->pipe > 0 && (size_t)n >= o->pipe)
		o->pipe = spore__os_pipe_grow(o->io.fd, PIPE_LARGE);
	spore__hold_took(h, o->kind, (size_t)n, 0);
	spore__hold_viewers_saw(h, place, (size_t)n);
	spore__hold_probes_saw(h, o->kind, place, (size_t)n);
	return n;
}

static void readable(struct spore__hold *h, struct spore__hold_io *io, short revents)
{
	(void)revents;
	struct spore__hold_output *o = io == &h->run.out.io ? &h->run.out : &h->run.err;
	ssize_t n = take(h, o);
	if (n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR))
		spore__hold_io_close(h, io);
}

void spore__hold_output_open(struct spore__hold *h, struct spore__hold_output *o, int fd, enum spore__log_kind kind)
{
	o->kind = kind;
	o->pipe = spore__os_pipe_grow(fd, 0);
	if (!spore__hold_io_open(h, &o->io, fd, POLLIN, readable))
		close(fd);
	o->io.paused = !spore__hold_log_takes(h);
}

bool spore__hold_output_drain(struct spore__hold *h)
{
	struct spore__hold_output *all[] = {&h->run.out, &h->run.err};
	for (size_t i = 0; i < 2; i++) {
		size_t sum = 0;
		ssize_t n = 1;
		while (all[i]->io.fd >= 0 && all[i]->io.fn != NULL && n > 0 && sum < LEFT_MAX) {
			if (!spore__hold_log_takes(h) || h->log.kept.len > 0)
				return false;
			n = take(h, all[i]);
			sum += n > 0 ? (size_t)n : 0;
			if (n < 0 && errno == EINTR)
				n = 1;
		}
	}
	return h->log.kept.len == 0;
}

void spore__hold_output_close(struct spore__hold *h)
{
	struct spore__hold_output *all[] = {&h->run.out, &h->run.err};
	if (h->log.kept.len > 0) {
		size_t len = h->log.kept.len;
		h->log.kept.len = 0;
		lose(h, len, lines(h->log.buffer, len));
	}
	for (size_t i = 0; i < 2; i++) {
		int left = 0;
		bool open = all[i]->io.fn != NULL && all[i]->io.fd >= 0;
		if (open && !spore__hold_log_takes(h) && ioctl(all[i]->io.fd, FIONREAD, &left) == 0 && left > 0)
			lose(h, (uint64_t)left, 1);
		spore__hold_io_close(h, &all[i]->io);
	}
}
