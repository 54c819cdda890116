// The limits: a bounced cache line, simple rings that spin, a ring of bytes, memcpy, a futex, a pipe, a Unix socket.
#ifndef _GNU_SOURCE
#define _GNU_SOURCE // MAP_ANONYMOUS
#endif
#include <linux/futex.h>
#include <stdalign.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "channels.h"

enum { SLOTS = 1024, CELL = 64 };

void relax(void)
{
#if defined(__x86_64__) || defined(__i386__)
	__builtin_ia32_pause();
#endif
}

static void *shared(size_t size)
{
	void *p = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (p == MAP_FAILED)
		fail("mmap");
	memset(p, 0, size);
	return p;
}

// ---- one cache line

struct bounced {
	alignas(CELL) _Atomic uint64_t turn;
	unsigned char payload[56];
};

struct end {
	struct bounced *bounced;
	uint64_t turn;
	struct ring_way *out, *in;
	uint64_t at_out, at_in, seen_out, seen_in;
	size_t mask;
	int from, to;
	void *copy;
};

static void *make_line(size_t size)
{
	return shared(4096);
}

static struct end *open_line(void *made, int role, size_t size)
{
	struct end *e = calloc(1, sizeof *e);
	e->bounced = made;
	e->turn = role == 0 ? 0 : 1;
	return e;
}

static void send_line(struct end *e, const void *data, size_t len, bool more)
{
	atomic_store_explicit(&e->bounced->turn, e->turn + 1, memory_order_release);
	e->turn += 2;
}

// The answer to turn N is N + 1.
static void receive_line(struct end *e, void *buffer, size_t size)
{
	while (atomic_load_explicit(&e->bounced->turn, memory_order_acquire) != e->turn)
		relax();
}

static void send_payload(struct end *e, const void *data, size_t len, bool more)
{
	memcpy(e->bounced->payload, data, len < 56 ? len : 56);
	send_line(e, data, len, more);
}

static void receive_payload(struct end *e, void *buffer, size_t size)
{
	receive_line(e, buffer, size);
	memcpy(buffer, e->bounced->payload, size < 56 ? size : 56);
}

static void close_end(struct end *e)
{
	free(e);
}

static void finish_line(void *made)
{
	(void)munmap(made, 4096);
}

const struct candidate line = {.name = "cache line",
                               .most = 64,
                               .spins = true,
                               .make = make_line,
                               .open = open_line,
                               .send = send_line,
                               .receive = receive_line,
                               .close = close_end,
                               .finish = finish_line};
const struct candidate line_payload = {.name = "cache line with 56 B",
                                       .most = 56,
                                       .spins = true,
                                       .make = make_line,
                                       .open = open_line,
                                       .send = send_payload,
                                       .receive = receive_payload,
                                       .close = close_end,
                                       .finish = finish_line};

// ---- a ring of slots, a ring of bytes: indices of their own lines, the other's cached

struct ring_way {
	alignas(128) _Atomic uint64_t written;
	size_t size; // of both ways
	alignas(128) _Atomic uint64_t read;
	alignas(128) unsigned char bytes[];
};

static size_t capacity(size_t size)
{
	size_t n = 1 << 20;
	while (n < size * 4)
		n *= 2;
	return size <= CELL ? SLOTS * CELL : n;
}

static void *make_ring(size_t size)
{
	size_t all = 2 * (sizeof(struct ring_way) + capacity(size));
	struct ring_way *made = shared(all);
	made->size = all;
	return made;
}

static struct end *open_ring(void *made, int role, size_t size)
{
	struct end *e = calloc(1, sizeof *e);
	struct ring_way *ways[2] = {made, (void *)((unsigned char *)made + sizeof(struct ring_way) + capacity(size))};
	e->out = ways[role];
	e->in = ways[1 - role];
	e->mask = capacity(size) - 1;
	return e;
}

static void finish_ring(void *made)
{
	(void)munmap(made, ((struct ring_way *)made)->size);
}

