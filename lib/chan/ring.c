#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "../os/os.h"
#include "chan/ring_near.h"

enum {
	CELLS = 1024, // by default
	HEAP = 1024 * 1024,
	SPIN_NS = 2000,
	LONG_EACH = 32, // then one of so many waits spins long
	LONG = 25,      // times as long
};
#define LARGE (UINT64_C(2) << 30)

static struct spore__ring *ring(struct spore__transport *t)
{
	return (struct spore__ring *)t;
}

// ---- the memory

static bool power_within(uint32_t n, uint32_t least, uint32_t most)
{
	return n >= least && n <= most && (n & (n - 1)) == 0;
}

static bool shape_of(uint32_t cells, uint32_t heap, uint64_t large, struct spore__ring_shape *s)
{
	enum { HEAP_MOST = 256 * 1024 * 1024 };
	if (!power_within(cells, 64, 65536) || !power_within(heap, SPORE__RING_HEAP_FIRST, HEAP_MOST) ||
	    large % SPORE__RING_PAGE != 0 || large > UINT64_C(1) << 40)
		return false;
	*s = (struct spore__ring_shape){.cells = cells, .heap = heap, .large = large, .size = SPORE__RING_PAGE};
	for (int d = 0; d < 2; d++, s->size += (uint64_t)cells * SPORE__RING_CELL)
		s->cells_at[d] = s->size;
	for (int d = 0; d < 2; d++, s->size += heap)
		s->heap_at[d] = s->size;
	for (int d = 0; d < 2; d++, s->size += large)
		s->large_at[d] = s->size;
	return true;
}

static enum spore_err from_errno(void)
{
	return errno == ENOSYS ? SPORE_EUNSUPPORTED : errno == ENOMEM || errno == ENOSPC ? SPORE_ENOMEM : SPORE_ESYSTEM;
}

static int make_memory(const struct spore__ring_shape *s)
{
	const struct spore__ring_header header = {.cookie = SPORE__RING_COOKIE,
	                                          .layout = SPORE__RING_LAYOUT,
	                                          .cells = s->cells,
	                                          .heap = s->heap,
	                                          .large = s->large};
	int fd = spore__io_memory(s->size);
	if (fd < 0)
		return -1;
	if (spore__io_memory_reserve(fd, 0, s->heap_at[0]) == 0 &&
	    pwrite(fd, &header, sizeof header, 0) == (ssize_t)sizeof header)
		return fd;
	int e = errno;
	close(fd);
	errno = e;
	return -1;
}

static enum spore_err make(const struct spore__channel_sizes *sizes, struct spore__channel_end ends[2])
{
	struct spore__ring_shape s;
	int bells[2][2] = {{-1, -1}, {-1, -1}}; // of direction 0 and 1: hear, ring
	int memory[2] = {-1, -1};
	if (!shape_of(sizes->cells != 0 ? sizes->cells : CELLS, sizes->heap != 0 ? sizes->heap : HEAP,
	              sizes->large != 0 ? sizes->large : LARGE, &s))
		return SPORE_EINVALID;
	memory[0] = make_memory(&s);
	if (memory[0] < 0)
		return from_errno();
	if ((memory[1] = fcntl(memory[0], F_DUPFD_CLOEXEC, 3)) < 0 || spore__io_doorbell(bells[0]) != 0 ||
	    spore__io_doorbell(bells[1]) != 0) {
		enum spore_err e = from_errno();
		for (int i = 0; i < 2; i++) {
			if (memory[i] >= 0)
				close(memory[i]);
		}
		if (bells[0][0] >= 0) {
			close(bells[0][0]);
			close(bells[0][1]);
		}
		return e;
	}
	for (int i = 0; i < 2; i++)
		ends[i] = (struct spore__channel_end){.role = i, .fds = {memory[i], bells[i][1], bells[1 - i][0]}};
	return SPORE_OK;
}

// ---- opening

