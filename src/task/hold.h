// The inside of spore-hold: one process, one thread, one task. Private to hold*.c and what belongs to it. Nothing here ends the process
// when memory or descriptors run out: what cannot be done now is said, and tried again.
//
// The parts: hold.c the loop, hold_states.c what happens when, hold_run.c an instance, hold_output.c its output into the log, hold_control.c what
// it says of itself, hold_say.c what is said to it, hold_ports.c its ports, hold_broken.c who broke the rules there, hold_kept.c channels for
// ports that it has not opened yet, hold_memory.c what is seen of its channels, hold_lend.c what of its subscriptions goes to the next hold,
// hold_wired.c its wired stdio, hold_heir.c what of that goes to the next hold, hold_pumped.c and hold_pumped_heir.c the same where it can be
// tapped, hold_named.c its FIFOs and sockets, hold_own.c what these have in common, hold_pump.c what carries their bytes, probe.c what is asked
// of it, terminal.c its terminal, viewers.c who looks at it, hold_peers.c who is connected, hold_obey.c what they ask for, hold_node.c the node
// that went away.
#ifndef SPORE_TASK_HOLD_H
#define SPORE_TASK_HOLD_H

#include <limits.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/resource.h>
#include <sys/types.h>

#include "hold_side.h"
#include "os/os.h"
#include "os/tree.h"
#include "pass.h"
#include "pump/window.h"
#include "task/confine.h"
#include "task/folder.h"
#include "task/hold_protocol.h"
#include "task/log.h"
#include "task/spec.h"
#include "task/state.h"

struct spore__hold;

// ---- the loop

enum {
	SPORE__HOLD_IOS = 128,  // descriptors that are waited for
	SPORE__HOLD_PEERS = 64, // connections
};

// A descriptor that is waited for. Lives in what it belongs to; FN is called with what poll said. To have none of it for a
// while (its reader cannot take more) set `paused`.
struct spore__hold_io {
	int fd; // -1: not open
	short events;
	bool paused;
	void (*fn)(struct spore__hold *h, struct spore__hold_io *io, short revents);
};

// False: too many (errno EMFILE). Until spore__hold_io_close.
bool spore__hold_io_open(struct spore__hold *h, struct spore__hold_io *io, int fd, short events,
                         void (*fn)(struct spore__hold *, struct spore__hold_io *, short));
void spore__hold_io_close(struct spore__hold *h,
                          struct spore__hold_io *io); // and its descriptor; nothing when not open

// Each timer has its function in hold.c.
enum spore__hold_timer {
	SPORE__TIMER_STATE,    // of the table in hold_states.c
	SPORE__TIMER_READY,    // it is not ready in time
	SPORE__TIMER_LOG,      // the log may be writable again
	SPORE__TIMER_BUFFER,   // nothing was read for a while
	SPORE__TIMER_PEERS,    // a peer that does not read
	SPORE__TIMER_ACCEPT,   // there may be descriptors again
	SPORE__TIMER_NODE,     // no node has come
	SPORE__TIMER_STATUS,   // the status could not be written
	SPORE__TIMER_SAY,      // there may be room for descriptors
	SPORE__TIMER_CONTROL,  // there may be memory for what its program says
	SPORE__TIMER_NAMED,    // pumps that could not be started
	SPORE__TIMER_LISTENER, // a program that is to listen by now
	SPORE__TIMER_PUMPED,   // no node says what became of a channel
	SPORE__TIMER_PORTS,    // somebody is to be told of a port
	SPORE__TIMER_PROBE_READY,
	SPORE__TIMER_PROBE_ALIVE,
	SPORE__TIMERS,
};

void spore__hold_timer(struct spore__hold *h, enum spore__hold_timer timer, int64_t ms); // from now; replaces; -1: none
int64_t spore__hold_now_ms(void);                                                        // monotonic
int64_t spore__hold_wall_ns(void);

// A number from 0 to LIMIT - 1, LIMIT at least 1.
uint32_t spore__hold_random(struct spore__hold *h, uint32_t limit);

// ---- the log (hold_output.c)

struct spore__hold_log {
	struct spore__log_writer writer;
	bool open;
	unsigned char *buffer; // for what is read; NULL while nothing is
	size_t size;
	bool large; // much of it was used
	bool full;  // nothing could be appended; TIMER_LOG is set
	struct {
		enum spore__log_kind kind;
		unsigned flags;
		uint32_t run;
		uint64_t wall, monotonic;
		size_t len; // 0: nothing; else bytes in `buffer` that could not be appended
	} kept;
	unsigned char events[4096]; // could not be appended yet: struct kept_event, then its bytes
	size_t events_len;
	uint64_t lost_bytes, lost_records; // not yet in the log
	char why[128];                     // nothing can be appended
};

