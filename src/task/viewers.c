#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "task/hold.h"

enum {
	RING = 64 * 1024,
	PIECE = SPORE__HOLD_OUTPUT,
	TAIL = RING + SPORE__LOG_PAYLOAD + SPORE__LOG_HEAD, // of a log file, that a whole block of it is there
	INPUT_MAX = 64 * 1024,                              // waits for the program at most, before no more is read
};

static void append(struct spore__hold_view *v, const unsigned char *bytes, size_t len)
{
	if (len > RING) {
		v->total += len - RING;
		bytes += len - RING;
		len = RING;
	}
	size_t at = (size_t)(v->total % RING);
	size_t first = len < RING - at ? len : RING - at;
	memcpy(v->ring + at, bytes, first);
	memcpy(v->ring, bytes + first, len - first);
	v->total += len;
}

// ---- what was written before anybody looked

static void append_blocks(struct spore__hold_view *v, const unsigned char *bytes, size_t len)
{
	for (size_t at = 0, used; at < len; at += used) {
		struct spore__log_block b;
		enum spore_err e = spore__log_decode(bytes + at, len - at, &b, &used);
		if (e == SPORE_EAGAIN)
			used = 1; // looked like a block where the middle of one is
		if (e == SPORE_OK &&
		    (b.kind == SPORE__LOG_STDOUT || b.kind == SPORE__LOG_STDERR || b.kind == SPORE__LOG_TTY))
			append(v, b.payload, b.len);
	}
}

static void append_file(struct spore__hold *h, unsigned char *buffer, uint64_t number)
{
	char name[64];
	struct stat st;
	(void)snprintf(name, sizeof name, "%lld-%llu.log", (long long)h->name.generation, (unsigned long long)number);
	int fd = openat(h->log.writer.dir, name, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return;
	ssize_t n = -1;
	if (fstat(fd, &st) == 0)
		n = pread(fd, buffer, TAIL, st.st_size > TAIL ? st.st_size - TAIL : 0);
	close(fd);
	if (n > 0)
		append_blocks(&h->view, buffer, (size_t)n);
}

static void append_log(struct spore__hold *h)
{
	uint64_t number = h->log.writer.number;
	unsigned char *buffer = h->log.open ? malloc(TAIL) : NULL;
	if (buffer == NULL)
		return;
	if (number > 1)
		append_file(h, buffer, number - 1);
	append_file(h, buffer, number);
	free(buffer);
}

// ---- who looks

static void measure(struct spore__hold *h)
{
	int64_t rows = 0, columns = 0;
	for (size_t i = 0; i < SPORE__HOLD_PEERS; i++) {
		const struct spore__hold_peer *p = h->peers[i];
		if (p == NULL || !p->viewer || p->rows < 1 || p->columns < 1)
			continue;
		rows = rows == 0 || p->rows < rows ? p->rows : rows;
		columns = columns == 0 || p->columns < columns ? p->columns : columns;
	}
	if (rows == 0)
		return;
	h->view.rows = (unsigned short)rows;
	h->view.columns = (unsigned short)columns;
	spore__hold_terminal_size(h);
}

void spore__hold_viewers_resize(struct spore__hold *h, struct spore__hold_peer *p, int64_t rows, int64_t columns)
{
	bool given = rows > 0 && columns > 0;
	p->rows = !given ? 0 : rows < INT16_MAX ? rows : INT16_MAX;
	p->columns = !given ? 0 : columns < INT16_MAX ? columns : INT16_MAX;
	if (p->viewer)
		measure(h);
}

bool spore__hold_viewers_attach(struct spore__hold *h, struct spore__hold_peer *p, int64_t rows, int64_t columns)
{
	struct spore__hold_view *v = &h->view;
	if (v->ring == NULL) {
		v->ring = malloc(RING);
		if (v->ring == NULL)
			return false;
		v->total = 0;
		append_log(h);
	}
	if (!p->viewer)
		p->seen = v->total > RING ? v->total - RING : 0;
	if (!p->viewer && p->state_due)
		p->state_at = v->total;
	p->viewer = true;
	spore__hold_viewers_resize(h, p, rows, columns);
	return true;
}

void spore__hold_viewers_left(struct spore__hold *h)
{
	for (size_t i = 0; i < SPORE__HOLD_PEERS; i++)
		if (h->peers[i] != NULL && h->peers[i]->viewer) {
			measure(h);
			return;
		}
	free(h->view.ring);
	h->view.ring = NULL;
	h->view.total = 0;
}

void spore__hold_viewers_saw(struct spore__hold *h, const unsigned char *bytes, size_t len)
{
	// In pieces, so that nobody who reads misses a part of one large read.
	for (size_t at = 0, more; h->view.ring != NULL && at < len; at += more) {
		more = len - at < PIECE ? len - at : PIECE;
		append(&h->view, bytes + at, more);
		spore__hold_peers_push(h);
	}
}

void spore__hold_viewers_put(struct spore__hold *h, struct spore__hold_peer *p)
{
	const struct spore__hold_view *v = &h->view;
	if (v->total - p->seen > RING) {
		uint64_t skipped = v->total - RING - p->seen;
		spore__hold_put_number(&p->out, SPORE__HOLD_SKIPPED, (int64_t)skipped);
		p->seen += skipped;
	}
	size_t at = (size_t)(p->seen % RING), len = (size_t)(v->total - p->seen);
	len = len < PIECE ? len : PIECE;
	len = len < RING - at ? len : RING - at;
	spore__hold_put_bytes(&p->out, SPORE__HOLD_OUTPUT_BYTES, v->ring + at, (uint32_t)len);
	p->seen += len;
}

// ---- what they write

void spore__hold_viewers_drop_input(struct spore__hold *h)
{
	struct spore__hold_view *v = &h->view;
	bool stalled = spore__hold_viewers_stalled(h);
	spore__hold_io_close(h, &v->input_io);
	free(v->input);
	v->input = NULL;
	v->input_len = 0;
	if (stalled)
		spore__hold_peers_resume(h);
}

bool spore__hold_viewers_stalled(const struct spore__hold *h)
{
	return h->view.input_len >= INPUT_MAX;
}

// How much of it the program takes now; all that it never will.
static size_t give(struct spore__hold *h, const unsigned char *bytes, size_t len)
{
	size_t at = 0;
	while (at < len) {
		ssize_t n = write(h->run.input, bytes + at, len - at);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK))
			return at;
		if (n < 0)
			return len;
		at += (size_t)n;
	}
	return at;
}

