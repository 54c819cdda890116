// Transports: what carries the messages of one channel between its two ends. Each is one file, whose ops alone leave it;
// spore__transports lists them, and test/unit/lib/transport_rig.c runs every case over each of them.
//
// The one for publishing and subscribing is not among them, since it goes one way: pub.h.
//
// A channel is made once, by spore__channel_make (the node does it, so do tests); this gives two ends, which are nothing but descriptors and
// a name. Each end is opened by the process that it was passed to, exactly once. The maker closes its copies, and needs nothing more.
//
//	struct spore__channel_end ends[2];
//	spore__channel_make("ring", NULL, ends);
//	send the descriptors of ends[1] to the other process; spore__channel_end_close(&ends[1]);
//	spore__channel_end_open(&ends[0], &transport);             // or: spore__chan_create(&ends[0], &chan), lib/chan/chan.h
#ifndef SPORE_LIB_CHAN_TRANSPORT_H
#define SPORE_LIB_CHAN_TRANSPORT_H

#include <poll.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "spore/chan.h"

enum {
	SPORE__END_FDS = 3,
	SPORE__END_EXTRA = 5, // descriptors that a wait looks at beside the transport's own
};

// One end of a channel that nobody has opened yet. Travels as transport, role, and descriptors in this order.
struct spore__channel_end {
	const char *transport; // a name in spore__transports; static
	int role;              // which of the two, 0 or 1
	int count; // of fds: the transport's `fds`; one more of a subscription that another end was for (pub.h)
	int fds[SPORE__END_FDS]; // owned
	enum spore_slow slow;    // of a subscription
	bool last;               // ... of its subscriber: it begins with the last message
};

// Sizes of a channel that is being made; zeroed: the defaults. What an end finds in memory that it was passed is checked by itself.
struct spore__channel_sizes {
	uint32_t cells; // of 64 bytes, per direction; a power of two, 64 to 65536
	uint32_t heap;  // bytes for messages of a few hundred bytes to heap / 4; a power of two, from 64 KiB to 256 MiB
	uint64_t large; // bytes for larger ones, in pages; no memory until it is used
};

struct spore__transport;
struct spore__framing; // chan/framing.h

enum spore__way {
	SPORE__RECEIVE = 0,
	SPORE__SEND = 1,
};

// Unless said otherwise, no call waits: SPORE_EAGAIN means that there is no room or no message. Errors that end the transport (SPORE_ECLOSED,
// SPORE_EMALFORMED, and for receiving SPORE_EEND) stay. Calls of the way SPORE__SEND are made by one thread at a time, those of SPORE__RECEIVE
// likewise, both at once. Every member has to be there, unless it says when not.
//
// A stream may take or bring a message in part. Then send, commit, finish and copy say SPORE_EBUSY: they have begun, and use the caller's memory;
// flush (sending) and the same copy (receiving) go on with it, and say SPORE_EBUSY until it is done. A caller that will not wait so
// long calls keep, and then need not do more: what was begun is sent later, or is found by read or copy.
struct spore__transport_ops {
	const char *name;
	int fds;          // descriptors of an end
	bool needs_linux; // false: plain POSIX has it too
	// Of a stream, else NULL. Where it is `plain` the peer may be any program.
	const struct spore__framing *framing;

	// A new channel; SIZES is not NULL. SPORE_EUNSUPPORTED: not on this machine.
	enum spore_err (*make)(const struct spore__channel_sizes *sizes, struct spore__channel_end ends[2]);
	// Takes the descriptors over when it succeeds. Does not trust them: SPORE_EINVALID when they are not such an end, SPORE_EVERSION when
	// the layout is another.
	enum spore_err (*open)(const struct spore__channel_end *end, struct spore__transport **t);
	// Closes and frees. The peer finds what was published, then that this end is gone.
	void (*destroy)(struct spore__transport *t);
	// The peer is told that this end is gone, though messages that have arrived can still be received. From any thread.
	void (*hang_up)(struct spore__transport *t);
	// Before that, from any thread: everything that was sent will be received here nevertheless, so the peer lost nothing, and has nothing to send
	// to another one. NULL: peers do not ask.
	void (*reads_on)(struct spore__transport *t);

