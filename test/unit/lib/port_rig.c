#include "port_rig.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const struct spore__channel_sizes port_small = {.cells = PORT_SMALL, .heap = 65536, .large = 4 << 20};

bool port_rig_has_rings(void)
{
	struct spore__channel_end ends[2];
	if (spore__channel_make("ring", NULL, ends) == SPORE_EUNSUPPORTED) {
		puts("1..0 # SKIP no shared memory");
		return false;
	}
	for (int i = 0; i < 2; i++)
		spore__channel_end_close(&ends[i]);
	return true;
}

void port_rig_close(struct port_rig *t)
{
	spore_chan_close(t->p);
	t->p = NULL;
}

void port_rig_renew(struct port_rig *t, bool stateless)
{
	port_rig_close(t);
	*t = (struct port_rig){.transport = "ring"};
	assert_int_equal(spore__chan_create_port(&t->p), SPORE_OK);
	spore__chan_listen(t->p, -1, NULL, NULL, stateless);
}

static int set_up(void **state, bool stateless)
{
	struct port_rig *t = calloc(1, sizeof *t);
	assert_non_null(t);
	port_rig_renew(t, stateless);
	*state = t;
	return 0;
}

int port_rig_setup(void **state)
{
	return set_up(state, false);
}

int port_rig_setup_stateless(void **state)
{
	return set_up(state, true);
}

int port_rig_teardown(void **state)
{
	struct port_rig *t = *state;
	port_rig_close(t);
	free(t);
	return 0;
}

struct spore_chan *port_rig_wire(struct port_rig *t, bool redeliver)
{
	struct spore__channel_end ends[2];
	struct spore__transport *transport;
	struct spore_chan *peer;
	assert_int_equal(spore__channel_make(t->transport, t->sizes, ends), SPORE_OK);
	assert_int_equal(spore__channel_end_open(&ends[0], &transport), SPORE_OK);
	assert_int_equal(spore__chan_create(&ends[1], &peer), SPORE_OK);
	spore__chan_install(t->p, transport, "peer", ++t->serial, redeliver);
	return peer;
}

static unsigned char room[PORT_LARGEST];

static size_t length_of(uint64_t number, size_t most)
{
	static const size_t lengths[] = {8, 12, 200, 56, 8, 1016, 3000, 70000, 249, PORT_LARGEST, 48};
	size_t len = lengths[number % (sizeof lengths / sizeof lengths[0])];
	return len < most ? len : most;
}

static void fill(unsigned char *bytes, size_t len, uint64_t number)
{
	for (size_t i = 0; i < len; i++)
		bytes[i] = (unsigned char)(number * 31 + i * 7);
	memcpy(bytes, &number, sizeof number);
}

enum spore_err port_give(struct spore_chan *c, uint64_t number, size_t most, int timeout_ms)
{
	size_t len = length_of(number, most);
	void *at;
	fill(room, len, number);
	switch (number % 4) {
	case 0:
		return spore_chan_queue(c, room, len, timeout_ms);
	case 1:
		if (spore_chan_loan(c, len + 40, &at, timeout_ms) == SPORE_OK) {
			memcpy(at, room, len);
			return spore_chan_commit(c, len, timeout_ms);
		}
		return SPORE_EAGAIN;
	default:
		return spore_chan_send(c, room, len, timeout_ms);
	}
}

void port_take(struct spore_chan *c, uint64_t number, size_t most)
{
	static unsigned char got[PORT_LARGEST], expected[PORT_LARGEST];
	const void *data;
	size_t len, wanted = length_of(number, most);
	fill(expected, wanted, number);
	if (number % 3 == 0) {
		assert_int_equal(spore_chan_read(c, &data, &len, PORT_PATIENCE), SPORE_OK);
		assert_int_equal(len, wanted);
		assert_memory_equal(data, expected, len);
		spore_chan_release(c);
	} else {
		assert_int_equal(spore_chan_recv(c, got, sizeof got, &len, PORT_PATIENCE), SPORE_OK);
		assert_int_equal(len, wanted);
		assert_memory_equal(got, expected, len);
	}
}
