// What a node tells the bridge that it starts: whatever it is, it is refused or comes out as it went in.
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "bridge/start.h"
#include "target.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct spore__bridge_start start, again;
	struct spore__msgpack_writer w = {0}, second = {0};
	if (!spore__bridge_start_decode(&start, data, size))
		return 0;
	for (int i = 0; i < 2; i++) {
		check(start.ends[i].count >= 1 && start.ends[i].count <= SPORE__BRIDGE_FDS);
		check(memchr(start.ends[i].spec, '\0', sizeof start.ends[i].spec) != NULL);
	}
	spore__bridge_start_encode(&start, &w);
	check(w.err == 0 && spore__bridge_start_decode(&again, w.data, w.len));
	spore__bridge_start_encode(&again, &second);
	check(second.err == 0 && second.len == w.len && memcmp(w.data, second.data, w.len) == 0);
	spore__msgpack_writer_finish(&w);
	spore__msgpack_writer_finish(&second);
	return 0;
}
