// The node's end of the conversation with one hold (docs/hold-protocol.md).
#ifndef SPORE_NODE_HOLD_H
#define SPORE_NODE_HOLD_H

#include "chan/transport.h"
#include "node/tasks.h"
#include "task/hold_protocol.h"

enum {
	SPORE__HOLD_PATIENCE_MS = 15000, // after its grace period a hold that says nothing is ended
};

struct spore__hold {
	uv_pipe_t pipe; // first: handles are cast back
	struct spore__tasks *tasks;
	struct spore__task *task; // NULL: it is nobody's any more
	struct spore__hold *previous, *next;
	struct spore__hold_name name;
	bool used;      // the pipe was connected
	bool connected; // ... and is
	bool ended;     // it said so, or its folder does
	bool lost;      // it was killed: to be dealt with
	bool stop_sent;
	bool hands;     // it was told that another hold takes over its pipes
	bool survivors; // it named processes that it cannot end
	bool outdated;  // it is about to be replaced: its stdin and stdout get no other channel
	uint64_t started_ms;
	uint64_t due_ms;   // when to look at it again; 0: not
	unsigned tries;    // to connect
	unsigned char *in; // a part of a message
	size_t in_len, in_cap;
	// Of ports.
	bool speaks_ports;         // an older one does not
	bool runs_heard;           // then
	int64_t run_ended;         // the latest instance that is known to have
	bool speaks_swap;          // likewise
	bool speaks_moves;         // likewise
	bool speaks_early;         // likewise
	bool speaks_heirs;         // likewise
	bool speaks_lends;         // likewise
	bool beside;               // its program publishes nothing before it is told that it is alone (alone.h)
	unsigned pumped;           // of stdin, stdout and stdio those with a pump, as long as it lives
	bool ports_known;          // it has said what there is
	uint64_t ports_due;        // messages until it has
	struct spore__port *ports; // port.next_of_hold
	unsigned unsaid;           // channels that it was sent and has not answered
	struct spore__wire *blocked_first, *blocked_last; // that wait for that; wire.next_blocked
	// While another one is tried in its place: what it said last.
	unsigned char *said;
	uint32_t said_len;
};

// Makes the folder of TASK's next hold, and starts it there; it becomes task->hold. False: WHY says why not, *TEMPORARY whether another
// try may help.
bool spore__hold_launch(struct spore__tasks *t, struct spore__task *task, char *why, size_t size, bool *temporary);

// A hold that was just started, with this end FD of its first connection, which is taken. NULL: no memory.
struct spore__hold *spore__hold_take(struct spore__tasks *t, struct spore__task *task, int64_t generation, int fd);

// Takes a hold that runs already: the caller makes it task->hold or task->old. NULL: no memory.
struct spore__hold *spore__hold_adopt(struct spore__tasks *t, struct spore__task *task, int64_t generation);

// Each message; a hold that does not read is given up, so nothing waits.
void spore__hold_send_stop(struct spore__hold *hold, int64_t grace_ms, int64_t standard_grace_ms, bool kill);
void spore__hold_send_stop_swap(struct spore__hold *hold, int64_t standard_grace_ms); // another instance takes over
void spore__hold_send_swap(struct spore__hold *hold, uint64_t id, uint64_t serial, bool on);
void spore__hold_send_hand(struct spore__hold *hold, bool on);
void spore__hold_send_alone(struct spore__hold *hold);
void spore__hold_send_restart(struct spore__hold *hold);
void spore__hold_send_signal(struct spore__hold *hold, int64_t signal);
void spore__hold_send_update(struct spore__hold *hold, const struct spore__spec *spec);
void spore__hold_send_leaving(struct spore__hold *hold);

// The frame in W, which is taken.
void spore__hold_send(struct spore__hold *hold, struct spore__msgpack_writer *w);
// Can an end of a channel be sent at once? It gets copies of the descriptors. False: it could not be sent (errno).
bool spore__hold_takes_channel(const struct spore__hold *hold);
// Is nothing under way to it whose answer or arrival would be heard of?
bool spore__hold_is_idle(const struct spore__hold *hold);
bool spore__hold_send_channel(struct spore__hold *hold, uint64_t id, uint64_t serial,
                              const struct spore__channel_end *end, const char *peer, const char *slow, bool redeliver,
                              bool moves); // SLOW may be NULL
// An end for a port that is not open yet, as Q stands for it, with the other one at P; and that other one, whose peer is not there yet.
bool spore__hold_send_keep(const struct spore__port *q, uint64_t serial, const struct spore__channel_end *end,
                           const struct spore__port *p, bool redeliver);
bool spore__hold_send_early(const struct spore__port *p, uint64_t serial, const struct spore__channel_end *end,
                            const struct spore__port *q, bool redeliver);
// HOLD is to send what its program has of a subscription to TO; that of Q, that what comes from FROM is for Q. The descriptors stay the caller's.
bool spore__hold_send_lend(struct spore__hold *hold, uint64_t id, uint64_t serial, int to);
bool spore__hold_send_lent(const struct spore__port *q, uint64_t serial, int from, const char *peer, const char *slow);
void spore__hold_send_serial(struct spore__hold *hold, enum spore__hold_type type, uint64_t id, uint64_t serial);
// [SYSTEM/]TASK[@REPLICA].PORT
void spore__hold_port_name(const struct spore__hold *hold, const char *port, char *out, size_t size);

// ---- what goes from one hold of a task to the next (heirs.c)

// Tells HOLD, which may be NULL, whether another one of TASK is to come.
void spore__heirs_tell(const struct spore__task *task, struct spore__hold *hold);
// The hold before that of TASK, which is about to be started, where it may keep something. NULL: there is none.
const struct spore__hold *spore__heirs_before(const struct spore__tasks *t, const struct spore__task *task);
// A hold of TASK that has ended, and may keep something, has not been heard yet.
bool spore__heirs_may_return(const struct spore__tasks *t, const struct spore__task *task);
// Lets those go that nobody will take over from.
void spore__heirs_settle(struct spore__tasks *t);
// P lists the channel SERIAL, which another hold of its task had. True: it is at P now, or not its any more.
bool spore__heirs_take(struct spore__port *p, uint64_t serial);

// It is due: tries to connect again, or ends one that hangs.
void spore__hold_look(struct spore__hold *hold);
void spore__hold_look_in(struct spore__hold *hold, uint64_t in_ms); // it is due then
// Ends the conversation and frees it, later.
void spore__hold_close(struct spore__hold *hold);

// The folder of this hold, opened; -1 with errno.
int spore__hold_open_folder(const struct spore__tasks *t, const struct spore__hold_name *name);
// Removes the folder of a hold that does not run.
void spore__hold_remove_folder(struct spore__tasks *t, const struct spore__hold_name *name);

// Finds what runs in the folders, when the node starts.
void spore__holds_find(struct spore__tasks *t);
// Ends what killed holds left running, says that they are lost.
void spore__holds_bury(struct spore__tasks *t);

#endif
