#include "cli/control.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/err.h"
#include "base/fs.h"
#include "base/mem.h"
#include "hold_side.h"
#include "logline.h"

enum {
	AT_ONCE = 64 * 1024,           // bytes of one look; then its caller may look at signals
	LAST_WORDS = 1024 * 1024 * 16, // bytes that are shown after the end
};

struct spore__control_end {
	struct spore__hold_side side;
	int fd;
	char *name;
	bool failed; // nothing more is read or sent
	bool more;   // a look ended before there was nothing left
};

// A program that does not read what its hold says is not worth waiting for: a few hundred bytes fit into any socket's buffer.
static bool send_frame(struct spore__control_end *h, struct spore__msgpack_writer *w)
{
	bool sent = w->err == 0 && send(h->fd, w->data, w->len, MSG_NOSIGNAL | MSG_DONTWAIT) == (ssize_t)w->len;
	spore__msgpack_writer_finish(w);
	return sent;
}

struct spore__control_end *spore__control_create(int fd, const char *name)
{
	struct spore__control_end *h = spore__xcalloc(1, sizeof *h);
	struct spore__msgpack_writer w = {0};
	h->fd = fd;
	h->name = spore__xstrdup(name);
	spore__hold_side_init(&h->side);
	spore__control_put_hello(&w, NULL, NULL);
	(void)send_frame(h, &w); // it may have ended already; what it said is there all the same
	return h;
}

static void show(const struct spore__control_end *h, const struct spore__control_message *m)
{
	char line[SPORE__CONTROL_FRAME];
	bool shown =
	    m->type == SPORE__CONTROL_LOST || (m->type == SPORE__CONTROL_LOG && spore__logline_shown(m->number));
	if (shown)
		(void)spore__fs_write_all(STDERR_FILENO, line, spore__logline_format(m, h->name, line, sizeof line));
}

static void refuse(struct spore__control_end *h, enum spore_err code)
{
	struct spore__msgpack_writer w = {0};
	h->failed = true;
	spore__report("SPORE_TRACE=1 shows what libspore says; a program of your own: docs/control-protocol.md",
	              "%s: its control messages cannot be understood: %s", h->name, h->side.refusal);
	spore__control_put_refuse(&w, code, h->side.refusal);
	(void)send_frame(h, &w);
}

bool spore__control_read(struct spore__control_end *h)
{
	size_t left = AT_ONCE;
	h->more = false;
	while (!h->failed) {
		size_t room;
		unsigned char *place = spore__control_space(&h->side.in, &room);
		ssize_t n = place == NULL ? 0 : recv(h->fd, place, room < left ? room : left, MSG_DONTWAIT);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK))
			return true;
		if (n <= 0) {
			h->failed = true; // the caller closes the descriptor, and its number may then be another file's
			return false;
		}
		spore__control_received(&h->side.in, (size_t)n);
		struct spore__control_message m;
		enum spore_err e;
		while ((e = spore__hold_side_next(&h->side, &m)) == SPORE_OK)
			show(h, &m);
		if (e != SPORE_EAGAIN)
			refuse(h, e);
		left -= (size_t)n;
		if (left == 0 && !h->failed) {
			h->more = true;
			return true;
		}
	}
	return false;
}

void spore__control_destroy(struct spore__control_end *h)
{
	if (h == NULL)
		return;
	for (size_t shown = 0; h->more && shown < LAST_WORDS; shown += AT_ONCE)
		(void)spore__control_read(h);
	spore__hold_side_finish(&h->side);
	free(h->name);
	free(h);
}

bool spore__control_stop(struct spore__control_end *h)
{
	struct spore__msgpack_writer w = {0};
	if (h->failed || !spore__control_read(h) || !h->side.listens)
		return false;
	spore__control_put_stop(&w, 0);
	return send_frame(h, &w);
}
