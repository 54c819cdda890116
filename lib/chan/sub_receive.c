// The subscriber's end. The memory is the publisher's, which need not be trusted, and which may be overwritten at any time: what is used was
// copied before it was checked, and it was checked after the copy that it had still been there. Nothing in it can be a reason for more than TURNS
// looks, nor for touching anything outside.
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "../os/os.h"
#include "chan/pub_record.h"
#include "chan/sub_inside.h"
#include "pass.h"

enum {
	TURNS = 8, // records that are no message, or were overwritten, in one look
	LENT = SPORE__SUB_LENT,
};

static struct spore__sub *sub(struct spore__transport *t)
{
	return (struct spore__sub *)t;
}

// ---- the publisher's memory

// Was what has been copied of the record at AT still that?
static bool is_whole(const struct spore__sub *s, uint64_t at)
{
	return spore__pub_is_whole(s->map, at);
}

static bool is_whole_far(const struct spore__sub *s, uint64_t at)
{
	atomic_thread_fence(memory_order_acquire);
	return at >= atomic_load_explicit(&s->says->large_from, memory_order_relaxed);
}

enum spore_err spore__sub_see(struct spore__sub *s, uint64_t *head)
{
	*head = atomic_load_explicit(&s->says->head, memory_order_acquire);
	if (*head < s->seen)
		return s->err = SPORE_EMALFORMED;
	s->seen = *head;
	return SPORE_OK;
}

// ---- what is released

void spore__sub_say_released(struct spore__sub *s)
{
	if (s->said == s->released)
		return;
	s->said = s->released;
	atomic_store_explicit(&s->cursor->released, s->released, memory_order_release);
	if (s->slow != SPORE_SLOW_BLOCK)
		return;
	atomic_thread_fence(memory_order_seq_cst);
	uint32_t number = atomic_load_explicit(&s->cursor->waits, memory_order_relaxed);
	if ((number & 1) != 0 && number != s->rung) {
		int e = errno;
		s->rung = number;
		(void)spore__io_send(s->sock, "", 1); // a full socket was rung enough
		errno = e;
	}
}

// Before the place itself, so that what is at the place or behind it is told apart by it, whenever this process ends.
static void say_done(struct spore__sub *s, uint64_t number)
{
	atomic_store_explicit(&s->cursor->done, number + 1, memory_order_release);
}

static void release_to(struct spore__sub *s, uint64_t at, bool large)
{
	s->released = at;
	if (large || s->released - s->said >= s->shape.log / 4)
		spore__sub_say_released(s);
}

// ---- places

static void go_to(struct spore__sub *s, uint64_t at)
{
	s->at = at;
	if (s->lent_first == s->lent_next)
		release_to(s, at, false);
}

// Goes on at a record that stays for a while, further on and no more than a log behind the end. False: this is the end.
static bool skip_ahead(struct spore__sub *s)
{
	uint64_t head, best;
	if (spore__sub_see(s, &head) != SPORE_OK)
		return false;
	if (s->slow == SPORE_SLOW_DISCONNECT) {
		s->err = SPORE_ECLOSED;
		return false;
	}
	best = head;
	for (unsigned i = 0; i < SPORE__PUB_MARKS; i++) {
		uint64_t mark = atomic_load_explicit(&s->says->marks[i], memory_order_relaxed);
		if (mark % SPORE__PUB_ALIGN == 0 && mark > s->at && mark < best && head - mark <= s->shape.log / 4 * 3)
			best = mark;
	}
	uint64_t latest = atomic_load_explicit(&s->says->latest, memory_order_relaxed);
	if (best == head && latest > s->at && latest < head && head - latest <= s->shape.log)
		best = latest;
	if (best % SPORE__PUB_ALIGN != 0)
		s->err = SPORE_EMALFORMED;
	else
		go_to(s, best);
	return s->err == SPORE_OK;
}

// For who looks on.
static void say_next(struct spore__sub *s)
{
	atomic_store_explicit(&s->cursor->next, s->known ? s->expected + 1 : 0, memory_order_relaxed);
}

// Begins at the last message between the records at LATEST (none: SPORE__PUB_NOWHERE) and HEAD, or behind it. SPORE_EAGAIN: it was overwritten.
static enum spore_err begin_at(struct spore__sub *s, uint64_t latest, uint64_t head)
{
	struct spore__pub_last last;
	enum spore_err e = spore__pub_find_last(s->map, &s->shape, latest, head, &last);
	s->at = s->last || !last.any ? last.at : last.found.end;
	s->known = e == SPORE_OK && (last.any || latest == SPORE__PUB_NOWHERE);
	s->expected = !s->known || !last.any ? 0 : s->last ? last.found.number : last.found.number + 1;
	return e;
}

