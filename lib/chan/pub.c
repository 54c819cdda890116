// The publisher's end. All of its bookkeeping is in memory of its own; of what a subscriber writes it believes one counter, within bounds.
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "../os/os.h"
#include "chan/pub_inside.h"

enum {
	LOG = 1024 * 1024,       // by default
	KEPT = 64 * 1024 * 1024, // bytes of large messages that stay for slow subscribers, if there are so many
};
#define LARGE (UINT64_C(2) << 30)
#define LARGE_LEAST (UINT64_C(1) << 20)

static struct spore__pub *pub(struct spore__transport *t)
{
	return (struct spore__pub *)t;
}

// ---- publishing

void spore__pub_publish(struct spore__pub *p)
{
	if (p->head == p->at)
		return;
	p->head = p->at;
	atomic_store_explicit(&p->says->head, p->head, memory_order_release);
	atomic_store_explicit(&p->says->latest, p->latest, memory_order_release);
}

static enum spore_err flush(struct spore__transport *t)
{
	spore__pub_publish(pub(t));
	spore__pub_wake(pub(t));
	return SPORE_OK;
}

// ---- room

// May what lies before NEED be overwritten?
static enum spore_err overwrite(struct spore__pub *p, uint64_t need)
{
	if (need <= p->safe)
		return SPORE_OK;
	spore__pub_refresh(p, need);
	if (need <= p->safe)
		return SPORE_OK;
	p->need = need;
	spore__pub_publish(p);
	spore__pub_wake(p);
	return need <= p->safe ? SPORE_OK : SPORE_EAGAIN; // it may have gone
}

static struct spore__pub_record *record_at(struct spore__pub *p, uint64_t at)
{
	return (struct spore__pub_record *)(void *)(p->log + (at & (p->shape.log - 1)));
}

// What it was is known: nobody else can write there.
static uint64_t size_at(struct spore__pub *p, uint64_t at)
{
	uint64_t what = record_at(p, at)->what, len = what & ((UINT64_C(1) << 56) - 1);
	return what >> 56 == SPORE__PUB_SKIP ? p->shape.log - (at & (p->shape.log - 1)) : spore__pub_size(len);
}

static void say_gone(_Atomic uint64_t *where, uint64_t at)
{
	atomic_store_explicit(where, at, memory_order_relaxed);
	atomic_thread_fence(memory_order_release); // before what is written there
}

static void drop_far(struct spore__pub *p)
{
	p->far_size -= p->far[0].size;
	memmove(&p->far[0], &p->far[1], --p->far_count * sizeof p->far[0]);
}

static void begin_record(struct spore__pub *p)
{
	uint64_t eighth = p->at / (p->shape.log / SPORE__PUB_MARKS);
	if (p->marked && eighth == p->eighth)
		return;
	p->marked = true;
	p->eighth = eighth;
	atomic_store_explicit(&p->says->marks[eighth % SPORE__PUB_MARKS], p->at, memory_order_relaxed);
}

static void end_record(struct spore__pub *p, enum spore__pub_kind kind, uint64_t len)
{
	begin_record(p);
	*record_at(p, p->at) = (struct spore__pub_record){.number = p->number, .what = spore__pub_what(kind, len)};
	if (kind == SPORE__PUB_MESSAGE || kind == SPORE__PUB_FAR) {
		p->latest = p->at;
		p->number++;
	}
	p->at += kind == SPORE__PUB_SKIP ? size_at(p, p->at) : spore__pub_size(len);
}

// Room for a record of SIZE bytes at p->at, in one piece.
static enum spore_err room(struct spore__pub *p, uint64_t size)
{
	uint64_t log = p->shape.log, to_end = log - (p->at & (log - 1));
	uint64_t end = p->at + (size > to_end ? to_end + size : size);
	if (end > log && end - log > p->tail) {
		enum spore_err e = overwrite(p, end - log);
		if (e != SPORE_OK)
			return e;
		while (p->tail < end - log) {
			p->tail += size_at(p, p->tail);
			if (p->far_count > 0 && p->far[0].at < p->tail)
				drop_far(p);
		}
		say_gone(&p->says->tail, p->tail);
	}
	if (size > to_end)
		end_record(p, SPORE__PUB_SKIP, 0);
	return SPORE_OK;
}