static void send_slot(struct end *e, const void *data, size_t len, bool more)
{
	while (e->at_out - e->seen_out > e->mask) {
		if (more)
			atomic_store_explicit(&e->out->written, e->at_out, memory_order_release);
		e->seen_out = atomic_load_explicit(&e->out->read, memory_order_acquire);
	}
	memcpy(e->out->bytes + (e->at_out & e->mask), data, CELL);
	e->at_out += CELL;
	if (!more)
		atomic_store_explicit(&e->out->written, e->at_out, memory_order_release);
}

static void receive_slot(struct end *e, void *buffer, size_t size)
{
	while (e->at_in == e->seen_in) {
		e->seen_in = atomic_load_explicit(&e->in->written, memory_order_acquire);
		if (e->at_in == e->seen_in)
			relax();
	}
	memcpy(buffer, e->in->bytes + (e->at_in & e->mask), CELL);
	e->at_in += CELL;
	atomic_store_explicit(&e->in->read, e->at_in, memory_order_release);
}

const struct candidate simple_ring = {.name = "simple ring, spinning",
                                      .most = 64,
                                      .spins = true,
                                      .make = make_ring,
                                      .open = open_ring,
                                      .send = send_slot,
                                      .receive = receive_slot,
                                      .close = close_end,
                                      .finish = finish_ring};

// The number of the message in the line of its payload, as in a channel, and nothing else.
static void send_numbered(struct end *e, const void *data, size_t len, bool more)
{
	while (e->at_out - e->seen_out > e->mask)
		e->seen_out = atomic_load_explicit(&e->out->read, memory_order_acquire);
	unsigned char *slot = e->out->bytes + (e->at_out & e->mask);
	memcpy(slot + 8, data, len);
	e->at_out += CELL;
	atomic_store_explicit((_Atomic uint64_t *)(void *)slot, e->at_out, memory_order_release);
}

static void receive_numbered(struct end *e, void *buffer, size_t size)
{
	const unsigned char *slot = e->in->bytes + (e->at_in & e->mask);
	e->at_in += CELL;
	while (atomic_load_explicit((const _Atomic uint64_t *)(const void *)slot, memory_order_acquire) != e->at_in)
		relax();
	memcpy(buffer, slot + 8, size);
	if (e->at_in % (SLOTS / 4 * CELL) == 0)
		atomic_store_explicit(&e->in->read, e->at_in, memory_order_release);
}

const struct candidate slot_ring = {.name = "ring, number in the slot",
                                    .most = 56,
                                    .spins = true,
                                    .make = make_ring,
                                    .open = open_ring,
                                    .send = send_numbered,
                                    .receive = receive_numbered,
                                    .close = close_end,
                                    .finish = finish_ring};

static void send_bytes(struct end *e, const void *data, size_t len, bool more)
{
	while (e->at_out + len - e->seen_out > e->mask + 1) {
		e->seen_out = atomic_load_explicit(&e->out->read, memory_order_acquire);
		relax();
	}
	size_t at = e->at_out & e->mask, first = e->mask + 1 - at < len ? e->mask + 1 - at : len;
	memcpy(e->out->bytes + at, data, first);
	memcpy(e->out->bytes, (const unsigned char *)data + first, len - first);
	e->at_out += len;
	atomic_store_explicit(&e->out->written, e->at_out, memory_order_release);
}

static void receive_bytes(struct end *e, void *buffer, size_t len)
{
	while (e->seen_in - e->at_in < len) {
		e->seen_in = atomic_load_explicit(&e->in->written, memory_order_acquire);
		relax();
	}
	size_t at = e->at_in & e->mask, first = e->mask + 1 - at < len ? e->mask + 1 - at : len;
	memcpy(buffer, e->in->bytes + at, first);
	memcpy((unsigned char *)buffer + first, e->in->bytes, len - first);
	e->at_in += len;
	atomic_store_explicit(&e->in->read, e->at_in, memory_order_release);
}

const struct candidate byte_ring = {.name = "byte ring, spinning",
                                    .spins = true,
                                    .make = make_ring,
                                    .open = open_ring,
                                    .send = send_bytes,
                                    .receive = receive_bytes,
                                    .close = close_end,
                                    .finish = finish_ring};

