// The full screen of `spore top`.
#ifndef SPORE_SHOW_SCREEN_H
#define SPORE_SHOW_SCREEN_H

#include "show/model.h"

// Shows TOP until the user quits, looking every INTERVAL_MS. Returns the exit status.
int spore__top_screen(struct spore__top *top, int interval_ms);

#endif
