// What connection.c (the socket to the hold), connection_say.c (what it is told) and connection_hear.c (what it says) share.
#ifndef SPORE_LIB_CONNECTION_INSIDE_H
#define SPORE_LIB_CONNECTION_INSIDE_H

#include <pthread.h>

#include "connection.h"

enum { SPORE__PATIENCE_MS = 5000 }; // without progress, before records are dropped

// Guard what is sent and what is received. Who takes both takes them in this order.
extern pthread_mutex_t spore__connection_out, spore__connection_in;

int64_t spore__connection_now_ms(void);
// SPORE_TRACE=1: prints M, which goes this WAY ("->").
void spore__connection_trace(const char *way, const struct spore__control_message *m);
// There is no hold, or no socket to it any more, as far as was seen.
bool spore__connection_is_lost(void);
// What is wrong with SPORE_FD, once; else NULL. With spore__connection_out.
const char *spore__connection_complaint(void);
// In a child made by fork, with both locks: nothing was heard.
void spore__connection_hear_after_fork(void);
// What a slow hold did not take before, if it takes it now; does not wait.
void spore__connection_catch_up(void);

#endif