void spore__hold_log_open(struct spore__hold *h);
void spore__hold_log_close(struct spore__hold *h);
void spore__hold_log_retry(struct spore__hold *h);
void spore__hold_buffer_idle(struct spore__hold *h);
// May more be read from the program? Else its output waits (log.overflow block).
bool spore__hold_log_takes(const struct spore__hold *h);
// Where to read to, and how much at most. Nothing may be in it that waits for the log.
unsigned char *spore__hold_buffer(struct spore__hold *h, size_t *size);
// What was read into the buffer.
void spore__hold_took(struct spore__hold *h, enum spore__log_kind kind, size_t len, uint64_t records);

struct spore__hold_number {
	const char *key; // NULL ends a list
	int64_t value;
};
// Something that the hold itself has to say. NUMBERS (may be NULL) go into the event too.
void spore__hold_event(struct spore__hold *h, enum spore_level level, const char *event,
                       const struct spore__hold_number *numbers, const char *fmt, ...)
    __attribute__((format(printf, 5, 6)));

// The program's stdout and stderr.
struct spore__hold_output {
	struct spore__hold_io io;
	enum spore__log_kind kind;
	size_t pipe; // its size; 0: not known
};
void spore__hold_output_open(struct spore__hold *h, struct spore__hold_output *o, int fd, enum spore__log_kind kind);
// Reads what is left, a bounded amount. True when all was read or nobody can write any more.
bool spore__hold_output_drain(struct spore__hold *h);
void spore__hold_output_close(struct spore__hold *h);

// ---- an instance (hold_run.c)

// What waits until the program reads (hold_say.c).
struct spore__hold_frame;
struct spore__hold_says {
	struct spore__hold_frame *first, *last; // frame.next
	size_t count;
};

struct spore__hold_run {
	pid_t pid;                             // 0: none
	int64_t began_ms, ready_ms;            // monotonic; 0: not
	int input;                             // the program's stdin, where that stays open, or its terminal; -1
	int terminal;                          // the program's side of it, so that it stays; -1
	struct spore__hold_output out, err;    //
	struct spore__hold_io control;         // libspore
	struct spore__hold_side side;          // ... what it says
	struct spore__hold_says says;          // ... what it is told
	bool starved;                          // ... there was no memory for it once
	struct spore__passed came;             // ... descriptors of messages that are not whole yet
	struct spore__hold_io notify, newline; // sd_notify, ready.fd
	char notify_path[PATH_MAX];            // "": none
};

// The environment of what runs for the task: its own, and what spore adds. HELPER: it is not the program itself, and has no say in
// what that is doing. 0, or -1 with errno; to be finished either way.
enum { SPORE__HOLD_OWN = 8 };
struct spore__hold_environment {
	const char **items; // malloc'ed; NULL-terminated
	size_t count, owned;
	char own[SPORE__HOLD_OWN][PATH_MAX + 64];
};
int spore__hold_environment_make(const struct spore__hold *h, bool helper, int control,
                                 struct spore__hold_environment *e);
void spore__hold_environment_finish(struct spore__hold_environment *e);
// The path of the program NAME as the task's PATH says, into OUT of PATH_MAX bytes. -1 with errno.
int spore__hold_find(const struct spore__hold *h, const char *name, char *out);

// Starts the next instance: 0, or -1 with why in the state, and nothing left behind.
int spore__hold_run_start(struct spore__hold *h);
// Reaps what ended.
void spore__hold_run_reap(struct spore__hold *h);
// Closes what is left of an instance whose processes are gone.
void spore__hold_run_finish(struct spore__hold *h);
void spore__hold_run_close_input(struct spore__hold *h);

// ---- what a program says of itself (hold_control.c)

// Makes the channels that the specification wants before a start; their ends for the program are in *ENDS. -1 with errno.
struct spore__hold_ends {
	int control, newline; // -1: none
};
int spore__hold_control_open(struct spore__hold *h, struct spore__hold_ends *ends);
void spore__hold_control_started(struct spore__hold *h); // says hello
void spore__hold_control_last(struct spore__hold *h);    // reads what it said before it ended
void spore__hold_control_close(struct spore__hold *h);
void spore__hold_control_retry(struct spore__hold *h);                  // the timer
bool spore__hold_control_stop(struct spore__hold *h, int64_t grace_ms); // false: it does not listen

// ---- what is said to a program (hold_say.c)

// Descriptors that go with a frame, of the channel SERIAL of the port ID.
struct spore__hold_passed {
	unsigned count;
	int fds[SPORE__HOLD_DESCRIPTORS];
	uint64_t id, serial;
	bool swap; // of a message `swap`: that it was said is told
	bool kept; // the node was told by `open`
};
// Says the frame in W now or, in order, when the program has read. Takes W and the descriptors of P (may be NULL) in every case. False: it
// will not be said.
bool spore__hold_say(struct spore__hold *h, struct spore__msgpack_writer *w, struct spore__hold_passed *p);
bool spore__hold_say_now(struct spore__hold *h, struct spore__msgpack_writer *w); // false: it cannot be said at once
void spore__hold_say_more(struct spore__hold *h);
void spore__hold_say_drop(struct spore__hold *h);