static void init_sleeper(struct spore__ring_sleeper *s, struct spore__ring_says *says, bool orders, bool fences)
{
	*s = (struct spore__ring_sleeper){.says = says, .orders = orders, .fences = fences || !orders};
	spore__ring_say(s, memory_order_seq_cst);
}

static enum spore_err init_ways(struct spore__ring *r, const struct spore__ring_shape *s, int role, bool orders)
{
	struct spore__ring_lines *lines = (struct spore__ring_lines *)(void *)(r->map + SPORE__RING_LINES);
	struct spore__ring_sender *send = &r->send;
	struct spore__ring_receiver *receive = &r->receive;
	int peer = 1 - role;
	send->cells = r->map + s->cells_at[role];
	send->lines = &lines[role];
	send->counts = &spore__ring_counts_of(r->map, role)->sent;
	send->done = spore__ring_done_of(r->map, role);
	send->mask = s->cells - 1;
	send->heap = r->map + s->heap_at[role];
	send->heap_offset = s->heap_at[role];
	send->heap_size = s->heap;
	send->large_offset = s->large_at[role];
	send->large_size = s->large;
	send->slots = calloc(s->cells, sizeof send->slots[0]);
	send->far = calloc(s->cells, sizeof send->far[0]);
	receive->cells = r->map + s->cells_at[peer];
	receive->lines = &lines[peer];
	receive->counts = spore__ring_counts_of(r->map, peer);
	receive->done = spore__ring_done_of(r->map, peer);
	receive->mask = s->cells - 1;
	receive->heap = r->map + s->heap_at[peer];
	receive->heap_size = s->heap;
	receive->large_offset = s->large_at[peer];
	receive->large_size = s->large;
	send->ringing.calm = receive->ringing.calm = UINT64_MAX;
	if (send->slots == NULL || send->far == NULL)
		return SPORE_ENOMEM;
	// Senders sleep seldom; receivers do until they are seen to have work all the time.
	init_sleeper(&send->sleeper, &send->lines->sender, orders, false);
	init_sleeper(&receive->sleeper, &receive->lines->receiver, orders, true);
	return SPORE_OK;
}

enum spore_err spore__ring_shape_of(int memory, struct spore__ring_shape *s)
{
	struct spore__ring_header h;
	uint64_t size;
	if (spore__io_memory_check(memory, &size) != 0)
		return errno == ENOSYS ? SPORE_EUNSUPPORTED : SPORE_EINVALID;
	if (size < SPORE__RING_PAGE)
		return SPORE_EINVALID;
	if (pread(memory, &h, sizeof h, 0) != (ssize_t)sizeof h)
		return SPORE_EINVALID;
	if (h.cookie != SPORE__RING_COOKIE || h.layout != SPORE__RING_LAYOUT)
		return SPORE_EVERSION;
	if (!shape_of(h.cells, h.heap, h.large, s) || s->size != size)
		return SPORE_EINVALID;
	return SPORE_OK;
}

static enum spore_err map(struct spore__ring *r, int memory, struct spore__ring_shape *s)
{
	enum spore_err e = spore__ring_shape_of(memory, s);
	if (e != SPORE_OK)
		return e;
	r->map_len = s->large_at[0];
	r->map = spore__io_map(memory, 0, r->map_len, SPORE__IO_WRITE);
	return r->map != NULL ? SPORE_OK : SPORE_ENOMEM;
}

static void free_ring(struct spore__ring *r)
{
	if (r->map != NULL)
		(void)munmap(r->map, r->map_len);
	free(r->send.slots);
	free(r->send.far);
	free(r);
}