// Begins where the publisher said, or behind the last message, or with it.
static enum spore_err begin(struct spore__sub *s)
{
	const struct spore__cursor *c = s->cursor;
	// Before it is looked whether this end is taken: who takes it at this moment publishes afterwards, and that is for this end. And the
	// last message before the head, which is behind it then.
	uint64_t latest = atomic_load_explicit(&s->says->latest, memory_order_acquire);
	uint64_t head = atomic_load_explicit(&s->says->head, memory_order_acquire);
	enum spore_err e = SPORE_EAGAIN;
	if (atomic_load_explicit(&c->taken, memory_order_acquire) == 1) {
		latest = atomic_load_explicit(&c->last, memory_order_relaxed);
		head = atomic_load_explicit(&c->from, memory_order_relaxed);
		if (!s->last || latest == SPORE__PUB_NOWHERE) {
			s->at = head;
			s->known = true;
			s->expected = atomic_load_explicit(&c->number, memory_order_relaxed);
			e = SPORE_OK;
		}
	}
	for (int i = 0; i < TURNS && e == SPORE_EAGAIN; i++) {
		e = begin_at(s, latest, head);
		latest = atomic_load_explicit(&s->says->latest, memory_order_acquire);
		head = atomic_load_explicit(&s->says->head, memory_order_acquire);
	}
	if (e == SPORE_EMALFORMED || s->at % SPORE__PUB_ALIGN != 0)
		return SPORE_EMALFORMED;
	s->released = s->at;
	if (s->known)
		say_done(s, s->expected);
	say_next(s);
	return SPORE_OK;
}

// Goes on where another end of this subscription was: not before what it had released, as far as it said so, and without what is done. False: none
// has begun. The publisher may wait for what was released while nobody was there to ring, so it is said once more.
static bool resume(struct spore__sub *s)
{
	struct spore__cursor *c = s->cursor;
	uint64_t at = atomic_load_explicit(&c->released, memory_order_acquire);
	uint64_t done = atomic_load_explicit(&c->done, memory_order_relaxed);
	if (at == SPORE__PUB_NOWHERE || at % SPORE__PUB_ALIGN != 0)
		return false;
	s->resumes = s->known = done != 0;
	s->expected = s->known ? done - 1 : 0;
	s->at = s->released = at;
	s->dropped = atomic_load_explicit(&c->dropped, memory_order_relaxed);
	say_next(s);
	return true;
}

enum spore_err spore__sub_attach(struct spore__sub *s, int memory)
{
	enum spore_err e = spore__pub_map(memory, &s->shape, &s->map);
	if (e != SPORE_OK) {
		close(memory);
		return e == SPORE_ENOMEM ? e : SPORE_EMALFORMED;
	}
	s->memory = memory;
	s->says = (struct spore__pub_says *)(void *)(s->map + SPORE__PUB_SAYS_AT);
	s->said = SPORE__PUB_NOWHERE; // also at the very beginning
	e = resume(s) ? SPORE_OK : begin(s);
	spore__sub_say_released(s);
	if (s->port != NULL)
		s->say(s->port, s->serial, memory);
	return e;
}

// It comes once. Where it cannot be had, for want of a descriptor or of address space, this subscription is over: the publisher, which may wait for
// what it releases, is to see that.
static void take_memory(struct spore__sub *s, struct spore__passed *came)
{
	int memory;
	s->err = spore__passed_take(came, &memory, 1);
	if (s->err == SPORE_OK)
		s->err = spore__sub_attach(s, memory);
	if (s->err == SPORE_ESYSTEM || s->err == SPORE_ENOMEM)
		s->err = SPORE_ECLOSED;
	if (s->err != SPORE_OK)
		(void)shutdown(s->sock, SHUT_RDWR);
	spore__passed_close(came);
}

// The memory, once it has come.
static void receive_memory(struct spore__sub *s)
{
	char bytes[256];
	int before = errno;
	struct spore__passed came = {0};
	ssize_t n = spore__passed_receive(&came, s->sock, bytes, sizeof bytes);
	if (n > 0 && came.count > 0)
		take_memory(s, &came);
	else if (n == 0 || (n < 0 && errno != EAGAIN && errno != EWOULDBLOCK && errno != EINTR))
		atomic_store_explicit(&s->gone, true, memory_order_release);
	errno = before;
}

