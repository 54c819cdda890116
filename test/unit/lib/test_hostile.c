// A peer that has the ring mapped and writes anything anywhere at any time. This end neither crashes nor hangs, and reads nothing that is not
// of the channel (run it under a sanitizer); its own channel is all that the peer can end. OPERATIONS is how many the peer does.
#ifndef _GNU_SOURCE
#define _GNU_SOURCE // fallocate, MAP_ANONYMOUS
#endif
#include <fcntl.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "chan/chan.h"
#include "chan/ring.h"

enum {
	CELLS = 64,
	HEAP = 64 * 1024,
	LARGE = 4 << 20,
	PAGES = 64, // of the large area have memory
	USUAL = 3000000,
};

static const struct spore__channel_sizes sizes = {.cells = CELLS, .heap = HEAP, .large = LARGE};

static uint64_t next(uint64_t *seed)
{
	*seed ^= *seed << 13;
	*seed ^= *seed >> 7;
	*seed ^= *seed << 17;
	return *seed;
}

// ---- the peer

struct victim { // what it can reach
	unsigned char *map;
	size_t len;
	int memory;
	int ring;
};

static _Atomic uint64_t *operations; // shared

static uint64_t nasty(uint64_t *seed)
{
	static const uint64_t values[] = {0,         1,          8,         63,        64,         65,
	                                  4096,      HEAP,       HEAP - 64, HEAP - 1,  LARGE,      LARGE - 4096,
	                                  INT32_MAX, UINT32_MAX, 1U << 30,  INT64_MAX, UINT64_MAX, UINT64_MAX - 63};
	uint64_t n = next(seed);
	return n % 3 == 0   ? values[(n >> 8) % (sizeof values / sizeof values[0])]
	       : n % 3 == 1 ? (n >> 8) % (2 * HEAP)
	                    : next(seed);
}

// A record as the victim might expect it next, with something wrong in it as a rule.
static void write_record(const struct victim *v, uint64_t *seed)
{
	uint64_t at = next(seed) % (3 * CELLS);
	unsigned char *cells = v->map + SPORE__RING_PAGE + (next(seed) % 2) * CELLS * SPORE__RING_CELL;
	unsigned char *cell = cells + at % CELLS * SPORE__RING_CELL;
	uint64_t kind = next(seed) % 8, value = next(seed) % 4 == 0 ? nasty(seed) : next(seed) % 600;
	const uint64_t body[2] = {next(seed) % 2 == 0 ? next(seed) % PAGES * 4096 : nasty(seed), nasty(seed)};
	memcpy(cell + SPORE__RING_HEAD, body, sizeof body);
	uint64_t head = spore__ring_number(at) | (kind << 29 | (value & ((1U << 29) - 1))) << 32;
	atomic_store_explicit((_Atomic uint64_t *)(void *)cell, head, memory_order_release);
}

static void scribble(const struct victim *v, uint64_t *seed)
{
	uint64_t n = next(seed);
	uint64_t value = nasty(seed);
	switch (n % 16) {
	case 0: // what the sides say
	case 1:
		memcpy(v->map + SPORE__RING_LINES + (n >> 8) % (2 * sizeof(struct spore__ring_lines) / 8) * 8, &value,
		       8);
		break;
	case 2: // a head that is none
	case 3:
		memcpy(v->map + SPORE__RING_PAGE + (n >> 8) % (2 * CELLS * 8) * 8, &value, 8);
		break;
	case 4: // anywhere, now and then the header as well
		memcpy(v->map + ((n >> 8) % 64 == 0 ? (n >> 16) % 32
		                                    : SPORE__RING_PAGE + (n >> 8) % (v->len - SPORE__RING_PAGE - 8)),
		       &value, 8);
		break;
	case 5: // cells in order, so that the victim comes far
		memcpy(v->map + SPORE__RING_LINES + 256 + (n >> 8) % 2 * sizeof(struct spore__ring_lines),
		       &(uint64_t){(n >> 16) % 300}, 8);
		break;
	case 6:
		if ((n >> 8) % 256 == 0) {
			char bytes[64] = "";
			(void)!write(v->ring, bytes, sizeof bytes);
		}
		break;
	case 7: // memory that goes away while it is read
		if ((n >> 8) % 4096 == 0)
			(void)fallocate(v->memory, FALLOC_FL_KEEP_SIZE | FALLOC_FL_PUNCH_HOLE,
			                (off_t)((n >> 24) % (v->len / 4096)) * 4096, 4096);
		else if ((n >> 8) % 4096 < 64)
			(void)fallocate(v->memory, FALLOC_FL_KEEP_SIZE, (off_t)v->len, PAGES * 4096);
		break;
	default:
		write_record(v, seed);
	}
}