// ---- its ports (hold_ports.c)

enum {
	SPORE__HOLD_PORTS_MAX = 1024, // that a program has open at most
};
struct spore__hold_broken;
struct spore__hold_port;
struct spore__hold_ports {
	struct spore__hold_port *first; // port.next
	size_t count;
	bool untold; // of some of them
	uint64_t last_id;
	unsigned char features[600]; // of the program's hello, encoded
	size_t features_len;
};
// The program said hello, open, close; ended.
void spore__hold_ports_features(struct spore__hold *h, struct spore__msgpack_reader features);
void spore__hold_ports_open(struct spore__hold *h, const struct spore__control_message *m);
void spore__hold_ports_close(struct spore__hold *h, const struct spore__control_message *m);
void spore__hold_ports_broken(struct spore__hold *h, const struct spore__control_message *m);
void spore__hold_ports_end(struct spore__hold *h);
void spore__hold_ports_settle(struct spore__hold *h); // says what could wait so far; before anything else is done
// The peers of one port that broke the rules or were too slow (hold_broken.c); NULL: none. False: no memory, or nonsense.
bool spore__hold_broken_add(struct spore__hold_broken **all, const struct spore__control_word *peer,
                            const struct spore__control_word *how);
void spore__hold_broken_forget(struct spore__hold_broken **all, const char *peer); // there is another channel with it
void spore__hold_broken_put(const struct spore__hold_broken *all, uint64_t id, struct spore__msgpack_writer *w);
void spore__hold_broken_finish(struct spore__hold_broken **all);
// The node sent channel (with descriptors, which are taken), over, unwire.
void spore__hold_ports_channel(struct spore__hold *h, const struct spore__hold_message *m, const int *fds);
void spore__hold_ports_over(struct spore__hold *h, const struct spore__hold_message *m);
void spore__hold_ports_unwire(struct spore__hold *h, const struct spore__hold_message *m);
void spore__hold_ports_passed(struct spore__hold *h, const struct spore__hold_passed *passed); // the program got them
void spore__hold_ports_not_passed(struct spore__hold *h, const struct spore__hold_passed *passed); // nor will it
void spore__hold_ports_swap(struct spore__hold *h, const struct spore__hold_message *m);
void spore__hold_ports_said_swap(struct spore__hold *h, const struct spore__hold_passed *said);
void spore__hold_ports_alone(struct spore__hold *h); // the instance in whose place this one was started is gone
bool spore__hold_ports_knows_swap(const struct spore__hold *h); // the program does
// Says wired, over or swap of a channel to those whom it concerns.
void spore__hold_ports_tell(struct spore__hold *h, enum spore__hold_type type, uint64_t id, uint64_t serial);
// Appends what a node has to know that comes now. ALL: also the channels that are not the node's.
void spore__hold_ports_put(const struct spore__hold *h, bool all, struct spore__msgpack_writer *w);
// One that is not the node may send the channel M to its port, for nothing else is at it, or it serves or publishes.
bool spore__hold_ports_is_free(struct spore__hold *h, const struct spore__hold_message *m);
void spore__hold_ports_left(struct spore__hold *h, uint64_t id, uint64_t serial); // ... and is gone
// The memory with which the port publishes, for reading; it stays the port's. -1: none.
int spore__hold_ports_published(struct spore__hold *h, uint64_t id);

// Another hold is to have what the port M->number has of the channel M->serial: it is sent to TO, which is taken. False: it cannot be had yet.
bool spore__hold_ports_lend(struct spore__hold *h, const struct spore__hold_message *m, int to);
// The program said where what is published to it is; the descriptor came before.
void spore__hold_ports_memory(struct spore__hold *h, const struct spore__control_message *m);

// ---- subscriptions that outlive an instance (hold_lend.c)

enum {
	SPORE__SUBSCRIPTION_FDS = 3, // the cursor, the socket to the publisher, the publisher's memory
	SPORE__LENT_PEER = 1024,
};
struct spore__hold_subscription {         // of a port; zeroed is none
	uint64_t serial;                  // 0: none
	int fds[SPORE__SUBSCRIPTION_FDS]; // duplicates of what the program has; the memory -1: not known yet
	bool had, later;                  // there was one; ... before this
};
// Not more than SPORE__HOLD_SUBSCRIPTIONS at a time.
void spore__hold_subscription_keep(struct spore__hold *h, struct spore__hold_subscription *s,
                                   const struct spore__hold_passed *passed);
void spore__hold_subscription_memory(struct spore__hold_subscription *s, uint64_t serial, int memory); // taken
void spore__hold_subscription_drop(struct spore__hold *h, struct spore__hold_subscription *s);
// Sends them to the socket TO. False: the program has not begun to receive it, or not said where the memory is.
bool spore__hold_subscription_lend(struct spore__hold_subscription *s, uint64_t serial, int to);

