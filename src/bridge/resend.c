#include "bridge/resend.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "chan/framing.h"

enum { AT_ONCE = 64 };

struct due {
	uint64_t number;
	int side;
	bool raw;
	enum spore__dead_state becomes;
	size_t len;
	unsigned char *bytes;
};

struct batch {
	struct due items[AT_ONCE];
	size_t count;
};

// The file is locked while it is read: what is sent again may have to be parked again, and so waits until it is not.
static bool collect(void *arg, struct spore__dead_entry *e, const char *reason, const void *bytes)
{
	struct batch *b = arg;
	(void)reason;
	if (e->state != SPORE__DEAD_DUE || b->count == AT_ONCE)
		return true;
	struct due *d = &b->items[b->count];
	*d = (struct due){.number = e->number, .side = e->side != 0, .raw = e->raw != 0, .len = e->kept};
	d->bytes = malloc(e->kept + 1U);
	if (d->bytes == NULL)
		return false;
	memcpy(d->bytes, bytes, e->kept);
	b->count++;
	return true;
}

static bool mark(void *arg, struct spore__dead_entry *e, const char *reason, const void *bytes)
{
	const struct batch *b = arg;
	(void)reason, (void)bytes;
	for (size_t i = 0; i < b->count; i++)
		if (b->items[i].number == e->number)
			e->state = (uint32_t)b->items[i].becomes;
	return true;
}

// As it came, once more, by the framing of its end.
static enum spore_err feed_again(struct spore__work *w, const struct due *d)
{
	struct spore__work_side *s = &w->sides[d->side];
	unsigned char head[SPORE__FRAMING_HEAD];
	struct spore__buf text = {0};
	size_t used = 0;
	if (s->end == NULL)
		return SPORE_ECLOSED;
	// Between two messages only: what is awaited of one is in what the codec looked at.
	if (s->waits.len > 0)
		return SPORE_EAGAIN;
	const struct spore__framing *f = s->end->codec->framing;
	if (f != NULL)
		spore__buf_add(&text, head, f->head(head, d->len));
	spore__buf_add(&text, d->bytes, d->len);
	if (f != NULL && f->tail > 0)
		spore__buf_char(&text, f->last);
	uint64_t before = spore__bridge_counts(w->bridge)->parked;
	enum spore_err e = spore__bridge_feed(s->end, NULL, text.data, text.len, &used);
	if (e == SPORE_OK && (used < text.len || spore__bridge_counts(w->bridge)->parked != before))
		e = SPORE_EINVALID;
	spore__buf_finish(&text);
	return e;
}

static enum spore_err send_again(struct spore__work *w, const struct due *d)
{
	size_t known = w->parked_count < SPORE__BRIDGE_PARKED ? w->parked_count : SPORE__BRIDGE_PARKED;
	for (size_t i = 0; i < known; i++)
		if (w->parked[i].file == d->number) {
			enum spore_err e = spore__bridge_resend(w->bridge, w->parked[i].bridge);
			if (e != SPORE_ENOTFOUND)
				return e;
		}
	return d->raw ? feed_again(w, d) : SPORE_ENOTFOUND;
}

void spore__resend_due(struct spore__work *w)
{
	struct spore__dead_head head;
	struct batch *b = w->life->dead >= 0 ? calloc(1, sizeof *b) : NULL;
	if (b == NULL)
		return;
	(void)spore__dead_each(w->life->dead, &head, collect, b);
	for (size_t i = 0; i < b->count; i++) {
		struct due *d = &b->items[i];
		enum spore_err e = send_again(w, d);
		// One that could not be translated this time either was parked anew.
		d->becomes = e == SPORE_OK         ? SPORE__DEAD_SENT
		             : e == SPORE_EINVALID ? SPORE__DEAD_DROPPED
		                                   : SPORE__DEAD_PARKED;
		if (e == SPORE_EAGAIN)
			d->becomes = SPORE__DEAD_DUE;
		else if (e != SPORE_OK)
			(void)fprintf(stderr, "message %llu cannot be sent again: %s\n", (unsigned long long)d->number,
			              e == SPORE_EINVALID ? "it cannot be translated now either"
			              : e == SPORE_ENOTFOUND
			                  ? "of it only its meaning was kept, by a process that is gone"
			                  : spore_err_text(e));
	}
	if (b->count > 0)
		(void)spore__dead_each(w->life->dead, &head, mark, b);
	for (size_t i = 0; i < b->count; i++)
		free(b->items[i].bytes);
	free(b);
}

bool spore__resend_poison(struct spore__work *w, int side)
{
	struct spore__work_side *s = &w->sides[side];
	const struct spore__framing *f = s->end->codec->framing;
	struct spore__framed m = {0};
	struct timespec now = {0};
	if (s->waits.len == 0)
		return true;
	if (f == NULL)
		return false;
	if (f->take((const unsigned char *)s->waits.data, s->waits.len, false, &m) != SPORE_OK ||
	    m.head + m.len + m.tail > s->waits.len)
		return true; // a part of one; nobody has translated it
	(void)clock_gettime(CLOCK_REALTIME, &now);
	const struct spore__dead_message dead = {
	    .side = side,
	    .raw = true,
	    .place = spore__journal_step(w->life->journal)->messages[side] + 1,
	    .wall_ns = (int64_t)now.tv_sec * 1000000000 + now.tv_nsec,
	    .reason = "the bridge crashed while it translated this or the one from the other end",
	    .bytes = s->waits.data + m.head,
	    .kept = m.len,
	    .len = m.len,
	};
	if (w->life->dead >= 0)
		(void)spore__dead_park(w->life->dead, &dead);
	atomic_fetch_add(&w->life->record->refused[side], 1);
	size_t whole = m.head + m.len + m.tail;
	spore__journal_step(w->life->journal)->used[side] += whole;
	s->waits.len -= whole;
	memmove(s->waits.data, s->waits.data + whole, s->waits.len);
	return true;
}