static enum spore_err open_end(const struct spore__channel_end *end, struct spore__transport **t)
{
	struct spore__ring_shape s;
	struct spore__ring *r = aligned_alloc(128, (sizeof *r + 127) & ~(size_t)127);
	if (r == NULL)
		return SPORE_ENOMEM;
	memset(r, 0, sizeof *r);
	enum spore_err e = end->role == 0 || end->role == 1 ? map(r, end->fds[0], &s) : SPORE_EINVALID;
	if (e == SPORE_OK && spore__io_doorbell_adopt(end->fds[2], end->fds[1]) != 0)
		e = SPORE_EINVALID;
	r->memory = end->fds[0];
	r->base.spin = SPIN_NS;
	bool joined = spore__io_barrier_join();
	r->unfenced = joined ? SPORE__RING_NONE : UINT32_MAX;
	if (e == SPORE_OK)
		e = init_ways(r, &s, end->role, joined);
	if (e == SPORE_OK)
		e = spore__bell_init(&r->bell, end->fds[2], end->fds[1]);
	if (e != SPORE_OK) {
		free_ring(r);
		return e;
	}
	*t = &r->base;
	return SPORE_OK;
}

static void destroy(struct spore__transport *t)
{
	struct spore__ring *r = ring(t);
	struct spore__ring_receiver *v = &r->receive;
	if (r->send.pack_bytes > 0)
		(void)spore__ring_flush(t);
	spore__ring_left_finish(r);
	spore__ring_slabs_finish(r);
	for (int i = 0; i < SPORE__RING_WINDOWS; i++) {
		if (v->windows[i].at != NULL)
			(void)munmap(v->windows[i].at, v->windows[i].len);
	}
	spore__bell_finish(&r->bell);
	close(r->memory);
	free_ring(r);
}

static void reads_on(struct spore__transport *t)
{
	atomic_store_explicit(&ring(t)->receive.done->reads_on, 1, memory_order_release);
}

static void hang_up(struct spore__transport *t)
{
	spore__bell_hang_up(&ring(t)->bell);
}

// ---- waiting

static struct spore__ring_sleeper *sleeper(struct spore__ring *r, enum spore__way way)
{
	return way == SPORE__SEND ? &r->send.sleeper : &r->receive.sleeper;
}

static enum spore__way other(enum spore__way way)
{
	return way == SPORE__SEND ? SPORE__RECEIVE : SPORE__SEND;
}

static bool changed(struct spore__ring *r, enum spore__way way)
{
	return (way == SPORE__SEND ? spore__ring_room(r) : spore__ring_any(r)) ||
	       atomic_load_explicit(&r->bell.gone, memory_order_relaxed);
}

// Bounded; true when something changed meanwhile. Where it was no use several times it is all but left out; but two ends that both sleep would
// do so for ever, since each answers later than the other spins: so now and then one spins for longer than it takes to wake up.
static bool spin(struct spore__ring *r, enum spore__way way)
{
	struct spore__ring_sleeper *s = sleeper(r, way);
	int64_t until = 0, most = r->base.spin;
	if (most == 0)
		return changed(r, way);
	if (s->in_vain >= SPORE__RING_VAIN)
		most = ++s->turn % LONG_EACH == 0 ? LONG * most : 0;
	for (unsigned i = 1;; i++) {
		if (changed(r, way))
			break;
		if (i < SPORE__RING_BRIEF) {
			if (most > 0) // a peer on the same processor would only have to wait for longer
				spore__ring_relax();
			continue;
		}
		spore__ring_relax();
		if (i % 16 == 0) {
			int64_t now = spore__bell_now();
			if (until == 0)
				until = now + most;
			if (now >= until) {
				s->in_vain++;
				return false;
			}
		}
	}
	s->in_vain = 0;
	return true;
}

void spore__ring_wake_slowly(struct spore__ring *r, const struct spore__ring_says *peer,
                             struct spore__ring_ringing *ringing)
{
	uint64_t state = atomic_load_explicit(&peer->state, memory_order_relaxed);
	bool fence = (uint32_t)state != r->unfenced;
	if (fence) {
		atomic_thread_fence(memory_order_seq_cst);
		state = atomic_load_explicit(&peer->state, memory_order_relaxed);
	}
	uint32_t number = (uint32_t)(state >> 32);
	if (spore__ring_sleeps(state) && number != ringing->rung) {
		ringing->rung = number;
		spore__bell_ring(&r->bell);
	} else if (spore__ring_sleeps(state)) {
		// It should be awake by now, unless it is gone.
		int64_t now = spore__bell_now();
		if (now - ringing->looked >= SPORE__RING_LOOK_NS) {
			ringing->looked = now;
			spore__bell_look(&r->bell);
		}
	} else if (!fence) {
		ringing->calm = state;
	}
}