struct spore__hold_lent;
// What another instance had at a port of this name waits in the socket FROM, which is taken. False: no memory.
bool spore__hold_lent_put(struct spore__hold *h, const char *port, const struct spore__hold_message *m, int from);
// The same once more, to the socket TO. False: that is not there.
bool spore__hold_lent_lend(struct spore__hold *h, const char *port, uint64_t serial, int to);
void spore__hold_lent_drop(struct spore__hold *h);                               // what no port has taken
uint64_t spore__hold_lent_serial(const struct spore__hold *h, const char *port); // 0: none
// It is the caller's now: PASSED (the id is not set) has no descriptors where it did not come. PEER has SPORE__LENT_PEER bytes, SLOW 16. False:
// there is none.
bool spore__hold_lent_take(struct spore__hold *h, const char *port, struct spore__hold_passed *passed, char *peer,
                           char *slow);

// ---- the memory of a port that publishes (hold_publication.c)

struct spore__hold_publication;
// The descriptors of M, `open`, came before it. NULL: there are none, or they are not such memory; the program gives it itself then.
struct spore__hold_publication *spore__hold_publication_take(struct spore__hold *h,
                                                             const struct spore__control_message *m);
void spore__hold_publication_finish(struct spore__hold_publication *p); // NULL is fine
// SOCK is the publisher's of a subscription, and stays the caller's. Gives the subscriber the memory.
void spore__hold_publication_give(struct spore__hold_publication *p, int sock);
// The memory, for reading; the publication's.
int spore__hold_publication_memory(const struct spore__hold_publication *p);
// The program was sent it.
void spore__hold_publication_passed(struct spore__hold_publication *p, int sock);

// ---- what goes from one hold of a task to the next (hold_heir.c)

enum {
	SPORE__HOLD_END_FDS = 6,  // of one port
	SPORE__HOLD_ENDS_MAX = 4, // ports
};
struct spore__hold_end {
	char port[8];     // stdin, stdout, stdio
	const char *peer; // as of struct spore__hold_wired; of one with a pump ""
	uint32_t peer_len;
	uint64_t serial;                   // 0: no channel, or it is over
	unsigned has;                      // bit I: there is fds[I]
	unsigned used;                     // bit 0, 1: a program has had what is to be read, written
	bool pump, closed, ended, unwired; // of struct spore__hold_pumped
	int fds[SPORE__HOLD_END_FDS];      // to read, to write; with a pump channel, theirs, ours. -1: none
};
void spore__hold_heir_hand(struct spore__hold *h, bool on); // somebody said hand
// The task has ended. True: what it leaves is kept for the next hold.
bool spore__hold_heir_keeps(struct spore__hold *h);
// The next hold, P, asks for it. False: P is to be dropped.
struct spore__hold_peer;
bool spore__hold_heir_give(struct spore__hold *h, const struct spore__hold_peer *p);
// This is the next hold, and the one before is in FOLDER, or was. Waits for its answer, for two seconds at most.
void spore__hold_heir_inherit(struct spore__hold *h, const char *folder);

// ---- a wired stdin or stdout (hold_wired.c)

enum spore__hold_wired_kind { SPORE__WIRED_STDIN, SPORE__WIRED_STDOUT, SPORE__WIRED_STDIO };
struct spore__hold_wired {
	enum spore__hold_wired_kind kind;
	const char *peer; // the full name of the port at the other end, of the specification
	uint64_t id;
	uint64_t serial; // of the channel; 0: none, or it is over
	int fds[2];      // to read, to write; -1
	bool used;       // a program has had them
	bool stays;      // for the next hold
};
void spore__hold_wired_open(struct spore__hold *h); // those of the specification
// The task has ended for good.
void spore__hold_wired_close(struct spore__hold *h);
void spore__hold_wired_put(const struct spore__hold *h, struct spore__msgpack_writer *w);
bool spore__hold_wired_has(const struct spore__hold *h, const char *port);
// The node sent it. False: it is not about one of these. Takes the descriptors.
bool spore__hold_wired_channel(struct spore__hold *h, const struct spore__hold_message *m, const int *fds);
bool spore__hold_wired_over(struct spore__hold *h, const struct spore__hold_message *m);
// Another hold comes: what there is by now is for that one.
void spore__hold_wired_stay(struct spore__hold *h);
// What it is left, into ENDS; how many.
size_t spore__hold_wired_leave(const struct spore__hold *h, struct spore__hold_end *ends);
// Takes it with its descriptors. False: it is for none of these.
bool spore__hold_wired_inherit(struct spore__hold *h, const struct spore__hold_end *end);
// Can the program be started? False: what for it waits is in the state.
bool spore__hold_wired_ready(struct spore__hold *h);
// WHICH is 0, to be read, or 1, to be written. False: it is not wired. *FD is a duplicate, or -1 with errno.
bool spore__hold_wired_end(struct spore__hold *h, int which, int *fd);

// ---- pumps (hold_pump.c)