// The lowest place for SIZE bytes, so that pages which were touched are used again. False: none.
static bool place_far(const struct spore__pub *p, uint64_t size, uint64_t *offset)
{
	bool found = false;
	for (unsigned i = 0; i <= p->far_count; i++) { // at the beginning, and behind each
		uint64_t at = i == 0 ? 0 : p->far[i - 1].offset + p->far[i - 1].size;
		bool free = at + size <= p->shape.large;
		for (unsigned k = 0; k < p->far_count && free; k++)
			free = at + size <= p->far[k].offset || p->far[k].offset + p->far[k].size <= at;
		if (free && (!found || at < *offset)) {
			*offset = at;
			found = true;
		}
	}
	return found;
}

static enum spore_err take_far(struct spore__pub *p, uint64_t len, struct spore__pub_far *f)
{
	uint64_t size = (len + SPORE__PUB_PAGE - 1) & ~(uint64_t)(SPORE__PUB_PAGE - 1);
	uint64_t most = 2 * size > KEPT ? 2 * size : KEPT;
	if (size > p->shape.large)
		return SPORE_ETOOBIG;
	*f = (struct spore__pub_far){.size = size};
	while (p->far_count == SPORE__PUB_LARGE || p->far_size + size > most || !place_far(p, size, &f->offset)) {
		enum spore_err e = overwrite(p, p->far[0].behind);
		if (e != SPORE_OK)
			return e;
		drop_far(p);
		say_gone(&p->says->large_from, p->far_count > 0 ? p->far[0].at : p->at);
	}
	if (f->offset + size > p->reserved) {
		if (spore__io_memory_reserve(p->memory, p->shape.large_at + p->reserved,
		                             f->offset + size - p->reserved) != 0)
			return SPORE_ENOMEM;
		// A loan may be sent of which the program has not written every page.
		spore__io_touch(p->map + p->shape.large_at + p->reserved, f->offset + size - p->reserved);
		p->reserved = f->offset + size;
	}
	return SPORE_OK;
}

// ---- sending

static enum spore_err lend(struct spore__transport *t, size_t size, void **data)
{
	struct spore__pub *p = pub(t);
	enum { WHERE = 16 }; // bytes of where a large message is
	if (p->err != SPORE_OK)
		return p->err;
	bool large = size > spore__pub_inline(p->shape.log);
	if (large && size > p->shape.large)
		return SPORE_ETOOBIG;
	enum spore_err e = room(p, spore__pub_size(large ? WHERE : size));
	if (e == SPORE_OK && large)
		e = take_far(p, size, &p->loan_far);
	if (e != SPORE_OK)
		return e;
	p->loan = large ? SPORE__PUB_FAR : SPORE__PUB_MESSAGE;
	*data = large ? p->map + p->shape.large_at + p->loan_far.offset : (unsigned char *)(record_at(p, p->at) + 1);
	return SPORE_OK;
}

static void end_loan(struct spore__pub *p, size_t len)
{
	spore__pub_welcome(p);
	if (p->loan == SPORE__PUB_FAR) {
		struct spore__pub_far *f = &p->far[p->far_count++];
		const uint64_t where[2] = {p->loan_far.offset, len};
		*f = p->loan_far;
		f->at = p->at;
		memcpy(record_at(p, p->at) + 1, where, sizeof where);
		end_record(p, SPORE__PUB_FAR, sizeof where);
		f->behind = p->at;
		p->far_size += f->size;
	} else {
		end_record(p, SPORE__PUB_MESSAGE, len);
	}
	p->loan = 0;
}

static enum spore_err commit(struct spore__transport *t, size_t len)
{
	end_loan(pub(t), len);
	return flush(t);
}