// What a peer would do that keeps the rules, so that the victim comes far: the record that is next, and what it sent is released.
static void behave(const struct victim *v, uint64_t *seed)
{
	struct spore__ring_lines *lines = (struct spore__ring_lines *)(void *)(v->map + SPORE__RING_LINES);
	int way = (int)(next(seed) % 2);
	static const enum spore__ring_kind kinds[] = {SPORE__RING_MESSAGE, SPORE__RING_HEAP, SPORE__RING_LARGE,
	                                              SPORE__RING_PACKED_KIND, SPORE__RING_RUN};
	uint64_t at = atomic_load(&lines[way].released), kind = kinds[next(seed) % 5];
	unsigned char *cell =
	    v->map + SPORE__RING_PAGE + way * CELLS * SPORE__RING_CELL + at % CELLS * SPORE__RING_CELL;
	uint64_t each = next(seed) % 64;
	uint64_t value = kind == SPORE__RING_MESSAGE ? next(seed) % 57 : kind == SPORE__RING_PACKED_KIND ? 56 : 0;
	if (kind == SPORE__RING_RUN)
		value = spore__ring_run_begin(each) + next(seed) % 4 * ((each + 7) & ~UINT64_C(7));
	const uint64_t body[2] = {kind == SPORE__RING_HEAP ? next(seed) % 512 * 64 : next(seed) % PAGES * 4096,
	                          next(seed) % 4096};
	memcpy(cell + SPORE__RING_HEAD, body, sizeof body);
	if (kind == SPORE__RING_PACKED_KIND || kind == SPORE__RING_RUN)
		memcpy(cell + SPORE__RING_HEAD, &each, sizeof each);
	uint64_t head = spore__ring_number(at) | (kind << 29 | value) << 32;
	atomic_store_explicit((_Atomic uint64_t *)(void *)cell, head, memory_order_release);
	// Of the other direction: as many records as lie there, each taken for one cell.
	uint64_t released = atomic_load(&lines[1 - way].released);
	const unsigned char *next_cell =
	    v->map + SPORE__RING_PAGE + (1 - way) * CELLS * SPORE__RING_CELL + released % CELLS * SPORE__RING_CELL;
	if (*(const volatile uint32_t *)(const void *)next_cell == spore__ring_number(released))
		atomic_store(&lines[1 - way].released, released + 1);
}

static _Noreturn void be_hostile(const struct victim *v, uint64_t seed)
{
	for (;;) {
		// Mostly good, mostly bad, or anything between.
		uint64_t bad = next(&seed) % 8 == 0 ? 100000 : next(&seed) % 40;
		for (int i = 0; i < 4096; i++) {
			if (next(&seed) % 100000 < bad)
				scribble(v, &seed);
			else
				behave(v, &seed);
		}
		atomic_fetch_add(operations, 4096);
	}
}

// ---- the victim

// Where in the memory what is lent may lie: found by the mappings of this process, so that the library is not asked.
struct places {
	ino_t file;
	struct spore__ring_shape shape;
	struct {
		uintptr_t begin, end;
		uint64_t offset;
	} maps[64];
	unsigned count;
};

static struct places places;

static void read_maps(struct places *p)
{
	char line[512];
	FILE *f = fopen("/proc/self/maps", "re");
	assert_non_null(f);
	p->count = 0;
	while (fgets(line, sizeof line, f) != NULL) {
		uintmax_t begin, end, offset, file;
		if (sscanf(line, "%jx-%jx %*s %jx %*s %ju", &begin, &end, &offset, &file) != 4 || file != p->file)
			continue;
		assert_true(p->count < sizeof p->maps / sizeof p->maps[0]);
		p->maps[p->count].begin = (uintptr_t)begin;
		p->maps[p->count].end = (uintptr_t)end;
		p->maps[p->count++].offset = offset;
	}
	(void)fclose(f);
}

