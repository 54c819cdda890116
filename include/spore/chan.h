// Channels: a port of this task, opened by its name, and the duplex connection to whatever it is wired to. Messages of 0 bytes to 1 GiB, in
// order, with back-pressure. Whether the peer is a neighbour (shared memory) or far away (a stream) is not the program's concern.
//
//	#include <spore/chan.h>
//
//	struct spore_chan *c;
//	if (spore_chan_open("questions", NULL, &c) != SPORE_OK) ...
//	spore_chan_send(c, "how are you?", 12, SPORE_FOREVER);
//	const void *answer;
//	size_t len;
//	while (spore_chan_read(c, &answer, &len, 5000) == SPORE_OK) {    // in place, without a copy
//		use(answer, len);
//		spore_chan_release(c);
//	}
//	spore_chan_close(c);
//
// Threads: of one channel one thread may send while another receives; neither takes a lock. The functions are marked [send], [receive] or
// [any]: [send] ones are for one thread at a time, [receive] ones likewise. [close] needs both to be out of the channel. Different channels
// have nothing in common. Ports are opened and closed in any thread. No function may be called from a signal handler. A child made by fork must
// leave the channels of its parent alone; while it lives without executing another program, peers do not see the parent's end.
// With the first port the library begins a thread of its own, which blocks all signals, hears what becomes of ports, and lives as long as the
// program.
// Another one is there while memory of messages over 32 MiB that this program sent can be used again, a second after the last.
// What is set for one thread only has to be set before (Landlock, capabilities, a seccomp filter without TSYNC). So is a user namespace to be entered
// before: the kernel refuses that (unshare, setns: EINVAL) to a program with more than one thread.
// No descriptor of the library is 0, 1 or 2, also where the program has closed these.
//
// Time-outs are in milliseconds: SPORE_FOREVER, SPORE_NOW (never waits), or how long at most. A wait spins for some microseconds, yields,
// and sleeps. A signal handler that ran in the thread that waits ends its wait with SPORE_ECANCELLED. Two waits may go on nevertheless: one for
// ever, when the handler was set with SA_RESTART, and one of two threads that both wait on one channel. Who wants to be woken up for certain
// gives a time-out, or polls.
//
// What a call that sends or receives may say beside SPORE_OK:
//	SPORE_EAGAIN      SPORE_NOW was asked for, and there is no message, or no room
//	SPORE_ETIMEOUT    the time is over
//	SPORE_ENOTWIRED   the same two, while the port is wired to nothing or its peer is not there: an open port waits for that
//	SPORE_EEND        receive: the peer finished; everything that it sent was received. A plain program's end is the same. Also
//	                  when this program is swapped for another and takes no stop request (spore_stop_requested): what it did not
//	                  receive goes to the other one, and it should end
//	SPORE_ECLOSED     the peer is gone without having finished, or this end was closed. What it had sent completely was received
//	                  before. An open port says it once for each direction, then waits for the peer to return; what was sent and
//	                  not received is counted (spore_chan_stats). On an accepted channel it stays, and so it does when this program
//	                  was asked to stop: no other peer comes then, nor does one to a port that is wired to nothing. A thread of
//	                  the library's own notices the end: what a call sends in the moment until then is lost, and counted, though it
//	                  said SPORE_OK. spore_chan_flush and spore_chan_finish say it where something was lost
//	SPORE_ERETURNED   an open port's peer (or another one) has come; said once for each direction before anything of it is
//	                  received or sent to it. The call did nothing else: start whatever the two had agreed upon anew. How the
//	                  one before ended (SPORE_ECLOSED, receiving also SPORE_EEND) was said before, also when both are news.
//	                  When the peer was swapped (`spore restart --swap`) neither SPORE_ECLOSED nor SPORE_EEND comes before it, what the
//	                  one before had not received goes to the new one first, and with the option `stateless` not even this is said
//	SPORE_ETOOBIG     send: over SPORE_CHAN_LARGEST, or over what the transport takes (16 MiB to a plain program that takes lines or
//	                  netstrings). receive: over the buffer; the message stays: a larger buffer, spore_chan_read or spore_chan_skip
//	SPORE_ENOMEM      no memory for a message of this size; the channel is as before. receive: the message stays, and is the next one again
//	                  until there is memory for it, or spore_chan_skip throws it away
//	SPORE_EBUSY       send: a loan is out, which is to be committed or abandoned first. receive: messages are read in place, and are to be
//	                  released first
//	SPORE_EINVALID    send: the peer is a plain program that takes lines, and there is a newline in the message
//	SPORE_EMALFORMED  the peer broke the rules; the channel is closed
//	SPORE_ECANCELLED  a signal. And, where the program takes stop requests (it called spore_stop_requested, spore_stop_fd or the
//	                  like), that it was asked to stop or is swapped: each direction, and spore_port_accept, say it once, in the
//	                  first call that would wait, or a wait ends with it. So none is missed between a look for the request and
//	                  a wait. What is left can be sent and received afterwards; with SPORE_NOW nothing changes
//	SPORE_EUNSUPPORTED  a publisher received, or a subscriber sent
//	SPORE_ESYSTEM     the operating system refused to wait (errno): no memory in the kernel
//
// Publish and subscribe: what is published goes to every subscriber, each of which reads it where it lies. A publisher is never not wired, and
// hears nothing of who subscribes (spore_chan_stats); it waits for subscribers that asked for SPORE_SLOW_BLOCK, as long as its time-out says,
// and for no other. A subscriber begins with what is published after it was wired, or with the last message before; it says SPORE_ECLOSED and
// SPORE_ERETURNED of its publisher as above. One that was too slow for SPORE_SLOW_DISCONNECT, or had no descriptor or memory left, says
// SPORE_ECLOSED, and is not wired until it opens its port again, or the publisher returns. `slow` of the wire (in spore.yaml, or of `spore wire`)
// goes before what the program says.
// What spore_chan_read lends is the publisher's memory with SPORE_SLOW_BLOCK, and a copy otherwise or when it is large.
#ifndef SPORE_CHAN_H
#define SPORE_CHAN_H

