// Channels of libspore.
#include <stdlib.h>
#include <string.h>

#include "chan/chan.h"
#include "chan/inside.h"
#include "channels.h"

enum { SECOND = 1000000000 };

struct end {
	struct spore_chan *c;
};

static void check(enum spore_err e, const char *what)
{
	if (e != SPORE_OK)
		fail(what);
}

static void *make_with(const char *transport)
{
	struct spore__channel_end *ends = calloc(2, sizeof *ends);
	if (spore__channel_make(transport, NULL, ends) != SPORE_OK) {
		free(ends);
		return NULL;
	}
	return ends;
}

static void *make_ring(size_t size)
{
	return make_with("ring");
}

static void *make_stream(size_t size)
{
	return make_with("stream");
}

static struct end *open_with(void *made, int role, int64_t spin)
{
	struct spore__channel_end *ends = made;
	struct end *e = calloc(1, sizeof *e);
	check(spore__chan_create(&ends[role], &e->c), "open");
	spore__channel_end_close(&ends[1 - role]);
	if (spin >= 0)
		e->c->ways[SPORE__SEND].use->t->spin = spin;
	return e;
}

static struct end *open_adaptive(void *made, int role, size_t size)
{
	return open_with(made, role, -1);
}

static struct end *open_spinning(void *made, int role, size_t size)
{
	return open_with(made, role, SECOND);
}

static struct end *open_blocking(void *made, int role, size_t size)
{
	return open_with(made, role, 0);
}

static void send_copy(struct end *e, const void *data, size_t len, bool more)
{
	if (more)
		check(spore_chan_queue(e->c, data, len, SPORE_FOREVER), "queue");
	else
		check(spore_chan_send(e->c, data, len, SPORE_FOREVER), "send");
}

static void receive_copy(struct end *e, void *buffer, size_t size)
{
	size_t len;
	check(spore_chan_recv(e->c, buffer, size, &len, SPORE_FOREVER), "receive");
}

// The reader adds the message up where it lies.
static void receive_in_place(struct end *e, void *buffer, size_t size)
{
	const void *data;
	size_t len;
	uint64_t sum[4] = {0};
	check(spore_chan_read(e->c, &data, &len, SPORE_FOREVER), "read");
	const uint64_t *words = data;
	for (size_t i = 0; i + 4 <= len / 8; i += 4) {
		for (int k = 0; k < 4; k++)
			sum[k] += words[i + (size_t)k];
	}
	sum[0] += sum[1] + sum[2] + sum[3];
	memcpy(buffer, sum, size < 8 ? size : 8);
	spore_chan_release(e->c);
}

static void send_untouched(struct end *e, const void *data, size_t len, bool more)
{
	void *loan;
	check(spore_chan_loan(e->c, len, &loan, SPORE_FOREVER), "loan");
	check(spore_chan_commit(e->c, len, SPORE_FOREVER), "commit");
}

static void receive_untouched(struct end *e, void *buffer, size_t size)
{
	const void *data;
	size_t len;
	check(spore_chan_read(e->c, &data, &len, SPORE_FOREVER), "read");
	spore_chan_release(e->c);
}

static void close_chan(struct end *e)
{
	spore_chan_close(e->c);
	free(e);
}

static void finish(void *made)
{
	struct spore__channel_end *ends = made;
	for (int i = 0; i < 2; i++)
		spore__channel_end_close(&ends[i]);
	free(made);
}

const struct candidate spinning = {.name = "spore, spinning",
                                   .spins = true,
                                   .make = make_ring,
                                   .open = open_spinning,
                                   .send = send_copy,
                                   .receive = receive_copy,
                                   .close = close_chan,
                                   .finish = finish};
const struct candidate adaptive = {.name = "spore",
                                   .make = make_ring,
                                   .open = open_adaptive,
                                   .send = send_copy,
                                   .receive = receive_copy,
                                   .close = close_chan,
                                   .finish = finish};
const struct candidate blocking = {.name = "spore, blocking",
                                   .make = make_ring,
                                   .open = open_blocking,
                                   .send = send_copy,
                                   .receive = receive_copy,
                                   .close = close_chan,
                                   .finish = finish};
const struct candidate in_place = {.name = "spore, read in place",
                                   .make = make_ring,
                                   .open = open_adaptive,
                                   .send = send_copy,
                                   .receive = receive_in_place,
                                   .close = close_chan,
                                   .finish = finish};
const struct candidate untouched = {.name = "spore, loan untouched",
                                    .make = make_ring,
                                    .open = open_adaptive,
                                    .send = send_untouched,
                                    .receive = receive_untouched,
                                    .close = close_chan,
                                    .finish = finish};
const struct candidate our_stream = {.name = "spore, over a stream",
                                     .make = make_stream,
                                     .open = open_adaptive,
                                     .send = send_copy,
                                     .receive = receive_copy,
                                     .close = close_chan,
                                     .finish = finish};
