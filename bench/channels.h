// What the benchmark of channels compares: each candidate joins two processes, one that asks and one that answers.
#ifndef SPORE_BENCH_CHANNELS_H
#define SPORE_BENCH_CHANNELS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

// One end of a candidate, in the process that uses it.
struct end;

struct candidate {
	const char *name;
	const char *package; // whose absence keeps it out; may be NULL
	size_t most;         // bytes of a message; 0: any
	bool spins;          // without end, so two of them on one core are of no use
	bool slow_start;     // so it has fewer rounds
	// Before the fork of both processes; what they share. NULL: not on this machine.
	void *(*make)(size_t size);
	struct end *(*open)(void *made, int role, size_t size);
	// Both wait. With MORE true the message need not be published before the next one.
	void (*send)(struct end *e, const void *data, size_t len, bool more);
	void (*receive)(struct end *e, void *buffer, size_t size);
	void (*close)(struct end *e);
	void (*finish)(void *made); // in the parent, after both have closed
};

extern const struct candidate line, line_payload, slot_ring, simple_ring, byte_ring, copying, futex, pipe_pair,
    unix_stream;
extern const struct candidate spinning, adaptive, blocking, in_place, untouched, our_stream;
extern const struct candidate zeromq, nng, iceoryx_polling, iceoryx_waiting;

_Noreturn void fail(const char *what);
void relax(void);

#endif