	// ---- sending
	// Queues with MORE true: it need not be published yet.
	enum spore_err (*send)(struct spore__transport *t, const void *data, size_t len, bool more);
	enum spore_err (*loan)(struct spore__transport *t, size_t size, void **data);
	// LEN is at most the loan's. Never SPORE_EAGAIN. The loan is over.
	enum spore_err (*commit)(struct spore__transport *t, size_t len);
	void (*abandon)(struct spore__transport *t);
	// Publishes. SPORE_EBUSY: bytes have not left yet.
	enum spore_err (*flush)(struct spore__transport *t);
	enum spore_err (*finish)(struct spore__transport *t);
	uint64_t (*lost)(struct spore__transport *t);            // messages that a peer which is gone had not released
	size_t (*subscribers)(const struct spore__transport *t); // of a publisher, from any thread; else NULL
	// The oldest message that a peer which is gone had not released, and that this has not said before; valid until the next call.
	// SPORE_EEND: behind them this end had finished. SPORE_ECLOSED: there are no more. SPORE_EBUSY: the peer is not gone. Other
	// errors: there are more, which cannot be had. NULL: the transport does not know what its peer released.
	enum spore_err (*left)(struct spore__transport *t, const void **data, size_t *len);
	bool (*gone)(const struct spore__transport *t); // it is known that the peer is; from any thread. NULL: never

	// ---- receiving
	enum spore_err (*read)(struct spore__transport *t, const void **data, size_t *len);
	// Takes the next message into BUFFER; SPORE_ETOOBIG when SIZE is less than *LEN, and it stays. Nothing is lent meanwhile.
	enum spore_err (*copy)(struct spore__transport *t, void *buffer, size_t size, size_t *len);
	void (*release)(struct spore__transport *t); // the oldest that is lent
	// Throws the next message away; *LEN is its length. Takes no memory for it. What has not come yet of it is thrown away when it comes.
	// Nothing is lent meanwhile.
	enum spore_err (*skip)(struct spore__transport *t, size_t *len);

	// Of what was begun in this way nothing of the caller's memory is used any more; BUFFER is that of copy. SPORE_ECLOSED:
	// there was no memory for it, and the transport has ended.
	enum spore_err (*keep)(struct spore__transport *t, enum spore__way way, const void *buffer);

	// ---- waiting; none of these changes what the calls above would say
	// Waits for a change: until DEADLINE (nanoseconds of the monotonic clock; -1: for ever), or until one of EXTRA (COUNT <= SPORE__END_EXTRA) is
	// ready, whose revents are set (zero them first). SPORE_OK: worth another try, perhaps. SPORE_ETIMEOUT, SPORE_ECANCELLED (a signal).
	enum spore_err (*wait)(struct spore__transport *t, enum spore__way way, int64_t deadline, struct pollfd *extra,
	                       unsigned count);
	// Prepares for a wait on the descriptor. False: try again first.
	bool (*arm)(struct spore__transport *t, enum spore__way way);
	// WAY is over, and waits for nothing any more. Is the descriptor still to be polled for the other one? NULL: it is not.
	bool (*leave)(struct spore__transport *t, enum spore__way way);
	int (*fd)(const struct spore__transport *t);
	short (*events)(const struct spore__transport *t);
};

// The base of each transport's own struct.
struct spore__transport {
	const struct spore__transport_ops *ops;
	_Atomic uint64_t slept; // waits that ended in sleep
	_Atomic uint64_t
	    dropped; // messages that were overwritten before they were received: of a subscriber, of all of a publisher's
	atomic_bool
	    untold; // after wait, arm and leave: the descriptor should be readable for the other way, and could not be made so
	int64_t spin; // nanoseconds that a wait spins before it yields and sleeps; 0: it sleeps at once
};

extern const struct spore__transport_ops spore__ring_ops;
extern const struct spore__transport_ops *const spore__transports[]; // ended by NULL; the best first
const struct spore__transport_ops *spore__transport_find(const char *name,
                                                         size_t len); // "publication" too. NULL: no such

// SIZES may be NULL. Both ends are the caller's. SPORE_ENOTFOUND: no such transport. SPORE_EUNSUPPORTED, SPORE_ENOMEM, SPORE_ESYSTEM (errno).
enum spore_err spore__channel_make(const char *transport, const struct spore__channel_sizes *sizes,
                                   struct spore__channel_end ends[2]);
// Takes the descriptors over in every case.
enum spore_err spore__channel_end_open(struct spore__channel_end *end, struct spore__transport **t);
// Closes the descriptors; the end is empty then. Of an empty end it does nothing.
void spore__channel_end_close(struct spore__channel_end *end);

#endif
