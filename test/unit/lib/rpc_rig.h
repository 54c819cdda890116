// Two ends of a conversation in one process, of which one serves in its own thread; what tests of lib/rpc*.c do with them over every transport.
#ifndef SPORE_TEST_RPC_RIG_H
#define SPORE_TEST_RPC_RIG_H

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "spore/rpc.h"

enum { SOON = 20000 }; // ms; nothing waits so long unless it hangs

struct rig {
	struct spore_rpc *a, *b; // b serves
	pthread_t thread;
	atomic_bool stop;
	struct spore_rpc_call *kept; // answered later
	atomic_uint cancelled, ran;
};

struct ended {
	atomic_uint count;
	atomic_int e;
	int64_t value;
};

// Over TRANSPORT. A and B may be NULL; their methods and data are set, unless B has methods of its own. Methods: add, fail, nothing, two_values, echo, count_to, hang, keep and release,
// by_a_thread, remaining, down.
void rig_open(struct rig *p, const char *transport, struct spore_rpc_options *a, struct spore_rpc_options *b);
void rig_close(struct rig *p);
void rig_start(struct rig *p); // the thread that serves
void rig_stop(struct rig *p);

struct spore_rpc_ask *rig_begin(struct spore_rpc *r, const char *method, struct spore_writer **w);
struct spore_rpc_ask *rig_begin_int(struct spore_rpc *r, const char *method, int64_t n);
enum spore_err rig_call_int(struct spore_rpc *r, const char *method, int64_t n, int64_t *got);
void rig_check_add(struct spore_rpc *r, int64_t x, int64_t y); // calls

// Of spore_rpc_start; ARG is a struct ended.
void rig_note_end(struct spore_rpc_ask *a, enum spore_err e, struct spore_reader result, void *arg);
void rig_turn_until(struct spore_rpc *r, struct ended *ended, unsigned count);

// Runs CASES (NULL ends them) over every transport that this machine has; SPORE_TEST_CASE chooses one.
typedef void rig_case(const char *transport);
int rig_run(rig_case *const *cases);

#endif
