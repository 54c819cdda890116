// What a ring does beside carrying messages: how many large ones are under way, what counts as lost.
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#ifdef __linux__
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#endif
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "chan/inside.h"
#include "chan/ring.h"

enum { PATIENCE = 20000 };

struct pair {
	struct spore_chan *a, *b;
};

static bool begin(struct pair *p, const struct spore__channel_sizes *sizes)
{
	struct spore__channel_end ends[2];
	if (spore__channel_make("ring", sizes, ends) == SPORE_EUNSUPPORTED)
		return false;
	assert_int_equal(spore__chan_create(&ends[0], &p->a), SPORE_OK);
	assert_int_equal(spore__chan_create(&ends[1], &p->b), SPORE_OK);
	return true;
}

// So many cells, so that what follows lies elsewhere in the ring.
static void go_on(const struct pair *p, unsigned cells)
{
	char byte = 0;
	size_t len;
	for (unsigned i = 0; i < cells; i++) {
		assert_int_equal(spore_chan_send(p->a, &byte, 1, PATIENCE), SPORE_OK);
		assert_int_equal(spore_chan_recv(p->b, &byte, 1, &len, PATIENCE), SPORE_OK);
	}
}

// Loans until there is no room: how many messages are under way then.
static unsigned fly(struct spore_chan *c, size_t size)
{
	unsigned count = 0;
	void *data;
	enum spore_err e;
	while ((e = spore_chan_loan(c, size, &data, SPORE_NOW)) == SPORE_OK) {
		memset(data, (int)++count, 1);
		assert_int_equal(spore_chan_commit(c, size, SPORE_NOW), SPORE_OK);
	}
	assert_int_equal(e, SPORE_EAGAIN);
	return count;
}

// Of each size several can be lent at a time, and not so many that neither the caches nor the receiver's windows hold them.
static void test_large_messages_under_way(void **state)
{
	static const struct {
		size_t size;
		unsigned count;
	} cases[] = {{512 * 1024, 16}, {1 << 20, 16}, {2 << 20, 8}, {4 << 20, 4}, {16 << 20, 4}};
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct pair p;
		if (!begin(&p, NULL))
			return;
		assert_int_equal(fly(p.a, cases[i].size), cases[i].count);
		const void *data[16];
		size_t len;
		for (unsigned k = 0; k < cases[i].count; k++) {
			assert_int_equal(spore_chan_read(p.b, &data[k], &len, PATIENCE), SPORE_OK);
			assert_int_equal(len, cases[i].size);
			assert_int_equal(*(const unsigned char *)data[k], k + 1);
		}
		// The place of each that is given back is that of the next.
		for (unsigned k = 0; k < 3 * cases[i].count; k++) {
			const void *next;
			spore_chan_release(p.b);
			assert_int_equal(fly(p.a, cases[i].size), 1);
			assert_int_equal(spore_chan_read(p.b, &next, &len, PATIENCE), SPORE_OK);
			assert_ptr_equal(next, data[k % cases[i].count]);
		}
		spore_chan_close(p.a);
		spore_chan_close(p.b);
	}
}

// Also of sizes that were free again: the receiver can lend all of them at a time.
static void test_large_messages_of_several_sizes(void **state)
{
	static const size_t sizes[] = {280 * 1024, 560 * 1024, 900 * 1024};
	struct pair p;
	const void *data;
	size_t len;
	(void)state;
	if (!begin(&p, NULL))
		return;
	for (int round = 0; round < 3; round++) {
		unsigned count = 0;
		for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++)
			count += fly(p.a, sizes[(i + (size_t)round) % 3]);
		assert_in_range(count, 4, 16);
		for (unsigned k = 0; k < count; k++)
			assert_int_equal(spore_chan_read(p.b, &data, &len, PATIENCE), SPORE_OK);
		assert_int_equal(spore_chan_read(p.b, &data, &len, SPORE_NOW), SPORE_EAGAIN);
		for (unsigned k = 0; k < count; k++)
			spore_chan_release(p.b);
	}
	spore_chan_close(p.a);
	spore_chan_close(p.b);
}