// Says that this end sleeps; whatever the peer published before it knew is seen afterwards.
static void lie_down(struct spore__ring_sleeper *s)
{
	s->number += 1 + (s->number & 1); // odd, and another one
	spore__ring_say(s, memory_order_seq_cst);
	if (!s->fences && !spore__io_barrier()) {
		s->orders = false;
		s->fences = true;
		spore__ring_say(s, memory_order_seq_cst);
	}
	atomic_thread_fence(memory_order_seq_cst);
}

void spore__ring_lie_down(struct spore__ring *r)
{
	lie_down(&r->receive.sleeper);
}

static void get_up(struct spore__ring_sleeper *s)
{
	if ((s->number & 1) != 0) {
		s->number++;
		spore__ring_say(s, memory_order_relaxed);
	}
}

void spore__ring_leave_fences(struct spore__ring *r)
{
	struct spore__ring_sleeper *s = &r->receive.sleeper;
	pthread_mutex_lock(&r->bell.lock); // it may be armed
	s->fences = false;
	spore__ring_say(s, memory_order_relaxed);
	pthread_mutex_unlock(&r->bell.lock);
}

// A receiver that sleeps often leaves the order of publishing and sleeping to the sender.
static void choose_fences(struct spore__ring *r)
{
	struct spore__ring_receiver *v = &r->receive;
	if (v->at - v->slept_at < SPORE__RING_OFTEN && !v->sleeper.fences) {
		v->sleeper.fences = true;
		spore__ring_say(&v->sleeper, memory_order_seq_cst);
		v->sleeper.orders =
		    spore__io_barrier(); // whatever is published later is published by a sender that knows
	}
	v->slept_at = v->at;
}

// Would the call have something to do for which WAY was armed? Its thread polls: what was rung is not to be taken away. From any thread.
static bool is_due(struct spore__ring *r, enum spore__way way)
{
	const struct spore__ring_sleeper *s = sleeper(r, way);
	const struct spore__ring_receiver *v = &r->receive;
	if (!atomic_load_explicit(&s->armed, memory_order_relaxed))
		return false;
	pthread_mutex_lock(&r->bell.lock);
	uint32_t head = (uint32_t)atomic_load_explicit(spore__ring_head_at(v->cells, (uint32_t)s->seen & v->mask),
	                                               memory_order_acquire);
	uint64_t released = atomic_load_explicit(&r->send.lines->released, memory_order_acquire);
	bool due = way == SPORE__SEND ? released != s->seen : head == spore__ring_number(s->seen);
	due = due && atomic_load_explicit(&s->armed, memory_order_relaxed);
	pthread_mutex_unlock(&r->bell.lock);
	return due;
}

// Something was heard, which may have been for WAY, whose thread polls: the peer is to ring again, or this end does.
static void pass_on(struct spore__ring *r, enum spore__way way)
{
	struct spore__ring_sleeper *s = sleeper(r, way);
	bool again = false;
	if (!atomic_load_explicit(&s->armed, memory_order_relaxed))
		return;
	pthread_mutex_lock(&r->bell.lock);
	uint64_t heard = atomic_load_explicit(&r->bell.heard, memory_order_acquire);
	if (atomic_load_explicit(&s->armed, memory_order_relaxed) && s->heard != heard) {
		s->heard = heard;
		lie_down(s);
		again = true;
	}
	pthread_mutex_unlock(&r->bell.lock);
	if (again && is_due(r, way) && !spore__bell_echo(&r->bell))
		atomic_store_explicit(&r->base.untold, true, memory_order_relaxed);
}