enum { SPORE__HOLD_PUMP_FDS = 8 };
struct spore__hold_pump {  // zeroed: none
	pid_t pid;         // 0: none
	int64_t began_ms;  // monotonic
	unsigned failures; // in a row, of those that did not live long
	int64_t due_ms;    // it is not started again before
};
// What it is started with (src/pump/pump.h).
struct spore__hold_pumping {
	const char *port; // for words
	const char *how;
	const int *fds; // COUNT of them, as its arguments; -1: none
	size_t count;
	const char *path; // may be NULL
};
enum spore__hold_pump_outcome {
	SPORE__PUMPED_END,
	SPORE__PUMPED_GONE,
	SPORE__PUMPED_CLOSED,
	SPORE__PUMPED_AGAIN, // it was killed: to be started again now
	SPORE__PUMPED_LATER, // ... when spore__hold_pumps_retry calls its port
};
void spore__hold_pump_start(struct spore__hold *h, struct spore__hold_pump *pump, const struct spore__hold_pumping *p);
// It has nothing that is lost with it. What failed so far counts no more.
void spore__hold_pump_kill(struct spore__hold_pump *pump);
// Its process was reaped.
enum spore__hold_pump_outcome spore__hold_pump_ended(struct spore__hold *h, struct spore__hold_pump *pump, int status,
                                                     const char *port);
void spore__hold_pumps_retry(struct spore__hold *h);

// Where what passes through the pumps of a port is seen. FD is -1 where there is no such memory.
struct spore__hold_window {
	int fd;
	struct spore__window *map;
	unsigned watchers;
};
void spore__hold_window_open(struct spore__hold_window *w);
void spore__hold_window_close(struct spore__hold *h, struct spore__hold_window *w);
void spore__hold_window_finish(struct spore__hold_window *w, enum spore__window_way way); // no pump goes on with it
bool spore__hold_window_watch(struct spore__hold_window *w);                              // false: no memory
void spore__hold_window_unwatch(struct spore__hold_window *w);

// ---- a stdin or stdout that can be tapped (hold_pumped.c)

struct spore__hold_pumped { // arrays by enum spore__window_way
	enum spore__hold_wired_kind kind;
	uint64_t id;     // 0: not said, since the channel before is not through yet
	uint64_t serial; // 0: no channel, or it is over
	int channel[2];  // to be read, to be written; -1
	int theirs[2];   // the program's ends of its pipes; -1
	int ours[2];     // the pumps' ends of them; -1: what was to be read has ended, or nobody takes what is written
	struct spore__hold_pump pumps[2];
	struct spore__hold_window window;
	bool used[2];
	bool stays;   // as of struct spore__hold_wired
	bool ended;   // the channel has, and was passed on: the node is asked what that means
	bool unwired; // it was, so the end is none for the program
};
// As those of hold_wired.c and hold_named.c.
void spore__hold_pumped_open(struct spore__hold *h);
void spore__hold_pumped_close(struct spore__hold *h);
size_t spore__hold_pumped_said(const struct spore__hold *h);
void spore__hold_pumped_put(const struct spore__hold *h, bool all, struct spore__msgpack_writer *w);
bool spore__hold_pumped_has(const struct spore__hold *h, const char *port);
bool spore__hold_pumped_channel(struct spore__hold *h, const struct spore__hold_message *m, const int *fds);
bool spore__hold_pumped_over(struct spore__hold *h, const struct spore__hold_message *m);
bool spore__hold_pumped_unwire(struct spore__hold *h, const struct spore__hold_message *m);
// As spore__hold_ports_is_free and _left.
bool spore__hold_pumped_is_free(struct spore__hold *h, const struct spore__hold_message *m);
bool spore__hold_pumped_left(struct spore__hold *h, uint64_t id, uint64_t serial);
bool spore__hold_pumped_reaped(struct spore__hold *h, pid_t pid, int status);
void spore__hold_pumped_retry(struct spore__hold *h);
bool spore__hold_pumped_ready(struct spore__hold *h);
bool spore__hold_pumped_end(struct spore__hold *h, int which, int *fd);
// As those of hold_wired.c. `leave` ends its pumps.
void spore__hold_pumped_stay(struct spore__hold *h);
size_t spore__hold_pumped_leave(struct spore__hold *h, struct spore__hold_end *ends);
bool spore__hold_pumped_inherit(struct spore__hold *h, const struct spore__hold_end *end);
// The port ID's. NULL: there is none.
struct spore__hold_window *spore__hold_pumped_window(struct spore__hold *h, uint64_t id);
// A node has come, has answered, does not answer.
void spore__hold_pumped_ask(struct spore__hold *h);
void spore__hold_pumped_answered(struct spore__hold *h, const struct spore__hold_message *m);
void spore__hold_pumped_unanswered(struct spore__hold *h);

// ---- channels for ports that are not open yet (hold_kept.c)