void spore__sub_hear(struct spore__sub *s)
{
	if (s->memory < 0)
		receive_memory(s);
	else if (!spore__pub_listen(s->sock))
		atomic_store_explicit(&s->gone, true, memory_order_release);
}

// ---- messages

static void pass_over(struct spore__sub *s, const struct spore__pub_found *f)
{
	go_to(s, f->end);
}

// What was published before this end was hung up is received: so the end of that is looked for once it is known to have been.
static enum spore_err bound(struct spore__sub *s)
{
	if (!s->bounded && atomic_load_explicit(&s->hung, memory_order_acquire)) {
		if (spore__sub_see(s, &s->bound) != SPORE_OK)
			return s->err;
		s->bounded = true;
	}
	return s->bounded && s->at >= s->bound ? (s->err = SPORE_ECLOSED) : SPORE_OK;
}

// The next message, of which nothing but the head was copied.
static enum spore_err find(struct spore__sub *s, struct spore__pub_found *f)
{
	if (s->err == SPORE_OK && s->memory < 0)
		receive_memory(s);
	if (s->err != SPORE_OK)
		return s->err;
	uint64_t most = s->resumes ? s->shape.log / SPORE__PUB_HEAD : 0; // records that are passed over as well
	for (uint64_t i = 0; i < TURNS + most; i++) {
		bool gone = atomic_load_explicit(&s->gone, memory_order_acquire); // before the last look
		if (s->memory < 0)
			return gone ? (s->err = SPORE_ECLOSED) : SPORE_EAGAIN;
		uint64_t head;
		if (spore__sub_see(s, &head) != SPORE_OK)
			return s->err;
		if (head == s->at)
			return gone ? (s->err = SPORE_ECLOSED) : SPORE_EAGAIN;
		if (head < s->at)
			return s->err = SPORE_EMALFORMED;
		if (bound(s) != SPORE_OK)
			return s->err;
		bool good = head - s->at <= s->shape.log && spore__pub_parse(s->map, &s->shape, s->at, head, f);
		if (!is_whole(s, s->at) || head - s->at > s->shape.log) {
			if (!skip_ahead(s))
				return s->err;
			continue;
		}
		if (!good || (s->known && f->number < s->expected && !s->resumes))
			return s->err = SPORE_EMALFORMED;
		if (s->known && f->number < s->expected && f->kind != SPORE__PUB_FINISH) {
			pass_over(s, f); // the one before had it
			continue;
		}
		if (f->kind == SPORE__PUB_FINISH) {
			spore__sub_say_released(s);
			return s->err = SPORE_EEND;
		}
		if (f->kind == SPORE__PUB_MESSAGE || is_whole_far(s, s->at))
			if (f->kind != SPORE__PUB_SKIP)
				return SPORE_OK;
		pass_over(s, f);
	}
	s->overrun = true;
	return SPORE_EAGAIN;
}

// F was received.
static void count(struct spore__sub *s, const struct spore__pub_found *f)
{
	struct spore__cursor *c = s->cursor;
	if (s->known && f->number != s->expected) {
		uint64_t dropped =
		    f->number - s->expected + atomic_load_explicit(&s->base.dropped, memory_order_relaxed);
		atomic_store_explicit(&s->base.dropped, dropped, memory_order_relaxed);
		atomic_store_explicit(&c->dropped, s->dropped + dropped, memory_order_relaxed);
	}
	s->known = true;
	s->resumes = false;
	s->expected = f->number + 1;
	s->at = f->end;
	s->overrun = s->chases = false;
	say_next(s);
	atomic_store_explicit(&c->received, atomic_load_explicit(&c->received, memory_order_relaxed) + 1,
	                      memory_order_relaxed);
	atomic_store_explicit(&c->bytes, atomic_load_explicit(&c->bytes, memory_order_relaxed) + f->len,
	                      memory_order_relaxed);
}

// By reading: a page of a mapping that nobody has put there would make the memory larger.
static enum spore_err read_far(const struct spore__sub *s, const struct spore__pub_found *f, unsigned char *to)
{
	if (!spore__io_memory_present(s->memory, f->offset, f->len))
		return SPORE_EMALFORMED;
	for (uint64_t done = 0; done < f->len;) {
		ssize_t n = pread(s->memory, to + done, (size_t)(f->len - done), (off_t)(f->offset + done));
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return SPORE_EMALFORMED;
		done += (uint64_t)n;
	}
	return SPORE_OK;
}