static void abandon(struct spore__transport *t)
{
	pub(t)->loan = 0;
}

static enum spore_err send_copy(struct spore__transport *t, const void *data, size_t len, bool more)
{
	struct spore__pub *p = pub(t);
	void *to;
	enum spore_err e = lend(t, len, &to);
	if (e != SPORE_OK)
		return e;
	if (len > 0)
		memcpy(to, data, len);
	end_loan(p, len);
	return more && p->at - p->head < p->shape.log / 8 ? SPORE_OK : flush(t);
}

static enum spore_err finish(struct spore__transport *t)
{
	struct spore__pub *p = pub(t);
	if (p->err != SPORE_OK)
		return p->err;
	enum spore_err e = room(p, spore__pub_size(0));
	if (e != SPORE_OK)
		return e;
	spore__pub_welcome(p);
	end_record(p, SPORE__PUB_FINISH, 0);
	p->err = SPORE_ECLOSED;
	return flush(t);
}

static uint64_t lost(struct spore__transport *t)
{
	(void)t;
	return 0;
}

// ---- receiving: nothing

static enum spore_err read_nothing(struct spore__transport *t, const void **data, size_t *len)
{
	(void)t;
	(void)data;
	(void)len;
	return SPORE_EUNSUPPORTED;
}

static enum spore_err copy_nothing(struct spore__transport *t, void *buffer, size_t size, size_t *len)
{
	(void)size;
	(void)buffer;
	return read_nothing(t, NULL, len);
}

static enum spore_err skip_nothing(struct spore__transport *t, size_t *len)
{
	return read_nothing(t, NULL, len);
}

static void release_nothing(struct spore__transport *t)
{
	(void)t;
}

static int fd_of(const struct spore__transport *t)
{
	return ((const struct spore__pub *)t)->gather;
}

static short events_of(const struct spore__transport *t)
{
	(void)t;
	return POLLIN;
}

static enum spore_err keep(struct spore__transport *t, enum spore__way way, const void *buffer)
{
	(void)t;
	(void)way;
	(void)buffer;
	return SPORE_OK;
}

// ---- creating

// From now on the mapping is the only way to write to it.
static enum spore_err map(struct spore__pub *p)
{
	struct spore__pub_shape *s = &p->shape;
	const struct spore__pub_header h = {
	    .cookie = SPORE__PUB_COOKIE, .layout = SPORE__PUB_LAYOUT, .log = s->log, .large = s->large};
	p->memory = spore__io_publication(s->size);
	if (p->memory < 0)
		return errno == ENOSYS ? SPORE_EUNSUPPORTED : SPORE_ESYSTEM;
	p->map_len = (size_t)s->size;
	if (p->map_len == s->size)
		p->map = spore__io_map(p->memory, 0, p->map_len, SPORE__IO_WRITE);
	if (p->map == NULL || spore__io_memory_reserve(p->memory, 0, s->large_at) != 0)
		return SPORE_ENOMEM;
	memset(p->map, 0, (size_t)s->large_at); // pages that nobody has written pass for holes
	memcpy(p->map, &h, sizeof h);
	p->says = (struct spore__pub_says *)(void *)(p->map + SPORE__PUB_SAYS_AT);
	p->log = p->map + SPORE__PUB_PAGE;
	atomic_store(&p->says->latest, SPORE__PUB_NOWHERE);
	if (spore__io_publication_seal(p->memory) != 0)
		return SPORE_ESYSTEM;
	p->readable = spore__io_for_reading(p->memory);
	return p->readable >= 0 ? SPORE_OK : SPORE_ESYSTEM;
}

static void unmap(struct spore__pub *p)
{
	if (p->map != NULL)
		(void)munmap(p->map, p->map_len);
	if (p->memory >= 0)
		close(p->memory);
	if (p->readable >= 0)
		close(p->readable);
	p->map = NULL;
	p->memory = p->readable = -1;
}

