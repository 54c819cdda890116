// The subscriber's end: sub_receive.c, and how it waits.
#include <errno.h>
#include <poll.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "../os/os.h"
#include "chan/bell.h"
#include "chan/sub_inside.h"

enum {
	SPIN_NS = 2000,
	LOOKS = 64, // between two looks at the clock
	VAIN = 4,   // waits in which spinning was no use, before it is left out
	VAIN_EACH = 32,
};

static struct spore__sub *sub(struct spore__transport *t)
{
	return (struct spore__sub *)t;
}

// ---- waiting

static bool is_changed(const struct spore__sub *s)
{
	return s->err != SPORE_OK || atomic_load_explicit(&s->gone, memory_order_relaxed) ||
	       (s->memory >= 0 && atomic_load_explicit(&s->says->head, memory_order_acquire) != s->at);
}

static bool spin(struct spore__sub *s)
{
	int64_t until = 0;
	if (s->base.spin == 0 || s->memory < 0 || (s->in_vain >= VAIN && ++s->turn % VAIN_EACH != 0))
		return is_changed(s);
	for (unsigned i = 1; !is_changed(s); i++) {
		if (i % LOOKS != 0)
			continue;
		int64_t now = spore__bell_now();
		until = until == 0 ? now + s->base.spin : until;
		if (now >= until) {
			s->in_vain++;
			return false;
		}
	}
	s->in_vain = 0;
	return true;
}

static void lie_down(struct spore__sub *s)
{
	spore__sub_say_released(s);
	s->number += 1 + (s->number & 1);
	atomic_store_explicit(&s->cursor->sleep, s->number, memory_order_seq_cst);
	// A publisher that does not know of this end does not fence for it.
	if (atomic_load_explicit(&s->cursor->taken, memory_order_relaxed) != 1)
		(void)spore__io_barrier();
	atomic_thread_fence(memory_order_seq_cst);
}

static void get_up(struct spore__sub *s)
{
	if ((s->number & 1) != 0)
		atomic_store_explicit(&s->cursor->sleep, ++s->number, memory_order_relaxed);
}

static enum spore_err sleep_until(struct spore__sub *s, int64_t deadline, struct pollfd *extra, unsigned count)
{
	bool heard;
	enum spore_err e = spore__bell_poll_with(s->sock, deadline, extra, count, &heard);
	if (heard)
		spore__sub_hear(s);
	return e;
}

static enum spore_err wait_for(struct spore__transport *t, enum spore__way way, int64_t deadline, struct pollfd *extra,
                               unsigned count)
{
	struct spore__sub *s = sub(t);
	(void)way;
	if (s->overrun) { // there is something, which may be gone again when it is looked at
		s->overrun = false;
		(void)sched_yield();
		(void)poll(extra, (nfds_t)count, 0); // nor is anything else to be missed for it
		return deadline >= 0 && spore__bell_now() >= deadline ? SPORE_ETIMEOUT : SPORE_OK;
	}
	if (spin(s))
		return SPORE_OK;
	if (s->base.spin > 0)
		(void)sched_yield();
	lie_down(s);
	enum spore_err e = SPORE_OK;
	if (!is_changed(s)) {
		atomic_fetch_add_explicit(&t->slept, 1, memory_order_relaxed);
		e = sleep_until(s, deadline, extra, count);
	}
	get_up(s);
	return e;
}

static bool arm(struct spore__transport *t, enum spore__way way)
{
	struct spore__sub *s = sub(t);
	(void)way;
	bool overrun = s->overrun;
	s->overrun = false;
	if (overrun && s->chases) {
		// Each look begins where the one before ended. Behind the end as it was when this one lay down everything was published since,
		// and is rung for: there is no need to run after it.
		s->chases = s->at <= s->lay_at;
		return !s->chases;
	}
	if (!atomic_load_explicit(&s->gone, memory_order_relaxed))
		spore__sub_hear(s);
	lie_down(s);
	uint64_t head;
	s->chases = overrun;
	if (overrun && spore__sub_see(s, &head) == SPORE_OK)
		s->lay_at = head;
	return !overrun && !is_changed(s);
}

static int fd_of(const struct spore__transport *t)
{
	return ((const struct spore__sub *)t)->sock;
}

static short events_of(const struct spore__transport *t)
{
	(void)t;
	return POLLIN;
}

// ---- sending: nothing