// A loan whose bytes are the very head that the next message would have, and of which less is committed, or nothing.
static void test_a_loan_like_a_head(void **state)
{
	enum { LOAN = SPORE__RING_INLINE };
	struct pair p;
	if (!begin(&p, NULL))
		return;
	for (unsigned i = 0; i < 8; i++) {
		uint64_t at = ((struct spore__ring *)p.a->ways[SPORE__SEND].use->t)->send.at;
		uint64_t words[LOAN / 8] = {0};
		void *data;
		unsigned char got[LOAN];
		size_t len;
		for (unsigned cell = 1; cell < 4; cell++)
			words[cell * 8 - 1] = spore__ring_head(at + cell, SPORE__RING_MESSAGE, 5);
		assert_int_equal(spore_chan_loan(p.a, LOAN, &data, SPORE_NOW), SPORE_OK);
		memcpy(data, words, LOAN);
		if (i % 2 == 0) {
			assert_int_equal(spore_chan_commit(p.a, 3, SPORE_NOW), SPORE_OK);
		} else {
			spore_chan_abandon(p.a);
			assert_int_equal(spore_chan_send(p.a, "abc", 3, SPORE_NOW), SPORE_OK);
		}
		assert_int_equal(spore_chan_recv(p.b, got, sizeof got, &len, SPORE_NOW), SPORE_OK);
		assert_int_equal(len, 3);
		assert_int_equal(spore_chan_recv(p.b, got, sizeof got, &len, SPORE_NOW), SPORE_EAGAIN);
	}
	spore_chan_close(p.a);
	spore_chan_close(p.b);
}

// Messages of every kind, of which some were received, at each place of the ring: those that were not are lost, no more and no less.
static void test_what_is_lost(void **state)
{
	static const size_t sizes[] = {0, 56, 57, 248, 249, 5000, 20000};
	enum { SIZES = sizeof sizes / sizeof sizes[0] };
	static const struct spore__channel_sizes small = {.cells = 64, .heap = 256 * 1024};
	static unsigned char bytes[20000];
	for (unsigned before = 0; before < 70; before++) {
		struct pair p;
		struct spore_chan_stats stats;
		size_t len;
		if (!begin(&p, &small))
			return;
		go_on(&p, before);
		for (unsigned i = 0; i < SIZES; i++)
			assert_int_equal(spore_chan_send(p.a, bytes, sizes[i], PATIENCE), SPORE_OK);
		for (unsigned i = 0; i < 9; i++) { // a pack, and a run
			assert_int_equal(spore_chan_queue(p.a, bytes, 20, PATIENCE), SPORE_OK);
			if (i == 4 || i == 8)
				assert_int_equal(spore_chan_flush(p.a, PATIENCE), SPORE_OK);
		}
		unsigned received = before % (SIZES + 9);
		for (unsigned i = 0; i < received; i++) {
			const void *data;
			if ((before + i) % 2 == 0) {
				assert_int_equal(spore_chan_recv(p.b, bytes, sizeof bytes, &len, PATIENCE), SPORE_OK);
				assert_int_equal(len, i < SIZES ? sizes[i] : 20);
				continue;
			}
			assert_int_equal(spore_chan_read(p.b, &data, &len, PATIENCE), SPORE_OK);
			assert_int_equal(len, i < SIZES ? sizes[i] : 20);
			spore_chan_release(p.b);
		}
		spore_chan_close(p.b);
		enum spore_err e = SPORE_OK;
		while (e == SPORE_OK)
			e = spore_chan_send(p.a, bytes, 1, SPORE_NOW);
		assert_int_equal(e, SPORE_ECLOSED);
		spore_chan_stats(p.a, &stats);
		assert_int_equal(stats.lost, stats.sent - before - received);
		spore_chan_close(p.a);
	}
}

// A thread that polls for messages is woken for those that come, whatever another one that sends looks at meanwhile.
static void test_sender_leaves_the_bell(void **state)
{
	enum { MANY = 200 };
	static const struct spore__channel_sizes small = {.cells = 1024};
	struct pair p;
	char buffer[8];
	size_t len;
	(void)state;
	if (!begin(&p, &small))
		return;
	assert_int_equal(spore_chan_recv(p.a, buffer, sizeof buffer, &len, SPORE_NOW), SPORE_EAGAIN);
	assert_int_equal(spore_chan_send(p.b, "hello", 5, SPORE_NOW), SPORE_OK);
	for (int i = 0; i < MANY; i++) // of which the peer takes none
		assert_int_equal(spore_chan_send(p.a, "there", 5, SPORE_NOW), SPORE_OK);
	struct pollfd polled = {.fd = spore_chan_fd(p.a), .events = POLLIN};
	assert_int_equal(poll(&polled, 1, 0), 1);
	assert_int_equal(spore_chan_recv(p.a, buffer, sizeof buffer, &len, SPORE_NOW), SPORE_OK);
	spore_chan_close(p.b); // which is still heard of
	enum spore_err e = SPORE_OK;
	for (int i = 0; i < 1024 && e == SPORE_OK; i++) // at the latest when there is no more room
		e = spore_chan_send(p.a, "there", 5, SPORE_NOW);
	assert_int_equal(e, SPORE_ECLOSED);
	spore_chan_close(p.a);
}