static void takes(struct spore__hold *h, struct spore__hold_io *io, short revents)
{
	(void)io;
	(void)revents;
	struct spore__hold_view *v = &h->view;
	bool stalled = spore__hold_viewers_stalled(h);
	size_t gone = give(h, v->input, v->input_len);
	if (gone == v->input_len) {
		spore__hold_viewers_drop_input(h);
		return;
	}
	memmove(v->input, v->input + gone, v->input_len - gone);
	v->input_len -= gone;
	if (stalled && !spore__hold_viewers_stalled(h))
		spore__hold_peers_resume(h);
}

void spore__hold_viewers_input(struct spore__hold *h, const unsigned char *bytes, size_t len)
{
	struct spore__hold_view *v = &h->view;
	if (h->run.input < 0)
		return; // nobody is there to take it
	size_t gone = v->input_len == 0 ? give(h, bytes, len) : 0;
	if (gone == len)
		return;
	unsigned char *input = realloc(v->input, v->input_len + len - gone);
	if (input == NULL)
		return; // as a terminal does whose program does not read
	v->input = input;
	memcpy(v->input + v->input_len, bytes + gone, len - gone);
	v->input_len += len - gone;
	if (v->input_io.fn != NULL)
		return;
	int fd = fcntl(h->run.input, F_DUPFD_CLOEXEC, 3);
	if (fd >= 0 && !spore__hold_io_open(h, &v->input_io, fd, POLLOUT, takes)) {
		close(fd);
		fd = -1;
	}
	if (fd < 0)
		spore__hold_viewers_drop_input(h);
}
