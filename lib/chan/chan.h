// A channel's end from within: a struct spore_chan over one transport, or over one transport after another (a port that was opened by its
// name: the node wires it, its peer goes and returns). lib/chan/port.c installs what the control connection brings.
#ifndef SPORE_LIB_CHAN_CHAN_H
#define SPORE_LIB_CHAN_CHAN_H

#include "chan/transport.h"

// A channel over END alone, whose descriptors it takes over in every case. It ends with its transport.
enum spore_err spore__chan_create(struct spore__channel_end *end, struct spore_chan **c);

// The same over T, which it takes over when it succeeds.
enum spore_err spore__chan_create_over(struct spore__transport *t, struct spore_chan **c);

// A port's end, not wired yet: it waits for spore__chan_install.
enum spore_err spore__chan_create_port(struct spore_chan **c);

// The following are for a port's end, from any thread; they do not wait.

// Wires it: T is the channel's in every case. The transport before is hung up; what arrived over it is received first, then both directions say
// SPORE_ERETURNED once and go on with T (not for the very first T). PEER (may be NULL) is copied. REDELIVER: what the peer had not
// released when it is gone is sent to the next.
void spore__chan_install(struct spore_chan *c, struct spore__transport *t, const char *peer, uint64_t serial,
                         bool redeliver);
// Likewise, when the peer is the one before, and goes on over T as well: what is on its way over the transport before is received first, to its end, and
// that end is told to nobody.
void spore__chan_install_moved(struct spore_chan *c, struct spore__transport *t, const char *peer, uint64_t serial,
                               bool redeliver);
// As spore__chan_install, T being a ring, when the peer has not opened its port yet: the end is not wired before the first ring of the bell of T, and is as it was when the
// peer goes before that.
void spore__chan_install_early(struct spore_chan *c, struct spore__transport *t, const char *peer, uint64_t serial,
                               bool redeliver);
// The peer of the channel SERIAL is about to be swapped (or, with ON false, is not any more): its end is not told, what it has not released
// is sent to the next.
void spore__chan_swap(struct spore_chan *c, uint64_t serial, bool on);
// Calls that receive say SPORE_EEND from now on, once nothing is lent.
void spore__chan_quiet(struct spore_chan *c);
// Hangs up the channel SERIAL, if it is the latest: the port is wired to nothing until the next install.
void spore__chan_unwire(struct spore_chan *c, uint64_t serial);
// Nobody will wire it any more: calls that would wait for that say WHY. What is wired goes on.
void spore__chan_end(struct spore_chan *c, enum spore_err why);

// A port's end that only sends or only receives: calls that go the other way say SPORE_EUNSUPPORTED. Before it is used.
void spore__chan_never(struct spore_chan *c, enum spore__way way);

// Of a channel over one end, before it is used.
void spore__chan_set_peer(struct spore_chan *c, const char *peer);
// TELL is called once for each peer (may be NULL) that broke the rules of TRANSPORT, in the call that finds it. NAME, of the port, is copied.
void spore__chan_tell_broken(struct spore_chan *c, const char *name,
                             void (*tell)(const char *name, const char *peer,
                                          const struct spore__transport_ops *transport));

// It is of a port of bytes. Likewise.
void spore__chan_set_bytes(struct spore_chan *c);

// What a wait of a port's end has to look at beside its own: FD is polled, and HEAR called when it is readable (by any thread). To be
// set before the end is used. HEAR may call the functions above; it may leave to another thread what that one hears, HEAR_ALL waits for it.
// STATELESS: of a peer that was swapped nothing is said.
void spore__chan_listen(struct spore_chan *c, int fd, void (*hear)(void), void (*hear_all)(void), bool stateless);

// Of the calls of this process that wait: some look at what they were given to listen to, or not. From any thread.
bool spore__chan_listens(void);
void spore__chan_listening(bool begins); // one that is not made here begins to wait, or ends

// ---- for one who turns a channel by itself (lib/rpc_*.c)

// As spore_chan_recv with SPORE_NOW, but the descriptor is not prepared for a wait (of a port of bytes it is). BRIEFLY: what is about to come is
// looked for some times more, as a wait would begin.
enum spore_err spore__chan_take(struct spore_chan *c, void *buffer, size_t size, size_t *len, bool briefly);
// False: that would find nothing. (It may, where this says true.)
bool spore__chan_has_next(const struct spore_chan *c);
// After that said SPORE_EAGAIN or SPORE_ENOTWIRED: waits until another try is worth while, for DEADLINE (nanoseconds of the monotonic clock; -1: for ever),
// or one of MORE (COUNT <= 2), whose revents are set. SPORE_OK, SPORE_ETIMEOUT, SPORE_ECANCELLED. [receive]
enum spore_err spore__chan_pause(struct spore_chan *c, int64_t deadline, struct pollfd *more, unsigned count);
// After it said so: the descriptor tells when another try is worth while. False: it is so already. [receive]
bool spore__chan_arm(struct spore_chan *c);
// Of what was wired: a number that is larger with each, of the one that this way is at, or was last. 0: nothing yet, or it is no port's end. In the way's thread.
uint64_t spore__chan_number(const struct spore_chan *c, enum spore__way way);
bool spore__chan_is_bytes(const struct spore_chan *c);
bool spore__chan_is_port(const struct spore_chan *c); // it may be wired anew
// What to poll for in place of spore_chan_fd, which an opened port has not everywhere. SENDS: for room as well. How many of P there are. In the thread of both ways.
enum { SPORE__CHAN_POLLS = 5 };
unsigned spore__chan_polls(const struct spore_chan *c, bool sends, struct pollfd p[SPORE__CHAN_POLLS]);
// The peer is told that this end is gone. [receive]
void spore__chan_hang_up(struct spore_chan *c);

#endif
