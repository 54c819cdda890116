// Inside of transparent calls: what reading (stub_get.c), calling (call.c) and being called (call_serve.c) share.
#ifndef SPORE_LIB_STUB_H
#define SPORE_LIB_STUB_H

#include <stddef.h>

#include "spore/call.h"
#include "spore/stub.h"

// Frees what was read into it; what is given with it where FAILED.
void spore__stub_memory_free(struct spore_stub_memory **memory, bool failed);
void spore__stub_memory_keep(struct spore_stub_memory **memory); // what is given is the receiver's

// What each thread has for itself.
struct spore__stub_thread {
	enum spore_err status;
	int64_t code;
	char text[256];
	int deadline_ms;                  // SPORE_INHERIT: what is left to the function that runs
	struct spore_stub_memory *memory; // of the last call
	struct spore_stub_served *serving;
};
struct spore__stub_thread *spore__stub_thread(void);

// Calls of PORT go over R from now on, which stays the caller's; NULL: to nobody. For tests.
enum spore_err spore__stub_attach(const char *port, struct spore_rpc *r);
// The table of what is served at PORT, and what its options' data is; NULL: nothing, or no memory. To be freed with free().
struct spore_rpc_method *spore__stub_methods(const char *port);

#endif