struct sleepy {
	struct spore_chan *c;
	unsigned count;
	size_t len;
};

static void *receive_all(void *arg)
{
	struct sleepy *s = arg;
	static unsigned char buffer[SPORE__RING_PACKED];
	size_t len;
	for (unsigned i = 0; i < s->count; i++) {
		assert_int_equal(spore_chan_recv(s->c, buffer, sizeof buffer, &len, PATIENCE), SPORE_OK);
		assert_int_equal(len, s->len);
	}
	return NULL;
}

// What was queued and does not fit any more wakes the receiver that has to make room, wherever in the ring that happens.
static void test_queue_wakes(void **state)
{
	static const size_t lengths[] = {8, 56, 64, 100, 1000, SPORE__RING_PACKED};
	static unsigned char bytes[SPORE__RING_PACKED];
	static const struct spore__channel_sizes small = {.cells = 128};
	for (unsigned before = 0; before < 130; before += 13) {
		for (unsigned k = 0; k < sizeof lengths / sizeof lengths[0]; k++) {
			struct pair p;
			pthread_t thread;
			if (!begin(&p, &small))
				return;
			go_on(&p, before);
			// Enough for a ring three times as large, and then nothing that would publish it.
			struct sleepy s = {p.b, (unsigned)(3 * 128 * SPORE__RING_CELL / lengths[k]), lengths[k]};
			assert_int_equal(pthread_create(&thread, NULL, receive_all, &s), 0);
			struct spore_chan_stats stats = {.slept = 0};
			while (stats.slept == 0) // about to sleep
				spore_chan_stats(p.b, &stats);
			for (unsigned i = 0; i < s.count; i++)
				assert_int_equal(spore_chan_queue(p.a, bytes, lengths[k], PATIENCE), SPORE_OK);
			assert_int_equal(spore_chan_flush(p.a, PATIENCE), SPORE_OK);
			assert_int_equal(pthread_join(thread, NULL), 0);
			spore_chan_close(p.a);
			spore_chan_close(p.b);
		}
	}
}

// Messages that are queued one after the other, most of them of one length, arrive as they are, in place and copied.
static void test_runs(void **state)
{
	enum { MANY = 4000 };
	static unsigned char bytes[SPORE__RING_PACKED], got[SPORE__RING_PACKED];
	for (size_t most = 0; most <= SPORE__RING_PACKED; most += most < 80 ? 1 : 117) {
		struct pair p;
		size_t len, sent[64];
		unsigned queued = 0;
		if (!begin(&p, NULL))
			return;
		for (unsigned i = 0; i < MANY; i++) {
			len = i % 101 == 100 ? most / 2 : i % 211 == 210 ? 0 : most;
			memset(bytes, (int)i, len);
			assert_int_equal(spore_chan_queue(p.a, bytes, len, PATIENCE), SPORE_OK);
			sent[queued++] = len;
			if (queued < sizeof sent / sizeof sent[0] && queued < 1 + i % 40 && i + 1 < MANY)
				continue;
			assert_int_equal(spore_chan_flush(p.a, PATIENCE), SPORE_OK);
			for (unsigned k = 0; k < queued; k++) {
				const void *data = got;
				bool in_place = (i + k) % 5 == 0;
				if (in_place)
					assert_int_equal(spore_chan_read(p.b, &data, &len, SPORE_NOW), SPORE_OK);
				else
					assert_int_equal(spore_chan_recv(p.b, got, sizeof got, &len, SPORE_NOW),
					                 SPORE_OK);
				memset(bytes, (int)(i - queued + 1 + k), len);
				assert_int_equal(len, sent[k]);
				assert_memory_equal(data, bytes, len);
				assert_int_equal((uintptr_t)data % 8, 0);
				if (in_place)
					spore_chan_release(p.b);
			}
			queued = 0;
		}
		spore_chan_close(p.a);
		spore_chan_close(p.b);
	}
}

// ---- memory that is used again

static uint64_t memory_of(const struct pair *p) // bytes that the system keeps for it
{
	const struct spore__ring *r = (const struct spore__ring *)p->a->ways[SPORE__SEND].use->t;
	struct stat st;
	assert_int_equal(fstat(r->memory, &st), 0);
	return (uint64_t)st.st_blocks * 512;
}

