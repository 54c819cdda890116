// A publisher and its subscribers within one program, and messages that show by themselves whether they are whole.
#ifndef SPORE_TEST_PUB_RIG_H
#define SPORE_TEST_PUB_RIG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "chan/pub.h"

enum { PATIENCE = 20000, LOG = 65536 };

struct pub_rig {
	struct spore__transport *t;
	struct spore_chan *pub;
	uint64_t serial;
};

// False: there is nothing to try, since this platform has no memory to share.
bool pub_rig_begin(struct pub_rig *b, uint32_t log);
// A subscriber that is wired: neither it nor the publisher has looked. LAST: as below.
struct spore_chan *pub_rig_wire(struct pub_rig *b, enum spore_slow slow, bool last);
// A subscriber, which the publisher knows of. LAST: it wants what was published last.
struct spore_chan *pub_rig_join(struct pub_rig *b, enum spore_slow slow, bool last);
// CURSOR, which may be NULL, is mapped for looking, and to be unmapped.
struct spore_chan *pub_rig_join_seen(struct pub_rig *b, enum spore_slow slow, bool last,
                                     const struct spore__cursor **cursor);
// A message says its number, and its other bytes follow from it.
void pub_rig_fill(unsigned char *bytes, size_t len, uint64_t number);
bool pub_rig_is_filled(const unsigned char *bytes, size_t len, uint64_t number);
void pub_rig_publish(struct pub_rig *b, size_t len, uint64_t number);
// The next message of C is that one.
void pub_rig_expect(struct spore_chan *c, size_t len, uint64_t number);
uint64_t pub_rig_dropped(const struct spore_chan *c);

#endif
