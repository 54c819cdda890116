// What the codecs declare, without their code: for those who plan bridges and parse no foreign bytes (the node, `spore check`). Made from the
// registry when spore is built (generate_facts.c), so it cannot differ from it.
#ifndef SPORE_BRIDGE_FACTS_H
#define SPORE_BRIDGE_FACTS_H

#include <stdbool.h>

#include "bridge/codec.h"

// Members are those of struct spore__codec_ops.
struct spore__codec_facts {
	const char *name, *help;
	const struct spore__codec_option *options; // may be NULL
	unsigned losses;
	bool calls, ids, symmetric, text;
	const char *framing; // its name; may be NULL
};

enum { SPORE__LOSS_BITS = 17 };
extern const char *const spore__loss_texts[SPORE__LOSS_BITS]; // by the bits of enum spore__loss, in words
extern const struct spore__codec_facts spore__codec_facts[];  // ended by a name that is NULL

#endif