// The offset in the memory of LEN bytes at AT that lie in one mapping of it; UINT64_MAX: they do not.
static uint64_t find_offset(const struct places *p, uintptr_t at, size_t len)
{
	for (unsigned i = 0; i < p->count; i++)
		if (at >= p->maps[i].begin && at <= p->maps[i].end && len <= p->maps[i].end - at)
			return p->maps[i].offset + (at - p->maps[i].begin);
	return UINT64_MAX;
}

static bool is_within(uint64_t offset, size_t len, uint64_t begin, uint64_t size)
{
	return offset >= begin && offset - begin <= size && len <= size - (offset - begin);
}

// Fails unless LEN bytes at DATA lie in the cells, the heap or the large area of DIRECTION, and in one of them.
static void check_place(const void *data, size_t len, int direction)
{
	const struct spore__ring_shape *s = &places.shape;
	uint64_t offset = find_offset(&places, (uintptr_t)data, len);
	if (offset == UINT64_MAX) {
		read_maps(&places);
		offset = find_offset(&places, (uintptr_t)data, len);
	}
	assert_true(offset != UINT64_MAX);
	assert_true(is_within(offset, len, s->cells_at[direction], (uint64_t)s->cells * SPORE__RING_CELL) ||
	            is_within(offset, len, s->heap_at[direction], s->heap) ||
	            is_within(offset, len, s->large_at[direction], s->large));
}

static uint64_t touch(const unsigned char *data, size_t len)
{
	uint64_t sum = 0;
	for (size_t i = 0; i < len; i += 61)
		sum += data[i];
	return len > 0 ? sum + data[len - 1] : sum;
}

static bool is_over(enum spore_err e)
{
	return e == SPORE_EMALFORMED || e == SPORE_ECLOSED || e == SPORE_EEND;
}

// Uses the channel in every way until the peer has ruined both directions. Returns how many calls succeeded.
static unsigned use(struct spore_chan *c, int role, uint64_t *seed)
{
	static unsigned char bytes[HEAP];
	unsigned good = 0;
	bool over[2] = {false, false};
	for (int i = 0; i < 2000 && !(over[0] && over[1]); i++) {
		uint64_t n = next(seed);
		size_t len = n % 7 == 0 ? (n >> 8) % sizeof bytes : (n >> 8) % 400;
		const void *data;
		void *loan;
		enum spore_err e;
		int timeout = n % 64 == 0 ? 1 : SPORE_NOW;
		e = n % 3 == 0   ? spore_chan_send(c, bytes, len, timeout)
		    : n % 3 == 1 ? spore_chan_queue(c, bytes, len, timeout)
		                 : spore_chan_loan(c, n % 50 == 0 ? 1 << 20 : len, &loan, timeout);
		if (e == SPORE_OK && n % 3 == 2) {
			check_place(loan, n % 50 == 0 ? 1 << 20 : len, role);
			memset(loan, 1, len);
			e = spore_chan_commit(c, len, timeout);
		}
		over[0] = is_over(e);
		good += e == SPORE_OK;
		if (n % 2 == 0) {
			size_t got = 0;
			e = spore_chan_recv(c, bytes, sizeof bytes, &got, timeout);
			assert_true(e != SPORE_OK || got <= sizeof bytes);
			if (e == SPORE_OK)
				*seed ^= touch(bytes, got) & 1;
			if (e == SPORE_ETOOBIG && n % 4 == 0) {
				e = spore_chan_skip(c, SPORE_NOW);
			} else if (e == SPORE_ETOOBIG && spore_chan_read(c, &data, &got, SPORE_NOW) == SPORE_OK) {
				check_place(data, got, 1 - role);
				spore_chan_release(c);
			}
		} else {
			size_t got = 0;
			e = spore_chan_read(c, &data, &got, timeout);
			if (e == SPORE_OK) {
				check_place(data, got, 1 - role);
				*seed ^= touch(data, got) & 1;
				spore_chan_release(c);
			}
		}
		over[1] = is_over(e);
		good += e == SPORE_OK;
	}
	return good;
}