void spore__ring_disarm(struct spore__ring *r, enum spore__way way)
{
	struct spore__ring_sleeper *s = sleeper(r, way);
	if (!atomic_load_explicit(&s->armed, memory_order_relaxed))
		return;
	pthread_mutex_lock(&r->bell.lock);
	get_up(s);
	atomic_store_explicit(&s->armed, false, memory_order_relaxed);
	pthread_mutex_unlock(&r->bell.lock);
}

static enum spore_err wait_for(struct spore__transport *t, enum spore__way way, int64_t deadline, struct pollfd *extra,
                               unsigned count)
{
	struct spore__ring *r = ring(t);
	struct spore__ring_sleeper *s = sleeper(r, way);
	if (spin(r, way))
		return SPORE_OK;
	if (t->spin > 0)
		(void)sched_yield();
	if (t->spin > 0 && changed(r, way))
		return SPORE_OK;
	spore__ring_disarm(r, way);
	if (is_due(r, other(way)))
		spore__bell_listen(&r->bell); // else it would end this wait at once
	if (way == SPORE__RECEIVE)
		choose_fences(r);
	uint64_t heard = atomic_load_explicit(&r->bell.heard, memory_order_acquire);
	lie_down(s);
	enum spore_err e = SPORE_OK;
	if (!changed(r, way)) {
		atomic_fetch_add_explicit(&t->slept, 1, memory_order_relaxed);
		e = spore__bell_wait(&r->bell, heard, deadline, extra, count);
	}
	get_up(s);
	pass_on(r, other(way));
	return e;
}

static bool arm(struct spore__transport *t, enum spore__way way)
{
	struct spore__ring *r = ring(t);
	struct spore__ring_sleeper *s = sleeper(r, way);
	if (is_due(r, other(way))) {
		spore__bell_look(&r->bell); // and it stays readable
	} else {
		spore__bell_listen(&r->bell);
		pass_on(r, other(way));
	}
	pthread_mutex_lock(&r->bell.lock);
	uint64_t heard = atomic_load_explicit(&r->bell.heard, memory_order_acquire);
	if (!atomic_load_explicit(&s->armed, memory_order_relaxed) || s->heard != heard) { // else the peer knows
		s->heard = heard;
		lie_down(s);
	}
	s->seen = way == SPORE__SEND ? r->send.released : r->receive.at;
	atomic_store_explicit(&s->armed, true, memory_order_relaxed);
	pthread_mutex_unlock(&r->bell.lock);
	if (way == SPORE__RECEIVE)
		r->receive.soon = 0; // so that it is noticed when something was received
	return !changed(r, way);
}

static bool leave(struct spore__transport *t, enum spore__way way)
{
	struct spore__ring *r = ring(t);
	spore__ring_disarm(r, way);
	if (!is_due(r, other(way)))
		spore__bell_listen(&r->bell);
	pass_on(r, other(way));
	return atomic_load_explicit(&sleeper(r, other(way))->armed, memory_order_relaxed);
}

static int fd_of(const struct spore__transport *t)
{
	return ((const struct spore__ring *)t)->bell.hear;
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

const struct spore__transport_ops spore__ring_ops = {
    .name = "ring",
    .fds = 3,
    .needs_linux = true,
    .make = make,
    .open = open_end,
    .destroy = destroy,
    .hang_up = hang_up,
    .reads_on = reads_on,
    .send = spore__ring_send,
    .loan = spore__ring_loan,
    .commit = spore__ring_commit,
    .abandon = spore__ring_abandon,
    .flush = spore__ring_flush,
    .finish = spore__ring_finish,
    .lost = spore__ring_lost,
    .left = spore__ring_left,
    .gone = spore__ring_gone,
    .read = spore__ring_read,
    .copy = spore__ring_copy,
    .release = spore__ring_release,
    .skip = spore__ring_skip,
    .keep = keep,
    .wait = wait_for,
    .arm = arm,
    .leave = leave,
    .fd = fd_of,
    .events = events_of,
};