static enum spore_err map_notice(struct spore__pub *p)
{
	p->notice_memory = spore__io_memory(SPORE__PUB_PAGE);
	if (p->notice_memory < 0)
		return SPORE_ESYSTEM;
	if (spore__io_memory_reserve(p->notice_memory, 0, SPORE__PUB_PAGE) != 0)
		return SPORE_ENOMEM;
	p->notice = spore__io_map(p->notice_memory, 0, SPORE__PUB_PAGE, SPORE__IO_WRITE);
	return p->notice != NULL ? SPORE_OK : SPORE_ENOMEM;
}

static void destroy(struct spore__transport *t)
{
	struct spore__pub *p = pub(t);
	int e = errno;
	if (p->map != NULL)
		spore__pub_publish(p);
	if (p->map != NULL && p->taken != NULL)
		spore__pub_wake(p);
	spore__pub_leave_all(p);
	unmap(p);
	if (p->notice != NULL)
		(void)munmap((void *)p->notice, SPORE__PUB_PAGE);
	if (p->notice_memory >= 0)
		close(p->notice_memory);
	if (p->gather >= 0)
		close(p->gather);
	(void)pthread_mutex_destroy(&p->lock);
	free(p->taken);
	free(p->port);
	free(p->polled);
	free(p);
	errno = e;
}

static void hang_up(struct spore__transport *t)
{
	(void)t; // it is never replaced: subscribers see it closed
}

static enum spore_err open_nothing(const struct spore__channel_end *end, struct spore__transport **t)
{
	(void)end;
	(void)t;
	return SPORE_EINVALID;
}

static const struct spore__transport_ops pub_ops = {
    .name = "publication",
    .fds = 2,
    .needs_linux = true,
    .make = spore__pub_make,
    .open = open_nothing,
    .destroy = destroy,
    .hang_up = hang_up,
    .send = send_copy,
    .loan = lend,
    .commit = commit,
    .abandon = abandon,
    .flush = flush,
    .finish = finish,
    .lost = lost,
    .subscribers = spore__pub_count,
    .read = read_nothing,
    .copy = copy_nothing,
    .release = release_nothing,
    .skip = skip_nothing,
    .keep = keep,
    .wait = spore__pub_wait,
    .arm = spore__pub_arm,
    .fd = fd_of,
    .events = events_of,
};

static enum spore_err map_what_can_be(struct spore__pub *p, const struct spore__channel_sizes *sizes)
{
	uint64_t large = sizes->large != 0 ? sizes->large : LARGE;
	for (;;) {
		if (!spore__pub_shape_of(sizes->heap != 0 ? sizes->heap : LOG, large, &p->shape))
			return SPORE_EINVALID;
		enum spore_err e = map(p);
		// Under a limit of the address space the largest messages are smaller.
		if (e != SPORE_ENOMEM || sizes->large != 0 || large == 0)
			return e;
		unmap(p);
		large = large > LARGE_LEAST ? large / 2 : 0;
	}
}

enum spore_err spore__pub_create(const struct spore__channel_sizes *sizes, void (*hear)(void),
                                 struct spore__transport **t)
{
	static const struct spore__channel_sizes defaults;
	struct spore__pub *p = calloc(1, sizeof *p);
	if (p == NULL)
		return SPORE_ENOMEM;
	if (pthread_mutex_init(&p->lock, NULL) != 0) {
		free(p);
		return SPORE_ESYSTEM;
	}
	p->base.ops = &pub_ops;
	p->base.spin = 1;
	p->memory = p->readable = p->notice_memory = -1;
	p->hear = hear;
	p->last_change = &p->changes;
	p->latest = SPORE__PUB_NOWHERE;
	p->safe = UINT64_MAX;
	p->gather = spore__io_gather();
	enum spore_err e = map_what_can_be(p, sizes != NULL ? sizes : &defaults);
	if (e == SPORE_OK)
		e = map_notice(p);
	if (e != SPORE_OK) {
		destroy(&p->base);
		return e;
	}
	(void)spore__io_barrier_join();
	*t = &p->base;
	return SPORE_OK;
}