struct spore__hold_kept;
// The node sent keep, with descriptors, which are taken; over, for one of these (false: for none); is another one.
void spore__hold_kept_take(struct spore__hold *h, const struct spore__hold_message *m, const int *fds);
bool spore__hold_kept_over(struct spore__hold *h, const struct spore__hold_message *m);
void spore__hold_kept_drop(struct spore__hold *h);
// The program said open: is there a channel for it? Then the port is to have *ID and *SERIAL, and `pass` gives the program its end. RINGS: it knows
// rings.
// What `pass` returns is a bell by which the program at the other end is to hear that it has a peer, once there is nothing more urgent; -1: it was
// rung.
bool spore__hold_kept_opened(struct spore__hold *h, const struct spore__control_message *m, bool rings, uint64_t *id,
                             uint64_t *serial);
int spore__hold_kept_pass(struct spore__hold *h, uint64_t serial);

// ---- FIFOs and sockets (hold_named.c)

enum { SPORE__NAMED_MAX = 32 }; // of one task
struct spore__hold_named;
void spore__hold_named_open(struct spore__hold *h);         // those of the specification
void spore__hold_named_close(struct spore__hold *h);        // the task has ended for good
size_t spore__hold_named_said(const struct spore__hold *h); // how many spore__hold_named_put says
void spore__hold_named_put(const struct spore__hold *h, bool all, struct spore__msgpack_writer *w);
bool spore__hold_named_has(const struct spore__hold *h, const char *port);
// As of spore__hold_wired_channel.
bool spore__hold_named_channel(struct spore__hold *h, const struct spore__hold_message *m, const int *fds);
bool spore__hold_named_over(struct spore__hold *h, const struct spore__hold_message *m);
bool spore__hold_named_unwire(struct spore__hold *h, const struct spore__hold_message *m);
bool spore__hold_named_is_free(struct spore__hold *h, const struct spore__hold_message *m);
bool spore__hold_named_left(struct spore__hold *h, uint64_t id, uint64_t serial);
// A process ended: was it one of its pumps?
bool spore__hold_named_reaped(struct spore__hold *h, pid_t pid, int status);
struct spore__hold_window *spore__hold_named_window(struct spore__hold *h, uint64_t id);
void spore__hold_named_retry(struct spore__hold *h);
void spore__hold_named_begins(struct spore__hold *h); // the program is about to be started
void spore__hold_named_look(struct spore__hold *h);   // timer: for programs that listen themselves

// ---- the memory of its channels (hold_memory.c)

enum { SPORE__HOLD_MEMORIES = 256 }; // of further channels it is not kept
struct spore__hold_memory;
struct spore__hold_memories {
	struct spore__hold_memory *items; // malloc'ed
	size_t count, room;
};
struct spore__hold_peer;
// FD, which stays the caller's, is the first descriptor of the channel M.
void spore__hold_memory_keep(struct spore__hold *h, const struct spore__hold_message *m, int fd);
void spore__hold_memory_drop(struct spore__hold *h, uint64_t id, uint64_t serial);
void spore__hold_memory_drop_port(struct spore__hold *h, uint64_t id);
// P asked for it with M. False: no memory.
bool spore__hold_memory_give(struct spore__hold *h, struct spore__hold_peer *p, const struct spore__hold_message *m);

// ---- what is asked of it (probe.c): readiness and liveness. Nothing is waited for: each is one connection or one process at a time.

enum spore__hold_probing { SPORE__PROBE_READY, SPORE__PROBE_ALIVE, SPORE__PROBES };

struct spore__hold_probe {
	struct spore__hold_io io; // a connection that is being made, or what a command writes
	pid_t pid;                // a command, which leads its process group; 0: none
	int64_t began_ms;         // monotonic, of the attempt under way; 0: none is
	int64_t wait_ms;          // until the next attempt
	int64_t failures;         // in a row
	size_t address;           // that is tried
	char said[160];           // the last line of a command
	size_t said_len;
	bool said_all; // ... the next byte begins another
};

struct spore__hold_matcher; // of the lines of output, until it is ready

// Before a start: -1 with why in the state when it can never become ready.
int spore__hold_probes_prepare(struct spore__hold *h);
void spore__hold_probes_start(struct spore__hold *h); // it runs
void spore__hold_probes_ready(struct spore__hold *h); // it is ready
void spore__hold_probes_stop(struct spore__hold *h);  // neither any more
void spore__hold_probes_ready_timer(struct spore__hold *h);
void spore__hold_probes_alive_timer(struct spore__hold *h);
// A process ended: was it one of them?
bool spore__hold_probes_reaped(struct spore__hold *h, pid_t pid, int status);
void spore__hold_probes_saw(struct spore__hold *h, enum spore__log_kind kind, const unsigned char *bytes, size_t len);
void spore__hold_probes_watchdog(struct spore__hold *h); // it said that it is alive

// ---- states (hold_states.c)