static enum spore_err send_nothing(struct spore__transport *t, const void *data, size_t len, bool more)
{
	(void)t;
	(void)data;
	(void)len;
	(void)more;
	return SPORE_EUNSUPPORTED;
}

static enum spore_err lend_nothing(struct spore__transport *t, size_t size, void **data)
{
	(void)data;
	return send_nothing(t, NULL, size, false);
}

static enum spore_err commit_nothing(struct spore__transport *t, size_t len)
{
	return send_nothing(t, NULL, len, false);
}

static void abandon_nothing(struct spore__transport *t)
{
	(void)t;
}

static enum spore_err flush_nothing(struct spore__transport *t)
{
	(void)t;
	return SPORE_OK;
}

static enum spore_err finish_nothing(struct spore__transport *t)
{
	return send_nothing(t, NULL, 0, false);
}

static uint64_t lost_nothing(struct spore__transport *t)
{
	(void)t;
	return 0;
}

static bool is_gone(const struct spore__transport *t)
{
	return atomic_load_explicit(&((const struct spore__sub *)t)->gone, memory_order_relaxed);
}

static enum spore_err keep(struct spore__transport *t, enum spore__way way, const void *buffer)
{
	(void)t;
	(void)way;
	(void)buffer;
	return SPORE_OK;
}

// ---- opening, closing

static enum spore_err open_end(const struct spore__channel_end *end, struct spore__transport **t)
{
	if (end->role != 1 || spore__io_adopt(end->fds[1]) != 0)
		return SPORE_EINVALID;
	bool again = end->count == SPORE__END_FDS;
	struct spore__sub *s = calloc(1, sizeof *s);
	if (s == NULL)
		return SPORE_ENOMEM;
	enum spore_err e = spore__cursor_map(end->fds[0], SPORE__IO_WRITE, &s->cursor);
	if (e != SPORE_OK) {
		free(s);
		return e;
	}
	close(end->fds[0]);
	s->sock = end->fds[1];
	s->memory = -1;
	s->slow = end->slow;
	s->last = end->last;
	s->base.spin = SPIN_NS;
	s->number = atomic_load_explicit(&s->cursor->sleep, memory_order_relaxed); // the next one is another
	if (again) {
		s->err = spore__sub_attach(s, end->fds[2]);
		if (s->err != SPORE_OK)
			(void)shutdown(s->sock, SHUT_RDWR);
	}
	*t = &s->base;
	return SPORE_OK;
}

static void destroy(struct spore__transport *t)
{
	struct spore__sub *s = sub(t);
	for (; s->lent_first != s->lent_next; s->lent_first++)
		free(s->lent[s->lent_first % SPORE__SUB_LENT].copy);
	if (s->map != NULL)
		(void)munmap(s->map, (size_t)s->shape.large_at);
	if (s->memory >= 0)
		close(s->memory);
	if (s->err != SPORE_OK) // nobody is to go on with it
		(void)shutdown(s->sock, SHUT_RDWR);
	close(s->sock);
	spore__cursor_unmap(s->cursor);
	free(s->port);
	free(s);
}

bool spore__sub_tell(struct spore__transport *t, const char *port, uint64_t serial,
                     void (*say)(const char *port, uint64_t serial, int memory))
{
	struct spore__sub *s = sub(t);
	s->port = strdup(port);
	s->serial = serial;
	s->say = say;
	return s->port != NULL;
}

// What has arrived can still be received.
static void hang_up(struct spore__transport *t)
{
	int e = errno;
	atomic_store_explicit(&sub(t)->hung, true, memory_order_release);
	(void)shutdown(sub(t)->sock, SHUT_RDWR);
	errno = e;
}

const struct spore__transport_ops spore__publication_ops = {
    .name = "publication",
    .fds = 2,
    .needs_linux = true,
    .make = spore__pub_make,
    .open = open_end,
    .destroy = destroy,
    .hang_up = hang_up,
    .send = send_nothing,
    .loan = lend_nothing,
    .commit = commit_nothing,
    .abandon = abandon_nothing,
    .flush = flush_nothing,
    .finish = finish_nothing,
    .lost = lost_nothing,
    .gone = is_gone,
    .read = spore__sub_read,
    .copy = spore__sub_copy,
    .release = spore__sub_release,
    .skip = spore__sub_skip,
    .keep = keep,
    .wait = wait_for,
    .arm = arm,
    .fd = fd_of,
    .events = events_of,
};
