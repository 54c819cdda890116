// What a peer may write into the memory of a ring between the calls of this end: a program of steps, each a byte that says what, and operands.
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "chan/chan.h"
#include "chan/ring.h"
#include "target.h"

enum { CELLS = 64, HEAP = 64 * 1024, LARGE = 1 << 20 };

static void use(const void *message, size_t len)
{
	uint64_t sum = 0;
	for (size_t i = 0; i < len; i++)
		sum += ((const volatile unsigned char *)message)[i];
	(void)sum;
}

static void receive(struct spore_chan *c, bool in_place, unsigned *lent)
{
	static unsigned char buffer[HEAP];
	const void *message;
	size_t len;
	if (in_place) {
		if (spore_chan_read(c, &message, &len, SPORE_NOW) == SPORE_OK) {
			use(message, len);
			++*lent;
		}
	} else if (spore_chan_recv(c, buffer, sizeof buffer, &len, SPORE_NOW) == SPORE_OK) {
		check(len <= sizeof buffer && *lent == 0);
	}
}

static void send_some(struct spore_chan *c, struct input *in)
{
	static const unsigned char bytes[HEAP];
	uint64_t n = take(in, 3);
	void *loan;
	size_t len = (n >> 2) % sizeof bytes;
	switch (n % 4) {
	case 0:
		(void)spore_chan_send(c, bytes, len, SPORE_NOW);
		return;
	case 1:
		(void)spore_chan_queue(c, bytes, len % 1100, SPORE_NOW);
		return;
	case 2:
		(void)spore_chan_flush(c, SPORE_NOW);
		return;
	default:
		if (spore_chan_loan(c, len, &loan, SPORE_NOW) == SPORE_OK) {
			memset(loan, 1, len);
			(void)spore_chan_commit(c, len / 2, SPORE_NOW);
		}
	}
}

static void step(struct spore_chan *c, unsigned char *map, size_t map_len, struct input *in, unsigned *lent,
                 uint64_t *at)
{
	struct spore__ring_lines *lines = (struct spore__ring_lines *)(void *)(map + SPORE__RING_LINES);
	unsigned what = (unsigned)take(in, 1);
	unsigned char *cells = map + SPORE__RING_PAGE + CELLS * SPORE__RING_CELL; // of what this end receives
	uint64_t v;
	switch (what % 8) {
	case 0: // the next record
		v = take(in, 4);
		atomic_store(spore__ring_head_at(cells, (uint32_t)(*at % CELLS)), spore__ring_number(*at) | v << 32);
		*at += 1 + what / 8;
		return;
	case 1: // what is in one
		v = take(in, 8);
		memcpy(cells + take(in, 2) % (CELLS * SPORE__RING_CELL / 8) * 8, &v, 8);
		return;
	case 2: // what the peer says
		v = take(in, 8);
		memcpy((unsigned char *)lines + take(in, 1) % (2 * sizeof *lines / 8) * 8, &v, 8);
		return;
	case 3:
		atomic_store(&lines[0].released, take(in, 1));
		return;
	case 4:
		v = take(in, 8);
		memcpy(map + take(in, 3) % (map_len - 8), &v, 8);
		return;
	case 5:
		send_some(c, in);
		return;
	case 6:
		if (*lent > 0) {
			spore_chan_release(c);
			--*lent;
		}
		return;
	default:
		receive(c, what / 8 % 2 == 0, lent);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct spore__channel_sizes sizes = {.cells = CELLS, .heap = HEAP, .large = LARGE};
	struct spore__channel_end ends[2];
	struct input in = {data, data + size};
	enum spore_err e = spore__channel_make("ring", &sizes, ends);
	if (e == SPORE_EUNSUPPORTED || size > 4096)
		return 0;
	check(e == SPORE_OK);
	size_t len = SPORE__RING_PAGE + 2 * (CELLS * SPORE__RING_CELL + HEAP);
	unsigned char *map = mmap(NULL, len, PROT_READ | PROT_WRITE, MAP_SHARED, ends[1].fds[0], 0);
	check(map != MAP_FAILED);
	struct spore_chan *c;
	check(spore__chan_create(&ends[0], &c) == SPORE_OK);
	unsigned lent = 0;
	uint64_t at = 0;
	while (in.at < in.end)
		step(c, map, len, &in, &lent, &at);
	for (int i = 0; i < 4; i++)
		receive(c, true, &lent);
	spore_chan_close(c);
	spore__channel_end_close(&ends[1]);
	(void)munmap(map, len);
	return 0;
}
