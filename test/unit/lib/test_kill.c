// SIGKILL at any moment to one of two processes with a channel: the other receives whole messages, each once and in order, and then learns of the
// end at once. Nothing is left behind. KILLS is how often, per transport.
#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "chan/chan.h"
#include "chan/framing.h"
#include "descriptors.h"

enum {
	PATIENCE = 20000, // ms
	LARGEST = 400 * 1024,
	TORN = 40,
};

static uint32_t next(uint32_t *seed)
{
	*seed ^= *seed << 13;
	*seed ^= *seed >> 17;
	*seed ^= *seed << 5;
	return *seed;
}

static size_t size_of(uint32_t *seed)
{
	uint32_t n = next(seed);
	return n % 64 == 0 ? (n >> 8) % LARGEST : n % 4 == 0 ? (n >> 8) % 3000 : (n >> 8) % 250;
}

// Each word of message NUMBER depends on both, so that no part of another message passes for it.
static uint64_t word(uint32_t number, size_t i)
{
	return number * UINT64_C(0x9e3779b97f4a7c15) + i;
}

static void fill(void *to, size_t len, uint32_t number)
{
	uint64_t *words = to;
	for (size_t i = 0; i < len / 8; i++)
		words[i] = word(number, i);
}

static bool whole(const void *from, size_t len, uint32_t number)
{
	const uint64_t *words = from;
	for (size_t i = 0; i < len / 8; i++) {
		if (words[i] != word(number, i))
			return false;
	}
	return true;
}

static _Noreturn void write_until_closed(struct spore_chan *c)
{
	static uint64_t bytes[LARGEST / 8 + 1];
	uint32_t sizes = 1, ways = 7;
	for (uint32_t i = 0;; i++) {
		size_t len = size_of(&sizes);
		void *loan;
		enum spore_err e;
		switch (next(&ways) % 3) {
		case 0:
			fill(bytes, len, i);
			e = spore_chan_send(c, bytes, len, PATIENCE);
			break;
		case 1:
			fill(bytes, len, i);
			e = spore_chan_queue(c, bytes, len, PATIENCE);
			break;
		default:
			e = spore_chan_loan(c, len, &loan, PATIENCE);
			if (e == SPORE_OK) {
				fill(loan, len, i);
				e = spore_chan_commit(c, len, PATIENCE);
			}
		}
		if (e != SPORE_OK)
			_exit(e == SPORE_ECLOSED ? 0 : (int)e);
	}
}

static _Noreturn void read_until_closed(struct spore_chan *c)
{
	static uint64_t bytes[LARGEST / 8 + 1];
	uint32_t sizes = 1, ways = 9;
	for (uint32_t i = 0;; i++) {
		size_t expected = size_of(&sizes), len = 0;
		const void *data = bytes;
		bool in_place = next(&ways) % 2 == 0;
		enum spore_err e = in_place ? spore_chan_read(c, &data, &len, PATIENCE)
		                            : spore_chan_recv(c, bytes, sizeof bytes, &len, PATIENCE);
		if (e != SPORE_OK)
			_exit(e == SPORE_ECLOSED ? 0 : (int)e);
		if (len != expected || !whole(data, len, i))
			_exit(TORN);
		if (in_place)
			spore_chan_release(c);
	}
}

static pid_t start(struct spore__channel_end ends[2], int which, void (*play)(struct spore_chan *c))
{
	pid_t pid = fork();
	assert_true(pid >= 0);
	if (pid > 0)
		return pid;
	struct spore_chan *c;
	(void)alarm(2 * PATIENCE / 1000);
	spore__channel_end_close(&ends[1 - which]);
	if (spore__chan_create(&ends[which], &c) != SPORE_OK)
		_exit(TORN + 1);
	play(c);
	_exit(TORN + 2);
}

static void test_kill(void **state)
{
	const char *transport = *state, *times = getenv("KILLS");
	int kills = times != NULL ? atoi(times) : 150;
	uint32_t seed = 77;
	unsigned before = count_fds();
	for (int i = 0; i < kills; i++) {
		struct spore__channel_end ends[2];
		int status;
		assert_int_equal(spore__channel_make(transport, NULL, ends), SPORE_OK);
		pid_t pids[2] = {start(ends, 0, write_until_closed), start(ends, 1, read_until_closed)};
		spore__channel_end_close(&ends[0]);
		spore__channel_end_close(&ends[1]);
		const struct timespec a_while = {.tv_nsec = next(&seed) % 4000000};
		(void)nanosleep(&a_while, NULL);
		int victim = (int)(next(&seed) % 2);
		assert_int_equal(kill(pids[victim], SIGKILL), 0);
		assert_int_equal(waitpid(pids[victim], &status, 0), pids[victim]);
		assert_int_equal(waitpid(pids[1 - victim], &status, 0), pids[1 - victim]);
		if (status != 0)
			print_message("kill %d of the %s: wait status %x\n", i, victim == 0 ? "writer" : "reader",
			              (unsigned)status);
		assert_int_equal(status, 0);
	}
	assert_int_equal(count_fds(), before);
}

int main(void)
{
	static struct CMUnitTest tests[8];
	static char names[8][64];
	size_t count = 0;
	for (size_t i = 0; spore__transports[i] != NULL && count < 8; i++) {
		struct spore__channel_end ends[2];
		const struct spore__framing *framing = spore__transports[i]->framing;
		if (framing != NULL && framing->plain)
			continue; // its end of file is no death
		if (spore__channel_make(spore__transports[i]->name, NULL, ends) != SPORE_OK)
			continue; // not on this platform
		spore__channel_end_close(&ends[0]);
		spore__channel_end_close(&ends[1]);
		snprintf(names[count], sizeof names[count], "test_kill (%s)", spore__transports[i]->name);
		tests[count] = (struct CMUnitTest){
		    .name = names[count], .test_func = test_kill, .initial_state = (void *)spore__transports[i]->name};
		count++;
	}
	return _cmocka_run_group_tests("kill", tests, count, NULL, NULL);
}