static void test_scribble(void **state)
{
	const char *wanted = getenv("OPERATIONS");
	uint64_t count = wanted != NULL ? strtoull(wanted, NULL, 10) : USUAL, seed = 88172645463325252;
	struct spore__channel_end ends[2];
	struct spore__ring_header header;
	(void)state;
	if (spore__channel_make("ring", &sizes, ends) != SPORE_OK)
		return; // not on this platform
	struct victim v = {.memory = ends[0].fds[0], .ring = ends[1].fds[1]};
	v.len = SPORE__RING_PAGE + 2 * (CELLS * SPORE__RING_CELL + HEAP);
	struct stat memory;
	assert_int_equal(fstat(v.memory, &memory), 0);
	places.file = memory.st_ino;
	assert_int_equal(spore__ring_shape_of(v.memory, &places.shape), SPORE_OK);
	v.map = mmap(NULL, v.len, PROT_READ | PROT_WRITE, MAP_SHARED, v.memory, 0);
	operations = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	assert_true(v.map != MAP_FAILED && operations != MAP_FAILED);
	memcpy(&header, v.map, sizeof header);
	pid_t pid = fork();
	if (pid == 0)
		be_hostile(&v, seed);
	unsigned rounds = 0, opened = 0, good = 0;
	while (atomic_load(operations) < count || rounds < 200 || good < 2000) {
		// The same memory over and over, now and then not even cleaned.
		struct spore__channel_end mine = {.transport = "ring", .role = (int)(rounds % 2), .count = 3};
		for (int i = 0; i < 3; i++)
			mine.fds[i] = fcntl(ends[0].fds[i], F_DUPFD_CLOEXEC, 0);
		struct spore_chan *c;
		enum spore_err e = spore__chan_create(&mine, &c);
		if (e == SPORE_OK) {
			opened++;
			places.count = 0; // the mappings of the one before are gone
			good += use(c, mine.role, &seed);
			spore_chan_close(c);
		} else {
			assert_true(e == SPORE_EVERSION || e == SPORE_EINVALID);
			memcpy(v.map, &header, sizeof header);
		}
		if (++rounds % 8 != 0)
			memset(v.map + SPORE__RING_LINES, 0,
			       SPORE__RING_PAGE - SPORE__RING_LINES + 2 * CELLS * SPORE__RING_CELL);
	}
	int status;
	assert_int_equal(waitpid(pid, &status, WNOHANG), 0); // it lives
	assert_int_equal(kill(pid, SIGKILL), 0);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	print_message("# %llu operations, %u of %u channels opened, %u calls succeeded\n",
	              (unsigned long long)atomic_load(operations), opened, rounds, good);
	assert_true(opened > 20);
	spore__channel_end_close(&ends[0]);
	spore__channel_end_close(&ends[1]);
	(void)munmap(v.map, v.len);
	(void)munmap(operations, 4096);
}

// ---- the doorbell, of which the peer has both ends

struct ringer {
	struct spore_chan *c;            // the victim's
	struct spore__channel_end peer;  // what the hostile process has
	_Atomic uint64_t *turns, *begun; // of the victim's, shared
	pid_t pid;
};

static bool begin_ringing(struct ringer *r, void (*be)(const struct ringer *r))
{
	struct spore__channel_end ends[2];
	if (spore__channel_make("ring", &sizes, ends) != SPORE_OK)
		return false; // not on this platform
	r->turns = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	assert_true(r->turns != MAP_FAILED);
	r->begun = r->turns + 1;
	r->peer = ends[1];
	r->pid = fork();
	if (r->pid == 0) {
		be(r);
		_exit(1);
	}
	assert_true(r->pid > 0);
	assert_int_equal(spore__chan_create(&ends[0], &r->c), SPORE_OK);
	while (atomic_load(r->begun) == 0)
		(void)sched_yield();
	return true;
}

