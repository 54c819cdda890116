// Who looks on at what a pump carries (src/pump/window.h): its bytes, told apart as the framing of the port says. Neither the pump nor the programs
// know of it, and what it is too slow for is counted.
#ifndef SPORE_LOOK_PEEP_H
#define SPORE_LOOK_PEEP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "chan/spy.h"

struct spore__peep;

// Takes FD over in every case. Of a message at most LIMIT bytes are kept. False: it is no window, or there is no memory.
bool spore__peep_open(int fd, const char *framing, size_t limit, struct spore__peep **p);
void spore__peep_close(struct spore__peep *p); // NULL is fine

// The next message in a direction, an enum spore__window_way. OVER: no more will come, so what is there of one is shown. As of spore__spy_next.
enum spore_err spore__peep_next(struct spore__peep *p, int way, bool over, struct spore__spied *m);
uint64_t spore__peep_missed(const struct spore__peep *p, int way); // bytes
// Have the pumps of a task that ended passed on all of it?
bool spore__peep_is_finished(const struct spore__peep *p);

#endif
