// What tap.c (which looks) and tap_show.c (which prints or records) share.
#ifndef SPORE_LOOK_TAP_H
#define SPORE_LOOK_TAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "base/buf.h"
#include "chan/spy.h"
#include "look/heard.h"
#include "look/link.h"
#include "look/look.h"
#include "look/peep.h"

enum { SPORE__TAP_SPIES = 64 }; // channels at a time

struct spore__seen {
	struct spore__spy *spy;
	struct spore__peep *peep;   // in its place, of what a pump carries
	struct spore__heard *heard; // likewise, of what is published
	uint64_t serial;
	unsigned role; // of the task's end
	bool over;     // only what is left
	bool ended[2];
	uint64_t missed[2]; // as said
};

struct spore__tap {
	const struct spore__look *look;
	struct spore__link link;
	struct spore__seen seen[SPORE__TAP_SPIES];
	size_t count;
	uint64_t wanted[SPORE__TAP_SPIES]; // serials to be asked for
	size_t wanted_count;
	bool asked;
	bool opened;     // the port was
	bool subscribes; // is to be looked at where it is published
	bool published;  // is to be subscribed to
	bool streams;    // is to be looked at where a program without libspore has it
	bool turned;     // what is looked at is the other end of the port that was asked for
	int64_t left;    // messages; -1: no limit
	uint64_t shown, missed;
	const char *unit; // ... of what was missed
	FILE *file;       // of a recording; NULL: none
	uint64_t began;
	struct spore__buf line;
};

// M was seen at S, which SENT it. Does not return when it cannot be written.
void spore__tap_show(struct spore__tap *t, const struct spore__seen *s, bool sent, const struct spore__spied *m);
// What passed there without being seen, since it was shown last.
void spore__tap_show_missed(struct spore__tap *t, struct spore__seen *s, int direction);
_Noreturn void spore__tap_cannot_write(const struct spore__tap *t); // errno

#endif
