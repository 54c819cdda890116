#include "pub_rig.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include <cmocka.h>

#include "chan/chan.h"

bool pub_rig_begin(struct pub_rig *b, uint32_t log)
{
	const struct spore__channel_sizes sizes = {.heap = log};
	*b = (struct pub_rig){0};
	if (spore__pub_create(&sizes, NULL, &b->t) == SPORE_EUNSUPPORTED)
		return false;
	assert_int_equal(spore__chan_create_over(b->t, &b->pub), SPORE_OK);
	return true;
}

static struct spore_chan *wire(struct pub_rig *b, enum spore_slow slow, bool last, const struct spore__cursor **cursor)
{
	struct spore__channel_end ends[2];
	struct spore_chan *c;
	assert_int_equal(spore__channel_make("publication", NULL, ends), SPORE_OK);
	if (cursor != NULL) {
		void *map = mmap(NULL, sizeof **cursor, PROT_READ, MAP_SHARED, ends[1].fds[0], 0);
		assert_ptr_not_equal(map, MAP_FAILED);
		*cursor = map;
	}
	ends[0].slow = ends[1].slow = slow;
	ends[1].last = last;
	assert_int_equal(spore__chan_create(&ends[1], &c), SPORE_OK);
	spore__pub_add(b->t, &ends[0], ++b->serial);
	return c;
}

struct spore_chan *pub_rig_wire(struct pub_rig *b, enum spore_slow slow, bool last)
{
	return wire(b, slow, last, NULL);
}

struct spore_chan *pub_rig_join_seen(struct pub_rig *b, enum spore_slow slow, bool last,
                                     const struct spore__cursor **cursor)
{
	struct spore_chan *c = wire(b, slow, last, cursor);
	assert_int_equal(spore_chan_flush(b->pub, SPORE_NOW), SPORE_OK); // it is taken
	return c;
}

struct spore_chan *pub_rig_join(struct pub_rig *b, enum spore_slow slow, bool last)
{
	return pub_rig_join_seen(b, slow, last, NULL);
}

void pub_rig_fill(unsigned char *bytes, size_t len, uint64_t number)
{
	for (size_t i = 0; i < len; i++)
		bytes[i] = (unsigned char)(number * 31 + i * 7 + (i >> 8));
	if (len >= sizeof number)
		memcpy(bytes, &number, sizeof number);
}

bool pub_rig_is_filled(const unsigned char *bytes, size_t len, uint64_t number)
{
	unsigned char *expected = malloc(len + 1);
	pub_rig_fill(expected, len, number);
	bool same = memcmp(bytes, expected, len) == 0;
	free(expected);
	return same;
}

void pub_rig_publish(struct pub_rig *b, size_t len, uint64_t number)
{
	unsigned char *bytes = malloc(len + 1);
	pub_rig_fill(bytes, len, number);
	assert_int_equal(spore_chan_send(b->pub, bytes, len, PATIENCE), SPORE_OK);
	free(bytes);
}

void pub_rig_expect(struct spore_chan *c, size_t len, uint64_t number)
{
	unsigned char *bytes = malloc(len + 1);
	size_t got;
	assert_int_equal(spore_chan_recv(c, bytes, len, &got, PATIENCE), SPORE_OK);
	assert_int_equal(got, len);
	assert_true(pub_rig_is_filled(bytes, len, number));
	free(bytes);
}

uint64_t pub_rig_dropped(const struct spore_chan *c)
{
	struct spore_chan_stats s;
	spore_chan_stats(c, &s);
	return s.dropped;
}
