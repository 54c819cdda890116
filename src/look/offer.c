// A channel that is made here, one end of which the hold passes on to its program.
#include <time.h>
#include <unistd.h>

#include "base/err.h"
#include "chan/chan.h"
#include "look/link.h"

static uint64_t new_serial(void)
{
	struct timespec t = {0};
	(void)clock_gettime(CLOCK_MONOTONIC, &t);
	// 2^62 and so on: 24 bits of the process, 34 of the time
	uint64_t ns = (uint64_t)t.tv_sec * 1000000000U + (uint64_t)t.tv_nsec;
	return SPORE__HOLD_JOINED | ((uint64_t)getpid() & 0xffffff) << 34 | (ns >> 10 & ((UINT64_C(1) << 34) - 1));
}

static bool passed_on(struct spore__link *l, uint64_t serial)
{
	struct spore__hold_message m;
	for (;;) {
		enum spore__link_heard heard = spore__link_next(l, &m);
		if (heard == SPORE__LINK_GONE)
			spore__link_gone(l);
		if (heard == SPORE__LINK_NOTHING)
			spore__link_wait(l, -1);
		else if (m.serial == serial && (m.type == SPORE__HOLD_WIRED || m.type == SPORE__HOLD_OVER))
			return m.type == SPORE__HOLD_WIRED;
	}
}

bool spore__link_offer(struct spore__link *l, const char *transport, struct spore__channel_end *ours)
{
	struct spore__channel_end ends[2];
	struct spore__msgpack_writer w = {0};
	uint64_t serial = new_serial();
	struct spore__channel_end *theirs = &ends[!l->publishes];
	enum spore_err e = spore__channel_make(transport, NULL, ends);
	if (e == SPORE_EUNSUPPORTED)
		return false;
	if (e != SPORE_OK)
		spore__die(SPORE__EXIT_SPORE, NULL, "%s: no channel can be made: %s", l->what, spore_err_text(e));
	*ours = ends[l->publishes];
	// Who looks at what is published keeps nobody waiting; what is typed for a subscriber is not to be lost.
	ours->slow = l->publishes ? SPORE_SLOW_DROP : SPORE_SLOW_BLOCK;
	ours->last = l->publishes;
	// To a program without libspore it is a stream of bytes.
	spore__hold_put_subscription(&w, (uint64_t)l->id, serial, l->plain ? "stream" : transport,
	                             (unsigned)theirs->role, (unsigned)theirs->count, l->what,
	                             l->publishes    ? "drop-oldest"
	                             : l->subscribes ? "block"
	                                             : NULL,
	                             false, false, false);
	spore__link_say(l, &w, theirs->fds, (unsigned)theirs->count);
	spore__channel_end_close(theirs);
	if (passed_on(l, serial)) {
		l->joined = serial;
		return true;
	}
	spore__channel_end_close(ours);
	return false;
}

_Noreturn void spore__link_not_taken(const struct spore__link *l)
{
	const char *why, *remedy;
	if (l->plain && !l->pumped) {
		why = "is a pipe to what it is wired to, which nobody else can have";
		remedy = "'spore wire --tap' before its task is started: then it can be looked at, unwired and "
		         "wired otherwise";
	} else if (l->taken >= SPORE__HOLD_JOINED) {
		why = "has a channel already: another 'spore cat', 'send' or the like is its peer";
		remedy = "it is free when that has ended";
	} else if (l->taken != 0) {
		why = "has a channel already";
		remedy = "'spore wires' shows to what; 'spore tap' looks on, and 'spore unwire' makes the port free";
	} else {
		why = "was not given the channel: another one is on the way to its program, or its libspore knows "
		      "none that can be made here";
		remedy = "ask again in a moment; where that does not help build its program anew";
	}
	spore__die(SPORE__EXIT_FAILED, remedy, "%s: %s.%s %s", l->what, l->held.name, l->port, why);
}