// ---- no second process

static void copy_here(struct end *e, const void *data, size_t len, bool more)
{
	memcpy(e->copy, data, len);
	atomic_signal_fence(memory_order_seq_cst);
}

static void receive_nothing(struct end *e, void *buffer, size_t size)
{
}

static struct end *open_copying(void *made, int role, size_t size)
{
	struct end *e = calloc(1, sizeof *e);
	e->copy = malloc(size);
	if (e->copy == NULL)
		fail("malloc");
	memset(e->copy, 1, size);
	return e;
}

static void close_copying(struct end *e)
{
	free(e->copy);
	free(e);
}

const struct candidate copying = {.name = "memcpy",
                                  .make = make_line,
                                  .open = open_copying,
                                  .send = copy_here,
                                  .receive = receive_nothing,
                                  .close = close_copying,
                                  .finish = finish_line};

// ---- a futex

// Of the word's two values one is each process's turn; nothing is carried.
static void send_futex(struct end *e, const void *data, size_t len, bool more)
{
	send_line(e, data, len, more);
	(void)syscall(SYS_futex, &e->bounced->turn, FUTEX_WAKE, 1, NULL, NULL, 0);
}

static void receive_futex(struct end *e, void *buffer, size_t size)
{
	uint64_t turn;
	while ((turn = atomic_load_explicit(&e->bounced->turn, memory_order_acquire)) != e->turn)
		(void)syscall(SYS_futex, &e->bounced->turn, FUTEX_WAIT, (uint32_t)turn, NULL, NULL, 0);
}

const struct candidate futex = {.name = "futex",
                                .most = 64,
                                .make = make_line,
                                .open = open_line,
                                .send = send_futex,
                                .receive = receive_futex,
                                .close = close_end,
                                .finish = finish_line};

// ---- descriptors

static void *make_pipes(size_t size)
{
	int *fds = calloc(4, sizeof *fds);
	if (pipe(fds) != 0 || pipe(fds + 2) != 0)
		fail("pipe");
	return fds;
}

static void *make_sockets(size_t size)
{
	int *fds = calloc(4, sizeof *fds);
	if (socketpair(AF_UNIX, SOCK_STREAM, 0, fds) != 0)
		fail("socketpair");
	return fds;
}

static struct end *open_fds(void *made, int role, size_t size)
{
	const int *fds = made;
	struct end *e = calloc(1, sizeof *e);
	bool pipes = fds[3] != 0;
	e->from = !pipes ? fds[role] : role == 0 ? fds[2] : fds[0];
	e->to = !pipes ? fds[role] : role == 0 ? fds[1] : fds[3];
	return e;
}

static void send_fd(struct end *e, const void *data, size_t len, bool more)
{
	const unsigned char *p = data;
	while (len > 0) {
		ssize_t n = write(e->to, p, len);
		if (n <= 0)
			fail("write");
		p += n;
		len -= (size_t)n;
	}
}

static void receive_fd(struct end *e, void *buffer, size_t len)
{
	unsigned char *p = buffer;
	while (len > 0) {
		ssize_t n = read(e->from, p, len);
		if (n <= 0)
			fail("read");
		p += n;
		len -= (size_t)n;
	}
}

static void finish_fds(void *made)
{
	int *fds = made;
	for (int i = 0; i < 4; i++) {
		if (fds[i] > 0)
			close(fds[i]);
	}
	free(fds);
}

const struct candidate pipe_pair = {.name = "pipe",
                                    .make = make_pipes,
                                    .open = open_fds,
                                    .send = send_fd,
                                    .receive = receive_fd,
                                    .close = close_end,
                                    .finish = finish_fds};
const struct candidate unix_stream = {.name = "Unix stream socket",
                                      .make = make_sockets,
                                      .open = open_fds,
                                      .send = send_fd,
                                      .receive = receive_fd,
                                      .close = close_end,
                                      .finish = finish_fds};
