#include "look/peep.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "chan/framing.h"
#include "pump/window.h"

enum {
	PIECE = 64 * 1024,
	LARGEST = 64 << 20, // bytes of a message; what is longer is shown in pieces
};

struct side {
	const struct spore__framing *framing;
	unsigned char *bytes; // malloc'ed
	size_t at, len, size; // the next message begins at AT
	size_t used;          // bytes of the one that was lent
	struct spore__framed framed;
	unsigned char fresh[PIECE]; // not looked at yet
	size_t fresh_len;
	uint64_t gap; // bytes that are missing before it, not yet counted
	uint64_t missed;
};

struct spore__peep {
	struct spore__window_view view;
	size_t limit;
	struct side sides[SPORE__WINDOW_WAYS];
};

static const struct spore__framing *framing_of(const char *name)
{
	static const struct spore__framing *const all[] = {&spore__framing_lines, &spore__framing_u32le,
	                                                   &spore__framing_u32be, &spore__framing_netstring};
	for (size_t i = 0; i < sizeof all / sizeof all[0]; i++)
		if (strcmp(all[i]->name, name) == 0)
			return all[i];
	return &spore__framing_bytes;
}

bool spore__peep_open(int fd, const char *framing, size_t limit, struct spore__peep **out)
{
	struct spore__peep *p = calloc(1, sizeof *p);
	if (p == NULL) {
		close(fd);
		return false;
	}
	if (!spore__window_view_open(fd, &p->view)) {
		free(p);
		return false;
	}
	p->limit = limit;
	for (int way = 0; way < SPORE__WINDOW_WAYS; way++)
		p->sides[way].framing = framing_of(framing);
	*out = p;
	return true;
}

void spore__peep_close(struct spore__peep *p)
{
	if (p == NULL)
		return;
	for (int way = 0; way < SPORE__WINDOW_WAYS; way++)
		free(p->sides[way].bytes);
	spore__window_view_close(&p->view);
	free(p);
}

uint64_t spore__peep_missed(const struct spore__peep *p, int way)
{
	return p->sides[way].missed;
}

bool spore__peep_is_finished(const struct spore__peep *p)
{
	return spore__window_is_finished(&p->view, SPORE__WINDOW_IN) &&
	       spore__window_is_finished(&p->view, SPORE__WINDOW_OUT);
}

static bool append(struct side *s)
{
	if (s->at < s->len)
		memmove(s->bytes, s->bytes + s->at, s->len - s->at);
	s->len -= s->at;
	s->at = 0;
	if (s->len + s->fresh_len > s->size) {
		size_t size = s->size < PIECE ? PIECE : s->size * 2;
		while (size < s->len + s->fresh_len)
			size *= 2;
		unsigned char *bytes = realloc(s->bytes, size);
		if (bytes == NULL)
			return false;
		s->bytes = bytes;
		s->size = size;
	}
	memcpy(s->bytes + s->len, s->fresh, s->fresh_len);
	s->len += s->fresh_len;
	s->fresh_len = 0;
	return true;
}

static enum spore_err lend(const struct spore__peep *p, struct side *s, size_t head, size_t len, size_t tail,
                           struct spore__spied *m)
{
	*m =
	    (struct spore__spied){.data = s->bytes + s->at + head, .len = len, .kept = len < p->limit ? len : p->limit};
	s->used = head + len + tail;
	s->framed = (struct spore__framed){0};
	return SPORE_OK;
}

// A message out of what is there. SPORE_EAGAIN: more is needed.
static enum spore_err take(const struct spore__peep *p, struct side *s, bool end, struct spore__spied *m)
{
	size_t n = s->len - s->at;
	enum spore_err e = s->framing->take(s->bytes + s->at, n, end, &s->framed);
	const struct spore__framed *f = &s->framed;
	if (e == SPORE_OK && f->head + f->len + f->tail <= n)
		return lend(p, s, f->head, f->len, f->tail, m);
	bool nonsense = e != SPORE_OK && e != SPORE_EAGAIN && e != SPORE_EEND;
	bool large = n >= LARGEST || (e == SPORE_OK && f->len >= LARGEST);
	if (n == 0 || !(nonsense || large || end))
		return SPORE_EAGAIN;
	// It is shown as it came. Where the next message begins nobody knows any more, unless it is a line.
	if (s->framing != &spore__framing_lines && !end)
		s->framing = &spore__framing_bytes;
	return lend(p, s, 0, n, 0, m);
}

enum spore_err spore__peep_next(struct spore__peep *p, int way, bool over, struct spore__spied *m)
{
	struct side *s = &p->sides[way];
	s->at += s->used;
	s->used = 0;
	for (;;) {
		if (s->at < s->len && s->gap == 0) {
			enum spore_err e = take(p, s, false, m);
			if (e != SPORE_EAGAIN)
				return e;
		}
		if (s->fresh_len == 0)
			s->fresh_len =
			    spore__window_read(&p->view, (enum spore__window_way)way, s->fresh, PIECE, &s->gap);
		if (s->at < s->len && (s->gap > 0 || (s->fresh_len == 0 && over)))
			return take(p, s, true, m); // it will never be whole
		if (s->gap > 0 && s->framing != &spore__framing_lines)
			s->framing = &spore__framing_bytes;
		s->missed += s->gap;
		s->gap = 0;
		if (s->fresh_len == 0)
			return over ? SPORE_EEND : SPORE_EAGAIN;
		if (!append(s))
			return SPORE_ENOMEM;
	}
}
