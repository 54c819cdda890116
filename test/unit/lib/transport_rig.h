// The suite of transports: each case is run over each of spore__transports, and over streams that run through a thread which delays, splits
// and joins what it passes on, as a network does.
#ifndef SPORE_TEST_TRANSPORT_RIG_H
#define SPORE_TEST_TRANSPORT_RIG_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "chan/chan.h"

enum {
	LARGEST = 3 * 1024 * 1024 + 5,
	PATIENCE = 30000, // ms: whatever takes longer is stuck
};

struct variant {
	const char *transport;
	bool rough;
	enum spore_err gone; // what a peer's death without finish is: on a plain stream the same as that
	struct spore__channel_sizes sizes;
	const char *label;
};

struct pair {
	struct spore_chan *a, *b;
	struct rough *rough; // may be NULL
};

void open_pair(const struct variant *v, struct pair *p);
void close_pair(struct pair *p);

uint32_t next(uint32_t *seed);
// The bytes of message NUMBER of a direction.
void fill(unsigned char *to, size_t len, uint32_t number);
bool is_filled(const unsigned char *from, size_t len, uint32_t number);

// What main returns. The state of a case is its variant.
int transport_rig_run(const char *group, const struct CMUnitTest *cases, size_t count);

#endif
