// What a plain peer may write, in pieces: each framing finds the same messages as in one piece, and none beyond what is there.
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "chan/framing.h"
#include "spore/chan.h"
#include "target.h"

static const struct spore__framing *const framings[] = {&spore__framing_stream,    &spore__framing_lines,
                                                        &spore__framing_u32le,     &spore__framing_u32be,
                                                        &spore__framing_netstring, &spore__framing_bytes};

static void check_one(const struct spore__framing *f, const uint8_t *data, size_t size, size_t piece)
{
	size_t at = 0;
	for (;;) {
		struct spore__framed whole = {0}, m = {0};
		size_t left = size - at, seen = 0;
		enum spore_err all = f->take(data + at, left, true, &whole), e;
		while ((e = f->take(data + at, seen, seen == left, &m)) == SPORE_EAGAIN && seen < left)
			seen = left - seen < piece ? left : seen + piece;
		check(e == all && e != SPORE_EAGAIN);
		check(m.looked <= seen);
		if (e != SPORE_OK)
			break;
		if (f->chunks) {
			at += m.len; // as much as there was
			continue;
		}
		check(m.head == whole.head && m.len == whole.len && m.tail == whole.tail && m.len <= f->limit);
		if (m.head + m.len + m.tail > left)
			break; // it is cut off
		// It can be sent again as it was.
		unsigned char head[SPORE__FRAMING_HEAD];
		check(f->check(data + at + m.head, m.len) == SPORE_OK);
		check(f->head(head, m.len) == m.head && memcmp(head, data + at, m.head) == 0);
		check(m.tail == f->tail || at + m.len == size);
		check(m.head + m.len + m.tail > 0);
		at += m.head + m.len + m.tail;
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size == 0)
		return 0;
	for (size_t i = 0; i < sizeof framings / sizeof framings[0]; i++)
		check_one(framings[i], data + 1, size - 1, 1 + data[0] % 16);
	return 0;
}