#include <spore/spore.h>

#ifdef __cplusplus
extern "C" {
#endif

struct spore_chan; // one end of a channel
struct spore_port; // a port that many may connect to

#define SPORE_FOREVER (-1)
#define SPORE_NOW 0
#define SPORE_CHAN_LARGEST ((size_t)1 << 30) // bytes of a message

// ---- opening

enum spore_shape {
	SPORE_CONNECT = 1, // one peer
	SPORE_SERVE = 2,   // a channel per client: spore_port_open
	SPORE_PUBLISH =
	    3, // sends only, to any number of subscribers; also to none: the last message stays for those that come. Of a
	       // program that takes the place of one that still runs (a swap) it is wired when that one is gone
	SPORE_SUBSCRIBE = 4, // receives only
};

// What a subscriber wants to happen when it is slow.
enum spore_slow {
	SPORE_SLOW_BLOCK = 0,      // the publisher waits
	SPORE_SLOW_DROP = 1,       // it loses the oldest messages, which is counted at both ends
	SPORE_SLOW_DISCONNECT = 2, // it is cut off
};

// Zeroed: a messages port of the shape connect.
struct spore_chan_options {
	enum spore_shape shape; // 0: SPORE_CONNECT
	const char *
	    protocol; // what is spoken, as "rpc"; may be NULL. At most 255 bytes; not needed any more once the port is open
	enum spore_slow slow; // SPORE_SUBSCRIBE, unless its wire says otherwise
	bool last;            // SPORE_SUBSCRIBE: begin with the last message that was published, if there is one
	// Not of spore_port_open: each message stands for itself; that the peer was swapped is not reported (no SPORE_ERETURNED).
	bool stateless;
	// Of SPORE_CONNECT and spore_port_open: a port of bytes, for peers that know no messages. What is sent may arrive in other pieces, none
	// empty (nothing is sent of an empty one); spore_chan_recv gives what is there, up to the size of its buffer.
	bool bytes;
};

// Opens the port PORT of this task. Does not wait for its peer: the first call that sends or receives does. Where the hold is behind it waits as
// spore_log_record does. OPTIONS may be NULL. *C is the caller's: spore_chan_close.
// SPORE_ENOTFOUND: the program was not started by spore, or has closed the descriptor that it got from it, so nobody can wire it. SPORE_EEXISTS: it
// is open. SPORE_EINVALID: no name of a port (1 to 63 letters, digits, - and _, of which a letter or digit is the first; not stdin, stdout,
// stderr or stdio), an option that makes no sense, or the shape SPORE_SERVE. SPORE_ESYSTEM: no descriptor is left (`limits: { files: N }`): a port
// takes three, one that serves two, one that publishes seven, and one more for each subscriber; a channel over shared memory takes three, over a
// stream two, of a subscriber two. SPORE_ENOMEM. SPORE_EUNSUPPORTED: SPORE_PUBLISH or SPORE_SUBSCRIBE without shared memory (plain POSIX).
// What spore refuses is said in the program's log, and by its calls in place of SPORE_ENOTWIRED: SPORE_EEXISTS, the task's manifest has a named port
// of this name; SPORE_EBUSY, 1024 ports are open.
SPORE_EXPORT enum spore_err spore_chan_open(const char *port, const struct spore_chan_options *options,
                                            struct spore_chan **c);

// Opens a port that many may connect to. Of OPTIONS, which may be NULL, `protocol` and `bytes` count. Errors as of spore_chan_open. *P is the
// caller's: spore_port_close.
SPORE_EXPORT enum spore_err spore_port_open(const char *port, const struct spore_chan_options *options,
                                            struct spore_port **p);
// The next client's channel, which is the caller's (spore_chan_close) and may be used in another thread. Waits TIMEOUT_MS at most. SPORE_EAGAIN (with
// SPORE_NOW), SPORE_ETIMEOUT: none. SPORE_ECANCELLED: as above. SPORE_ECLOSED: nor will there be one. SPORE_ESYSTEM: as above.
// [one thread at a time]
SPORE_EXPORT enum spore_err spore_port_accept(struct spore_port *p, int timeout_ms, struct spore_chan **c);
// Readable when spore_port_accept may have a client. Borrowed. -1 when descriptors ran out, and on plain POSIX. [any]
SPORE_EXPORT int spore_port_fd(const struct spore_port *p);
// Takes no more clients; the channels accepted go on, those that were not are closed. Waits for the hold as spore_chan_open does. NULL is fine.
// No other thread may be in spore_port_accept.
SPORE_EXPORT void spore_port_close(struct spore_port *p);

// Closes both directions without waiting, but for the hold, as spore_chan_open does, for the end of a peer that is swapped (a second at most), and
// for an open port of a program that was asked to stop since it is swapped: there up to two seconds (in all) until its peer has received what was
// sent, which nobody else could send again. A peer that reads gets all that was sent before (on a stream what spore_chan_flush has not waited for
// may be lost), after a swap also what the one before had not received, then SPORE_EEND when spore_chan_finish was called, and SPORE_ECLOSED
// otherwise. What was lent (loan, read in place) is invalid. NULL is fine. [close]
// An open port that the program does not close before it returns from main, or calls exit, is closed like this, unless another thread is in a
// call that sends. A channel that was accepted is not: what was queued there has to be flushed.
SPORE_EXPORT void spore_chan_close(struct spore_chan *c);

// ---- sending

// Sends a copy of LEN bytes; waits for room, TIMEOUT_MS at most. DATA may be NULL when LEN is 0. On an error nothing was sent; a message of which a
// part has left when the time is over (on a stream) is sent, and SPORE_OK: the rest follows as there is room, while this end makes calls or waits
// for messages. [send]
SPORE_EXPORT enum spore_err spore_chan_send(struct spore_chan *c, const void *data, size_t len, int timeout_ms);

// As spore_chan_send, but the peer need not see the message before the next spore_chan_send, spore_chan_commit, spore_chan_flush or
// spore_chan_finish: many small messages cost much less. When there is no room, what is queued is published before it waits. [send]
SPORE_EXPORT enum spore_err spore_chan_queue(struct spore_chan *c, const void *data, size_t len, int timeout_ms);
// Publishes what was queued. On a stream it also waits until the bytes have left this process; a ring or a publication never makes it wait. Without
// a peer there is nothing to publish: SPORE_OK. [send]
SPORE_EXPORT enum spore_err spore_chan_flush(struct spore_chan *c, int timeout_ms);

// Lends SIZE bytes of the channel's own memory (aligned to 8) to be filled and sent without a copy. Their content is undefined, what is not
// filled included: of a loan only what was written should be committed. Waits for room as spore_chan_send does. At most one loan at a time; while
// it is out nothing else is sent either: SPORE_EBUSY. [send]
SPORE_EXPORT enum spore_err spore_chan_loan(struct spore_chan *c, size_t size, void **data, int timeout_ms);
// Sends the first LEN bytes of the loan; LEN over its size, or no loan, is SPORE_EINVALID. The loan is over in every case but this. On another
// error the message was not sent. Waits on a stream only, TIMEOUT_MS at most. [send]
SPORE_EXPORT enum spore_err spore_chan_commit(struct spore_chan *c, size_t len, int timeout_ms);
// Gives the loan back. Without one it does nothing. [send]
SPORE_EXPORT void spore_chan_abandon(struct spore_chan *c);

// Half-close: nothing more will be sent to this peer, which gets SPORE_EEND behind the last message (what was queued is published). Waits for room
// as spore_chan_send does. Calls that send say SPORE_ECLOSED while the peer is there; receiving goes on. To finish again does nothing. The next
// peer of an open port (SPORE_ERETURNED) has a channel of its own, which is not finished; but one that goes on where the one before was swapped,
// or had not received everything (`redeliver`), is told of the end as that one was. [send]
SPORE_EXPORT enum spore_err spore_chan_finish(struct spore_chan *c, int timeout_ms);

// ---- receiving

// Copies the next message into BUFFER of SIZE bytes; *LEN is its length, also with SPORE_ETOOBIG, when it stays and nothing is copied (of a port
// of bytes as much as there is room for, at least one byte, is copied; SIZE 0 is SPORE_EINVALID there).
// Not while messages are read in place: SPORE_EBUSY. [receive]
SPORE_EXPORT enum spore_err spore_chan_recv(struct spore_chan *c, void *buffer, size_t size, size_t *len,
                                            int timeout_ms);

// Lends the next message (aligned to 8) until spore_chan_release; waits for one, TIMEOUT_MS at most. Several may be lent at a time; the peer runs
// out of room with them, of large ones with the fourth, or more up to 16 MiB. SPORE_EBUSY: 1024 are lent (of a publication 256), or 16 large
// ones. Also when the channel of what is lent is over, and the next one cannot be gone on with before it is given back.
// A malicious peer can change the bytes meanwhile: parse a private copy, or nothing that depends on a value read twice. [receive]
SPORE_EXPORT enum spore_err spore_chan_read(struct spore_chan *c, const void **data, size_t *len, int timeout_ms);
// Gives the oldest message that is lent back. Without one it does nothing. [receive]
SPORE_EXPORT void spore_chan_release(struct spore_chan *c);

// Throws the next message away, as if it had been received: one that a buffer is too small for (SPORE_ETOOBIG), or for which there is no memory
// (SPORE_ENOMEM), and which would be the next for ever. It needs no memory itself, but for a line or netstring of a plain program, which it takes
// in first. Of another message of which only a part has come it does not wait for the rest, which is thrown away when it comes. Of a port of
// bytes: the chunk, or what is left of it. Waits for a message, TIMEOUT_MS at most.
// A subscriber that loses messages when it is slow may have lost that one meanwhile: then it is the one after it.
// Not while messages are read in place: SPORE_EBUSY. [receive]
SPORE_EXPORT enum spore_err spore_chan_skip(struct spore_chan *c, int timeout_ms);

// ---- polling
//
//	while ((e = spore_chan_recv(c, buffer, sizeof buffer, &len, SPORE_NOW)) == SPORE_EAGAIN || e == SPORE_ENOTWIRED) {
//		struct pollfd p = {.fd = spore_chan_fd(c), .events = spore_chan_events(c)};
//		poll(&p, 1, -1);
//	}

// A descriptor for poll and epoll, the same for the life of the channel. It becomes ready when a call with SPORE_NOW that said SPORE_EAGAIN
// or SPORE_ENOTWIRED is worth another try; it may be ready for other reasons, and stays so until that call is made. Borrowed: do
// not read or close it. -1 when descriptors ran out, and for an opened port on plain POSIX. One thread polls, for both directions: a call with
// SPORE_NOW in another one may take what this one would have been woken by. Where two threads wait, they do it in calls with a timeout.
// An accepted channel that is polled for both directions needs /proc, and now and then one free descriptor for a moment. [any]
SPORE_EXPORT int spore_chan_fd(const struct spore_chan *c);
// What to poll it for: POLLIN, and POLLOUT where room is waited for on a stream. Changes with each call that sends or receives. [any]
SPORE_EXPORT short spore_chan_events(const struct spore_chan *c);

// ---- state

enum spore_chan_state {
	SPORE_CHAN_UNWIRED = 0, // no peer; an open port waits for one
	SPORE_CHAN_WIRED = 1,
	SPORE_CHAN_GONE =
	    2, // the peer is gone: nothing more comes of it than what has arrived; an open port's next calls say so
};

struct spore_chan_stats {
	enum spore_chan_state state;
	// "ring", "publication", "stream", a plain peer's framing ("lines", "bytes"...); "" when it is not wired. Static
	const char *transport;
	uint64_t sent; // messages
	uint64_t sent_bytes;
	uint64_t received;
	uint64_t received_bytes;
	uint64_t lost; // sent, but the peer went before it had released them (a stream cannot know: 0); known
	               // once a call that sends has found the peer gone
	uint64_t
	    dropped;    // subscriber: overwritten before they were received; publisher: by all subscribers, as they say
	uint64_t slept; // waits that ended in sleep
	uint64_t subscribers; // publisher: that there are now; one that left is counted until the next call that sends
	uint64_t redelivered; // sent again to the next peer, since the one before had not released them
};

// [any]; the counts of the other thread's direction may be a little behind.
SPORE_EXPORT void spore_chan_stats(const struct spore_chan *c, struct spore_chan_stats *stats);

// The peer's full name as "system/task.port", "" when it is not known, and of a publisher. Valid until the next call that receives. [receive]
SPORE_EXPORT const char *spore_chan_peer(const struct spore_chan *c);

#ifdef __cplusplus
}
#endif

#endif
