// What a wire joins: which ports fit each other, and the ports that a task declares. Looks at words only.
#ifndef SPORE_TASK_PORT_H
#define SPORE_TASK_PORT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "task/spec.h"

enum spore__shape {
	SPORE__SHAPE_UNKNOWN, // it was not said, or is a word of a later version
	SPORE__SHAPE_CONNECT,
	SPORE__SHAPE_SERVE,
	SPORE__SHAPE_PUBLISH,
	SPORE__SHAPE_SUBSCRIBE,
};

enum spore__shape spore__shape_of(const char *word);

// A protocol: a name, and options of its bridge behind commas, "jsonl,method=echo".
enum { SPORE__PROTOCOL_MAX = 127 }; // bytes

// How a port of a program that knows nothing of spore exists in the folder SPORE_PORTS of its task.
enum spore__port_as {
	SPORE__AS_NONE,     // not at all: stdin or stdout, or libspore's
	SPORE__AS_FIFO_IN,  // a FIFO that the program reads
	SPORE__AS_FIFO_OUT, // ... that it writes
	SPORE__AS_SOCKET,   // a Unix stream socket that it connects to
	SPORE__AS_LISTENER, // ... that it makes, and listens on
};
enum spore__port_as spore__port_as_of(const char *word); // SPORE__AS_NONE for others
const char *spore__port_as_word(enum spore__port_as as); // "" for SPORE__AS_NONE

// What is known of a port. "" is not known, and fits everything.
struct spore__face {
	const char *name;                    // in full, for words
	const char *kind, *shape, *protocol; //
	const char *wished;                  // the protocol that the wire names; "": none
	const char *framing;                 // of a plain end; "": lines
	bool plain;                          // a program without libspore, or one's stdin or stdout
	enum spore__port_as as;              //
	int64_t count;                       // of such ports, one for each replica of its task; 0: not known
};

// May FROM, which stands on the left, be wired to TO? DUPLEX: it was asked for (<>). BRIDGED: a bridge comes between them, so that their protocols,
// kinds and framings may differ. False: WHY says why not, with both names.
bool spore__ports_fit(const struct spore__face *from, const struct spore__face *to, bool duplex, bool bridged,
                      char *why, size_t size);

// Does each replica of one find another end among those of the other? Of two ports that have one channel each, those with the same number are
// joined. False where one would wait for ever, or publish to nobody: WHY says so, with both names.
bool spore__replicas_fit(const struct spore__face *from, const struct spore__face *to, char *why, size_t size);

// May the wire between them say all of this at once? WHY as below.
struct spore__wire_says {
	bool slow, redeliver, tap;
	bool bridged; // a bridge comes between them
};
bool spore__options_fit(const struct spore__face *from, const struct spore__face *to,
                        const struct spore__wire_says *says, char *why, size_t size);

// What is done about a subscriber that is too slow: block, drop-oldest, disconnect.
bool spore__slow_is_word(const char *word);
// May the wire between them say it? False where one of them is known to connect or to serve: WHY says so, with both names.
bool spore__slow_fits(const struct spore__face *from, const struct spore__face *to, char *why, size_t size);

// May the wire between them say redeliver? False where it is known to mean nothing: only rings between two that connect or serve, with libspore, can be
// read again. BRIDGED: a bridge comes between them. WHY as above.
bool spore__redeliver_fits(const struct spore__face *from, const struct spore__face *to, bool bridged, char *why,
                           size_t size);
// May it say tap? Only where one is a stdin, stdout or stdio.
bool spore__tap_fits(const struct spore__face *from, const struct spore__face *to, char *why, size_t size);

// Has the port one channel at a time?
bool spore__shape_is_single(enum spore__shape shape);
// stdin, stdout, stderr, stdio: the ends of every program.
bool spore__port_is_standard(const char *port);
// Are these two ports of one task the same descriptors? stdio is stdin and stdout.
bool spore__ports_overlap(const char *a, const char *b);

// A port as the field `ports` of a specification has it: "NAME KIND SHAPE PROTOCOL [FRAMING [AS]]", - for what is not said.
struct spore__declared {
	char name[SPORE__NAME_MAX + 1], kind[SPORE__NAME_MAX + 1], shape[SPORE__NAME_MAX + 1],
	    protocol[SPORE__PROTOCOL_MAX + 1], framing[SPORE__NAME_MAX + 1], as[SPORE__NAME_MAX + 1];
};
bool spore__declared_parse(const char *text, struct spore__declared *d);
// The one called NAME. False: there is none.
bool spore__declared_find(const spore__texts ports, const char *name, struct spore__declared *d);

// TASK.PORT, cut at its last dot: the port in it, NULL when it is none. Changes TEXT.
char *spore__port_cut(char *text);

#endif