// One source for the states and what is told of them.
#define SPORE__HOLD_STATES(X)                                                                                          \
	X(INIT, WAITING)            /* before the first run */                                                         \
	X(STARTING, STARTING)       /* runs, not ready */                                                              \
	X(RUNNING, RUNNING)         /* ready */                                                                        \
	X(ASKED, STOPPING)          /* the ladder: asked by message or end of file */                                  \
	X(SIGNALLED, STOPPING)      /* the ladder: got the signal */                                                   \
	X(LEFT, STOPPING)           /* the program ended, others that it started have not */                           \
	X(LEFT_SIGNALLED, STOPPING) /* ... and got the signal */                                                       \
	X(KILLED, STOPPING)         /* SIGKILL until all are gone */                                                   \
	X(DRAINING, STOPPING)       /* all are gone; the rest of their output */                                       \
	X(WAITING, WAITING)         /* for the next run */                                                             \
	X(WIRING, WAITING)          /* for what its stdin or stdout is wired to */                                     \
	X(ENDED, ENDED)

enum spore__hold_at {
#define X(name, phase) SPORE__AT_##name,
	SPORE__HOLD_STATES(X)
#undef X
	    SPORE__ATS,
};

enum spore__hold_happened {
	SPORE__ON_TIMER,     // TIMER_STATE
	SPORE__ON_READY,     // it is at work
	SPORE__ON_UNREADY,   // it is not, in time
	SPORE__ON_UNHEALTHY, // it does not live any more, as its probe says
	SPORE__ON_EXIT,      // the program ended
	SPORE__ON_EMPTY,     // ... and everything that it started
	SPORE__ON_STOP,      // somebody wants it stopped: `grace`
	SPORE__ON_KILL,
	SPORE__ON_RESTART,
	SPORE__ON_WIRED, // a wired stdin or stdout has come
	SPORE__ONS,
};

void spore__hold_happens(struct spore__hold *h, enum spore__hold_happened what);
void spore__hold_begin(struct spore__hold *h, const char *before); // BEFORE: the folder of the hold before; NULL: none
void spore__hold_let_go(struct spore__hold *h);                    // the task has ended, and so does its hold

// ---- what it may use and see (limits.c)

struct spore__hold_limits {
	struct spore__rlimits rlimits;
	struct spore__cpus cpus;
	bool pinned;
	int nice;
};
// What can be enforced of its limits, and says in the state which are. -1, with why in the state, when all are required.
int spore__hold_limits_make(struct spore__hold *h, struct spore__hold_limits *limits);
// -1 with why in the state: it cannot be confined here. To be finished either way.
int spore__hold_confine_make(struct spore__hold *h, struct spore__task_confine *c);

// ---- its terminal (terminal.c)

// THEIRS are the program's 0, 1 and 2; MINE what it is written to with and what is read from. *KEPT keeps it open. -1 with errno, with
// whatever is open in these.
int spore__hold_terminal_open(struct spore__hold *h, int theirs[3], int mine[3], int *kept);
void spore__hold_terminal_size(struct spore__hold *h); // of the view's rows and columns
void spore__hold_terminal_end(struct spore__hold *h);  // says end of file

// ---- peers (hold_peers.c)

struct spore__hold_peer {
	struct spore__hold_io io;
	bool hello, node, leaving;
	bool ports;        // it speaks of ports
	bool looks;        // ... and looks on, or joins
	bool ports_due;    // it has to get all of them anew
	bool state_due;    // it has not got the latest state
	bool closing;      // when all is sent
	bool gone;         // to be dropped
	bool viewer;       // gets the output
	uint64_t seen;     // ... up to here
	uint64_t state_at; // what was written before the state changed
	int64_t rows, columns;
	int64_t since;     // when it last took something, monotonic ms
	unsigned char *in; // malloc'ed
	size_t in_len, in_cap;
	struct spore__passed passed; // came with frames that are not whole yet
	struct spore__msgpack_writer out;
	size_t out_sent; // bytes of `out` that are gone
	bool gives;      // the descriptor `gift` goes with the byte of `out` at `gift_at`
	int gift;        // owned
	size_t gift_at;
	struct spore__hold_window *watches; // NULL: none
	struct {
		uint64_t id, serial; // channels to it that end with it
	} joined[SPORE__HOLD_JOINS];
	unsigned joined_count;
};

void spore__hold_peers_open(struct spore__hold *h, int inherited); // -1: none
void spore__hold_peers_listen(struct spore__hold *h, int fd);      // on another socket
void spore__hold_peers_tell(struct spore__hold *h);                // the state, to each that takes it
// The frame W to each that speaks of ports; it stays the caller's.
void spore__hold_peers_say(struct spore__hold *h, const struct spore__msgpack_writer *w);
void spore__hold_peers_say_lookers(struct spore__hold *h, const struct spore__msgpack_writer *w);
void spore__hold_peers_push(struct spore__hold *h);   // the output, to each viewer that takes it
void spore__hold_peers_sweep(struct spore__hold *h);  // drops those that are gone
void spore__hold_peers_resume(struct spore__hold *h); // input is taken again
void spore__hold_peers_late(struct spore__hold *h);
// W goes: none of them watches it any more.
void spore__hold_peers_unwatch(struct spore__hold *h, const struct spore__hold_window *w);
void spore__hold_peers_accept(struct spore__hold *h);
bool spore__hold_peers_done(const struct spore__hold *h); // all is sent

