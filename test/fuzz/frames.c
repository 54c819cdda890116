// What a peer may send over a stream, in pieces, received in every way.
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "chan/chan.h"
#include "target.h"

enum { HEAD = 4 };

// What is to be found: the messages as the grammar has them. Returns how the stream ends.
static enum spore_err expected(const uint8_t *data, size_t size, size_t *messages, size_t *bytes)
{
	for (*messages = *bytes = 0; size >= HEAD; ++*messages) {
		uint32_t len =
		    (uint32_t)data[0] | (uint32_t)data[1] << 8 | (uint32_t)data[2] << 16 | (uint32_t)data[3] << 24;
		if (len == UINT32_MAX)
			return SPORE_EEND;
		if (len > SPORE_CHAN_LARGEST)
			return SPORE_EMALFORMED;
		if (len > size - HEAD)
			return SPORE_ECLOSED;
		data += HEAD + len;
		size -= HEAD + len;
		*bytes += len;
	}
	return SPORE_ECLOSED;
}

static enum spore_err receive(struct spore_chan *c, unsigned how, size_t *messages, size_t *bytes)
{
	static unsigned char buffer[8192];
	const void *message;
	size_t len;
	enum spore_err e = how % 2 == 0 ? spore_chan_read(c, &message, &len, SPORE_NOW)
	                                : spore_chan_recv(c, buffer, how % 3 == 0 ? 3 : sizeof buffer, &len, SPORE_NOW);
	if (how % 2 == 1 && e == SPORE_ETOOBIG) {
		check(how % 3 == 0 || len > sizeof buffer);
		e = spore_chan_read(c, &message, &len, SPORE_NOW);
		how = 0;
	}
	if (e != SPORE_OK)
		return e;
	++*messages;
	*bytes += len;
	if (how % 2 == 0) {
		free(memcpy(malloc(len + 1), message, len)); // all of it can be read
		spore_chan_release(c);
	}
	return e;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	int pair[2];
	size_t wanted, wanted_bytes, messages = 0, bytes = 0;
	if (size == 0 || size > 16384)
		return 0;
	unsigned how = data[0]; // how large the pieces are, and how they are received
	size_t piece = 1 + how % 97;
	data++;
	size--;
	enum spore_err end = expected(data, size, &wanted, &wanted_bytes), e = SPORE_EAGAIN;
	check(socketpair(AF_UNIX, SOCK_STREAM, 0, pair) == 0);
	struct spore__channel_end mine = {.transport = "stream", .count = 1, .fds = {pair[0]}};
	struct spore_chan *c;
	check(spore__chan_create(&mine, &c) == SPORE_OK);
	for (size_t at = 0; at < size; at += piece) {
		size_t n = piece < size - at ? piece : size - at;
		if (send(pair[1], data + at, n, MSG_NOSIGNAL) < 0)
			break;
		while ((e = receive(c, how++, &messages, &bytes)) == SPORE_OK)
			;
	}
	close(pair[1]);
	while (e == SPORE_OK || e == SPORE_EAGAIN || e == SPORE_ENOMEM)
		e = receive(c, how++, &messages, &bytes);
	check(e == end && messages == wanted && bytes == wanted_bytes);
	spore_chan_close(c);
	return 0;
}
