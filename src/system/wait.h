// `up --wait`: until all are ready, saying what is waited for and why.
#ifndef SPORE_SYSTEM_WAIT_H
#define SPORE_SYSTEM_WAIT_H

#include "system/run.h"

// 0 when all are ready; else the exit status after a report: the time is over (TIMEOUT_MS, -1: no limit), or one cannot get there.
int spore__wait_ready(struct spore__run *r, int64_t timeout_ms);

#endif