// ---- viewers (viewers.c): all see the same bytes, the latest of which are kept while there are viewers; one that does not read loses
// the oldest. Before the first came there is the log.

struct spore__hold_view {
	unsigned char *ring;          // malloc'ed; NULL: nobody looks
	uint64_t total;               // bytes that ever went into it
	unsigned short rows, columns; // 0: nobody said
	unsigned char *input;         // malloc'ed: what the program has not taken yet
	size_t input_len;
	struct spore__hold_io input_io;
};

bool spore__hold_viewers_attach(struct spore__hold *h, struct spore__hold_peer *p, int64_t rows, int64_t columns);
void spore__hold_viewers_resize(struct spore__hold *h, struct spore__hold_peer *p, int64_t rows, int64_t columns);
void spore__hold_viewers_left(struct spore__hold *h); // one of them went
void spore__hold_viewers_saw(struct spore__hold *h, const unsigned char *bytes, size_t len);
// Appends what P has to get next to P->out; it is behind.
void spore__hold_viewers_put(struct spore__hold *h, struct spore__hold_peer *p);
void spore__hold_viewers_input(struct spore__hold *h, const unsigned char *bytes, size_t len);
bool spore__hold_viewers_stalled(const struct spore__hold *h); // no more input for now
void spore__hold_viewers_drop_input(struct spore__hold *h);

// ---- the node (hold_node.c)

void spore__hold_node_lost(struct spore__hold *h);
void spore__hold_node_came(struct spore__hold *h);
void spore__hold_node_start(struct spore__hold *h);
// The path of the program NAME of spore's: in the folder that SPORE_LIBEXEC names, else beside this one. OUT has PATH_MAX bytes. False: it
// cannot be told.
bool spore__hold_beside(const char *name, char *out);

// ---- all of it

struct spore__hold {
	int dir;
	char folder[PATH_MAX]; // absolute
	struct spore__hold_name name;
	char mark[SPORE__HOLD_NAME]; // HOLD of SPORE_INSTANCE
	char task[SPORE__HOLD_NAME];
	struct spore__spec spec;
	struct spore__hold_state state; // as it is told
	bool dirty;                     // ... differs from what was told
	int written;                    // phase of the status file; -1: none
	int64_t written_run;            // ... and instance
	int lock;
	uint64_t open_files; // the limit that it was started with, which is its program's
	int artifact;        // kept; -1

	struct spore__hold_io *ios[SPORE__HOLD_IOS];
	size_t io_count;
	int64_t timers[SPORE__TIMERS]; // monotonic ms; 0: none
	int signals[2];                // a pipe from the handlers to the loop
	struct spore__hold_io signal_io;
	uint64_t random;

	enum spore__hold_at at;
	int64_t grace;        // of ON_STOP; -1: as specified
	bool swap;            // ... another instance takes over
	bool hands;           // another hold takes over what its stdin and stdout are wired with
	bool keeps;           // ... and this one is there for that only
	bool given;           // ... and has given it
	bool beside;          // another one runs still, in whose place this one was started
	int64_t step_at;      // monotonic ms: until when it is waited for what is left
	int64_t kill_at;      // monotonic ms: the end of the ladder
	int64_t killed_at;    // since when it is killed
	bool at_once;         // the first restart in the row did not wait
	bool restart_asked;   // start again whatever the policy says
	int64_t row;          // restarts in a row
	enum spore__end fate; // why it is being ended although nobody asked; END_NONE
	struct spore__tree tree;
	struct spore__hold_run run;
	struct spore__hold_ports ports;
	struct spore__hold_memories memories;
	struct spore__hold_lent *lent; // lent.next
	unsigned subscriptions;        // that are kept
	struct spore__hold_kept *kept; // kept.next
	unsigned kept_count;
	struct spore__hold_wired wired[2];
	size_t wired_count;
	struct spore__hold_pumped pumped[2];
	size_t pumped_count;
	struct spore__hold_named *named; // malloc'ed
	size_t named_count;
	char ports_folder[PATH_MAX]; // SPORE_PORTS; "": none
	struct spore__hold_log log;
	struct spore__hold_probe probes[SPORE__PROBES];
	struct spore__hold_matcher *matcher; // malloc'ed; NULL: none

	struct spore__hold_io listener;
	struct spore__hold_peer *peers[SPORE__HOLD_PEERS];
	struct spore__hold_view view;
	int nodes;         // connected ones
	bool left;         // the last of them said that it leaves
	int64_t node_wait; // ms until another is started
	bool quit;         // nothing is left to do
};

// The file `status`, and the folder that it is in should somebody have removed that.
void spore__hold_write_status(struct spore__hold *h);
void spore__hold_keep_artifact(struct spore__hold *h);

// Says it on standard error, as `spore-hold: HOLD: ...`.
void spore__hold_complain(const struct spore__hold *h, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

#endif
