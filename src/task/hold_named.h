// A named port of a hold, as hold_named.c and hold_named_files.c share it.
#ifndef SPORE_TASK_HOLD_NAMED_H
#define SPORE_TASK_HOLD_NAMED_H

#include "task/hold.h"
#include "task/port.h"

struct spore__hold_named {
	enum spore__port_as as;
	char name[SPORE__NAME_MAX + 1], framing[SPORE__NAME_MAX + 1], protocol[SPORE__PROTOCOL_MAX + 1];
	uint64_t id;                    // 0: not said, since the channel before is not through yet
	uint64_t serial;                // 0: no channel, or it is over
	int in, out;                    // the channel, to be read and to be written, maybe the same; -1
	int fifo[2];                    // to be read, to be written; -1
	struct spore__hold_io listener; // of SPORE__AS_SOCKET
	dev_t device;                   // of the socket that was made here
	ino_t inode;
	int64_t wait_ms; // until the program is looked for again that listens itself
	bool told;       // that it listens where it was to connect, or cannot listen
	bool refused;    // the last channel, since something could not be opened for it
	int connection;  // -1: none
	int mid[4];      // two pipes for what is between two sockets; -1
	struct spore__hold_pump pump;
	struct spore__hold_window window;
};

static inline bool spore__named_is_socket(const struct spore__hold_named *p)
{
	return p->as == SPORE__AS_SOCKET || p->as == SPORE__AS_LISTENER;
}

static inline bool spore__named_has_channel(const struct spore__hold_named *p)
{
	return p->in >= 0 || p->out >= 0;
}

void spore__named_pump_start(struct spore__hold *h, struct spore__hold_named *p); // where there is something to carry

// ---- hold_named_files.c

void spore__named_close_fd(int *fd);
bool spore__named_path(const struct spore__hold *h, const struct spore__hold_named *p, char out[PATH_MAX]);
// The folder of the ports, and the file of one of them. False: errno.
bool spore__named_make_folder(struct spore__hold *h);
bool spore__named_make(struct spore__hold *h, struct spore__hold_named *p);
// Opens a FIFO, for a channel has come. False: errno.
bool spore__named_open_side(const struct spore__hold *h, struct spore__hold_named *p);
// Opens another FIFO that the program has put in the place of the one that is open, as soon as that is empty.
void spore__named_renew(struct spore__hold *h, struct spore__hold_named *p);
// There may be another channel or none, another connection or none: takes the next connection, or makes one, when both are to be.
void spore__named_look(struct spore__hold *h, struct spore__hold_named *p);

#endif
