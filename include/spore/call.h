// Transparent calls: a function of a header is called as any other, and may run in this program, in another one, or in a service of another
// language behind a bridge. Which, the wire decides. `spore: calls` and `spore: serves` in the source of a program are all it takes
// (spore-sources(7)); docs/transparent-calls.md says what a header may have in it.
//
//	// spore: calls sums.h via sums                 // spore: serves sums.h via sums
//	#include "sums.h"                               #include "sums.h"
//	#include <spore/call.h>
//	                                                double mean(const double *v, size_t n)
//	spore_call_deadline(500);                       {
//	double m = mean(v, 3);                                  ...
//	if (spore_call_status() != SPORE_OK)            }
//		puts(spore_call_message());
//
// What a call that failed returns, by its value and through pointers, is zero (NULL, false, a length of 0); memory that is read and written
// stays as it was. What a call returns in memory belongs to the library where its type is const, until the next such call on this
// thread; where it is not const it is the caller's, who frees it with free(). The same holds for what a function that is served returns.
//
// Threads: status and deadline are each thread's own. Any thread may call, many at once.
#ifndef SPORE_CALL_H
#define SPORE_CALL_H

#include <spore/chan.h>

#ifdef __cplusplus
extern "C" {
#endif

// ---- for who calls

// How the last call of this thread ended. SPORE_OK also when it ran in this program and did not say spore_call_fail.
//	SPORE_ETIMEOUT     not within the deadline; it may have been executed
//	SPORE_ECLOSED      the other side went away meanwhile; it may have been executed
//	SPORE_ENOTWIRED    nobody was there within the deadline
//	SPORE_ENOTFOUND    this program has no such port (it was not started by spore), or the other side no such function
//	SPORE_EMALFORMED   what was returned is not what the header says
//	SPORE_ETOOBIG      what was returned does not fit into the buffer of the caller
//	SPORE_EBUSY        too many calls at once
//	SPORE_EREMOTE      the function said so, with a code of its own (spore_call_code)
//	others             the function said so (spore_call_fail)
SPORE_EXPORT enum spore_err spore_call_status(void);
// More of it: a text, "" when all was well, and the code as the other side gave it. Until the next call on this thread.
SPORE_EXPORT const char *spore_call_message(void);
SPORE_EXPORT int64_t spore_call_code(void);
// Makes the status SPORE_OK: for functions that may run in this program, which do not do that by themselves.
SPORE_EXPORT void spore_call_clear(void);

// How long each call of this thread may take from now on, in milliseconds. At first SPORE_FOREVER, or, within a function that is served, what is
// left to it, which is never exceeded.
SPORE_EXPORT void spore_call_deadline(int timeout_ms);

// ---- for functions that are served

// The call of this thread fails with CODE (enum spore_err, or one of the program's own above 1000) and a text as of printf; what the function
// returns is not sent. In a program that calls the function itself this sets the status.
SPORE_EXPORT void spore_call_fail(int64_t code, const char *format, ...) SPORE_PRINTF(2, 3);
// Does nobody want the result any more? Known at once when the function gives items, at the latest when it returns otherwise.
SPORE_EXPORT bool spore_call_cancelled(void);
// Milliseconds until the caller's deadline; SPORE_FOREVER: it has none.
SPORE_EXPORT int spore_call_remaining(void);

// Serves all that this program says it serves, one call at a time, on this thread until a stop is requested. A program without a main of its own
// does just this. SPORE_OK: after a stop. Otherwise errors as of spore_port_open; SPORE_EINVALID: it serves nothing.
SPORE_EXPORT enum spore_err spore_call_serve(void);

#ifdef __cplusplus
}
#endif

#endif
