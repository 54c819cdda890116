// What a subscriber finds: INPUT is 8 bytes of how it subscribes, then what the publisher says (256 bytes), its words in the cursor (24 bytes), then
// the log and the beginning of the large area.
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "../../lib/os/os.h"
#include "chan/chan.h"
#include "chan/pub.h"
#include "pass.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { LOG = 4096, LARGE = 65536, HOW = 8, WORDS = 24, AT_MOST = 300 };

// The memory, with as much of INPUT in it as there is. -1: not on this machine.
static int make(const uint8_t *data, size_t size)
{
	const struct spore__pub_header h = {
	    .cookie = SPORE__PUB_COOKIE, .layout = SPORE__PUB_LAYOUT, .log = LOG, .large = LARGE};
	const size_t all = SPORE__PUB_PAGE + LOG + LARGE, says = sizeof(struct spore__pub_says);
	int fd = spore__io_publication(all);
	unsigned char *map = fd >= 0 ? spore__io_map(fd, 0, all, SPORE__IO_WRITE) : NULL;
	if (map == NULL)
		return -1;
	memset(map, 0, SPORE__PUB_PAGE + LOG + SPORE__PUB_PAGE);
	memcpy(map, &h, sizeof h);
	size_t first = size < says ? size : says, rest = size - first;
	memcpy(map + SPORE__PUB_SAYS_AT, data, first);
	if (rest > LOG + (size_t)SPORE__PUB_PAGE)
		rest = LOG + (size_t)SPORE__PUB_PAGE;
	memcpy(map + SPORE__PUB_PAGE, data + first, rest);
	(void)munmap(map, all);
	(void)spore__io_publication_seal(fd);
	return fd;
}

static void read_all(struct spore_chan *c, bool in_place)
{
	static unsigned char bytes[LARGE];
	static volatile unsigned char sum;
	for (int i = 0; i < AT_MOST; i++) {
		const void *at = bytes;
		size_t len;
		enum spore_err e = in_place ? spore_chan_read(c, &at, &len, SPORE_NOW)
		                            : spore_chan_recv(c, bytes, sizeof bytes, &len, SPORE_NOW);
		if (e != SPORE_OK)
			return;
		for (size_t k = 0; k < len; k += 61)
			sum = (unsigned char)(sum + ((const unsigned char *)at)[k]);
		if (in_place && i % 3 != 0)
			spore_chan_release(c);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct spore__channel_end ends[2];
	struct spore__cursor *cursor;
	struct spore_chan *c;
	if (size < HOW + WORDS)
		return 0;
	int memory = make(data + HOW + WORDS, size - HOW - WORDS);
	if (memory < 0 || spore__channel_make("publication", NULL, ends) != SPORE_OK)
		return 0;
	ends[1].slow = (enum spore_slow)(data[0] % 3);
	ends[1].last = data[1] % 2 == 1;
	if (spore__cursor_map(ends[0].fds[0], SPORE__IO_WRITE, &cursor) != SPORE_OK)
		abort();
	uint64_t words[3];
	memcpy(words, data + HOW, sizeof words);
	atomic_store(&cursor->taken, data[2] % 2);
	atomic_store(&cursor->from, words[0]);
	atomic_store(&cursor->number, words[1]);
	atomic_store(&cursor->last, words[2]);
	spore__cursor_unmap(cursor);
	if (spore__chan_create(&ends[1], &c) != SPORE_OK)
		abort();
	// Not while too many descriptors are under way between other processes of this user.
	if (spore__pass_send(ends[0].fds[1], "m", 1, &memory, 1) == 1)
		read_all(c, data[3] % 2 == 1);
	spore_chan_close(c);
	spore__channel_end_close(&ends[0]);
	close(memory);
	return 0;
}