static void end_ringing(struct ringer *r)
{
	int status;
	assert_int_equal(waitpid(r->pid, &status, WNOHANG), 0); // it lives
	assert_int_equal(kill(r->pid, SIGKILL), 0);
	assert_int_equal(waitpid(r->pid, &status, 0), r->pid);
	spore_chan_close(r->c);
	spore__channel_end_close(&r->peer);
	(void)munmap(r->turns, 4096);
}

// Rings and takes it back, so fast that a victim that sleeps over it finds nothing, and then waits for the victim's next turn.
static _Noreturn void take_back(const struct ringer *r)
{
	enum { TIMES = 64 };
	char byte[16];
	for (;;) {
		uint64_t seen = atomic_load(r->turns);
		for (int i = 0; i < TIMES; i++) {
			(void)!write(r->peer.fds[1], "", 1);
			(void)!read(r->peer.fds[1], byte, sizeof byte);
		}
		atomic_fetch_add(r->begun, 1);
		while (atomic_load(r->turns) == seen)
			(void)sched_yield();
	}
}

static void test_takes_back_what_it_rang(void **state)
{
	enum { BURSTS = 3000, TIMED = 200 };
	struct ringer r;
	char buffer[8];
	size_t len;
	(void)state;
	if (!begin_ringing(&r, take_back))
		return;
	while (atomic_load(r.begun) < BURSTS) {
		assert_int_equal(spore_chan_recv(r.c, buffer, sizeof buffer, &len, SPORE_NOW), SPORE_EAGAIN);
		atomic_fetch_add(r.turns, 1);
	}
	for (int i = 0; i < TIMED; i++) {
		assert_int_equal(spore_chan_recv(r.c, buffer, sizeof buffer, &len, 1), SPORE_ETIMEOUT);
		atomic_fetch_add(r.turns, 1);
	}
	end_ringing(&r);
}

// ---- one that wakes its peer up all the time, for nothing

static bool in_part; // what is sent or received is begun, and never done

static enum spore_err wake_up(struct spore__transport *t, enum spore__way way, int64_t deadline, struct pollfd *extra,
                              unsigned count)
{
	(void)t;
	(void)way;
	(void)deadline;
	(void)extra;
	(void)count;
	return SPORE_OK;
}

static enum spore_err send_never(struct spore__transport *t, const void *data, size_t len, bool more)
{
	(void)t;
	(void)data;
	(void)len;
	(void)more;
	return in_part ? SPORE_EBUSY : SPORE_EAGAIN;
}

static enum spore_err copy_never(struct spore__transport *t, void *buffer, size_t size, size_t *len)
{
	(void)buffer;
	(void)size;
	(void)len;
	return send_never(t, NULL, 0, false);
}

static enum spore_err flush_never(struct spore__transport *t)
{
	return send_never(t, NULL, 0, false);
}

static enum spore_err keep_all(struct spore__transport *t, enum spore__way way, const void *buffer)
{
	(void)t;
	(void)way;
	(void)buffer;
	return SPORE_OK;
}

static void destroy_nothing(struct spore__transport *t)
{
	(void)t;
}

static void test_wakes_for_nothing(void **state)
{
	static const struct spore__transport_ops ops = {
	    .name = "restless",
	    .destroy = destroy_nothing,
	    .send = send_never,
	    .copy = copy_never,
	    .flush = flush_never,
	    .keep = keep_all,
	    .wait = wake_up,
	};
	struct spore__transport restless = {.ops = &ops};
	struct spore_chan *c;
	char buffer[8];
	size_t len;
	(void)state;
	assert_int_equal(spore__chan_create_over(&restless, &c), SPORE_OK);
	for (int i = 0; i < 2; i++, in_part = true) {
		assert_int_equal(spore_chan_recv(c, buffer, sizeof buffer, &len, 2), SPORE_ETIMEOUT);
		assert_int_equal(spore_chan_send(c, "there", 5, 2), in_part ? SPORE_OK : SPORE_ETIMEOUT);
	}
	spore_chan_close(c);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_scribble),
	    cmocka_unit_test(test_takes_back_what_it_rang),
	    cmocka_unit_test(test_wakes_for_nothing),
	};
	(void)alarm(600); // a hang is found by the time limit of the test; this is for a run by hand
	return cmocka_run_group_tests(tests, NULL, NULL);
}
