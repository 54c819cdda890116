// The parts of spore-bridge: what moves bytes between descriptors or channels and the ends of a bridge.
#ifndef SPORE_BRIDGE_HOST_H
#define SPORE_BRIDGE_HOST_H

#include <sys/types.h>

#include "bridge/bridge.h"
#include "spore/chan.h"

struct spore__host;

// What one end's bytes come from and go to.
struct spore__host_line {
	struct spore__host_line *next;
	struct spore__host *host;
	struct spore__bridge_end *end;  // of a connection to a hub: the hub
	struct spore__codec_end *codec; // end->codec, or the connection's own
	int in, out;                    // -1: closed; both may be one socket. Owned
	struct spore_chan *chan;        // instead of them; owned
	bool socket, client;            // CLIENT: it came over a listener
	bool in_over, out_over;         // nothing more comes; it is told that nothing more goes
	bool blocked;                   // it took no more
	bool broken;                    // to be dropped
	bool hungry;                    // there may be messages in the buffer
	bool hung;                      // its peer was heard to say no more, while it was not read
	unsigned char *buffer;          // what was not used
	size_t have, cap;
	size_t gone;               // bytes at the front of what is to be sent, that were sent
	int64_t heard_ms, sent_ms; // when something last came or went
	int64_t part_ms;           // since when a message has been incomplete; 0: it is not
	bool said;                 // a message has come
	bool port;                 // CHAN is a port that was opened: its peer goes and returns
	bool away, renewed;        // ... it is gone; what is asked of it begins anew
};

struct spore__host_options {
	const char *from, *to; // codecs with options
	const char *listen, *connect;
	char *const *command; // NULL: none
	bool each;            // a command or connection per client, or conversation
	bool filter;
	unsigned clients;          // connections at once
	int64_t idle_ms;           // 0: no limit; a connection without calls
	int64_t first_ms, part_ms; // for the first message of a connection, and for the rest of any
	struct spore__codec_limits limits;
};

// ---- host.c

struct spore__host {
	const struct spore__host_options *options;
	struct spore__bridge *bridge;
	struct spore__host_line
	    *lines; // of the whole; with `each` and no conversations each client has a bridge of its own
	struct spore__bridge_end *hub; // of the listener; NULL: its codec has none
	int listener;                  // -1: none
	bool local;                    // it is of this machine alone
	int starter;                   // where ends on the right come from; -1: none
	bool unreachable;              // the latest connection of a hub could not be had, and that was said
	bool failed;                   // something was not translated, and said
	uint64_t said;
	unsigned clients;
	int64_t now_ms;
};

enum { SPORE__FRAMING_U32 = 4, SPORE__HOST_SAID = 10 }; // messages that were not translated, said one by one

void spore__host_init(struct spore__host *h, const struct spore__host_options *o);
// A line of END over the descriptors IN and OUT (may be the same), or CHAN, which it takes over.
struct spore__host_line *spore__host_add(struct spore__host *h, struct spore__bridge_end *end, int in, int out,
                                         struct spore_chan *chan);
// An end of SIDE in BRIDGE; ends the process when the protocol or its options are wrong.
struct spore__bridge_end *spore__host_end(struct spore__host *h, struct spore__bridge *b, enum spore__bridge_side side,
                                          const char *spec);
// Is what is connected to called over connections that are made one by one, from the starter?
bool spore__host_connects(const struct spore__host_options *o);
void spore__host_connect(struct spore__host *h);
// Until there is nothing more to do. The exit status.
int spore__host_run(struct spore__host *h);
extern const struct spore__bridge_host spore__host_callbacks;

// ---- address.c: HOST:PORT, or unix:PATH

// Listens. -1: WHY. *LOCAL: others than this machine cannot reach it.
int spore__address_listen(const char *address, bool *local, char *why, size_t size);
int spore__address_connect(const char *address, char *why, size_t size);

// ---- listen.c

// Listens, and has the end on the left of all who come where their protocol has one for all. Ends the process when it cannot.
void spore__host_listen(struct spore__host *h, const struct spore__host_options *o);
// The listener of a wire, a task of its own:
//
//	spore-bridge listen ADDRESS PORT       the variable SPORE_LISTEN_AS says which protocol, since it may hold a secret
//
// It opens PORT, which calls in rpc, and listens as long as that is wired. When the program at the other end goes calls under way get an error, and those
// that come before it has returned wait for that.
int spore__bridge_listen(const char *address, const char *port);

// ---- starter.c: the parent, which is not confined and parses nothing

// Forks: in the child, which is the bridge, returns the socket to ask for commands or connections; the parent starts them, waits for both, and ends with
// the status of the command. HOLDS: there is one command, which is started now, and whose status is the process's.
int spore__starter_fork(const struct spore__host_options *o);
// Asks for one. 0: *IN, *OUT. -1: WHY.
int spore__starter_open(int starter, int *in, int *out, char *why, size_t size);

// ---- main.c

// No files, no processes, no sockets from now on.
void spore__bridge_confine(void);

#endif