// One message is lent, sent and given back. Did the loan still have what FILL says of the one before?
static bool pass_one(const struct pair *p, size_t size, unsigned char was, unsigned char fill)
{
	void *loan;
	const void *data;
	size_t len;
	assert_int_equal(spore_chan_loan(p->a, size, &loan, PATIENCE), SPORE_OK);
	unsigned char *bytes = loan;
	bool same = bytes[0] == was && bytes[size - 1] == was;
	bytes[0] = bytes[size - 1] = fill;
	assert_int_equal(spore_chan_commit(p->a, size, PATIENCE), SPORE_OK);
	assert_int_equal(spore_chan_read(p->b, &data, &len, PATIENCE), SPORE_OK);
	assert_int_equal(len, size);
	assert_int_equal(((const unsigned char *)data)[0], fill);
	assert_int_equal(((const unsigned char *)data)[size - 1], fill);
	spore_chan_release(p->b);
	return same;
}

// Also of messages that are larger than what is kept for good; but nobody keeps that much who does not send.
static void test_memory_is_used_again(void **state)
{
	const size_t size = (size_t)SPORE__RING_KEPT + (8 << 20);
	const struct timespec brief = {.tv_nsec = 10000000};
	struct pair p;
	bool same = false;
	(void)state;
	if (!begin(&p, NULL))
		return;
	(void)pass_one(&p, size, 0, 1);
	for (unsigned char i = 1; i < 100 && !same; i++) // unless this process stood still for so long
		same = pass_one(&p, size, i, (unsigned char)(i + 1));
	assert_true(same);
	(void)pass_one(&p, 300000, 0, 1); // the sender sees that it was released
	for (int i = 0; i < PATIENCE / 10 && memory_of(&p) > size; i++)
		(void)nanosleep(&brief, NULL);
	assert_true(memory_of(&p) < size);
	(void)pass_one(&p, size, 0, 1);
	spore_chan_close(p.a);
	spore_chan_close(p.b);
}

// Of many sizes what is free does not add up.
static void test_memory_of_other_sizes(void **state)
{
	struct pair p;
	(void)state;
	if (!begin(&p, NULL))
		return;
	for (size_t mib = 6; mib <= 60; mib += 6) {
		(void)pass_one(&p, mib << 20, 0, 1);
		(void)pass_one(&p, 300000, 0, 1);
		assert_true(memory_of(&p) < ((uint64_t)mib * 5 / 4 << 20) + 2 * SPORE__RING_KEPT);
	}
	spore_chan_close(p.a);
	spore_chan_close(p.b);
}

#ifdef __linux__
// From now on membarrier is no call of this system.
static bool forbid_barriers(void)
{
	struct sock_filter code[] = {
	    BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
	    BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_membarrier, 0, 1),
	    BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | ENOSYS),
	    BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog filter = {.len = sizeof code / sizeof code[0], .filter = code};
	return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 && prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &filter) == 0;
}

static int wait_without_barriers(void)
{
	struct pair p;
	char byte = 0;
	enum spore_err e = SPORE_OK;
	if (!begin(&p, NULL))
		return 0;
	const struct spore__ring *r = (const struct spore__ring *)p.a->ways[SPORE__SEND].use->t;
	if (!forbid_barriers() || !r->send.sleeper.orders)
		return 0; // it cannot be tried here
	while (e == SPORE_OK)
		e = spore_chan_send(p.a, &byte, 1, 1);
	return e == SPORE_ETIMEOUT && (uint32_t)atomic_load(&r->send.lines->sender.state) == SPORE__RING_FENCE ? 0 : 1;
}

// A program may forbid itself the call after it has opened a channel: then it asks its peer for fences.
static void test_no_more_barriers(void **state)
{
	int status;
	(void)state;
	pid_t pid = fork();
	assert_true(pid >= 0);
	if (pid == 0)
		_exit(wait_without_barriers());
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
}
#endif

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_large_messages_under_way),
	    cmocka_unit_test(test_large_messages_of_several_sizes),
	    cmocka_unit_test(test_a_loan_like_a_head),
	    cmocka_unit_test(test_what_is_lost),
	    cmocka_unit_test(test_sender_leaves_the_bell),
	    cmocka_unit_test(test_queue_wakes),
	    cmocka_unit_test(test_runs),
	    cmocka_unit_test(test_memory_is_used_again),
	    cmocka_unit_test(test_memory_of_other_sizes),
#ifdef __linux__
	    cmocka_unit_test(test_no_more_barriers),
#endif
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
