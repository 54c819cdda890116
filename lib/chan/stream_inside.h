// What stream.c (sending, waiting, making) and stream_receive.c share.
#ifndef SPORE_LIB_CHAN_STREAM_INSIDE_H
#define SPORE_LIB_CHAN_STREAM_INSIDE_H

#include <pthread.h>
#include <stdlib.h>

#include "chan/framing.h"
#include "chan/transport.h"

enum {
	SPORE__STREAM_IN = 64 * 1024,  // bytes that are received at a time
	SPORE__STREAM_SPARE = 1 << 20, // a buffer up to this is kept for the next message
};

struct spore__stream_buffer {
	struct spore__stream_buffer *next; // the next that is lent
	size_t size;
	_Alignas(16) unsigned char bytes[];
};

struct spore__stream {
	struct spore__transport base;
	const struct spore__framing *framing;
	int fd;

	// Sending. A thread that waits to receive sends what is left over as well, so there is a lock.
	pthread_mutex_t lock;
	enum spore_err out_err;
	unsigned char *out; // frames, owned; out_from to out_len are to be sent
	size_t out_from, out_len, out_size;
	const unsigned char *rest; // what comes behind it, not owned
	size_t rest_len;
	size_t tail; // bytes that the framing has behind that: 1 or 0
	bool finishing, finished;
	struct spore__stream_buffer *loan;
	int wake[2]; // spore__io_wake: of the thread that waits to receive, from its first wait on
	bool dozes;  // it waits, and does not look whether more can be sent

	// Receiving
	enum spore_err in_err;
	unsigned char *in;
	size_t in_from, in_len, in_size;
	bool in_end; // nothing comes behind it
	bool head;   // of the current message is known
	size_t len, got;
	size_t in_tail;                     // bytes behind it
	size_t looked;                      // for its end
	bool skips;                         // it is thrown away
	struct spore__stream_buffer *whole; // where the current message is put together; may be NULL
	struct spore__stream_buffer *lent, *lent_last, *spare;
	unsigned lent_count;

	atomic_bool want_in, want_out, pending;
};

static inline struct spore__stream_buffer *spore__stream_buffer_create(size_t size)
{
	struct spore__stream_buffer *b = malloc(sizeof *b + size);
	if (b != NULL) {
		b->size = size;
		b->next = NULL;
	}
	return b;
}

// ---- stream_receive.c

enum spore_err spore__stream_read(struct spore__transport *t, const void **data, size_t *len);
enum spore_err spore__stream_copy(struct spore__transport *t, void *buffer, size_t size, size_t *len);
void spore__stream_release(struct spore__transport *t);
enum spore_err spore__stream_skip(struct spore__transport *t, size_t *len);
// What was received of a message, and lies in BUFFER, is kept.
enum spore_err spore__stream_keep_received(struct spore__stream *s, const void *buffer);

#endif