// SPORE_EAGAIN: it was overwritten meanwhile; look again.
static enum spore_err take(struct spore__sub *s, const struct spore__pub_found *f, void *to)
{
	bool far = f->kind == SPORE__PUB_FAR;
	enum spore_err e = SPORE_OK;
	if (far)
		e = read_far(s, f, to);
	else if (f->len > 0)
		memcpy(to, s->map + f->offset, (size_t)f->len);
	bool there = is_whole(s, s->at);
	if (!there)
		return skip_ahead(s) ? SPORE_EAGAIN : s->err;
	if (far && !is_whole_far(s, s->at)) {
		pass_over(s, f);
		return SPORE_EAGAIN;
	}
	if (e == SPORE_OK)
		count(s, f);
	else
		s->err = e;
	return e;
}

enum spore_err spore__sub_copy(struct spore__transport *t, void *buffer, size_t size, size_t *len)
{
	struct spore__sub *s = sub(t);
	struct spore__pub_found f;
	enum spore_err e = SPORE_EAGAIN;
	for (int i = 0; i < TURNS; i++) {
		e = find(s, &f);
		if (e != SPORE_OK)
			return e;
		*len = (size_t)f.len;
		if (f.len > size)
			return SPORE_ETOOBIG;
		e = take(s, &f, buffer);
		if (e == SPORE_OK) {
			say_done(s, s->expected);
			release_to(s, s->at, f.kind == SPORE__PUB_FAR);
		}
		if (e != SPORE_EAGAIN)
			return e;
	}
	s->overrun = true;
	return e;
}

// Does the publisher wait until the record at s->at is released?
static bool stays(const struct spore__sub *s)
{
	return s->slow == SPORE_SLOW_BLOCK && atomic_load_explicit(&s->cursor->taken, memory_order_acquire) == 1 &&
	       s->at >= atomic_load_explicit(&s->cursor->from, memory_order_relaxed);
}

static enum spore_err read_copy(struct spore__sub *s, const struct spore__pub_found *f, struct spore__sub_lent *l)
{
	l->copy = malloc(f->len > 0 ? (size_t)f->len : 1);
	if (l->copy == NULL)
		return SPORE_ENOMEM;
	enum spore_err e = take(s, f, l->copy);
	if (e != SPORE_OK)
		free(l->copy);
	return e;
}

enum spore_err spore__sub_read(struct spore__transport *t, const void **data, size_t *len)
{
	struct spore__sub *s = sub(t);
	struct spore__pub_found f;
	enum spore_err e = SPORE_EAGAIN;
	if (s->lent_next - s->lent_first == LENT)
		return SPORE_EBUSY;
	struct spore__sub_lent *l = &s->lent[s->lent_next % LENT];
	for (int i = 0; i < TURNS && e == SPORE_EAGAIN; i++) {
		*l = (struct spore__sub_lent){0};
		e = find(s, &f);
		if (e != SPORE_OK)
			return e;
		if (f.kind == SPORE__PUB_MESSAGE && stays(s))
			count(s, &f);
		else
			e = read_copy(s, &f, l);
	}
	s->overrun = e == SPORE_EAGAIN;
	if (e != SPORE_OK)
		return e;
	l->end = s->at;
	l->number = f.number;
	s->lent_next++;
	*data = l->copy != NULL ? l->copy : s->map + f.offset;
	*len = (size_t)f.len;
	return SPORE_OK;
}

void spore__sub_release(struct spore__transport *t)
{
	struct spore__sub *s = sub(t);
	struct spore__sub_lent *l = &s->lent[s->lent_first++ % LENT];
	bool copied = l->copy != NULL;
	free(l->copy);
	l->copy = NULL;
	say_done(s, l->number + 1);
	release_to(s, l->end, copied);
}

enum spore_err spore__sub_skip(struct spore__transport *t, size_t *len)
{
	struct spore__sub *s = sub(t);
	struct spore__pub_found f;
	enum spore_err e = find(s, &f);
	if (e != SPORE_OK)
		return e;
	*len = (size_t)f.len;
	count(s, &f);
	say_done(s, s->expected);
	release_to(s, s->at, f.kind == SPORE__PUB_FAR);
	return SPORE_OK;
}
