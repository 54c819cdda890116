// Where a program's words go: to its hold (SPORE_FD), to systemd (NOTIFY_SOCKET), or to standard error. One for the process.
// Private to libspore. Every function may be called from any thread.
#ifndef SPORE_LIB_CONNECTION_H
#define SPORE_LIB_CONNECTION_H

#include <stdbool.h>

#include "control.h"

// The socket to the hold; -1 when there is none, or in a child made by fork. It stays open, and the same, whatever becomes of the hold, until the
// program closes it, as one does that closes all descriptors it does not know: then it is -1 from the next look on, whatever has the number by now.
int spore__connection_fd(void);

// Builds one frame under the lock with PUT(w, ARG) and hands it on: to the hold, or, when there is none, to WITHOUT (may be
// NULL) as a decoded message. May wait as the header says of spore_log_record.
void spore__connection_say(void (*put)(struct spore__msgpack_writer *w, const void *arg), const void *arg,
                           void (*without)(const struct spore__control_message *m));

// The same with COUNT descriptors, which stay the caller's and go with the first byte of the frame. Where they cannot, since the hold has not read for
// long or too many are under way, the frame is PUT(w, BARE), which does not speak of them.
void spore__connection_say_with(void (*put)(struct spore__msgpack_writer *w, const void *arg), const void *arg,
                                const void *bare, const int *fds, unsigned count);

// Takes what the hold has said so far; does not wait. True when it asked to stop, or is gone.
bool spore__connection_heard_stop(void);
bool spore__connection_was_asked(void);  // likewise, as far as was taken before
bool spore__connection_is_swapped(void); // it was asked to stop because another instance takes over
bool spore__connection_is_beside(
    void); // the instance in whose place it was started runs still: it publishes nothing yet
void spore__connection_is_alone(void); // it does not any more
// Likewise; what another thread takes at this moment has been taken too when it returns.
void spore__connection_hear_all(void);
// Likewise at the end of the program, which may have come while another part of it does the same: for that it waits MS milliseconds at most.
void spore__connection_hear_last(int ms);
// Nothing more is to be heard of the hold: it asked to stop, is gone, or the socket is.
bool spore__connection_is_over(void);

// Waits until the hold has said something, or ALSO (-1: none) can be read. False: nothing more can be heard of the hold.
bool spore__connection_wait(int also);

// The hold's configuration value, NULL when there is none. Waits up to five seconds for the hold's hello.
const char *spore__connection_config(const char *key);

// Writes a line to standard error without being killed by SIGPIPE.
void spore__connection_print(const char *line, size_t len);
// Writes "spore: WHAT: WHY" there.
void spore__connection_complain(const char *what, const char *why);

// Sends one datagram to systemd, when it started the program and there is no hold.
void spore__connection_notify(const char *text);

#endif
