// The memory of a ring with anything in it, looked at.
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "chan/ring.h"
#include "chan/spy.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

// The first bytes go to the counts, the others to the cells.
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	enum { CELLS = 64, COUNTS = 64, TURNS = 300 };
	static const struct spore__channel_sizes little = {.cells = CELLS, .heap = 65536};
	struct spore__channel_end ends[2];
	struct spore__spied m;
	struct spore__spy *s;
	struct spore__spy_counts c;
	size_t room = SPORE__RING_PAGE + CELLS * SPORE__RING_CELL;
	if (spore__channel_make("ring", &little, ends) != SPORE_OK)
		return 0;
	unsigned char *map = mmap(NULL, room, PROT_READ | PROT_WRITE, MAP_SHARED, ends[0].fds[0], 0);
	if (map == MAP_FAILED)
		abort();
	if (spore__spy_open(fcntl(ends[0].fds[0], F_DUPFD_CLOEXEC, 0), 1 << 20, &s) != SPORE_OK)
		abort();
	size_t counts = size < COUNTS ? size : COUNTS, cells = size - counts;
	if (counts > 0)
		memcpy(map + SPORE__RING_COUNTS_AT, data, counts);
	if (cells > 0)
		memcpy(map + SPORE__RING_PAGE, data + counts,
		       cells < room - SPORE__RING_PAGE ? cells : room - SPORE__RING_PAGE);
	for (int i = 0; i < TURNS; i++)
		if (spore__spy_next(s, 0, &m) == SPORE_OK)
			for (uint64_t k = 0; k < m.kept; k += 64)
				if (m.data[k] == 1 && m.len < m.kept)
					abort();
	spore__spy_count(s, 0, &c);
	(void)spore__spy_latency(NULL, &c, 500);
	spore__spy_close(s);
	(void)munmap(map, room);
	for (int i = 0; i < 2; i++)
		spore__channel_end_close(&ends[i]);
	return 0;
}
